"""Calls of tools, and parts of their answers."""

import re

from mcp import Client
from mcp.types import CallToolResult, TextContent
from pydantic import JsonValue


async def ask(client: Client, tool: str, **arguments: JsonValue) -> dict[str, JsonValue]:
    """Call a tool that must succeed, and return its data. The text must contain as many rows as the data."""
    result = await client.call_tool(tool, arguments)
    assert not result.is_error, text_of(result.content)
    data: dict[str, JsonValue] = dict(result.structured_content or {})
    columns, rows = data.get("columns"), data.get("rows")
    if isinstance(columns, list) and isinstance(rows, list):
        lines = text_of(result.content).split("\n")
        first = lines.index("\t".join(map(str, columns))) + 1
        assert [line.count("\t") + 1 for line in lines[first : first + len(rows)]] == [len(columns)] * len(rows)
    return data


async def confirmed(client: Client, tool: str, **arguments: JsonValue) -> dict[str, JsonValue]:
    """Call a tool with the code of its own preview, and return its data."""
    preview = await ask(client, tool, **arguments)
    assert preview["status"] == "confirmation_required", preview
    return await ask(client, tool, **arguments, confirm=preview["code"])


async def ask_for_text(client: Client, tool: str, **arguments: JsonValue) -> str:
    """Call a tool that must succeed, and return its text with one mark around untrusted text instead of a random one."""
    result = await client.call_tool(tool, arguments)
    assert not result.is_error, text_of(result.content)
    return same_mark(text_of(result.content))


def same_mark(text: str) -> str:
    """Replace the random mark around untrusted text by the same one in every answer."""
    return re.sub(r"(?m)^(</?untrusted) [0-9a-f]{8}>$", r"\1 MARK>", text)


async def refused(client: Client, tool: str, **arguments: JsonValue) -> str:
    """Call a tool that must fail, and return its error message with one mark around untrusted text."""
    result = await client.call_tool(tool, arguments)
    assert result.is_error and result.structured_content is None
    return same_mark(text_of(result.content))


def data_of(result: CallToolResult) -> dict[str, JsonValue]:
    """Return the data of a result; none if the call failed."""
    return dict(result.structured_content or {})


def text_of(content: object) -> str:
    assert isinstance(content, list)
    return "\n".join(part.text for part in content if isinstance(part, TextContent))  # pyright: ignore[reportUnknownVariableType]


def column(data: dict[str, JsonValue], name: str) -> list[JsonValue]:
    """Return one column of a columnar answer."""
    columns, rows = data["columns"], data["rows"]
    assert isinstance(columns, list) and isinstance(rows, list)
    place = columns.index(name)
    return [row[place] for row in rows if isinstance(row, list)]
