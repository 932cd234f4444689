"""Changes that are made and then answered in a way that does not tell so: none is told as failed, and none repeated."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

import httpx
import pytest
from mcp import Client
from mcp.types import CallToolResult
from pydantic import JsonValue

from cf1_mcp.contracts.effects import ToolEffect
from cf1_mcp.server.mcp_server import build_server
from cf1_mcp.tools import ALL_TOOLS
from tests.contract.every_tool import CALLS, PlantedTenant, fill_in
from tests.conversations import ask, data_of, text_of
from tests.odd_answers import REFUSALS, UNREADABLE, OddAnswer, OddUpstream, as_json

pytestmark = pytest.mark.anyio

TYPED: Mapping[str, JsonValue] = {**CALLS["relate_threat_events"], "relationship_type": "caused_by"}
# The tool and the arguments of each operation that changes something, and whether a look can tell that it was made.
OPERATIONS: Mapping[str, tuple[str, Mapping[str, JsonValue], bool]] = {
    "create": ("create_threat_event", CALLS["create_threat_event"], False),
    "create in bulk": ("import_threat_events", CALLS["import_threat_events"], False),
    "update": ("update_threat_event", CALLS["update_threat_event"], True),
    "update of raw evidence": (
        "update_threat_event",
        {"dataset_id": "HOME", "event_id": "FIRST", "raw_data": {"new": 1}, "raw_source": "elsewhere"},
        True,
    ),
    "tag": ("tag_threat_events", CALLS["tag_threat_events"], True),
    "untag": ("untag_threat_events", CALLS["untag_threat_events"], True),
    "relate": ("relate_threat_events", CALLS["relate_threat_events"], True),
    "relate by type": ("relate_threat_events", TYPED, True),
    "unrelate": ("unrelate_threat_events", CALLS["unrelate_threat_events"], True),
    "move": ("move_threat_events", CALLS["move_threat_events"], True),
    "delete": ("delete_threat_events", CALLS["delete_threat_events"], True),
    "revert": ("revert_threat_dataset", CALLS["revert_threat_dataset"], False),
    "create query": ("create_saved_query", CALLS["create_saved_query"], True),
    "update query": ("update_saved_query", CALLS["update_saved_query"], True),
    "delete query": ("delete_saved_query", CALLS["delete_saved_query"], True),
    "create alert": ("create_query_alert", CALLS["create_query_alert"], True),
    "update alert": ("update_query_alert", CALLS["update_query_alert"], True),
    "delete alert": ("delete_query_alert", CALLS["delete_query_alert"], True),
    "update many": (
        "update_threat_event",
        {"dataset_id": "HOME", "event_ids": ["FIRST", "SECOND"], "attacker": "Another actor"},
        True,
    ),
    "copy": ("copy_threat_events", CALLS["copy_threat_events"], True),
    "copy many": ("copy_threat_events", {**CALLS["copy_threat_events"], "event_ids": ["FIRST", "SECOND"]}, True),
    "create dataset": ("create_threat_dataset", CALLS["create_threat_dataset"], True),
    "update dataset": ("update_threat_dataset", CALLS["update_threat_dataset"], True),
    "create category": ("create_threat_category", CALLS["create_threat_category"], True),
    "delete dataset": ("undo_change", {"change_id": "LAST"}, True),
}


# What an answer is to a deletion of a query or an alert, whose body is not published: a look follows in any case.
SAYS_SUCCESS = ("an empty result", "no result", "a list as result")


def new_tenant(folder: Path) -> PlantedTenant:
    folder.mkdir()
    return PlantedTenant(folder, "Invoice lure", "invoice", "http://kit.example.com/pay")


@dataclass(frozen=True)
class Told:
    """What the change was answered, its outcome in the journal, what the upstream got, and what a repetition was told.

    `is_spent` says whether the code is, and is None for a change that needs none.
    """

    data: dict[str, JsonValue]
    outcome: str
    changes: tuple[str, ...]
    looks: int
    is_spent: bool | None
    again: CallToolResult | None
    sent_again: int


async def change(tenant: PlantedTenant, operation: str, odd: OddAnswer, *, refuses: bool = False) -> Told:
    """Make a change that gets the odd answer, then repeat the call with the same code."""
    tool, given, _ = OPERATIONS[operation]
    async with tenant.connected() as (_, names):
        body = odd.body.replace(b"FIRST", str(names["FIRST"]).encode())
        if tool == "undo_change":
            async with tenant.server(tenant.settings) as client:
                names["LAST"] = (await ask(client, "create_threat_dataset", name="Made before"))["change_id"]
        upstream = OddUpstream(tenant.connect(), replace(odd, body=body), refuses)
        server = build_server(tenant.settings, lambda: upstream, clock=lambda: tenant.now)
        async with Client(server) as client:
            arguments = fill_in({**given}, names)
            assert isinstance(arguments, dict)
            answer = await client.call_tool(tool, arguments)
            if code := data_of(answer).get("code"):
                arguments["confirm"] = code
                answer = await client.call_tool(tool, arguments)
            outcome = (await tenant.journal.changes())[0].outcome
            made, looks = tuple(upstream.changes), len(upstream.looks)
            is_spent = await tenant.is_spent(str(code)) if code else None
            again = await client.call_tool(tool, arguments) if code else None
    told = data_of(answer) or {"error": text_of(answer.content)}
    return Told(told, outcome, made, looks, is_spent, again, len(upstream.changes) - len(made))


@pytest.mark.parametrize("operation", OPERATIONS)
async def test_a_change_with_an_unreadable_answer_is_made_once_and_never_told_as_failed(
    tmp_path: Path, operation: str, capsys: pytest.CaptureFixture[str]
) -> None:
    counts = {"done": 0, "unknown": 0}
    most = 0
    for number, odd in enumerate(UNREADABLE):
        told = await change(new_tenant(tmp_path / str(number)), operation, odd)
        data, status = told.data, str(told.data.get("status"))
        where = f"{operation}, {odd.name}: {json.dumps(data)[:600]}"
        assert len(told.changes) == 1, f"{where} {told.changes}"
        assert status in counts and told.outcome == status, where
        assert status == "done" or ("look before repeating" in str(data["next"]) and data["change_id"]), where
        assert status == "done" or not OPERATIONS[operation][2], where
        assert status != "done" or 1 <= told.looks <= 2, where
        assert status != "done" or "verified" in data or odd.name in SAYS_SUCCESS, where
        assert told.is_spent in (True, None), where
        assert not told.sent_again, f"{where} {told.again}"
        counts[status] += 1
        most = max(most, told.looks)
    with capsys.disabled():
        found = f"{counts['done']} found done, {counts['unknown']} unknown, up to {most} requests to look"
        print(f"\n  {operation}: {len(UNREADABLE)} answers, {found}")  # noqa: T201


# An answer of each kind: success without content, failure, and none.
NO_WORD = [
    one for one in UNREADABLE if one.name in ("an empty object", "null", "nothing", "204", "500", "502", "a reset")
]


@pytest.mark.parametrize("operation", OPERATIONS)
async def test_a_change_that_was_not_made_and_not_refused_is_unknown(
    tmp_path: Path, operation: str, capsys: pytest.CaptureFixture[str]
) -> None:
    for number, odd in enumerate(NO_WORD):
        told = await change(new_tenant(tmp_path / str(number)), operation, odd, refuses=True)
        where = f"{operation}, {odd.name}: {told}"
        assert (told.data["status"], told.outcome, len(told.changes)) == ("unknown", "unknown", 1), where
        assert "look before repeating" in str(told.data["next"]) and "verified" not in told.data, where
        assert ("look" in told.data) is (told.looks > 0) and (told.looks or not OPERATIONS[operation][2]), where
        assert told.is_spent in (True, None) and not told.sent_again, where
    with capsys.disabled():
        print(f"\n  {operation}: {len(NO_WORD)} answers, all unknown")  # noqa: T201


def test_every_tool_that_changes_something_is_among_the_operations() -> None:
    changing = {tool.name for tool in ALL_TOOLS if tool.effect != ToolEffect.READ}
    # A merge is made of an update, tags, links and a deletion, each of which is held to its own look.
    made_of_others = {"merge_duplicate_events"}
    assert changing - made_of_others - {tool for tool, _, _ in OPERATIONS.values()} == set()


@pytest.mark.parametrize("operation", OPERATIONS)
async def test_a_refused_change_has_failed_and_its_code_is_valid_again(tmp_path: Path, operation: str) -> None:
    for number, odd in enumerate(REFUSALS):
        told = await change(new_tenant(tmp_path / str(number)), operation, odd, refuses=True)
        where = f"{operation}, {odd.name}: {told}"
        assert "error" in told.data or told.data["status"] == "failed", where
        assert told.outcome == "failed" and told.is_spent in (False, None), where
        assert told.again is None or told.sent_again, where


COUNTS: Mapping[str, tuple[str, JsonValue, str]] = {
    "more deleted": ("delete", 9, "unknown"),
    "fewer deleted": ("delete", 0, "done"),
    "deleted as text": ("delete", "many", "done"),
    "deleted in an object": ("delete", {"deleted": 1}, "done"),
    "deleted in an object with another name": ("delete", {"removed": 1}, "done"),
    "deleted true": ("delete", {"deleted": True}, "done"),
    "more moved": ("move", 9, "unknown"),
    "more moved in an object": ("move", {"moved": 9, "indicatorsCopied": 0, "relationshipsCopied": 0}, "unknown"),
    "moved null": ("move", {"moved": None}, "done"),
    "moved true": ("move", True, "done"),
    "more created": ("create in bulk", {"createdEventsCount": 99}, "unknown"),
    "created null": ("create in bulk", {"createdEventsCount": None}, "unknown"),
    "created as a number": ("create in bulk", 26, "unknown"),
    "fewer created": ("create in bulk", {"createdEventsCount": 3}, "unknown"),
    "no event id": ("create", {"event": "x"}, "unknown"),
    "another event": ("update", {"uuid": "e0000000-0000-4000-8000-000000000009"}, "unknown"),
    "no field": ("update", {"uuid": "FIRST"}, "done"),
    "fewer related": ("relate by type", {"success": True, "relationshipsCreated": 0}, "done"),
    "tags not set": ("tag", {"success": False}, "done"),
    "tags null": ("tag", {"success": None}, "done"),
    "not related": ("relate", {"success": False}, "done"),
    "another query": ("update query", {"id": 77}, "unknown"),
    "no id of the query": ("create query", {"name": "Another query"}, "done"),
    "another dataset": ("revert", {"datasetId": "d0000000-0000-4000-8000-000000000009"}, "unknown"),
}


@pytest.mark.parametrize("enveloped", [True, False], ids=["enveloped", "bare"])
@pytest.mark.parametrize("name", COUNTS)
async def test_another_count_or_object_than_asked_for_is_looked_at(tmp_path: Path, name: str, enveloped: bool) -> None:
    operation, value, status = COUNTS[name]
    odd = as_json(name, {"success": True, "result": value} if enveloped else value)
    told = await change(new_tenant(tmp_path / "state"), operation, odd)
    assert (told.data["status"], told.outcome, len(told.changes)) == (status, status, 1), told
    assert told.is_spent in (True, None)
    assert not told.sent_again


@pytest.mark.parametrize("odd", [UNREADABLE[0], UNREADABLE[14]], ids=lambda odd: odd.name)
async def test_an_approval_stays_used_if_the_outcome_is_unknown(tmp_path: Path, odd: OddAnswer) -> None:
    tenant = new_tenant(tmp_path / "state")
    settings = tenant.allowed(write_datasets=("*",), delete_datasets=("*",), approval="operator")
    async with tenant.connected() as (_, names):
        upstream = OddUpstream(tenant.connect(), odd)
        server = build_server(settings, lambda: upstream, clock=lambda: tenant.now)
        async with Client(server) as client:
            call = fill_in({**CALLS["import_threat_events"]}, names)
            assert isinstance(call, dict)
            code = str((await ask(client, "import_threat_events", **call))["code"])
            await tenant.approvals.decide(code, approved=True)
            told = await ask(client, "import_threat_events", **call, confirm=code)
            upstream.odd = None
            again = await client.call_tool("import_threat_events", {**call, "on_duplicate": "create", "confirm": code})
    assert (told["status"], told["unknown_rows"], len(upstream.changes)) == ("unknown", "0-25", 1)
    assert again.is_error and await tenant.is_spent(code)


async def test_without_a_connection_a_change_has_failed_and_its_code_is_valid_again(tmp_path: Path) -> None:
    tenant = new_tenant(tmp_path / "state")
    async with tenant.connected() as (client, names):
        call: dict[str, JsonValue] = {"dataset_id": tenant.home, "event_ids": [names["FIRST"]]}
        code = (await ask(client, "delete_threat_events", **call))["code"]
        broken = Disconnected(tenant.connect())
        server = build_server(tenant.settings, lambda: broken, clock=lambda: tenant.now)
        async with Client(server) as other:
            told = await other.call_tool("delete_threat_events", {**call, "confirm": code})
        outcome = (await tenant.journal.changes())[0].outcome
        done = await ask(client, "delete_threat_events", **call, confirm=code)
    assert told.is_error and "no connection could be made" in text_of(told.content)
    assert (outcome, done["status"]) == ("failed", "done")


@dataclass
class Disconnected(httpx.AsyncBaseTransport):
    """An upstream that can be read, and to which no connection can be made for a change."""

    transport: httpx.AsyncBaseTransport

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        if request.method == "DELETE":
            raise httpx.ConnectError("no route to host")
        return await self.transport.handle_async_request(request)


# The operations, and whether the undo finds by itself what was made.
UNDONE: Mapping[str, bool] = {
    "tag": True,
    "untag": True,
    "relate": True,
    "move": True,
    "delete": True,
    "update": True,
    "create query": True,
    "create alert": True,
    "create": False,
    "create in bulk": False,
}


@pytest.mark.parametrize("operation", UNDONE)
async def test_the_undo_of_an_unknown_change_looks_first_what_is_there(tmp_path: Path, operation: str) -> None:
    tenant = new_tenant(tmp_path / "state")
    tool, given, _ = OPERATIONS[operation]
    async with tenant.connected() as (sound, names):
        upstream = Blinded(tenant.connect())
        server = build_server(tenant.settings, lambda: upstream, clock=lambda: tenant.now)
        async with Client(server) as client:
            arguments = fill_in({**given}, names)
            assert isinstance(arguments, dict)
            told = await ask(client, tool, **arguments)
            if code := told.get("code"):
                told = await ask(client, tool, **arguments, confirm=code)
        assert told["status"] == "unknown" and "failed" in str(told.get("look", "failed"))
        undo = await sound.call_tool("undo_change", {"change_id": told["change_id"]})
        if code := data_of(undo).get("code"):
            undo = await sound.call_tool("undo_change", {"change_id": told["change_id"], "confirm": code})
    if UNDONE[operation]:
        assert data_of(undo)["status"] == "done", text_of(undo.content)
    else:
        assert undo.is_error and "the outcome of change" in text_of(undo.content)


@dataclass
class Blinded(httpx.AsyncBaseTransport):
    """An upstream that makes one change, answers it with an empty object, and fails after that."""

    transport: httpx.AsyncBaseTransport
    over: bool = False

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        if self.over:
            return httpx.Response(403, headers={"X-Sandbox": "1"}, json={"success": False, "errors": [], "result": {}})
        response = await self.transport.handle_async_request(request)
        is_search = request.method == "POST" and request.url.path.endswith(("/events", "/graphql"))
        if request.method == "GET" or is_search:
            return response
        await response.aread()
        self.over = True
        return httpx.Response(200, headers={"X-Sandbox": "1"}, json={})


async def test_an_import_by_the_older_route_is_unknown_if_its_answer_is_unreadable(tmp_path: Path) -> None:
    tenant = new_tenant(tmp_path / "state")
    rows: list[JsonValue] = [
        {"category": "Phishing", "date": "1h", "event": "parent", "tlp": "green", "ref": "p"},
        {"category": "Phishing", "date": "2h", "event": "child", "tlp": "green", "parent_ref": "p"},
    ]
    async with tenant.connected():
        upstream = OnlyOlderBulk(tenant.connect())
        server = build_server(tenant.settings, lambda: upstream, clock=lambda: tenant.now)
        async with Client(server) as client:
            call: dict[str, JsonValue] = {"dataset_id": tenant.home, "rows": rows}
            told = await ask(client, "import_threat_events", **call)
            if code := told.get("code"):
                told = await ask(client, "import_threat_events", **call, confirm=code)
        change = (await tenant.journal.changes())[0]
    assert (told["status"], told["unknown_rows"], change.outcome) == ("unknown", "0-1", "unknown")
    assert upstream.sent == ["/create/bulk", "/create/bulk/relationships"]


@dataclass
class OnlyOlderBulk(httpx.AsyncBaseTransport):
    """An upstream without the newer bulk create, which answers the older one with an empty object."""

    transport: httpx.AsyncBaseTransport
    sent: list[str] = field(default_factory=list[str])

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        path = request.url.path.split("/events")[-1]
        if not path.startswith("/create/bulk"):
            return await self.transport.handle_async_request(request)
        self.sent.append(path)
        if path == "/create/bulk":
            body: JsonValue = {"success": False, "errors": [{"code": 7003, "message": "no route"}], "result": None}
            return httpx.Response(404, headers={"X-Sandbox": "1"}, json=body)
        await (await self.transport.handle_async_request(request)).aread()
        return httpx.Response(200, headers={"X-Sandbox": "1"}, json={})


async def test_an_undo_that_creates_events_again_is_unknown_if_one_answer_is_unreadable(tmp_path: Path) -> None:
    tenant = new_tenant(tmp_path / "state")
    async with tenant.connected() as (sound, names):
        call: dict[str, JsonValue] = {"dataset_id": tenant.home, "event_ids": [names["FIRST"], names["SECOND"]]}
        code = (await ask(sound, "delete_threat_events", **call))["code"]
        deleted = await ask(sound, "delete_threat_events", **call, confirm=code)
        upstream = OddUpstream(tenant.connect(), UNREADABLE[0])
        server = build_server(tenant.settings, lambda: upstream, clock=lambda: tenant.now)
        async with Client(server) as client:
            undo: dict[str, JsonValue] = {"change_id": deleted["change_id"]}
            told = await ask(client, "undo_change", **undo)
            if code := told.get("code"):
                told = await ask(client, "undo_change", **undo, confirm=code)
        change = (await tenant.journal.changes())[0]
    assert (told["status"], change.outcome, told["created"]) == ("unknown", "unknown", [])
    assert "look before repeating" in str(told["next"])
    rows = told["failed"]
    assert isinstance(rows, list) and len(rows) == 2 and all("'outcome': 'unknown'" in str(row) for row in rows)
