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
from cf1_mcp.events.field_sizes import BatchSize
from cf1_mcp.events.validation import EventValidator, Validator, check_text
from cf1_mcp.imports.batch import MAX_ROWS, Batch, RowProblems, check_batch
from cf1_mcp.imports.date_forms import DateForm
from cf1_mcp.imports.duplicates import leave_out_duplicates
from cf1_mcp.imports.readers.call_rows import CallRow, read_call_rows
from cf1_mcp.imports.readers.csv_reader import NoColumn
from cf1_mcp.imports.readers.files import Format, detect_json_format
from cf1_mcp.imports.readers.source_rows import ReaderNotes, SourceRow
from cf1_mcp.imports.readers.sources import read_text_rows
from cf1_mcp.imports.row_checks import RowChecks
from cf1_mcp.models import Dataset
from cf1_mcp.policy.write_policy import CurrentWritePolicy
from cf1_mcp.text.lenient import Words, none_if_empty
from cf1_mcp.text.plurals import plural

MAX_CONTENT_SIZE: Final = 1_000_000  # bytes; more does not fit a model's context anyway
MAX_NOTES: Final = 20
# Among `defaults`, beside the fields: how the dates of the content are written.
DATE_FORMAT: Final = "date_format"
COMMAND: Final = "the command `cf1-mcp import FILE --dataset NAME`"
UNITS: Final[Mapping[Format, str]] = {"csv": "line", "jsonl": "line", "stix": "object", "misp": "record"}
_FORMATS: Final[Mapping[str, Format]] = {"csv": "csv", "jsonl": "jsonl", "stix2": "stix", "misp": "misp"}


def _keep_as_text(value: object) -> object:
    """Return JSON as text again: the SDK parses it in optional arguments, and models write it unquoted."""
    return (
        json.dumps(value, ensure_ascii=False, separators=(",", ":"))
        if isinstance(value, dict | list)
        else none_if_empty(value)
    )


def _convert_pairs(value: object) -> object:
    """Return `field=value` texts for an object: models also write defaults as one."""
    return [f"{name}={text}" for name, text in value.items()] if isinstance(value, dict) else none_if_empty(value)  # pyright: ignore[reportUnknownVariableType]


def _reject_update(value: object) -> object:
    if value == "update":
        raise ValueError("rows that exist already are not changed; update_threat_event does that")
    return value or "skip"


TargetDataset = Annotated[str, Field(description="Dataset name or uuid")]
Content = Annotated[str | None, Field(description="Instead of rows"), BeforeValidator(_keep_as_text)]
# The tool's description and the error name the formats; in the schema they would cost every model tokens.
ContentFormat = Annotated[
    Literal["csv", "jsonl", "stix2", "misp"] | None, WithJsonSchema({"type": "string"}), BeforeValidator(none_if_empty)
]
Defaults = Annotated[Words | None, Field(description="tlp=amber"), BeforeValidator(_convert_pairs)]
OnDuplicate = Annotated[Literal["skip", "create"], BeforeValidator(_reject_update)]


async def _resolve_batch(
    client: Client,
    write_policy: CurrentWritePolicy,
    validator: Validator,
    now: Now,
    dataset_id: str,
    rows: list[dict[str, JsonValue]] | None,
    content: str | None,
    format: str | None,  # noqa: A002 - the tool's argument
    defaults: list[str] | None,
    on_duplicate: str,
) -> Batch:
    dataset = write_policy.require_writable(dataset_id)
    if rows and content:
        raise BadArgument("content", "rows are given as well", "one of rows and content")
    if defaults and not content:
        raise BadArgument("defaults", "they are for content, and there is none", "the fields of rows instead")
    if content:
        batch = await _check_content(content, format, _parse_defaults(defaults or []), dataset, validator)
    else:
        batch = await _check_rows(rows or [], dataset, validator)
    batch = replace(batch, facts={**batch.facts, **validator.describe_unread()})
    if on_duplicate == "create":
        return batch
    compare = partial(leave_out_duplicates, batch, client, write_policy.read_policy, now)
    return replace(await compare(), compare_again=compare)


CheckedBatch = Annotated[Batch, Resolve(_resolve_batch)]


async def _check_rows(rows: Sequence[Mapping[str, JsonValue]], dataset: Dataset, validator: EventValidator) -> Batch:
    if not rows:
        raise BadArgument("rows", "there are no rows", f"1 to {MAX_ROWS} rows")
    if len(rows) > MAX_ROWS:
        raise BadArgument("rows", f"{len(rows)} rows are too many for one call", f"at most {MAX_ROWS} a call")
    size = BatchSize("rows", "")
    for row in rows:
        size.add(dict(row))
    read = read_call_rows(rows)
    checks = RowChecks(validator, {}, ReaderNotes())
    return await check_batch(read, dataset, checks, RowProblems(), lambda: _dump_rows(rows))


def _dump_rows(rows: Sequence[Mapping[str, JsonValue]]) -> JsonValue:
    """Return the rows as they were passed: a relative date is another time when the call is confirmed."""
    return [CallRow.model_validate(row).model_dump(mode="json", exclude_none=True) for row in rows]


async def _check_content(
    content: str, named: str | None, constants: Mapping[str, str], dataset: Dataset, validator: EventValidator
) -> Batch:
    """Return the rows of a text as a batch.

    Raises:
        BadArgument: it is too large, its format is not recognized, or some rows cannot be imported.
        BadFile: it is not in the named format.
    """
    size = len(check_text(content, "content").encode())
    if size > MAX_CONTENT_SIZE:
        raise BadArgument("content", f"it has {size:,} bytes", f"at most {MAX_CONTENT_SIZE:,} bytes, or {COMMAND}")
    form = _FORMATS[named] if named else _detect_format(content)
    notes = ReaderNotes()
    given: JsonValue = [content, form, {**constants}]
    date_form = DateForm(constants.get(DATE_FORMAT, ""), f"defaults {DATE_FORMAT}=")
    constants = {name: text for name, text in constants.items() if name != DATE_FORMAT}
    try:
        rows = await anyio.to_thread.run_sync(partial(_read_rows, content, form, constants, notes))
    except NoColumn as error:
        valid = "a header that names it, or defaults such as tlp=amber"
        raise BadArgument("content", error.problem, valid, error.words) from error
    except BadFile as error:
        # Its sentence quotes the text.
        raise BadFile(f"content: it cannot be read as {named or form}.", [str(error)]) from error
    if not rows:
        problem = f"read as {named or form}, it contains no events"
        raise BadArgument("content", problem, f"1 to {MAX_ROWS} events", notes.sentences()[:MAX_NOTES])
    # Notes of the checks are reported by field, as for rows.
    checks = RowChecks(validator, constants, ReaderNotes(), "defaults", raised=notes, date_form=date_form)
    problems = RowProblems("content", UNITS[form])
    batch = await check_batch(rows, dataset, checks, problems, lambda: given)
    return replace(batch, facts={**batch.facts, **_describe_notes(notes)})


def _describe_notes(notes: ReaderNotes) -> dict[str, JsonValue]:
    sentences = notes.sentences()
    more = [f"and {plural(len(sentences) - MAX_NOTES, 'further note')}"] if len(sentences) > MAX_NOTES else []
    return {"content_notes": [*sentences[:MAX_NOTES], *more]} if sentences else {}


def _detect_format(content: str) -> Format:
    found = detect_json_format(content.encode())
    if found is None and content.removeprefix("\ufeff").lstrip().startswith("["):
        raise BadArgument("content", "a JSON list is not a format that is read", "rows for a list of rows, or format")
    return found or "csv"


def _read_rows(content: str, form: Format, constants: Mapping[str, str], notes: ReaderNotes) -> list[SourceRow]:
    """Return the rows of a text. Few bytes can make many large rows, so the reading stops where they are too many."""
    rows: list[SourceRow] = []
    size = BatchSize("content", f", or {COMMAND}")
    for row in read_text_rows(content, form, constants, notes):
        if len(rows) == MAX_ROWS:
            problem = f"over {MAX_ROWS} rows are too many for one call"
            raise BadArgument("content", problem, f"at most {MAX_ROWS}, or {COMMAND}")
        size.add({**constants, **row.fields})
        rows.append(row)
    return rows


def _parse_defaults(given: Sequence[str]) -> dict[str, str]:
    constants: dict[str, str] = {}
    for text in given:
        name, equals, value = text.partition("=")
        if not (equals and name.strip() and value.strip()):
            raise BadArgument("defaults", "one of them is not a field with a value", "field=value, such as tlp=amber")
        constants[name.strip()] = value.strip()
    return constants
