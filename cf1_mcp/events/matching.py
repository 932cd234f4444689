"""Finds the events of a dataset that match rows.

An import cannot mark its events: the API assigns the ids, and a mark in the evidence would change what is imported.
So a row is identified by its date (to the second), its title and its first indicator, and among events that share
these, by how many other fields agree. If n such rows were sent, and m such events are neither older than the import
nor of another row, then min(n, m) rows were created.
"""

from collections import defaultdict
from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import Final, NamedTuple, TypeVar

from pydantic import JsonValue

from cf1_mcp.api.client import ThreatEventsClient
from cf1_mcp.api.lists.paging import Attempt
from cf1_mcp.events.indicator_fields import canonical_key
from cf1_mcp.events.validation import is_same_value
from cf1_mcp.models import Condition, Event, EventSearch, SearchField
from cf1_mcp.models.fields import COMPARED_LISTS, COMPARED_TEXTS
from cf1_mcp.policy.read_policy import ReadPolicy
from cf1_mcp.policy.visible_events import first_visible, visible_pages
from cf1_mcp.text.dates import from_second, iso

T = TypeVar("T")
PAGE_SIZE: Final = 1000
MAX_VALUES: Final = 100
MAX_VALUE_LENGTH: Final = 512  # in a search condition, by the API reference


class EventIdentity(NamedTuple):
    """What identifies an event: seconds since 1970, title, and the first indicator in its canonical form."""

    second: int
    title: str
    indicator: str


class IdentifiedRow(NamedTuple):
    """A row with the fields of its event by the names of NewEvent. `same_as` is the uuid of the event that the row was
    exported from.
    """

    number: int
    fields: Mapping[str, JsonValue]
    identity: EventIdentity
    same_as: str | None = None


def identify_row(number: int, fields: Mapping[str, JsonValue], same_as: str | None = None) -> IdentifiedRow:
    """Return a row with the identity of its event."""
    identity = EventIdentity(_to_seconds(fields["date"]), str(fields["event"]).strip(), get_first_indicator(fields))
    return IdentifiedRow(number, fields, identity, same_as)


def identify_event(event: Event) -> EventIdentity:
    """Return the identity of an event."""
    return EventIdentity(_to_seconds(event.date), event.event.strip(), canonical_key(event.indicator))


def get_first_indicator(fields: Mapping[str, JsonValue]) -> str:
    """Return the one indicator that the API shows of an event, as it is compared; empty if there is none."""
    several = fields.get("indicators")
    given = fields.get("indicator")
    if given is None and isinstance(several, list) and several and isinstance(several[0], dict):
        given = several[0]["value"]
    return canonical_key(str(given or ""))


def count_agreeing_fields(fields: Mapping[str, JsonValue], event: Event) -> int:
    """Return in how many fields an event and a row agree."""
    agreed = sum(is_same_value(name, str(fields.get(name) or ""), str(getattr(event, name))) for name in COMPARED_TEXTS)
    return agreed + sum(
        sorted(_list_texts(fields.get(name))) == sorted(getattr(event, name)) for name in COMPARED_LISTS
    )


def find_best_match(row: IdentifiedRow, events: Sequence[Event]) -> Event:
    """Return the event that agrees with the row in most fields."""
    return max(events, key=lambda one: (count_agreeing_fields(row.fields, one), one.uuid))


class EventFinder:
    """Searches one dataset for the events of rows, among those that may be read: others must not be told by what an
    import does. `attempt` makes each request.
    """

    def __init__(self, client: ThreatEventsClient, dataset_id: str, read_policy: ReadPolicy, attempt: Attempt) -> None:
        self._client = client
        self._dataset_id = dataset_id
        self._read_policy = read_policy
        self._attempt = attempt

    async def has_events_between(self, first: str, last: str) -> bool:
        """Whether the dataset has any event between two dates. If not, no row in that period exists already."""
        search = EventSearch(dataset_id=[self._dataset_id], search=_date_conditions(first, last))
        return bool(await first_visible(self._client, search, self._read_policy, 1, self._attempt))

    async def has_events_since(self, moment: datetime) -> bool:
        """Whether any event was created since then."""
        created = Condition(field="createdAt", op="gte", value=iso(moment))
        search = EventSearch(dataset_id=[self._dataset_id], search=[created])
        return bool(await first_visible(self._client, search, self._read_policy, 1, self._attempt))

    async def find_older(self, rows: Sequence[IdentifiedRow]) -> dict[EventIdentity, list[Event]]:
        """Return the events that may be those of rows, by identity. Rows with an indicator are searched by it."""
        return await self._find_matching(rows, _build_searches(rows, by_indicator=True))

    async def find_exported(self, rows: Sequence[IdentifiedRow]) -> dict[int, Event]:
        """Return the events that rows were exported from, by row number, whatever the file shows of them."""
        numbers: dict[str, list[int]] = defaultdict(list)
        for row in rows:
            if row.same_as:
                numbers[row.same_as].append(row.number)
        found: dict[int, Event] = {}
        wanted = list(numbers)
        for start in range(0, len(wanted), MAX_VALUES):
            among = Condition(field="uuid", op="in", value=[*wanted[start : start + MAX_VALUES]])
            async for event in self._list_events([among]):
                found |= dict.fromkeys(numbers.get(event.uuid.lower(), []), event)
        return found

    async def find_newer(self, rows: Sequence[IdentifiedRow], since: datetime) -> dict[EventIdentity, list[Event]]:
        """Return the events created since then that may be those of rows, by identity.

        They are searched by title, because some new events may not show their indicator yet.
        """
        created = Condition(field="createdAt", op="gte", value=from_second(iso(since)))
        return await self._find_matching(
            rows, [[created, *search] for search in _build_searches(rows, by_indicator=False)]
        )

    async def find_recent(self, rows: Sequence[IdentifiedRow], since: datetime) -> dict[EventIdentity, list[Event]]:
        """Return the events that may be those of rows, by identity, among all events created since then."""
        created = Condition(field="createdAt", op="gte", value=from_second(iso(since)))
        return await self._find_matching(rows, [[created]])

    async def _find_matching(
        self, rows: Sequence[IdentifiedRow], searches: list[list[Condition]]
    ) -> dict[EventIdentity, list[Event]]:
        found: dict[EventIdentity, list[Event]] = defaultdict(list)
        identities = {row.identity for row in rows} | {row.identity._replace(indicator="") for row in rows}
        seen: set[str] = set()
        for conditions in searches:
            async for event in self._list_events(conditions):
                identity = identify_event(event)
                if identity in identities and event.uuid not in seen:
                    seen.add(event.uuid)
                    found[identity].append(event)
        return found

    async def _list_events(self, conditions: list[Condition]) -> AsyncGenerator[Event]:
        search = EventSearch(dataset_id=[self._dataset_id], search=conditions, page_size=PAGE_SIZE)
        async for page in visible_pages(self._client, search, self._read_policy, self._attempt):
            for event in page:
                yield event


def _build_searches(rows: Sequence[IdentifiedRow], by_indicator: bool) -> list[list[Condition]]:
    """Return as few searches as possible that find all events like the rows; by date if a value is too long."""
    ways: dict[SearchField, dict[str, list[IdentifiedRow]]] = {"indicator": {}, "event": {}, "date": {}}
    for row in rows:
        title = str(row.fields["event"])
        field: SearchField = (
            "indicator" if by_indicator and 0 < len(row.identity.indicator) <= MAX_VALUE_LENGTH else "event"
        )
        value = _get_indicator(row.fields) if field == "indicator" else title
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
                among += _date_conditions(dates[0], dates[-1])
            searches.append(among)
    return searches


def _date_conditions(first: str, last: str) -> list[Condition]:
    # One second wider at both ends, because it is unknown how the API rounds and compares dates.
    start, end = _shift_date(first, -1), _shift_date(last, 1)
    return [Condition(field="date", op="gte", value=from_second(start)), Condition(field="date", op="lte", value=end)]


def _shift_date(date: str, seconds: int) -> str:
    moment = datetime.fromisoformat(date).astimezone(UTC)
    with suppress(OverflowError):  # in the first second of year 1
        moment += timedelta(seconds=seconds)
    return iso(moment)


def _get_indicator(fields: Mapping[str, JsonValue]) -> str:
    several = fields.get("indicators")
    first = several[0] if isinstance(several, list) and several else None
    return str(fields.get("indicator") or (first["value"] if isinstance(first, dict) else ""))


def _to_seconds(date: object) -> int:
    try:
        moment = datetime.fromisoformat(str(date))
    except ValueError:
        return -1
    return int((moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp())


def _list_texts(value: JsonValue) -> list[str]:
    return [str(one) for one in value] if isinstance(value, list) else []
