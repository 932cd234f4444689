"""Input schemas that every client takes: no references, null arms, titles, defaults of null or open objects."""

from collections.abc import Mapping
from typing import TypeAlias

Json: TypeAlias = "Mapping[str, Json] | list[Json] | str | float | bool | None"

# What tells a model nothing beyond type and description, or limits that it rarely meets and the code checks anyway.
_NOISE = frozenset({"title", "$defs", "format", "pattern", "maxItems", "minItems", "maxLength", "minLength", "minimum"})


def plain_schema(schema: Mapping[str, Json]) -> dict[str, Json]:
    """The schema of a tool's arguments, reduced to what clients agree on."""
    definitions = schema.get("$defs", {})
    plain = _plain(schema, definitions if isinstance(definitions, Mapping) else {})
    return {"type": "object", "properties": {}, **plain, "additionalProperties": False}


def _plain(schema: Mapping[str, Json], definitions: Mapping[str, Json]) -> dict[str, Json]:
    reference = schema.get("$ref")
    if isinstance(reference, str):
        target = definitions[reference.rsplit("/", 1)[1]]
        beside = {key: value for key, value in schema.items() if key != "$ref"}
        return _plain({**_mapping(target), **beside}, definitions)
    arms = schema.get("anyOf")
    if isinstance(arms, list):
        return _only_arm(schema, [_mapping(arm) for arm in arms], definitions)
    plain: dict[str, Json] = {}
    for key, value in schema.items():
        if key in _NOISE or (key == "default" and value in (None, [], "")):
            continue
        if key == "properties":
            plain[key] = {name: _plain(_mapping(part), definitions) for name, part in _mapping(value).items()}
        elif isinstance(value, Mapping):
            plain[key] = _plain(value, definitions)
        else:
            plain[key] = value
    return plain


def _only_arm(
    schema: Mapping[str, Json], arms: list[Mapping[str, Json]], definitions: Mapping[str, Json]
) -> dict[str, Json]:
    """An optional argument is one that may be left out, so its null arm goes."""
    kept = [arm for arm in arms if arm.get("type") != "null"]
    if len(kept) != 1:
        raise TypeError(f"a tool argument has several types, which some clients refuse: {schema}")
    beside = {key: value for key, value in schema.items() if key != "anyOf"}
    return _plain({**kept[0], **beside}, definitions)


def _mapping(value: Json) -> Mapping[str, Json]:
    if not isinstance(value, Mapping):
        raise TypeError(f"a boolean or empty sub-schema, which some clients refuse: {value}")
    return value
