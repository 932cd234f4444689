"""The entries of the journal and the chain that they form.

Entries are only ever added. Each has the SHA-256 of its own content and of the entry before it, and the head has
their number and the last hash. So an altered, removed, added or moved entry is detected. The chain has no key: it
detects damage and tampering, unless someone with write access computes every later hash again. The anchor
(`journal_anchor.py`) detects a journal that is missing or shorter than it was.
"""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from hashlib import sha256
from typing import Literal

from cf1_mcp.store.database import Connection, Schema
from cf1_mcp.store.journal_records import JournalError, Outcome
from cf1_mcp.text.plurals import plural
from cf1_mcp.text.sanitize import clean

_TABLES = (
    "CREATE TABLE entry (seq INTEGER PRIMARY KEY, change TEXT NOT NULL, kind TEXT NOT NULL, undoes TEXT, "
    # The last column, so that reading the others does not read its megabytes.
    "content TEXT NOT NULL, pre_image_hash TEXT, hash TEXT NOT NULL, pre_image TEXT, "
    # A TEXT column may also hold bytes, which a search by text does not find.
    "CHECK (typeof(change) = 'text' AND typeof(kind) = 'text' AND typeof(undoes) IN ('text', 'null')))",
    "CREATE UNIQUE INDEX one_intent ON entry (change) WHERE kind = 'intent'",
    "CREATE UNIQUE INDEX one_outcome ON entry (change) WHERE kind <> 'intent'",
    "CREATE INDEX undoing ON entry (undoes) WHERE undoes IS NOT NULL",
    "CREATE TABLE head (entries INTEGER NOT NULL, hash TEXT NOT NULL)",
    "INSERT INTO head VALUES (0, '')",
)
SCHEMA = Schema("a journal", 0x43463154, 1, _TABLES, "Ask the operator to run 'cf1-mcp journal verify'.")
CHANGE_ID = re.compile("c-[0-9a-z]{5}-[0-9a-z]{5}")

Kind = Literal["intent"] | Outcome


@dataclass(frozen=True)
class Entry:
    """An entry without its pre-image, which may be megabytes. `content` is JSON."""

    seq: int
    change: str
    kind: Kind
    undoes: str | None
    content: str
    pre_image_hash: str | None
    hash: str

    def expected_hash(self, previous: str) -> str:
        """Return the hash that this entry must have after one with the hash `previous`."""
        header = [previous, self.seq, self.change, self.kind, self.undoes, self.pre_image_hash]
        return _sha256(f"{json.dumps(header)}\n{self.content}")


def append(
    db: Connection,
    change_id: str,
    kind: Kind,
    content: str,
    undoes: str | None = None,
    pre_image: str | None = None,
) -> None:
    """Add an entry.

    Raises:
        JournalError: the head does not match the last entry. An append would hide the tampering.
    """
    head = db.execute("SELECT entries, hash FROM head").fetchall()
    last = find_end(db)
    if head != [last]:
        raise JournalError(
            "entries at the end of the journal were altered, removed or added. Ask the operator to run "
            "'cf1-mcp journal verify'."
        )
    seq, previous = last
    pre_image_hash = None if pre_image is None else _sha256(pre_image)
    entry = Entry(seq + 1, change_id, kind, undoes, content, pre_image_hash, "")
    entry = replace(entry, hash=entry.expected_hash(previous))
    db.execute(
        "INSERT INTO entry (seq, change, kind, undoes, content, pre_image_hash, hash, pre_image) "
        "VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
        (entry.seq, change_id, kind, undoes, content, pre_image_hash, entry.hash, pre_image),
    )
    db.execute("UPDATE head SET entries = ?, hash = ?", (entry.seq, entry.hash))


def find_intent_number(db: Connection, change_id: str) -> int:
    """Return the number of the entry with the intent of a change.

    Raises:
        JournalError: there is none.
    """
    row = None
    if CHANGE_ID.fullmatch(change_id):
        row = db.execute("SELECT seq FROM entry WHERE change = ? AND kind = 'intent'", (change_id,)).fetchone()
    if row is None:
        raise unknown_change_error(change_id)
    return row[0]


def find_outcome_number(db: Connection, change_id: str) -> int | None:
    """Return the number of the entry with the outcome of a change, if it has one."""
    row = db.execute("SELECT seq FROM entry WHERE change = ? AND kind <> 'intent'", (change_id,)).fetchone()
    return row[0] if row else None


def newest_intents(db: Connection, before: int | None) -> Iterator[int]:
    """Yield the numbers of the intents, newest first; only those before the entry `before`."""
    newest = "SELECT seq FROM entry WHERE kind = 'intent' AND seq < coalesce(?, seq + 1) ORDER BY seq DESC"
    for (seq,) in db.execute(newest, (before,)):
        yield seq


def find_undo(db: Connection, change_id: str) -> str | None:
    """Return the newest change that undoes this one and has not failed."""
    row = db.execute(
        "SELECT change FROM entry AS undo WHERE undoes = ? AND kind = 'intent' AND NOT EXISTS "
        "(SELECT 1 FROM entry WHERE change = undo.change AND kind = 'failed') ORDER BY seq DESC LIMIT 1",
        (change_id,),
    ).fetchone()
    return row[0] if row else None


def find_end(db: Connection) -> tuple[int, str]:
    """Return the number and the hash of the last entry; 0 and an empty text if there is none."""
    return db.execute("SELECT seq, CAST(hash AS TEXT) FROM entry ORDER BY seq DESC LIMIT 1").fetchone() or (0, "")


def count_entries(db: Connection) -> int:
    """Return how many entries there are. Each half is counted in an index of its own, without reading the entries."""
    intents = "SELECT count(*) FROM entry WHERE kind = 'intent'"
    outcomes = "SELECT count(*) FROM entry WHERE kind <> 'intent'"
    return sum(db.execute(query).fetchall()[0][0] for query in (intents, outcomes))


def find_hash(db: Connection, seq: int) -> str | None:
    """Return the hash that an entry has; None if there is no such entry."""
    row = db.execute("SELECT CAST(hash AS TEXT) FROM entry WHERE seq = ?", (seq,)).fetchone()
    return row[0] if row else None


def find_number(db: Connection, digest: str) -> int | None:
    """Return the number of the entry that has a hash; None if none has it."""
    row = db.execute("SELECT seq FROM entry WHERE hash = ?", (digest,)).fetchone()
    return row[0] if row else None


def is_last_intent_of_this_format(db: Connection) -> bool:
    """Whether the newest intent states its origin, as those of releases before 0.3 do not."""
    newest = "SELECT CAST(content AS TEXT) FROM entry WHERE kind = 'intent' ORDER BY seq DESC LIMIT 1"
    row = db.execute(newest).fetchone()
    try:
        content = json.loads(row[0]) if row else None
    except ValueError:
        return False  # altered, which `find_problems` reports
    return isinstance(content, dict) and "origin" in content


def read_intact_entry(db: Connection, seq: int) -> Entry:
    """Return an entry as it was written.

    Raises:
        JournalError: it was altered.
    """
    entry = _read_entry(db, seq)
    if entry.hash != entry.expected_hash(_read_entry(db, seq - 1).hash if seq > 1 else ""):
        raise _altered_entry_error(entry)
    return entry


def read_intact_pre_image(db: Connection, entry: Entry) -> str:
    """Return the pre-image of an intent, as the JSON that was written.

    Raises:
        JournalError: it was altered.
    """
    found = _read_pre_image(db, entry.seq)
    if found is None or _sha256(found) != entry.pre_image_hash:
        raise _altered_entry_error(entry)
    return found


def find_problems(db: Connection) -> list[str]:
    """Return what is wrong with the chain, one sentence each."""
    found: list[str] = []
    number, previous = 0, ""
    for (seq,) in db.execute("SELECT seq FROM entry ORDER BY seq"):
        entry = _read_entry(db, seq)
        if seq < 1:
            found.append(f"Entry {seq} was added: the first is entry 1.")
            continue
        if seq > number + 1:
            found.append(f"Entries are missing between {number} and {seq}.")
        elif entry.hash != entry.expected_hash(previous):
            found.append(f"Entry {seq} was altered, or it did not follow entry {number}.")
        pre_image = _read_pre_image(db, seq)
        if entry.pre_image_hash != (None if pre_image is None else _sha256(pre_image)):
            found.append(f"The pre-image in entry {seq} was altered.")
        number, previous = seq, entry.hash
    return [*found, *_find_head_problems(db.execute("SELECT entries, hash FROM head").fetchall(), number, previous)]


def unknown_change_error(change_id: str) -> JournalError:
    """Return the error for a change that is not in the journal."""
    return JournalError(
        f"There is no change '{clean(change_id, 40)}' in the journal. Use an id that list_changes shows."
    )


def _read_entry(db: Connection, seq: int) -> Entry:
    # Bytes in a TEXT column are read as text; the hash and the database's own check find them.
    row = db.execute(
        "SELECT seq, CAST(change AS TEXT), CAST(kind AS TEXT), CAST(undoes AS TEXT), CAST(content AS TEXT), "
        "CAST(pre_image_hash AS TEXT), CAST(hash AS TEXT) FROM entry WHERE seq = ?",
        (seq,),
    ).fetchone()
    if row is None:
        raise JournalError(f"Entry {seq} of the journal is missing. Ask the operator to run 'cf1-mcp journal verify'.")
    return Entry(*row)


def _read_pre_image(db: Connection, seq: int) -> str | None:
    row = db.execute("SELECT CAST(pre_image AS TEXT) FROM entry WHERE seq = ?", (seq,)).fetchone()
    return row[0] if row else None


def _find_head_problems(heads: list[tuple[int, str]], last: int, hash_of_last: str) -> list[str]:
    if len(heads) != 1:
        return [f"There are {len(heads)} heads instead of one: the end of the journal is unknown."]
    [(counted, hash_of_counted)] = heads
    if counted != last:
        entries = plural(counted, "entry", "entries")
        return [f"The head counts {entries} and the last is {last}: entries at the end were removed or added."]
    if hash_of_counted != hash_of_last:
        return [f"The head does not match the last entry, {last}: one of them was altered."]
    return []


def _altered_entry_error(entry: Entry) -> JournalError:
    return JournalError(
        f"Entry {entry.seq} of the journal was altered or damaged, so it cannot be used. "
        "Ask the operator to run 'cf1-mcp journal verify'."
    )


def _sha256(text: str) -> str:
    return sha256(text.encode("utf-8", "surrogateescape")).hexdigest()
