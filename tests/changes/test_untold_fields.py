"""Events of which the API does not tell everything: what a look, a preview and an undo make of that."""

import json
from collections.abc import Callable
from dataclasses import dataclass, field

import httpx
import pytest
from mcp import Client
from pydantic import JsonValue, TypeAdapter

from cf1_mcp.server.mcp_server import build_server
from tests.conversations import ask
from tests.tenant import MINE, NOW, YOURS, Tenant

pytestmark = pytest.mark.anyio

Row = dict[str, JsonValue]
Edit = Callable[[Row], Row]
ROWS: TypeAdapter[JsonValue] = TypeAdapter(JsonValue)
ELSEWHERE = "5b0a63d1-8a33-4f0e-9a55-4b1d0f3c2e77"


def without(name: str) -> Edit:
    return lambda row: {key: value for key, value in row.items() if key != name}


def with_value(name: str, value: JsonValue) -> Edit:
    return lambda row: {**row, name: value}


@dataclass
class Editing(httpx.AsyncBaseTransport):
    """An upstream that edits events in what it answers to reads: in lists, and unless `only_lists`, single ones.

    With `swallows` it answers changes with an empty object, makes none, and edits only after the first of them.
    """

    transport: httpx.AsyncBaseTransport
    edit: Edit
    swallows: bool = False
    only_lists: bool = False
    swallowed: list[str] = field(default_factory=list[str])
    single: list[str] = field(default_factory=list[str])

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        path = request.url.path.split("/cloudforce-one")[-1]
        is_list = path == "/events"
        if self.swallows and request.method != "GET" and not is_list:
            self.swallowed.append(path)
            return httpx.Response(200, json={"success": True, "result": {}}, headers={"X-Sandbox": "1"})
        response = await self.transport.handle_async_request(request)
        is_one = request.method == "GET" and "/events/dataset/" in path and path.count("/") == 5
        self.single += [path] if is_one else []
        if (
            response.is_error
            or (self.swallows and not self.swallowed)
            or not (is_list or (is_one and not self.only_lists))
        ):
            return response
        rows = ROWS.validate_json(await response.aread())
        found = rows["result"] if isinstance(rows, dict) and "result" in rows else rows
        edited = [self.edit(one) for one in found if isinstance(one, dict)] if isinstance(found, list) else found
        edited = self.edit(edited) if isinstance(edited, dict) else edited
        headers = {"X-Sandbox": "1"}
        return httpx.Response(response.status_code, json={"success": True, "result": edited}, headers=headers)


def serve(tenant: Tenant, upstream: httpx.AsyncBaseTransport) -> Client:
    settings = tenant.allowed(write_datasets=("*",), delete_datasets=("*",))
    return Client(build_server(settings, lambda: upstream, clock=lambda: NOW))


async def make(client: Client, tool: str, **call: JsonValue) -> dict[str, JsonValue]:
    told = await ask(client, tool, **call)
    return await ask(client, tool, **call, confirm=told["code"]) if "code" in told else told


async def add_linked(tenant: Tenant, count: int = 3) -> list[str]:
    """Add events with all that a deletion loses; the first refers to the last."""
    ids = [
        (await tenant.add(f"event {number}", attacker="Old", indicator=f"i{number}.example.org", insight="words")).uuid
        for number in range(count)
    ]
    async with tenant.api() as api:
        for one in ids:
            await api.tag_event(one, ["kept"])
        await api.relate_event(ids[0], [ids[-1]])
    return ids


# -- looks

ODD: list[tuple[str, str, JsonValue]] = [
    ("untag_threat_events", "tags", [{"n": 7}]),
    ("unrelate_threat_events", "references", [{"uuid": 1}]),
    ("update_threat_event", "attacker", {"name": "New"}),
    ("delete_threat_events", "datasetId", ["a", "b"]),
]
UNTOLD: list[tuple[str, str, Edit]] = [
    (tool, f"{name} {how}", edit)
    for tool, name, odd in ODD
    for how, edit in [
        ("missing", without(name)),
        ("odd", with_value(name, odd)),
        *([] if name == "attacker" else [("null", with_value(name, None))]),
        *([("joined", with_value("tags", "one; kept"))] if name == "tags" else []),
        *([("of another", with_value(name, ELSEWHERE))] if name == "datasetId" else []),
    ]
]


@pytest.mark.parametrize("count", [1, 3])
@pytest.mark.parametrize(("tool", "edit"), [(tool, edit) for tool, _, edit in UNTOLD], ids=[one[1] for one in UNTOLD])
async def test_what_a_look_is_not_told_is_not_taken_for_done(tenant: Tenant, tool: str, edit: Edit, count: int) -> None:
    ids = await add_linked(tenant, 4)
    async with tenant.api() as api:
        await api.relate_event(ids[0], ids[1:])
    some: list[JsonValue] = [*(ids[1 : count + 1] if tool.startswith("unrelate") else ids[:count])]
    call: dict[str, dict[str, JsonValue]] = {
        "untag_threat_events": {"event_ids": some, "tags": ["kept"]},
        "unrelate_threat_events": {"event_id": ids[0], "related_ids": some},
        "update_threat_event": {"event_ids": some, "attacker": ""},
        "delete_threat_events": {"event_ids": some},
    }
    async with serve(tenant, Editing(tenant.connect(), edit, swallows=True)) as client:
        told = await make(client, tool, dataset_id=MINE, **call[tool])
    assert (told["status"], "verified" in told) == ("unknown", False)


@pytest.mark.parametrize("edit", [with_value("datasetId", None), with_value("datasetId", ELSEWHERE)])
async def test_a_move_is_not_told_as_done_by_events_without_their_dataset(tenant: Tenant, edit: Edit) -> None:
    ids: list[JsonValue] = [*await add_linked(tenant)]
    async with serve(tenant, Editing(tenant.connect(), edit, swallows=True)) as client:
        told = await make(client, "move_threat_events", dataset_id=MINE, destination_dataset_id=YOURS, event_ids=ids)
    assert (told["status"], told["moved"], "in_neither_dataset" in told) == ("unknown", 0, False)


# -- what a deletion loses

LOST = [
    ("tags missing", without("tags"), "tags"),
    ("tags odd", with_value("tags", [[1]]), "tags"),
    ("tags null", with_value("tags", None), "tags"),
    ("attacker missing", without("attacker"), "attacker"),
    ("attacker odd", with_value("attacker", ["Old", "New"]), "attacker"),
    ("insight odd", with_value("insight", {"text": "words"}), "insight"),
    ("references missing", without("references"), "references"),
    ("indicator odd", with_value("indicator", ["a.example.org"]), "indicator"),
]


@pytest.mark.parametrize(("edit", "name"), [one[1:] for one in LOST], ids=[one[0] for one in LOST])
async def test_a_deletion_says_what_its_undo_cannot_restore(tenant: Tenant, edit: Edit, name: str) -> None:
    ids: list[JsonValue] = [*await add_linked(tenant)]
    async with serve(tenant, Editing(tenant.connect(), edit)) as client:
        preview = await ask(client, "delete_threat_events", dataset_id=MINE, event_ids=ids)
        deleted = await ask(client, "delete_threat_events", dataset_id=MINE, event_ids=ids, confirm=preview["code"])
        undone = await make(client, "undo_change", change_id=deleted["change_id"])
    assert preview["fields_not_read"] == deleted["fields_not_saved"] == undone["fields_not_restored"] == {name: 3}
    assert "undo_change cannot restore that" in json.dumps(preview)


@pytest.mark.parametrize(("edit", "name"), [one[1:] for one in LOST], ids=[one[0] for one in LOST])
async def test_what_only_a_list_does_not_tell_is_read_singly(tenant: Tenant, edit: Edit, name: str) -> None:
    ids: list[JsonValue] = [*await add_linked(tenant)]
    async with serve(tenant, Editing(tenant.connect(), edit, only_lists=True)) as client:
        deleted = await make(client, "delete_threat_events", dataset_id=MINE, event_ids=ids)
        undone = await make(client, "undo_change", change_id=deleted["change_id"])
    assert "fields_not_saved" not in deleted and "fields_not_restored" not in undone
    async with tenant.api() as api:
        created = undone["new_ids"]
        assert isinstance(created, dict)
        again = await api.read_event(tenant.dataset_id(MINE), str(created[str(ids[0])]))
    assert (again.attacker, again.insight, again.tags, again.indicator) == ("Old", "words", ["kept"], "i0.example.org")
    assert len(again.references) == 1


async def test_a_few_events_are_read_singly_and_the_others_are_told(tenant: Tenant) -> None:
    ids: list[JsonValue] = [(await tenant.add(f"event {number}", attacker="Old")).uuid for number in range(11)]
    upstream = Editing(tenant.connect(), without("attacker"), only_lists=True)
    async with serve(tenant, upstream) as client:
        preview = await ask(client, "delete_threat_events", dataset_id=MINE, event_ids=ids)
    assert (preview["fields_not_read"], len(upstream.single)) == ({"attacker": 3}, 8)


@pytest.mark.parametrize("name", ["date", "category"])
async def test_an_event_that_cannot_be_created_again_is_named(tenant: Tenant, name: str) -> None:
    ids = await add_linked(tenant)

    def edit(row: Row) -> Row:
        return {**row, name: None} if row["uuid"] == ids[1] else row

    async with serve(tenant, Editing(tenant.connect(), edit)) as client:
        deleted = await make(client, "delete_threat_events", dataset_id=MINE, event_ids=[*ids])
        undone = await make(client, "undo_change", change_id=deleted["change_id"])
    assert isinstance(created := undone["created"], list) and len(created) == 2
    sentence = f"Event {ids[1]} is not created again: the API did not tell its {name} when it was deleted."
    assert sentence in json.dumps(undone)


async def test_an_undo_that_can_create_no_event_says_why(tenant: Tenant) -> None:
    [event, *_] = await add_linked(tenant)
    async with serve(tenant, Editing(tenant.connect(), with_value("date", None))) as client:
        deleted = await make(client, "delete_threat_events", dataset_id=MINE, event_ids=[event])
        refused = await client.call_tool("undo_change", {"change_id": deleted["change_id"]})
    assert refused.is_error and "the API did not tell its date" in str(refused.content)


# -- what existed before


@pytest.mark.parametrize(
    ("tool", "call", "edit"),
    [
        ("tag_threat_events", {"tags": ["kept", "new"]}, without("tags")),
        ("tag_threat_events", {"tags": ["kept", "new"]}, with_value("tags", "kept, other")),
        ("untag_threat_events", {"tags": ["kept"]}, with_value("tags", None)),
        ("untag_threat_events", {"tags": ["kept"]}, with_value("tags", [{"value": "kept"}])),
    ],
)
async def test_tags_that_are_not_told_are_not_changed(
    tenant: Tenant, tool: str, call: dict[str, JsonValue], edit: Edit
) -> None:
    [event, *_] = await add_linked(tenant)
    async with serve(tenant, Editing(tenant.connect(), edit)) as client:
        refused = await client.call_tool(tool, {"dataset_id": MINE, "event_ids": [event], **call})
    assert refused.is_error and "the API does not tell the tags of event" in str(refused.content)


@pytest.mark.parametrize("edit", [without("references"), with_value("references", [{"uuid": ELSEWHERE}])])
async def test_references_that_are_not_told_are_not_changed(tenant: Tenant, edit: Edit) -> None:
    ids = await add_linked(tenant)
    call: dict[str, JsonValue] = {"dataset_id": MINE, "event_id": ids[0], "related_ids": [*ids[1:]]}
    async with serve(tenant, Editing(tenant.connect(), edit)) as client:
        refused = [await client.call_tool(f"{verb}_threat_events", call) for verb in ("relate", "unrelate")]
    assert all(one.is_error and "the API does not tell the references" in str(one.content) for one in refused)


@pytest.mark.parametrize("edit", [with_value("tags", None), without("tags"), with_value("tags", [3, {"a": 1}])])
async def test_tags_that_only_a_list_does_not_tell_stay_after_an_undo(tenant: Tenant, edit: Edit) -> None:
    ids = await add_linked(tenant)
    async with serve(tenant, Editing(tenant.connect(), edit, only_lists=True)) as client:
        tagged = await make(client, "tag_threat_events", dataset_id=MINE, event_ids=[*ids], tags=["kept", "new"])
        await make(client, "undo_change", change_id=tagged["change_id"])
    async with tenant.api() as api:
        found = [(await api.read_event(tenant.dataset_id(MINE), one)).tags for one in ids]
    assert found == [["kept"]] * 3


@pytest.mark.parametrize("count", [1, 3])
@pytest.mark.parametrize("edit", [without("attacker"), with_value("attacker", {"id": 4})])
async def test_an_update_says_that_an_old_value_that_is_not_told_does_not_come_back(
    tenant: Tenant, edit: Edit, count: int
) -> None:
    ids = await add_linked(tenant)
    async with serve(tenant, Editing(tenant.connect(), edit)) as client:
        call: dict[str, JsonValue] = {"dataset_id": MINE, "event_ids": [*ids[:count]]}
        told = await make(client, "update_threat_event", **call, attacker="New", insight="other")
        only = await make(client, "update_threat_event", **call, attacker="Newer")
        undone = await make(client, "undo_change", change_id=told["change_id"])
        refused = await client.call_tool("undo_change", {"change_id": only["change_id"]})
    assert "old attacker" in json.dumps(undone) and "what the change set stays" in json.dumps(undone)
    assert refused.is_error and "the API did not tell the old values" in str(refused.content)
    async with tenant.api() as api:
        now = await api.read_event(tenant.dataset_id(MINE), ids[0])
    assert (now.attacker, now.insight) == ("Newer", "words")


# -- creation


async def test_an_event_that_may_be_the_new_one_is_said_to_be(tenant: Tenant) -> None:
    @dataclass
    class Silent(httpx.AsyncBaseTransport):
        transport: httpx.AsyncBaseTransport

        async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
            response = await self.transport.handle_async_request(request)
            if not request.url.path.endswith("/events/create"):
                return response
            await response.aread()
            return httpx.Response(200, json={"success": True, "result": {}}, headers={"X-Sandbox": "1"})

    new: dict[str, JsonValue] = {"category": "Phishing", "date": "2026-11-20", "event": "seen once", "tlp": "green"}
    async with serve(tenant, Silent(tenant.connect())) as client:
        told = await make(client, "create_threat_event", dataset_id=MINE, **new)
    assert isinstance(same := told["same_values"], list) and len(same) == 1
    assert told["status"] == "unknown" and "One of them may be the new event" in str(told["look"])
