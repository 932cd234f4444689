"""What the README says is so."""

import re
from pathlib import Path

from cf1_mcp.server import TOOLS, offered_tools
from cf1_mcp.settings import NAMES, Settings
from cf1_mcp.toolset import needed_mode

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")


def tool_table() -> str:
    """The table of tools, a row each: what it is for is the first sentence of its description."""
    rows = [
        f"| {group.name} | `{tool.name}` | {needed_mode(tool.annotations)} | {re.split(r'(?<=[.:]) ', tool.description)[0].rstrip(':.')} |"
        for group in TOOLS
        for tool in group.tools
    ]
    return "\n".join(["| toolset | tool | from mode | what for |", "|---|---|---|---|", *rows])


def test_its_table_lists_every_tool() -> None:
    table = README.split("<!-- tools -->\n")[1].split("\n<!-- /tools -->")[0]
    assert table == tool_table()
    assert all(f"`{tool.name}`" in table for tool in offered_tools(Settings(mode="full")))


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
