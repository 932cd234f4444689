"""Every operation of the client on the wire, with answers in an envelope and without."""

import json
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

import httpx
import pytest
from pydantic import BaseModel
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from cf1_mcp.api.client import ThreatEventsClient
from cf1_mcp.models import (
    Condition,
    EventChange,
    EventSearch,
    NewEvent,
    NewRaw,
    QueryAlertFields,
    RawChange,
    SavedQueryFields,
    SearchValue,
)

pytestmark = pytest.mark.anyio

ACCOUNT = "a" * 32
BASE = f"/client/v4/accounts/{ACCOUNT}/cloudforce-one"
DATASET = "d0000000-0000-4000-8000-000000000001"
OTHER = "d0000000-0000-4000-8000-000000000002"
EVENT = "e0000000-0000-4000-8000-000000000001"
CHILD = "e0000000-0000-4000-8000-000000000002"

EVENT_WIRE = {"uuid": EVENT, "date": "2026-11-01T00:00:00Z", "datasetId": DATASET, "killChain": 3, "tags": [" "]}
QUERY_WIRE = {"id": 7, "name": "n", "query_json": "{}", "alert_enabled": True}
ALERT_WIRE = {"id": 9, "query_id": 7, "enabled": True, "frequency": "daily"}
RAW_WIRE = {"id": 12, "data": '{"a": 1}', "source": "s", "tlp": "amber"}
NEW = NewEvent(
    category="Phishing", date="2026-11-01T00:00:00Z", event="x", raw=NewRaw(data={"a": 1}), tlp="green", tags=["t"]
)
NEW_WIRE = {
    "category": "Phishing",
    "date": "2026-11-01T00:00:00Z",
    "event": "x",
    "raw": {"data": {"a": 1}},
    "tlp": "green",
    "tags": ["t"],
}


@dataclass
class Upstream:
    """A server that records its requests and always returns the same answer."""

    answer: object = None
    enveloped: bool = True
    status: int = 200
    missing: frozenset[tuple[str, str]] = frozenset()
    missing_status: int = 404
    requests: list[tuple[str, str, str, object]] = field(default_factory=list[tuple[str, str, str, object]])

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        request = Request(scope, receive)
        content = await request.body()
        path = scope["raw_path"].decode()
        self.requests.append((request.method, path, scope["query_string"].decode(), json.loads(content or "null")))
        if (request.method, path) in self.missing:
            body: object = {"success": False, "errors": [{"message": "no route"}], "messages": [], "result": None}
            await Response(json.dumps(body), self.missing_status)(scope, receive, send)
            return
        body = {"success": True, "errors": [], "messages": [], "result": self.answer} if self.enveloped else self.answer
        await Response(json.dumps(body), self.status)(scope, receive, send)

    def client(self, update_method: str = "PATCH") -> ThreatEventsClient:
        return ThreatEventsClient(
            "http://upstream/client/v4",
            ACCOUNT,
            "token-of-a-test",
            lambda: httpx.ASGITransport(self),
            "POST" if update_method == "POST" else "PATCH",
        )


Call = Callable[[ThreatEventsClient], Awaitable[object]]


class Case(BaseModel):
    """One operation: the call, the request that it makes, an answer to it and the result."""

    model_config = {"arbitrary_types_allowed": True}
    name: str
    call: Call
    request: tuple[str, str, str, object]
    answer: object
    result: object


def case(
    name: str, call: Call, method: str, path: str, query: str, body: object, answer: object, result: object
) -> Case:
    return Case(name=name, call=call, request=(method, BASE + path, query, body), answer=answer, result=result)


EVENT_RESULT: dict[str, object] = {"uuid": EVENT, "kill_chain": 3.0, "tags": []}
SEARCH = EventSearch(
    dataset_id=[DATASET, OTHER],
    search=[
        Condition(field="attacker", op="in", value=["A B", "C&D"]),
        Condition(field="killChain", op="gte", value=3),
    ],
    page_size=20,
    order="desc",
)
SEARCH_QUERY = (
    f"datasetId={DATASET}&datasetId={OTHER}"
    "&search=%5B%7B%22field%22%3A%22attacker%22%2C%22op%22%3A%22in%22%2C%22value%22%3A%5B%22A+B%22%2C%22C%26D%22%5D%7D"
    "%2C%7B%22field%22%3A%22killChain%22%2C%22op%22%3A%22gte%22%2C%22value%22%3A3%7D%5D&order=desc&pageSize=20"
)
BRANCHES = EventSearch(dataset_id=["all"], search_branches=[[Condition(field="tlp", op="equals", value="red")]])

# The 35 operations of the API that must work, by the routes that are tried first.
CASES = [
    case("list", lambda c: c.list_events(SEARCH), "GET", "/events", SEARCH_QUERY, None, [EVENT_WIRE], {"result": 1}),
    case(
        "list by body",
        lambda c: c.list_events(BRANCHES),
        "POST",
        "/events",
        "",
        {"datasetId": ["all"], "searchBranches": [[{"field": "tlp", "op": "equals", "value": "red"}]]},
        [EVENT_WIRE],
        {"result": 1},
    ),
    case(
        "aggregate",
        lambda c: c.aggregate_events(["attacker", "tlp"], [DATASET], "2026-01-01", "2026-02-01", True, 5),
        "GET",
        "/events/aggregate",
        f"aggregateBy=attacker%2Ctlp&datasetId={DATASET}&startDate=2026-01-01&endDate=2026-02-01&groupByDate=true&limit=5",
        None,
        {"aggregateBy": "attacker,tlp", "aggregations": [{"attacker": None, "count": 2}], "total": 2},
        {"total": 2, "aggregations": [{"attacker": None, "count": 2}]},
    ),
    case("create", lambda c: c.create_event(NEW), "POST", "/events/create", "", NEW_WIRE, EVENT_WIRE, EVENT_RESULT),
    case(
        "bulk",
        lambda c: c.create_events(DATASET, [NEW]),
        "POST",
        "/events/create/bulk",
        "",
        {"datasetId": DATASET, "data": [NEW_WIRE], "includeCreatedEvents": True},
        {"createdEventsCount": 1, "createdTagsCount": 0, "errorCount": 0, "queuedIndicatorsCount": 1},
        {"created_events_count": 1, "queued_indicators_count": 1},
    ),
    case(
        "bulk with relationships",
        lambda c: c.create_events_with_relationships(DATASET, [NEW]),
        "POST",
        "/events/create/bulk/relationships",
        "",
        {"datasetId": DATASET, "data": [NEW_WIRE]},
        {"createdEventsCount": 1, "createdRelationshipsCount": 0},
        {"created_events_count": 1},
    ),
    case(
        "read",
        lambda c: c.read_event(DATASET, EVENT),
        "GET",
        f"/events/dataset/{DATASET}/events/{EVENT}",
        "",
        None,
        EVENT_WIRE,
        EVENT_RESULT,
    ),
    case(
        "move",
        lambda c: c.move_events(DATASET, OTHER, [EVENT]),
        "POST",
        f"/events/dataset/{DATASET}/move",
        "keepRawData=true",
        {"destDatasetId": OTHER, "eventIds": [EVENT]},
        {"moved": 1, "indicatorsCopied": 2, "relationshipsCopied": 0},
        {"moved": 1, "indicators_copied": 2},
    ),
    case(
        "untag",
        lambda c: c.untag_event(EVENT, ["a", "b"]),
        "DELETE",
        f"/events/event_tag/{EVENT}",
        "",
        {"tags": ["a", "b"]},
        {"success": True},
        {"success": True},
    ),
    case(
        "tag",
        lambda c: c.tag_event(EVENT, ["a"]),
        "POST",
        f"/events/event_tag/{EVENT}/create",
        "",
        {"tags": ["a"]},
        {"success": True},
        {"success": True},
    ),
    case("queries", lambda c: c.list_queries(), "GET", "/events/queries", "", None, [QUERY_WIRE], 1),
    case("alerts", lambda c: c.list_alerts(), "GET", "/events/queries/alerts", "", None, [ALERT_WIRE], 1),
    case(
        "create alert",
        lambda c: c.create_alert(QueryAlertFields(query_id=7, frequency="daily")),
        "POST",
        "/events/queries/alerts/create",
        "",
        {"query_id": 7, "frequency": "daily"},
        ALERT_WIRE,
        {"id": 9, "query_id": 7},
    ),
    case(
        "update alert",
        lambda c: c.update_alert(9, QueryAlertFields(enabled=False)),
        "PATCH",
        "/events/queries/alerts/9",
        "",
        {"enabled": False},
        ALERT_WIRE,
        {"id": 9},
    ),
    case("read alert", lambda c: c.read_alert(9), "GET", "/events/queries/alerts/9", "", None, ALERT_WIRE, {"id": 9}),
    case(
        "delete alert",
        lambda c: c.delete_alert(9),
        "DELETE",
        "/events/queries/alerts/9",
        "",
        None,
        {"success": True},
        None,
    ),
    case(
        "create query",
        lambda c: c.create_query(SavedQueryFields(name="n", query_json="{}", rule_enabled=False)),
        "POST",
        "/events/queries/create",
        "",
        {"name": "n", "query_json": "{}", "rule_enabled": False},
        QUERY_WIRE,
        {"id": 7, "name": "n"},
    ),
    case(
        "update query",
        lambda c: c.update_query(7, SavedQueryFields(name="m")),
        "PATCH",
        "/events/queries/7",
        "",
        {"name": "m"},
        QUERY_WIRE,
        {"id": 7},
    ),
    case("read query", lambda c: c.read_query(7), "GET", "/events/queries/7", "", None, QUERY_WIRE, {"id": 7}),
    case("delete query", lambda c: c.delete_query(7), "DELETE", "/events/queries/7", "", None, {"success": True}, None),
    case(
        "raw by dataset",
        lambda c: c.read_dataset_raw(DATASET, EVENT),
        "GET",
        f"/events/datasets/{DATASET}/events/{EVENT}/raw",
        "",
        None,
        RAW_WIRE,
        {"id": "12", "data": {"a": 1}},
    ),
    case(
        "unrelate",
        lambda c: c.unrelate_event(EVENT, [CHILD]),
        "DELETE",
        f"/events/relate/{EVENT}",
        "",
        {"events": [CHILD]},
        {"success": True},
        {"success": True},
    ),
    case(
        "relate",
        lambda c: c.relate_event(EVENT, [CHILD]),
        "POST",
        f"/events/relate/{EVENT}/create",
        "",
        {"events": [CHILD]},
        {"success": True},
        {"success": True},
    ),
    case(
        "create relationships",
        lambda c: c.create_relationships(DATASET, EVENT, [CHILD], "caused_by"),
        "POST",
        "/events/relationships/create",
        "",
        {"datasetId": DATASET, "parentId": EVENT, "childIds": [CHILD], "relationshipType": "caused_by"},
        {"success": False, "message": "none", "relationships": [], "errors": [{"childId": CHILD, "error": "x"}]},
        {"success": False, "message": "none"},
    ),
    case(
        "delete",
        lambda c: c.delete_events(DATASET, [EVENT, CHILD]),
        "DELETE",
        f"/events/datasets/{DATASET}/events",
        f"eventIds={EVENT}&eventIds={CHILD}",
        None,
        2,
        2,
    ),
    case(
        "revert",
        lambda c: c.revert_dataset(DATASET, 120),
        "POST",
        f"/events/{DATASET}/revert-do",
        "",
        {"minutesAgo": 120},
        {
            "type": "object",
            "properties": {
                "datasetId": {"type": DATASET},
                "minutesAgo": {"type": "120"},
                "targetTimestamp": {"type": "2026-11-01T00:00:00Z"},
                "revertBookmark": {"type": "b"},
                "undoBookmark": {"type": "u"},
            },
        },
        {"dataset_id": DATASET, "minutes_ago": 120.0, "undo_bookmark": "u"},
    ),
    case(
        "update",
        lambda c: c.update_event(EVENT, EventChange(dataset_id=DATASET, attacker=None, tlp="green")),
        "PATCH",
        f"/events/{EVENT}",
        "",
        {"datasetId": DATASET, "attacker": None, "tlp": "green"},
        EVENT_WIRE,
        EVENT_RESULT,
    ),
    case(
        "read anywhere",
        lambda c: c.read_event_anywhere(EVENT),
        "GET",
        f"/events/{EVENT}",
        "",
        None,
        EVENT_WIRE,
        EVENT_RESULT,
    ),
    case(
        "update raw",
        lambda c: c.update_raw(EVENT, "r/1", RawChange(data={"b": 2})),
        "PATCH",
        f"/events/{EVENT}/raw/r%2F1",
        "",
        {"data": {"b": 2}},
        {"id": "r/1", "data": {"b": 2}},
        {"id": "r/1", "data": {"b": 2}},
    ),
    case(
        "read raw",
        lambda c: c.read_raw(EVENT, "r1"),
        "GET",
        f"/events/{EVENT}/raw/r1",
        "",
        None,
        {**RAW_WIRE, "id": "r1", "data": {"a": 1}},
        {"id": "r1", "data": {"a": 1}},
    ),
    case(
        "relationships",
        lambda c: c.list_relationships(EVENT, DATASET, "descendants", 2, ["caused_by", "related_to"], False, 1, 50),
        "GET",
        f"/events/by-id/{EVENT}/relationships",
        f"datasetId={DATASET}&direction=descendants&maxDepth=2&relationshipTypes=caused_by&relationshipTypes=related_to"
        "&includeParent=false&page=1&pageSize=50",
        None,
        [EVENT_WIRE],
        1,
    ),
    case(
        "graphql",
        lambda c: c.query_graphql("{ a }", {"x": 1}),
        "POST",
        "/v2/events/graphql",
        "",
        {"query": "{ a }", "variables": {"x": 1}},
        {"data": {"a": 1}, "errors": None},
        {"data": {"a": 1}},
    ),
]

# The older routes of the same operations, and the POST twins of PATCH.
OLDER = [
    ("raw by dataset", "GET", f"/events/raw/{DATASET}/{EVENT}"),
    ("delete", "DELETE", f"/events/{DATASET}/delete"),
    ("relationships", "GET", f"/events/{EVENT}/relationships"),
    ("graphql", "POST", "/events/graphql"),
]
TWINS = [
    ("update", f"/events/{EVENT}"),
    ("update raw", f"/events/{EVENT}/raw/r%2F1"),
    ("update query", "/events/queries/7"),
    ("update alert", "/events/queries/alerts/9"),
]


def find_case(name: str) -> Case:
    return next(one for one in CASES if one.name == name)


def assert_result(result: object, expected: object) -> None:
    """Compare a result with the expected one: objects by fields, lists by their length."""
    match expected:
        case {"result": int() as count}:
            assert len(getattr(result, "result")) == count  # noqa: B009 - the shape varies by case
        case dict() if not isinstance(result, dict):
            shown = {name: getattr(result, str(name)) for name in expected}  # pyright: ignore[reportUnknownVariableType, reportUnknownArgumentType]
            assert shown == expected
        case int() if isinstance(result, list):
            assert len(result) == expected  # pyright: ignore[reportUnknownArgumentType]
        case _:
            assert result == expected


@pytest.mark.parametrize("enveloped", [True, False], ids=["enveloped", "bare"])
@pytest.mark.parametrize("one", CASES, ids=lambda one: one.name)
async def test_an_operation_sends_its_request_and_reads_the_answer(one: Case, enveloped: bool) -> None:
    upstream = Upstream(one.answer, enveloped)
    async with upstream.client() as client:
        result = await one.call(client)
    assert upstream.requests == [one.request]
    assert_result(result, one.result)


@pytest.mark.parametrize("status", [405, 410, 501])
@pytest.mark.parametrize(("name", "method", "path"), OLDER)
async def test_an_older_route_is_used_and_remembered_if_the_newer_is_missing(
    name: str, method: str, path: str, status: int
) -> None:
    one = find_case(name)
    upstream = Upstream(one.answer, missing=frozenset({one.request[:2]}), missing_status=status)
    async with upstream.client() as client:
        await one.call(client)
        await one.call(client)
    newer, older = one.request, (method, BASE + path, *one.request[2:])
    assert upstream.requests == [newer, older, older]


@pytest.mark.parametrize(("name", "path"), TWINS)
async def test_post_is_used_if_a_proxy_refuses_patch(name: str, path: str) -> None:
    one = find_case(name)
    upstream = Upstream(one.answer, missing=frozenset({("PATCH", BASE + path)}), missing_status=405)
    async with upstream.client() as client:
        await one.call(client)
        await one.call(client)
    assert [request[0] for request in upstream.requests] == ["PATCH", "POST", "POST"]
    assert {request[1:] for request in map(to_texts, upstream.requests)} == {to_texts(one.request)[1:]}


def to_texts(request: tuple[str, str, str, object]) -> tuple[str, ...]:
    return tuple(str(part) for part in request)


@pytest.mark.parametrize(("name", "path"), TWINS)
async def test_post_is_tried_first_if_the_operator_prefers_it(name: str, path: str) -> None:
    one = find_case(name)
    upstream = Upstream(one.answer)
    async with upstream.client("POST") as client:
        await one.call(client)
    assert upstream.requests == [("POST", BASE + path, *one.request[2:])]


async def test_a_long_search_is_sent_in_a_body() -> None:
    values: list[SearchValue] = [f"host-{number}.a-rather-long-name.example.com" for number in range(100)]
    search = EventSearch(dataset_id=["all"], search=[Condition(field="indicator", op="in", value=values)])
    upstream = Upstream([])
    async with upstream.client() as client:
        await client.list_events(search)
    expected = {"datasetId": ["all"], "search": [{"field": "indicator", "op": "in", "value": values}]}
    assert upstream.requests == [("POST", f"{BASE}/events", "", expected)]


async def test_the_cursor_of_the_envelope_is_kept() -> None:
    body = {"success": True, "result": [EVENT_WIRE], "result_info": {"cursor": "next", "count": 1, "new": "x"}}
    upstream = Upstream(body, enveloped=False)
    async with upstream.client() as client:
        page = await client.list_events(EventSearch())
    assert (page.result_info.cursor, len(page.result)) == ("next", 1)


@pytest.mark.parametrize("answer", [3, {"moved": 3, "indicatorsCopied": 0, "relationshipsCopied": 0}])
async def test_both_forms_of_the_answer_to_a_move_are_read(answer: object) -> None:
    upstream = Upstream(answer)
    async with upstream.client() as client:
        assert (await client.move_events(DATASET, OTHER, [EVENT, CHILD, f"{EVENT[:-1]}3"])).moved == 3
