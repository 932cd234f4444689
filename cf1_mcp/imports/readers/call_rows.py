"""Reads the rows that a call passes as JSON objects. They are numbered from 0, as the API does."""

import json
from collections.abc import Mapping, Sequence
from typing import Annotated, Final

from pydantic import BaseModel, BeforeValidator, ConfigDict, JsonValue, ValidationError, WithJsonSchema
from pydantic_core import ErrorDetails

from cf1_mcp.errors import BadArgument, did_you_mean
from cf1_mcp.events.validation import check_tags
from cf1_mcp.imports.readers.source_rows import ParentRef, SourceRow
from cf1_mcp.models import RelationshipType
from cf1_mcp.models.fields import REQUIRED_TEXTS, SETTABLE_TEXTS
from cf1_mcp.text.distinct_json import DistinctJson, RepeatedKey
from cf1_mcp.text.limits import MAX_NAME_LENGTH
from cf1_mcp.text.sanitize import clean

# Problems of one row that are described: a suggestion takes a while, and a row may have any number of unknown fields.
MAX_PROBLEMS: Final = 10


def _parse_json(raw: object) -> object:
    if not isinstance(raw, str):
        return raw
    try:
        return DistinctJson().read(raw)
    except RepeatedKey:
        raise
    except (ValueError, RecursionError):
        raise ValueError("this is not JSON text; write an object such as {}") from None


# No docstring: it would be part of the schema, which every model pays for.
class CallRow(BaseModel):
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
        BeforeValidator(_parse_json),
        WithJsonSchema({"type": "string"}),  # JSON text, as the error for any other value says
    ] = None
    ref: str | None = None
    parent_ref: str | None = None
    # The error names its three values. In the schema they would cost every model tokens, and few rows need them.
    relationship_type: Annotated[RelationshipType | None, WithJsonSchema({"type": "string"})] = None


CallRows = Annotated[
    list[dict[str, JsonValue]] | None,
    WithJsonSchema(
        {
            "type": "array",
            "items": CallRow.model_json_schema(),
            "description": "At most 500; parent_ref: ref of another",
        }
    ),
]


def read_call_rows(given: Sequence[Mapping[str, JsonValue]]) -> list[SourceRow]:
    """Return the rows of a call. A row of the wrong shape has that as its problem."""
    return [_read_row(place, one) for place, one in enumerate(given)]


def _read_row(place: int, given: Mapping[str, JsonValue]) -> SourceRow:
    ref = None if given.get("ref") is None else str(given["ref"]).strip() or None
    try:
        json.dumps(given, ensure_ascii=False).encode()
        row = CallRow.model_validate(given)
    except UnicodeEncodeError:
        # Rows passed as JSON text may contain one, but a request cannot.
        return SourceRow(place, {}, ref, problems=("the row contains half a character (a lone surrogate)",))
    except ValidationError as error:
        problems = tuple(_describe(problem) for problem in error.errors(include_url=False)[:MAX_PROBLEMS])
        return SourceRow(place, {}, ref, problems=problems)
    texts: dict[str, str | None] = {name: getattr(row, name) for name in SETTABLE_TEXTS}
    # A blank optional field is the same as a missing one.
    fields: dict[str, JsonValue] = {
        name: text for name, text in texts.items() if text is not None and (text.strip() or name in REQUIRED_TEXTS)
    }
    problems = _read_tags(fields, row.tags or [])
    if row.raw is not None:
        fields["raw"] = {"data": row.raw}
    parents: tuple[ParentRef, ...] = ()
    if above := (row.parent_ref or "").strip():
        parents = (ParentRef(above, row.relationship_type or "related_to"),)
    elif row.relationship_type:
        problems.append("relationship_type: there is no parent_ref to relate the row to")
    return SourceRow(place, fields, ref, parents, tuple(problems))


def _read_tags(fields: dict[str, JsonValue], tags: Sequence[str]) -> list[str]:
    """Add the tags to the fields, or return their problem. Unlike in a file, no tag may be blank."""
    if tags:
        try:
            fields["tags"] = [*check_tags(tags)]
        except BadArgument as error:
            return [str(error)]
    return []


def _describe(problem: ErrorDetails) -> str:
    where = clean(".".join(str(part) for part in problem["loc"]), MAX_NAME_LENGTH)
    if problem["type"] != "extra_forbidden":
        return f"{where}: {problem['msg'].removeprefix('Value error, ')}"
    return f"{where}: a row has no such field{did_you_mean(where, [*CallRow.model_fields])}"
