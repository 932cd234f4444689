"""`cf1-mcp try`: an investigation over the embedded sandbox, through the real server and a real client."""

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

Arguments = dict[str, JsonValue]
_OBJECT = TypeAdapter(dict[str, JsonValue])


@dataclass
class Findings:
    """What the investigation has learnt so far: the last table of each tool."""

    tables: dict[str, list[dict[str, JsonValue]]] = field(default_factory=dict[str, list[dict[str, JsonValue]]])

    def first(self, tool: str, column: str) -> JsonValue:
        """A value from the first row of a tool's answer."""
        rows = self.tables.get(tool) or []
        if not rows:
            raise ThreatEventsError(f"The tour found nothing with {tool}, though the sample tenant should hold it.")
        return rows[0][column]


@dataclass(frozen=True)
class Step:
    """A question, the tool that answers it, and with which arguments."""

    question: str
    tool: str
    arguments: Callable[[Findings], Arguments]


BANKS = "Banking & Financial Services"
DEFAULT = "Cloudforce One Threat Events"
MAX_CELL_LENGTH = 30

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

# As vendors print them: defanged, with a link of their own and a file name that is none.
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
        "How does this account spell the actor, and what else is it like?",
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
        "What lies behind the newest of these: the evidence, and what it is part of?",
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
    Step("Which of this is being watched already?", "list_saved_queries", lambda _: {}),
    Step(
        "What goes to the firewall, for everybody's eyes?",
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
    """Play every step. The server is a subprocess without credentials, so the sandbox answers.

    Raises:
        ThreatEventsError: a step failed.
    """
    findings = Findings()
    console.print(Panel(Text("A guided investigation over the sandbox: fictional actors, reserved addresses.")))
    with TemporaryDirectory() as state:
        await _play(console, findings, state)
    console.print()
    console.print(
        Text(
            "Add it to your client: see README.md. Set CLOUDFLARE_API_TOKEN and CLOUDFLARE_ACCOUNT_ID for the live API."
        )
    )


async def _play(console: Console, findings: Findings, state: str) -> None:
    """The steps, with a state folder that is gone afterwards."""
    server = StdioServerParameters(command=sys.executable, args=["-m", "cf1_mcp"], env={"CF1_STATE_DIR": state})
    async with Client(server) as client:
        listed = await client.list_tools()
        console.print(
            Text(f"The server offers {len(listed.tools)} tools: {', '.join(tool.name for tool in listed.tools)}")
        )
        for number, step in enumerate(STEPS, 1):
            arguments = step.arguments(findings)
            console.print()
            console.print(Text(f"{number}. {step.question}", style="bold"))
            console.print(Text(f"   {step.tool} {_call(arguments)}", style="cyan"))
            answer = await client.call_tool(step.tool, arguments)
            if answer.is_error:
                raise ThreatEventsError(f"{step.tool} failed: {_text(answer)}")
            structured = _OBJECT.validate_python(answer.structured_content or {})
            findings.tables[step.tool] = _rows(structured)
            _show(console, structured, _text(answer))


def _call(arguments: Arguments) -> str:
    return ", ".join(f"{name}={' '.join(str(value).split())}" for name, value in arguments.items())


def _text(answer: CallToolResult) -> str:
    return "\n".join(part.text for part in answer.content if isinstance(part, TextContent))


def _rows(structured: dict[str, JsonValue]) -> list[dict[str, JsonValue]]:
    columns, rows = structured.get("columns"), structured.get("rows")
    if not isinstance(columns, list) or not isinstance(rows, list):
        return [structured]
    return [dict(zip(map(str, columns), row, strict=True)) for row in rows if isinstance(row, list)]


def _show(console: Console, structured: dict[str, JsonValue], text: str) -> None:
    """A table where the answer is one, JSON where it is nested, else its text. Nothing of it is read as markup."""
    if "columns" not in structured:
        nested = isinstance(structured.get("data"), dict)
        console.print(Text(json.dumps(structured["data"], indent=1, ensure_ascii=False) if nested else text))
        return
    for name, value in structured.items():
        if name not in ("columns", "rows", "untrusted"):
            console.print(Text(f"   {name}: {_cell(value)}", style="dim"))
    console.print(_table(_rows(structured)))


def _table(rows: list[dict[str, JsonValue]]) -> Table:
    table = Table(*rows[0])
    for row in rows:
        table.add_row(*(Text(_clipped(column, _cell(value))) for column, value in row.items()))
    return table


def _clipped(column: str, text: str) -> str:
    """Ids by their beginning, other texts as far as a terminal has room."""
    most = 9 if column.endswith(("uuid", "dataset_id")) else MAX_CELL_LENGTH
    return text if len(text) <= most else f"{text[: most - 1]}…"


def _cell(value: JsonValue) -> str:
    return ", ".join(map(str, value)) if isinstance(value, list) else str(value)
