"""Reverting a dataset to any minute of the last 30 days."""

import random
from typing import Any

import pytest

from cf1_mcp.sandbox.storage.event_files import EventRecord, load_records
from cf1_mcp.sandbox.storage.sql_schema import VERSIONED
from tests.sandbox.talk import Talk, new_event

pytestmark = pytest.mark.anyio


def state(talk: Talk, dataset: str) -> dict[str, list[Any]]:
    """Every stored row of a dataset, in no particular order."""
    number = talk.store.db.execute("SELECT id FROM dataset WHERE uuid = ?", (dataset,)).fetchone()[0]
    return {
        table: sorted(talk.store.db.execute(f"SELECT * FROM {table} WHERE dataset = ?", (number,)))  # noqa: S608
        for table in VERSIONED
    }


async def revert(talk: Talk, dataset: str, minutes: float) -> dict[str, Any]:
    return await talk("POST", f"/events/{dataset}/revert-do", {"minutesAgo": minutes})


async def test_a_revert_brings_back_a_deleted_event_with_all_that_hung_on_it(talk: Talk) -> None:
    made = await talk.event(tags=["a", "b"], indicator="a.example.com", indicatorType="domain")
    other = await talk.event(event="other")
    dataset = made["datasetId"]
    link = {"datasetId": dataset, "parentId": made["uuid"], "relationshipType": "caused_by"}
    await talk("POST", "/events/relationships/create", {**link, "childIds": [other["uuid"]]})
    await talk("POST", f"/events/relate/{other['uuid']}/create", {"events": [made["uuid"]]})
    before, shown = state(talk, dataset), await talk("GET", "/events")
    talk.clock.go_on(minutes=5)
    assert await talk("DELETE", f"/events/datasets/{dataset}/events", eventIds=made["uuid"]) == 1
    talk.clock.go_on(minutes=5)
    await revert(talk, dataset, 6)
    assert state(talk, dataset) == before
    assert await talk("GET", "/events") == shown


async def test_a_revert_can_be_reverted(talk: Talk) -> None:
    made = await talk.event(tlp="amber")
    talk.clock.go_on(minutes=10)
    await talk("PATCH", f"/events/{made['uuid']}", {"datasetId": made["datasetId"], "tlp": "red"})
    talk.clock.go_on(minutes=10)
    first = await revert(talk, made["datasetId"], 15)
    assert (await talk("GET", f"/events/{made['uuid']}"))["tlp"] == "amber"
    talk.clock.go_on(minutes=10)
    second = await revert(talk, made["datasetId"], 12)
    assert (await talk("GET", f"/events/{made['uuid']}"))["tlp"] == "red"
    bookmarks = [first["revertBookmark"], second["revertBookmark"], first["undoBookmark"], second["undoBookmark"]]
    assert bookmarks == sorted(bookmarks)


async def test_a_revert_leaves_other_datasets_alone_and_undoes_a_move_from_the_source(talk: Talk) -> None:
    made, parent = await talk.event(), await talk.event(event="parent")
    source, target = made["datasetId"], await talk.dataset("Target")
    link = {"datasetId": source, "parentId": parent["uuid"], "childIds": [made["uuid"]]}
    await talk("POST", "/events/relationships/create", {**link, "relationshipType": "related_to"})
    before = state(talk, source)
    talk.clock.go_on(minutes=5)
    body = {"destDatasetId": target, "eventIds": [made["uuid"]]}
    await talk("POST", f"/events/dataset/{source}/move", body, keepRawData="true")
    moved = state(talk, target)
    talk.clock.go_on(minutes=5)
    await revert(talk, source, 6)
    assert state(talk, source) == before
    assert state(talk, target)["event"] == moved["event"]
    assert len(await talk("GET", "/events", datasetId="all")) == 3
    await revert(talk, target, 6)
    assert state(talk, target)["event"] == []
    assert state(talk, source) == before


async def test_a_relationship_between_datasets_returns_with_either_end(talk: Talk) -> None:
    parent, child = await talk.event(), await talk.event(datasetId=await talk.dataset("Far"))
    link = {"datasetId": parent["datasetId"], "parentId": parent["uuid"], "childIds": [child["uuid"]]}
    await talk("POST", "/events/relationships/create", {**link, "relationshipType": "related_to"})
    for end in (child, parent):
        talk.clock.go_on(minutes=5)
        await talk("DELETE", f"/events/datasets/{end['datasetId']}/events", eventIds=end["uuid"])
        assert await talk.found(("hasChildren", "equals", True)) == []
        talk.clock.go_on(minutes=5)
        await revert(talk, end["datasetId"], 6)
        assert await talk.found(("hasChildren", "equals", True)) == ["An event"]


async def test_an_indicator_that_was_queued_then_still_arrives(talk: Talk) -> None:
    dataset = await talk.dataset("Bulk")
    row = new_event(indicator="a.example.com", indicatorType="domain")
    await talk("POST", "/events/create/bulk", {"datasetId": dataset, "data": [row]}, status=202)
    talk.clock.go_on(minutes=1)
    assert await talk.found(("indicator", "equals", "a.example.com")) == ["An event"]
    await revert(talk, dataset, 59.99 / 60)
    assert await talk.found(("indicator", "equals", "a.example.com")) == ["An event"]


async def test_loaded_events_were_created_when_they_say(talk: Talk) -> None:
    def record(ref: str, parent: str | None = None, **body: object) -> EventRecord:
        parents = [{"ref": parent, "type": "related_to"}] if parent else []
        return EventRecord.model_validate(
            {"ref": ref, "dataset": "Past", "parents": parents, "body": {**new_event(event=ref), **body}}
        )

    old = record("old", date="2026-11-01T00:00:00Z")
    late = record("late", "old", date="2026-11-02T00:00:00Z", createdAt="2026-11-22T00:00:00Z")
    future = record("future", date="2027-01-01T00:00:00Z")
    load_records(talk.store, [late, old, future])
    dataset = talk.store.datasets()[-1].uuid
    assert await talk.found(("createdAt", "equals", "2026-11-24T12:00:00Z")) == ["future"]
    talk.clock.go_on(minutes=1)
    await revert(talk, dataset, 10 * 24 * 60)
    assert await talk.found() == ["old"]
    assert await talk.found(("hasChildren", "equals", True)) == []
    talk.clock.go_on(minutes=1)
    await revert(talk, dataset, 1.5)
    assert await talk.found() == ["future", "late", "old"]
    assert await talk.found(("hasChildren", "equals", True)) == ["old"]


@pytest.mark.parametrize("minutes", [0, -1, 43_201, "120", None, True])
async def test_minutes_out_of_range_are_refused(talk: Talk, minutes: object) -> None:
    dataset = talk.store.datasets()[0].uuid
    says = await talk("POST", f"/events/{dataset}/revert-do", {"minutesAgo": minutes}, status=400)
    assert "above 0 and at most 43200 (30 days)" in says


async def test_history_older_than_thirty_days_is_forgotten(talk: Talk) -> None:
    await talk.event()
    talk.clock.go_on(days=31)
    await talk.event()
    [(oldest,)] = talk.store.db.execute("SELECT min(at) FROM history")
    assert oldest == "2026-12-25T12:00:00.000Z"


@pytest.mark.parametrize("seed", range(6))
async def test_any_minute_of_a_busy_hour_can_be_restored(talk: Talk, seed: int) -> None:
    dice = random.Random(seed)  # noqa: S311 - repeatable, not secret
    datasets = [await talk.dataset("One"), await talk.dataset("Two")]
    minutes: list[dict[str, dict[str, list[Any]]]] = []
    for _ in range(60):
        for _ in range(dice.randint(0, 3)):
            await _something(talk, dice, datasets)
        talk.clock.go_on(seconds=30)
        minutes.append({dataset: state(talk, dataset) for dataset in datasets})
        talk.clock.go_on(seconds=30)
    chosen = datasets[0]
    for _ in range(12):
        minute = dice.randrange(len(minutes))
        ago = len(minutes) - minute - 0.5
        await revert(talk, chosen, ago)
        here, then = state(talk, chosen), minutes[minute][chosen]
        # What joins events of two datasets returns only where both events still are.
        within = {table: rows for table, rows in then.items() if table not in ("relationship", "event_reference")}
        assert {table: here[table] for table in within} == within
        for table in ("relationship", "event_reference"):
            own = {row for row in then[table] if row[1] == row[2]}
            assert {row for row in here[table] if row[1] == row[2]} == own
        talk.clock.go_on(minutes=1)
        minutes.append({dataset: state(talk, dataset) for dataset in datasets})


async def _something(talk: Talk, dice: random.Random, datasets: list[str]) -> None:
    dataset, other = dice.sample(datasets, 2)
    events = await talk("GET", "/events", datasetId=dataset)
    roll = dice.randint(0, 8)
    if roll <= 1 or not events:
        tags = [f"tag {dice.randint(0, 5)}"]
        await talk.event(datasetId=dataset, tags=tags, indicator=f"{dice.random()}.example.com", indicatorType="domain")
        return
    event, mate = dice.choice(events)["uuid"], dice.choice(events)["uuid"]
    if roll == 2:
        await talk("DELETE", f"/events/datasets/{dataset}/events", eventIds=event)
    elif roll == 3:
        change = {"datasetId": dataset, "event": f"changed {dice.random()}", "raw": {"data": {"n": dice.random()}}}
        await talk("PATCH", f"/events/{event}", change)
    elif roll == 4:
        await talk("POST", f"/events/event_tag/{event}/create", {"tags": [f"tag {dice.randint(0, 5)}"]})
    elif roll == 5:
        await talk("DELETE", f"/events/event_tag/{event}", {"tags": [f"tag {dice.randint(0, 5)}"]})
    elif roll == 6:
        body = {"destDatasetId": other, "eventIds": list({event, mate})}
        await talk("POST", f"/events/dataset/{dataset}/move", body, keepRawData=str(dice.random() < 0.5).lower())
    elif event != mate and roll == 7:
        link = {"datasetId": dataset, "parentId": event, "childIds": [mate], "relationshipType": "related_to"}
        await talk("POST", "/events/relationships/create", link)
    elif event != mate:
        await talk("POST", f"/events/relate/{event}/create", {"events": [mate]})
