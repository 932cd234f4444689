"""Optional arguments of every tool, filled in with values that count as left out."""

from typing import Any

import pytest
from pydantic import BaseModel, JsonValue, ValidationError

from cf1_mcp.contracts.empty_values import leave_out_empty
from cf1_mcp.server.mcp_server import offered_tools
from cf1_mcp.settings import Settings

TOOLS = {tool.name: tool for tool in offered_tools(Settings(mode="full"))}
OPTIONAL = [
    (tool.name, name)
    for tool in TOOLS.values()
    for name in tool.parameters["properties"]
    if name not in tool.parameters.get("required", ())
]
# Empty values that mean something: the argument has another default, and accepts them.
MEANT = {("create_query_alert", "enabled", False), ("move_threat_events", "keep_raw_data", False)}


def is_valid(model: type[BaseModel], name: str, value: JsonValue) -> bool:
    try:
        model.__pydantic_validator__.validate_assignment(model.model_construct(), name, value)
    except ValidationError:
        return False
    return True


def read(tool: str, name: str, value: JsonValue) -> dict[str, Any]:
    found = TOOLS[tool]
    return leave_out_empty({name: value}, found.fn_metadata.arg_model, found.parameters)


@pytest.mark.parametrize(("tool", "name"), OPTIONAL)
def test_null_counts_as_left_out(tool: str, name: str) -> None:
    assert read(tool, name, None) == {}


@pytest.mark.parametrize("value", ["", 0, [], False], ids=repr)
@pytest.mark.parametrize(("tool", "name"), OPTIONAL)
def test_an_empty_value_is_left_out_or_accepted(tool: str, name: str, value: JsonValue) -> None:
    model = TOOLS[tool].fn_metadata.arg_model
    assert all(is_valid(model, one, kept) for one, kept in read(tool, name, value).items())


def test_the_cases_that_were_refused_are_left_out() -> None:
    refused = [(tool, name) for tool, name in OPTIONAL if not is_valid(TOOLS[tool].fn_metadata.arg_model, name, None)]
    assert len(refused) >= 13
    assert [one for one in refused if read(*one, None)] == []
    assert [read("search_threat_events", "order", ""), read("search_threat_events", "limit", 0)] == [{}, {}]
    assert [read("search_threat_events", "limit", ""), read("search_threat_events", "attacker", "")] == [{}, {}]


@pytest.mark.parametrize(("tool", "name", "value"), sorted(MEANT))
def test_a_value_that_is_accepted_is_kept(tool: str, name: str, value: JsonValue) -> None:
    assert read(tool, name, value) == {name: value}


def test_a_required_argument_is_kept_as_it_is() -> None:
    assert read("get_threat_event", "event_id", None) == {"event_id": None}
