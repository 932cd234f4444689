"""Which requests bearer tokens let through, and which tokens may write."""

import httpx
import pytest
from inline_snapshot import snapshot
from starlette.responses import PlainTextResponse

from cf1_mcp.sandbox.http.bearer_auth import BearerAuth

pytestmark = pytest.mark.anyio

BASE = "/client/v4/accounts/0/cloudforce-one"


def client_of(*, token: str | None = None, **tokens: str) -> httpx.AsyncClient:
    app = BearerAuth(
        PlainTextResponse("in"), {name: "write" if may == "write" else "read" for name, may in tokens.items()}
    )
    headers = {} if token is None else {"Authorization": f"Bearer {token}"}
    return httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://sandbox", headers=headers)


async def test_without_configured_tokens_every_request_passes() -> None:
    async with client_of() as client:
        assert (await client.delete(f"{BASE}/events/queries/1")).text == "in"


@pytest.mark.parametrize(
    "authorization",
    [None, "", "Bearer", "Bearer ", "Bearer reade", "Bearer reader2", "Basic reader", "reader", "Bearer \xfc"],
)
async def test_a_request_without_a_known_token_gets_the_gateway_error(authorization: str | None) -> None:
    headers = {} if authorization is None else {b"Authorization": authorization.encode("latin-1")}
    async with client_of(reader="read") as client:
        response = await client.get(f"{BASE}/events", headers=headers)
    assert response.status_code == 401
    assert response.json() == snapshot(
        {
            "success": False,
            "errors": [{"code": 10000, "message": "Authentication error"}],
            "messages": [],
            "result": None,
        }
    )


@pytest.mark.parametrize("scheme", ["Bearer", "bearer", "BEARER"])
async def test_the_scheme_is_accepted_in_any_case(scheme: str) -> None:
    async with client_of(reader="read") as client:
        assert (await client.get(f"{BASE}/events", headers={"Authorization": f"{scheme} reader"})).text == "in"


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/events"),
        ("POST", "/events"),
        ("POST", "/events/"),
        ("HEAD", "/events/7"),
        ("POST", "/events/graphql"),
        ("GET", "/v2/events/graphql"),
    ],
)
async def test_a_read_token_reads(method: str, path: str) -> None:
    async with client_of(token="reader", reader="read", writer="write") as client:
        assert (await client.request(method, BASE + path)).status_code == 200


WRITES = [
    ("POST", "/events/create"),
    ("POST", "/events/create/bulk"),
    ("POST", "/events/create/bulk/relationships"),
    ("POST", "/events/7"),
    ("POST", "/events/7/raw/1"),
    ("POST", "/events/queries/create"),
    ("POST", "/events/queries/7"),
    ("POST", "/events/queries/alerts/create"),
    ("POST", "/events/event_tag/7/create"),
    ("POST", "/events/relate/7/create"),
    ("POST", "/events/relationships/create"),
    ("POST", "/events/dataset/create"),
    ("POST", "/events/dataset/7"),
    ("POST", "/events/dataset/7/move"),
    ("POST", "/events/dataset/7/copy"),
    ("POST", "/events/categories/create"),
    ("POST", "/events/7/revert-do"),
    ("PUT", "/events"),
    ("PATCH", "/events/7"),
    ("PATCH", "/events/update/bulk"),
    ("DELETE", "/events/datasets/7/events"),
    ("POST", "/v2/events/graphql"),
    ("POST", "/v2/events/graphql/"),
]


@pytest.mark.parametrize(("method", "path"), WRITES)
async def test_a_read_token_changes_nothing(method: str, path: str) -> None:
    async with client_of(token="reader", reader="read", writer="write") as client:
        response = await client.request(method, BASE + path)
    assert response.status_code == 403
    assert response.json()["errors"] == [
        {
            "code": 10000,
            "message": f"Authentication error: this token only reads, and {method} here needs 'Cloudforce One Write'",
        }
    ]


@pytest.mark.parametrize(("method", "path"), WRITES)
async def test_a_write_token_may_write(method: str, path: str) -> None:
    async with client_of(token="writer", reader="read", writer="write") as client:
        assert (await client.request(method, BASE + path)).text == "in"
