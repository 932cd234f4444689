"""A wrong account id, token or base, as the first call of a tool tells it."""

from pathlib import Path

import pytest
from inline_snapshot import snapshot

from cf1_mcp.errors import MissingRoute, UnknownAccount
from tests.api.test_failures import DATASETS, connected
from tests.conversations import refused
from tests.upstreams import answer, failed, upstream

pytestmark = pytest.mark.anyio


def coded(status: str, code: int, message: str) -> bytes:
    return answer({"success": False, "errors": [{"code": code, "message": message}], "result": None}, status)


NO_ROUTE = {
    "404 with 7003": coded("404 Not Found", 7003, "Could not route"),
    "400 with 7003": coded("400 Bad Request", 7003, "Could not route"),
    "400 with 7000": coded("400 Bad Request", 7000, "No route for that URI"),
    "404 in HTML": answer("<html>Not found</html>", "404 Not Found", content_type="text/html"),
    "404 without a reason": answer({"detail": "Not Found"}, "404 Not Found"),
}
EVENT = "e0000000-0000-4000-8000-000000000001"


@pytest.mark.parametrize("fault", NO_ROUTE)
async def test_a_wrong_account_or_base_is_told_by_every_first_call(tmp_path: Path, fault: str) -> None:
    for tool, arguments in (
        ("list_threat_datasets", {}),
        ("search_threat_events", {}),
        ("get_threat_event", {"event_id": EVENT}),
        ("list_query_alerts", {}),
        ("list_saved_queries", {}),
    ):
        async with upstream(NO_ROUTE[fault]) as server, connected(server, tmp_path) as client:
            words = await refused(client, tool, **arguments)
        assert "check CLOUDFLARE_ACCOUNT_ID" in words and "CLOUDFLARE_BASE_URL (it ends in /client/v4)" in words, words
        assert len(server.requests) <= 2


async def test_the_words_for_a_wrong_account(tmp_path: Path) -> None:
    async with upstream(NO_ROUTE["400 with 7003"]) as server, connected(server, tmp_path) as client:
        assert await refused(client, "list_threat_datasets") == snapshot("""\
The API has no route for this account (400), not even its list of datasets. Ask the operator to check CLOUDFLARE_ACCOUNT_ID (the 32 hexadecimal digits of the account that the token belongs to) and CLOUDFLARE_BASE_URL (it ends in /client/v4).
<untrusted MARK>
The API said: "Could not route"
</untrusted MARK>\
""")


async def test_one_missing_part_is_not_mistaken_for_a_wrong_account() -> None:
    for fault in NO_ROUTE.values():
        async with upstream(fault) as server, server.client() as api:
            server.routes["/events/dataset"] = DATASETS
            with pytest.raises(Exception) as error:
                await api.list_queries()
            assert not isinstance(error.value, UnknownAccount)
            assert len(server.requests) == 2
            with pytest.raises(Exception):  # noqa: B017
                await api.list_queries()
            assert len(server.requests) == 3


async def test_a_missing_part_is_named_with_the_next_step() -> None:
    async with upstream(NO_ROUTE["400 with 7003"]) as server, server.client() as api:
        server.routes["/events/dataset"] = DATASETS
        with pytest.raises(MissingRoute) as error:
            await api.list_alerts()
    assert str(error.value) == snapshot(
        'This account, or this version of the API, lacks this part: it has no such route (400). Continue without it, or check the ids: one of a wrong form is answered alike. Ask the operator whether the account should have it. (The API said: "Could not route")'
    )


@pytest.mark.parametrize("status", ["400 Bad Request", "403 Forbidden"])
async def test_a_malformed_token_is_told(tmp_path: Path, status: str) -> None:
    async with (
        upstream(coded(status, 6003, "Invalid request headers")) as server,
        connected(server, tmp_path) as client,
    ):
        words = await refused(client, "list_threat_datasets")
    assert "it is malformed" in words and "CLOUDFLARE_API_TOKEN" in words
    assert len(server.requests) == 1


async def test_an_object_that_is_not_found_first_is_not_a_wrong_account() -> None:
    async with upstream(failed("404 Not Found", "Event not found")) as server, server.client() as api:
        with pytest.raises(Exception, match="Check the ids"):
            await api.read_event("d", EVENT)
    assert len(server.requests) == 1
