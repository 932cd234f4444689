"""What the README says is so."""

import re
from pathlib import Path

from cf1_mcp.api.client import ThreatEventsClient
from cf1_mcp.server.mcp_server import offered_tools
from cf1_mcp.server.playbooks import read_playbook
from cf1_mcp.settings import NAMES, Settings
from tests.documents.tables import ROOT, shown_table

README = (ROOT / "README.md").read_text(encoding="utf-8")


def test_its_table_lists_every_tool() -> None:
    table = shown_table(ROOT / "README.md", "tools")
    assert all(f"`{tool.name}`" in table for tool in offered_tools(Settings(mode="full")))


def test_its_own_playbook_can_be_read(tmp_path: Path) -> None:
    example = README.split("`who_targets.md`:\n\n```\n")[1].split("```")[0]
    (tmp_path / "who_targets.md").write_text(example, encoding="utf-8")
    assert read_playbook(tmp_path / "who_targets.md").front_matter.title == "Who targets a country"


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


def test_its_links_to_files_exist() -> None:
    linked = re.findall(r"\]\((?!https?:)([^)#]+)\)", README)
    assert linked and all((ROOT / name).exists() for name in linked)


def test_every_method_of_the_client_is_used_by_a_tool() -> None:
    code = "\n".join(
        path.read_text(encoding="utf-8") for path in (ROOT / "cf1_mcp").rglob("*.py") if path.stem != "client"
    )
    methods = [name for name in vars(ThreatEventsClient) if not name.startswith("_")]
    assert [name for name in methods if f"client.{name}" not in code] == []
