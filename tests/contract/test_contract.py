"""The published contract: `tools/*.json` equals what tools/list returns, word for word."""

import json
from pathlib import Path

import pytest
from inline_snapshot import external_file
from mcp import Client
from mcp.types import Tool

from cf1_mcp.server.mcp_server import build_server, offered_tools
from cf1_mcp.settings import MODES, Settings
from tests.tenant import Tenant

pytestmark = pytest.mark.anyio

CONTRACTS = Path(__file__).parents[2] / "tools"
WRITE_CONTRACTS = "python -m pytest -n 0 --inline-snapshot=create,fix tests/contract/test_contract.py"
EVERYTHING = Settings(mode="full")
NAMES = [tool.name for tool in offered_tools(EVERYTHING)]


async def test_every_tool_matches_its_contract(sample: Tenant) -> None:
    async with Client(build_server(EVERYTHING, sample.connect)) as client:
        for tool in (await client.list_tools()).tools:
            contract = json.dumps(as_listed(tool), indent=2, ensure_ascii=False)
            assert f"{contract}\n" == external_file(CONTRACTS / f"{tool.name}.json", format=".txt"), (
                f"{tool.name} has changed: run {WRITE_CONTRACTS} and review it"
            )


@pytest.mark.parametrize("mode", ["auto", "legacy"])
async def test_both_protocol_generations_list_the_contract_in_the_same_order(sample: Tenant, mode: str) -> None:
    server = build_server(EVERYTHING, sample.connect)
    async with Client(server, mode="legacy" if mode == "legacy" else "auto") as client:
        listed = (await client.list_tools()).tools
    assert [tool.name for tool in listed] == NAMES
    for tool in listed:
        assert as_listed(tool) == json.loads((CONTRACTS / f"{tool.name}.json").read_text(encoding="utf-8"))


def as_listed(tool: Tool) -> dict[str, object]:
    return tool.model_dump(mode="json", by_alias=True, exclude_none=True)


def test_every_contract_belongs_to_a_tool() -> None:
    orphans = [f"git rm tools/{path.name}" for path in CONTRACTS.iterdir() if path.stem not in NAMES]
    assert not orphans, "\n".join(orphans)


def test_the_mode_decides_which_tools_are_offered() -> None:
    offered = {mode: [tool.name for tool in offered_tools(Settings(mode=mode))] for mode in MODES}
    assert set(offered["read"]) < set(offered["write"]) < set(offered["full"]) == set(NAMES)
    for tool in offered_tools(Settings()):
        assert tool.annotations and tool.annotations.read_only_hint


def test_the_toolsets_decide_which_tools_are_offered() -> None:
    only_watch = offered_tools(Settings(toolsets=("watch",)))
    assert [tool.name for tool in only_watch] == ["list_saved_queries", "list_query_alerts"]
