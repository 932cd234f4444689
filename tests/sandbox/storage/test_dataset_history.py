"""Reverting a dataset to any minute of the last 30 days."""

import random
from typing import Any

import pytest

from cf1_mcp.sandbox.storage.event_files import EventRecord, load_records
from cf1_mcp.sandbox.storage.sql_schema import VERSIONED_COLUMNS
from tests.sandbox.api_client import ApiClient, event_body

pytestmark = pytest.mark.anyio


def read_rows(api: ApiClient, dataset: str) -> dict[str, list[Any]]:
    """Every stored row of a dataset, by table, sorted."""
    number = api.database.db.execute("SELECT id FROM dataset WHERE uuid = ?", (dataset,)).fetchone()[0]
    return {
        table: sorted(api.database.db.execute(f"SELECT * FROM {table} WHERE dataset = ?", (number,)))  # noqa: S608
        for table in VERSIONED_COLUMNS
    }


async def revert(api: ApiClient, dataset: str, minutes: float) -> dict[str, Any]:
    return await api("POST", f"/events/{dataset}/revert-do", {"minutesAgo": minutes})


async def test_a_revert_restores_a_deleted_event_with_everything_that_belongs_to_it(api: ApiClient) -> None:
    created = await api.create_event(tags=["a", "b"], indicator="a.example.com", indicatorType="domain")
    other = await api.create_event(event="other")
    dataset = created["datasetId"]
    link = {"datasetId": dataset, "parentId": created["uuid"], "relationshipType": "caused_by"}
    await api("POST", "/events/relationships/create", {**link, "childIds": [other["uuid"]]})
    await api("POST", f"/events/relate/{other['uuid']}/create", {"events": [created["uuid"]]})
    before, shown = read_rows(api, dataset), await api("GET", "/events")
    api.clock.advance(minutes=5)
    assert await api("DELETE", f"/events/datasets/{dataset}/events", eventIds=created["uuid"]) == 1
    api.clock.advance(minutes=5)
    await revert(api, dataset, 6)
    assert read_rows(api, dataset) == before
    assert await api("GET", "/events") == shown


async def test_a_revert_can_be_reverted(api: ApiClient) -> None:
    created = await api.create_event(tlp="amber")
    api.clock.advance(minutes=10)
    await api("PATCH", f"/events/{created['uuid']}", {"datasetId": created["datasetId"], "tlp": "red"})
    api.clock.advance(minutes=10)
    first = await revert(api, created["datasetId"], 15)
    assert (await api("GET", f"/events/{created['uuid']}"))["tlp"] == "amber"
    api.clock.advance(minutes=10)
    second = await revert(api, created["datasetId"], 12)
    assert (await api("GET", f"/events/{created['uuid']}"))["tlp"] == "red"
    bookmarks = [first["revertBookmark"], second["revertBookmark"], first["undoBookmark"], second["undoBookmark"]]
    assert bookmarks == sorted(bookmarks)


async def test_a_revert_of_the_source_of_a_move_does_not_change_the_target(api: ApiClient) -> None:
    created, parent = await api.create_event(), await api.create_event(event="parent")
    source, target = created["datasetId"], await api.create_dataset("Target")
    link = {"datasetId": source, "parentId": parent["uuid"], "childIds": [created["uuid"]]}
    await api("POST", "/events/relationships/create", {**link, "relationshipType": "related_to"})
    before = read_rows(api, source)
    api.clock.advance(minutes=5)
    body = {"destDatasetId": target, "eventIds": [created["uuid"]]}
    await api("POST", f"/events/dataset/{source}/move", body, keepRawData="true")
    moved = read_rows(api, target)
    api.clock.advance(minutes=5)
    await revert(api, source, 6)
    assert read_rows(api, source) == before
    assert read_rows(api, target)["event"] == moved["event"]
    assert len(await api("GET", "/events", datasetId="all")) == 3
    await revert(api, target, 6)
    assert read_rows(api, target)["event"] == []
    assert read_rows(api, source) == before


async def test_a_relationship_between_datasets_is_restored_with_either_event(api: ApiClient) -> None:
    parent, child = await api.create_event(), await api.create_event(datasetId=await api.create_dataset("Far"))
    link = {"datasetId": parent["datasetId"], "parentId": parent["uuid"], "childIds": [child["uuid"]]}
    await api("POST", "/events/relationships/create", {**link, "relationshipType": "related_to"})
    for end in (child, parent):
        api.clock.advance(minutes=5)
        await api("DELETE", f"/events/datasets/{end['datasetId']}/events", eventIds=end["uuid"])
        assert await api.search(("hasChildren", "equals", True)) == []
        api.clock.advance(minutes=5)
        await revert(api, end["datasetId"], 6)
        assert await api.search(("hasChildren", "equals", True)) == ["An event"]


async def test_an_indicator_that_was_queued_at_the_reverted_time_becomes_visible(api: ApiClient) -> None:
    dataset = await api.create_dataset("Bulk")
    row = event_body(indicator="a.example.com", indicatorType="domain")
    await api("POST", "/events/create/bulk", {"datasetId": dataset, "data": [row]}, status=202)
    api.clock.advance(minutes=1)
    assert await api.search(("indicator", "equals", "a.example.com")) == ["An event"]
    await revert(api, dataset, 59.99 / 60)
    assert await api.search(("indicator", "equals", "a.example.com")) == ["An event"]


async def test_loaded_events_count_as_created_at_their_own_time(api: ApiClient) -> None:
    def record(ref: str, parent: str | None = None, **body: object) -> EventRecord:
        parents = [{"ref": parent, "type": "related_to"}] if parent else []
        return EventRecord.model_validate(
            {"ref": ref, "dataset": "Past", "parents": parents, "body": {**event_body(event=ref), **body}}
        )

    old = record("old", date="2026-11-01T00:00:00Z")
    late = record("late", "old", date="2026-11-02T00:00:00Z", createdAt="2026-11-22T00:00:00Z")
    future = record("future", date="2027-01-01T00:00:00Z")
    load_records(api.database, [late, old, future])
    dataset = api.database.datasets()[-1].uuid
    assert await api.search(("createdAt", "equals", "2026-11-24T12:00:00Z")) == ["future"]
    api.clock.advance(minutes=1)
    await revert(api, dataset, 10 * 24 * 60)
    assert await api.search() == ["old"]
    assert await api.search(("hasChildren", "equals", True)) == []
    api.clock.advance(minutes=1)
    await revert(api, dataset, 1.5)
    assert await api.search() == ["future", "late", "old"]
    assert await api.search(("hasChildren", "equals", True)) == ["old"]


@pytest.mark.parametrize("minutes", [0, -1, 43_201, "120", None, True])
async def test_minutes_out_of_range_are_rejected(api: ApiClient, minutes: object) -> None:
    dataset = api.database.datasets()[0].uuid
    message = await api("POST", f"/events/{dataset}/revert-do", {"minutesAgo": minutes}, status=400)
    assert "above 0 and at most 43200 (30 days)" in message


async def test_history_older_than_thirty_days_is_deleted(api: ApiClient) -> None:
    await api.create_event()
    api.clock.advance(days=31)
    await api.create_event()
    [(oldest,)] = api.database.db.execute("SELECT min(at) FROM history")
    assert oldest == "2026-12-25T12:00:00.000Z"


@pytest.mark.parametrize("seed", range(6))
async def test_any_minute_of_a_busy_hour_can_be_restored(api: ApiClient, seed: int) -> None:
    rng = random.Random(seed)  # noqa: S311 - repeatable, not secret
    datasets = [await api.create_dataset("One"), await api.create_dataset("Two")]
    minutes: list[dict[str, dict[str, list[Any]]]] = []
    for _ in range(60):
        for _ in range(rng.randint(0, 3)):
            await _change_something(api, rng, datasets)
        api.clock.advance(seconds=30)
        minutes.append({dataset: read_rows(api, dataset) for dataset in datasets})
        api.clock.advance(seconds=30)
    chosen = datasets[0]
    for _ in range(12):
        minute = rng.randrange(len(minutes))
        ago = len(minutes) - minute - 0.5
        await revert(api, chosen, ago)
        here, then = read_rows(api, chosen), minutes[minute][chosen]
        # A link between two datasets is restored only where both events exist.
        within = {table: rows for table, rows in then.items() if table not in ("relationship", "event_reference")}
        assert {table: here[table] for table in within} == within
        for table in ("relationship", "event_reference"):
            own = {row for row in then[table] if row[1] == row[2]}
            assert {row for row in here[table] if row[1] == row[2]} == own
        api.clock.advance(minutes=1)
        minutes.append({dataset: read_rows(api, dataset) for dataset in datasets})


async def _change_something(api: ApiClient, rng: random.Random, datasets: list[str]) -> None:
    dataset, other = rng.sample(datasets, 2)
    events = await api("GET", "/events", datasetId=dataset)
    roll = rng.randint(0, 8)
    if roll <= 1 or not events:
        tags = [f"tag {rng.randint(0, 5)}"]
        await api.create_event(
            datasetId=dataset, tags=tags, indicator=f"{rng.random()}.example.com", indicatorType="domain"
        )
        return
    event, mate = rng.choice(events)["uuid"], rng.choice(events)["uuid"]
    if roll == 2:
        await api("DELETE", f"/events/datasets/{dataset}/events", eventIds=event)
    elif roll == 3:
        change = {"datasetId": dataset, "event": f"changed {rng.random()}", "raw": {"data": {"n": rng.random()}}}
        await api("PATCH", f"/events/{event}", change)
    elif roll == 4:
        await api("POST", f"/events/event_tag/{event}/create", {"tags": [f"tag {rng.randint(0, 5)}"]})
    elif roll == 5:
        await api("DELETE", f"/events/event_tag/{event}", {"tags": [f"tag {rng.randint(0, 5)}"]})
    elif roll == 6:
        body = {"destDatasetId": other, "eventIds": list({event, mate})}
        await api("POST", f"/events/dataset/{dataset}/move", body, keepRawData=str(rng.random() < 0.5).lower())
    elif event != mate and roll == 7:
        link = {"datasetId": dataset, "parentId": event, "childIds": [mate], "relationshipType": "related_to"}
        await api("POST", "/events/relationships/create", link)
    elif event != mate:
        await api("POST", f"/events/relate/{event}/create", {"events": [mate]})
