"""Fields of saved queries: read from a call, compared with an answer, and rendered."""

from collections.abc import Mapping
from typing import Annotated, Final

from mcp.server.mcpserver import Resolve
from pydantic import JsonValue

from cf1_mcp.answers.columns import MAX_FIELD_LENGTH, clean_value
from cf1_mcp.errors import BadArgument
from cf1_mcp.models import SavedQuery, SavedQueryFields
from cf1_mcp.search.query_grammar import parse_object
from cf1_mcp.store.confirmation_codes import canonicalize
from cf1_mcp.text.sanitize import clean, escape_invisible

MAX_LINE_LENGTH: Final = 200


async def _resolve_named_fields(
    name: str | None,
    query_json: str | None,
    alert_enabled: bool | None,
    alert_rollup_enabled: bool | None,
    rule_enabled: bool | None,
    rule_scope: str | None,
) -> SavedQueryFields:
    given = {
        "name": None if name is None else _check_line(name, "name"),
        "query_json": query_json,
        "alert_enabled": alert_enabled,
        "alert_rollup_enabled": alert_rollup_enabled,
        "rule_enabled": rule_enabled,
        "rule_scope": None if rule_scope is None else rule_scope and _check_line(rule_scope, "rule_scope"),
    }
    return SavedQueryFields.model_validate({name: value for name, value in given.items() if value is not None})


# The fields of a query that a call names, with checked texts. Only those are set.
NamedFields = Annotated[SavedQueryFields, Resolve(_resolve_named_fields)]


def find_differing_fields(sent: SavedQueryFields, answer: SavedQuery) -> list[JsonValue]:
    """Return the fields whose value in an answer differs from the value sent, each with both values."""
    values = sent.wire()
    wrong = [
        name
        for name in values
        if name in answer.model_fields_set and not is_same_value(name, values[name], getattr(answer, name))
    ]
    shown, answered = preview_fields(values), preview_fields({name: getattr(answer, name) for name in wrong})
    return [{"field": name, "sent": shown[name], "answered": answered[name]} for name in wrong]


def is_same_value(name: str, one: JsonValue, other: JsonValue) -> bool:
    """Whether two values of a query's field mean the same."""
    if name == "query_json" and isinstance(one, str) and isinstance(other, str):
        search, other_search = parse_object(one), parse_object(other)
        return one == other or (search is not None and canonicalize(search) == canonicalize(other_search))
    return one == other


def preview_fields(values: Mapping[str, JsonValue]) -> dict[str, JsonValue]:
    """Return the values clipped and cleaned, for a preview."""
    return {name: clean_value(value, MAX_FIELD_LENGTH, name=name) for name, value in values.items()}


def quote_name(name: str) -> str:
    return repr(clean(name, MAX_LINE_LENGTH))


def _check_line(text: str, argument: str) -> str:
    """Return the text without surrounding spaces if it is one readable line."""
    line = text.strip()
    if not 0 < len(line) <= MAX_LINE_LENGTH or escape_invisible(line) != line:
        raise BadArgument(
            argument,
            f"{quote_name(text)} is not a readable line",
            f"1 to {MAX_LINE_LENGTH} visible characters in one line",
        )
    return line
