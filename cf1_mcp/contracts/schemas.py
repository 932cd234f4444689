"""Input schemas that every client accepts: no references, null unions, titles, null defaults or open objects."""

from collections.abc import Mapping
from typing import TypeAlias

Json: TypeAlias = "Mapping[str, Json] | list[Json] | str | float | bool | None"

# Keywords that add nothing to type and description for a model, or limits that it rarely reaches and the code checks.
_OMITTED = frozenset(
    {"title", "$defs", "format", "pattern", "maxItems", "minItems", "maxLength", "minLength", "minimum"}
)


def plain_schema(schema: Mapping[str, Json]) -> dict[str, Json]:
    """Return the schema of a tool's arguments, reduced to what all clients support.

    Raises:
        TypeError: an argument has several types, or a sub-schema is a boolean.
    """
    definitions = schema.get("$defs", {})
    plain = _simplify(schema, definitions if isinstance(definitions, Mapping) else {})
    return {"type": "object", "properties": {}, **plain, "additionalProperties": False}


def _simplify(schema: Mapping[str, Json], definitions: Mapping[str, Json]) -> dict[str, Json]:
    reference = schema.get("$ref")
    if isinstance(reference, str):
        target = definitions[reference.rsplit("/", 1)[1]]
        others = {key: value for key, value in schema.items() if key != "$ref"}
        return _simplify({**_mapping(target), **others}, definitions)
    members = schema.get("anyOf")
    if isinstance(members, list):
        return _without_null(schema, [_mapping(member) for member in members], definitions)
    plain: dict[str, Json] = {}
    for key, value in schema.items():
        if key in _OMITTED or (key == "default" and value in (None, [], "")):
            continue
        if key == "properties":
            plain[key] = {name: _simplify(_mapping(part), definitions) for name, part in _mapping(value).items()}
        elif isinstance(value, Mapping):
            plain[key] = _simplify(value, definitions)
        else:
            plain[key] = value
    return plain


def _without_null(
    schema: Mapping[str, Json], members: list[Mapping[str, Json]], definitions: Mapping[str, Json]
) -> dict[str, Json]:
    """Drop null from a union: an optional argument is one that may be left out."""
    kept = [member for member in members if member.get("type") != "null"]
    if len(kept) != 1:
        raise TypeError(f"a tool argument has several types, which some clients reject: {schema}")
    others = {key: value for key, value in schema.items() if key != "anyOf"}
    return _simplify({**kept[0], **others}, definitions)


def _mapping(value: Json) -> Mapping[str, Json]:
    if not isinstance(value, Mapping):
        raise TypeError(f"a boolean or empty sub-schema, which some clients reject: {value}")
    return value
