"""The application around the operations: envelope, errors, marks, routes that end."""

from typing import Any

import pytest
from starlette.middleware import Middleware
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Receive, Scope, Send

from cf1_mcp.sandbox.options import SandboxOptions
from tests.sandbox.talk import BASE, Talk, new_event, talking

pytestmark = pytest.mark.anyio


async def test_a_success_is_in_the_envelope(talk: Talk) -> None:
    answer = await talk.answer("GET", "/events")
    assert answer.json() == {
        "success": True,
        "errors": [],
        "messages": [],
        "result": [],
        "result_info": {"count": 0, "per_page": 100, "cursor": None},
    }


async def test_a_bare_answer_is_the_value_but_errors_tags_and_references_keep_the_envelope() -> None:
    async with talking(SandboxOptions(bare=True)) as talk:
        assert (await talk.answer("GET", "/events")).json() == []
        made = await talk.event()
        tagged = await talk.answer("POST", f"/events/event_tag/{made['uuid']}/create", {"tags": ["x"]})
        assert tagged.json()["result"] == {"success": True}
        failed = (await talk.answer("GET", "/events", order="up")).json()
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
async def test_what_has_no_route_is_answered_by_the_gateway(
    talk: Talk, method: str, path: str, status: int, code: int
) -> None:
    answer = await talk.answer(method, path)
    assert (answer.status_code, answer.json()["errors"][0]["code"]) == (status, code)
    assert answer.headers["X-Sandbox"] == "fictional"


async def test_an_account_that_is_no_32_hex_has_no_route(talk: Talk) -> None:
    answer = await talk.http.get("http://sandbox.test/client/v4/accounts/acme/cloudforce-one/events")
    assert (answer.status_code, answer.json()["errors"][0]["code"]) == (404, 7003)


class Teapot:
    """Answers everything itself."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await PlainTextResponse("teapot", 418)(scope, receive, send)


async def test_the_mark_is_on_what_a_middleware_answers_too() -> None:
    async with talking(SandboxOptions(middleware=[Middleware(Teapot)])) as talk:
        answer = await talk.answer("GET", "/events")
    assert (answer.status_code, answer.headers["X-Sandbox"]) == (418, "fictional")


ENDING = [
    ("GET", "/events/raw/{dataset}/{event}"),
    ("DELETE", "/events/{dataset}/delete?eventIds={event}"),
    ("GET", "/events/{event}/relationships?datasetId={dataset}"),
]


@pytest.mark.parametrize(("method", "path"), ENDING)
async def test_a_route_that_ends_says_so_and_is_gone_after_the_sunset(method: str, path: str) -> None:
    async with talking() as talk:
        made = await talk.event()
        answer = await talk.answer(method, path.format(dataset=made["datasetId"], event=made["uuid"]))
        assert answer.status_code == 200
        assert answer.headers["Sunset"] == "Sat, 28 Nov 2026 00:00:00 GMT"
        assert answer.headers["Deprecation"].startswith("@")
    async with talking(SandboxOptions(sunset=True)) as talk:
        made = await talk.event()
        answer = await talk.answer(method, path.format(dataset=made["datasetId"], event=made["uuid"]))
        assert (answer.status_code, answer.json()["errors"][0]["code"]) == (404, 7003)


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"{oops", "the body is not JSON"),
        (b"[]", "the body must be a JSON object"),
        (b'{"event": NaN}', "NaN is no JSON number"),
        (b'{"event": "\\ud800"}', "half of a surrogate pair"),
        (b"[" * 100_000, "nested too deeply"),
        (b"\xff", "the body is not JSON"),
    ],
)
async def test_a_body_that_cannot_be_kept_is_refused(talk: Talk, content: bytes, says: str) -> None:
    answer = await talk.http.post(f"{BASE}/events/create", content=content)
    assert answer.status_code == 400
    assert says in answer.json()["errors"][0]["message"]


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"category": "Fishing"}, "category 'Fishing' does not exist; nearest are Phishing, "),
        ({"date": "2026-11-20"}, "date '2026-11-20' has no time zone; write it like"),
        ({"date": 5}, "date 5 is no ISO 8601 date"),
        ({"tlp": "mauve"}, "tlp 'mauve' is no TLP marking; valid are clear, green, amber, amber+strict, red, purple"),
        ({"raw": {"source": "x"}}, "raw must be an object with data"),
        ({"raw": {"data": "text"}}, "raw.data must be an object or null"),
        ({"raw": {"data": None, "tlp": "mauve"}}, "raw.tlp 'mauve' is no TLP marking"),
        ({"event": " "}, "event must not be empty"),
        ({"attackerCountry": "Atlantis"}, "attackerCountry 'Atlantis' is no country"),
        ({"indicators": [{"value": "a.example.com"}]}, "indicatorType must not be empty"),
        ({"indicators": "a.example.com"}, "indicators must be a list"),
        ({"tags": "a,b"}, "tags must be a list of texts"),
        ({"attacker": 7}, "attacker must be text, not 7"),
        ({"datasetId": "nowhere"}, "datasetId 'nowhere' names no dataset"),
    ],
)
async def test_a_wrong_event_is_refused_and_nothing_is_stored(talk: Talk, change: dict[str, object], says: str) -> None:
    assert says in await talk("POST", "/events/create", new_event(**change), status=400)
    assert await talk.found() == []


@pytest.mark.parametrize("field", ["category", "date", "event", "raw", "tlp"])
async def test_a_field_that_is_missing_is_named(talk: Talk, field: str) -> None:
    body = {name: value for name, value in new_event().items() if name != field}
    assert f"{field} is missing" in await talk("POST", "/events/create", body, status=400)


async def test_an_event_shows_all_its_fields_in_one_form(talk: Talk) -> None:
    made: dict[str, Any] = await talk.event(
        date="2026-11-20T09:00:00+01:00",
        category="phishing",
        tlp="TLP:AMBER-STRICT",
        attackerCountry="Viet Nam",
        indicators=[{"value": "192.0.2.1", "indicatorType": "IP"}, {"value": "b.example.com", "indicatorType": "new"}],
        tags=["b", "a", "b", " "],
    )
    assert made == {
        "uuid": made["uuid"],
        "datasetId": talk.store.datasets()[0].uuid,
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
    assert len(made) == 29


async def test_hostile_text_comes_back_as_it_went_in_even_through_a_revert(talk: Talk) -> None:
    text = "nul \x00 bidi \u202e zero\u200bwidth 🦊 'quote\" \\ =cmd| {{x}} ![](http://x.example) " + "a" * 10_000
    made = await talk.event(event=text, attacker=text, insight=text, tags=[text], indicator=text, indicatorType="url")
    talk.clock.go_on(minutes=2)
    await talk("DELETE", f"/events/datasets/{made['datasetId']}/events", eventIds=made["uuid"])
    await talk("POST", f"/events/{made['datasetId']}/revert-do", {"minutesAgo": 1})
    shown = await talk("GET", f"/events/{made['uuid']}")
    assert shown == made
    assert [shown[name] for name in ("event", "attacker", "insight", "indicator")] == [text] * 4
    assert shown["tags"] == [text]
