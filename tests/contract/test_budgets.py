"""The cost of the tools in o200k tokens, before a model makes any call. BENCHMARKS.md publishes the figures."""

import json
import re
from dataclasses import dataclass

import bpe_openai  # pyright: ignore[reportMissingTypeStubs]
import pytest
from mcp import Client
from mcp.server.mcpserver.tools import Tool
from pydantic import JsonValue

from bench.report import REPORT, section, with_section, write_section
from cf1_mcp.server.instructions import render_instructions
from cf1_mcp.server.mcp_server import offered_tools
from cf1_mcp.settings import Settings
from tests.conversations import text_of

ENCODING = bpe_openai.get_encoding("o200k_base")

DEFAULT_LIST, EVERYTHING, INSTRUCTION, TOOL, SEARCH = 3_400, 8_000, 400, 400, 700
GROWTH = 1.05
WRITE_FIGURES = "python -m pytest -n 0 --write-figures tests/contract/test_budgets.py"
# Answers: twenty events of the sample tenant.
TWENTY_ROWS, TWENTY_ROWS_OF_FOUR = 1_600, 900
FOUR_COLUMNS: list[JsonValue] = ["date", "attacker", "category", "indicator"]


@dataclass(frozen=True)
class Figure:
    what: str
    tokens: int
    budget: int


def tokens(text: str) -> int:
    return len(ENCODING.encode(text))


def cost(tool: Tool) -> int:
    """Return the tokens of one tool as a host shows it to the model."""
    shown = {"name": tool.name, "description": tool.description, "inputSchema": tool.parameters}
    return tokens(json.dumps(shown, separators=(",", ":"), ensure_ascii=False))


def figures() -> list[Figure]:
    everything = offered_tools(Settings(mode="full"))
    return [
        Figure("the default list, read-only", sum(map(cost, offered_tools(Settings()))), DEFAULT_LIST),
        Figure("everything", sum(map(cost, everything)), EVERYTHING),
        Figure("the server's instructions", tokens(render_instructions(Settings())), INSTRUCTION),
        *(
            Figure(f"`{tool.name}`", cost(tool), SEARCH if tool.name == "search_threat_events" else TOOL)
            for tool in everything
        ),
    ]


def table(found: list[Figure]) -> str:
    rows = [f"| {one.what} | {one.tokens:,} | {one.budget:,} |" for one in found]
    return "\n".join(["| what | tokens | budget |", "|---|--:|--:|", *rows])


def published() -> dict[str, int]:
    rows = re.findall(
        r"^\| (.+) \| ([\d,]+) \| [\d,]+ \|$", section(REPORT.read_text(encoding="utf-8"), "tokens"), re.M
    )
    return {what: int(count.replace(",", "")) for what, count in rows}


def test_no_tool_exceeds_its_budget() -> None:
    assert [one for one in figures() if one.tokens > one.budget] == []


def test_no_tool_has_grown_by_over_5_percent_since_it_was_published(request: pytest.FixtureRequest) -> None:
    found = figures()
    if request.config.getoption("--write-figures"):
        write_section("tokens", table(found))
    known = published()
    assert list(known) == [one.what for one in found], f"tools were added, removed or moved: run {WRITE_FIGURES}"
    assert [one for one in found if one.tokens > known[one.what] * GROWTH] == []


def test_writing_a_section_keeps_the_rest_of_the_page() -> None:
    page = "# Page\n<!-- a -->\none\n<!-- /a -->\nbetween\n<!-- b -->\ntwo\n<!-- /b -->\nend\n"
    assert with_section(page, "a", "| 1 |\n| 2 |") == page.replace("one", "| 1 |\n| 2 |")
    assert section(page, "b") == "two"


async def rows_cost(client: Client, **arguments: JsonValue) -> int:
    """Return the tokens of twenty events in the text or in the data, whichever is more."""
    result = await client.call_tool("search_threat_events", arguments)
    data: dict[str, JsonValue] = dict(result.structured_content or {})
    assert data["events"] == 20
    return max(tokens(text_of(result.content)), tokens(json.dumps(data, separators=(",", ":"), ensure_ascii=False)))


@pytest.mark.anyio
@pytest.mark.parametrize(
    ("filters", "fields", "budget"),
    [
        ({"tlp": ["clear", "green"]}, None, TWENTY_ROWS),
        ({"tlp": ["clear", "green"]}, FOUR_COLUMNS, TWENTY_ROWS_OF_FOUR),
        # Rows that are full in every column, such as one actor's, cost a little more than the newest of all.
        ({"attacker": ["COPPER LANTERN"], "tlp": ["green"]}, None, 1.05 * TWENTY_ROWS),
        ({"attacker": ["COPPER LANTERN"], "tlp": ["green"]}, FOUR_COLUMNS, TWENTY_ROWS_OF_FOUR),
    ],
)
async def test_twenty_events_stay_within_their_budget(
    client: Client, filters: dict[str, JsonValue], fields: list[JsonValue] | None, budget: float
) -> None:
    cost = await rows_cost(client, **filters, **({"fields": fields} if fields else {}))
    assert cost <= budget
