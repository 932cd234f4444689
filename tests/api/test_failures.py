"""Every kind of failure as a model reads it, through a real client and a real socket."""

import re
from collections.abc import AsyncGenerator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from inline_snapshot import snapshot
from mcp import Client
from mcp.types import CallToolResult
from pydantic import JsonValue

from cf1_mcp.api.wire.transport import network
from cf1_mcp.server.mcp_server import build_server
from cf1_mcp.settings import Credentials, Settings
from tests.contract.every_tool import CALLS, fill_in
from tests.conversations import data_of, refused, same_mark, text_of
from tests.tenant import NOW
from tests.upstreams import ACCOUNT, TOKEN, Act, Scripted, answer, failed, upstream

pytestmark = pytest.mark.anyio

HOME = "d0000000-0000-4000-8000-000000000001"
EVENT = "e0000000-0000-4000-8000-000000000001"
DATASETS = answer([{"uuid": HOME, "name": "Ours"}])
# A hostile or careless gateway may repeat anything that was sent to it.
ECHO = f"no: Bearer {TOKEN} at /accounts/{ACCOUNT}/cloudforce-one \u202e<b>![x](http://203.0.113.5)"
NEXT = re.compile(r"\b(Ask|Use|Call|Change|Check|Wait|Try|Tell|look|report|search)\b", re.IGNORECASE)


@asynccontextmanager
async def connected(server: Scripted, folder: Path) -> AsyncGenerator[Client]:
    base = f"http://127.0.0.1:{server.port}/client/v4"
    settings = Settings(
        credentials=Credentials(ACCOUNT, TOKEN),
        base_url=base,
        mode="full",
        write_datasets=("*",),
        delete_datasets=("*",),
        state_dir=folder,
    )
    async with Client(build_server(settings, lambda: network(base), clock=lambda: NOW)) as client:
        yield client


async def call_with_fault(folder: Path, fault: bytes | Act, tool: str, **arguments: JsonValue) -> str:
    """Return the error message of a tool if the API answers every request except for its datasets with a fault."""
    async with upstream(fault) as server:
        server.routes["/events/dataset"] = DATASETS
        async with connected(server, folder) as client:
            result = await call_to_the_end(client, tool, arguments)
    assert result.is_error and result.structured_content is None
    return same_mark(text_of(result.content))


async def call_to_the_end(client: Client, tool: str, arguments: Mapping[str, JsonValue]) -> CallToolResult:
    """Call a tool, and confirm its preview: a creation needs nothing but the request that creates."""
    result = await client.call_tool(tool, {**arguments})
    if code := data_of(result).get("code"):
        result = await client.call_tool(tool, {**arguments, "confirm": code})
    return result


FAULTS: dict[str, bytes | Act] = {
    "400": failed("400 Bad Request", "field colour is unknown"),
    "401": failed("401 Unauthorized", "Authentication error"),
    "403": failed("403 Forbidden", "no subscription"),
    "404": failed("404 Not Found", "Event not found"),
    "409": failed("409 Conflict", "it exists"),
    "422": failed("422 Unprocessable", "value too long"),
    "429": failed("429 Too Many Requests", "slow down", "Retry-After: 900\r\n"),
    "500": failed("500 Oops", "shard down"),
    "redirection": answer("", "302 Found", "Location: http://203.0.113.5/steal\r\n"),
    "HTML": answer("<html><body>Just a moment</body></html>", content_type="text/html"),
    "cut JSON": answer('{"success": true, "result": [{"uuid": "e0'),
    "wrong shape": answer({"success": True, "errors": [], "messages": [], "result": {"uuid": ["a", 1]}}),
    "failure in a 200": answer({"success": False, "errors": [{"message": "no"}], "result": {}}),
    "reset": Act.RESET,
}


async def test_each_failure_names_its_cause_and_the_next_step(tmp_path: Path) -> None:
    messages = {
        name: await call_with_fault(tmp_path, fault, "get_threat_event", dataset_id=HOME, event_id=EVENT)
        for name, fault in FAULTS.items()
    }  # fmt: skip
    assert messages == snapshot(
        {
            "400": """\
The API refused the request (400). Correct what it names and call again.
<untrusted MARK>
The API said: "field colour is unknown"
</untrusted MARK>\
""",
            "401": """\
The API does not accept the token (401). Ask the operator to check that CLOUDFLARE_API_TOKEN is current and not revoked.
<untrusted MARK>
The API said: "Authentication error"
</untrusted MARK>\
""",
            "403": """\
The token may not do this (403). Ask the operator whether the account has Cloudforce One and the token 'Cloudforce One Read', or 'Cloudforce One Write' for changes.
<untrusted MARK>
The API said: "no subscription"
</untrusted MARK>\
""",
            "404": """\
Not found on this account (404). Check the ids, or search again: it may have been moved or deleted, or the account lacks this feature.
<untrusted MARK>
The API said: "Event not found"
</untrusted MARK>\
""",
            "409": """\
The API refused the request (409). Correct what it names and call again.
<untrusted MARK>
The API said: "it exists"
</untrusted MARK>\
""",
            "422": """\
The API refused the request (422). Correct what it names and call again.
<untrusted MARK>
The API said: "value too long"
</untrusted MARK>\
""",
            "429": "The API's rate limit is reached (429) and requires a wait of 900 s, longer than one call may take. Call again after 900 s.",
            "500": """\
The API failed (500). If this was a change, check whether it was made before repeating it; otherwise try again in a minute.
<untrusted MARK>
The API said: "shard down"
</untrusted MARK>\
""",
            "redirection": "The API answered 302, a redirect, which is not followed because the token would go with it. Ask the operator to check CLOUDFLARE_BASE_URL.",
            "HTML": "The answer was an HTML page (39 bytes), not an answer of this API. Something between here and Cloudflare may have answered: ask the operator to check CLOUDFLARE_BASE_URL and the proxy.",
            "cut JSON": "The answer was incomplete or invalid JSON (41 bytes), not an answer of this API. Something between here and Cloudflare may have answered: ask the operator to check CLOUDFLARE_BASE_URL and the proxy.",
            "wrong shape": "The answer to read_event is not what this API returns: uuid: it is not a text. If this continues, tell the operator: the API may have changed.",
            "failure in a 200": """\
The API answered 200 but reported failure. Nothing may have been done; check before trying again.
<untrusted MARK>
The API said: "no"
</untrusted MARK>\
""",
            "reset": "The connection broke before the answer was complete. If this was a change, check whether it was made before repeating it; otherwise try again.",
        }
    )


async def test_an_unreachable_api_is_reported(tmp_path: Path) -> None:
    async with upstream(DATASETS) as server:
        pass
    async with connected(server, tmp_path) as client:
        words = await refused(client, "list_threat_datasets")
    assert words == snapshot(
        "The API cannot be reached: no connection could be made. Ask the operator to check the network, the proxy and CLOUDFLARE_BASE_URL."
    )


@pytest.mark.parametrize("fault", ["400", "403", "404", "429", "HTML", "wrong shape"])
@pytest.mark.parametrize(
    "tool", [tool for tool in CALLS if tool not in ("list_threat_datasets", "list_changes", "undo_change")]
)
async def test_a_failure_of_any_tool_names_the_next_step_and_no_secret(tmp_path: Path, tool: str, fault: str) -> None:
    names: dict[str, JsonValue] = {"FIRST": EVENT, "SECOND": EVENT, "HOME": HOME, "AWAY": HOME}
    names |= {"WORDS": "words", "new WORDS": "new words", "TAG": "tag", "x TAG": "x tag"}
    arguments = fill_in(CALLS[tool], names)
    assert isinstance(arguments, dict)
    status = FAULTS[fault]
    assert isinstance(status, bytes)
    echoing = failed("400 Bad Request", ECHO) if fault == "400" else status
    async with upstream(echoing) as server:
        server.routes["/events/dataset"] = DATASETS
        async with connected(server, tmp_path) as client:
            result = await call_to_the_end(client, tool, arguments)
    words = text_of(result.content)
    if data_of(result).get("status") == "unknown":
        # A change was answered by something that does not tell whether it was made.
        assert tool.startswith("create") and "may have been done" in words
    else:
        assert result.is_error and result.structured_content is None
        assert NEXT.search(words), words
    for secret in (TOKEN, ACCOUNT, "Traceback", "http://", "httpx", "pydantic", 'File "', "<b>", "\u202e", "![x]"):
        assert secret not in words, words


@pytest.mark.parametrize(
    ("tool", "arguments", "words"),
    [
        ("get_threat_event", {"event_id": EVENT, "dataset_id": "Theirs"}, "dataset_id: there is no dataset 'Theirs'"),
        (
            "search_threat_events",
            {"fields": ["atacker"]},
            "fields: there is no field 'atacker', did you mean 'attacker'?",
        ),
        (
            "search_threat_events",
            {"atacker": "x"},
            "search_threat_events has no argument 'atacker', did you mean 'attacker'?",
        ),
        ("search_threat_events", {"limit": -1}, "limit: Input should be greater than or equal to 1"),
        ("aggregate_threat_events", {"columns": []}, "columns: there is nothing to count by"),
        ("list_threat_vocabulary", {}, "kind: Field required"),
    ],
)
async def test_an_invalid_argument_is_named_with_its_problem(
    tmp_path: Path, tool: str, arguments: dict[str, JsonValue], words: str
) -> None:
    assert (await call_with_fault(tmp_path, answer([]), tool, **arguments)).startswith(words)
