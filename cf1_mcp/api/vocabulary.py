"""The account's own words (datasets, attackers, categories ...), read from the API and kept for a while."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Final, Generic, TypeAlias, TypeVar, get_args

import anyio

from cf1_mcp.api.client import ThreatEventsClient
from cf1_mcp.errors import ThreatEventsError
from cf1_mcp.models import Category, Country, Dataset, Tag, VocabularyKind

T = TypeVar("T")
Kind: TypeAlias = VocabularyKind
KINDS: Final[tuple[Kind, ...]] = get_args(Kind)
# Vocabularies change by the day, investigations run by the minute.
CACHE_SECONDS: Final = 300.0
MAX_TAGS: Final = 1000
# Attackers and types are asked of every readable dataset; without a scope the API answers for the default one alone.
EVERYWHERE: Final = ("all",)

Ids = tuple[str, ...]


@dataclass
class _Asking(Generic[T]):
    """A request under way. It ends with an answer, with a failure, or with neither when its caller was cancelled."""

    over: anyio.Event
    answer: T | None = None
    failure: ThreatEventsError | None = None


@dataclass
class _Kept(Generic[T]):
    """One answer, asked for once however many callers wait for it; they share its failure too."""

    read: Callable[[], Awaitable[T]]
    value: T | None = None
    until: float = float("-inf")
    asking: _Asking[T] | None = None

    async def get(self) -> T:
        while self.value is None or anyio.current_time() >= self.until:
            if self.asking is None:
                return await self._ask()
            asking = self.asking
            await asking.over.wait()
            if asking.failure is not None:
                raise asking.failure
            if asking.answer is not None:
                return asking.answer
        return self.value

    async def _ask(self) -> T:
        asking = self.asking = _Asking[T](anyio.Event())
        try:
            answer = asking.answer = self.value = await self.read()
            self.until = anyio.current_time() + CACHE_SECONDS
            return answer
        except ThreatEventsError as error:
            asking.failure = error
            raise
        finally:
            self.asking = None
            asking.over.set()


class Vocabulary:
    """What words the account knows, at most five minutes old."""

    def __init__(self, client: ThreatEventsClient) -> None:
        async def tags() -> list[Tag]:
            return (await client.list_tags(page_size=MAX_TAGS)).tags

        self._client = client
        self._datasets = _Kept(client.list_datasets)
        self._tags = _Kept(tags)
        self._categories = _Kept(client.list_categories)
        self._countries = _Kept(client.list_countries)
        self._industries = _Kept(client.list_industries)
        self._attackers: dict[Ids, _Kept[list[str]]] = {}
        self._indicator_types: dict[Ids, _Kept[list[str]]] = {}

    async def datasets(self) -> list[Dataset]:
        """The datasets that the token may read, deleted ones left out."""
        return [dataset for dataset in await self._datasets.get() if dataset.deleted_at is None]

    async def tags(self) -> list[Tag]:
        return await self._tags.get()

    async def category_list(self) -> list[Category]:
        return await self._categories.get()

    async def categories(self) -> list[str]:
        """The names of the categories."""
        return [category.name for category in await self.category_list()]

    async def country_list(self) -> list[Country]:
        return await self._countries.get()

    async def countries(self) -> list[str]:
        """ISO alpha-2 code and name in one."""
        return [f"{country.alpha2} {country.name}" for country in await self.country_list()]

    async def industries(self) -> list[str]:
        return await self._industries.get()

    async def attackers(self, dataset_ids: Ids = EVERYWHERE) -> list[str]:
        read = self._client.list_attackers
        return await self._attackers.setdefault(dataset_ids, _kept(read, dataset_ids)).get()

    async def indicator_types(self, dataset_ids: Ids = EVERYWHERE) -> list[str]:
        read = self._client.list_indicator_types
        return await self._indicator_types.setdefault(dataset_ids, _kept(read, dataset_ids)).get()


def _kept(read: Callable[[Ids], Awaitable[list[str]]], dataset_ids: Ids) -> _Kept[list[str]]:
    return _Kept(lambda: read(dataset_ids))
