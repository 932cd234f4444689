"""An import of a file in the journal: one change for what one run made, however often it was interrupted.

A run that is killed leaves its change without an outcome, and the next run continues that change. A run that stops by
itself finishes it, and the next run begins another. So each created event is in one change, and undoing that change
takes back those events and no others.
"""

from typing import Final

from pydantic import JsonValue

from cf1_mcp.models import Dataset
from cf1_mcp.store.import_ledger import ImportLedger
from cf1_mcp.store.journal import Journal
from cf1_mcp.store.journal_records import Intent, JournalError, Outcome
from cf1_mcp.text.plurals import plural

MAX_IDS: Final = 10_000  # as many as the operator can let an undo delete at once
TOOL: Final = "import_threat_events"


async def begin_change(journal: Journal, ledger: ImportLedger, dataset: Dataset, digest: str) -> str:
    """Return the id of the change that the run belongs to, which is on disk before anything is sent.

    Raises:
        JournalError: it cannot be written, so nothing may be sent.
    """
    if open_change := await ledger.fact("change"):
        try:
            if (await journal.change(open_change)).finished_at is None:
                return open_change
        except JournalError:
            pass  # the journal was removed in the meantime; a new change contains what was created
        else:
            await ledger.close_change()
    rows, links = await ledger.work_left()
    change_id = await journal.begin(
        Intent(
            tool=TOOL,
            arguments={"dataset_id": dataset.uuid, "rows": rows, "digest": digest},
            datasets=(dataset.uuid,),
            summary=f"Import {plural(rows, 'event')} with {plural(links, 'relationship')} from a file into dataset "
            f"{dataset.name!r}.",
            before=None,
        )
    )
    await ledger.note({"change": change_id})
    return change_id


async def finish_change(journal: Journal, ledger: ImportLedger, change_id: str, stopped: str, report: str) -> None:
    """Record the outcome: how much was made, and the ids, unless they are more than an undo could delete."""
    made = await ledger.rows.outcome()
    facts: dict[str, JsonValue] = {"events": made.created, "relationships": made.links, "report": report}
    if stopped:
        facts["stopped"] = stopped
    if made.created <= MAX_IDS:
        facts["created"] = [{"row": place, "uuid": uuid} for place, uuid in await ledger.rows.created()]
    else:
        facts["undo"] = f"Not by undo_change, which deletes at most {MAX_IDS:,} events: the report has the ids."
    outcome: Outcome = "done" if not stopped and not made.left else "partial" if made.created else "failed"
    if made.unknown:
        # Some may have been created: the next run finds out, and its own change contains them.
        outcome = "unknown"
    await journal.finish(change_id, outcome, facts)
    await ledger.close_change()
