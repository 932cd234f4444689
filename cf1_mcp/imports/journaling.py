"""Records the import of a file in the journal.

A run that ends records the outcome of its change, and the next run begins another change. A run that is killed leaves
its change open, and the next run continues it. So each created event belongs to exactly one change, whose undo deletes
those events and no others.
"""

from typing import Final

from pydantic import JsonValue

from cf1_mcp.models import Dataset
from cf1_mcp.store.import_ledger import ImportLedger
from cf1_mcp.store.journal import Journal
from cf1_mcp.store.journal_records import ChangeOrigin, Intent, JournalError, Outcome
from cf1_mcp.store.payloads import ImportEvents
from cf1_mcp.text.plurals import plural

MAX_IDS: Final = 10_000  # the most that an operator can allow an undo to delete at once
TOOL: Final = "import_threat_events"


async def begin_change(
    journal: Journal, ledger: ImportLedger, dataset: Dataset, digest: str, origin: ChangeOrigin
) -> str:
    """Return the id of the change that the run belongs to. It is on disk before anything is sent.

    Raises:
        JournalError: the change cannot be recorded, so nothing may be sent.
    """
    if open_change := await ledger.read_fact("change"):
        try:
            if (await journal.change(open_change)).finished_at is None:
                return open_change
        except JournalError:
            pass  # the journal was removed meanwhile; a new change contains the created events
        else:
            await ledger.close_change()
    rows, links = await ledger.work_left()
    change_id = await journal.begin(
        Intent(
            tool=TOOL,
            arguments=ImportEvents(dataset_id=dataset.uuid, rows=rows, digest=digest).arguments(),
            datasets=(dataset.uuid,),
            summary=f"Import {plural(rows, 'event')} with {plural(links, 'relationship')} from a file into dataset "
            f"{dataset.name!r}.",
            before=None,
            origin=origin,
            marking=await ledger.rows.highest_marking(),
        )
    )
    await ledger.store_facts({"change": change_id})
    return change_id


async def finish_change(journal: Journal, ledger: ImportLedger, change_id: str, stopped: str, report: str) -> None:
    """Record the outcome: counts, and the ids of the created events unless an undo could not delete that many."""
    made = await ledger.rows.outcome()
    facts: dict[str, JsonValue] = {"events": made.created, "relationships": made.links, "report": report}
    if stopped:
        facts["stopped"] = stopped
    if made.created <= MAX_IDS:
        facts["created"] = [{"row": place, "uuid": uuid} for place, uuid in await ledger.rows.created()]
    else:
        facts["undo"] = f"Not by undo_change, which deletes at most {MAX_IDS:,} events: the report has the ids."
    outcome: Outcome = "done" if not stopped and not made.left else "partial" if made.created else "failed"
    if made.unknown or (await ledger.links.counts()).get("sending"):
        # Some may have been created. The next run finds out, and its change contains them.
        outcome = "unknown"
    await journal.finish(change_id, outcome, facts)
    await ledger.close_change()
