"""Resources: the answers of tools by address, under the same rules."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Literal
from urllib.parse import quote

import httpx
import pytest
from inline_snapshot import snapshot
from mcp import Client
from mcp.shared.exceptions import MCPError
from mcp.types import TextResourceContents
from pydantic import JsonValue

from cf1_mcp.api.connection import Connect
from cf1_mcp.api.wire.transport import network
from cf1_mcp.models import Tlp
from cf1_mcp.search.guide import search_guide
from cf1_mcp.server.mcp_server import build_server
from cf1_mcp.settings import Credentials, Settings
from tests.conversations import ask, ask_for_text, column, same_mark
from tests.tenant import NOW, Tenant
from tests.upstreams import ACCOUNT, TOKEN, failed, upstream

pytestmark = pytest.mark.anyio

MODES: tuple[Literal["auto", "legacy"], ...] = ("auto", "legacy")
MARK = "[sandbox: fictional data, not intelligence]"
CYBERCRIME = "1845c219-708a-5742-ae10-15645f39ca69"
NOBODY = "d0000000-0000-4000-8000-000000000009"


@asynccontextmanager
async def served(connect: Connect, settings: Settings, mode: Literal["auto", "legacy"]) -> AsyncGenerator[Client]:
    async with Client(build_server(settings, connect, clock=lambda: NOW), mode=mode) as client:
        yield client


async def read(client: Client, address: str) -> TextResourceContents:
    """Return the content at an address."""
    (content,) = (await client.read_resource(address)).contents
    assert isinstance(content, TextResourceContents) and content.uri == address
    return content


async def read_failure(client: Client, address: str) -> tuple[int, str]:
    """Return the code and message of a failed read."""
    with pytest.raises(MCPError) as caught:
        await client.read_resource(address)
    assert caught.value.error.data == {"uri": address}
    return caught.value.error.code, same_mark(caught.value.error.message)


def event_address(dataset: JsonValue, event: JsonValue) -> str:
    return f"cf1://events/{quote(str(dataset), safe='')}/{event}"


async def some_event(sample: Tenant, tlp: str = "green", dataset: str = "Cybercrime") -> JsonValue:
    """Return the uuid of an event with this marking, found without restrictions."""
    async with served(sample.connect, Settings(max_tlp=Tlp.RED), "auto") as client:
        found = await ask(client, "search_threat_events", tlp=[tlp], dataset_ids=[dataset], limit=1)
    return column(found, "uuid")[0]


async def test_the_resources_are_listed(client: Client) -> None:
    listed = [(one.uri, one.name, one.mime_type) for one in (await client.list_resources()).resources]
    assert listed == snapshot(
        [("cf1://datasets", "threat_datasets", "text/plain"), ("cf1://guide/search", "search_guide", "text/markdown")]
    )
    templates = (await client.list_resource_templates()).resource_templates
    assert [(one.uri_template, one.name, one.mime_type) for one in templates] == snapshot(
        [
            ("cf1://events/{dataset_id}/{event_id}", "threat_event", "text/plain"),
            ("cf1://exports/{export_id}{?offset}", "threat_export", None),
        ]
    )


async def test_the_datasets_equal_those_of_the_tool(client: Client) -> None:
    content = await read(client, "cf1://datasets")
    assert same_mark(content.text) == await ask_for_text(client, "list_threat_datasets")
    assert content.text.splitlines()[0] == MARK


@pytest.mark.parametrize("dataset", ["Cybercrime", " cybercrime ", CYBERCRIME])
async def test_an_event_is_read_in_full_by_name_or_uuid_of_its_dataset(
    client: Client, sample: Tenant, dataset: str
) -> None:
    event = await some_event(sample)
    sample.log.clear()
    content = await read(client, event_address(dataset, event))
    assert sample.requests() == snapshot(
        [
            "GET /events/dataset",
            "GET /events/tags",
            "GET /events/dataset/1845c219-708a-5742-ae10-15645f39ca69/events/54c03abc-6b7a-5720-bf5b-201a48ab912b",
        ]
    )
    assert same_mark(content.text) == await ask_for_text(
        client, "get_threat_event", event_id=event, dataset_id="Cybercrime"
    )
    assert (content.text.splitlines()[0], content.text.splitlines()[2]) == (MARK, f"uuid: {event}")


async def test_the_guide_equals_that_of_the_tool(client: Client) -> None:
    content = await read(client, "cf1://guide/search")
    assert content.mime_type == "text/markdown"
    assert same_mark(content.text) == f"{MARK}\n{search_guide()}"
    assert same_mark(content.text) == await ask_for_text(client, "list_threat_vocabulary", kind="search_guide")
    data = await ask(client, "list_threat_vocabulary", kind="search_guide")
    assert data["search_guide"] == search_guide()


async def test_a_missing_event_is_reported_with_the_next_step(client: Client) -> None:
    assert await read_failure(client, event_address("Cybercrime", NOBODY)) == snapshot(
        (
            -32602,
            """\
Not found on this account (404). Check the ids, or search again: it may have been moved or deleted, or the account lacks this feature.
<untrusted MARK>
The API said: "Event not found: 'd0000000-0000-4000-8000-000000000009' does not exist; list events to find valid ids"
</untrusted MARK>\
""",
        )
    )


async def test_an_unknown_dataset_is_reported_with_the_known_ones(client: Client) -> None:
    assert await read_failure(client, event_address("cybercrimes", NOBODY)) == snapshot(
        (
            -32602,
            """\
dataset_id: there is no dataset 'cybercrimes', did you mean the first of these? Use one of these, or a uuid.
<untrusted MARK>
Cybercrime
Cloudforce One Threat Events
DDoS Attacks
Compromised Devices
ACME Incident Response
</untrusted MARK>\
""",
        )
    )


async def test_an_invalid_event_id_is_not_sent_to_the_api(client: Client, sample: Tenant) -> None:
    assert await read_failure(client, event_address("Cybercrime", "aggregate")) == snapshot(
        (-32602, "event_id: this is not an event uuid; take it from the uuid column of a search.")
    )
    assert sample.requests() == []


@pytest.mark.parametrize(
    "address",
    [
        "cf1://dataset",
        "CF1://datasets",
        "cf1://events//" + NOBODY,
        "cf1://events/a/b/c",
        "cf1://\u202e\x07",
        "cf1://x" * 999,
    ],
)
async def test_an_unknown_address_is_refused_with_the_known_ones(client: Client, address: str) -> None:
    code, words = await read_failure(client, address)
    assert code == -32602
    assert words.startswith("There is no resource 'cf1://") or words.startswith("There is no resource 'CF1://")
    known = (
        "cf1://datasets, cf1://events/{dataset_id}/{event_id}, cf1://exports/{export_id}{?offset} or cf1://guide/search"
    )
    assert words.endswith(f"Use {known}.")
    assert words.isprintable() and len(words) < 400


async def test_an_address_of_another_kind_is_unknown(client: Client) -> None:
    assert await read_failure(client, "file:///etc/passwd") == snapshot(
        (-32602, "Unknown resource: file:///etc/passwd")
    )


@pytest.mark.parametrize("mode", MODES)
async def test_an_event_above_the_ceiling_is_withheld_by_its_rule(
    sample: Tenant, mode: Literal["auto", "legacy"]
) -> None:
    event, red = await some_event(sample), await some_event(sample, "red", "ACME Incident Response")
    only = Settings(read_datasets=("DDoS Attacks", "ACME Incident Response"))
    async with served(sample.connect, only, mode) as client:
        messages = [
            await read_failure(client, event_address("Cybercrime", event)),
            await read_failure(client, event_address(CYBERCRIME, event)),
            await read_failure(client, event_address("DDoS Attacks", event)),
            await read_failure(client, event_address("ACME Incident Response", red)),
        ]
        listed = await read(client, "cf1://datasets")
    assert messages == snapshot(
        [
            (
                -32602,
                """\
dataset_id: dataset 'Cybercrime' is not among those that may be read, and any other is withheld by CF1_READ_DATASETS. Use one of these, or its uuid.
<untrusted MARK>
DDoS Attacks
ACME Incident Response
</untrusted MARK>\
""",
            ),
            (
                -32602,
                """\
dataset_id: dataset '1845c219-708a-5742-ae10-15645f39ca69' is not among those that may be read, and any other is withheld by CF1_READ_DATASETS. Use one of these, or its uuid.
<untrusted MARK>
DDoS Attacks
ACME Incident Response
</untrusted MARK>\
""",
            ),
            (
                -32602,
                """\
Not found on this account (404). Check the ids, or search again: it may have been moved or deleted, or the account lacks this feature.
<untrusted MARK>
The API said: "Event not found: '54c03abc-6b7a-5720-bf5b-201a48ab912b' does not exist; list events to find valid ids"
</untrusted MARK>\
""",
            ),
            (
                -32602,
                "This event is withheld by CF1_MAX_TLP (amber). Tell the person that the operator's setting forbids it.",
            ),
        ]
    )
    assert same_mark(listed.text) == snapshot("""\
[sandbox: fictional data, not intelligence]
datasets: 2
<untrusted MARK>
name	uuid	kind	access
DDoS Attacks	864ac67a-628a-5f92-95b2-aaadaff9397f	operational	public
ACME Incident Response	fe0cbf94-ee7c-54e3-84bc-499004865e24	operational	private
</untrusted MARK>
The operator restricts which datasets are listed (CF1_READ_DATASETS).\
""")


@pytest.mark.parametrize("mode", MODES)
async def test_there_are_no_resources_if_the_read_tools_are_switched_off(
    sample: Tenant, mode: Literal["auto", "legacy"]
) -> None:
    async with served(sample.connect, Settings(toolsets=("watch",)), mode) as client:
        assert (await client.list_resources()).resources == []
        assert (await client.list_resource_templates()).resource_templates == []
        for address in ("cf1://datasets", "cf1://guide/search", event_address("Cybercrime", NOBODY)):
            code, words = await read_failure(client, address)
            assert (code, words.split(" is ", 1)[1]) == snapshot(
                (-32602, "withheld by CF1_TOOLSETS. Tell the person that the operator's setting forbids it.")
            )
    assert sample.requests() == []


@pytest.mark.parametrize("mode", MODES)
async def test_a_refusal_of_the_api_is_not_a_missing_resource(mode: Literal["auto", "legacy"]) -> None:
    async with upstream(failed("403 Forbidden", "no")) as api:
        base = f"http://127.0.0.1:{api.port}/client/v4"
        settings = Settings(credentials=Credentials(ACCOUNT, TOKEN), base_url=base)
        async with served(lambda: network(base), settings, mode) as client:
            assert await read_failure(client, "cf1://datasets") == snapshot(
                (
                    -32603,
                    """\
The token may not do this (403). Ask the operator whether the account has Cloudforce One and the token 'Cloudforce One Read', or 'Cloudforce One Write' for changes.
<untrusted MARK>
The API said: "no"
</untrusted MARK>\
""",
                )
            )


@pytest.mark.parametrize("mode", MODES)
async def test_a_bug_of_the_server_reveals_nothing_internal(mode: Literal["auto", "legacy"], tmp_path: Path) -> None:
    def broken() -> httpx.AsyncBaseTransport:
        raise RuntimeError(f"{TOKEN} in {tmp_path}")

    async with served(broken, Settings(), mode) as client:
        assert await read_failure(client, "cf1://datasets") == snapshot(
            (
                -32603,
                "list_threat_datasets failed because of a bug in this server. Report it to the operator: the log has details.",
            )
        )
