"""A wrong account id, token or base, as the first call of a tool tells it."""

from pathlib import Path

import pytest
from inline_snapshot import snapshot

from cf1_mcp.errors import MissingRoute, Refused, UnknownAccount
from tests.api.test_failures import DATASETS, connected
from tests.conversations import refused
from tests.upstreams import answer, failed, upstream

pytestmark = pytest.mark.anyio


def coded(status: str, code: int, message: str) -> bytes:
    return answer({"success": False, "errors": [{"code": code, "message": message}], "result": None}, status)


NO_ROUTE = {
    "400 with a code beside a text": answer({"error": "Could not route", "code": 7003}, "400 Bad Request"),
    "404 with a code as text": answer({"message": "Could not route", "code": "7003"}, "404 Not Found"),
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


CHAINED = {"code": 10, "message": "refused", "error_chain": [{"code": 6111, "message": "Invalid format for header"}]}


@pytest.mark.parametrize("status", ["400 Bad Request", "403 Forbidden"])
@pytest.mark.parametrize("error", [{"code": 6003}, {"code": 6111}, {"code": "6111"}, CHAINED])
async def test_a_malformed_token_is_told(tmp_path: Path, status: str, error: dict[str, object]) -> None:
    refusal = answer({"success": False, "errors": [error], "result": None}, status)
    async with upstream(refusal) as server, connected(server, tmp_path) as client:
        words = await refused(client, "list_threat_datasets")
    assert "it is malformed" in words and "CLOUDFLARE_API_TOKEN" in words
    assert len(server.requests) == 1


@pytest.mark.parametrize("status", ["400 Bad Request", "401 Unauthorized", "403 Forbidden"])
@pytest.mark.parametrize(
    ("code", "message"),
    [
        (1000, "Invalid API Token"),
        (9106, "Missing X-Auth-Key, X-Auth-Email or Authorization headers"),
        (9109, "Invalid account identifier"),
        (10000, "Authentication error"),
        (10001, "Unable to authenticate request"),
    ],
)
async def test_a_token_of_another_account_is_told_with_its_settings(
    tmp_path: Path, status: str, code: int, message: str
) -> None:
    async with upstream(coded(status, code, message)) as server, connected(server, tmp_path) as client:
        for tool in ("list_threat_datasets", "search_threat_events", "list_saved_queries"):
            words = await refused(client, tool)
            assert "CLOUDFLARE_API_TOKEN is current" in words and "CLOUDFLARE_ACCOUNT_ID is the account" in words, words


async def test_the_words_for_a_token_of_another_account(tmp_path: Path) -> None:
    refusal = coded("403 Forbidden", 10000, "Authentication error")
    async with upstream(refusal) as server, connected(server, tmp_path) as client:
        assert await refused(client, "list_threat_datasets") == snapshot("""\
The API does not accept the token for this account (403, code 10000). Ask the operator to check that CLOUDFLARE_API_TOKEN is current, that CLOUDFLARE_ACCOUNT_ID is the account it belongs to, and that it has 'Cloudforce One Read', or 'Cloudforce One Write' for changes.
<untrusted MARK>
The API said: "Authentication error"
</untrusted MARK>\
""")


async def test_a_code_of_the_api_that_is_not_about_the_token_stays_a_refusal() -> None:
    async with upstream(coded("400 Bad Request", 10002, "Bad date")) as server, server.client() as api:
        with pytest.raises(Refused, match="Bad date"):
            await api.list_datasets()


@pytest.mark.parametrize(
    "page", ["<!DOCTYPE html><html><title>Attention Required!</title></html>", "<html>Blocked</html>", "denied"]
)
async def test_a_403_of_a_proxy_names_the_proxy_and_the_base(tmp_path: Path, page: str) -> None:
    refusal = answer(page, "403 Forbidden", content_type="text/html")
    async with upstream(refusal) as server, connected(server, tmp_path) as client:
        for tool in ("list_threat_datasets", "search_threat_events"):
            words = await refused(client, tool)
            assert "not by this API" in words and "check the proxy and CLOUDFLARE_BASE_URL" in words, words


async def test_an_object_that_is_not_found_first_is_not_a_wrong_account() -> None:
    async with upstream(failed("404 Not Found", "Event not found")) as server, server.client() as api:
        with pytest.raises(Exception, match="Check the ids"):
            await api.read_event("d", EVENT)
    assert len(server.requests) == 1
