"""Events of the dataset that may be those of rows: found by what can be searched for, told apart by what they say.

An event has no mark by which an import could know its own: the API gives it an id and takes none, and a mark in the
evidence would change what is imported. So a row is known by its date (to the second), its title and its first
indicator, and among events that share those by how many other fields agree. Of n such rows that were sent and m such
events that are neither older than the import nor of another row, min(n, m) were made.
"""

from collections import defaultdict
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping, Sequence
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import Final, NamedTuple, Protocol, TypeVar

from pydantic import JsonValue

from cf1_mcp.api.client import ThreatEventsClient
from cf1_mcp.events.validation import is_same_value
from cf1_mcp.models import Condition, Event, EventSearch, SearchField
from cf1_mcp.models.fields import COMPARED_LISTS, COMPARED_TEXTS
from cf1_mcp.text.dates import iso

T = TypeVar("T")
PAGE_SIZE: Final = 1000
MAX_VALUES: Final = 100
MAX_VALUE_LENGTH: Final = 512  # of a search condition, by the API reference


class Asking(Protocol):
    """How requests that change nothing are asked."""

    async def reading(self, call: Callable[[], Awaitable[T]]) -> T:
        """What such a request returns."""
        ...


class Identity(NamedTuple):
    """What is taken for the same event: seconds since 1970, title, and the first indicator in lower case."""

    second: int
    title: str
    indicator: str


class Wanted(NamedTuple):
    """A row, by its number, with its event in the fields of NewEvent."""

    number: int
    fields: Mapping[str, JsonValue]
    identity: Identity


def wanted(number: int, fields: Mapping[str, JsonValue]) -> Wanted:
    """A row as it is looked for."""
    identity = Identity(_second(fields["date"]), str(fields["event"]).strip(), first_indicator(fields))
    return Wanted(number, fields, identity)


def identity_of(event: Event) -> Identity:
    return Identity(_second(event.date), event.event.strip(), event.indicator.strip().casefold())


def first_indicator(fields: Mapping[str, JsonValue]) -> str:
    """The indicator that the API shows of an event, in lower case; empty where there is none."""
    several = fields.get("indicators")
    given = fields.get("indicator")
    if given is None and isinstance(several, list) and several and isinstance(several[0], dict):
        given = several[0]["value"]
    return str(given or "").strip().casefold()


def agreement(fields: Mapping[str, JsonValue], event: Event) -> int:
    """In how many fields an event says what a row says."""
    agreed = sum(is_same_value(name, str(fields.get(name) or ""), str(getattr(event, name))) for name in COMPARED_TEXTS)
    return agreed + sum(sorted(_texts(fields.get(name))) == sorted(getattr(event, name)) for name in COMPARED_LISTS)


def likest(row: Wanted, events: Sequence[Event]) -> Event:
    """The event that says most of what the row says."""
    return max(events, key=lambda one: (agreement(row.fields, one), one.uuid))


class Finder:
    """Searches one dataset."""

    def __init__(self, client: ThreatEventsClient, dataset_id: str, asking: Asking) -> None:
        self._client = client
        self._dataset_id = dataset_id
        self._asking = asking

    async def any_between(self, first: str, last: str) -> bool:
        """Whether the dataset has any event between two dates; where it has none, nothing can be there already."""
        search = EventSearch(dataset_id=[self._dataset_id], search=_between(first, last), page_size=1)
        return bool((await self._asking.reading(lambda: self._client.list_events(search))).result)

    async def older_like(self, rows: Sequence[Wanted]) -> dict[Identity, list[Event]]:
        """Events of long ago that may be those of rows, by identity: asked by indicator where a row has one."""
        return await self._like(rows, _searches(rows, by_indicator=True))

    async def newer_like(self, rows: Sequence[Wanted], since: datetime) -> dict[Identity, list[Event]]:
        """Events made since then that may be those of rows, by identity.

        They are asked by title, because indicators of new events come late: some may show none yet.
        """
        created = Condition(field="createdAt", op="gte", value=iso(since))
        return await self._like(rows, [[created, *search] for search in _searches(rows, by_indicator=False)])

    async def recent_like(self, rows: Sequence[Wanted], since: datetime) -> dict[Identity, list[Event]]:
        """Of all events made since then, those that may be rows, by identity; the indicators of some may be to come."""
        return await self._like(rows, [[Condition(field="createdAt", op="gte", value=iso(since))]])

    async def _like(self, rows: Sequence[Wanted], searches: list[list[Condition]]) -> dict[Identity, list[Event]]:
        found: dict[Identity, list[Event]] = defaultdict(list)
        identities = {row.identity for row in rows} | {row.identity._replace(indicator="") for row in rows}
        seen: set[str] = set()
        for conditions in searches:
            async for event in _events(self._client, self._dataset_id, conditions, self._asking):
                identity = identity_of(event)
                if identity in identities and event.uuid not in seen:
                    seen.add(event.uuid)
                    found[identity].append(event)
        return found


def _searches(rows: Sequence[Wanted], by_indicator: bool) -> list[list[Condition]]:
    """Few searches that find all events like the rows; values that cannot be searched for are found by date."""
    ways: dict[SearchField, dict[str, list[Wanted]]] = {"indicator": {}, "event": {}, "date": {}}
    for row in rows:
        title = str(row.fields["event"])
        field: SearchField = (
            "indicator" if by_indicator and 0 < len(row.identity.indicator) <= MAX_VALUE_LENGTH else "event"
        )
        value = _indicator(row.fields) if field == "indicator" else title
        if field == "event" and len(title) > MAX_VALUE_LENGTH:
            field, value = "date", str(row.fields["date"])
        ways[field].setdefault(value, []).append(row)
    searches: list[list[Condition]] = []
    for field, by_value in ways.items():
        values = list(by_value)
        for start in range(0, len(values), MAX_VALUES if field != "date" else 1):
            some = values[start : start + (MAX_VALUES if field != "date" else 1)]
            among = [] if field == "date" else [Condition(field=field, op="in", value=[*some])]
            if field != "indicator":
                # Many events may share a title; few share an indicator.
                dates = sorted(str(row.fields["date"]) for value in some for row in by_value[value])
                among += _between(dates[0], dates[-1])
            searches.append(among)
    return searches


async def _events(
    client: ThreatEventsClient, dataset_id: str, conditions: list[Condition], asking: Asking
) -> AsyncGenerator[Event]:
    search = EventSearch(dataset_id=[dataset_id], search=conditions, page_size=PAGE_SIZE)
    async for page in client.event_pages(search, asking.reading):
        for event in page.result:
            yield event


def _between(first: str, last: str) -> list[Condition]:
    # A second wider at both ends, so that it holds however the API writes and compares dates.
    start, end = _moved(first, -1), _moved(last, 1)
    return [Condition(field="date", op="gte", value=start), Condition(field="date", op="lte", value=end)]


def _moved(date: str, seconds: int) -> str:
    moment = datetime.fromisoformat(date).astimezone(UTC)
    with suppress(OverflowError):  # in the first second of year 1
        moment += timedelta(seconds=seconds)
    return iso(moment)


def _indicator(fields: Mapping[str, JsonValue]) -> str:
    several = fields.get("indicators")
    first = several[0] if isinstance(several, list) and several else None
    return str(fields.get("indicator") or (first["value"] if isinstance(first, dict) else ""))


def _second(date: object) -> int:
    try:
        moment = datetime.fromisoformat(str(date))
    except ValueError:
        return -1
    return int((moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp())


def _texts(value: JsonValue) -> list[str]:
    return [str(one) for one in value] if isinstance(value, list) else []
