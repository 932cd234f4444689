"""The account's own words (datasets, attackers, categories ...), read from the API and kept for a while."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Final, Generic, Literal, TypeVar, get_args

import anyio

from cf1_mcp.client import ThreatEventsClient
from cf1_mcp.models import Dataset, Tag

T = TypeVar("T")
Kind = Literal["attackers", "categories", "countries", "datasets", "indicator_types", "industries", "tags"]
KINDS: Final[tuple[Kind, ...]] = get_args(Kind)
# Vocabularies change by the day, investigations run by the minute.
KEPT_FOR: Final = 300.0
MOST_TAGS: Final = 1000
# Attackers and types are asked of every readable dataset; without a scope the API answers for the default one alone.
EVERYWHERE: Final = ("all",)

Ids = tuple[str, ...]


@dataclass
class _Kept(Generic[T]):
    """One answer, asked for once however many callers wait for it."""

    read: Callable[[], Awaitable[T]]
    lock: anyio.Lock
    value: T | None = None
    until: float = float("-inf")

    async def get(self) -> T:
        async with self.lock:
            if self.value is None or anyio.current_time() >= self.until:
                self.value = await self.read()
                self.until = anyio.current_time() + KEPT_FOR
            return self.value


class Vocabulary:
    """What words the account knows, at most five minutes old."""

    def __init__(self, client: ThreatEventsClient) -> None:
        async def tags() -> list[Tag]:
            return (await client.list_tags(page_size=MOST_TAGS)).tags

        async def categories() -> list[str]:
            return [category.name for category in await client.list_categories()]

        async def countries() -> list[str]:
            return [f"{country.alpha2} {country.name}" for country in await client.list_countries()]

        self._client = client
        self._datasets = _Kept(client.list_datasets, anyio.Lock())
        self._tags = _Kept(tags, anyio.Lock())
        self._categories = _Kept(categories, anyio.Lock())
        self._countries = _Kept(countries, anyio.Lock())
        self._industries = _Kept(client.list_industries, anyio.Lock())
        self._attackers: dict[Ids, _Kept[list[str]]] = {}
        self._indicator_types: dict[Ids, _Kept[list[str]]] = {}

    async def datasets(self) -> list[Dataset]:
        """The datasets that the token may read, deleted ones left out."""
        return [dataset for dataset in await self._datasets.get() if dataset.deleted_at is None]

    async def tags(self) -> list[Tag]:
        return await self._tags.get()

    async def categories(self) -> list[str]:
        return await self._categories.get()

    async def countries(self) -> list[str]:
        """ISO alpha-2 code and name in one."""
        return await self._countries.get()

    async def industries(self) -> list[str]:
        return await self._industries.get()

    async def attackers(self, dataset_ids: Ids = EVERYWHERE) -> list[str]:
        read = self._client.list_attackers
        return await self._attackers.setdefault(dataset_ids, _kept(read, dataset_ids)).get()

    async def indicator_types(self, dataset_ids: Ids = EVERYWHERE) -> list[str]:
        read = self._client.list_indicator_types
        return await self._indicator_types.setdefault(dataset_ids, _kept(read, dataset_ids)).get()


def _kept(read: Callable[[Ids], Awaitable[list[str]]], dataset_ids: Ids) -> _Kept[list[str]]:
    return _Kept(lambda: read(dataset_ids), anyio.Lock())
