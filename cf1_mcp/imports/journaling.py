"""An import in the journal: one change for what one run made, however often it was interrupted.

A run that is killed leaves its change without an outcome, and the next run goes on with that change. A run that stops
by itself finishes it, and the next one begins another. So each event that was made is told by one change, and undoing
that takes back those events and no others.
"""

from typing import Final

import anyio.to_thread
from pydantic import JsonValue

from cf1_mcp.models import Dataset
from cf1_mcp.store.import_ledger import Ledger
from cf1_mcp.store.journal import Journal
from cf1_mcp.store.journal_records import Intent, JournalError, Outcome

MAX_IDS: Final = 10_000  # as many as the operator can let an undo delete at once
TOOL: Final = "import_threat_events"


async def begin(journal: Journal, ledger: Ledger, dataset: Dataset, digest: str) -> str:
    """The change that the run belongs to, on disk before anything is sent.

    Raises:
        JournalError: it cannot be written, so that nothing may be sent.
    """
    if open_change := await anyio.to_thread.run_sync(ledger.fact, "change"):
        try:
            if (await journal.change(open_change)).finished_at is None:
                return open_change
        except JournalError:
            pass  # the journal was taken away meanwhile; what was made is told by a new change
        else:
            await _tell(ledger)
    [(rows, links)] = await anyio.to_thread.run_sync(
        ledger.select,
        "SELECT (SELECT count(*) FROM row WHERE state IN ('ready', 'sending')), "
        "(SELECT count(*) FROM link WHERE state NOT IN ('made', 'there'))",
    )
    change_id = await journal.begin(
        Intent(
            tool=TOOL,
            arguments={"dataset_id": dataset.uuid, "rows": int(str(rows)), "digest": digest},
            datasets=(dataset.uuid,),
            summary=f"Import {rows} events with {links} relationships from a file into dataset {dataset.name!r}.",
            before=None,
        )
    )
    ledger.note({"change": change_id})
    return change_id


async def finish(journal: Journal, ledger: Ledger, change_id: str, stopped: str, report: str) -> None:
    """What came of the change: how much was made, and the ids, unless they are more than an undo could take."""
    select = anyio.to_thread.run_sync
    [(made,)] = await select(ledger.select, "SELECT count(*) FROM row WHERE state = 'created' AND told = 0")
    [(links,)] = await select(ledger.select, "SELECT count(*) FROM link WHERE state = 'made'")
    left = await select(ledger.select, "SELECT count(*) FROM row WHERE state IN ('ready', 'sending', 'refused')")
    count = int(str(made))
    facts: dict[str, JsonValue] = {"events": count, "relationships": int(str(links)), "report": report}
    if stopped:
        facts["stopped"] = stopped
    if count <= MAX_IDS:
        query = "SELECT place, uuid FROM row WHERE state = 'created' AND told = 0 AND uuid IS NOT NULL ORDER BY number"
        ids = await select(ledger.select, query)
        facts["created"] = [{"row": int(str(place)), "uuid": str(uuid)} for place, uuid in ids]
    else:
        facts["undo"] = f"Not by undo_change, which takes back {MAX_IDS} events at most: the report has the ids."
    whole = not stopped and not int(str(left[0][0]))
    outcome: Outcome = "done" if whole else "partial" if count else "failed"
    if await anyio.to_thread.run_sync(ledger.select, "SELECT 1 FROM row WHERE state = 'sending' LIMIT 1"):
        # Some may have been made: the next run finds out, and tells them in its own change.
        outcome = "unknown"
    await journal.finish(change_id, outcome, facts)
    await _tell(ledger)


async def _tell(ledger: Ledger) -> None:
    """All that was made so far is in the journal."""
    with ledger.change() as db:
        db.execute("UPDATE row SET told = 1 WHERE state = 'created'")
        db.execute("DELETE FROM fact WHERE name = 'change'")
