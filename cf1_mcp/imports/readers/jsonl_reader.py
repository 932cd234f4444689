"""Reads JSON Lines: one event per line, as a row or as a record that `cf1-mcp sandbox --load` reads."""

import json
from collections.abc import Iterable, Mapping
from typing import Final, cast

from pydantic import JsonValue

from cf1_mcp.errors import did_you_mean
from cf1_mcp.imports.readers.source_rows import (
    FIELDS,
    RELATIONSHIP_TYPES,
    ParentRef,
    ReaderNotes,
    SourceRow,
    SourceRows,
    parse_relationship_type,
    quote,
)
from cf1_mcp.models import NewEvent
from cf1_mcp.models.fields import SETTABLE_TEXTS
from cf1_mcp.text.distinct_json import DistinctJson, RepeatedKey
from cf1_mcp.text.limits import MAX_NAME_LENGTH
from cf1_mcp.text.sanitize import clean

MAX_LINE_LENGTH: Final = 4_000_000  # bytes; raw evidence may have a million
Json = Mapping[str, JsonValue]
# Only the operation that creates one event takes its source.
_BY_WIRE: Final = {str(field.alias): name for name, field in NewEvent.model_fields.items() if name != "source"}


def read_jsonl(lines: Iterable[bytes], notes: ReaderNotes) -> SourceRows:
    """Yield the rows of the lines. Empty lines are skipped, but counted in the line numbers."""
    json_text = DistinctJson()
    for place, line in enumerate(lines, 1):
        if not line.strip():
            continue
        if len(line) > MAX_LINE_LENGTH:
            yield _invalid_line(place, f"the line has {len(line):,} bytes, and at most {MAX_LINE_LENGTH:,} are read")
            continue
        try:
            value = json_text.read(line.removeprefix(b"\xef\xbb\xbf") if place == 1 else line)
        except RepeatedKey as error:
            yield _invalid_line(place, f"{error}, so it is not certain which value counts")
            continue
        except (ValueError, RecursionError) as error:
            truncated = (
                ""
                if line.endswith(b"\n") or isinstance(error, RecursionError)
                else ", and the file ends within it: it may be truncated"
            )
            yield _invalid_line(place, f"the line is not JSON ({_describe_error(error)}){truncated}")
            continue
        if not isinstance(value, dict):
            yield _invalid_line(place, 'the line is not a JSON object such as {"date": ..., "category": ...}')
        elif "body" in value:
            yield _read_record(place, cast(Json, value), notes)
        else:
            yield _read_row(place, cast(Json, value))


def _read_row(place: int, value: Json) -> SourceRow:
    """Read a line whose keys are the fields of a row."""
    problems: list[str] = []
    fields: dict[str, JsonValue] = {}
    for name, given in value.items():
        if given is None or given == "":
            continue
        if name in SETTABLE_TEXTS:
            _put_text(fields, name, given, name, problems)
        elif name == "tags":
            fields[name] = given
        elif name == "indicators":
            fields[name] = _read_indicators(given, problems)
        elif name == "raw":
            fields[name] = {"data": given}
        elif name not in FIELDS:
            hint = did_you_mean(name, FIELDS)
            problems.append(f"{clean(name, MAX_NAME_LENGTH)}: a row has no such field{hint}")
    parents: tuple[ParentRef, ...] = ()
    kind = parse_relationship_type(str(value.get("relationship_type") or RELATIONSHIP_TYPES[0]))
    if kind is None:
        problems.append(_describe_bad_type(value.get("relationship_type"), "relationship_type"))
    elif above := _read_ref(value.get("parent_ref")):
        parents = (ParentRef(above, kind),)
    elif value.get("relationship_type"):
        problems.append("relationship_type: it requires a parent_ref")
    return SourceRow(place, fields, _read_ref(value.get("ref")), parents, tuple(problems))


def _read_record(place: int, value: Json, notes: ReaderNotes) -> SourceRow:
    """Read a line with a `body` in the format of the API, and the parents of the event next to it."""
    body = value["body"]
    if not isinstance(body, dict):
        return _invalid_line(place, "body: not a JSON object")
    problems: list[str] = []
    fields: dict[str, JsonValue] = {}
    for wire, given in body.items():
        name = _BY_WIRE.get(wire)
        if wire in ("datasetId", "createdAt"):
            notes.add(f"{wire} is not imported: the API sets it")
        elif name is None:
            hint = did_you_mean(wire, [*_BY_WIRE])
            problems.append(f"body.{clean(wire, MAX_NAME_LENGTH)}: a new event has no such field{hint}")
        elif given is None or given == "":
            continue
        elif name in SETTABLE_TEXTS:
            _put_text(fields, name, given, f"body.{wire}", problems)
        elif name == "indicators":
            fields[name] = _read_indicators(given, problems)
        else:
            fields[name] = given
    if value.get("references"):
        notes.add("references of records are not imported: they are not parents")
    return SourceRow(
        place, fields, _read_ref(value.get("ref")), _read_parents(value.get("parents"), problems), tuple(problems)
    )


def _read_parents(given: JsonValue, problems: list[str]) -> tuple[ParentRef, ...]:
    found: dict[ParentRef, None] = {}
    for one in given if isinstance(given, list) else [] if given is None else [given]:
        above = _read_ref(one.get("ref")) if isinstance(one, dict) else None
        kind = parse_relationship_type(str(one.get("type"))) if isinstance(one, dict) else None
        if above and kind:
            found[ParentRef(above, kind)] = None
        elif above and isinstance(one, dict):
            problems.append(_describe_bad_type(one.get("type"), "parents"))
        else:
            problems.append('parents: not a list of {"ref", "type"}')
    return tuple(found)


def _read_indicators(given: JsonValue, problems: list[str]) -> JsonValue:
    """Convert `[{"value", "indicatorType"}]` to the field names of rows."""
    found: list[JsonValue] = []
    for one in given if isinstance(given, list) else [given]:
        value = one.get("value") if isinstance(one, dict) else None
        kind = (one.get("indicatorType") or one.get("indicator_type")) if isinstance(one, dict) else None
        if not isinstance(value, str) or not isinstance(kind, str):
            problems.append('indicators: not a list of {"value", "indicatorType"}')
            return []
        found.append({"value": value, "indicator_type": kind})
    return found


def _put_text(fields: dict[str, JsonValue], name: str, given: JsonValue, argument: str, problems: list[str]) -> None:
    if isinstance(given, str):
        fields[name] = given
    elif isinstance(given, int | float) and not isinstance(given, bool):
        fields[name] = str(given)
    else:
        problems.append(f"{argument}: not a text")


def _read_ref(given: JsonValue) -> str | None:
    return (str(given).strip() or None) if isinstance(given, str | int) else None


def _describe_bad_type(given: JsonValue, argument: str) -> str:
    return f"{argument}: {quote(str(given))} is not a relationship type. Use {', '.join(RELATIONSHIP_TYPES)}"


def _invalid_line(place: int, problem: str) -> SourceRow:
    return SourceRow(place, {}, problems=(problem,))


def _describe_error(error: Exception) -> str:
    if isinstance(error, json.JSONDecodeError):
        return f"{error.msg} at character {error.pos + 1}"
    return "it is not UTF-8 text" if isinstance(error, UnicodeDecodeError) else "it is nested too deeply"
