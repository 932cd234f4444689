"""README.md and the pages in docs/ agree with the code."""

import re
from pathlib import Path

import pytest

from cf1_mcp.api.client import ThreatEventsClient
from cf1_mcp.server.mcp_server import offered_tools
from cf1_mcp.server.playbooks import read_playbook
from cf1_mcp.settings import NAMES, Settings
from tests.documents.tables import ROOT, shown_table

MAX_README_WORDS = 900
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", ROOT / "SECURITY.md", *sorted((ROOT / "docs").glob("*.md"))]


def page(name: str) -> str:
    return (ROOT / name).read_text(encoding="utf-8")


def test_the_readme_is_short() -> None:
    assert len(page("README.md").split()) <= MAX_README_WORDS


def test_the_readme_names_every_tool() -> None:
    table = shown_table(ROOT / "README.md", "toolsets")
    assert all(f"`{tool.name}`" in table for tool in offered_tools(Settings(mode="full")))


def test_the_first_commands_of_the_readme_are_the_ones_that_ci_runs() -> None:
    blocks = page("README.md").split("```\n")
    ci = page(".ci/run")
    assert [blocks[1], blocks[3]] == [
        "python3 -m pip install . && cf1-mcp try\n",
        "python3 -m pip install -e '.[dev]' && pytest\n",
    ]
    assert "pip install --quiet -e '.[dev]'" in ci and "\n    pytest\n" in ci
    assert "pip install --quiet .\n" in ci and "cf1-mcp try" in ci


def test_the_example_playbook_can_be_read(tmp_path: Path) -> None:
    example = page("docs/analyst.md").split("`who_targets.md`:\n\n```\n")[1].split("```")[0]
    (tmp_path / "who_targets.md").write_text(example, encoding="utf-8")
    assert read_playbook(tmp_path / "who_targets.md").front_matter.title == "Who targets a country"


def test_the_operators_page_explains_every_setting() -> None:
    for name in (*NAMES, "CLOUDFLARE_API_TOKEN", "CLOUDFLARE_ACCOUNT_ID", "CLOUDFLARE_BASE_URL"):
        assert f"`{name}`" in page("docs/operator.md")


@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.name)
def test_the_files_that_a_page_links_to_exist(path: Path) -> None:
    linked = re.findall(r"\]\((?!https?:)([^)#]+)(?:#[^)]*)?\)", path.read_text(encoding="utf-8"))
    assert [name for name in linked if not (path.parent / name).exists()] == []


@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.name)
def test_the_modules_that_a_page_names_exist(path: Path) -> None:
    named = re.findall(r"`((?:\w[\w.]*/)+[\w.]+\.(?:py|md|json|txt|toml))`", path.read_text(encoding="utf-8"))
    roots = (ROOT, ROOT / "cf1_mcp")
    assert [name for name in named if not any((root / name).exists() for root in roots)] == []


def test_every_method_of_the_client_is_used_by_a_tool() -> None:
    code = "\n".join(
        path.read_text(encoding="utf-8") for path in (ROOT / "cf1_mcp").rglob("*.py") if path.stem != "client"
    )
    methods = [name for name in vars(ThreatEventsClient) if not name.startswith("_")]
    assert [name for name in methods if f"client.{name}" not in code] == []
