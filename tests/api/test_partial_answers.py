"""Answers that are not complete, or hold odd values: what they hold is shown, and what they lack is told."""

import json
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from mcp import Client
from pydantic import JsonValue

from cf1_mcp.api.wire.transport import network
from cf1_mcp.models import Tlp
from cf1_mcp.policy.conditions.reading_notes import NO_ROWS
from cf1_mcp.policy.visible_remarks import INCOMPLETE, NOT_SEARCHED, QUOTED, UNQUOTED
from cf1_mcp.server.mcp_server import build_server
from cf1_mcp.settings import Credentials, Settings
from tests.conversations import ask, column, refused
from tests.tenant import NOW
from tests.upstreams import ACCOUNT, TOKEN, Scripted, answer, failed, upstream

pytestmark = pytest.mark.anyio

HOME = "d0000000-0000-4000-8000-000000000001"
OTHER = "d0000000-0000-4000-8000-000000000002"
EVENT = "e0000000-0000-4000-8000-000000000001"
DATASETS = answer([{"uuid": HOME, "name": "Ours"}, {"uuid": OTHER, "name": "Theirs"}])


def event(number: int = 1, **fields: JsonValue) -> dict[str, JsonValue]:
    given: dict[str, JsonValue] = {
        "uuid": f"e0000000-0000-4000-8000-00000000000{number}", "datasetId": HOME, "tlp": "green",
        "date": "2026-11-20T00:00:00Z", "event": "x",
    }  # fmt: skip
    return given | fields


def envelope(result: JsonValue, **rest: JsonValue) -> dict[str, JsonValue]:
    return {"success": True, "errors": [], "messages": [], "result": result, **rest}


@asynccontextmanager
async def connected(server: Scripted, folder: Path, **rules: object) -> AsyncGenerator[Client]:
    base = f"http://127.0.0.1:{server.port}/client/v4"
    server.routes.setdefault("/events/dataset", DATASETS)
    server.routes.setdefault("/events/tags", answer({"tags": []}))
    given: dict[str, Any] = {"credentials": Credentials(ACCOUNT, TOKEN), "base_url": base, "state_dir": folder}
    settings = Settings(**given, **rules)  # pyright: ignore[reportArgumentType]
    async with Client(build_server(settings, lambda: network(base), clock=lambda: NOW)) as client:
        yield client


async def search(
    folder: Path, body: JsonValue, rules: dict[str, Any] | None = None, **call: JsonValue
) -> dict[str, JsonValue]:
    async with upstream(answer(body)) as server, connected(server, folder, **(rules or {})) as client:
        return await ask(client, "search_threat_events", **call)


async def test_odd_values_cost_their_fields_and_are_counted(tmp_path: Path) -> None:
    rows: list[JsonValue] = [
        event(1, numReferences=None, hasChildren=None, killChain=""),
        event(2, tags="a, b", killChain="3"),
        event(3, killChain={}, attacker=["x"]),
    ]
    found = await search(tmp_path, rows, fields=["tags", "kill_chain", "num_references"])
    assert found["rows"] == [
        [[], "", ""],
        [["a, b"], 3, ""],
        [[], "", ""],
    ]
    [note] = [one for one in _notes(found) if "cannot be read" in one]
    assert note.startswith("1 event has values that cannot be read, which were left out: ") and "kill_chain" in note


async def test_an_unreadable_marking_counts_as_red(tmp_path: Path) -> None:
    rows: list[JsonValue] = [event(1), event(2, tlp={}), event(3, tlp=True)]
    assert (await search(tmp_path, rows))["events"] == 1
    assert not any("cannot be read" in note for note in _notes(await search(tmp_path, rows)))
    found = await search(tmp_path, rows, {"max_tlp": Tlp.RED})
    assert column(found, "tlp") == ["green", "red", "red"]
    assert any("An unreadable marking counts as red." in note for note in _notes(found))


async def test_rows_that_are_not_events_are_left_out_and_told_if_they_may_be_shown(tmp_path: Path) -> None:
    withheld: list[JsonValue] = [None, 5, {"tlp": "red", "datasetId": HOME}, event(2) | {"uuid": [], "tlp": []}]
    shown = event(3) | {"uuid": ""}
    plain = await search(tmp_path, [event(1)])
    assert await search(tmp_path, [event(1), *withheld]) == plain
    told = await search(tmp_path, [event(1), *withheld, shown])
    assert "1 row of the API's answer cannot be read as an event and was left out." in _notes(told)
    everything = await search(tmp_path, [event(1), *withheld, shown], {"max_tlp": Tlp.RED})
    assert "5 rows of the API's answer cannot be read as an event and were left out." in _notes(everything)


async def test_an_unreadable_dataset_is_not_among_those_that_may_be_read(tmp_path: Path) -> None:
    rows: list[JsonValue] = [event(1), event(2, datasetId=[HOME]), event(3, datasetId=None)]
    assert (await search(tmp_path, rows, {"read_datasets": (HOME,)}))["events"] == 1


async def test_messages_and_failed_datasets_are_passed_on(tmp_path: Path) -> None:
    completeness: JsonValue = {
        "complete": False,
        "failedDatasets": [OTHER],
        "failedShards": [],
        "warnings": ["slow shard"],
    }
    body = envelope(
        [],
        messages=["from the archive", {"code": 1, "message": "2 shards until 2026-11-28"}],
        completeness=completeness,
    )
    found = await search(tmp_path, body, {"max_tlp": Tlp.RED})
    assert found["datasets"] == ["Ours"] and found["not_searched"] == ["Theirs"]
    assert found["api_messages"] == ["from the archive", "2 shards until 2026-11-28", "slow shard"]
    assert {NOT_SEARCHED, INCOMPLETE, QUOTED} <= {*_notes(found)}
    assert {"not_searched", "api_messages"} <= set(found["untrusted"])  # pyright: ignore[reportArgumentType]
    within = await search(tmp_path, body, {"max_tlp": Tlp.GREEN})
    assert "api_messages" not in within and {NOT_SEARCHED, INCOMPLETE, UNQUOTED} <= {*_notes(within)}


async def test_messages_that_may_name_what_is_withheld_are_not_shown(tmp_path: Path) -> None:
    body = envelope([event(1)], messages=["slow shard of VELVET HERON", {"message": "9 events of HERON"}])
    for rules in ({"max_tlp": Tlp.AMBER}, {"read_datasets": (HOME,), "max_tlp": Tlp.RED}):
        found = await search(tmp_path, body, rules)
        assert "HERON" not in str(found) and UNQUOTED in _notes(found)


@pytest.mark.parametrize("info", [{"total_count": 12}, {"has_more": True}, {"totalPages": 3}])
async def test_no_rows_beside_a_count_are_not_nothing(tmp_path: Path, info: JsonValue) -> None:
    found = await search(tmp_path, envelope([], result_info=info), attacker=["APT1"])
    assert NO_ROWS in _notes(found)
    assert not any("there are no events" in note.lower() for note in _notes(found))


async def test_datasets_that_may_not_be_read_are_not_named(tmp_path: Path) -> None:
    rules = {"read_datasets": (HOME,)}
    completeness: JsonValue = {"complete": False, "failedDatasets": [OTHER]}
    plain = await search(tmp_path, envelope([event(1)]), rules)
    told = await search(
        tmp_path, envelope([event(1)], completeness=completeness, messages=["theirs is slow", f"{OTHER} too"]), rules
    )
    assert told == plain


async def test_an_incomplete_list_of_datasets_stays_so_for_later_calls(tmp_path: Path) -> None:
    rows = [{"uuid": HOME, "name": "Ours"}, {"uuid": None, "name": "odd"}, "x", {"uuid": OTHER, "isPublic": None}]
    async with upstream(answer(rows)) as server:
        server.routes["/events/dataset"] = answer(rows)
        async with connected(server, tmp_path) as client:
            first = await ask(client, "list_threat_datasets")
            assert await ask(client, "list_threat_datasets") == first
    assert first["rows"] == [["Ours", HOME, "unknown", "private"], [OTHER, OTHER, "unknown", "unknown"]]
    assert _notes(first) == ["2 rows of the answer to list_datasets cannot be read and were left out."]


@pytest.mark.parametrize(
    "status", ["400 Bad Request", "401 Unauthorized", "403 Forbidden", "404 Not Found", "429 Slow"]
)
async def test_a_part_that_fails_leaves_the_event(tmp_path: Path, status: str) -> None:
    async with upstream(failed(status, "no evidence", "Retry-After: 900\r\n")) as server:
        for route in (f"/events/dataset/{HOME}/events/{EVENT}", f"/events/{EVENT}"):
            server.routes[route] = answer(event(1, rawId="r1"))
        async with connected(server, tmp_path) as client:
            read = await ask(
                client, "get_threat_event", dataset_id=HOME, event_id=EVENT, include=["raw", "relationships"]
            )
    assert read["uuid"] == EVENT
    for part in ("raw", "relationships"):
        failure = read[part]
        assert isinstance(failure, dict) and status[:3] in str(failure["failed"])
        assert f"The part {part!r} could not be read. The event itself is complete." in _notes(read)


async def test_counts_as_text_are_numbers_and_others_unknown(tmp_path: Path) -> None:
    rows: list[JsonValue] = [
        {"attacker": "A", "tlp": "green", "count": "6"},
        {"attacker": "A", "tlp": "amber", "count": "1"},
        {"attacker": "B", "tlp": "green", "count": None},
        {"attacker": "C", "tlp": [], "count": 9},
    ]
    body: JsonValue = {"aggregations": rows, "total": "many", "dateRange": None}
    async with upstream(answer(body)) as server, connected(server, tmp_path) as client:
        counted = await ask(client, "aggregate_threat_events", columns=["attacker"])
    assert counted["rows"] == [["A", 7], ["B", "unknown"]]
    assert counted["events"] == "at least 7"


async def test_countries_are_read_in_the_published_shape(tmp_path: Path) -> None:
    pages = [{"success": "true", "result": [{"name": "Germany", "alpha2": "DE", "alpha3": "DEU"}]}]
    async with upstream(answer([])) as server:
        server.routes["/events/countries"] = answer(pages)
        async with connected(server, tmp_path) as client:
            assert (await ask(client, "list_threat_vocabulary", kind="countries"))["rows"] == [["DE Germany"]]


async def test_a_joined_text_of_tags_hides_a_withheld_one(tmp_path: Path) -> None:
    async with upstream(answer([event(1, tags="open, Secret")])) as server:
        server.routes["/events/tags"] = answer({"tags": [{"uuid": "t", "value": "secret", "tlp": "red"}]})
        async with connected(server, tmp_path) as client:
            assert "ecret" not in str(await ask(client, "search_threat_events", fields=["tags"]))


async def test_an_event_without_a_readable_id_is_refused(tmp_path: Path) -> None:
    async with upstream(answer(event(1) | {"uuid": " "})) as server, connected(server, tmp_path) as client:
        assert "not what this API returns" in await refused(client, "get_threat_event", dataset_id=HOME, event_id=EVENT)


def _notes(data: dict[str, JsonValue]) -> list[str]:
    notes = data.get("notes", [])
    assert isinstance(notes, list)
    return [str(note) for note in notes]


@pytest.mark.parametrize("odd", [["APT28"], {"name": "APT28"}, [{"name": "APT28"}]])
async def test_an_ignored_search_is_noticed_where_its_field_cannot_be_read(tmp_path: Path, odd: JsonValue) -> None:
    rows: list[JsonValue] = [event(number, attacker=odd) for number in range(20)]
    async with upstream(answer(rows)) as server, connected(server, tmp_path) as client:
        found = await ask(client, "search_threat_events", attacker=["Somebody else"])
        words = await refused(
            client, "export_threat_events", format="blocklist", kind="domain", attacker=["Somebody else"]
        )
    assert found["events"] == 0 and "seems to ignore the search" in json.dumps(found["notes"])
    assert "seems to ignore the search" in words
