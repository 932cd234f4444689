"""Snapshots: events as they are stored now, with raw evidence and relationships, for previews and undo.

Requests are the scarce good: a preview of a hundred events takes about ten of them.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from functools import partial

from pydantic import BaseModel, JsonValue, field_serializer

from cf1_mcp.api.client import ThreatEventsClient
from cf1_mcp.api.concurrency import gather
from cf1_mcp.events.certainty import RESTORED, fill_untold, list_unrestorable
from cf1_mcp.events.copied_links import CopiedEvents
from cf1_mcp.events.copies import Copies, CopyFinder, find_copies, find_listed
from cf1_mcp.events.links import EventLink, name_datasets, read_all_links
from cf1_mcp.events.listed_events import MAX_READ_SINGLY, UNLISTED, unlisted_error
from cf1_mcp.events.raw_evidence import MAX_READ_AHEAD, Evidence, may_have_evidence, read_all_evidence, stand_in
from cf1_mcp.models import Dataset, Event, Raw
from cf1_mcp.policy.read_policy import ReadPolicy
from cf1_mcp.policy.write_policy import WritePolicy
from cf1_mcp.text.uuids import id_key


class Snapshot(BaseModel, frozen=True):
    """One event with its raw evidence and typed relationships. `raw_unread`: it may have evidence that was not read;
    `links_unread`: it may have relationships that were not; `fields_unread`: these fields of it may have values that
    the API did not tell.
    """

    event: Event
    raw: Raw | None
    links: tuple[EventLink, ...]
    raw_unread: bool = False
    links_unread: bool = False
    fields_unread: tuple[str, ...] = ()

    @field_serializer("event", "raw")
    def _dump_all_fields(self, part: Event | Raw | None) -> dict[str, JsonValue] | None:
        return part.model_dump(mode="json", by_alias=True) if part else None

    def with_evidence(self, evidence: Evidence) -> "Snapshot":
        """Return the snapshot with its evidence. The mark that something is missing is stored only where it is."""
        marks = {
            "raw_unread": evidence.is_unread,
            "links_unread": self.links_unread,
            "fields_unread": self.fields_unread,
        }
        unread = {name: mark for name, mark in marks.items() if mark}
        return Snapshot.model_validate({"event": self.event, "raw": evidence.raw, "links": self.links, **unread})


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

    @property
    def without_links(self) -> int:
        """The number of events whose typed relationships were not read, or not all."""
        return sum(snapshot.links_unread for snapshot in self.images)


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
    finder = CopyFinder(client, known)
    try:
        own = await find_copies(client, known, event_ids) if len(event_ids) > 1 else dict[str, list[Event]]()
        copied = _describe_copies(policy, finder, dataset, own)
    except UNLISTED:
        own, copied = dict[str, list[Event]](), CopiedEvents(is_unknown=True)
    events = await read_events(client, write_policy, dataset, event_ids, argument, own or None, telling=RESTORED)
    with_evidence = sum(map(may_have_evidence, events))
    later = with_evidence > MAX_READ_AHEAD
    links = await read_all_links(client, events, policy.account_reach, copied, tells_which=policy.sees_everything)
    others = {id_key(link.other) for some in links for link in some.links}
    others |= {id_key(other) for event in events for other in (*event.references, *event.referenced)}
    copies = await finder.find(sorted(others - own.keys()))
    every = {**own, **copies}
    images = [
        Snapshot(
            event=event,
            raw=None,
            links=name_datasets(some.links, dataset.uuid, every),
            links_unread=some.is_unread,
            fields_unread=tuple(untold),
        )
        for event, some, untold in zip(events, links, list_unrestorable(events), strict=True)
    ]
    if later:
        evidence = [Evidence(is_unread=may_have_evidence(event)) for event in events]
    else:
        evidence = await read_all_evidence(client, policy, events)
    return SnapshotSet([image.with_evidence(one) for image, one in zip(images, evidence, strict=True)], copies, later)


def _describe_copies(policy: ReadPolicy, finder: CopyFinder, dataset: Dataset, own: Copies) -> CopiedEvents:
    """Return which of the events of a dataset have copies elsewhere, and where."""
    home = id_key(dataset.uuid)
    others = {key: [one for one in copies if id_key(one.dataset_id) != home] for key, copies in own.items()}
    places = {id_key(one.dataset_id): one.dataset_id for copies in others.values() for one in copies}
    return CopiedEvents(
        ids=frozenset(key for key, copies in others.items() if copies),
        hidden=frozenset(key for key, copies in others.items() if any(map(policy.rule_against, copies))),
        places=[places[key] for key in sorted(places)],
        finder=finder,
        elsewhere=[one.uuid for one in finder.known if id_key(one.uuid) != home],
    )


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


def list_evidence(snapshots: SnapshotSet) -> list[tuple[Event, Raw]]:
    """Return the raw evidence of the snapshots, each with its event, which decides how unmarked evidence counts.

    Evidence that could not be read counts as unmarked. What is read later is left out.
    """
    unread = [] if snapshots.later else [(event, stand_in(event)) for event in snapshots.unread]
    return [*((one.event, one.raw) for one in snapshots.images if one.raw), *unread]


def count_visible_links(read_policy: ReadPolicy, snapshots: SnapshotSet) -> tuple[int, int]:
    """Return how many typed relationships and how many references the events have with events that may be seen, those
    among themselves counted once.

    Others are not counted: their number would tell what is withheld.
    """
    own = {id_key(event.uuid) for event in snapshots.events}
    found = snapshots.copies.items()
    seen = own | {other for other, copies in found if not all(map(read_policy.rule_against, copies))}
    # A link to an event that has copies is listed once for each of them, and one between two of the events twice.
    links: set[tuple[str, str, str]] = set()
    references: set[tuple[str, str]] = set()
    for snapshot in snapshots.images:
        here, event = id_key(snapshot.event.uuid), snapshot.event
        for link in snapshot.links:
            other = id_key(link.other)
            links |= {(link.type, other, here) if link.above else (link.type, here, other)}
        references |= {(here, id_key(other)) for other in event.references}
        references |= {(id_key(other), here) for other in event.referenced}
    return sum(seen.issuperset(ends) for _, *ends in links), sum(seen.issuperset(ends) for ends in references)


async def read_events(
    client: ThreatEventsClient,
    write_policy: WritePolicy,
    dataset: Dataset,
    event_ids: Sequence[str],
    argument: str,
    copies: Copies | None = None,
    telling: Sequence[str] = (),
) -> list[Event]:
    """Return events of one dataset, without raw evidence and relationships: one by itself, several in a list.

    `copies` has events that were listed already. An event that a list does not find is read by itself, because the list
    may lag behind, and because that tells why. So are a few of those of which it does not tell the fields `telling`.
    Raises the same as `read_snapshots`, and `Refused` if there is no list of so many.
    """
    if copies is None:
        listed = await find_listed(client, dataset.uuid, event_ids)
        if listed is None and len(event_ids) > MAX_READ_SINGLY:
            raise unlisted_error()
        copies = listed or {}

    async def read(event_id: str) -> Event:
        here = (one for one in copies.get(id_key(event_id), ()) if id_key(one.dataset_id) == id_key(dataset.uuid))
        if found := next(here, None):
            event = found if found.uuid == event_id else found.model_copy(update={"uuid": event_id})
        else:
            event = await client.read_event(dataset.uuid, event_id)
        return write_policy.require_event_in(dataset, event, argument)

    events = await gather(partial(read, event_id) for event_id in event_ids)
    if len(events) == 1 or not telling:
        return events
    return await fill_untold(
        client, events, telling, lambda event: write_policy.require_event_in(dataset, event, argument)
    )
