"""What became of every row and link, as JSON Lines, and the same in numbers."""

import json
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from cf1_mcp.errors import BadFile
from cf1_mcp.imports.batches import spans
from cf1_mcp.store.import_ledger import Ledger

MAX_PROBLEMS: Final = 20  # told at the end; the report has all
NOT_IMPORTED: Final = ("bad", "refused", "ready", "sending")
_ROWS: Final = """
SELECT
    number,
    json_object(
        'row', place,
        'outcome', CASE state WHEN 'ready' THEN 'not sent' WHEN 'sending' THEN 'unknown' ELSE state END
    ),
    uuid, ref, reason
FROM row WHERE number > ? ORDER BY number LIMIT ?
"""
_LINKS: Final = """
SELECT link.id - 1, p.place, c.place, link.type, link.state, link.reason, link.ref FROM link
JOIN row c ON c.number = link.child LEFT JOIN row p ON p.number = link.parent
WHERE link.id - 1 > ? ORDER BY link.id LIMIT ?
"""


@dataclass(frozen=True)
class Summary:
    """An import in numbers. `rows` and `links` count by outcome; `problems` are the words and the places of rows."""

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

    @property
    def complete(self) -> bool:
        """Whether every row has its event and every link is there."""
        unlinked = self.links.get("failed", 0) + self.links.get("ready", 0) + self.links.get("sending", 0)
        return not (self.stopped or unlinked or any(self.rows.get(state) for state in NOT_IMPORTED))


def write_report(ledger: Ledger, notes: Sequence[str], path: Path) -> None:
    """Every row and every link on a line of its own, after the notes about the file.

    Raises:
        BadFile: it cannot be written.
    """
    try:
        descriptor = os.open(path, os.O_CREAT | os.O_WRONLY | os.O_TRUNC, 0o600)
        with open(descriptor, "w", encoding="utf-8") as file:  # noqa: PTH123 - so that only its owner may read it
            file.writelines(json.dumps({"note": note}) + "\n" for note in notes)
            for rows in ledger.stream(_ROWS):
                file.writelines(_row(*row[1:]) for row in rows)
            for links in ledger.stream(_LINKS):
                file.writelines(_link(*link[1:]) for link in links)
    except OSError as error:
        raise BadFile(f"--report: {path.name} cannot be written: {error.strerror}. Name another file.") from error


def problems_of(ledger: Ledger) -> tuple[list[tuple[str, str]], int]:
    """The most frequent problems with the rows that have them, and how many further ones there are."""
    places: dict[str, list[int]] = {}
    more = 0
    query = (
        "SELECT number, place, reason FROM row WHERE number > ? AND state IN ('bad', 'refused') ORDER BY number LIMIT ?"
    )
    for rows in ledger.stream(query):
        for _, place, reason in rows:
            for words in str(reason).split("\n"):
                if words in places or len(places) < MAX_PROBLEMS:
                    places.setdefault(words, []).append(int(str(place)))
                else:
                    more += 1
    return [(_spans(numbers), words) for words, numbers in places.items()], more


def _spans(places: list[int]) -> str:
    some = places[:MAX_PROBLEMS]
    return spans(some) + (f" and {len(places) - len(some):,} more" if len(places) > len(some) else "")


def _row(head: object, uuid: object, ref: object, reason: object) -> str:
    if uuid is None and ref is None and reason is None:
        return f"{head}\n"
    rest = {"uuid": uuid, "ref": ref, "reasons": str(reason).split("\n") if reason else None}
    # The head is JSON of the database's own making: what is added goes before its last brace.
    added = json.dumps({name: value for name, value in rest.items() if value is not None}, ensure_ascii=True)
    return f"{str(head)[:-1]},{added[1:]}\n"


def _link(parent: object, child: object, kind: object, state: object, reason: object, ref: object) -> str:
    told = {"parent_row": parent, "child_row": child, "type": kind}
    if parent is None:
        told["parent_ref"] = ref
    outcome = {"ready": "not made", "sending": "unknown"}.get(str(state), state)
    return json.dumps({"link": told, "outcome": outcome} | ({"reason": reason} if reason else {})) + "\n"
