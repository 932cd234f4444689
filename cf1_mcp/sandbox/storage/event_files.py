"""Files of events: reading JSONL, plain or gzipped, with one record per line, and loading it into a database."""

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
from cf1_mcp.sandbox.event_input import parse_event
from cf1_mcp.sandbox.invented import NAMESPACE
from cf1_mcp.sandbox.json_values import parse_json
from cf1_mcp.sandbox.storage.database import SandboxDatabase, add_dataset
from cf1_mcp.sandbox.storage.dataset_history import pause_insert_history, record_load
from cf1_mcp.sandbox.storage.event_links import add_reference, add_relationship
from cf1_mcp.sandbox.storage.event_writes import NewEventRow, find_event_id, insert_events, read_last_event_id
from cf1_mcp.sandbox.storage.vocabulary_tables import VocabularyIds
from cf1_mcp.sandbox.timestamps import parse_event_date

GZIP: Final = b"\x1f\x8b"
BATCH_SIZE: Final = 5_000

OnSkip = Callable[[BadRecord], None]


class ParentLink(BaseModel):
    """The relationship of a record to its parent."""

    ref: str
    type: RelationshipType


class EventRecord(BaseModel):
    """One event of a file. `ref` identifies it within the file; `body` is that of a create request, with an optional
    `createdAt`."""

    model_config = ConfigDict(extra="ignore")

    ref: str
    dataset: str
    parents: list[ParentLink] = []
    references: list[str] = []
    body: dict[str, object]


@dataclass
class LoadResult:
    """The number of loaded events, links and skipped records, and the names of new datasets."""

    events: int = 0
    links: int = 0
    datasets: list[str] = field(default_factory=list[str])
    skipped: int = 0


def read_records(path: Path, *, skip_bad: bool = False, on_skip: OnSkip | None = None) -> Iterator[EventRecord]:
    """Yield the records of a JSONL file, plain or gzipped; blank lines are ignored.

    With `skip_bad`, a line that is not a record is passed to `on_skip` instead of raising.

    Raises:
        BadRecord: a line is not a record, or the file is not valid gzip.
    """
    with path.open("rb") as file:
        for number, line in enumerate(_read_lines(file, path), 1):
            if not line.strip():
                continue
            try:
                record = _parse_record(line, f"line {number} of {path.name}")
            except BadRecord as bad:
                if not skip_bad:
                    raise
                if on_skip is not None:
                    on_skip(bad)
                continue
            yield record


def load_records(database: SandboxDatabase, records: Iterable[EventRecord], *, skip_bad: bool = False) -> LoadResult:
    """Load all records or, on BadRecord, none; unknown datasets and categories are created.

    A record may name a parent or reference that comes after it. With `skip_bad`, records and links that cannot be
    loaded are counted in `skipped` instead of raising.

    Raises:
        BadRecord: a record or link cannot be loaded.
    """
    with database.transaction() as db:
        return _RecordLoader(db, database.now(), skip_bad).run(records)


class _RecordLoader:
    """One load, inside the caller's transaction."""

    def __init__(self, db: sqlite3.Connection, now: str, skip_bad: bool) -> None:
        self._db = db
        self._now = now
        self._skip_bad = skip_bad
        self._loaded = LoadResult()
        self._vocabulary = VocabularyIds(db, create_categories=True)
        self._datasets: dict[str, int] = {row[0].lower(): row[1] for row in db.execute("SELECT name, id FROM dataset")}
        self._rows: list[NewEventRow] = []
        self._row_ids: dict[str, int] = {}
        self._next_row_id = read_last_event_id(db) + 1

    def run(self, records: Iterable[EventRecord]) -> LoadResult:
        first = self._next_row_id
        linked: list[EventRecord] = []
        pause_insert_history(self._db)
        for record in records:
            if self._add(record):
                self._row_ids[record.ref] = self._next_row_id
                self._next_row_id += 1
                if record.parents or record.references:
                    linked.append(record)
            if len(self._rows) >= BATCH_SIZE:
                self._flush()
        self._flush()
        for record in linked:
            self._add_links(record)
        record_load(self._db, first)
        self._loaded.events = len(self._row_ids)
        # Gives the query planner current statistics.
        self._db.execute("ANALYZE")
        return self._loaded

    def _add(self, record: EventRecord) -> bool:
        try:
            if record.ref in self._row_ids:
                raise BadRequest("an earlier record has the same ref; give each record its own")
            self._rows.append(self._build_row(record))
        except BadRequest as error:
            self._reject(f"record {record.ref!r} cannot be loaded: {error.message}", error)
            return False
        return True

    def _build_row(self, record: EventRecord) -> NewEventRow:
        content = parse_event(record.body)
        created = record.body.get("createdAt")
        # Without createdAt, an event was created when it happened, but never in the future.
        created_at = min(parse_event_date(created, "createdAt") if created else content.date, self._now)
        name = record.dataset.strip()
        if name.lower() not in self._datasets:
            self._datasets[name.lower()] = add_dataset(self._db, name)
            self._loaded.datasets.append(name)
        dataset = self._datasets[name.lower()]
        uuid = str(uuid5(NAMESPACE, f"event {name.lower()} {record.ref}"))
        if find_event_id(self._db, uuid, dataset) is not None:
            raise BadRequest("it is already loaded; load into a new database, or remove it from the file")
        return NewEventRow(content, dataset, uuid, created_at)

    def _flush(self) -> None:
        insert_events(self._db, self._rows, self._vocabulary)
        self._rows = []

    def _add_links(self, record: EventRecord) -> None:
        event = self._row_ids[record.ref]
        for parent in record.parents:
            target = self._row_ids.get(parent.ref)
            if target is None or target == event:
                self._reject(f"record {record.ref!r} names parent {parent.ref!r}, which is not another loaded record")
            else:
                self._loaded.links += add_relationship(self._db, target, event, parent.type)
        for ref in record.references:
            target = self._row_ids.get(ref)
            if target is None or target == event:
                self._reject(f"record {record.ref!r} references {ref!r}, which is not another loaded record")
            else:
                add_reference(self._db, event, target)

    def _reject(self, problem: str, cause: BadRequest | None = None) -> None:
        if not self._skip_bad:
            raise BadRecord(f"{problem}; fix it or load the rest with --skip-bad") from cause
        self._loaded.skipped += 1


def _parse_record(line: bytes, name: str) -> EventRecord:
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
            f"{name} is not a record: {where}: {first['msg']}; fix it or load the rest with --skip-bad"
        ) from error


def _read_lines(file: BinaryIO, path: Path) -> Iterator[bytes]:
    is_gzip = file.read(len(GZIP)) == GZIP
    file.seek(0)
    if not is_gzip:
        yield from file
        return
    try:
        with gzip.GzipFile(fileobj=file) as unpacked:
            yield from unpacked
    except (EOFError, gzip.BadGzipFile, zlib.error) as error:
        raise BadRecord(f"{path.name} is a broken gzip file: {error}; download or compress it again") from error
