"""Importing many threat events at once."""

from typing import Annotated, Final

from mcp.server.mcpserver import Resolve

from cf1_mcp.answers.card import Card
from cf1_mcp.api.client import ThreatEventsClient
from cf1_mcp.changes.creation import plan_import, plan_import_again
from cf1_mcp.changes.effect import Result
from cf1_mcp.changes.guards import Planned, approved
from cf1_mcp.context import Client, ToolContext
from cf1_mcp.contracts.arguments import Confirm
from cf1_mcp.contracts.effects import ToolEffect
from cf1_mcp.contracts.toolset import CURATION
from cf1_mcp.imports.batch import Batch
from cf1_mcp.imports.call_arguments import CheckedBatch, Content, ContentFormat, Defaults, OnDuplicate, TargetDataset
from cf1_mcp.imports.call_import import Report, import_batch
from cf1_mcp.imports.readers.call_rows import CallRows
from cf1_mcp.store.payloads import ImportEvents

ALL_EXIST: Final = "All rows exist already: nothing was sent, so there is no change to undo."


async def _resolve_report(context: ToolContext) -> Report:
    return context.report_progress


ProgressReport = Annotated[Report, Resolve(_resolve_report)]
Import = Annotated[Planned[ImportEvents], Resolve(approved(plan_import, plan_import_again))]


@CURATION.tool("Import threat events", ToolEffect.CREATE)
async def import_threat_events(
    client: Client,
    plan: Import,
    batch: CheckedBatch,
    report: ProgressReport,
    dataset_id: TargetDataset,
    rows: CallRows = None,
    content: Content = None,
    format: ContentFormat = None,  # noqa: A002 - what every export calls it
    defaults: Defaults = None,
    on_duplicate: OnDuplicate = "skip",
    confirm: Confirm = None,
) -> Card:
    """Create many events at once in one dataset: bulk load rows, or a CSV, JSONL, STIX 2.1 or MISP export, with
    parents. Above 25, or if they feed a block list or an alert, a preview with a code comes first.
    """
    if not batch.events and not batch.links:
        return plan.report_no_change(ALL_EXIST)
    return plan.preview or await plan.record(lambda: _import(client, batch, report))


async def _import(client: ThreatEventsClient, batch: Batch, report: Report) -> Result:
    outcome = await import_batch(client, batch, report)
    return Result(outcome.status, outcome.facts, outcome.reasons)
