"""The generated tables of README.md and docs/*.md. `make figures` rewrites them.

A document shows a table where it has the two marks of it: `<!-- tools -->` and `<!-- /tools -->`.
"""

import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final

from bench.report import section, with_section
from cf1_mcp.server.playbooks import read_playbook, shipped_folder
from cf1_mcp.settings import TOOLSETS, Mode
from cf1_mcp.tools import ALL_TOOLS

ROOT: Final = Path(__file__).parents[2]
MODES: Final[tuple[Mode, ...]] = ("read", "write", "full")
WRITE_TABLES: Final = "python -m pytest -n 0 --write-tables tests/documents"

# The operations that the project promises, each with the tool that uses it.
OPERATION_TOOLS: Final[Mapping[str, str]] = {
    "GET /events": "search_threat_events",
    "GET /events/aggregate": "aggregate_threat_events",
    "POST /events/create": "create_threat_event",
    "POST /events/create/bulk": "import_threat_events",
    "POST /events/create/bulk/relationships": "import_threat_events",
    "GET /events/dataset/{dataset_id}/events/{event_id}": "get_threat_event",
    "POST /events/dataset/{dataset_id}/move": "move_threat_events",
    "DELETE /events/event_tag/{event_id}": "untag_threat_events",
    "POST /events/event_tag/{event_id}/create": "tag_threat_events",
    "GET /events/queries": "list_saved_queries",
    "GET /events/queries/alerts": "list_query_alerts",
    "POST /events/queries/alerts/create": "create_query_alert",
    "POST /events/queries/alerts/{alert_id}": "update_query_alert",
    "PATCH /events/queries/alerts/{alert_id}": "update_query_alert",
    "GET /events/queries/alerts/{alert_id}": "list_query_alerts",
    "DELETE /events/queries/alerts/{alert_id}": "delete_query_alert",
    "POST /events/queries/create": "create_saved_query",
    "POST /events/queries/{query_id}": "update_saved_query",
    "PATCH /events/queries/{query_id}": "update_saved_query",
    "GET /events/queries/{query_id}": "list_saved_queries",
    "DELETE /events/queries/{query_id}": "delete_saved_query",
    "GET /events/raw/{dataset_id}/{event_id}": "get_threat_event",
    "DELETE /events/relate/{event_id}": "unrelate_threat_events",
    "POST /events/relate/{event_id}/create": "relate_threat_events",
    "POST /events/relationships/create": "relate_threat_events",
    "DELETE /events/{dataset_id}/delete": "delete_threat_events",
    "POST /events/{dataset_id}/revert-do": "revert_threat_dataset",
    "POST /events/{event_id}": "update_threat_event",
    "PATCH /events/{event_id}": "update_threat_event",
    "GET /events/{event_id}": "get_threat_event",
    "POST /events/{event_id}/raw/{raw_id}": "update_threat_event",
    "PATCH /events/{event_id}/raw/{raw_id}": "update_threat_event",
    "GET /events/{event_id}/raw/{raw_id}": "get_threat_event",
    "GET /events/{event_id}/relationships": "list_related_threat_events",
    "POST /v2/events/graphql": "query_threat_graphql",
}


def tool_table() -> str:
    """A row for each tool. Its purpose is the first sentence of its description."""
    rows = [f"{tool.toolset} | `{tool.name}` | {tool.effect.mode} | {_purpose(tool.description)}" for tool in ALL_TOOLS]
    return _table("toolset | tool | from mode | what for", rows)


def toolset_table() -> str:
    """A row for each toolset: its tools by the mode that they need."""
    rows = [f"{name} | {' | '.join(_tools_of(name, mode) for mode in MODES)}" for name in TOOLSETS]
    return _table(f"toolset | {' | '.join(f'`{mode}`' for mode in MODES)}", rows)


def playbook_table() -> str:
    """A row for each shipped playbook."""
    playbooks = [read_playbook(path) for path in sorted(shipped_folder().iterdir())]
    rows = [f"`{playbook.name}` | {playbook.front_matter.description.rstrip('.')}" for playbook in playbooks]
    return _table("playbook | what for", rows)


def operation_table() -> str:
    """A row for each promised operation of the API."""
    return _table("operation | tool", [f"`{route}` | `{tool}`" for route, tool in OPERATION_TOOLS.items()])


TABLES: Final[Mapping[str, Callable[[], str]]] = {
    "tools": tool_table,
    "toolsets": toolset_table,
    "playbooks": playbook_table,
    "operations": operation_table,
}


def documents() -> list[Path]:
    """The pages that may show a table."""
    return [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]


def documents_with(name: str) -> list[Path]:
    """The pages that show this table."""
    return [path for path in documents() if f"<!-- {name} -->" in path.read_text(encoding="utf-8")]


def shown_table(path: Path, name: str) -> str:
    """Return the table as the page shows it."""
    return section(path.read_text(encoding="utf-8"), name)


def write_tables() -> None:
    """Bring every table of every page up to date."""
    for name, table in TABLES.items():
        for path in documents_with(name):
            page = path.read_text(encoding="utf-8")
            path.write_text(with_section(page, name, table()), encoding="utf-8")


def _table(header: str, rows: list[str]) -> str:
    rule = "|".join("---" for _ in header.split(" | "))
    return "\n".join([f"| {header} |", f"|{rule}|", *(f"| {row} |" for row in rows)])


def _tools_of(toolset: str, mode: Mode) -> str:
    tools = [tool for tool in ALL_TOOLS if tool.toolset == toolset and tool.effect.mode == mode]
    return ", ".join(f"`{tool.name}`" for tool in tools)


def _purpose(description: str) -> str:
    return re.split(r"(?<=[.:]) ", description)[0].rstrip(":.")
