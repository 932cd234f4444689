"""The application around the endpoints: envelope, errors, the fictional mark, and routes that end."""

from typing import Any

import pytest
from starlette.middleware import Middleware
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Receive, Scope, Send

from cf1_mcp.sandbox.options import SandboxOptions
from tests.sandbox.api_client import BASE, ApiClient, event_body, open_sandbox

pytestmark = pytest.mark.anyio


async def test_a_success_has_an_envelope(api: ApiClient) -> None:
    answer = await api.send("GET", "/events")
    assert answer.json() == {
        "success": True,
        "errors": [],
        "messages": [],
        "result": [],
        "result_info": {"count": 0, "per_page": 100, "cursor": None},
    }


async def test_a_bare_sandbox_keeps_the_envelope_for_errors_tags_and_references() -> None:
    async with open_sandbox(SandboxOptions(bare=True)) as api:
        assert (await api.send("GET", "/events")).json() == []
        created = await api.create_event()
        tagged = await api.send("POST", f"/events/event_tag/{created['uuid']}/create", {"tags": ["x"]})
        assert tagged.json()["result"] == {"success": True}
        failed = (await api.send("GET", "/events", order="up")).json()
        assert failed == {
            "success": False,
            "errors": [{"message": "order 'up' is unknown; valid are asc, desc"}],
            "messages": [],
            "result": {},
        }


@pytest.mark.parametrize(
    ("method", "path", "status", "code"),
    [
        ("GET", "/events/a/b/c/d", 404, 7003),
        ("GET", "/incidents", 404, 7003),
        ("PUT", "/events/create", 405, 10405),
    ],
)
async def test_a_request_without_a_route_gets_a_gateway_error(
    api: ApiClient, method: str, path: str, status: int, code: int
) -> None:
    answer = await api.send(method, path)
    assert (answer.status_code, answer.json()["errors"][0]["code"]) == (status, code)
    assert answer.headers["X-Sandbox"] == "fictional"


async def test_an_account_id_that_is_not_32_hex_digits_has_no_route(api: ApiClient) -> None:
    answer = await api.http.get("http://sandbox.test/client/v4/accounts/acme/cloudforce-one/events")
    assert (answer.status_code, answer.json()["errors"][0]["code"]) == (404, 7003)


class Teapot:
    """Middleware that answers every request itself."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await PlainTextResponse("teapot", 418)(scope, receive, send)


async def test_answers_of_middleware_are_marked_as_fictional() -> None:
    async with open_sandbox(SandboxOptions(middleware=[Middleware(Teapot)])) as api:
        answer = await api.send("GET", "/events")
    assert (answer.status_code, answer.headers["X-Sandbox"]) == (418, "fictional")


SUNSET_ROUTES = [
    ("GET", "/events/raw/{dataset}/{event}"),
    ("DELETE", "/events/{dataset}/delete?eventIds={event}"),
    ("GET", "/events/{event}/relationships?datasetId={dataset}"),
]


@pytest.mark.parametrize(("method", "path"), SUNSET_ROUTES)
async def test_a_route_that_ends_has_sunset_headers_and_is_missing_after_the_sunset(method: str, path: str) -> None:
    async with open_sandbox() as api:
        created = await api.create_event()
        answer = await api.send(method, path.format(dataset=created["datasetId"], event=created["uuid"]))
        assert answer.status_code == 200
        assert answer.headers["Sunset"] == "Sat, 28 Nov 2026 00:00:00 GMT"
        assert answer.headers["Deprecation"].startswith("@")
    async with open_sandbox(SandboxOptions(sunset=True)) as api:
        created = await api.create_event()
        answer = await api.send(method, path.format(dataset=created["datasetId"], event=created["uuid"]))
        assert (answer.status_code, answer.json()["errors"][0]["code"]) == (404, 7003)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"{oops", "the body is not JSON"),
        (b"[]", "the body must be a JSON object"),
        (b'{"event": NaN}', "NaN is not a JSON number"),
        (b'{"event": "\\ud800"}', "an unpaired surrogate"),
        (b"[" * 100_000, "nested too deeply"),
        (b"\xff", "the body is not JSON"),
    ],
)
async def test_a_body_that_cannot_be_stored_is_rejected(api: ApiClient, content: bytes, message: str) -> None:
    answer = await api.http.post(f"{BASE}/events/create", content=content)
    assert answer.status_code == 400
    assert message in answer.json()["errors"][0]["message"]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"category": "Fishing"}, "category 'Fishing' does not exist; nearest are Phishing, "),
        ({"date": "2026-11-20"}, "date '2026-11-20' has no time zone; use the form"),
        ({"date": 5}, "date 5 is not an ISO 8601 date"),
        (
            {"tlp": "mauve"},
            "tlp 'mauve' is not a TLP marking; valid are clear, green, amber, amber+strict, red, purple",
        ),
        ({"raw": {"source": "x"}}, "raw must be an object with data"),
        ({"raw": {"data": "text"}}, "raw.data must be an object or null"),
        ({"raw": {"data": None, "tlp": "mauve"}}, "raw.tlp 'mauve' is not a TLP marking"),
        ({"event": " "}, "event must be a non-empty string, not ' '"),
        ({"attackerCountry": "Atlantis"}, "attackerCountry 'Atlantis' is not a country"),
        ({"indicators": [{"value": "a.example.com"}]}, "indicatorType must be a non-empty string, not None"),
        ({"indicators": "a.example.com"}, "indicators must be a list"),
        ({"tags": "a,b"}, "tags must be a list of strings"),
        ({"attacker": 7}, "attacker must be a string, not 7"),
        ({"datasetId": "nowhere"}, "datasetId 'nowhere' is not a dataset"),
    ],
)
async def test_a_wrong_event_is_rejected_and_nothing_is_stored(
    api: ApiClient, change: dict[str, object], message: str
) -> None:
    assert message in await api("POST", "/events/create", event_body(**change), status=400)
    assert await api.search() == []


@pytest.mark.parametrize("field", ["category", "date", "event", "raw", "tlp"])
async def test_the_error_for_a_missing_field_names_it(api: ApiClient, field: str) -> None:
    body = {name: value for name, value in event_body().items() if name != field}
    assert f"{field} is missing" in await api("POST", "/events/create", body, status=400)


async def test_a_created_event_is_returned_with_all_29_fields(api: ApiClient) -> None:
    created: dict[str, Any] = await api.create_event(
        date="2026-11-20T09:00:00+01:00",
        category="phishing",
        tlp="TLP:AMBER-STRICT",
        attackerCountry="Viet Nam",
        indicators=[{"value": "192.0.2.1", "indicatorType": "IP"}, {"value": "b.example.com", "indicatorType": "new"}],
        tags=["b", "a", "b", " "],
    )
    assert created == {
        "uuid": created["uuid"],
        "datasetId": api.database.datasets()[0].uuid,
        "date": "2026-11-20T08:00:00Z",
        "event": "An event",
        "insight": "",
        "indicator": "192.0.2.1",
        "indicatorType": "ip",
        "indicatorTypeId": 1,
        "attacker": "",
        "attackerCountry": "VN",
        "attackerCountryAlpha3": "VNM",
        "targetCountry": "",
        "targetCountryAlpha3": "",
        "targetIndustry": "",
        "tlp": "amber+strict",
        "category": "Phishing",
        "killChain": 3,
        "mitreAttack": ["T1566"],
        "mitreCapec": ["98", "163"],
        "rawId": "raw1",
        "hasChildren": False,
        "tags": ["b", "a"],
        "references": [],
        "referencesIds": [],
        "numReferences": 0,
        "referenced": [],
        "referencedIds": [],
        "numReferenced": 0,
        "releasabilityId": "",
    }
    assert len(created) == 29


async def test_hostile_text_is_returned_unchanged_even_after_a_revert(api: ApiClient) -> None:
    text = "nul \x00 bidi \u202e zero\u200bwidth 🦊 'quote\" \\ =cmd| {{x}} ![](http://x.example) " + "a" * 10_000
    created = await api.create_event(
        event=text, attacker=text, insight=text, tags=[text], indicator=text, indicatorType="url"
    )
    api.clock.advance(minutes=2)
    await api("DELETE", f"/events/datasets/{created['datasetId']}/events", eventIds=created["uuid"])
    await api("POST", f"/events/{created['datasetId']}/revert-do", {"minutesAgo": 1})
    shown = await api("GET", f"/events/{created['uuid']}")
    assert shown == created
    assert [shown[name] for name in ("event", "attacker", "insight", "indicator")] == [text] * 4
    assert shown["tags"] == [text]
