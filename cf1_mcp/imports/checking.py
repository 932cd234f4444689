"""The first pass: the whole file is read and checked into the ledger before anything is sent."""

import hashlib
from collections.abc import Mapping
from itertools import islice
from typing import Final

import anyio.to_thread
from pydantic import JsonValue
from pydantic_core import to_json

from cf1_mcp.imports.progress import Progress
from cf1_mcp.imports.readers.rows import SourceRow, SourceRows
from cf1_mcp.imports.row_checks import RowChecks, is_whole
from cf1_mcp.store.import_ledger import Ledger, NewLine

BATCH_SIZE: Final = 1000
MAX_DEPTH: Final = 100  # levels of parents; deeper ones are taken for a circle
_TWINS: Final = """
UPDATE row SET state = 'there', twin = first.number, reason = 'it repeats row ' || first.place || ' of the file'
FROM (
    SELECT number, place, key FROM row
    WHERE number IN (SELECT min(number) FROM row WHERE state = 'ready' GROUP BY key HAVING count(*) > 1)
) AS first
WHERE row.key = first.key AND row.state = 'ready' AND row.number <> first.number
"""
_WRONG: Final = (
    """
    SELECT r.number, 'ref: row ' || f.place || ' has the same one already' FROM row r JOIN (
        SELECT ref, min(number) number, min(place) place FROM row WHERE ref IS NOT NULL GROUP BY ref HAVING count(*) > 1
    ) f ON f.ref = r.ref AND f.number <> r.number
    """,
    "SELECT child, 'parent_ref: no row has the ref ' || quote(substr(ref, 1, 80)) FROM link WHERE parent IS NULL",
    "SELECT DISTINCT child, 'parent_ref: the row would stand above itself, or too many levels deep' FROM above",
)


async def fill(ledger: Ledger, rows: SourceRows, checks: RowChecks, progress: Progress) -> None:
    """Read and check all rows, then how they hang together. What is wrong stands with each row in the ledger."""
    await anyio.to_thread.run_sync(ledger.start_over)
    number = 0
    while some := await anyio.to_thread.run_sync(_next, rows):
        lines: list[NewLine] = []
        links: list[tuple[int, str, str]] = []
        for row in some:
            lines.append(await _line(number, row, checks))
            if row.parents:
                links += [(number, parent.ref, parent.type) for parent in row.parents if is_whole(parent.ref)]
            number += 1
        await anyio.to_thread.run_sync(ledger.add, lines, links)
        progress.advance("checked", len(some))
    await anyio.to_thread.run_sync(_join, ledger)


def drop_twins(ledger: Ledger) -> None:
    """Rows that repeat an earlier row of the file (indicators, date and title) are taken for the same event."""
    with ledger.change() as db:
        db.execute(_TWINS)


def event_key(fields: Mapping[str, JsonValue]) -> bytes:
    """What makes two rows of a file the same event: its indicators, its date and its title."""
    parts = [str(fields.get("date")), str(fields.get("event"))]
    if (indicator := fields.get("indicator")) is not None:
        parts.append(str(indicator))
    several = fields.get("indicators")
    if isinstance(several, list):
        parts += sorted(str(one["value"]) for one in several if isinstance(one, dict))
    return hashlib.blake2b("\0".join(parts).encode(), digest_size=16).digest()


def _next(rows: SourceRows) -> list[SourceRow]:
    return list(islice(rows, BATCH_SIZE))


async def _line(number: int, row: SourceRow, checks: RowChecks) -> NewLine:
    fields, problems = await checks.check(row)
    if problems:
        ref = row.ref if row.ref is None or is_whole(row.ref) else None
        return NewLine(number, row.place, "bad", None, None, ref, "\n".join(dict.fromkeys(problems)))
    return NewLine(number, row.place, "ready", to_json(fields).decode(), event_key(fields), row.ref, None)


def _join(ledger: Ledger) -> None:
    """Find the parents, and what is wrong with refs and parents."""
    with ledger.change() as db:
        db.execute("UPDATE link SET parent = (SELECT min(number) FROM row WHERE row.ref = link.ref)")
        # Links whose parent has no parent left cannot be in a circle; taken away level by level, circles remain.
        db.execute("CREATE TEMP TABLE above (child INTEGER, parent INTEGER)")
        db.execute("INSERT INTO above SELECT child, parent FROM link WHERE parent IS NOT NULL")
        db.execute("CREATE INDEX temp.above_child ON above (child)")
        for _ in range(MAX_DEPTH):
            if not db.execute("DELETE FROM above WHERE parent NOT IN (SELECT child FROM above)").rowcount:
                break
        problems = [found for query in _WRONG for found in db.execute(query).fetchall()]
        db.execute("DROP TABLE above")
        db.executemany(
            "UPDATE row SET state = 'bad', reason = coalesce(reason || char(10), '') || ? WHERE number = ?",
            ((reason, number) for number, reason in problems),
        )
