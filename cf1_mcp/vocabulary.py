"""The account's own words (datasets, attackers, categories ...), read from the API and kept for a while."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Final, Generic, Literal, TypeVar, get_args

import anyio

from cf1_mcp.client import ThreatEventsClient
from cf1_mcp.models import Dataset

T = TypeVar("T")
Kind = Literal["attackers", "categories", "countries", "datasets", "indicator_types", "industries", "tags"]
KINDS: Final[tuple[Kind, ...]] = get_args(Kind)
# Vocabularies change by the day, investigations run by the minute.
KEPT_FOR: Final = 300.0
# Attackers and types are asked of every readable dataset; without a scope the API answers for the default one alone.
EVERYWHERE: Final = ("all",)


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
        async def tags() -> list[str]:
            return [tag.value for tag in (await client.list_tags(page_size=1000)).tags]

        async def categories() -> list[str]:
            return [category.name for category in await client.list_categories()]

        async def countries() -> list[str]:
            return [f"{country.alpha2} {country.name}" for country in await client.list_countries()]

        self._datasets = _Kept(client.list_datasets, anyio.Lock())
        self._words: dict[Kind, _Kept[list[str]]] = {
            "attackers": _Kept(lambda: client.list_attackers(EVERYWHERE), anyio.Lock()),
            "categories": _Kept(categories, anyio.Lock()),
            "countries": _Kept(countries, anyio.Lock()),
            "indicator_types": _Kept(lambda: client.list_indicator_types(EVERYWHERE), anyio.Lock()),
            "industries": _Kept(client.list_industries, anyio.Lock()),
            "tags": _Kept(tags, anyio.Lock()),
        }

    async def datasets(self) -> list[Dataset]:
        """The datasets that the token may read, deleted ones left out."""
        return [dataset for dataset in await self._datasets.get() if dataset.deleted_at is None]

    async def words(self, kind: Kind) -> list[str]:
        """All values of one kind, in the API's order."""
        if kind == "datasets":
            return [dataset.name for dataset in await self.datasets()]
        return await self._words[kind].get()
