"""Snapshots: events as they are stored now, with raw evidence and relationships, for previews and undo."""

from collections import Counter
from collections.abc import Sequence
from functools import partial
from typing import Final, get_args

from pydantic import BaseModel, JsonValue, field_serializer

from cf1_mcp.api.client import ThreatEventsClient
from cf1_mcp.api.concurrency import gather
from cf1_mcp.errors import BadArgument, NotFound
from cf1_mcp.models import Condition, Dataset, Direction, Event, EventSearch, Raw, RelationshipType, SearchValue, Tlp
from cf1_mcp.policy.misfits import list_fitting_events
from cf1_mcp.policy.read_policy import ReadPolicy
from cf1_mcp.policy.write_policy import WritePolicy
from cf1_mcp.text.uuids import id_key

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
        Withheld: an event, or its raw evidence, may not be seen.
        BadArgument: an event is in another dataset.
        NotFound: an event does not exist.
    """

    async def read(event_id: str) -> Snapshot:
        event = write_policy.require_event_in(dataset, await client.read_event(dataset.uuid, event_id), argument)
        raw = await read_evidence(client, write_policy.read_policy, dataset, event)
        return Snapshot(event=event, raw=raw, links=await read_links(client, dataset, event))

    return await gather(partial(read, event_id) for event_id in event_ids)


def list_evidence(snapshots: Sequence[Snapshot]) -> list[tuple[Event, Raw]]:
    """Return the raw evidence of the snapshots, each with its event, which decides how unmarked evidence counts."""
    return [(snapshot.event, snapshot.raw) for snapshot in snapshots if snapshot.raw]


def count_raw_markings(evidence: Sequence[tuple[Event, Raw]]) -> dict[str, JsonValue]:
    """Return the fact `raw_markings`: how much evidence has which marking. Unmarked evidence counts by the rule."""
    counts = Counter(ReadPolicy.raw_marking(event, raw) for event, raw in evidence if not raw.is_empty)
    return {"raw_markings": {level.value: counts[level] for level in Tlp if counts[level]}} if counts else {}


async def count_visible_links(
    client: ThreatEventsClient, read_policy: ReadPolicy, snapshots: Sequence[Snapshot]
) -> tuple[int, int]:
    """Return how many typed relationships and how many references lead from the events to events that may be seen.

    Others are not counted: their number would tell what is withheld.
    """
    own = {id_key(snapshot.event.uuid) for snapshot in snapshots}
    # A link to an event that has copies is listed once for each of them.
    links = [
        other
        for snapshot in snapshots
        for _, _, other in {(link.type, link.above, id_key(link.other)) for link in snapshot.links}
    ]
    references = [
        other
        for snapshot in snapshots
        for others in (snapshot.event.references, snapshot.event.referenced)
        for other in {*map(id_key, others)}
    ]
    asked = sorted({*links, *references} - own)
    copies = await find_copies(client, read_policy, asked)
    seen = own | {other for other, found in copies.items() if not all(map(read_policy.rule_against, found))}
    return sum(other in seen for other in links), sum(other in seen for other in references)


async def read_evidence(
    client: ThreatEventsClient, read_policy: ReadPolicy, dataset: Dataset, event: Event
) -> Raw | None:
    """Return the raw evidence of an event of the dataset, None if there is none.

    Raises:
        Withheld: it may not be seen.
    """
    try:
        raw = await client.read_dataset_raw(dataset.uuid, event.uuid)
    except NotFound:
        return None
    return read_policy.require_raw_readable(event, raw)


async def read_links(client: ThreatEventsClient, dataset: Dataset, event: Event) -> tuple[EventLink, ...]:
    """Return the typed relationships of an event of the dataset.

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
        return id_key(event.dataset_id) == id_key(dataset_id)

    found = await gather(partial(contains, event_id) for event_id in event_ids)
    return [event_id for event_id, is_there in zip(event_ids, found, strict=True) if is_there]


async def refuse_copies(
    client: ThreatEventsClient,
    read_policy: ReadPolicy,
    event_ids: Sequence[str],
    named: Sequence[Dataset],
    argument: str,
) -> None:
    """Refuse events with copies in other datasets, for routes that name an event without its dataset.

    `named` are the datasets in which the caller has the right to do what the route does.

    Raises:
        BadArgument: an event has a copy in a dataset that was not named.
    """
    allowed = {id_key(dataset.uuid) for dataset in named}
    copies = await find_copies(client, read_policy, event_ids)
    for event_id in event_ids:
        if not {id_key(one.dataset_id) for one in copies.get(id_key(event_id), ())} <= allowed:
            raise BadArgument(
                argument,
                f"event {event_id} has a copy in a dataset that was not named, and the API might take that one",
                "events without such copies",
            )


async def find_copies(
    client: ThreatEventsClient, read_policy: ReadPolicy, event_ids: Sequence[str]
) -> dict[str, list[Event]]:
    """Return each event in every dataset of the account that contains it. Unknown events are left out.

    The keys are ids as `id_key` returns them.

    Raises:
        ApiError: a dataset could not be searched, or the API ignores the search.
    """
    copies: dict[str, list[Event]] = {}
    # Sent as typed and in lower case, because the API may store an id in another case than it is asked for.
    spellings = [*dict.fromkeys(text for one in event_ids for text in (one, id_key(one)))]
    for start in range(0, len(spellings), MAX_VALUES):
        group = list[SearchValue](spellings[start : start + MAX_VALUES])
        among = Condition(field="uuid", op="in", value=group)
        search = EventSearch(dataset_id=[*read_policy.account_reach], search=[among], page_size=MAX_COPIES)
        for event in await list_fitting_events(client, search):
            copies.setdefault(id_key(event.uuid), []).append(event)
    return copies
