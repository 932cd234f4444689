"""Snapshots: events as they are stored now, with raw evidence and relationships, for previews and undo."""

from collections.abc import Sequence
from functools import partial
from typing import Final, get_args

from pydantic import BaseModel, JsonValue, field_serializer

from cf1_mcp.api.client import ThreatEventsClient
from cf1_mcp.api.concurrency import gather
from cf1_mcp.errors import BadArgument, NotFound
from cf1_mcp.models import Condition, Dataset, Direction, Event, EventSearch, Raw, RelationshipType, SearchValue
from cf1_mcp.policy.datasets import dataset_key
from cf1_mcp.policy.write_policy import WritePolicy

MAX_VALUES: Final = 100  # values that the API takes in one condition
MAX_COPIES: Final = 1000  # events that one page may hold
TYPES: Final[tuple[RelationshipType, ...]] = get_args(RelationshipType)
DIRECTIONS: Final[tuple[Direction, ...]] = ("ancestors", "descendants")


class EventLink(BaseModel, frozen=True):
    """A typed relationship of an event. With `above`, the other event is the parent (ancestor)."""

    type: RelationshipType
    other: str
    other_dataset: str
    above: bool


class Snapshot(BaseModel, frozen=True):
    """One event with its raw evidence and typed relationships."""

    event: Event
    raw: Raw | None
    links: tuple[EventLink, ...]

    @field_serializer("event", "raw")
    def _dump_all_fields(self, part: Event | Raw | None) -> dict[str, JsonValue] | None:
        return part.model_dump(mode="json", by_alias=True) if part else None


async def read_snapshots(
    client: ThreatEventsClient, write_policy: WritePolicy, dataset: Dataset, event_ids: Sequence[str], argument: str
) -> list[Snapshot]:
    """Return snapshots of events of one dataset, read a few at a time.

    Raises:
        Withheld: an event may not be seen.
        BadArgument: an event is in another dataset.
        NotFound: an event does not exist.
    """

    async def read(event_id: str) -> Snapshot:
        event = write_policy.require_event_in(dataset, await client.read_event(dataset.uuid, event_id), argument)
        raw, links = await _read_raw(client, dataset, event), await _read_links(client, dataset, event)
        return Snapshot(event=event, raw=raw, links=links)

    return await gather(partial(read, event_id) for event_id in event_ids)


async def _read_raw(client: ThreatEventsClient, dataset: Dataset, event: Event) -> Raw | None:
    try:
        return await client.read_dataset_raw(dataset.uuid, event.uuid)
    except NotFound:
        return None


async def _read_links(client: ThreatEventsClient, dataset: Dataset, event: Event) -> tuple[EventLink, ...]:
    """Return the typed relationships of an event.

    The API lists related events without the relationship, so each type and direction takes a request of its own.
    """
    if not await client.list_relationships(event.uuid, dataset.uuid, "both", 1, include_parent=False):
        return ()
    links: list[EventLink] = []
    for kind in TYPES:
        for direction in DIRECTIONS:
            found = await client.list_relationships(event.uuid, dataset.uuid, direction, 1, [kind], False)
            above = direction == "ancestors"
            links += [
                EventLink(type=kind, other=other.uuid, other_dataset=other.dataset_id, above=above) for other in found
            ]
    return tuple(links)


async def read_events(
    client: ThreatEventsClient, write_policy: WritePolicy, dataset: Dataset, event_ids: Sequence[str], argument: str
) -> list[Event]:
    """Return events of one dataset, without raw evidence and relationships. Raises the same as `read_snapshots`."""

    async def read(event_id: str) -> Event:
        return write_policy.require_event_in(dataset, await client.read_event(dataset.uuid, event_id), argument)

    return await gather(partial(read, event_id) for event_id in event_ids)


async def find_events_in(client: ThreatEventsClient, dataset_id: str, event_ids: Sequence[str]) -> list[str]:
    """Return those of the events that a dataset contains now, in their order.

    Raises:
        ApiError: a read failed, so it is unknown.
    """

    async def contains(event_id: str) -> bool:
        try:
            event = await client.read_event(dataset_id, event_id)
        except NotFound:
            return False
        return dataset_key(event.dataset_id) == dataset_key(dataset_id)

    found = await gather(partial(contains, event_id) for event_id in event_ids)
    return [event_id for event_id, is_there in zip(event_ids, found, strict=True) if is_there]


async def refuse_copies(
    client: ThreatEventsClient, event_ids: Sequence[str], named: Sequence[Dataset], argument: str
) -> None:
    """Refuse events with copies in other datasets, for routes that name an event without its dataset.

    Raises:
        BadArgument: an event has a copy in a dataset that was not named.
    """
    allowed = {dataset.uuid.casefold() for dataset in named}
    for event_id, datasets in (await find_datasets_of_events(client, event_ids)).items():
        if event_id in event_ids and any(dataset.casefold() not in allowed for dataset in datasets):
            raise BadArgument(
                argument,
                f"event {event_id} has a copy in a dataset that was not named, and the API might take that one",
                "events without such copies",
            )


async def find_datasets_of_events(client: ThreatEventsClient, event_ids: Sequence[str]) -> dict[str, set[str]]:
    """Return the uuids of the datasets of each event: several if it has copies. Unknown events are left out."""
    datasets: dict[str, set[str]] = {}
    for start in range(0, len(event_ids), MAX_VALUES):
        group = list[SearchValue](event_ids[start : start + MAX_VALUES])
        among = Condition(field="uuid", op="in", value=group)
        page = await client.list_events(EventSearch(dataset_id=["all"], search=[among], page_size=MAX_COPIES))
        for event in page.result:
            # Ids of events compare without regard to case, and those of a call are in lower case.
            datasets.setdefault(event.uuid.strip().lower(), set()).add(event.dataset_id)
    return datasets
