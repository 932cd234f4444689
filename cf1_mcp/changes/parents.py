"""The parents of events that are created or deleted: they gain or lose a child, and searches can ask for that."""

from collections.abc import Mapping, Sequence
from typing import Final

from cf1_mcp.changes.effect import Planning
from cf1_mcp.events.copies import Copies, find_copies
from cf1_mcp.events.snapshots import Snapshot
from cf1_mcp.events.transitions import (
    Transition,
    describe_lost_children,
    describe_new_children,
    describe_unread_parent,
)
from cf1_mcp.text.uuids import id_key

UNREAD: Final = "a parent that was not read"


async def describe_parents(
    planning: Planning, snapshots: Sequence[Snapshot], *, gain: bool, copies: Copies | None = None
) -> list[Transition]:
    """Return what happens to the parents of events that are deleted or created: they lose or gain a child.

    `copies` has the parents if they were read already.

    Raises:
        ApiError: the parents could not be read.
    """
    own = {id_key(snapshot.event.uuid) for snapshot in snapshots}
    # Whether a plain reference makes a child is not published.
    parents = {id_key(other): ("", False) for snapshot in snapshots for other in snapshot.event.referenced}
    for link in (link for snapshot in snapshots for link in snapshot.links if link.above):
        parents[id_key(link.other)] = (link.other_dataset, True)
    others = {event_id: parent for event_id, parent in parents.items() if event_id not in own}
    found = await describe_read_parents(planning, others, gain=gain, copies=copies)
    # Where relationships were not read, there may be parents of which nothing is known.
    unread = [describe_unread_parent(UNREAD, "", gains=gain)] if any(one.links_unread for one in snapshots) else []
    return [*found, *unread]


async def describe_read_parents(
    planning: Planning, parents: Mapping[str, tuple[str, bool]], *, gain: bool, copies: Copies | None = None
) -> list[Transition]:
    """Return the same for parents by their ids, each with its dataset and whether it certainly is a parent.

    Left out are parents that may not be read: what they do outside would tell of them. Raises the same.
    """
    policy = planning.write_policy.read_policy
    if copies is None:
        copies = await find_copies(planning.client, planning.write_policy.known, sorted(parents)) if parents else {}
    found: list[Transition] = []
    for event_id, (dataset_id, certain) in sorted(parents.items()):
        for event in copies.get(id_key(event_id), ()):
            if policy.rule_against(event) is None:
                gained = describe_new_children(event, are_certain=certain) if gain else None
                found.append(gained or describe_lost_children(event))
        if not copies.get(id_key(event_id)) and policy.sees_everything:
            found.append(describe_unread_parent(event_id, dataset_id, gains=gain))
    return found
