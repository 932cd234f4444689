"""Many events to be made at once: rows as a model or a file gives them, held to what can be right before any is sent.

Rows are counted from 0, as the API counts them.
"""

import hashlib
import json
from collections import defaultdict
from collections.abc import Generator, Iterable, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Annotated, Final

from pydantic import BaseModel, BeforeValidator, ConfigDict, JsonValue, ValidationError, WithJsonSchema
from pydantic_core import ErrorDetails

from cf1_mcp.errors import BadArgument, Withheld, nearest
from cf1_mcp.events.validation import EventValidator, ReadAsSummary, check_raw, check_tags
from cf1_mcp.models import Dataset, Event, NewEvent, NewRaw, RelationshipType
from cf1_mcp.models.fields import REQUIRED_TEXTS, SETTABLE_TEXTS
from cf1_mcp.store.confirmation_codes import canonical
from cf1_mcp.text.sanitize import clean

MAX_ROWS: Final = 500
MAX_PROBLEMS: Final = 20  # told in words; the rows of further ones are named all the same
MAX_NAME_LENGTH: Final = 60


def _parsed(raw: object) -> object:
    if not isinstance(raw, str):
        return raw
    try:
        return json.loads(raw)
    except (ValueError, RecursionError):
        raise ValueError("this is no JSON text; write an object such as {}") from None


# No docstring: it would stand in the schema, where every model pays for it.
class Row(BaseModel):
    model_config = ConfigDict(extra="forbid", coerce_numbers_to_str=True)
    date: str
    category: str
    event: str
    tlp: str
    attacker: str | None = None
    attacker_country: str | None = None
    target_country: str | None = None
    target_industry: str | None = None
    indicator: str | None = None
    indicator_type: str | None = None
    tags: list[str] | None = None
    insight: str | None = None
    raw: Annotated[
        dict[str, JsonValue] | None,
        BeforeValidator(_parsed),
        WithJsonSchema({"type": "string"}),  # JSON text, as the error for any other says
    ] = None
    ref: str | None = None
    parent_ref: str | None = None
    # Its three values stand in the error for any other, not in the schema: few rows need it, and every model would pay.
    relationship_type: Annotated[RelationshipType | None, WithJsonSchema({"type": "string"})] = None


Rows = Annotated[
    list[dict[str, JsonValue]] | None,
    WithJsonSchema(
        {
            "type": "array",
            "items": Row.model_json_schema(),
            "description": "At most 500; parent_ref: ref of another",
        }
    ),
]


@dataclass(frozen=True)
class NewLink:
    """A typed relationship to be made between two rows."""

    parent: int
    child: int
    type: RelationshipType


@dataclass(frozen=True)
class Batch:
    """Events that may be made in a dataset, by row, and the links to be made between them.

    `given` counts the rows as they came; `digest` is of those, and of what was found of them in the dataset. `there`
    are rows whose event exists already, by its uuid. `facts` say how the rows were read and which are left out.
    """

    dataset: Dataset
    events: Mapping[int, NewEvent]
    links: tuple[NewLink, ...]
    digest: str
    given: int
    there: Mapping[int, str] = field(default_factory=dict[int, str])
    facts: Mapping[str, JsonValue] = field(default_factory=dict[str, JsonValue])

    def sample(self) -> list[Event]:
        """The events as a preview shows them, by row instead of by uuid."""
        return [
            Event.model_validate({**new.model_dump(include={"date", "tlp", "attacker", "event"}), "uuid": f"row {row}"})
            for row, new in self.events.items()
        ]


@dataclass
class Problems:
    """What is wrong, in words, and with which rows. `argument` is where they came from; `unit` is what is counted."""

    argument: str = "rows"
    unit: str = "row"
    rows: dict[str, list[int]] = field(default_factory=lambda: defaultdict[str, list[int]](list))

    def add(self, row: int, words: str) -> None:
        self.rows[words.rstrip(".")].append(row)

    @contextmanager
    def of(self, row: int) -> Generator[None]:
        """Takes note of what a check finds, so that one call tells all of it."""
        try:
            yield
        except (BadArgument, Withheld) as error:
            self.add(row, str(error))

    def told(self, count: int) -> BadArgument:
        """All of it as one error."""
        bad = sorted({row for rows in self.rows.values() for row in rows})
        lines = [f"{self.unit} {spans(sorted({*rows}))}: {words}" for words, rows in self.rows.items()]
        rest = sorted({row for rows in [*self.rows.values()][MAX_PROBLEMS:] for row in rows})
        if rest:
            lines = [*lines[:MAX_PROBLEMS], f"{self.unit} {spans(rest)}: more of the like"]
        return BadArgument(
            self.argument,
            f"{len(bad)} of {count} rows cannot be right, so nothing was sent",
            "\n".join([f"the same {self.argument} with these put right:", *lines]),
        )


async def checked_batch(rows: Sequence[Mapping[str, JsonValue]], dataset: Dataset, checking: EventValidator) -> Batch:
    """The rows as a batch.

    Raises:
        BadArgument: there are none or too many, or some cannot be right: it tells which and why.
    """
    if not rows:
        raise BadArgument("rows", "there are no rows", f"1 to {MAX_ROWS} rows")
    if len(rows) > MAX_ROWS:
        raise BadArgument("rows", f"{len(rows)} rows are too many for one call", f"at most {MAX_ROWS} a call")
    problems, read = Problems(), ReadAsSummary()
    shaped = {number: row for number, given in enumerate(rows) if (row := _shaped(number, given, problems))}
    events = [await _event(number, row, checking, problems, read) for number, row in shaped.items()]
    links = linked(_above(shaped, problems), _refs(rows, problems), problems)
    if problems.rows:
        raise problems.told(len(rows))
    made = {number: NewEvent.model_validate(event) for number, event in enumerate(events)}
    return Batch(dataset, made, links, _digest(shaped.values()), len(rows), facts=read.facts())


def _shaped(number: int, given: Mapping[str, JsonValue], problems: Problems) -> Row | None:
    try:
        json.dumps(given, ensure_ascii=False).encode()
        return Row.model_validate(given)
    except UnicodeEncodeError:
        # Rows that come as JSON text may hold such; no request can.
        problems.add(number, "the row holds half a character, a lone surrogate")
    except ValidationError as error:
        for problem in error.errors(include_url=False):
            problems.add(number, _worded(problem))
    return None


def _worded(problem: ErrorDetails) -> str:
    where = clean(".".join(str(part) for part in problem["loc"]), MAX_NAME_LENGTH)
    if problem["type"] != "extra_forbidden":
        return f"{where}: {problem['msg'].removeprefix('Value error, ')}"
    meant = nearest(where, [*Row.model_fields])
    return f"{where}: a row has no such field" + (f", perhaps {meant}" if meant else "")


async def _event(
    number: int, row: Row, checking: EventValidator, problems: Problems, read: ReadAsSummary
) -> dict[str, object]:
    """The fields that are sent for a row. Those that cannot be right are left out, and told."""
    fields: dict[str, object] = {"raw": NewRaw(data=None)}
    for name in SETTABLE_TEXTS:
        text: str | None = getattr(row, name)
        # A blank optional field is one that is not there.
        if text is None or not (text.strip() or name in REQUIRED_TEXTS):
            continue
        with problems.of(number):
            found = await checking.check_fields({name: text})
            read.add(name, text, found[name])
            fields |= found
    if "indicator_type" in fields and "indicator" not in fields:
        problems.add(number, "indicator_type: there is no indicator of this type")
    if row.tags:
        with problems.of(number):
            fields["tags"] = check_tags(row.tags)
    if row.raw is not None:
        with problems.of(number):
            # Evidence without a marking would count as amber, however its event is marked.
            fields["raw"] = NewRaw(data=check_raw(row.raw, "raw"), tlp=str(fields.get("tlp", "")))
    return fields


def _refs(rows: Sequence[Mapping[str, JsonValue]], problems: Problems) -> dict[str, int]:
    """The rows by their ref, those included that are wrong otherwise."""
    refs: dict[str, int] = {}
    for number, row in enumerate(rows):
        ref = row.get("ref")
        if ref is None or not (name := str(ref).strip()):
            continue
        if name in refs:
            problems.add(number, f"ref: row {refs[name]} has the ref {_shown(name)} already")
        refs.setdefault(name, number)
    return refs


def _above(rows: Mapping[int, Row], problems: Problems) -> list[tuple[int, str, RelationshipType]]:
    """The row, the ref of the row above it, and the type of their link."""
    above: list[tuple[int, str, RelationshipType]] = []
    for number, row in rows.items():
        if name := (row.parent_ref or "").strip():
            above.append((number, name, row.relationship_type or "related_to"))
        elif row.relationship_type:
            problems.add(number, "relationship_type: there is no parent_ref to relate the row to")
    return above


def linked(
    above: Iterable[tuple[int, str, RelationshipType]], refs: Mapping[str, int], problems: Problems
) -> tuple[NewLink, ...]:
    """The links of rows to those above them, which they name by ref."""
    links: list[NewLink] = []
    for number, name, kind in above:
        if name in refs:
            links.append(NewLink(refs[name], number, kind))
        else:
            # Likeness is dear: it is looked for where it is told, among names that a person may have mistyped.
            short = [ref for ref in refs if len(ref) <= MAX_NAME_LENGTH] if len(problems.rows) < MAX_PROBLEMS else []
            meant = nearest(name[:MAX_NAME_LENGTH], short)
            hint = f", perhaps {_shown(meant)}" if meant else ""
            problems.add(number, f"parent_ref: no row has the ref {_shown(name)}{hint}")
    for number in sorted({link.child for link in _circular(links)}):
        problems.add(number, "parent_ref: the row would stand above itself")
    return tuple(links)


def _circular(links: Sequence[NewLink]) -> list[NewLink]:
    """The links of circles, and of ways from one circle to another: those without an end, in either direction."""
    left = [*links]
    while True:
        parents, children = {link.parent for link in left}, {link.child for link in left}
        kept = [link for link in left if link.parent in children and link.child in parents]
        if len(kept) == len(left):
            return left
        left = kept


def _digest(rows: Iterable[Row]) -> str:
    """Of the rows as given: a relative date is another moment when the code comes back."""
    given: list[JsonValue] = [row.model_dump(mode="json", exclude_none=True) for row in rows]
    return hashlib.sha256(canonical(given)).hexdigest()


def spans(rows: Sequence[int]) -> str:
    """Numbers in ascending order, as `0, 3-7`."""
    starts = [row for place, row in enumerate(rows) if place == 0 or rows[place - 1] != row - 1]
    ends = [row for place, row in enumerate(rows) if place == len(rows) - 1 or rows[place + 1] != row + 1]
    return ", ".join(f"{start}-{end}" if end > start else str(start) for start, end in zip(starts, ends, strict=True))


def _shown(name: str) -> str:
    return repr(clean(name, MAX_NAME_LENGTH))
