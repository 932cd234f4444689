"""A success without a body: the answer is said to be empty, and a change has an unknown outcome."""

import re

import pytest
from inline_snapshot import snapshot
from mcp import Client

from cf1_mcp.api.wire.transport import network
from cf1_mcp.errors import UnexpectedAnswer, UnknownOutcome
from cf1_mcp.models import DatasetFields, EventSearch
from cf1_mcp.server.mcp_server import build_server
from tests.conversations import refused
from tests.ports import settings_for
from tests.upstreams import answer, upstream

pytestmark = pytest.mark.anyio

EMPTY = {
    "no body": answer(b""),
    "no content": answer(b"", "204 No Content"),
    "blanks": answer(b" \r\n"),
    "null": answer(None),
    "a result of null": answer({"success": True, "errors": [], "messages": [], "result": None}),
}


@pytest.mark.parametrize("body", EMPTY.values(), ids=EMPTY)
async def test_a_list_that_is_empty_of_everything_is_said_to_be_empty(body: bytes) -> None:
    async with upstream(*[body] * 9) as server, server.client() as client:
        for read in (client.list_datasets(), client.list_queries(), client.list_categories()):
            with pytest.raises(UnexpectedAnswer, match=r"^The answer to [a-z_ ]+ was empty, although the API reported"):
                await read
        with pytest.raises(UnexpectedAnswer, match="was empty"):
            await client.list_events(EventSearch(dataset_id=["all"]))


@pytest.mark.parametrize("body", EMPTY.values(), ids=EMPTY)
async def test_a_change_with_an_empty_answer_may_have_been_made(body: bytes) -> None:
    async with upstream(*[body] * 3) as server, server.client() as client:
        with pytest.raises(UnknownOutcome, match="was empty"):
            await client.create_dataset(DatasetFields(name="Mine", is_public=False))


async def test_a_model_is_told_that_the_answer_was_empty() -> None:
    async with upstream(*[answer(b"")] * 9) as server:
        base = f"http://127.0.0.1:{server.port}/client/v4"
        async with Client(build_server(settings_for(base), lambda: network(base))) as client:
            said = await refused(client, "list_threat_datasets")
    assert re.sub(r"\s+", " ", said) == snapshot(
        "The answer to list_datasets was empty, although the API reported success. Try again. If this continues, tell the operator: the API, or something between here and Cloudflare, may have failed."
    )
