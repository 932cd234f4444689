"""`cf1-mcp try`: a guided investigation of the embedded sandbox, through the real server and a real client."""

import json
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from tempfile import TemporaryDirectory

from mcp import Client, StdioServerParameters
from mcp.types import CallToolResult, TextContent
from pydantic import JsonValue, TypeAdapter
from rich.console import Console
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from cf1_mcp.errors import ThreatEventsError
from cf1_mcp.text.plurals import plural

Arguments = dict[str, JsonValue]
_OBJECT = TypeAdapter(dict[str, JsonValue])


@dataclass
class Investigation:
    """The results so far: the rows of the last answer of each tool."""

    rows: dict[str, list[dict[str, JsonValue]]] = field(default_factory=dict[str, list[dict[str, JsonValue]]])

    def first(self, tool: str, column: str) -> JsonValue:
        """Return a value from the first row of a tool's answer."""
        rows = self.rows.get(tool) or []
        if not rows:
            raise ThreatEventsError(f"The tour found nothing with {tool}, although the sample tenant contains it.")
        return rows[0][column]


@dataclass(frozen=True)
class Step:
    """A question, the tool that answers it, and the arguments for it."""

    question: str
    tool: str
    arguments: Callable[[Investigation], Arguments]


BANKS = "Banking & Financial Services"
DEFAULT = "Cloudforce One Threat Events"
MAX_CELL_LENGTH = 30
MAX_ID_LENGTH = 9

GRAPHQL = """{
  threatEvents(
    groupBy: [attacker, targetCountry]
    filter: [
      {field: category, value: "Phishing"}
      {field: tlp, op: in, value: ["clear", "green", "amber"]}
    ]
    limit: 5
  ) {
    total
    groups { attacker targetCountry count }
  }
}"""

# As vendors write them: defanged, with a link to their own site, and a file name that looks like a domain.
REPORT = """\
The group signed in from 198[.]51[.]100[.]35 and sso[.]ledger-sync[.]example, and dropped invoice.pdf.
New to us: hxxps://unknown[.]example/gate and CVE-2099-10020. More at https://blog.example.com/report."""

STEPS: Sequence[Step] = (
    Step(
        "Who attacked which industry over the last week?",
        "aggregate_threat_events",
        lambda _: {"columns": ["attacker", "targetIndustry"], "since": "7d", "dataset_ids": [DEFAULT], "limit": 5},
    ),
    Step(
        "How does this account spell the actor, and which names only look the same (here one with Cyrillic letters)?",
        "list_threat_vocabulary",
        lambda found: {"kind": "attackers", "contains": str(found.first("aggregate_threat_events", "attacker"))[:6]},
    ),
    Step(
        "What did that actor do to banks in Germany and Austria?",
        "search_threat_events",
        lambda found: {
            "attacker": [found.first("aggregate_threat_events", "attacker")],
            "target_country": ["DE", "AT"],
            "target_industry": [BANKS],
            "since": "7d",
            "fields": ["uuid", "date", "category", "indicator", "event"],
            "limit": 8,
        },
    ),
    Step(
        "What is behind the newest of these: its evidence and its relationships?",
        "get_threat_event",
        lambda found: {
            "event_id": found.first("search_threat_events", "uuid"),
            "dataset_id": DEFAULT,
            "include": ["raw", "relationships"],
        },
    ),
    Step(
        "Which campaign does it belong to?",
        "list_related_threat_events",
        lambda found: {
            "event_id": found.first("get_threat_event", "uuid"),
            "dataset_id": DEFAULT,
            "direction": "ancestors",
            "fields": ["date", "category", "event", "insight"],
        },
    ),
    Step(
        "Who is this actor, and what is new about it?",
        "profile_attacker",
        lambda found: {"attacker": found.first("aggregate_threat_events", "attacker"), "since": "14d"},
    ),
    Step(
        "A colleague pastes a report: which of its indicators are known?",
        "lookup_indicators",
        lambda _: {"text": REPORT, "fields": ["indicator", "status", "events", "last_seen", "attackers"]},
    ),
    Step(
        "Who else uses the relay pay[.]harbor-relay[.]example?",
        "search_threat_events",
        lambda _: {
            "indicator": ["pay.harbor-relay.example"],
            "fields": ["date", "attacker", "category", "dataset_id", "event"],
            "limit": 8,
        },
    ),
    Step("Who sends phishing where, in one GraphQL query?", "query_threat_graphql", lambda _: {"query": GRAPHQL}),
    Step("What is being watched already?", "list_saved_queries", lambda _: {}),
    Step(
        "Which addresses can go to a firewall, marked up to TLP:GREEN?",
        "export_threat_events",
        lambda found: {
            "format": "blocklist",
            "kind": "ip",
            "handling": "green",
            "attacker": [found.first("aggregate_threat_events", "attacker")],
            "since": "14d",
        },
    ),
)


async def tour(console: Console) -> None:
    """Play every step. The server runs as a subprocess without credentials, so the sandbox answers.

    Raises:
        ThreatEventsError: a step failed.
    """
    investigation = Investigation()
    console.print(Panel(Text("A guided investigation in the sandbox: fictional actors, reserved addresses.")))
    with TemporaryDirectory() as state:
        await _play(console, investigation, state)
    console.print()
    console.print(
        Text(
            "README.md shows how to add the server to a client. "
            "For the live API, set CLOUDFLARE_API_TOKEN and CLOUDFLARE_ACCOUNT_ID."
        )
    )


async def _play(console: Console, investigation: Investigation, state: str) -> None:
    """Play the steps with a temporary state folder."""
    server = StdioServerParameters(command=sys.executable, args=["-m", "cf1_mcp"], env={"CF1_STATE_DIR": state})
    async with Client(server) as client:
        listed = await client.list_tools()
        names = [tool.name for tool in listed.tools]
        console.print(Text(f"The server offers {plural(len(names), 'tool')}: {', '.join(names)}"))
        for number, step in enumerate(STEPS, 1):
            arguments = step.arguments(investigation)
            console.print()
            console.print(Text(f"{number}. {step.question}", style="bold"))
            console.print(Text(f"   {step.tool} {_format_call(arguments)}", style="cyan"))
            answer = await client.call_tool(step.tool, arguments)
            if answer.is_error:
                raise ThreatEventsError(f"{step.tool} failed: {_join_text(answer)}")
            structured = _OBJECT.validate_python(answer.structured_content or {})
            investigation.rows[step.tool] = _list_rows(structured)
            _print_answer(console, structured, _join_text(answer))


def _format_call(arguments: Arguments) -> str:
    return ", ".join(
        f"{name}={' '.join(json.dumps(value, ensure_ascii=False).split())}" for name, value in arguments.items()
    )


def _join_text(answer: CallToolResult) -> str:
    return "\n".join(part.text for part in answer.content if isinstance(part, TextContent))


def _list_rows(structured: dict[str, JsonValue]) -> list[dict[str, JsonValue]]:
    columns, rows = structured.get("columns"), structured.get("rows")
    if not isinstance(columns, list) or not isinstance(rows, list):
        return [structured]
    return [dict(zip(map(str, columns), row, strict=True)) for row in rows if isinstance(row, list)]


def _print_answer(console: Console, structured: dict[str, JsonValue], text: str) -> None:
    """Print a columnar answer as a table, a nested one as JSON, any other as text. No markup in it is interpreted."""
    if "columns" not in structured:
        nested = isinstance(structured.get("data"), dict)
        console.print(Text(json.dumps(structured["data"], indent=1, ensure_ascii=False) if nested else text))
        return
    for name, value in structured.items():
        if name not in ("columns", "rows", "untrusted"):
            # Notes are sentences.
            shown = " ".join(map(str, value)) if name == "notes" and isinstance(value, list) else _format_cell(value)
            console.print(Text(f"   {name}: {shown}", style="dim"))
    console.print(_build_table(_list_rows(structured)))


def _build_table(rows: list[dict[str, JsonValue]]) -> Table:
    table = Table(*rows[0])
    for row in rows:
        table.add_row(*(Text(_clip(column, _format_cell(value))) for column, value in row.items()))
    return table


def _clip(column: str, text: str) -> str:
    """Shorten ids to their beginning, and other texts to MAX_CELL_LENGTH."""
    limit = MAX_ID_LENGTH if column.endswith(("uuid", "dataset_id")) else MAX_CELL_LENGTH
    return text if len(text) <= limit else f"{text[: limit - 1]}…"


def _format_cell(value: JsonValue) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{name} {_format_cell(one)}" for name, one in value.items())
    return ", ".join(map(_format_cell, value)) if isinstance(value, list) else str(value)
