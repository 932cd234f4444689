"""What calls cost: requests for a hundred linked events, and other ways where a route is missing or misleads."""

from collections.abc import Callable
from pathlib import Path

import httpx
import pytest
from inline_snapshot import snapshot
from mcp import Client
from pydantic import JsonValue
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Receive, Scope, Send

from bench.requests import count_changes, count_deletion, count_reads
from cf1_mcp.models import Tlp
from cf1_mcp.sandbox.app import create_sandbox_app
from cf1_mcp.server.mcp_server import build_server
from tests.canned_answers import with_canned_answer
from tests.conversations import ask, confirmed, refused
from tests.tenant import MINE, YOURS, Tenant

pytestmark = pytest.mark.anyio

NO: JsonValue = {"success": False, "errors": [{"message": "no"}], "result": {}}
BOTH: dict[str, object] = {"write_datasets": (MINE, YOURS)}


async def test_changes_of_a_hundred_linked_events_stay_within_their_requests(tmp_path: Path) -> None:
    tenant, other = Tenant(tmp_path / "one"), Tenant(tmp_path / "two")
    counted = await count_changes(tenant, tenant.allowed(**BOTH))
    counted += await count_deletion(other, other.allowed(**BOTH))
    counted += await count_reads(Tenant(tmp_path / "three"))
    assert [one for one in counted if one.sent > one.allowed] == []
    assert {one.what: one.sent for one in counted} == {
        "preview of updating": 6,
        "updating": 3,
        "preview of taking tags off": 3,
        "taking tags off": 103,
        "preview of moving": 6,
        "moving": 107,
        "preview of deleting": 8,
        "deleting": 107,
        "a warm search": 1,
        "an event with everything": 3,
    }


async def test_changes_among_many_datasets_stay_within_their_requests(tmp_path: Path) -> None:
    many = [Tenant(tmp_path / name) for name in ("one", "two")]
    for tenant in many:
        for number in range(59):
            tenant.store.add_dataset(f"Feed {number:02}", is_analytics=number % 12 == 0)
    counted = await count_changes(many[0], many[0].allowed(**BOTH)) + await count_deletion(
        many[1], many[1].allowed(**BOTH)
    )
    assert len(many[0].store.datasets()) == 62
    assert [one for one in counted if one.sent > one.allowed] == []
    assert {one.what: one.sent for one in counted if one.what.startswith("preview")} == snapshot(
        {"preview of updating": 7, "preview of taking tags off": 5, "preview of moving": 14, "preview of deleting": 16}
    )


async def test_a_profile_takes_at_most_eight_requests(client: Client, sample: Tenant) -> None:
    await ask(client, "profile_attacker", attacker="Copper Lantern")
    sample.log.clear()
    await ask(client, "profile_attacker", attacker="Copper Lantern")
    assert len(sample.log) <= 8


async def add_family(tenant: Tenant) -> list[str]:
    """Add a parent with two children, each by another type, and an unlinked event."""
    parent, first, second, alone = [(await tenant.add(name)).uuid for name in ("parent", "first", "second", "alone")]
    async with tenant.api() as api:
        await api.create_relationships(tenant.dataset_id(), parent, [first], "caused_by")
        await api.create_relationships(tenant.dataset_id(), parent, [second], "attributed_to")
    tenant.log.clear()
    return [parent, first, second, alone]


class Changed:
    """The sandbox, with answers of one path changed on their way."""

    def __init__(self, app: ASGIApp, path: str, change: Callable[[dict[str, JsonValue]], JsonValue]) -> None:
        self._app, self._path, self._change = app, path, change
        self.count = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if not scope["path"].endswith(self._path):
            await self._app(scope, receive, send)
            return
        self.count += 1
        transport = httpx.ASGITransport(self._app)
        async with httpx.AsyncClient(transport=transport, base_url="http://sandbox") as http:
            answer = await http.get(scope["path"], params=httpx.QueryParams(scope["query_string"]))
        await JSONResponse(self._change(answer.json()))(scope, receive, send)


def turn_around(answer: dict[str, JsonValue]) -> JsonValue:
    result = answer["result"]
    assert isinstance(result, dict) and isinstance(result["edges"], list)
    for edge in result["edges"]:
        assert isinstance(edge, dict)
        for name in ("", "Id", "Type"):
            edge[f"source{name}"], edge[f"target{name}"] = edge[f"target{name}"], edge[f"source{name}"]
    return answer


def forget_the_rest(answer: dict[str, JsonValue]) -> JsonValue:
    result, info = answer["result"], answer["result_info"]
    assert isinstance(result, dict) and isinstance(info, dict)
    return {**answer, "result": {**result, "edges": []}, "result_info": {**info, "truncated": True, "cursor": None}}


def empty(answer: dict[str, JsonValue]) -> JsonValue:
    result = answer["result"]
    assert isinstance(result, dict)
    return {**answer, "result": {**result, "edges": []}}


def say_nothing(answer: dict[str, JsonValue]) -> JsonValue:
    return {name: None for name in answer if name == "edges"}


@pytest.mark.parametrize("change", [turn_around, forget_the_rest, empty, say_nothing])
async def test_links_are_restored_whatever_the_graph_answers(
    tenant: Tenant, change: Callable[[dict[str, JsonValue]], JsonValue]
) -> None:
    ids = await add_family(tenant)
    app = Changed(create_sandbox_app(tenant.store), "/events/graph", change)
    server = build_server(tenant.allowed(), lambda: httpx.ASGITransport(app), clock=lambda: tenant.now)
    async with Client(server) as client:
        done = await confirmed(client, "delete_threat_events", dataset_id=MINE, event_ids=[*ids[:3]])
        await ask(client, "undo_change", change_id=done["change_id"])
    assert app.count >= 1
    found = tenant.store.db.execute(
        "SELECT p.event, r.type, c.event FROM relationship r JOIN event p ON p.id = r.parent JOIN event c ON c.id = "
        "r.child ORDER BY r.type"
    ).fetchall()
    assert [tuple(row) for row in found] == [("parent", "attributed_to", "second"), ("parent", "caused_by", "first")]


@pytest.mark.parametrize("status", [400, 403, 404, 405, 501])
async def test_without_a_graph_a_preview_counts_the_same_links(tenant: Tenant, status: int) -> None:
    ids = await add_family(tenant)
    call: dict[str, JsonValue] = {"dataset_id": MINE, "event_ids": [*ids]}
    async with tenant.server(tenant.allowed()) as client:
        expected = await ask(client, "delete_threat_events", **call)
    async with with_canned_answer(tenant, "/events/graph", NO, status) as client:
        found = await ask(client, "delete_threat_events", **call)
        related = await ask(client, "list_related_threat_events", dataset_id=MINE, event_id=ids[0], fields=["event"])
    assert found["relationships_cut"] == expected["relationships_cut"] == 2
    notes = related["notes"]
    assert related["columns"] == ["event"] and isinstance(notes, list) and "no graph" in str(notes[0])


async def test_related_events_show_their_types_and_directions(tenant: Tenant) -> None:
    ids = await add_family(tenant)
    async with tenant.server(tenant.allowed()) as client:
        call: dict[str, JsonValue] = {"dataset_id": MINE, "fields": ["event"]}
        below = await ask(client, "list_related_threat_events", event_id=ids[0], **call)
        above = await ask(client, "list_related_threat_events", event_id=ids[1], **call)
    rows = below["rows"]
    assert isinstance(rows, list) and below["columns"] == ["event", "relationship"]
    assert sorted(map(str, rows)) == ["['first', 'caused_by child']", "['second', 'attributed_to child']"]
    assert above["rows"] == [["parent", "caused_by parent"]]


@pytest.mark.parametrize("status", [400, 403, 404, 500])
async def test_evidence_that_cannot_be_read_breaks_no_preview_and_is_asked_for_once(
    tenant: Tenant, status: int
) -> None:
    event = await tenant.add("without")
    async with with_canned_answer(tenant, "/raw", NO, status) as client:
        # The second way, by its id, still works.
        saved = await ask(client, "delete_threat_events", dataset_id=MINE, event_ids=[event.uuid])
    assert "raw_not_read" not in saved and saved["raw_markings"] == {"amber": 1}
    app = Changed(create_sandbox_app(tenant.store), "no such path", turn_around)
    sent: list[str] = []

    async def fail(scope: Scope, receive: Receive, send: Send) -> None:
        if "/raw" in scope["path"]:
            sent.append(scope["path"])
            await JSONResponse(NO, status)(scope, receive, send)
        else:
            await app(scope, receive, send)

    server = build_server(tenant.allowed(**BOTH), lambda: httpx.ASGITransport(fail), clock=lambda: tenant.now)
    moving: dict[str, JsonValue] = {"destination_dataset_id": YOURS}
    async with Client(server) as client:
        lost = await ask(client, "delete_threat_events", dataset_id=MINE, event_ids=[event.uuid])
        assert len(sent) <= 3  # two routes by the dataset where the first is not known, and one by the id
        for arguments in (moving, {**moving, "keep_raw_data": False}):
            await ask(client, "move_threat_events", dataset_id=MINE, event_ids=[event.uuid], **arguments)
        done = await confirmed(client, "delete_threat_events", dataset_id=MINE, event_ids=[event.uuid])
        undo = await ask(client, "undo_change", change_id=done["change_id"])
    assert lost["raw_not_read"] == 1 and "could not be read" in str(lost["change"])
    assert done["raw_not_saved"] == [event.uuid]
    assert undo["status"] == "done" and "does not come back" in str(undo["change"])


@pytest.mark.parametrize("tool", ["delete_threat_events", "move_threat_events"])
async def test_evidence_above_the_ceiling_refuses_the_change_that_its_preview_could_not_look_into(
    tenant: Tenant, tool: str
) -> None:
    ids: list[JsonValue] = [(await tenant.add(f"event {number}")).uuid for number in range(8)]
    with tenant.store.transaction() as db:
        db.execute("UPDATE raw SET tlp = 'red' WHERE id = (SELECT max(id) FROM raw)")
    call: dict[str, JsonValue] = {"dataset_id": MINE, "event_ids": ids}
    call |= {"destination_dataset_id": YOURS} if tool.startswith("move") else {}
    async with tenant.server(tenant.allowed(**BOTH)) as client:
        preview = await ask(client, tool, **call)
        assert preview["raw_not_read"] == 8 and "is read only when this is done" in str(preview["change"])
        for _ in range(2):
            words = await refused(client, tool, **call, confirm=preview["code"])
            assert words.startswith("The raw evidence of this event is withheld by CF1_MAX_TLP")
        assert tenant.changes_sent() == []
        with tenant.store.transaction() as db:
            db.execute("UPDATE raw SET tlp = 'green'")
        assert (await ask(client, tool, **call, confirm=preview["code"]))["status"] == "done"


async def test_evidence_with_a_higher_marking_than_shown_is_not_made_public(tenant: Tenant) -> None:
    tenant.store.add_dataset("Public", is_public=True)
    ids: list[JsonValue] = [(await tenant.add(f"event {number}")).uuid for number in range(8)]
    with tenant.store.transaction() as db:
        db.execute("UPDATE raw SET tlp = 'red' WHERE id = (SELECT max(id) FROM raw)")
    call: dict[str, JsonValue] = {"dataset_id": MINE, "event_ids": ids, "destination_dataset_id": "Public"}
    async with tenant.server(tenant.allowed(write_datasets=("*",), max_tlp=Tlp.RED)) as client:
        preview = await ask(client, "move_threat_events", **call)
        words = await refused(client, "move_threat_events", **call, confirm=preview["code"])
    assert "marked red, and the destination is public" in words and tenant.changes_sent() == []


# -- many updates


async def update(client: Client, ids: list[str], **values: JsonValue) -> dict[str, JsonValue]:
    return await ask(client, "update_threat_event", dataset_id=MINE, event_ids=[*ids], **values)


@pytest.mark.parametrize(
    ("answer", "status"),
    [(NO, 404), (NO, 405), ({"success": True, "result": {}}, 200), ({"updatedCount": 1, "failedCount": 0}, 200)],
)
async def test_many_updates_are_made_or_told_not_to_be_whatever_the_bulk_route_answers(
    tenant: Tenant, answer: JsonValue, status: int
) -> None:
    ids = sorted([(await tenant.add(f"event {number}")).uuid for number in range(3)])
    async with with_canned_answer(tenant, "/update/bulk", answer, status) as client:
        done = (
            await update(client, ids, attacker="SOMEBODY")
            if status != 200
            else await ask(client, "update_threat_event", dataset_id=MINE, event_ids=[*ids], attacker="SOMEBODY")
        )
    if status == 200:
        # The canned answer changed nothing, and does not say so: what a look does not find may still come.
        unknown = done["unknown"]
        assert done["status"] == "unknown" and done["changed"] == [] and isinstance(unknown, list)
        assert sorted(map(str, unknown)) == ids
    else:
        assert done["status"] == "done" and done["changed"] == len(ids)


async def test_many_updates_are_undone_to_the_values_that_each_event_had(tenant: Tenant) -> None:
    ids = [(await tenant.add(f"event {number}", attacker=f"A{number % 2}")).uuid for number in range(4)]
    async with tenant.server(tenant.allowed()) as client:
        done = await update(client, ids, attacker="SOMEBODY", tlp="amber")
        assert tenant.changes_sent() == ["PATCH /events/update/bulk"]
        preview = await ask(client, "undo_change", change_id=done["change_id"])
        assert "lowers the marking of 4 events from amber to green" in str(preview["change"])
        await ask(client, "undo_change", change_id=done["change_id"], confirm=preview["code"])
    found = tenant.store.db.execute(
        "SELECT a.value, t.value FROM event e JOIN term a ON a.id = e.attacker JOIN term t ON t.id = e.tlp ORDER BY e.id"
    ).fetchall()
    assert [tuple(row) for row in found] == [("A0", "green"), ("A1", "green"), ("A0", "green"), ("A1", "green")]


async def test_many_updates_need_a_code_and_take_no_evidence(tenant: Tenant) -> None:
    ids = [(await tenant.add(f"event {number}")).uuid for number in range(26)]
    async with tenant.server(tenant.allowed()) as client:
        preview = await update(client, ids, attacker="SOMEBODY")
        raw = await refused(client, "update_threat_event", dataset_id=MINE, event_ids=[*ids], raw_tlp="amber")
        both = await refused(
            client, "update_threat_event", dataset_id=MINE, event_id=ids[0], event_ids=[*ids], attacker="X"
        )
    assert preview["status"] == "confirmation_required"
    assert raw == "event_ids: raw evidence is changed of one event at a time. Use event_id."
    assert both.startswith("event_id: events are given twice. Use event_id, or event_ids or a selection")
