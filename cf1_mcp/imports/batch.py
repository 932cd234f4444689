"""The rows of one call as a batch of events, checked before any is sent.

Rows are numbered from 0 in the order in which they are read. Problems name the place of a row as its source counts it.
"""

import hashlib
from collections import defaultdict
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, NamedTuple

from pydantic import JsonValue

from cf1_mcp.errors import BadArgument, nearest, suggest
from cf1_mcp.events.read_as import ReadAsSummary
from cf1_mcp.imports.readers.source_rows import SourceRow
from cf1_mcp.imports.row_checks import RowChecks
from cf1_mcp.models import Dataset, Event, NewEvent, RelationshipType
from cf1_mcp.store.confirmation_codes import canonicalize
from cf1_mcp.text.limits import MAX_NAME_LENGTH
from cf1_mcp.text.plurals import plural
from cf1_mcp.text.sanitize import clean

MAX_ROWS: Final = 500
MAX_TYPED_LENGTH: Final = 60  # longer refs are generated, and not mistyped
MAX_PROBLEMS: Final = 20  # described described in full; of further ones only the rows are listed


class BatchLink(NamedTuple):
    """A typed relationship to create between two rows of a batch."""

    parent: int
    child: int
    type: RelationshipType


@dataclass(frozen=True)
class Batch:
    """Events to create in a dataset, by row, and the links to create between them.

    `row_count` counts all rows that were read. `digest` covers those rows and the events that exist for them.
    `existing` has the uuids of these events, by row; `exported_from` those of the events that rows were exported from,
    wherever these are. `facts` report how the rows were read and which are left out.
    `relative_dates` are dates that were given relative to now, by the time as which they were read.
    `compare_again` compares all rows with the dataset as it is then, and returns another batch.
    """

    dataset: Dataset
    events: Mapping[int, NewEvent]
    links: tuple[BatchLink, ...]
    digest: str
    row_count: int
    existing: Mapping[int, str] = field(default_factory=dict[int, str])
    exported_from: Mapping[int, str] = field(default_factory=dict[int, str])
    facts: Mapping[str, JsonValue] = field(default_factory=dict[str, JsonValue])
    relative_dates: Mapping[str, str] = field(default_factory=dict[str, str])
    compare_again: Callable[[], Awaitable["Batch"]] | None = None

    def sample(self) -> list[Event]:
        """Return the events as a preview shows them, by row instead of by uuid."""
        return [
            Event.model_validate({**new.model_dump(include={"date", "tlp", "attacker", "event"}), "uuid": f"row {row}"})
            for row, new in self.events.items()
        ]


@dataclass
class RowProblems:
    """Problems, each with the rows that have it. `argument` names the source of the rows, `unit` what it counts."""

    argument: str = "rows"
    unit: str = "row"
    rows: dict[str, list[int]] = field(default_factory=lambda: defaultdict[str, list[int]](list))

    def add(self, row: int, words: str) -> None:
        self.rows[words.rstrip(".")].append(row)

    def error(self, count: int) -> BadArgument:
        """Return all problems as one error. `count` is the number of all rows."""
        bad = sorted({row for rows in self.rows.values() for row in rows})
        lines = [f"{self.unit} {format_ranges(sorted({*rows}))}: {words}" for words, rows in self.rows.items()]
        rest = sorted({row for rows in [*self.rows.values()][MAX_PROBLEMS:] for row in rows})
        if rest:
            lines = [*lines[:MAX_PROBLEMS], f"{self.unit} {format_ranges(rest)}: more of the same kind"]
        return BadArgument(
            self.argument,
            f"{len(bad)} of {plural(count, 'row')} cannot be imported, so nothing was sent",
            f"the same {self.argument} with these corrected",
            # They quote what is in the rows.
            words=lines,
        )


async def check_batch(
    rows: Sequence[SourceRow],
    dataset: Dataset,
    checks: RowChecks,
    problems: RowProblems,
    source: Callable[[], JsonValue],
) -> Batch:
    """Return the rows as a batch with the digest of `source()`, which is called once all rows are valid.

    Raises:
        BadArgument: some rows cannot be imported; it states which and why.
    """
    read = ReadAsSummary()
    events = [await _check_row(row, checks, problems, read) for row in rows]
    links = _resolve_links(rows, problems)
    if problems.rows:
        raise problems.error(len(rows))
    created = {number: NewEvent.model_validate(event) for number, event in enumerate(events)}
    return Batch(
        dataset,
        created,
        links,
        compute_digest(source()),
        len(rows),
        exported_from={number: row.same_as for number, row in enumerate(rows) if row.same_as},
        facts=read.facts(),
        relative_dates=dict(checks.relative_dates),
    )


def compute_digest(value: JsonValue) -> str:
    """Return the digest to which a confirmation code is bound."""
    return hashlib.sha256(canonicalize(value)).hexdigest()


def format_ranges(rows: Sequence[int]) -> str:
    """Return numbers in ascending order as `0, 3-7`."""
    starts = [row for place, row in enumerate(rows) if place == 0 or rows[place - 1] != row - 1]
    ends = [row for place, row in enumerate(rows) if place == len(rows) - 1 or rows[place + 1] != row + 1]
    return ", ".join(f"{start}-{end}" if end > start else str(start) for start, end in zip(starts, ends, strict=True))


async def _check_row(
    row: SourceRow, checks: RowChecks, problems: RowProblems, read: ReadAsSummary
) -> Mapping[str, JsonValue]:
    checked = await checks.check(row)
    for words in dict.fromkeys(checked.problems):
        problems.add(row.place, words)
    for name, text in row.fields.items():
        if isinstance(text, str) and isinstance(value := checked.fields.get(name), str):
            read.add(name, text, value)
    return checked.fields


def _resolve_links(rows: Sequence[SourceRow], problems: RowProblems) -> tuple[BatchLink, ...]:
    """Return the links of rows to their parents, which they name by ref."""
    refs: dict[str, int] = {}
    for number, row in enumerate(rows):
        if row.ref and (first := refs.setdefault(row.ref, number)) != number:
            problems.add(row.place, f"ref: {problems.unit} {rows[first].place} already has the ref {_quote(row.ref)}")
    links: list[BatchLink] = []
    for number, row in enumerate(rows):
        for parent in row.parents:
            if parent.ref in refs:
                links.append(BatchLink(refs[parent.ref], number, parent.type))
            else:
                # Similarity is expensive: it is computed only where it is shown, for names that a person may mistype.
                is_shown = len(problems.rows) < MAX_PROBLEMS
                known = [ref for ref in refs if len(ref) <= MAX_TYPED_LENGTH] if is_shown else []
                meant = nearest(parent.ref[:MAX_TYPED_LENGTH], known)
                hint = suggest(clean(meant, MAX_NAME_LENGTH) if meant else None)
                problems.add(row.place, f"parent_ref: no row has the ref {_quote(parent.ref)}{hint}")
    for number in sorted({link.child for link in _find_circles(links)}):
        problems.add(rows[number].place, "parent_ref: the row would be its own ancestor")
    return tuple(links)


def _find_circles(links: Iterable[BatchLink]) -> list[BatchLink]:
    """Return the links of circles, and of paths between circles: those without an end in either direction."""
    left = [*links]
    while True:
        parents, children = {link.parent for link in left}, {link.child for link in left}
        kept = [link for link in left if link.parent in children and link.child in parents]
        if len(kept) == len(left):
            return left
        left = kept


def _quote(name: str) -> str:
    return repr(clean(name, MAX_NAME_LENGTH))
