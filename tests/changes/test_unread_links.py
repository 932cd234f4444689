"""Relationships that no request within the bound tells: what is saved all the same, and what is said of the others."""

import json
from collections.abc import Sequence

import httpx
import pytest
from inline_snapshot import snapshot
from mcp import Client
from pydantic import JsonValue
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Receive, Scope, Send

from bench.requests import EVENTS, add_linked_events
from cf1_mcp.api import graph_client
from cf1_mcp.api.lists.dataset_groups import split_around
from cf1_mcp.models import SavedQueryFields
from cf1_mcp.sandbox.app import create_sandbox_app
from cf1_mcp.sandbox.options import SandboxOptions
from cf1_mcp.server.mcp_server import build_server
from tests.conversations import ask, confirmed
from tests.tenant import MINE, YOURS, Tenant

pytestmark = pytest.mark.anyio

NO: JsonValue = {"success": False, "errors": [{"message": "no"}], "result": {}}
FEED = "Telemetry"
EVERYWHERE: dict[str, object] = {"write_datasets": (MINE, YOURS, FEED), "delete_datasets": (MINE, FEED)}


class WithoutGraph:
    """The sandbox, whose graph answers with a status, or like one without analytics datasets. Counts requests."""

    def __init__(self, tenant: Tenant, status: int = 0, *, ignores: Sequence[str] = ()) -> None:
        self.app: ASGIApp = create_sandbox_app(tenant.store, tenant.options)
        self.status, self.ignores = status, ignores
        self.paths: list[str] = []

    @property
    def graphs(self) -> int:
        return sum(path.endswith("/events/graph") for path in self.paths)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        self.paths.append(scope["path"])
        if scope["path"].endswith("/events/graph") and self.status:
            await JSONResponse(NO, self.status)(scope, receive, send)
            return
        if scope["path"].endswith("/events/graph"):
            query = httpx.QueryParams(scope["query_string"])
            kept = [one for one in query["datasetIds"].split(",") if one not in self.ignores]
            scope["query_string"] = str(query.set("datasetIds", ",".join(kept))).encode()
        await self.app(scope, receive, send)

    def server(self, tenant: Tenant, **rules: object) -> Client:
        settings = tenant.allowed(**(EVERYWHERE | rules))
        return Client(build_server(settings, lambda: httpx.ASGITransport(self), clock=lambda: tenant.now))


async def add_family(tenant: Tenant, count: int = 6) -> list[str]:
    """Add events of which each but the last has the next one and, but for two, one of an analytics dataset below it."""
    tenant.store.add_dataset(FEED, is_analytics=True)
    ids = [(await tenant.add(f"event {number}")).uuid for number in range(count)]
    below = [(await tenant.add(f"below {number}", dataset=FEED)).uuid for number in range(count - 2)]
    async with tenant.api() as api:
        for number in range(count - 1):
            await api.create_relationships(tenant.dataset_id(), ids[number], [ids[number + 1]], "related_to")
        for event_id, other in zip(ids, below, strict=False):
            await api.create_relationships(tenant.dataset_id(), event_id, [other], "caused_by")
    tenant.log.clear()
    return ids


def list_links(tenant: Tenant) -> list[tuple[str, str, str]]:
    rows = tenant.store.db.execute(
        "SELECT p.event, r.type, c.event FROM relationship r JOIN event p ON p.id = r.parent "
        "JOIN event c ON c.id = r.child"
    ).fetchall()
    return sorted((row[0], row[1], row[2]) for row in rows)


@pytest.mark.parametrize("like_live", [False, True])
@pytest.mark.parametrize("ignores_analytics", [False, True])
async def test_links_to_analytics_datasets_are_restored(
    tenant: Tenant, like_live: bool, ignores_analytics: bool
) -> None:
    ids = await add_family(tenant)
    tenant.options = SandboxOptions(like_live=like_live)
    before = list_links(tenant)
    app = WithoutGraph(tenant, ignores=[tenant.dataset_id(FEED)] if ignores_analytics else [])
    async with app.server(tenant) as client:
        preview = await ask(client, "delete_threat_events", dataset_id=MINE, event_ids=[*ids])
        done = await confirmed(client, "delete_threat_events", dataset_id=MINE, event_ids=[*ids])
        assert list_links(tenant) == []
        await ask(client, "undo_change", change_id=done["change_id"])
    assert (preview["relationships_cut"], len(before)) == (9, 9)
    assert list_links(tenant) == before


@pytest.mark.parametrize("status", [400, 403, 404, 500])
async def test_without_a_graph_a_change_of_many_stays_within_its_requests_and_says_what_is_lost(
    tenant: Tenant, status: int
) -> None:
    ids: list[JsonValue] = [*await add_linked_events(tenant)]
    app = WithoutGraph(tenant, status)
    call: dict[str, JsonValue] = {"dataset_id": MINE, "event_ids": ids}
    async with app.server(tenant) as client:
        preview = await ask(client, "delete_threat_events", **call)
        assert len(app.paths) <= 16 and app.graphs == 1
        moved = await ask(client, "move_threat_events", **call, destination_dataset_id=YOURS)
        app.paths.clear()
        done = await ask(client, "delete_threat_events", **call, confirm=preview["code"])
        assert len(app.paths) <= 1 + EVENTS + 16 and app.graphs == 0
        undo = await ask(client, "undo_change", change_id=done["change_id"])
    assert (moved["relationships"], moved["relationships_not_read"]) == ("at least 0", EVENTS)
    assert (preview["relationships_cut"], preview["relationships_not_read"]) == ("at least 0", EVENTS)
    assert preview["references_cut"] == 200 and "They are lost for good" in str(preview["change"])
    assert (done["status"], done["relationships_not_saved"]) == ("done", f"those of {EVENTS} events")
    assert "The relationships of 100 events were not read, or not all, and do not come back." in str(undo["change"])


async def test_without_a_graph_few_events_are_saved_with_their_links(tenant: Tenant) -> None:
    ids = await add_family(tenant, 10)
    before = list_links(tenant)
    app = WithoutGraph(tenant, 404)
    async with app.server(tenant) as client:
        done = await confirmed(client, "delete_threat_events", dataset_id=MINE, event_ids=[*ids])
        await ask(client, "undo_change", change_id=done["change_id"])
    assert "relationships_not_saved" not in done
    assert (list_links(tenant), app.graphs) == (before, 1)


async def test_a_graph_that_failed_is_asked_again_after_a_while(
    tenant: Tenant, monkeypatch: pytest.MonkeyPatch
) -> None:
    ids = await add_family(tenant, 12)
    app = WithoutGraph(tenant, 500)
    call: dict[str, JsonValue] = {"dataset_id": MINE, "event_ids": [*ids]}
    async with app.server(tenant) as client:
        monkeypatch.setattr(graph_client, "HEALING_SECONDS", 0.0)
        first = await ask(client, "delete_threat_events", **call)
        app.status = 0
        second = await ask(client, "delete_threat_events", **call)
    assert (first["relationships_cut"], second["relationships_cut"]) == ("at least 0", 21)
    assert "relationships_not_read" not in second


async def test_parents_that_were_not_read_may_leave_the_queries_that_feed_block_lists(tenant: Tenant) -> None:
    ids = [(await tenant.add(f"event {number}")).uuid for number in range(11)]
    search = [{"field": "hasChildren", "op": "equals", "value": True}]
    fields = SavedQueryFields(
        name="watch",
        query_json=json.dumps({"datasetId": [tenant.dataset_id(YOURS)], "search": search}),
        rule_enabled=True,
        alert_enabled=False,
        alert_rollup_enabled=False,
    )
    async with tenant.api() as api:
        await api.create_query(fields)
    call: dict[str, JsonValue] = {"dataset_id": MINE, "event_ids": [*ids]}
    async with tenant.server(tenant.allowed()) as client:
        known = await ask(client, "delete_threat_events", **call)
    async with WithoutGraph(tenant, 404).server(tenant) as client:
        unknown = await ask(client, "delete_threat_events", **call)
    assert "outside" not in known
    assert unknown["outside"] == snapshot(
        [{"query": "saved query 1 'watch'", "acts": ["changes a block list"], "may_no_longer_find": 1}]
    )


async def test_related_events_of_analytics_datasets_show_their_relationship(tenant: Tenant) -> None:
    ids = await add_family(tenant)
    tenant.options = SandboxOptions(like_live=True)
    async with tenant.server(tenant.allowed(**EVERYWHERE)) as client:
        found = await ask(
            client, "list_related_threat_events", dataset_id=MINE, event_id=ids[0], max_depth=1, fields=["event"]
        )
    rows = found["rows"]
    assert isinstance(rows, list)
    assert sorted(map(str, rows)) == ["['below 0', 'caused_by child']", "['event 1', 'related_to child']"]


def test_groups_around_a_dataset_each_have_it() -> None:
    ids = [f"d{number}" for number in range(120)]
    groups = split_around(ids, ["D7", "elsewhere"])
    assert [len(group) for group in groups] == [50, 50, 25]
    assert all(group[:2] == ["D7", "elsewhere"] for group in groups)
    assert {one for group in groups for one in group[2:]} == {*ids} - {"d7"}
    assert split_around(["all"], ["d7"]) == [["all"]]
    assert split_around([], ["d7"]) == [["d7"]]
