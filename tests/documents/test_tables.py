"""The generated tables of the documents are current, and what they promise exists."""

import re

import pytest

from bench.report import section
from cf1_mcp.api import operations
from cf1_mcp.tools import ALL_TOOLS
from tests.documents.tables import OPERATION_TOOLS, ROOT, TABLES, WRITE_TABLES, documents_with, shown_table


@pytest.mark.parametrize("name", TABLES)
def test_every_table_is_current(name: str) -> None:
    pages = documents_with(name)
    assert pages, f"README.md or a page in docs/ must show this table between <!-- {name} --> and <!-- /{name} -->"
    for page in pages:
        assert shown_table(page, name) == TABLES[name](), f"{page.name} is out of date: run {WRITE_TABLES}"


def test_the_evidence_of_every_promised_operation_is_told() -> None:
    page = (ROOT / "docs" / "live-api.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| `([^`]+)` \| ([DCG]) \| (.+) \| (.+) \|$", section(page, "live operations"), re.M)
    assert [row[0] for row in rows] == list(OPERATION_TOOLS)
    # A guess says what happens if it is wrong.
    assert [row[0] for row in rows if row[1] == "G" and "-" in row[2:]] == []


def all_routes() -> set[str]:
    return {
        f"{route.method} {route.path}"
        for operation in vars(operations).values()
        if isinstance(operation, operations.Operation)
        for route in operation.routes
    }


def test_the_evidence_of_every_other_route_is_told() -> None:
    page = (ROOT / "docs" / "live-api.md").read_text(encoding="utf-8")
    told = {*re.findall(r"`([A-Z]+ /[^`]+)`", section(page, "other operations"))}
    assert told <= all_routes() <= told | {*OPERATION_TOOLS}


def test_every_promised_operation_has_a_route_and_a_tool() -> None:
    routes = all_routes()
    assert len(OPERATION_TOOLS) == 35
    assert set(OPERATION_TOOLS) <= routes
    assert set(OPERATION_TOOLS.values()) <= {tool.name for tool in ALL_TOOLS}
