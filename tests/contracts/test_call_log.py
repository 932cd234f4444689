"""The log of calls (CF1_LOG_READS): who asked what, of which datasets, and how much was shown; no argument, no text."""

from pathlib import Path

import pytest
from inline_snapshot import snapshot
from pydantic import JsonValue

from cf1_mcp.context import utc_now
from cf1_mcp.settings import Settings
from cf1_mcp.store.reads.read_log import LoggedCall
from cf1_mcp.store.stores import open_stores
from tests.conversations import ask, confirmed, refused
from tests.tenant import MINE, Tenant

pytestmark = pytest.mark.anyio

SECRET = "secret-indicator.example"


@pytest.fixture
def tenant(tmp_path: Path) -> Tenant:
    return Tenant(tmp_path)


async def read_log(tenant: Tenant) -> list[LoggedCall]:
    async with open_stores(Settings(state_dir=tenant.folder), utc_now) as stores:
        return await stores.reads.calls(100)


def brief(calls: list[LoggedCall]) -> list[JsonValue]:
    return [[one.tool, one.outcome, [*one.datasets], dict(one.counts)] for one in reversed(calls)]


async def test_every_call_is_logged_with_datasets_and_counts_alone(tenant: Tenant) -> None:
    event = await tenant.add(f"seen at {SECRET}", indicator=SECRET, indicatorType="domain")
    async with tenant.server(tenant.allowed(log_reads=True)) as client:
        await ask(client, "search_threat_events", indicator=[SECRET], dataset_ids=[MINE])
        await ask(client, "lookup_indicators", indicators=[SECRET, "192.0.2.1"])
        await ask(client, "get_threat_event", event_id=event.uuid, include=["raw"])
        await ask(client, "aggregate_threat_events", columns=["attacker"])
        await refused(client, "search_threat_events", dataset_ids=[SECRET])
        await confirmed(client, "delete_threat_events", dataset_id=MINE, event_ids=[event.uuid])
    calls = await read_log(tenant)
    assert brief(calls) == snapshot(
        [
            ["search_threat_events", "answered", ["Mine"], {"events": 1, "rows": 1}],
            [
                "lookup_indicators",
                "answered",
                ["Cloudforce One Threat Events", "Mine", "Yours"],
                {"indicators": 2, "shown": 2, "rows": 2},
            ],
            ["get_threat_event", "answered", ["a9fa1f29-a64a-58a3-af35-67f963de9ab6"], {}],
            [
                "aggregate_threat_events",
                "answered",
                ["Cloudforce One Threat Events", "Mine", "Yours"],
                {"groups": 1, "events": 1, "rows": 1},
            ],
            ["search_threat_events", "refused", [], {}],
            ["delete_threat_events", "answered", [], {"events": 1, "relationships_cut": 0, "references_cut": 0}],
            ["delete_threat_events", "answered", [], {"deleted": 1}],
        ]
    )
    assert SECRET not in str(calls) and "192.0.2.1" not in str(calls)
    [origin] = {call.origin for call in calls}
    assert (origin.client.split()[0], origin.base_url, origin.sandbox) == ("mcp", "embedded sandbox", True)


async def test_nothing_is_logged_by_default(tenant: Tenant) -> None:
    async with tenant.server(tenant.reading()) as client:
        await ask(client, "list_threat_datasets")
    assert await read_log(tenant) == []
    assert not (tenant.folder / "reads.db").exists()


async def test_what_cannot_be_logged_is_not_answered(tenant: Tenant) -> None:
    (tenant.folder / "reads.db").mkdir()
    await tenant.add("x")
    async with tenant.server(tenant.allowed(log_reads=True)) as client:
        assert await refused(client, "list_threat_datasets") == snapshot(
            "The call is not answered, because it cannot be logged first (CF1_LOG_READS): reads.db cannot be opened or written. Ask the operator to check CF1_STATE_DIR and who may write there."
        )
        said = await refused(client, "search_threat_events", limit="many")
    assert "limit" in said and "log" not in said


async def test_a_change_that_was_made_is_told_though_it_cannot_be_logged(tenant: Tenant) -> None:
    async with tenant.server(tenant.allowed(log_reads=True)) as client:
        event = await tenant.add("x")
        change: dict[str, JsonValue] = {"dataset_id": MINE, "event_ids": [event.uuid]}
        preview = await ask(client, "delete_threat_events", **change)
        (tenant.folder / "reads.db").unlink()
        (tenant.folder / "reads.db").mkdir()
        done = await ask(client, "delete_threat_events", **change, confirm=preview["code"])
        assert done["status"] == "done"
        assert "cannot be logged" in await refused(client, "list_threat_datasets")
