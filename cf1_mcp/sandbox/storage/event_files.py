"""Events in files: JSONL, plain or gzipped, one record a line, read and loaded into a store."""

import gzip
import sqlite3
import zlib
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO, Final
from uuid import uuid5

from pydantic import BaseModel, ConfigDict, ValidationError

from cf1_mcp.models import RelationshipType
from cf1_mcp.sandbox.errors import BadRecord, BadRequest
from cf1_mcp.sandbox.event_input import draft
from cf1_mcp.sandbox.invented import NAMESPACE
from cf1_mcp.sandbox.json_values import parse_json
from cf1_mcp.sandbox.storage.database import SandboxDatabase, add_dataset
from cf1_mcp.sandbox.storage.dataset_history import remember_load, without_insert_history
from cf1_mcp.sandbox.storage.event_moves import link, refer
from cf1_mcp.sandbox.storage.event_writes import NewRow, find_event, insert_events, last_event
from cf1_mcp.sandbox.storage.vocabulary_tables import VocabularyIds
from cf1_mcp.sandbox.timestamps import exact

GZIP: Final = b"\x1f\x8b"
AT_ONCE: Final = 5_000

OnSkip = Callable[[BadRecord], None]


class Parent(BaseModel):
    """The event that a record hangs under."""

    ref: str
    type: RelationshipType


class EventRecord(BaseModel):
    """One event of a file. `ref` names it within the file; `body` is as the API takes it, and may hold `createdAt`."""

    model_config = ConfigDict(extra="ignore")

    ref: str
    dataset: str
    parents: list[Parent] = []
    references: list[str] = []
    body: dict[str, object]


@dataclass
class LoadResult:
    """What a load made; `skipped` counts records left out."""

    events: int = 0
    links: int = 0
    datasets: list[str] = field(default_factory=list[str])
    skipped: int = 0


def read_records(path: Path, *, skip_bad: bool = False, on_skip: OnSkip | None = None) -> Iterator[EventRecord]:
    """The records of a JSONL file, plain or gzipped; empty lines count for nothing.

    A line that is no record raises BadRecord, or with `skip_bad` is told to `on_skip` and left out.
    """
    with path.open("rb") as file:
        for number, line in enumerate(_lines(file, path), 1):
            if not line.strip():
                continue
            try:
                record = _record(line, f"line {number} of {path.name}")
            except BadRecord as bad:
                if not skip_bad:
                    raise
                if on_skip is not None:
                    on_skip(bad)
                continue
            yield record


def load_records(store: SandboxDatabase, records: Iterable[EventRecord], *, skip_bad: bool = False) -> LoadResult:
    """Load everything or, on BadRecord, nothing; datasets and categories are made as they are named.

    A parent or a reference may stand after what names it. With `skip_bad`, records and links that do not fit are
    counted in `skipped` instead.
    """
    with store.transaction() as db:
        return _Load(db, store.now(), skip_bad).run(records)


class _Load:
    """One load, inside a transaction."""

    def __init__(self, db: sqlite3.Connection, now: str, skip_bad: bool) -> None:
        self._db = db
        self._now = now
        self._skip_bad = skip_bad
        self._loaded = LoadResult()
        self._vocabulary = VocabularyIds(db, makes_categories=True)
        self._datasets: dict[str, int] = {row[0].lower(): row[1] for row in db.execute("SELECT name, id FROM dataset")}
        self._rows: list[NewRow] = []
        self._numbers: dict[str, int] = {}
        self._next = last_event(db) + 1

    def run(self, records: Iterable[EventRecord]) -> LoadResult:
        first = self._next
        joined: list[EventRecord] = []
        without_insert_history(self._db)
        for record in records:
            if self._fits(record):
                self._numbers[record.ref] = self._next
                self._next += 1
                if record.parents or record.references:
                    joined.append(record)
            if len(self._rows) >= AT_ONCE:
                self._store()
        self._store()
        for record in joined:
            self._join(record)
        remember_load(self._db, first)
        self._loaded.events = len(self._numbers)
        # The planner weighs indexes by what the tables hold now.
        self._db.execute("ANALYZE")
        return self._loaded

    def _fits(self, record: EventRecord) -> bool:
        try:
            if record.ref in self._numbers:
                raise BadRequest("its ref names an earlier record too; give each record its own")
            self._rows.append(self._row(record))
        except BadRequest as bad:
            self._refuse(f"record {record.ref!r} cannot be loaded: {bad.message}", bad)
            return False
        return True

    def _row(self, record: EventRecord) -> NewRow:
        made = draft(record.body)
        created = record.body.get("createdAt")
        # An event without its own was created when it happened, but never later than now.
        created_at = min(exact(created, "createdAt") if created else made.date, self._now)
        name = record.dataset.strip()
        if name.lower() not in self._datasets:
            self._datasets[name.lower()] = add_dataset(self._db, name)
            self._loaded.datasets.append(name)
        dataset = self._datasets[name.lower()]
        uuid = str(uuid5(NAMESPACE, f"event {name.lower()} {record.ref}"))
        if find_event(self._db, uuid, dataset) is not None:
            raise BadRequest("it is loaded already; load into a new store, or leave it out")
        return NewRow(made, dataset, uuid, created_at)

    def _store(self) -> None:
        insert_events(self._db, self._rows, self._vocabulary)
        self._rows = []

    def _join(self, record: EventRecord) -> None:
        event = self._numbers[record.ref]
        for parent in record.parents:
            number = self._numbers.get(parent.ref)
            if number is None or number == event:
                self._refuse(f"record {record.ref!r} names parent {parent.ref!r}, which is no other record of the load")
            else:
                self._loaded.links += link(self._db, number, event, parent.type)
        for ref in record.references:
            number = self._numbers.get(ref)
            if number is None or number == event:
                self._refuse(f"record {record.ref!r} references {ref!r}, which is no other record of the load")
            else:
                refer(self._db, event, number)

    def _refuse(self, problem: str, cause: BadRequest | None = None) -> None:
        if not self._skip_bad:
            raise BadRecord(f"{problem}; fix it or load the rest with --skip-bad") from cause
        self._loaded.skipped += 1


def _record(line: bytes, name: str) -> EventRecord:
    try:
        value = parse_json(line)
    except ValueError as error:
        raise BadRecord(f"{name} is not JSON: {error}; fix it or load the rest with --skip-bad") from error
    try:
        return EventRecord.model_validate(value)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(map(str, first["loc"])) or "the line"
        raise BadRecord(
            f"{name} is no record: {where}: {first['msg']}; fix it or load the rest with --skip-bad"
        ) from error


def _lines(file: BinaryIO, path: Path) -> Iterator[bytes]:
    packed = file.read(len(GZIP)) == GZIP
    file.seek(0)
    if not packed:
        yield from file
        return
    try:
        with gzip.GzipFile(fileobj=file) as unpacked:
            yield from unpacked
    except (EOFError, gzip.BadGzipFile, zlib.error) as error:
        raise BadRecord(f"{path.name} is a broken gzip file: {error}; fetch or pack it again") from error
