"""The vocabularies of the account (datasets, attackers, categories ...), read from the API and cached."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Final, Generic, TypeAlias, TypeVar, get_args

import anyio

from cf1_mcp.api.client import ThreatEventsClient
from cf1_mcp.errors import MISSING_PART, ThreatEventsError
from cf1_mcp.models import Category, Country, Dataset, Tag, VocabularyKind

T = TypeVar("T")
Kind: TypeAlias = VocabularyKind
KINDS: Final[tuple[Kind, ...]] = get_args(Kind)
# Vocabularies change daily, and an investigation takes minutes.
CACHE_SECONDS: Final = 300.0
FAILURE_SECONDS: Final = 30.0
MAX_TAGS: Final = 1000
MAX_TAG_PAGES: Final = 20
# The scope of attackers and types. Without a scope, the API answers for its default dataset only.
EVERYWHERE: Final = ("all",)

Ids = tuple[str, ...]


@dataclass
class _Request(Generic[T]):
    """A request in progress. It ends with an answer, a failure, or neither if its caller was cancelled."""

    done: anyio.Event
    answer: T | None = None
    failure: ThreatEventsError | None = None


@dataclass
class _Cached(Generic[T]):
    """A cached answer. Concurrent callers share one request, and its failure.

    An account may lack a vocabulary, which every call would ask for again. So a failure that `may_be_missing` is
    remembered too, for a shorter time.
    """

    read: Callable[[], Awaitable[T]]
    may_be_missing: bool = True
    value: T | None = None
    until: float = float("-inf")
    request: _Request[T] | None = None
    failure: ThreatEventsError | None = None
    failed_until: float = float("-inf")

    async def get(self) -> T:
        if self.failure is not None and anyio.current_time() < self.failed_until:
            raise self.failure
        while self.value is None or anyio.current_time() >= self.until:
            if self.request is None:
                return await self._send()
            request = self.request
            await request.done.wait()
            if request.failure is not None:
                raise request.failure
            if request.answer is not None:
                return request.answer
        return self.value

    async def _send(self) -> T:
        request = self.request = _Request[T](anyio.Event())
        try:
            answer = request.answer = self.value = await self.read()
            self.until = anyio.current_time() + CACHE_SECONDS
            return answer
        except ThreatEventsError as error:
            request.failure = error
            if self.may_be_missing and isinstance(error, MISSING_PART) and error.status is not None:
                self.failure, self.failed_until = error, anyio.current_time() + FAILURE_SECONDS
            raise
        finally:
            self.request = None
            request.done.set()


class Vocabulary:
    """The vocabularies of the account, at most CACHE_SECONDS old."""

    def __init__(self, client: ThreatEventsClient) -> None:
        async def tags() -> list[Tag]:
            found: list[Tag] = []
            for page in range(1, MAX_TAG_PAGES + 1):
                part = (await client.list_tags(page=page, page_size=MAX_TAGS)).tags
                # An API that ignores the number of the page answers with the same tags again.
                if page > 1 and part == found[: len(part)]:
                    break
                found += part
                if len(part) < MAX_TAGS:
                    break
            return found

        self.client = client
        self._derived: dict[tuple[str, ...], _Cached[list[str]]] = {}
        self._datasets = _Cached(client.list_datasets, may_be_missing=False)
        self._tags = _Cached(tags)
        self._categories = _Cached(client.list_categories)
        self._countries = _Cached(client.list_countries)
        self._industries = _Cached(client.list_industries)
        self._attackers: dict[Ids, _Cached[list[str]]] = {}
        self._indicator_types: dict[Ids, _Cached[list[str]]] = {}

    async def datasets(self) -> list[Dataset]:
        """The datasets that the token may read, without deleted ones."""
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
        """The countries as `DE Germany`: ISO alpha-2 code and name."""
        return [f"{country.alpha2} {country.name}" for country in await self.country_list()]

    async def industries(self) -> list[str]:
        return await self._industries.get()

    async def attackers(self, dataset_ids: Ids = EVERYWHERE) -> list[str]:
        read = self.client.list_attackers
        return await self._attackers.setdefault(dataset_ids, _cached(read, dataset_ids)).get()

    async def indicator_types(self, dataset_ids: Ids = EVERYWHERE) -> list[str]:
        read = self.client.list_indicator_types
        return await self._indicator_types.setdefault(dataset_ids, _cached(read, dataset_ids)).get()

    async def derived(self, key: tuple[str, ...], read: Callable[[], Awaitable[list[str]]]) -> list[str]:
        """Return what `read` derives from a vocabulary, cached like one. `key` distinguishes it from others."""
        return await self._derived.setdefault(key, _Cached(read)).get()


def _cached(read: Callable[[Ids], Awaitable[list[str]]], dataset_ids: Ids) -> _Cached[list[str]]:
    return _Cached(lambda: read(dataset_ids))
