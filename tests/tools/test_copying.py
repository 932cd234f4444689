"""Copying events: the originals stay, and what is copied must be readable."""

import json
from collections.abc import Mapping
from functools import partial
from pathlib import Path

import httpx
import pytest
from inline_snapshot import snapshot
from mcp import Client
from pydantic import JsonValue

from cf1_mcp.models import SavedQueryFields, Tlp
from cf1_mcp.server.mcp_server import build_server
from tests.conversations import ask, column, confirmed, refused
from tests.tenant import MINE, NOW, YOURS, Tenant

pytestmark = pytest.mark.anyio


def copying(*event_ids: str, **other: JsonValue) -> dict[str, JsonValue]:
    call: dict[str, JsonValue] = {"dataset_id": YOURS, "destination_dataset_id": MINE, "event_ids": [*event_ids]}
    return call | other


@pytest.mark.both_moods
async def test_a_copy_leaves_the_originals_and_an_undo_deletes_the_copies(tenant: Tenant) -> None:
    first, second = await tenant.add("one", YOURS, tags=["wave"]), await tenant.add("two", YOURS)
    async with tenant.server(tenant.allowed()) as client:
        done = await ask(client, "copy_threat_events", **copying(first.uuid, second.uuid, keep_raw_data=True))
        assert {**done, "change_id": ""} == snapshot(
            {
                "source": "sandbox: fictional data, not intelligence",
                "status": "done",
                "change_id": "",
                "copied": 2,
                "change": "Copy 2 events from dataset 'Yours' to 'Mine', with their tags, indicators and relationships, and their raw evidence.",
                "untrusted": ["change"],
            }
        )
        assert len(tenant.changes_sent()) == 1
        found = await ask(client, "search_threat_events", dataset_ids=[MINE], fields=["event", "tags"])
        assert sorted(zip(column(found, "event"), column(found, "tags"), strict=True), key=str) == [
            ("one", ["wave"]),
            ("two", []),
        ]
        undone = await confirmed(client, "undo_change", change_id=done["change_id"])
        assert (undone["status"], undone["deleted"]) == ("done", 2)
        left = await ask(client, "search_threat_events", dataset_ids=[MINE, YOURS], fields=["event", "dataset_id"])
        assert column(left, "dataset_id") == [tenant.dataset_id(YOURS)] * 2


async def test_evidence_is_left_out_unless_it_is_asked_for(tenant: Tenant) -> None:
    event, other = await tenant.add("one", YOURS), await tenant.add("two", YOURS)
    async with tenant.server(tenant.allowed()) as client:
        await ask(client, "copy_threat_events", **copying(event.uuid))
        await ask(client, "copy_threat_events", **copying(other.uuid, keep_raw_data=True))
        call: dict[str, JsonValue] = {"dataset_id": MINE, "include": ["raw"]}
        assert "404" in str((await ask(client, "get_threat_event", event_id=event.uuid, **call))["raw"])
        assert "two" in str((await ask(client, "get_threat_event", event_id=other.uuid, **call))["raw"])


async def test_evidence_above_the_ceiling_is_not_copied(tenant: Tenant) -> None:
    event = await tenant.add("one", YOURS, raw={"data": {"a": 1}, "tlp": "red"})
    async with tenant.server(tenant.allowed()) as client:
        assert "CF1_MAX_TLP" in await refused(client, "copy_threat_events", **copying(event.uuid, keep_raw_data=True))
        assert tenant.changes_sent() == []
        # Without it, its marking says nothing about the event.
        assert (await ask(client, "copy_threat_events", **copying(event.uuid)))["status"] == "done"


UNREADABLE_EVIDENCE: Mapping[str, tuple[int, JsonValue]] = {
    "400": (400, {"success": False, "errors": [{"message": "no"}], "result": {}}),
    "403": (403, {"success": False, "errors": [{"message": "no"}], "result": {}}),
    "404": (404, {"success": False, "errors": [{"message": "no"}], "result": {}}),
    "500": (500, {"success": False, "errors": [{"message": "no"}], "result": {}}),
    "an empty object": (200, {}),
    "null": (200, {"success": True, "result": None}),
    "of another event": (200, {"success": True, "result": {"id": "other", "data": {"a": 1}, "tlp": "green"}}),
}


@pytest.mark.parametrize("name", UNREADABLE_EVIDENCE)
async def test_evidence_that_cannot_be_read_is_named_in_a_preview_and_does_not_end_the_copy(
    tenant: Tenant, name: str
) -> None:
    first, second = await tenant.add("one", YOURS), await tenant.add("two", YOURS)
    status, body = UNREADABLE_EVIDENCE[name]
    unread = Unread(tenant.connect(), first.uuid, status, body)
    server = build_server(tenant.allowed(), lambda: unread, clock=lambda: NOW)
    async with Client(server) as client:
        call = copying(first.uuid, second.uuid, keep_raw_data=True)
        preview = await ask(client, "copy_threat_events", **call)
        assert (preview["status"], preview["raw_not_read"]) == ("confirmation_required", 1)
        change = str(preview["change"]).replace(first.uuid, "EVENT")
        assert change == snapshot(
            "Copy 2 events from dataset 'Yours' to 'Mine', with their tags, indicators and relationships, and their raw evidence. The raw evidence of event EVENT could not be read, so that it counts as amber or as its event, whichever is higher. With keep_raw_data=false the events are copied without any raw evidence."
        )
        done = await ask(client, "copy_threat_events", **call, confirm=preview["code"])
        assert (done["status"], done["copied"]) == ("done", 2)


async def test_evidence_that_cannot_be_read_counts_as_amber_under_a_ceiling(tenant: Tenant) -> None:
    event = await tenant.add("one", YOURS)
    unread = Unread(tenant.connect(), event.uuid, 500, {})
    server = build_server(tenant.allowed(max_tlp=Tlp.GREEN), lambda: unread, clock=lambda: NOW)
    async with Client(server) as client:
        words = await refused(client, "copy_threat_events", **copying(event.uuid, keep_raw_data=True))
        assert "which could not be read, is withheld by CF1_MAX_TLP" in words
        assert (await ask(client, "copy_threat_events", **copying(event.uuid)))["status"] == "done"


class Unread(httpx.AsyncBaseTransport):
    """The sandbox, with an answer of its own to each read of the raw evidence of one event."""

    def __init__(self, sandbox: httpx.AsyncBaseTransport, event_id: str, status: int, body: JsonValue) -> None:
        self._sandbox, self._event_id, self._status, self._body = sandbox, event_id, status, body

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        if request.method == "GET" and "/raw" in request.url.path and self._event_id in request.url.path:
            return httpx.Response(self._status, headers={"X-Sandbox": "1"}, json=self._body)
        return await self._sandbox.handle_async_request(request)


@pytest.mark.parametrize("tool", ["delete_threat_events", "move_threat_events"])
async def test_evidence_of_another_event_is_not_saved_as_that_of_a_lost_one(tenant: Tenant, tool: str) -> None:
    event = await tenant.add("one", YOURS)
    unread = Unread(tenant.connect(), event.uuid, *UNREADABLE_EVIDENCE["of another event"])
    settings = tenant.allowed(write_datasets=("*",), delete_datasets=("*",))
    call: dict[str, JsonValue] = {"dataset_id": YOURS, "event_ids": [event.uuid]}
    if tool == "move_threat_events":
        call |= {"destination_dataset_id": MINE, "keep_raw_data": False}
    async with Client(build_server(settings, lambda: unread, clock=lambda: NOW)) as client:
        done = await confirmed(client, tool, **call)
    assert (done["status"], done["raw_not_saved"]) == ("done", [event.uuid])


async def test_evidence_of_many_events_is_refused(tenant: Tenant) -> None:
    events = [await tenant.add(f"event {number}", YOURS) for number in range(11)]
    async with tenant.server(tenant.allowed()) as client:
        call = copying(*(event.uuid for event in events), keep_raw_data=True)
        assert await refused(client, "copy_threat_events", **call) == snapshot(
            "event_ids: the marking of the raw evidence of 11 events would take as many requests. Use at most 10 events at once, or keep_raw_data=false."
        )
    assert tenant.changes_sent() == []


async def test_a_public_destination_is_previewed_with_the_highest_marking(tenant: Tenant) -> None:
    tenant.store.add_dataset("Open", is_public=True)
    event = await tenant.add("one", YOURS, tlp="amber")
    async with tenant.server(tenant.allowed(write_datasets=("Open",))) as client:
        preview = await ask(client, "copy_threat_events", **copying(event.uuid, destination_dataset_id="Open"))
        assert {**preview, "code": "", "sample": ""} == snapshot(
            {
                "source": "sandbox: fictional data, not intelligence",
                "status": "confirmation_required",
                "events": 1,
                "undo": "undo_change deletes the copies. The undo needs CF1_MODE=full, dataset 0877632a-f32c-5cdc-9608-3f8905dddc11 in CF1_DELETE_DATASETS and a code. The current settings refuse it: CF1_DELETE_DATASETS.",
                "code": "",
                "change": "Copy 1 event from dataset 'Yours' to 'Open', with their tags, indicators and relationships. The destination is public: anyone may search it. The highest marking of what is copied is amber.",
                "untrusted": ["change"],
                "sample": "",
                "notes": [
                    "Nothing was changed. Show this to the person; if they agree, repeat the call with the code as confirm."
                ],
            }
        )
    assert tenant.changes_sent() == []


async def test_copies_that_feed_a_block_list_are_previewed(tenant: Tenant) -> None:
    event = await tenant.add("one", YOURS, indicator="a.example.com", indicatorType="domain")
    await _add_block_list(tenant, {"field": "event", "op": "equals", "value": "one"})
    async with tenant.server(tenant.allowed()) as client:
        preview = await ask(client, "copy_threat_events", **copying(event.uuid))
        assert (preview["status"], preview["outside"]) == snapshot(
            (
                "confirmation_required",
                [
                    {
                        "query": "saved query 1 'block'",
                        "acts": ["changes a block list"],
                        "newly_finds": 1,
                        "block": {"count": 1, "indicator": ["a.example.com"]},
                    }
                ],
            )
        )
    assert tenant.changes_sent() == []


async def test_an_undo_leaves_what_the_destination_had_before(tenant: Tenant) -> None:
    first, second = await tenant.add("one", YOURS), await tenant.add("two", YOURS)
    async with tenant.server(tenant.allowed()) as client:
        before = await ask(client, "copy_threat_events", **copying(first.uuid))
        done = await ask(client, "copy_threat_events", **copying(first.uuid, second.uuid))
        assert (done["status"], done["copied"]) == ("partial", 1)
        assert done["not_copied"] == [
            {"event": first.uuid, "reason": f"Event {first.uuid!r} is already in the destination"}
        ]
        undone = await confirmed(client, "undo_change", change_id=done["change_id"])
        assert undone["deleted"] == 1
        assert (await confirmed(client, "undo_change", change_id=before["change_id"]))["deleted"] == 1


async def test_nothing_new_is_a_failure(tenant: Tenant) -> None:
    event = await tenant.add("one", YOURS)
    async with tenant.server(tenant.allowed()) as client:
        await ask(client, "copy_threat_events", **copying(event.uuid))
        again = await ask(client, "copy_threat_events", **copying(event.uuid))
        assert again["status"] == "failed"
        words = await refused(client, "undo_change", change_id=again["change_id"])
        assert "failed, so there is nothing to undo" in words


@pytest.mark.parametrize(
    ("changed", "tlp", "rule"),
    [
        ({"write_datasets": (YOURS,)}, "green", "CF1_WRITE_DATASETS"),
        ({"read_datasets": (MINE,)}, "green", "CF1_READ_DATASETS"),
        ({}, "red", "CF1_MAX_TLP"),
        ({"max_change": 1}, "green", "CF1_MAX_CHANGE"),
        ({"mode": "read"}, "green", "CF1_MODE"),
    ],
)
async def test_a_rule_refuses_a_copy(tenant: Tenant, changed: dict[str, object], tlp: str, rule: str) -> None:
    events = [await tenant.add(name, YOURS, tlp=tlp) for name in ("one", "two")]
    async with tenant.server(tenant.allowed(**changed)) as client:
        assert rule in await refused(client, "copy_threat_events", **copying(*(event.uuid for event in events)))
    assert tenant.changes_sent() == []


@pytest.mark.parametrize("field", ["tags", "event"])
async def test_a_withheld_tag_does_not_change_the_preview(tmp_path: Path, field: str) -> None:
    """A copy with a tag that is marked red is previewed as one without it."""
    answers: list[dict[str, JsonValue]] = []
    for tags in ([], ["quiet"]):
        tenant = Tenant(tmp_path / str(len(tags)))
        event = await tenant.add("one", YOURS, tags=[*tags])
        search = {"field": field, "op": "equals", "value": "quiet" if field == "tags" else "one"}
        await _add_block_list(tenant, search)
        server = build_server(tenant.allowed(), partial(MarkedTags, tenant.connect()), clock=lambda: NOW)
        async with Client(server) as client:
            answer = await ask(client, "copy_threat_events", **copying(event.uuid))
        answers.append({name: value for name, value in answer.items() if name not in ("code", "sample", "change_id")})
    assert answers[0] == answers[1]


class MarkedTags(httpx.AsyncBaseTransport):
    """The sandbox, with one tag in the list of tags: "quiet", which is red."""

    def __init__(self, sandbox: httpx.AsyncBaseTransport) -> None:
        self._sandbox = sandbox

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        if request.url.path.endswith("/events/tags"):
            return httpx.Response(200, json={"tags": [{"uuid": "1", "value": "quiet", "tlp": "red"}]})
        return await self._sandbox.handle_async_request(request)


async def _add_block_list(tenant: Tenant, condition: dict[str, str]) -> None:
    search = json.dumps({"datasetId": [tenant.dataset_id(MINE)], "search": [condition]})
    fields = {"name": "block", "query_json": search, "rule_enabled": True}
    async with tenant.api() as api:
        await api.create_query(
            SavedQueryFields.model_validate({**fields, "alert_enabled": False, "alert_rollup_enabled": False})
        )
    tenant.log.clear()
