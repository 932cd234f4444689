"""Changes whose answer says that less was done than was asked for, or shows the old values: a look decides."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import httpx
import pytest
from inline_snapshot import snapshot
from mcp import Client
from pydantic import JsonValue

from cf1_mcp.server.mcp_server import build_server
from tests.conversations import ask
from tests.tenant import MINE, NOW, YOURS, Tenant

pytestmark = pytest.mark.anyio

Answer = Callable[[str, bytes], httpx.Response | None]


@dataclass
class Rewritten(httpx.AsyncBaseTransport):
    """An upstream that answers some changes by itself, and passes them on before if it `makes` them."""

    transport: httpx.AsyncBaseTransport
    answer: Answer
    makes: bool
    sent: list[str] = field(default_factory=list[str])

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        line = f"{request.method} {request.url.path.split('/cloudforce-one')[-1]}"
        self.sent.append(line)
        answered = self.answer(line, await request.aread())
        if answered is None:
            return await self.transport.handle_async_request(request)
        if self.makes:
            await (await self.transport.handle_async_request(request)).aread()
        answered.headers["X-Sandbox"] = "1"
        return answered


def answer_to(prefix: str, body: JsonValue, status: int = 200, end: str = "") -> Answer:
    """Answer the requests whose method and path begin and end like this."""

    def answer(line: str, _: bytes) -> httpx.Response | None:
        return httpx.Response(status, json=body) if line.startswith(prefix) and line.endswith(end) else None

    return answer


def refuse(status: int, code: int = 0) -> dict[str, JsonValue]:
    error: dict[str, JsonValue] = {"message": "no", **({"code": code} if code else {})}
    return {"success": False, "errors": [error], "result": {"status": status}}


async def tell(tenant: Tenant, upstream: httpx.AsyncBaseTransport, tool: str, call: dict[str, JsonValue]) -> JsonValue:
    """Make a change through the upstream, and return its answer without its ids."""
    settings = tenant.allowed(write_datasets=("*",), delete_datasets=("*",))
    async with Client(build_server(settings, lambda: upstream, clock=lambda: NOW)) as client:
        told = await ask(client, tool, **call)
        if code := told.get("code"):
            told = await ask(client, tool, **call, confirm=code)
    assert (await tenant.journal.changes())[0].outcome == told["status"]
    return {name: value for name, value in told.items() if name not in ("source", "change", "change_id", "untrusted")}


# -- old values


@pytest.mark.parametrize(
    ("is_made", "told"),
    [
        (
            True,
            snapshot(
                {
                    "status": "done",
                    "event_id": "EVENT",
                    "changed": ["attacker"],
                    "verified": "The answer did not tell whether it was done; a look at the API right after it found it done.",
                }
            ),
        ),
        (
            False,
            snapshot(
                {
                    "status": "failed",
                    "event_id": "EVENT",
                    "changed": [],
                    "differs": [{"field": "attacker", "sent": "New", "answered": "Old"}],
                }
            ),
        ),
    ],
)
async def test_an_update_answered_with_the_old_values_is_looked_at(
    tenant: Tenant, is_made: bool, told: JsonValue
) -> None:
    event = await tenant.add("one", attacker="Old")
    old: JsonValue = {"success": True, "result": event.model_dump(mode="json", by_alias=True)}
    upstream = Rewritten(tenant.connect(), answer_to("PATCH /events/", old), is_made)
    call: dict[str, JsonValue] = {"dataset_id": MINE, "event_id": event.uuid, "attacker": "New"}
    answer = await tell(tenant, upstream, "update_threat_event", call)
    assert json.loads(json.dumps(answer).replace(event.uuid, "EVENT")) == told


@pytest.mark.parametrize(("is_made", "status"), [(True, "done"), (False, "failed")])
async def test_a_rename_answered_with_the_old_name_is_looked_at(tenant: Tenant, is_made: bool, status: str) -> None:
    uuid = tenant.dataset_id(MINE)
    old: JsonValue = {"success": True, "result": {"uuid": uuid, "name": MINE, "isPublic": False}}
    upstream = Rewritten(tenant.connect(), answer_to("PATCH /events/dataset/", old), is_made)
    told = await tell(tenant, upstream, "update_threat_dataset", {"dataset_id": MINE, "name": "Renamed"})
    assert isinstance(told, dict) and told["status"] == status
    assert ("verified" in told, "differs" in told) == (is_made, not is_made)


# -- counts

COUNTED = [
    ("as many", 3, True, "done"),
    ("fewer, though all are gone", 1, True, "done"),
    ("none, though all are gone", 0, True, "done"),
    ("all, which is believed", 3, False, "done"),
    ("some, though none is gone", 1, False, "unknown"),
    ("none, and none is gone", 0, False, "failed"),
]


@pytest.mark.parametrize(("count", "is_made", "status"), [one[1:] for one in COUNTED], ids=[one[0] for one in COUNTED])
@pytest.mark.parametrize("tool", ["delete_threat_events", "copy_threat_events", "update_threat_event"])
async def test_a_count_is_held_to_a_look(tenant: Tenant, tool: str, count: int, is_made: bool, status: str) -> None:
    ids: list[JsonValue] = [(await tenant.add(f"event {number}", attacker="Old")).uuid for number in range(3)]
    changes: dict[str, tuple[dict[str, JsonValue], str, str, JsonValue]] = {
        "delete_threat_events": ({}, "DELETE /events/", "", count),
        "copy_threat_events": ({"destination_dataset_id": YOURS}, "POST /events/dataset/", "/copy", {"copied": count}),
        "update_threat_event": ({"attacker": "New"}, "PATCH /events/update/bulk", "", {"updatedCount": count}),
    }
    call, prefix, end, body = changes[tool]
    upstream = Rewritten(tenant.connect(), answer_to(prefix, {"success": True, "result": body}, end=end), is_made)
    told = await tell(tenant, upstream, tool, {"dataset_id": MINE, "event_ids": ids, **call})
    assert isinstance(told, dict) and told["status"] == status, told
    assert ("verified" in told) is (status == "done" and count < 3)


async def test_a_deletion_that_contradicts_itself_names_what_is_left(tenant: Tenant) -> None:
    ids = sorted([(await tenant.add(f"event {number}")).uuid for number in range(3)])
    upstream = Rewritten(tenant.connect(), answer_to("DELETE /events/", {"success": True, "result": 1}), False)
    call: dict[str, JsonValue] = {"dataset_id": MINE, "event_ids": [*ids]}
    told = await tell(tenant, upstream, "delete_threat_events", call)
    text = json.dumps(told)
    for number, event_id in enumerate(ids):
        text = text.replace(event_id, f"EVENT {number}")
    assert json.loads(text) == snapshot(
        {
            "status": "unknown",
            "next": "It may have been done: look before repeating it.",
            "reason": "The API says that it deleted 1 of 3 events.",
            "look": "A look at the API right after it did not find it done, or not all of it. That may still come.",
            "deleted": 0,
            "left": ["EVENT 0", "EVENT 1", "EVENT 2"],
        }
    )


# -- updates of many where the route for them is refused


@pytest.mark.parametrize(
    ("status", "code"), [(400, 0), (400, 7003), (403, 0), (404, 0), (405, 0), (410, 0), (422, 0), (501, 0)]
)
async def test_a_refused_bulk_update_is_sent_one_by_one(tenant: Tenant, status: int, code: int) -> None:
    ids: list[JsonValue] = [(await tenant.add(f"event {number}")).uuid for number in range(3)]
    upstream = Rewritten(tenant.connect(), answer_to("PATCH /events/update/bulk", refuse(status, code), status), False)
    call: dict[str, JsonValue] = {"dataset_id": MINE, "event_ids": ids, "attacker": "New"}
    told = await tell(tenant, upstream, "update_threat_event", call)
    assert isinstance(told, dict)
    assert (told["status"], told["changed"]) == ("done", 3)
    assert [line for line in upstream.sent if line.startswith("PATCH")][1:] == [
        f"PATCH /events/{one}" for one in sorted(map(str, ids))
    ]


async def test_a_refusal_of_every_single_update_ends_the_change_soon_and_its_code_is_valid_again(
    tenant: Tenant,
) -> None:
    ids: list[JsonValue] = [(await tenant.add(f"event {number}")).uuid for number in range(26)]
    upstream = Rewritten(tenant.connect(), answer_to("PATCH /events/", refuse(403), 403), False)
    call: dict[str, JsonValue] = {"dataset_id": MINE, "event_ids": ids, "attacker": "New"}
    async with Client(build_server(tenant.allowed(), lambda: upstream, clock=lambda: NOW)) as client:
        code = (await ask(client, "update_threat_event", **call))["code"]
        failed = await client.call_tool("update_threat_event", {**call, "confirm": code})
        assert failed.is_error and sum(line.startswith("PATCH") for line in upstream.sent) == 9
        upstream.answer = answer_to("nothing", None)
        assert (await ask(client, "update_threat_event", **call, confirm=code))["status"] == "done"


PARTLY: Mapping[str, tuple[JsonValue, int, str, bool]] = {
    "old values, and not made": ({"success": True, "result": {"attacker": "Old"}}, 200, "partial", False),
    "old values, though made": ({"success": True, "result": {"attacker": "Old"}}, 200, "done", True),
    "an empty object, though made": ({}, 200, "done", True),
    "an empty object, and not made": ({}, 200, "unknown", False),
    "500, though made": (refuse(500), 500, "done", True),
    "500, and not made": (refuse(500), 500, "unknown", False),
    "403": (refuse(403), 403, "partial", False),
}


@pytest.mark.parametrize("name", PARTLY)
async def test_one_unclear_answer_among_single_updates_is_looked_at(tenant: Tenant, name: str) -> None:
    body, code, status, is_made = PARTLY[name]
    events = [await tenant.add(f"event {number}", attacker="Old") for number in range(3)]
    odd = events[1]
    if isinstance(body, dict) and body.get("success") is True:
        body = {"success": True, "result": odd.model_dump(mode="json", by_alias=True)}

    def answer(line: str, _: bytes) -> httpx.Response | None:
        if line == "PATCH /events/update/bulk":
            raise AssertionError("a date is changed one by one")
        return httpx.Response(code, json=body) if line == f"PATCH /events/{odd.uuid}" else None

    upstream = Rewritten(tenant.connect(), answer, is_made)
    ids: list[JsonValue] = [event.uuid for event in events]
    call: dict[str, JsonValue] = {"dataset_id": MINE, "event_ids": ids, "date": "2026-11-01T00:00:00Z"}
    told = await tell(tenant, upstream, "update_threat_event", call)
    assert isinstance(told, dict) and told["status"] == status, told
    assert (told.get("unknown") == [odd.uuid]) is (status == "unknown")
    assert ("verified" in told) is is_made


async def test_the_undo_of_an_unknown_update_of_many_restores_what_was_changed(tenant: Tenant) -> None:
    events = [await tenant.add(f"event {number}", attacker="Old") for number in range(3)]
    ids: list[JsonValue] = [event.uuid for event in events]

    def answer(line: str, _: bytes) -> httpx.Response | None:
        """Fail, and afterwards every list of events too, so that no look can tell."""
        failed = any(one.startswith("PATCH") for one in upstream.sent)
        return httpx.Response(500 if line.startswith("PATCH") else 403, json=refuse(500)) if failed else None

    upstream = Rewritten(tenant.connect(), answer, True)
    call: dict[str, JsonValue] = {"dataset_id": MINE, "event_ids": ids, "attacker": "New"}
    told = await tell(tenant, upstream, "update_threat_event", call)
    assert isinstance(told, dict) and (told["status"], told["changed"]) == ("unknown", [])
    change = (await tenant.journal.changes())[0]
    async with tenant.server(tenant.allowed()) as client:
        undone = await ask(client, "undo_change", change_id=change.id)
    assert undone["status"] == "done" and undone["changed"] == len(ids)
