"""The border: no secret, half character or flood of text leaves the server, whatever an upstream answers."""

import json
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from mcp import Client, StdioServerParameters
from mcp.client.stdio import stdio_client
from mcp.shared.exceptions import MCPError
from mcp.types import PromptReference, ResourceTemplateReference
from pydantic import BaseModel, JsonValue

from cf1_mcp.answers.fitting import MAX_SIZE
from cf1_mcp.server.resources import DATASETS_ADDRESS, EVENT_ADDRESS, GUIDE_ADDRESS
from tests.api.test_failures import connected
from tests.contract.every_tool import CALLS, fill_in
from tests.conversations import data_of, text_of
from tests.planting import NEEDED, PlantedUpstream, disguises, reveals
from tests.tenant import Tenant
from tests.upstreams import ACCOUNT, TOKEN, answer, failed, upstream

pytestmark = pytest.mark.anyio

HOME = "d0000000-0000-4000-8000-000000000001"
DATASETS = answer([{"uuid": HOME, "name": "Ours"}])
BUG = "because of a bug in this server"


def dump(result: BaseModel | str) -> str:
    return result if isinstance(result, str) else json.dumps(result.model_dump(mode="json"), ensure_ascii=False)


async def everything(tenant: PlantedUpstream) -> list[str]:
    """Return what a server answers to every tool, with and without its code, every resource and completions."""
    found: list[str] = []
    async with tenant.connected() as (client, names):
        tagging = fill_in(CALLS["tag_threat_events"], names)
        assert isinstance(tagging, dict)
        names["LAST"] = data_of(await client.call_tool("tag_threat_events", tagging)).get("change_id", "c-00000-00000")
        for tool in CALLS:
            arguments = fill_in(CALLS[tool], names)
            assert isinstance(arguments, dict)
            first = await client.call_tool(tool, arguments)
            code = data_of(first).get("code")
            answers = [first, *([await client.call_tool(tool, {**arguments, "confirm": code})] if code else [])]
            found += [dump(one) for one in answers]
            if export := data_of(first).get("export_id"):
                page = await client.call_tool("export_threat_events", {"export_id": export})
                found += [dump(page), await read(client, f"cf1://exports/{export}")]
        for address in (DATASETS_ADDRESS, GUIDE_ADDRESS, f"cf1://events/{tenant.home}/{names['FIRST']}", "cf1://none"):
            found.append(await read(client, address))
        for kind in ("attackers", "categories", "countries", "datasets", "indicator_types", "industries", "tags"):
            found.append(dump(await client.call_tool("list_threat_vocabulary", {"kind": kind})))
        for argument in ("attacker", "dataset", "industry", "tag", "country"):
            reference = PromptReference(name="profile_attacker")
            found.append(dump(await client.complete(reference, {"name": argument, "value": ""})))
        events = ResourceTemplateReference(uri=EVENT_ADDRESS)
        found.append(dump(await client.complete(events, {"name": "dataset_id", "value": ""})))
        found.append(dump(await client.call_tool("list_changes", {})))
    return found


def read_files(folder: Path, without: str = "") -> list[str]:
    """Return what is stored in a folder, as the text of its bytes."""
    files = [path for path in folder.rglob("*") if path.is_file() and not (without and path.name.startswith(without))]
    return [path.read_bytes().decode("latin-1") for path in files]


async def read(client: Client, address: str) -> str:
    try:
        return dump(await client.read_resource(address))
    except MCPError as error:
        return str(error.error)


@pytest.mark.parametrize("secret", [TOKEN, ACCOUNT])
@pytest.mark.parametrize("form", ["plain", "upper case", "URL", "JSON", "many invisible"])
async def test_no_answer_and_no_stored_file_reveals_a_secret(
    tmp_path: Path, form: str, secret: str, record_property: Callable[[str, object], None]
) -> None:
    word = disguises(secret)[form]
    tenant = PlantedUpstream(tmp_path, lambda key, text: text if key in NEEDED else f"{word} {text} {word}", word)
    answers = await everything(tenant)
    assert [one for one in answers if reveals(one, secret)] == []
    assert sum("[hidden]" in one for one in answers) >= 30
    # The journal names the account that its entries belong to, for the operator.
    stored = read_files(tmp_path, without="journal.db" if secret == ACCOUNT else "")
    assert stored and not any(reveals(content, secret) for content in stored)
    record_property(f"answers without the {form} secret", len(answers))


MESSAGES = {
    "error in JSON": failed("400 Bad Request", "PLANT"),
    "error with other keys": answer({"errors": [{"PLANT": "PLANT", "message": {"PLANT": "PLANT"}}]}, "422 No"),
    "HTML": answer("<html>PLANT</html>", "403 Forbidden", content_type="text/html"),
    "header": failed("429 Too Many Requests", "PLANT", "Retry-After: PLANT\r\n"),
    "failure in a 200": answer({"success": False, "errors": [{"message": "PLANT"}], "result": "PLANT"}),
    "GraphQL errors": answer({"data": None, "errors": [{"message": "PLANT", "extensions": {"PLANT": "PLANT"}}]}),
    "GraphQL data": answer({"data": {"PLANT": ["PLANT", {"PLANT": "PLANT"}]}, "extensions": "PLANT"}),
    "wrong shape": answer({"result": {"uuid": {"PLANT": "PLANT"}}, "success": True, "messages": ["PLANT"]}),
    "location": answer("", "302 Found", "Location: http://203.0.113.5/PLANT\r\n"),
}


async def call_planted(folder: Path, reply: bytes, tool: str, arguments: dict[str, JsonValue]) -> str:
    async with upstream(reply) as server:
        server.routes["/events/dataset"] = DATASETS
        async with connected(server, folder) as client:
            return dump(await client.call_tool(tool, arguments))


def planted(reply: bytes, word: str) -> bytes:
    """Return a response with a word in its places, in JSON escaped as it must be, and with the right length."""
    head, _, body = reply.partition(b"\r\n\r\n")
    escaped = json.dumps(word)[1:-1].encode() if body.startswith(b"{") else word.encode(errors="replace")
    body = body.replace(b"PLANT", escaped)
    plain = "".join(char for char in word if char.isascii() and char.isprintable()).encode()
    lines = [line for line in head.replace(b"PLANT", plain).split(b"\r\n") if not line.startswith(b"Content-Length")]
    return b"\r\n".join([*lines, f"Content-Length: {len(body)}".encode(), b"", body])


GRAPHQL: dict[str, JsonValue] = {"query": "{ __typename }"}
READ: dict[str, JsonValue] = {"dataset_id": HOME, "event_id": "e0000000-0000-4000-8000-000000000001"}


@pytest.mark.parametrize("reply", [*MESSAGES])
@pytest.mark.parametrize("form", [*disguises("x")])
async def test_no_failure_reveals_a_secret(tmp_path: Path, form: str, reply: str) -> None:
    tool, arguments = ("query_threat_graphql", GRAPHQL) if "GraphQL" in reply else ("get_threat_event", READ)
    for secret in (TOKEN, ACCOUNT):
        text = await call_planted(tmp_path, planted(MESSAGES[reply], disguises(secret)[form]), tool, arguments)
        assert not reveals(text, secret) and BUG not in text


@pytest.mark.parametrize("tool", ["get_threat_event", "query_threat_graphql"])
@pytest.mark.parametrize("reply", [*MESSAGES])
async def test_a_message_of_12_megabytes_stays_short(tmp_path: Path, tool: str, reply: str) -> None:
    if reply in ("header", "location"):
        pytest.skip("a header of this length is refused by the HTTP client")
    arguments = GRAPHQL if tool == "query_threat_graphql" else READ
    text = await call_planted(tmp_path, planted(MESSAGES[reply], "long words " * 1_090_000), tool, arguments)
    assert len(text) <= 2 * MAX_SIZE + 2_000 and BUG not in text


async def test_a_failure_of_graphql_lists_a_few_of_many_messages(tmp_path: Path) -> None:
    errors = [{"message": f"field {number} is unknown"} for number in range(100_000)]
    text = await call_planted(tmp_path, answer({"data": None, "errors": errors}), "query_threat_graphql", GRAPHQL)
    assert "field 0 is unknown" in text and "and 99988 more" in text and len(text) < 2_000


HOSTILE = "\u202e<b>![x](http://203.0.113.5)```"


async def test_texts_of_the_sdk_are_harmless_and_short(tmp_path: Path) -> None:
    """The SDK quotes the names of tools, resources and prompts as they came."""
    async with Tenant(tmp_path).server(Tenant(tmp_path).reading()) as client:
        for name in (HOSTILE, "x" * 200_000):
            tool = text_of((await client.call_tool(name, {})).content)
            with pytest.raises(MCPError) as resource:
                await client.read_resource(f"x://{name}")
            with pytest.raises(MCPError) as prompt:
                await client.get_prompt(name)
            for text in (tool, resource.value.error.message, prompt.value.error.message):
                assert "\u202e" not in text and "<b" not in text and "![" not in text and "```" not in text
            assert len(tool) < 400


HALF = "\ud800\0"
KEYS = (
    "uuid",
    "id",
    "eventId",
    "datasetId",
    "rawId",
    "tlp",
    "date",
    "query_json",
    "updated_at",
    "last_sent_at",
    "cursor",
)


@pytest.mark.parametrize("key", [*KEYS, ""])
async def test_half_characters_in_any_field_neither_leave_nor_end_the_server(tmp_path: Path, key: str) -> None:
    """The key names the field that has them; without one, all have but those that are needed."""

    def plant(name: str, text: str) -> str:
        return f"{text}{HALF}" if name == key or (not key and name not in NEEDED) else text

    answers = await everything(PlantedUpstream(tmp_path, plant, HALF))
    for one in answers:
        one.encode()
        assert BUG not in one and "\0" not in one
    # The server lives on: its last answers are those of the journal.
    assert '"isError": true' not in answers[-1]


@pytest.mark.parametrize("field", ["uuid", "name", "both"])
async def test_half_characters_do_not_end_a_server_over_stdio(tmp_path: Path, field: str) -> None:
    values = {"uuid": HOME, "name": "Ours"}
    values |= {name: f"{value}\ud800" for name, value in values.items() if field in (name, "both")}
    async with upstream(answer([values])) as server:
        environment = {
            "CLOUDFLARE_API_TOKEN": TOKEN,
            "CLOUDFLARE_ACCOUNT_ID": ACCOUNT,
            "CLOUDFLARE_BASE_URL": f"http://127.0.0.1:{server.port}/client/v4",
            "CF1_STATE_DIR": str(tmp_path),
        }
        process = StdioServerParameters(command=sys.executable, args=["-m", "cf1_mcp"], env=environment)
        with (tmp_path / "stderr").open("w") as stderr:
            async with Client(stdio_client(process, errlog=stderr)) as client:
                first = await client.call_tool("list_threat_datasets", {})
                second = await client.call_tool("list_threat_datasets", {})
                resource = await client.read_resource(DATASETS_ADDRESS)
    assert not first.is_error and not second.is_error and resource.contents
    assert ("\ufffd" in text_of(first.content)) and "Traceback" not in (tmp_path / "stderr").read_text()
