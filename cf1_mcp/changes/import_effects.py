"""What the import of a file does outside: the rows that block lists and alerts would newly find."""

import json
from collections.abc import AsyncGenerator, Mapping, Sequence

from cf1_mcp.changes.effect import Planning
from cf1_mcp.changes.parents import describe_read_parents
from cf1_mcp.changes.queries.outside_effects import OutsideEffects, find_outside_effects
from cf1_mcp.events.transitions import Transition, describe_creation, describe_update
from cf1_mcp.imports.comparison import ChangedEvent
from cf1_mcp.imports.job import ImportJob
from cf1_mcp.models import NewEvent
from cf1_mcp.policy.write_policy import WritePolicy

PAGE_SIZE = 500


async def find_import_effects(
    job: ImportJob, write_policy: WritePolicy, changes: Mapping[int, ChangedEvent]
) -> OutsideEffects:
    """Return what the rows that are left do outside, by the comparison that the tools use. Rows are named by place.

    `changes` has the events that are updated, by row number. Requests are sent with the retries of the import.
    """
    planning = Planning(job.client, write_policy)
    return await find_outside_effects(planning, _describe(job, planning, changes), job.policy.read)


async def _describe(
    job: ImportJob, planning: Planning, changes: Mapping[int, ChangedEvent]
) -> AsyncGenerator[Sequence[Transition]]:
    """Yield the creations and updates of the rows that are left, then the children that existing events get."""
    dataset, parents = job.dataset.uuid, dict(await job.ledger.links.parents())
    last = -1
    while rows := await job.ledger.rows.left_after(last, PAGE_SIZE):
        last = rows[-1][0].number
        yield [
            describe_update(changed.event, changed.new)
            if (changed := changes.get(row.number))
            else describe_creation(
                NewEvent.model_validate(json.loads(row.event)),
                dataset,
                f"row {place}",
                is_parent=row.number in parents,
            )
            for row, place in rows
        ]
    existing = {uuid: (dataset, True) for uuid in parents.values() if uuid}
    existing |= {changes[number].event.uuid: (dataset, True) for number in parents if number in changes}
    if existing:
        yield await job.policy.read(lambda: describe_read_parents(planning, existing, gain=True))
