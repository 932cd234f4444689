"""Moving and copying threat events from one dataset to another, and merging those that one has more than once."""

from typing import Annotated, Final

from mcp.server.mcpserver import Resolve
from pydantic import Field

from cf1_mcp.answers.card import Card
from cf1_mcp.answers.cursors import CurrentPaging
from cf1_mcp.answers.pages import dataset_facts, fit_list, reading_notes
from cf1_mcp.answers.rows import Rows
from cf1_mcp.changes.datasets.copying import CopyEvents, plan_copy
from cf1_mcp.changes.duplicates.merge_sending import MergeEvents
from cf1_mcp.changes.duplicates.merging import plan_merging
from cf1_mcp.changes.guards import Planned, approved
from cf1_mcp.changes.moves import MoveEvents, plan_move
from cf1_mcp.context import Client, Now
from cf1_mcp.contracts.arguments import (
    ChosenIds,
    Confirm,
    Cursor,
    EventId,
    EventIds,
    HomeDataset,
    Limit,
    Selection,
    Since,
    Until,
)
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

Destination = Annotated[str, Field(description="Dataset name or uuid to move them to")]
KeepRaw = Annotated[bool, Field(description="false loses the raw evidence for good")]
CopyTarget = Annotated[str, Field(description="Dataset name or uuid to copy them to")]
CopyRaw = Annotated[bool, Field(description="Copy raw evidence too; at most 10 events then")]
By = Annotated[Sameness, Field(description="Same indicator, type and day; or same title and source")]
Keep = Annotated[EventId, Field(description="Uuid of the event that stays")]
Others = Annotated[EventIds, Field(description="Uuids of its duplicates")]
Merging = Annotated[Planned[MergeEvents], Resolve(approved(plan_merging))]
NO_DUPLICATES: Final = "No two of the compared events are the same in this way."
CUT: Final = f"Only the newest {MAX_COMPARED:,} events were compared: pass until for older ones."
Move = Annotated[Planned[MoveEvents], Resolve(approved(plan_move))]

Copying = Annotated[Planned[CopyEvents], Resolve(approved(plan_copy))]


@CURATION.tool("Move threat events", ToolEffect.DELETE)
async def move_threat_events(
    client: Client,
    plan: Move,
    dataset_id: HomeDataset,
    destination_dataset_id: Destination,
    event_ids: ChosenIds = None,
    selection: Selection = None,
    keep_raw_data: KeepRaw = True,
    confirm: Confirm = None,
) -> Card:
    """Move events from one dataset to another, by default with their raw evidence: quarantine suspicious ones, transfer
    or archive them. Without `confirm` it changes nothing and returns a preview with the code. To remove events for good
    use delete_threat_events.
    """
    return plan.preview or await plan.carry_out(client)


@CURATION.tool("Copy threat events", ToolEffect.CREATE)
async def copy_threat_events(
    client: Client,
    plan: Copying,
    dataset_id: HomeDataset,
    destination_dataset_id: CopyTarget,
    event_ids: ChosenIds = None,
    selection: Selection = None,
    keep_raw_data: CopyRaw = False,
    confirm: Confirm = None,
) -> Card:
    """Copy events to another dataset, and leave the originals: collect a case, share or duplicate a selection. If the
    copies feed a block list, become public or are many, a preview with a code comes first. undo_change deletes copies.
    """
    return plan.preview or await plan.carry_out(client)


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
    """Find events that one dataset has more than once, to clean up or before merging them: one row for each group of
    duplicates, with the event to keep and the others.
    """
    dataset = require_readable_dataset(dataset_id, read_policy, "dataset_id")
    scope = DatasetScope((dataset.uuid,), (dataset.name,), read_policy)
    start, end = resolve_period(since, until, now)
    found = await find_duplicates(client, scope, by, start, end)
    facts = {**describe_groups(found), **dataset_facts(scope, found.report)}
    notes = [
        *reading_notes(scope, found.report),
        *([CUT] if found.more else []),
        *([] if found.groups else [NO_DUPLICATES]),
    ]
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
