"""Importing many threat events at once."""

from collections import Counter
from collections.abc import Sequence
from typing import Annotated, Final

from mcp.server.mcpserver import Resolve
from pydantic import JsonValue

from cf1_mcp.answers.card import Card
from cf1_mcp.api.client import ThreatEventsClient
from cf1_mcp.changes.guards import Effect, Planned, Result, approved
from cf1_mcp.context import Client, ToolContext
from cf1_mcp.contracts.arguments import Confirm
from cf1_mcp.contracts.effects import ToolEffect
from cf1_mcp.contracts.toolset import CURATION
from cf1_mcp.imports.batch import Batch
from cf1_mcp.imports.call_arguments import CheckedBatch, Content, ContentFormat, Defaults, OnDuplicate, TargetDataset
from cf1_mcp.imports.call_import import Report, import_batch
from cf1_mcp.imports.readers.call_rows import CallRows
from cf1_mcp.models import NewEvent
from cf1_mcp.policy.writing import Writer
from cf1_mcp.text.plurals import plural

IMPORT_WITHOUT_CODE: Final = 25  # rows; more than a person would read through need a person's consent
NOTHING: Final = "All rows exist already: nothing was sent, so there is no change to undo."


async def _report(context: ToolContext) -> Report:
    return context.report_progress


Progress = Annotated[Report, Resolve(_report)]


async def _plan(batch: CheckedBatch, writing: Writer, on_duplicate: str) -> Effect:
    dataset, count, links = batch.dataset, len(batch.events), len(batch.links)
    undo = "undo_change deletes the events whose ids the API returned, within the operator's rules; new tags stay."
    if count > writing.operator.max_change:
        undo = f"Not by undo_change: CF1_MAX_CHANGE ({writing.operator.max_change}) lets it delete fewer at once."
    events = [*batch.events.values()]
    if any({link.parent, link.child} <= {*batch.there} for link in batch.links):
        undo += " Relationships between events that existed before stay."
    return Effect(
        tool="import_threat_events",
        arguments={
            "dataset_id": dataset.uuid,
            "rows": batch.given,
            "digest": batch.digest,
            "on_duplicate": on_duplicate,
        },
        datasets=(dataset.uuid,),
        summary=f"Create {plural(count, 'event')} with {plural(links, 'relationship')} in dataset {dataset.name!r}.",
        before=None,
        undo=undo,
        # By the rows as given: a code must not become unnecessary because others created some of them in the meantime.
        needs_code=batch.given > IMPORT_WITHOUT_CODE and bool(batch.events or batch.links),
        facts={
            "events": count,
            "relationships": links,
            **(_described(events) if events else {}),
        },
        events=batch.sample(),
        read_as=batch.facts,
    )


def _described(events: Sequence[NewEvent]) -> dict[str, JsonValue]:
    dates = sorted(event.date for event in events)
    return {
        "dates": f"{dates[0]} to {dates[-1]}",
        "markings": {**Counter(event.tlp for event in events)},
        "categories": {**Counter(event.category for event in events)},
    }


Import = Annotated[Planned, Resolve(approved(_plan))]


@CURATION.tool("Import threat events", ToolEffect.CREATE)
async def import_threat_events(
    client: Client,
    plan: Import,
    batch: CheckedBatch,
    progress: Progress,
    dataset_id: TargetDataset,
    rows: CallRows = None,
    content: Content = None,
    format: ContentFormat = None,  # noqa: A002 - what every export calls it
    defaults: Defaults = None,
    on_duplicate: OnDuplicate = "skip",
    confirm: Confirm = None,
) -> Card:
    """Create many events at once in one dataset: bulk load rows, or a CSV, JSONL, STIX 2.1 or MISP export, with
    parents. Above 25 a preview with a code comes first.
    """
    if not batch.events and not batch.links:
        return plan.nothing(NOTHING)
    return plan.preview or await plan.carry_out(lambda: _carry_out(client, batch, progress))


async def _carry_out(client: ThreatEventsClient, batch: Batch, report: Report) -> Result:
    outcome = await import_batch(client, batch, report)
    return Result(outcome.status, {**outcome.facts, **outcome.reasons})
