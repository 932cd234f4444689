"""Draw the pictures of the documentation: `python docs/pictures.py`.

`layers.svg` is drawn from the list in pyproject.toml that import-linter checks, `answer.svg` from a real call of the
real server over the sandbox at a fixed time, `guards.svg` from the list below. A test holds them to what they show.
"""

import ast
import json
import re
import tomllib
from collections.abc import Sequence
from datetime import UTC, datetime
from html import escape
from io import StringIO
from pathlib import Path
from tempfile import TemporaryDirectory
from textwrap import wrap

import anyio
import httpx
from mcp import Client
from mcp.types import TextContent
from pydantic import JsonValue
from rich.console import Console
from rich.text import Text

from cf1_mcp.sandbox.app import create_sandbox_app
from cf1_mcp.sandbox.options import SandboxOptions
from cf1_mcp.sandbox.storage.sample_tenant import load_sample_tenant
from cf1_mcp.sandbox.storage.sandbox_database import SandboxDatabase
from cf1_mcp.server.mcp_server import build_server
from cf1_mcp.settings import Settings

ROOT = Path(__file__).parents[1]
FOLDER = Path(__file__).parent
NOW = datetime(2026, 11, 24, 12, 0, tzinfo=UTC)

QUESTION = "What has COPPER LANTERN done in Germany this week?"
TOOL = "search_threat_events"
ARGUMENTS: dict[str, JsonValue] = {
    "attacker": ["copper lantern"],
    "target_country": ["Germany"],
    "since": "7d",
    "dataset_ids": ["Cloudforce One Threat Events"],
    "fields": ["date", "category", "indicator", "tlp", "event"],
    "limit": 6,
}
WIDTH = 118  # characters of the terminal in answer.svg
LABEL = "model    "

# The guards of a changing call, in the order in which they are asked, and what each refuses.
GUARDS = (
    ("mode", "read, write", "or full"),
    ("datasets", "lists for read,", "write, delete"),
    ("TLP ceiling", "events above it", "stay hidden"),
    ("size", "at most 100 events", "a call"),
    ("code", "taken from the", "preview"),
    ("approval", "code, a person,", "or an operator"),
    ("journal", "on disk before", "the request leaves"),
)

STYLE = """
text { font-family: ui-sans-serif, system-ui, sans-serif; fill: #1f2328; }
.small { font-size: 12px; fill: #57606a; }
.name { font-size: 14px; font-weight: 600; }
.box { fill: #f6f8fa; stroke: #d0d7de; }
.line { stroke: #57606a; fill: none; }
@media (prefers-color-scheme: dark) {
  text { fill: #e6edf3; }
  .small { fill: #9198a1; }
  .box { fill: #161b22; stroke: #3d444d; }
  .line { stroke: #9198a1; }
}
"""


def layers() -> list[str]:
    """The layers, top first, as import-linter checks them."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    contracts = project["tool"]["importlinter"]["contracts"]
    return next(contract["layers"] for contract in contracts if contract["id"] == "layers")


def purpose(name: str) -> str:
    """The first line of a package's or module's docstring."""
    package = ROOT / "cf1_mcp" / name / "__init__.py"
    path = package if package.exists() else ROOT / "cf1_mcp" / f"{name}.py"
    text = ast.get_docstring(ast.parse(path.read_text(encoding="utf-8"))) or ""
    return text.split("\n")[0].replace("`", "")


def draw_layers() -> str:
    """One row per layer: its name and what it is for. A layer imports only from the rows below it."""
    height, rows = 26, [*layers()]
    parts: list[str] = []
    for number, name in enumerate(rows):
        top = 10 + number * (height + 4)
        parts.append(f'<rect class="box" x="10" y="{top}" width="880" height="{height}" rx="4"/>')
        parts.append(f'<text class="name" x="22" y="{top + 18}">{escape(name)}</text>')
        parts.append(f'<text class="small" x="130" y="{top + 18}">{escape(purpose(name))}</text>')
    bottom = 10 + len(rows) * (height + 4)
    parts.append(f'<path class="line" d="M 905 20 V {bottom - 14} m -5 -8 l 5 8 l 5 -8"/>')
    parts.append(f'<text class="small" x="915" y="{bottom // 2}">imports</text>')
    return _svg(970, bottom + 6, "The layers of cf1_mcp", parts)


def draw_guards() -> str:
    """A changing call passes seven guards in a row before it reaches Cloudflare."""
    width, gap = 128, 14
    parts = ['<text class="name" x="10" y="24">a call</text>']
    for number, (name, first, second) in enumerate(GUARDS):
        left = 10 + number * (width + gap)
        parts.append(f'<rect class="box" x="{left}" y="40" width="{width}" height="74" rx="6"/>')
        parts.append(f'<text class="name" x="{left + 10}" y="62">{number + 1}  {escape(name)}</text>')
        parts.append(f'<text class="small" x="{left + 10}" y="82">{escape(first)}</text>')
        parts.append(f'<text class="small" x="{left + 10}" y="99">{escape(second)}</text>')
        if number + 1 < len(GUARDS):
            start = left + width
            parts.append(f'<path class="line" d="M {start} 77 h {gap} m -5 -4 l 5 4 l -5 4"/>')
    end = 10 + len(GUARDS) * (width + gap)
    parts.append(f'<path class="line" d="M 62 20 H {end - gap - 40}"/>')
    parts.append(f'<text class="name" x="{end - gap - 34}" y="24">Cloudflare</text>')
    parts.append('<text class="small" x="10" y="136">Each guard is code. A refusal names its rule and the next step,')
    parts[-1] += " never a way around it. Undo passes the same guards.</text>"
    return _svg(end + 36, 150, "The guards of a changing call", parts)


async def draw_answer() -> str:
    """A question, the call that a model makes of it, and the answer, word for word."""
    with TemporaryDirectory() as folder:
        text = await _ask(Path(folder))
    console = Console(record=True, width=WIDTH, file=StringIO(), force_terminal=True, highlight=False)
    console.print(Text.assemble(("person   ", "bold cyan"), QUESTION))
    call = ", ".join(f"{name}={json.dumps(value)}" for name, value in ARGUMENTS.items())
    first, *others = wrap(f"{TOOL}({call})", WIDTH - len(LABEL), break_long_words=False)
    console.print(Text.assemble((LABEL, "bold magenta"), first))
    for line in others:
        console.print(f"{' ' * len(LABEL)}{line}", markup=False)
    console.print(Text("cf1-mcp", style="bold green"))
    for line in _aligned(text.split("\n")):
        mark = line.startswith(("<untrusted", "</untrusted"))
        console.print(Text(f"  {line}", style="dim" if mark else ""), no_wrap=True, overflow="ellipsis")
    return console.export_svg(title="cf1-mcp: one question, one call", code_format=_terminal(), unique_id="answer")


async def _ask(folder: Path) -> str:
    database = SandboxDatabase.open(clock=lambda: NOW)
    load_sample_tenant(database)
    app = create_sandbox_app(database, SandboxOptions())
    # A key, because the cursor in the answer is sealed with one.
    settings = Settings(state_dir=folder, confirm_key=b"k" * 32)
    server = build_server(settings, lambda: httpx.ASGITransport(app), clock=lambda: NOW)
    async with Client(server) as client:
        result = await client.call_tool(TOOL, ARGUMENTS)
    text = "\n".join(part.text for part in result.content if isinstance(part, TextContent))
    # The mark is random in every answer; here it is always the same, so that the picture is.
    return re.sub(r"(?m)^(</?untrusted) [0-9a-f]{8}>$", r"\1 4ac7fdae>", text)


def _aligned(lines: Sequence[str]) -> list[str]:
    """The lines with tab-separated cells in columns, as a person would see them."""
    rows = [line.split("\t") for line in lines]
    tables = [row for row in rows if len(row) > 1]
    widths = [max(len(row[place]) for row in tables) for place in range(len(tables[0]))] if tables else []
    return [
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
        if len(row) > 1
        else row[0]
        for row in rows
    ]


def _terminal() -> str:
    """rich's own frame of a terminal, without the fonts that it would load from elsewhere."""
    from rich._export_format import CONSOLE_SVG_FORMAT

    return re.sub(r"@font-face \{\{.*?\}\}\n", "", CONSOLE_SVG_FORMAT, flags=re.DOTALL).replace(
        "Fira Code, monospace", "ui-monospace, Menlo, Consolas, monospace"
    )


def _svg(width: int, height: int, title: str, parts: Sequence[str]) -> str:
    head = f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" width="{width}" role="img">'
    return "\n".join([head, f"<title>{escape(title)}</title>", f"<style>{STYLE}</style>", *parts, "</svg>"]) + "\n"


async def pictures() -> dict[str, str]:
    """Every picture by the name of its file."""
    answer = await draw_answer()
    return {"answer.svg": f"{answer.rstrip()}\n", "guards.svg": draw_guards(), "layers.svg": draw_layers()}


async def main() -> None:
    for name, picture in (await pictures()).items():
        (FOLDER / name).write_text(picture, encoding="utf-8")


if __name__ == "__main__":
    anyio.run(main)
