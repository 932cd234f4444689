"""The search guide describes what the search accepts."""

from typing import get_args

import pytest
from mcp import Client
from pydantic import JsonValue

from cf1_mcp.models import SearchField, SearchOp
from cf1_mcp.models.fields import COLUMNS, HIDDEN_COLUMNS
from cf1_mcp.search.guide import EXAMPLES, Example, search_guide
from cf1_mcp.server.mcp_server import offered_tools
from cf1_mcp.settings import Settings
from tests.conversations import ask

pytestmark = pytest.mark.anyio

SCHEMA = next(tool.parameters for tool in offered_tools(Settings()) if tool.name == "search_threat_events")


def test_the_guide_is_short() -> None:
    assert len(search_guide()) <= 6_000


def test_the_guide_names_every_field_operator_and_column() -> None:
    words = set(search_guide().replace(",", " ").replace(".", " ").replace(":", " ").replace("`", " ").split())
    assert {*get_args(SearchField), *get_args(SearchOp), *COLUMNS} - HIDDEN_COLUMNS <= words


def test_the_guide_names_every_argument_of_the_search_and_its_limits() -> None:
    guide, known = search_guide(), SCHEMA["properties"]
    assert [name for name in known if f"`{name}`" not in guide] == []
    assert f"({known['limit']['default']}, up to {known['limit']['maximum']})" in guide


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda one: one.question)
async def test_the_search_accepts_every_example(client: Client, example: Example) -> None:
    arguments: dict[str, JsonValue] = dict(example.arguments)
    data = await ask(client, "search_threat_events", **arguments)
    assert isinstance(data["events"], int)


def test_the_guide_has_six_to_ten_examples() -> None:
    assert 6 <= len(EXAMPLES) <= 10
