"""Every client accepts every tool: schemas are plain, hints are set and correct, with any settings."""

import re
from collections.abc import Mapping

import pytest
from mcp.server.mcpserver.tools import Tool
from pydantic import JsonValue

from cf1_mcp.server.mcp_server import offered_tools
from cf1_mcp.settings import MODES, TOOLSETS, Mode, Settings
from tests.contract.schema_lint import MAX_DESCRIPTION_LENGTH, MAX_NAME_LENGTH, Schema, flaws

OFFERS = {f"{mode}, {name}": Settings(mode=mode, toolsets=(name,)) for mode in MODES for name in TOOLSETS} | {
    f"{mode}, all": Settings(mode=mode) for mode in MODES
}
EVERYTHING = {tool.name: tool for tool in offered_tools(Settings(mode="full"))}
EACH = pytest.mark.parametrize("name", EVERYTHING)

# The hints of each verb: whether it only reads, and whether it may destroy something.
VERBS = {
    "search get list aggregate query lookup profile export": (True, False),
    "create import copy tag relate": (False, False),
    "update undo untag unrelate move merge delete revert": (False, True),
}
HINTS = {verb: hints for verbs, hints in VERBS.items() for verb in verbs.split()}
# Arguments and values that start with a verb but are not tools.
NOT_TOOLS = {"export_id", "query_id", "query_json", "search_guide"}


@pytest.mark.parametrize("offer", OFFERS)
def test_no_schema_contains_anything_that_breaks_a_client(offer: str) -> None:
    assert [flaw for tool in offered_tools(OFFERS[offer]) for flaw in flaws(tool.parameters, tool.name)] == []


@EACH
def test_an_input_schema_is_an_object(name: str) -> None:
    assert EVERYTHING[name].parameters["type"] == "object"


@EACH
def test_a_name_and_a_description_fit_where_hosts_cut_them(name: str) -> None:
    tool = EVERYTHING[name]
    assert re.fullmatch(r"[a-z][a-z_]*", name) and len(name) <= MAX_NAME_LENGTH
    assert 0 < len(tool.description) <= MAX_DESCRIPTION_LENGTH


@EACH
def test_a_tool_has_a_title_and_all_four_hints(name: str) -> None:
    tool = EVERYTHING[name]
    assert tool.title and tool.annotations
    hints = tool.annotations.model_dump(
        include={"read_only_hint", "destructive_hint", "idempotent_hint", "open_world_hint"}
    )
    assert [type(value) for value in hints.values()] == [bool] * 4


@EACH
def test_the_hints_match_the_verb_of_the_name(name: str) -> None:
    hints, verb = EVERYTHING[name].annotations, name.split("_")[0]
    assert verb in HINTS, f"{verb} is a new verb: use one of VERBS in tests/contracts/test_schemas.py, or add it there"
    assert hints and (hints.read_only_hint, hints.destructive_hint) == HINTS[verb]


@pytest.mark.parametrize("mode", MODES)
def test_no_description_refers_to_a_tool_that_its_mode_withholds(mode: Mode) -> None:
    offered = {tool.name: tool for tool in offered_tools(Settings(mode=mode))}
    references = {(name, other) for name, tool in offered.items() for other in mentioned_tools(tool)}
    assert {(name, other) for name, other in references if other not in offered} == set()


def mentioned_tools(tool: Tool) -> set[str]:
    """Return everything in a tool's texts that looks like the name of a tool."""
    verbs = "|".join(HINTS)
    return set(re.findall(rf"\b(?:{verbs})_[a-z]+(?:_[a-z]+)*\b", f"{tool.description} {tool.parameters}")) - NOT_TOOLS


PLAIN: Schema = {"type": "string"}
CHOICE: Schema = {"type": "string", "enum": ["a", "b"]}
MIXED: Schema = {"type": "string", "enum": ["a", 1]}


def with_property(schema: Mapping[str, JsonValue] | bool, name: str = "one") -> Schema:
    part = schema if isinstance(schema, bool) else dict(schema)
    return {"type": "object", "properties": {name: part}, "additionalProperties": False}


@pytest.mark.parametrize(
    ("schema", "flaw"),
    [
        (with_property({"$ref": "#/$defs/X"}), "tool.one: has $ref"),
        (with_property(PLAIN) | {"$defs": {}}, "tool: has $defs"),
        (with_property(PLAIN | {"title": "One"}), "tool.one: has title"),
        (with_property(PLAIN | {"const": "x"}), "tool.one: has const"),
        (with_property({"anyOf": [PLAIN, {"type": "null"}]}), "tool.one: has anyOf"),
        (with_property(PLAIN) | {"oneOf": []}, "tool: has oneOf"),
        (with_property(PLAIN) | {"allOf": []}, "tool: has allOf"),
        (with_property({"type": ["string", "null"]}), "tool.one: has type ['string', 'null']"),
        (with_property({"type": "null"}), "tool.one: has type null"),
        (with_property({}), "tool.one: has no type"),
        (with_property(True), "tool: tool.one is not an object"),
        (with_property({"type": "array"}), "tool.one: is an array of anything"),
        (with_property({"type": "array", "items": {}}), "tool.one[]: has no type"),
        (with_property({"type": "array", "items": True}), "tool.one: tool.one[] is not an object"),
        (with_property({"type": "object", "additionalProperties": False}), "tool.one: names no properties"),
        ({"type": "object", "properties": {}}, "tool: is open"),
        ({"type": "object", "properties": {}, "additionalProperties": PLAIN}, "tool: is open"),
        (with_property({"type": "integer", "enum": [1, 2]}), "tool.one: has choices that are not strings"),
        (with_property(MIXED), "tool.one: has choices that are not strings"),
        (with_property(PLAIN, "uuids[]"), "tool: has a property 'uuids[]'"),
        (with_property(PLAIN, "datasetId"), "tool: has a property 'datasetId'"),
        (with_property(PLAIN, "a" * 65), f"tool: has a property {'a' * 65!r}"),
        (with_property(PLAIN | {"description": "x" * 1_001}), "tool.one: has a long description"),
    ],
)
def test_the_lint_finds(schema: Schema, flaw: str) -> None:
    assert flaw in flaws(schema, "tool")


def test_the_lint_accepts_a_plain_schema() -> None:
    rows: Schema = {"type": "array", "items": with_property(CHOICE), "description": "x" * 1_000}
    assert flaws(with_property(rows), "tool") == []
