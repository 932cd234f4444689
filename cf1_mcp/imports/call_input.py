"""What a call gives to be imported: rows, or the text of a file, held to the same checks as a file on a disk."""

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from functools import partial
from typing import Annotated, Final, Literal

import anyio.to_thread
from mcp.server.mcpserver import Resolve
from pydantic import BeforeValidator, Field, JsonValue, WithJsonSchema

from cf1_mcp.context import Client, Now
from cf1_mcp.errors import BadArgument, BadFile
from cf1_mcp.events.validation import EventValidator, ReadAsSummary, Validator, check_text
from cf1_mcp.imports.batches import MAX_ROWS, Batch, NewLink, Problems, checked_batch, linked
from cf1_mcp.imports.duplicates import without_duplicates
from cf1_mcp.imports.readers.csv_reader import NoColumn
from cf1_mcp.imports.readers.files import Format, recognised
from cf1_mcp.imports.readers.rows import ReaderNotes, SourceRow
from cf1_mcp.imports.readers.sources import rows_in
from cf1_mcp.imports.row_checks import RowChecks
from cf1_mcp.models import Dataset, NewEvent, RelationshipType
from cf1_mcp.policy.write_policy import CurrentWritePolicy
from cf1_mcp.store.confirmation_codes import canonical
from cf1_mcp.text.lenient import Words, unfilled

MAX_CONTENT_SIZE: Final = 1_000_000  # bytes of content; more does not fit a model's context anyway
MAX_NOTES: Final = 20
COMMAND: Final = "the command `cf1-mcp import FILE --dataset NAME`"
UNITS: Final[Mapping[Format, str]] = {"csv": "line", "jsonl": "line", "stix": "object", "misp": "record"}
_FORMATS: Final[Mapping[str, Format]] = {"csv": "csv", "jsonl": "jsonl", "stix2": "stix", "misp": "misp"}


def _as_text(value: object) -> object:
    """The SDK reads JSON in any argument that may be left out, and models write it unquoted; here it is a text."""
    return (
        json.dumps(value, ensure_ascii=False, separators=(",", ":"))
        if isinstance(value, dict | list)
        else unfilled(value)
    )


def _pairs(value: object) -> object:
    """An object is what models write for fields with values, too."""
    return [f"{name}={text}" for name, text in value.items()] if isinstance(value, dict) else unfilled(value)  # pyright: ignore[reportUnknownVariableType]


def _no_update(value: object) -> object:
    if value == "update":
        raise ValueError("rows that are there are not changed; update_threat_event does that")
    return value or "skip"


TargetDataset = Annotated[str, Field(description="Dataset name or uuid")]
Content = Annotated[str | None, Field(description="Instead of rows"), BeforeValidator(_as_text)]
# The formats stand in the description of the tool and in the error for any other: the list of tools is dear.
ContentFormat = Annotated[
    Literal["csv", "jsonl", "stix2", "misp"] | None, WithJsonSchema({"type": "string"}), BeforeValidator(unfilled)
]
Defaults = Annotated[Words | None, Field(description="tlp=amber"), BeforeValidator(_pairs)]
OnDuplicate = Annotated[Literal["skip", "create"], BeforeValidator(_no_update)]


async def _batch(
    client: Client,
    writing: CurrentWritePolicy,
    checking: Validator,
    now: Now,
    dataset_id: str,
    rows: list[dict[str, JsonValue]] | None,
    content: str | None,
    format: str | None,  # noqa: A002 - the tool's argument
    defaults: list[str] | None,
    on_duplicate: str,
) -> Batch:
    dataset = writing.require_writable(dataset_id)
    if rows and content:
        raise BadArgument("content", "there are rows, too", "one of rows and content")
    if defaults and not content:
        raise BadArgument("defaults", "they are for content, and there is none", "the fields of rows instead")
    if content:
        batch = await batch_of(content, format, _constants(defaults or []), dataset, checking)
    else:
        batch = await checked_batch(rows or [], dataset, checking)
    if on_duplicate == "create":
        return batch
    return await without_duplicates(batch, client, writing.read_policy, now)


Intake = Annotated[Batch, Resolve(_batch)]


async def batch_of(
    content: str, named: str | None, constants: Mapping[str, str], dataset: Dataset, checking: EventValidator
) -> Batch:
    """The rows of a text as a batch. They count from 0 in the order of reading; problems name lines as a person does.

    Raises:
        BadArgument: it is too large, in no form that is read, or some rows cannot be right.
        BadFile: it is not in the form that it is said to be.
    """
    size = len(check_text(content, "content").encode())
    if size > MAX_CONTENT_SIZE:
        raise BadArgument("content", f"it takes {size:,} bytes", f"at most {MAX_CONTENT_SIZE:,} bytes, or {COMMAND}")
    form = _FORMATS[named] if named else _recognised(content)
    notes = ReaderNotes()
    try:
        rows = await anyio.to_thread.run_sync(partial(_read, content, form, constants, notes))
    except NoColumn as error:
        raise BadArgument("content", error.problem, "a header that names it, or defaults such as tlp=amber") from error
    except BadFile as error:
        raise BadFile(f"content: {error}") from error
    if not rows:
        raise BadArgument("content", f"read as {named or form}, it holds no events", f"1 to {MAX_ROWS} events")
    if len(rows) > MAX_ROWS:
        raise BadArgument(
            "content", f"{len(rows):,} rows are too many for one call", f"at most {MAX_ROWS}, or {COMMAND}"
        )
    problems, read = Problems("content", UNITS[form]), ReadAsSummary()
    # What the checks themselves note is told by field, as for rows.
    checks = RowChecks(checking, constants, ReaderNotes(), "defaults")
    events = [await _event(row, checks, problems, read) for row in rows]
    links = _links(rows, problems)
    if problems.rows:
        raise problems.told(len(rows))
    made = {number: NewEvent.model_validate(event) for number, event in enumerate(events)}
    given: JsonValue = [content, form, {**constants}]
    facts = read.facts()
    if told := notes.told():
        more = [f"and {len(told) - MAX_NOTES:,} more of the like"] if len(told) > MAX_NOTES else []
        facts["content_notes"] = [*told[:MAX_NOTES], *more]
    return Batch(dataset, made, links, hashlib.sha256(canonical(given)).hexdigest(), len(rows), facts=facts)


def _recognised(content: str) -> Format:
    found = recognised(content.encode())
    if found is None and content.removeprefix("\ufeff").lstrip().startswith("["):
        raise BadArgument("content", "a JSON list is in no form that is read", "rows for a list of rows, or format")
    return found or "csv"


def _read(content: str, form: Format, constants: Mapping[str, str], notes: ReaderNotes) -> list[SourceRow]:
    return list(rows_in(content, form, constants, notes))


async def _event(row: SourceRow, checks: RowChecks, problems: Problems, read: ReadAsSummary) -> Mapping[str, JsonValue]:
    fields, wrong = await checks.check(row)
    for words in dict.fromkeys(wrong):
        problems.add(row.place, words)
    for name, text in row.fields.items():
        if isinstance(text, str) and isinstance(value := fields.get(name), str):
            read.add(name, text, value)
    return fields


def _links(rows: Sequence[SourceRow], problems: Problems) -> tuple[NewLink, ...]:
    """Links by row; what is wrong with them by place."""
    refs: dict[str, int] = {}
    for number, row in enumerate(rows):
        if row.ref and refs.setdefault(row.ref, number) != number:
            problems.add(row.place, f"ref: {problems.unit} {rows[refs[row.ref]].place} has the same one already")
    wrong = Problems()
    above: Iterable[tuple[int, str, RelationshipType]] = (
        (number, parent.ref, parent.type) for number, row in enumerate(rows) for parent in row.parents
    )
    links = linked(above, refs, wrong)
    for words, numbers in wrong.rows.items():
        for number in numbers:
            problems.add(rows[number].place, words)
    return links


def _constants(given: Sequence[str]) -> dict[str, str]:
    constants: dict[str, str] = {}
    for text in given:
        name, equals, value = text.partition("=")
        if not (equals and name.strip() and value.strip()):
            raise BadArgument("defaults", "one of them is no field with a value", "field=value, such as tlp=amber")
        constants[name.strip()] = value.strip()
    return constants
