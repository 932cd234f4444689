"""What the README says is so."""

import re
from pathlib import Path

from cf1_mcp.api import operations
from cf1_mcp.api.client import ThreatEventsClient
from cf1_mcp.server.mcp_server import offered_tools
from cf1_mcp.server.playbooks import read_playbook
from cf1_mcp.settings import NAMES, Settings
from cf1_mcp.tools import ALL_TOOLS

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text(encoding="utf-8")


def tool_table() -> str:
    """The table of tools, a row each: what it is for is the first sentence of its description."""
    rows = [
        f"| {tool.toolset} | `{tool.name}` | {tool.effect.mode} | {re.split(r'(?<=[.:]) ', tool.description)[0].rstrip(':.')} |"
        for tool in ALL_TOOLS
    ]
    return "\n".join(["| toolset | tool | from mode | what for |", "|---|---|---|---|", *rows])


def test_its_table_lists_every_tool() -> None:
    table = README.split("<!-- tools -->\n")[1].split("\n<!-- /tools -->")[0]
    assert table == tool_table()
    assert all(f"`{tool.name}`" in table for tool in offered_tools(Settings(mode="full")))


def test_its_table_lists_every_playbook() -> None:
    shipped = [read_playbook(path) for path in sorted((ROOT / "prompts").iterdir())]
    rows = [f"| `{playbook.name}` | {playbook.heading.description.rstrip('.')} |" for playbook in shipped]
    table = README.split("<!-- playbooks -->\n")[1].split("\n<!-- /playbooks -->")[0]
    assert table.splitlines() == ["| playbook | what for |", "|---|---|", *rows]


def test_its_own_playbook_can_be_read(tmp_path: Path) -> None:
    example = README.split("`who_targets.md`:\n\n```\n")[1].split("```")[0]
    (tmp_path / "who_targets.md").write_text(example, encoding="utf-8")
    assert read_playbook(tmp_path / "who_targets.md").heading.title == "Who targets a country"


def test_it_explains_every_setting() -> None:
    for name in (*NAMES, "CLOUDFLARE_API_TOKEN", "CLOUDFLARE_ACCOUNT_ID", "CLOUDFLARE_BASE_URL"):
        assert f"`{name}`" in README


def test_its_first_commands_are_the_ones_that_ci_plays() -> None:
    first = README.split("```\n")[1].splitlines()
    ci = (ROOT / ".ci" / "run").read_text(encoding="utf-8")
    assert first == [
        "python3 -m pip install . && cf1-mcp try",
        "python3 -m pip install -e '.[dev]' && pytest",
    ]
    assert "pip install --quiet -e '.[dev]'" in ci and "\n    pytest\n" in ci
    assert "pip install --quiet .\n" in ci and "cf1-mcp try" in ci


def test_its_files_exist() -> None:
    linked = re.findall(r"\]\((?!https?:)([^)#]+)\)", README)
    assert linked and all((ROOT / name).exists() for name in linked)


def test_every_operation_of_the_api_has_a_tool_and_a_route() -> None:
    rows = README.split("<!-- operations -->\n")[1].split("\n<!-- /operations -->")[0].splitlines()[2:]
    told = dict(re.findall(r"\| `([^`]+)` \| `([^`]+)` \|", "\n".join(rows)))
    routes = {
        f"{route.method} {route.path}"
        for operation in vars(operations).values()
        if isinstance(operation, operations.Operation)
        for route in operation.routes
    }
    tools = {tool.name for tool in ALL_TOOLS}
    assert len(told) == len(rows) == 35
    assert set(told) <= routes
    assert set(told.values()) <= tools


def test_every_method_of_the_client_is_used_by_a_tool() -> None:
    code = "\n".join(
        path.read_text(encoding="utf-8") for path in (ROOT / "cf1_mcp").rglob("*.py") if path.stem != "client"
    )
    methods = [name for name in vars(ThreatEventsClient) if not name.startswith("_")]
    assert [name for name in methods if f"client.{name}" not in code] == []
