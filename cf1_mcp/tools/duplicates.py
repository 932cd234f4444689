"""Finding and merging threat events that are stored more than once."""

from typing import Annotated

from mcp.server.mcpserver import Resolve
from pydantic import Field

from cf1_mcp.answers.card import Card
from cf1_mcp.answers.cursors import CurrentPaging
from cf1_mcp.answers.pages import dataset_facts, fit_list, reading_notes
from cf1_mcp.answers.rows import Rows
from cf1_mcp.changes.duplicates.merge_sending import MergeEvents
from cf1_mcp.changes.duplicates.merging import plan_merging
from cf1_mcp.changes.guards import Planned, approved
from cf1_mcp.context import Client, Now
from cf1_mcp.contracts.arguments import Confirm, Cursor, EventId, EventIds, HomeDataset, Limit, Since, Until
from cf1_mcp.contracts.effects import ToolEffect
from cf1_mcp.contracts.toolset import CURATION
from cf1_mcp.policy.dataset_scope import DatasetScope, require_readable_dataset
from cf1_mcp.policy.read_policy import CurrentReadPolicy
from cf1_mcp.search.conditions import resolve_period
from cf1_mcp.search.duplicate_groups import (
    COLUMNS,
    MAX_COMPARED,
    Sameness,
    describe_groups,
    find_duplicates,
    list_cells,
)

By = Annotated[Sameness, Field(description="Same indicator, type and day; or same title and source")]
Keep = Annotated[EventId, Field(description="Uuid of the event that stays")]
Others = Annotated[EventIds, Field(description="Uuids of its duplicates")]
Merging = Annotated[Planned[MergeEvents], Resolve(approved(plan_merging))]
NONE: str = "No two of the compared events are the same in this way."
CUT: str = f"Only the newest {MAX_COMPARED:,} events were compared: pass until for older ones."


@CURATION.tool("List duplicate events", ToolEffect.READ)
async def list_duplicate_events(
    client: Client,
    read_policy: CurrentReadPolicy,
    paging: CurrentPaging,
    now: Now,
    dataset_id: HomeDataset,
    by: By = "indicator",
    since: Since = None,
    until: Until = None,
    limit: Limit = 20,
    cursor: Cursor = None,
) -> Rows:
    """Find events that one dataset has more than once: one row for each group of duplicates, with the event to keep and
    the others. To merge a group use merge_duplicate_events.
    """
    dataset = require_readable_dataset(dataset_id, read_policy, "dataset_id")
    scope = DatasetScope((dataset.uuid,), (dataset.name,), read_policy)
    start, end = resolve_period(since, until, now)
    found = await find_duplicates(client, scope, by, start, end)
    facts = {**describe_groups(found), **dataset_facts(scope, found.report)}
    notes = [*reading_notes(scope, found.report), *([CUT] if found.more else []), *([] if found.groups else [NONE])]
    identity = {"dataset": dataset.uuid, "by": by, "since": since, "until": until}
    rows = list_cells(found.groups, by)
    return fit_list("groups", COLUMNS[by], rows, paging, limit, facts, notes, **identity)


@CURATION.tool("Merge duplicate events", ToolEffect.DELETE)
async def merge_duplicate_events(
    client: Client, plan: Merging, dataset_id: HomeDataset, keep: Keep, event_ids: Others, confirm: Confirm = None
) -> Card:
    """Merge duplicates of one dataset into the event to keep, and delete them: it gets their tags and links, their
    values where it has none, and the highest marking. Without `confirm` it changes nothing and returns a preview with
    the code. To find them use list_duplicate_events.
    """
    return plan.preview or await plan.carry_out(client)
