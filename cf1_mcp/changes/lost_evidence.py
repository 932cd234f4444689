"""What a preview says of raw evidence and relationships that were not read, and how evidence is read for the change."""

from collections.abc import Awaitable, Callable, Sequence
from typing import Final

from pydantic import JsonValue

from cf1_mcp.changes.effect import Planning
from cf1_mcp.events.links import MAX_READ_SINGLY
from cf1_mcp.events.snapshots import Snapshot, SnapshotSet, read_unread_evidence
from cf1_mcp.text.plurals import plural

NOT_READ: Final = "could not be read, so that it counts as amber or as its event, whichever is higher"

WHY_UNREAD: Final = (
    "The account has no graph (GET /events/graph) that tells all of them, and event by event they are read of up to "
    f"{MAX_READ_SINGLY} events at a time, where the account has that list."
)

ReadLater = Callable[[], Awaitable[SnapshotSet]]


def describe_unread(planning: Planning, snapshots: SnapshotSet, *, is_lost: bool) -> list[str]:
    """Return a sentence on evidence that a preview did not read, or could not."""
    if not (count := len(snapshots.unread)):
        return []
    evidence = f"The raw evidence of {plural(count, 'event')}"
    if not snapshots.later:
        return [f"{evidence} {NOT_READ}{', and it is lost for good' if is_lost else ''}."]
    rule = planning.write_policy.read_policy.tlp_rule
    lost = ", and what cannot be read then is lost for good" if is_lost else ""
    return [f"{evidence} is read only when this is done: this is refused if one is marked above {rule}{lost}."]


def describe_unread_links(count: int, *, is_lost: bool) -> list[str]:
    """Return a sentence on events whose relationships were not read."""
    if not count:
        return []
    lost = " They are lost for good: neither the journal nor undo_change has them." if is_lost else ""
    return [f"The typed relationships of {plural(count, 'event')} were not read, or not all. {WHY_UNREAD}{lost}"]


def describe_unread_fields(images: Sequence[Snapshot], *, is_past: bool = False) -> list[str]:
    """Return a sentence on fields whose values the API did not tell, and which do not come back. `is_past`: the events
    are deleted already.
    """
    if not (counts := _count_unread_fields(images)):
        return []
    of_all = ", ".join(f"{name} of {count}" for name, count in counts.items())
    events = plural(sum(bool(one.fields_unread) for one in images), "event")
    if is_past:
        return [f"Before the deletion the API did not tell everything of {events} ({of_all}): that does not come back."]
    return [f"The API does not tell everything of {events} ({of_all}): undo_change cannot restore that."]


def count_unread_fields(name: str, images: Sequence[Snapshot]) -> dict[str, JsonValue]:
    """Return a fact: of how many events each field was not told; nothing if all were."""
    counts = _count_unread_fields(images)
    return {name: {**counts}} if counts else {}


def _count_unread_fields(images: Sequence[Snapshot]) -> dict[str, int]:
    names = dict.fromkeys(name for one in images for name in one.fields_unread)
    return {name: sum(name in one.fields_unread for one in images) for name in names}


def count_links(name: str, found: int, snapshots: SnapshotSet) -> dict[str, JsonValue]:
    """Return the fact `name`, a number of relationships. Where some were not read it is a lower bound, and the fact
    `relationships_not_read` says of how many events.
    """
    if not snapshots.without_links:
        return {name: found}
    return {name: f"at least {found}", "relationships_not_read": snapshots.without_links}


def replace_sentences(warnings: Sequence[str], shown: Sequence[str], now: Sequence[str]) -> tuple[str, ...]:
    """Return the warnings of a change with what was found `now` in the place of what its preview had `shown`."""
    return (*(one for one in warnings if one not in shown), *now)


def count_unread(snapshots: SnapshotSet) -> dict[str, JsonValue]:
    """Return the fact `raw_not_read`: how many events have evidence that a preview did not read, or could not."""
    return {"raw_not_read": len(snapshots.unread)} if snapshots.unread else {}


def count_evidence(snapshots: SnapshotSet) -> int:
    """Return how many events have evidence, or may have some that was not read."""
    return sum(one.raw_unread or (one.raw is not None and not one.raw.is_empty) for one in snapshots.images)


def read_later(planning: Planning, snapshots: SnapshotSet) -> ReadLater | None:
    """Return what reads the evidence that a preview left for the change itself; None if it left none."""
    if not snapshots.later:
        return None
    return lambda: read_unread_evidence(planning.client, planning.write_policy.read_policy, snapshots)


def list_not_saved(images: Sequence[Snapshot]) -> dict[str, JsonValue]:
    """Return the facts `raw_not_saved`, the events whose evidence was lost without a copy in the journal, and
    `relationships_not_saved`, of how many events that may be so of relationships.
    """
    lost: list[JsonValue] = [one.event.uuid for one in images if one.raw_unread]
    links = sum(one.links_unread for one in images)
    return {
        **({"raw_not_saved": lost} if lost else {}),
        **({"relationships_not_saved": f"those of {plural(links, 'event')}"} if links else {}),
    }
