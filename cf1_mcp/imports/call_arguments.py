"""The arguments of an import call: rows, or the text of a file, checked like a file on disk and compared with the
dataset before anything is planned.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import Annotated, Final, Literal

import anyio.to_thread
from mcp.server.mcpserver import Resolve
from pydantic import BeforeValidator, Field, JsonValue, WithJsonSchema

from cf1_mcp.context import Client, Now
from cf1_mcp.errors import BadArgument, BadFile
from cf1_mcp.events.validation import EventValidator, Validator, check_text
from cf1_mcp.imports.batch import MAX_ROWS, Batch, RowProblems, check_batch
from cf1_mcp.imports.duplicates import leave_out_duplicates
from cf1_mcp.imports.readers.call_rows import CallRow, read_call_rows
from cf1_mcp.imports.readers.csv_reader import NoColumn
from cf1_mcp.imports.readers.files import Format, recognised
from cf1_mcp.imports.readers.source_rows import ReaderNotes, SourceRow
from cf1_mcp.imports.readers.sources import rows_in
from cf1_mcp.imports.row_checks import RowChecks
from cf1_mcp.models import Dataset
from cf1_mcp.policy.write_policy import CurrentWritePolicy
from cf1_mcp.text.lenient import Words, none_if_empty
from cf1_mcp.text.plurals import plural

MAX_CONTENT_SIZE: Final = 1_000_000  # bytes; more does not fit a model's context anyway
MAX_NOTES: Final = 20
COMMAND: Final = "the command `cf1-mcp import FILE --dataset NAME`"
UNITS: Final[Mapping[Format, str]] = {"csv": "line", "jsonl": "line", "stix": "object", "misp": "record"}
_FORMATS: Final[Mapping[str, Format]] = {"csv": "csv", "jsonl": "jsonl", "stix2": "stix", "misp": "misp"}


def _as_text(value: object) -> object:
    """The SDK parses JSON in every optional argument, and models write it unquoted; here it is text."""
    return (
        json.dumps(value, ensure_ascii=False, separators=(",", ":"))
        if isinstance(value, dict | list)
        else none_if_empty(value)
    )


def _pairs(value: object) -> object:
    """Models also write fields with values as an object."""
    return [f"{name}={text}" for name, text in value.items()] if isinstance(value, dict) else none_if_empty(value)  # pyright: ignore[reportUnknownVariableType]


def _no_update(value: object) -> object:
    if value == "update":
        raise ValueError("rows that exist already are not changed; update_threat_event does that")
    return value or "skip"


TargetDataset = Annotated[str, Field(description="Dataset name or uuid")]
Content = Annotated[str | None, Field(description="Instead of rows"), BeforeValidator(_as_text)]
# The formats are in the description of the tool and in the error for any other: schemas cost every model tokens.
ContentFormat = Annotated[
    Literal["csv", "jsonl", "stix2", "misp"] | None, WithJsonSchema({"type": "string"}), BeforeValidator(none_if_empty)
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
        batch = await _batch_of_content(content, format, _constants(defaults or []), dataset, checking)
    else:
        batch = await _batch_of_rows(rows or [], dataset, checking)
    if on_duplicate == "create":
        return batch
    return await leave_out_duplicates(batch, client, writing.read_policy, now)


CheckedBatch = Annotated[Batch, Resolve(_batch)]


async def _batch_of_rows(rows: Sequence[Mapping[str, JsonValue]], dataset: Dataset, checking: EventValidator) -> Batch:
    if not rows:
        raise BadArgument("rows", "there are no rows", f"1 to {MAX_ROWS} rows")
    if len(rows) > MAX_ROWS:
        raise BadArgument("rows", f"{len(rows)} rows are too many for one call", f"at most {MAX_ROWS} a call")
    read = read_call_rows(rows)
    checks = RowChecks(checking, {}, ReaderNotes())
    return await check_batch(read, dataset, checks, RowProblems(), lambda: _given_rows(rows))


def _given_rows(rows: Sequence[Mapping[str, JsonValue]]) -> JsonValue:
    """The rows as they were given: a relative date is another moment when the code comes back."""
    return [CallRow.model_validate(row).model_dump(mode="json", exclude_none=True) for row in rows]


async def _batch_of_content(
    content: str, named: str | None, constants: Mapping[str, str], dataset: Dataset, checking: EventValidator
) -> Batch:
    """Return the rows of a text as a batch.

    Raises:
        BadArgument: it is too large, its format is not recognized, or some rows cannot be imported.
        BadFile: it is not in the format that was named.
    """
    size = len(check_text(content, "content").encode())
    if size > MAX_CONTENT_SIZE:
        raise BadArgument("content", f"it takes {size:,} bytes", f"at most {MAX_CONTENT_SIZE:,} bytes, or {COMMAND}")
    form = _FORMATS[named] if named else _recognize(content)
    notes = ReaderNotes()
    try:
        rows = await anyio.to_thread.run_sync(partial(_read, content, form, constants, notes))
    except NoColumn as error:
        raise BadArgument("content", error.problem, "a header that names it, or defaults such as tlp=amber") from error
    except BadFile as error:
        raise BadFile(f"content: {error}") from error
    if not rows:
        raise BadArgument("content", f"read as {named or form}, it contains no events", f"1 to {MAX_ROWS} events")
    if len(rows) > MAX_ROWS:
        raise BadArgument(
            "content", f"{len(rows):,} rows are too many for one call", f"at most {MAX_ROWS}, or {COMMAND}"
        )
    # What the checks themselves note is reported by field, as for rows.
    checks = RowChecks(checking, constants, ReaderNotes(), "defaults")
    problems = RowProblems("content", UNITS[form])
    batch = await check_batch(rows, dataset, checks, problems, lambda: [content, form, {**constants}])
    return replace(batch, facts={**batch.facts, **_noted(notes)})


def _noted(notes: ReaderNotes) -> dict[str, JsonValue]:
    sentences = notes.sentences()
    more = [f"and {plural(len(sentences) - MAX_NOTES, 'further note')}"] if len(sentences) > MAX_NOTES else []
    return {"content_notes": [*sentences[:MAX_NOTES], *more]} if sentences else {}


def _recognize(content: str) -> Format:
    found = recognised(content.encode())
    if found is None and content.removeprefix("\ufeff").lstrip().startswith("["):
        raise BadArgument("content", "a JSON list is not a format that is read", "rows for a list of rows, or format")
    return found or "csv"


def _read(content: str, form: Format, constants: Mapping[str, str], notes: ReaderNotes) -> list[SourceRow]:
    return list(rows_in(content, form, constants, notes))


def _constants(given: Sequence[str]) -> dict[str, str]:
    constants: dict[str, str] = {}
    for text in given:
        name, equals, value = text.partition("=")
        if not (equals and name.strip() and value.strip()):
            raise BadArgument("defaults", "one of them is not a field with a value", "field=value, such as tlp=amber")
        constants[name.strip()] = value.strip()
    return constants
