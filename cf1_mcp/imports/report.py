"""Reports the outcome of every row and link as JSON Lines, and the whole import in numbers."""

import json
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import anyio
from pydantic import JsonValue

from cf1_mcp.errors import BadFile
from cf1_mcp.imports.batch import format_ranges
from cf1_mcp.store.import_ledger import ImportLedger, ReportedLink, ReportedRow
from cf1_mcp.text.audience import address_operator

MAX_PROBLEMS: Final = 20  # shown at the end; the report has all of them
LOST: Final = "always"
LOST_IF_CREATED: Final = "if created"
NOT_IMPORTED: Final = ("bad", "refused", "ready", "sending")
_ROW_OUTCOMES: Final = {"there": "existed", "bad": "invalid", "ready": "not sent", "sending": "unknown"}
_LINK_OUTCOMES: Final = {"there": "existed", "ready": "not made", "sending": "unknown"}


@dataclass(frozen=True)
class ImportSummary:
    """An import in numbers. `rows` and `links` count by outcome; `problems` are ranges of rows with the problem.

    `earlier` counts the events that an earlier run created. `lost` says whether the file has something that could not
    be kept: `always`, or only `if created`, when an export shows less than the event that it was made from.
    """

    dataset: str
    rows: dict[str, int]
    links: dict[str, int]
    report: Path
    notes: Sequence[str] = ()
    problems: Sequence[tuple[str, str]] = ()
    more_problems: int = 0
    stopped: str = ""
    change_id: str | None = None
    fictional: bool = False
    sent: bool = True
    earlier: int = 0
    lost: str = ""

    @property
    def complete(self) -> bool:
        """Whether every row has its event and every link exists."""
        unlinked = self.links.get("failed", 0) + self.links.get("ready", 0) + self.links.get("sending", 0)
        return not (
            self.stopped or unlinked or self.lacks_content or any(self.rows.get(state) for state in NOT_IMPORTED)
        )

    @property
    def lacks_content(self) -> bool:
        """Whether something of the file is, or would be, missing from the events."""
        is_new = any(self.rows.get(state) for state in ("created", "ready"))
        return self.lost == LOST or (self.lost == LOST_IF_CREATED and is_new)


async def write_report(ledger: ImportLedger, notes: Sequence[str], path: Path) -> None:
    """Write the notes about the file, then every row and every link, one per line.

    Raises:
        BadFile: the report cannot be written.
    """
    try:
        descriptor = os.open(path, os.O_CREAT | os.O_WRONLY | os.O_TRUNC, 0o600)  # only its owner may read it
        async with await anyio.open_file(descriptor, "w", encoding="utf-8") as file:
            await file.writelines(json.dumps({"note": note}) + "\n" for note in notes)
            async for rows in ledger.reported_rows():
                await file.write("".join(map(_row_line, rows)))
            async for links in ledger.reported_links():
                await file.write("".join(map(_link_line, links)))
    except OSError as error:
        raise BadFile(f"--report: {path.name} cannot be written: {error.strerror}. Name another file.") from error


async def summarize_problems(ledger: ImportLedger) -> tuple[list[tuple[str, str]], int]:
    """Return the first problems with the ranges of rows that have them, and the number of further ones."""
    places: dict[str, list[int]] = {}
    more = 0
    async for rows in ledger.rejected_rows():
        for row in rows:
            for words in address_operator(row.reason or "").split("\n"):
                if words in places or len(places) < MAX_PROBLEMS:
                    places.setdefault(words, []).append(row.place)
                else:
                    more += 1
    return [(_first_ranges(numbers), words) for words, numbers in places.items()], more


def _first_ranges(places: list[int]) -> str:
    some = places[:MAX_PROBLEMS]
    return format_ranges(some) + (f" and {len(places) - len(some):,} more" if len(places) > len(some) else "")


def _row_line(row: ReportedRow) -> str:
    fields: dict[str, JsonValue] = {"row": row.place, "outcome": _ROW_OUTCOMES.get(row.state, row.state)}
    reasons: list[JsonValue] | None = [*address_operator(row.reason).split("\n")] if row.reason else None
    # A row that was not sent has the uuid of the event that it was exported from, if any.
    uuid = row.uuid if row.state in ("created", "there", "changed") else None
    optional: dict[str, JsonValue] = {"uuid": uuid, "ref": row.ref, "reasons": reasons}
    return json.dumps(fields | {name: value for name, value in optional.items() if value is not None}) + "\n"


def _link_line(link: ReportedLink) -> str:
    fields: dict[str, JsonValue] = {"parent_row": link.parent, "child_row": link.child, "type": link.type}
    if link.parent is None:
        fields["parent_ref"] = link.parent_ref
    line: dict[str, JsonValue] = {"link": fields, "outcome": _LINK_OUTCOMES.get(link.state, link.state)}
    return json.dumps(line | ({"reason": link.reason} if link.reason else {})) + "\n"
