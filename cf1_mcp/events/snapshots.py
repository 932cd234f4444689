"""Snapshots: events as they are stored now, with raw evidence and relationships, for previews and undo.

Requests are the scarce good: a preview of a hundred events takes about ten of them.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Final

from pydantic import BaseModel, JsonValue, field_serializer

from cf1_mcp.api.client import ThreatEventsClient
from cf1_mcp.api.concurrency import gather
from cf1_mcp.errors import BadArgument, Forbidden, NotFound, Refused, UnexpectedAnswer
from cf1_mcp.events.evidence import MAX_READ_AHEAD, Evidence, may_have_evidence, read_all_evidence, stand_in
from cf1_mcp.events.links import EventLink, name_datasets, read_all_links
from cf1_mcp.models import Condition, Dataset, Event, EventSearch, Raw, SearchValue
from cf1_mcp.policy.read_policy import ReadPolicy
from cf1_mcp.policy.write_policy import WritePolicy
from cf1_mcp.text.uuids import id_key

MAX_VALUES: Final = 100  # values that the API takes in one condition
MAX_COPIES: Final = 1000  # events that one page may hold
MAX_DATASETS: Final = 50  # datasets that the API searches at once

Copies = Mapping[str, Sequence[Event]]
"""Events in every dataset that contains them, by their ids as `id_key` returns them."""


class Snapshot(BaseModel, frozen=True):
    """One event with its raw evidence and typed relationships. `raw_unread`: it may have evidence that was not read."""

    event: Event
    raw: Raw | None
    links: tuple[EventLink, ...]
    raw_unread: bool = False

    @field_serializer("event", "raw")
    def _dump_all_fields(self, part: Event | Raw | None) -> dict[str, JsonValue] | None:
        return part.model_dump(mode="json", by_alias=True) if part else None

    def with_evidence(self, evidence: Evidence) -> "Snapshot":
        """Return the snapshot with its evidence. The mark that it is missing is stored only where it is."""
        unread = {"raw_unread": True} if evidence.is_unread else {}
        return Snapshot(event=self.event, raw=evidence.raw, links=self.links, **unread)


@dataclass(frozen=True)
class SnapshotSet:
    """Snapshots of the events of a change, and the events around them.

    `copies` has the events that they refer to or have a relationship with. `later` says that the evidence of more
    events than a preview reads is read when the change is made; until then it counts as unread.
    """

    images: list[Snapshot]
    copies: Copies = field(default_factory=dict[str, Sequence[Event]])
    later: bool = False

    @property
    def events(self) -> list[Event]:
        return [snapshot.event for snapshot in self.images]

    @property
    def unread(self) -> list[Event]:
        """The events whose evidence was not read, or could not be."""
        return [snapshot.event for snapshot in self.images if snapshot.raw_unread]


async def read_snapshots(
    client: ThreatEventsClient, write_policy: WritePolicy, dataset: Dataset, event_ids: Sequence[str], argument: str
) -> SnapshotSet:
    """Return snapshots of events of one dataset.

    Raises:
        Withheld: an event, or raw evidence that was read, may not be seen.
        BadArgument: an event is in another dataset.
        NotFound: an event does not exist.
    """
    known, policy = write_policy.known, write_policy.read_policy
    try:
        own = await find_copies(client, known, event_ids)
        several = [one for one, copies in own.items() if len(copies) > 1]
    except (Refused, Forbidden, NotFound, UnexpectedAnswer):
        own, several = dict[str, list[Event]](), [*event_ids]
    events = await read_events(client, write_policy, dataset, event_ids, argument, own)
    with_evidence = sum(map(may_have_evidence, events))
    later = with_evidence > MAX_READ_AHEAD
    links = await read_all_links(client, events, several)
    others = {id_key(link.other) for some in links for link in some}
    others |= {id_key(other) for event in events for other in (*event.references, *event.referenced)}
    copies = await find_copies(client, known, sorted(others - own.keys()))
    every = {**own, **copies}
    images = [
        Snapshot(event=event, raw=None, links=name_datasets(some, dataset.uuid, every))
        for event, some in zip(events, links, strict=True)
    ]
    if later:
        evidence = [Evidence(is_unread=may_have_evidence(event)) for event in events]
    else:
        evidence = await read_all_evidence(client, policy, events)
    return SnapshotSet([image.with_evidence(one) for image, one in zip(images, evidence, strict=True)], copies, later)


async def read_unread_evidence(
    client: ThreatEventsClient, read_policy: ReadPolicy, snapshots: SnapshotSet
) -> SnapshotSet:
    """Return the snapshots with the evidence that a preview left for the change itself.

    Raises:
        Withheld: evidence may not be seen, or might not if it could be read.
        ApiError: the API is down or overloaded.
    """
    found = dict(
        zip(
            [event.uuid for event in snapshots.unread],
            await read_all_evidence(client, read_policy, snapshots.unread),
            strict=True,
        )
    )
    images = [one.with_evidence(found.get(one.event.uuid, Evidence(one.raw))) for one in snapshots.images]
    return replace(snapshots, images=images, later=False)


def list_evidence(snapshots: Sequence[Snapshot]) -> list[tuple[Event, Raw]]:
    """Return the raw evidence of the snapshots, each with its event, which decides how unmarked evidence counts.

    Evidence that was not read counts as unmarked.
    """
    pairs = [(one.event, stand_in(one.event) if one.raw_unread else one.raw) for one in snapshots]
    return [(event, raw) for event, raw in pairs if raw]


def count_visible_links(read_policy: ReadPolicy, snapshots: SnapshotSet) -> tuple[int, int]:
    """Return how many typed relationships and how many references lead from the events to events that may be seen.

    Others are not counted: their number would tell what is withheld.
    """
    own = {id_key(event.uuid) for event in snapshots.events}
    links = [link.other for snapshot in snapshots.images for link in snapshot.links]
    references = [other for event in snapshots.events for other in (*event.references, *event.referenced)]
    found = snapshots.copies.items()
    seen = own | {other for other, copies in found if not all(map(read_policy.rule_against, copies))}
    return sum(id_key(other) in seen for other in links), sum(id_key(other) in seen for other in references)


async def read_events(
    client: ThreatEventsClient,
    write_policy: WritePolicy,
    dataset: Dataset,
    event_ids: Sequence[str],
    argument: str,
    copies: Copies | None = None,
) -> list[Event]:
    """Return events of one dataset, without raw evidence and relationships: one by itself, several in a list.

    `copies` has events that were listed already. An event that a list does not find is read by itself, because the list
    may lag behind, and because that tells why. Raises the same as `read_snapshots`.
    """
    if copies is None:
        copies = await _find_listed(client, dataset.uuid, event_ids)

    async def read(event_id: str) -> Event:
        here = (one for one in copies.get(id_key(event_id), ()) if id_key(one.dataset_id) == id_key(dataset.uuid))
        if found := next(here, None):
            event = found if found.uuid == event_id else found.model_copy(update={"uuid": event_id})
        else:
            event = await client.read_event(dataset.uuid, event_id)
        return write_policy.require_event_in(dataset, event, argument)

    return await gather(partial(read, event_id) for event_id in event_ids)


async def find_events_in(client: ThreatEventsClient, dataset_id: str, event_ids: Sequence[str]) -> list[str]:
    """Return those of the events that a dataset contains now, in their order.

    Raises:
        ApiError: a read failed, so it is unknown.
    """
    listed = await _find_listed(client, dataset_id, event_ids)

    async def contains(event_id: str) -> bool:
        if any(id_key(one.dataset_id) == id_key(dataset_id) for one in listed.get(id_key(event_id), ())):
            return True
        try:
            event = await client.read_event(dataset_id, event_id)
        except NotFound:
            return False
        return id_key(event.dataset_id) == id_key(dataset_id)

    found = await gather(partial(contains, event_id) for event_id in event_ids)
    return [event_id for event_id, is_there in zip(event_ids, found, strict=True) if is_there]


async def refuse_copies(
    client: ThreatEventsClient,
    known: Sequence[Dataset],
    event_ids: Sequence[str],
    named: Sequence[Dataset],
    argument: str,
) -> None:
    """Refuse events with copies in other datasets, for routes that name an event without its dataset.

    `known` are all datasets of the account, `named` those in which the caller has the right to do what the route does.

    Raises:
        BadArgument: an event has a copy in a dataset that was not named.
    """
    allowed = {id_key(dataset.uuid) for dataset in named}
    copies = await find_copies(client, known, event_ids)
    for event_id in event_ids:
        if not {id_key(one.dataset_id) for one in copies.get(id_key(event_id), ())} <= allowed:
            raise BadArgument(
                argument,
                f"event {event_id} has a copy in a dataset that was not named, and the API might take that one",
                "events without such copies",
            )


async def find_copies(
    client: ThreatEventsClient, known: Sequence[Dataset], event_ids: Sequence[str]
) -> dict[str, list[Event]]:
    """Return each event in every dataset that contains it. Unknown events are left out.

    `known` are all datasets of the account. The keys are ids as `id_key` returns them.

    Raises:
        ApiError: they could not be listed.
    """
    operational = [one.uuid for one in known if not one.is_analytics]
    # `all` includes datasets that are newer than the list, and leaves analytics datasets out, some of which take no
    # search by id, or none at all.
    scopes = [["all"]] if len(operational) <= MAX_DATASETS else _split(operational, MAX_DATASETS)
    analytics = _split([one.uuid for one in known if one.is_analytics], MAX_DATASETS)
    calls = [partial(_find_events, client, scope, some) for scope in scopes for some in _spell(event_ids)]
    calls += [partial(_find_events_if_any, client, scope, some) for scope in analytics for some in _spell(event_ids)]
    return _sort_copies(await gather(calls))


async def _find_listed(client: ThreatEventsClient, dataset_id: str, event_ids: Sequence[str]) -> Copies:
    """Return those of several events that a list of the dataset finds. One event is better read by itself."""
    if len(event_ids) < 2:
        return {}
    return _sort_copies(
        await gather(partial(_find_events_if_any, client, [dataset_id], some) for some in _spell(event_ids))
    )


async def _find_events(client: ThreatEventsClient, scope: Sequence[str], event_ids: Sequence[str]) -> list[Event]:
    asked = set(map(id_key, event_ids))
    among = Condition(field="uuid", op="in", value=list[SearchValue](event_ids))
    search = EventSearch(dataset_id=[*scope], search=[among], page_size=MAX_COPIES)
    found: list[Event] = []
    async for page in client.event_pages(search):
        if any(id_key(event.uuid) not in asked for event in page.result):
            # Its pages would be those of the whole account.
            raise UnexpectedAnswer(
                "The API was asked for some events by their ids, and answered with others. "
                "If this continues, tell the operator: the API may ignore searches."
            )
        found += page.result
    return found


async def _find_events_if_any(
    client: ThreatEventsClient, scope: Sequence[str], event_ids: Sequence[str]
) -> list[Event]:
    try:
        return await _find_events(client, scope, event_ids)
    except (Refused, Forbidden, NotFound, UnexpectedAnswer):
        return []


def _spell(event_ids: Sequence[str]) -> list[list[str]]:
    """Return groups of ids as typed and in lower case, because the API may store an id in another case."""
    return _split([*dict.fromkeys(text for one in event_ids for text in (one, id_key(one)))], MAX_VALUES)


def _split(texts: Sequence[str], size: int) -> list[list[str]]:
    return [[*texts[start : start + size]] for start in range(0, len(texts), size)]


def _sort_copies(pages: Sequence[Sequence[Event]]) -> dict[str, list[Event]]:
    copies: dict[str, dict[str, Event]] = {}
    for event in (event for page in pages for event in page):
        copies.setdefault(id_key(event.uuid), {}).setdefault(id_key(event.dataset_id), event)
    return {key: [*found.values()] for key, found in copies.items()}
