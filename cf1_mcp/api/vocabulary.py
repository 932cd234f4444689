"""The vocabularies of the account (datasets, attackers, categories ...), read from the API and cached."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Final, Generic, TypeAlias, TypeVar, get_args

import anyio

from cf1_mcp.api.client import ThreatEventsClient
from cf1_mcp.api.operations import LIST_DATASETS
from cf1_mcp.api.remarks import Remarks, collecting, current_remarks
from cf1_mcp.errors import (
    MISSING_PART,
    ApiError,
    Forbidden,
    NotFound,
    RateLimited,
    Refused,
    ThreatEventsError,
    Unavailable,
)
from cf1_mcp.models import CatalogActor, Category, Country, Dataset, Tag, VocabularyKind

T = TypeVar("T")
Kind: TypeAlias = VocabularyKind
KINDS: Final[tuple[Kind, ...]] = get_args(Kind)
# Vocabularies change daily, and an investigation takes minutes.
CACHE_SECONDS: Final = 300.0
FAILURE_SECONDS: Final = 30.0
MAX_TAGS: Final = 1000
MAX_TAG_PAGES: Final = 20
# Actors of one page, and pages: the catalogue has hundreds.
MAX_ACTORS: Final = 1000
MAX_ACTOR_PAGES: Final = 10
# Less than a search waits for its vocabularies: a slow catalogue must not hold up every search.
MAX_CATALOG_SECONDS: Final = 4.0
RETRY_SECONDS: Final = 60.0
# The scope of attackers and types: every dataset of the account.
EVERYWHERE: Final = ("all",)

Ids = tuple[str, ...]


@dataclass(frozen=True)
class ActorCatalog:
    """The actors of the shared catalogue. `failure` is the reason why there are none, `read_at` when it happened."""

    actors: Sequence[CatalogActor] = ()
    failure: ApiError | None = None
    read_at: float = 0.0


@dataclass
class _Request(Generic[T]):
    """A request in progress. It ends with an answer, a failure, or neither if its caller was cancelled."""

    done: anyio.Event
    answer: T | None = None
    failure: ThreatEventsError | None = None


@dataclass
class _Cached(Generic[T]):
    """A cached answer. Concurrent callers share one request, its failure, and the remarks on it: a list that is not
    complete is that for every caller.

    An account may lack a vocabulary, which every call would ask for again. So a failure that `may_be_missing` is
    remembered too, for a shorter time.
    """

    read: Callable[[], Awaitable[T]]
    may_be_missing: bool = True
    value: T | None = None
    remarks: Remarks = field(default_factory=Remarks)
    until: float = float("-inf")
    request: _Request[T] | None = None
    failure: ThreatEventsError | None = None
    failed_until: float = float("-inf")

    async def get(self) -> T:
        value = await self._get()
        current_remarks().add(self.remarks)
        return value

    async def _get(self) -> T:
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
            with collecting() as remarks:
                answer = request.answer = self.value = await self.read()
            self.remarks = remarks
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
        self._known_changes, self._known_category_changes = client.dataset_changes, client.category_changes
        self._datasets = _Cached(client.list_datasets, may_be_missing=False)
        self._tags = _Cached(tags)
        self._actors = _Cached(self._read_actors)
        self.partial_kinds: set[Kind] = set()
        """The vocabularies that are those of the API's default dataset, because it does not list more."""
        self._categories = _Cached(self._read_category_catalog)
        self._countries = _Cached(client.list_countries)
        self._industries = _Cached(
            partial(self._read_catalog, "industries", client.list_industry_catalog, client.list_used_industries)
        )
        self._attackers: dict[Ids, _Cached[list[str]]] = {}
        self._indicator_types: dict[Ids, _Cached[list[str]]] = {}

    async def datasets(self) -> list[Dataset]:
        """The datasets that the token may read, without deleted ones."""
        if self.client.dataset_changes != self._known_changes:
            self._known_changes = self.client.dataset_changes
            self._datasets = _Cached(self.client.list_datasets, may_be_missing=False)
        return [dataset for dataset in await self._datasets.get() if dataset.deleted_at is None]

    @property
    def knows_all_datasets(self) -> bool:
        """Whether every row of the list of datasets could be read, as far as it was."""
        return LIST_DATASETS.name not in self._datasets.remarks.unread_rows

    async def _read_category_catalog(self) -> list[Category]:
        return await self._read_catalog(
            "categories", self.client.list_category_catalog, self.client.list_used_categories
        )

    async def tags(self) -> list[Tag]:
        return await self._tags.get()

    async def actors(self) -> ActorCatalog:
        """The catalogue of actors. That it cannot be read is cached as well: many accounts do not have it. A failure
        that may pass is cached for a shorter time.
        """
        catalog = await self._actors.get()
        if isinstance(catalog.failure, RateLimited | Unavailable):
            self._actors.until = min(self._actors.until, catalog.read_at + RETRY_SECONDS)
        return catalog

    async def _read_actors(self) -> ActorCatalog:
        try:
            with anyio.fail_after(MAX_CATALOG_SECONDS):
                try:
                    return await self._read_actor_pages(MAX_ACTORS)
                except Refused:
                    # Invented: that a page may have so many.
                    return await self._read_actor_pages(None)
        except TimeoutError:
            slow = Unavailable(f"The API took longer than {MAX_CATALOG_SECONDS:.0f} seconds.")
            return ActorCatalog(failure=slow, read_at=anyio.current_time())
        except ApiError as error:
            return ActorCatalog(failure=error, read_at=anyio.current_time())

    async def _read_actor_pages(self, size: int | None) -> ActorCatalog:
        found: list[CatalogActor] = []
        for number in range(1, MAX_ACTOR_PAGES + 1):
            page = await self.client.list_actors(number if size or number > 1 else None, size)
            # An API that ignores the number of the page answers with the same actors again.
            if number > 1 and page.actors == found[: len(page.actors)]:
                break
            found += page.actors
            is_last = number >= page.total_pages if page.total_pages else len(page.actors) < (size or MAX_ACTORS)
            if is_last or not page.actors:
                break
        return ActorCatalog(found)

    async def category_list(self) -> list[Category]:
        if self.client.category_changes != self._known_category_changes:
            self._known_category_changes = self.client.category_changes
            self._categories = _Cached(self._read_category_catalog)
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
        if dataset_ids == EVERYWHERE:
            read = partial(self._read_everywhere, "attackers", self.client.list_attackers)
        else:
            read = partial(self.client.list_attackers, dataset_ids)
        return await self._attackers.setdefault(dataset_ids, _Cached(read)).get()

    async def indicator_types(self, dataset_ids: Ids = EVERYWHERE) -> list[str]:
        # Without datasets, the API lists the types of all of them.
        read = partial(self.client.list_indicator_types, () if dataset_ids == EVERYWHERE else dataset_ids)
        return await self._indicator_types.setdefault(dataset_ids, _Cached(read)).get()

    async def _read_catalog(
        self,
        kind: Kind,
        read_catalog: Callable[[], Awaitable[list[T]]],
        read_used: Callable[[Sequence[str]], Awaitable[list[T]]],
    ) -> list[T]:
        """Return a whole vocabulary, or what the datasets use of it where the account has no catalog."""
        self.partial_kinds.discard(kind)
        try:
            return await read_catalog()
        except NotFound:
            return await self._read_everywhere(kind, read_used)

    async def _read_everywhere(self, kind: Kind, read: Callable[[Sequence[str]], Awaitable[list[T]]]) -> list[T]:
        """Return a vocabulary of every dataset; if the API takes no datasets there, that of its default dataset."""
        self.partial_kinds.discard(kind)
        ids = [dataset.uuid for dataset in await self.datasets()]
        try:
            return await read(ids)
        except (Forbidden, NotFound, Refused, Unavailable):
            if not ids:
                raise
            found = await read(())
            self.partial_kinds.add(kind)
            return found

    async def derived(self, key: tuple[str, ...], read: Callable[[], Awaitable[list[str]]]) -> list[str]:
        """Return what `read` derives from a vocabulary, cached like one. `key` distinguishes it from others."""
        return await self._derived.setdefault(key, _Cached(read)).get()
