"""Counts of an API that ignores datasets, periods or markings in what it counts."""

from pathlib import Path
from typing import Any

import pytest
from pydantic import JsonValue

from cf1_mcp.models import Tlp
from cf1_mcp.settings import Settings
from tests.conversations import ask
from tests.fronts import Answer, Ask, Asked, Body, behind, fail
from tests.tenant import MINE, YOURS, Tenant

pytestmark = pytest.mark.anyio

COUNT = "/events/aggregate"
RED = Settings(max_tlp=Tlp.RED)
AMBER = Settings(max_tlp=Tlp.AMBER)


async def build(folder: Path) -> Tenant:
    """Return a tenant with 12 events of two attackers in Mine, of which 4 are red, and 5 of a third in Yours."""
    tenant = Tenant(folder)
    for number in range(12):
        await tenant.add(
            f"Wave {number}",
            attacker=("Sapphire", "Onyx")[number % 2],
            tlp=("green", "amber", "red")[number % 3],
            date=f"2026-{'10' if number < 8 else '04'}-{number + 1:02}T00:00:00Z",
        )
    for number in range(5):
        await tenant.add(f"Far {number}", attacker="Veiled Heron", dataset=YOURS, tlp="green")
    return tenant


async def count(tenant: Tenant, settings: Settings, ask_: Ask, answer: Answer, **call: JsonValue) -> dict[str, Any]:
    async with behind(tenant, settings, ask=ask_, answer=answer) as (client, _):
        data = await ask(client, "aggregate_threat_events", **call)
    return {"rows": sorted(map(tuple, data.get("rows", []))), "events": data["events"]}  # pyright: ignore


def same(asked: Asked) -> Body:
    return asked.params


def as_it_is(asked: Asked, body: Body) -> Body:
    return body


# -- datasets


@pytest.mark.parametrize("ceiling", [Tlp.RED, Tlp.AMBER])
@pytest.mark.parametrize("columns", [["attacker"], ["datasetId"], ["attacker", "tlp"]])
@pytest.mark.parametrize("daily", [False, True])
async def test_a_count_of_a_restricted_server_has_nothing_of_other_datasets(
    tmp_path: Path, ceiling: Tlp, columns: list[JsonValue], daily: bool
) -> None:
    tenant = await build(tmp_path)
    settings = Settings(max_tlp=ceiling, read_datasets=(MINE,))
    both = [tenant.dataset_id(MINE), tenant.dataset_id(YOURS)]

    def ask_for_both(asked: Asked) -> Body:
        return {**asked.params, "datasetId": both} if asked.path == COUNT else asked.params

    def without_datasets(asked: Asked, body: Body) -> Body:
        rows: list[Body] = body["result"]["aggregations"] if asked.path == COUNT else []
        for row in rows:
            row.pop("datasetId", None)
        return body

    call: dict[str, JsonValue] = {"columns": columns, **({"by": "day"} if daily else {})}
    expected = await count(tenant, settings, same, as_it_is, **call)
    assert expected["events"] == (12 if ceiling is Tlp.RED else 8)
    assert await count(tenant, settings, ask_for_both, as_it_is, **call) == expected
    assert await count(tenant, settings, ask_for_both, without_datasets, **call) == expected


# -- markings


def merge(rows: list[Body], marking: str | None) -> list[Body]:
    """Merge groups that differ by marking only. The group then has the given marking, or that of its first row."""
    merged: dict[str, Body] = {}
    for row in rows:
        key = repr({name: one for name, one in row.items() if name not in ("tlp", "count")})
        group = merged.setdefault(key, {**row, "count": 0, **({"tlp": marking} if marking and "tlp" in row else {})})
        group["count"] += row["count"]
    return [*merged.values()]


@pytest.mark.parametrize("marking", [None, "green", "amber", "red"])
@pytest.mark.parametrize("columns", [["attacker"], ["category"]])
async def test_a_marking_of_any_event_of_a_group_is_not_one_of_all(
    tmp_path: Path, marking: str | None, columns: list[JsonValue]
) -> None:
    tenant = await build(tmp_path)

    def answer(asked: Asked, body: Body) -> Body:
        if asked.path == COUNT:
            body["result"]["aggregations"] = merge(body["result"]["aggregations"], marking)
        return body

    expected = await count(tenant, AMBER, same, as_it_is, columns=columns)
    assert expected["events"] == 13
    assert await count(tenant, AMBER, same, answer, columns=columns) == expected


async def test_groups_with_several_markings_are_proof_enough(tmp_path: Path) -> None:
    tenant = await build(tmp_path)
    async with behind(tenant, AMBER) as (client, front):
        await ask(client, "aggregate_threat_events", columns=["attacker"])
    assert front.paths().count(f"GET {COUNT}") == 1
    assert "GET /events" not in front.paths()


# -- periods


def ignoring_dates(asked: Asked) -> Body:
    if asked.path != COUNT:
        return asked.params
    return {name: one for name, one in asked.params.items() if name not in ("startDate", "endDate")}


@pytest.mark.parametrize("settings", [RED, AMBER], ids=["red", "amber"])
@pytest.mark.parametrize(
    "period", [{"since": "2026-10-01"}, {"until": "2026-05-01"}, {"since": "2026-04-10", "until": "2026-10-03"}]
)
@pytest.mark.parametrize("daily", [False, True])
async def test_a_count_of_a_period_has_nothing_outside_it(
    tmp_path: Path, settings: Settings, period: dict[str, JsonValue], daily: bool
) -> None:
    tenant = await build(tmp_path)
    call: dict[str, JsonValue] = {
        "columns": ["attacker"],
        **({"by": "day"} if daily else {}),
        "dataset_ids": [MINE],
        **period,
    }
    expected = await count(tenant, settings, same, as_it_is, **call)
    assert 0 < expected["events"] < 12
    assert await count(tenant, settings, ignoring_dates, as_it_is, **call) == expected

    def refusing(asked: Asked) -> Any:  # noqa: ANN401
        odd = {"startDate": "2150-01-01", "endDate": "1970-01-02T23:59:59Z"}
        is_control = asked.path == COUNT and any(asked.params.get(name) == one for name, one in odd.items())
        return fail(400) if is_control else ignoring_dates(asked)

    assert await count(tenant, settings, refusing, as_it_is, **call) == expected


async def test_an_api_that_heeds_periods_is_asked_once(tmp_path: Path) -> None:
    tenant = await build(tmp_path)
    counts: list[int] = []
    async with behind(tenant, RED) as (client, front):
        for since in ("2026-10-01", "2026-10-03", "2026-10-02"):
            front.asked.clear()
            await ask(client, "aggregate_threat_events", columns=["attacker"], since=since)
            counts.append(front.paths().count(f"GET {COUNT}"))
    assert counts == [2, 1, 1]


# -- totals


async def test_a_total_that_its_groups_do_not_reach_is_told(tmp_path: Path) -> None:
    tenant = await build(tmp_path)

    def answer(asked: Asked, body: Body) -> Body:
        if asked.path == COUNT:
            body["result"]["total"] = 900
        return body

    async with behind(tenant, RED, answer=answer) as (client, _):
        data = await ask(client, "aggregate_threat_events", columns=["attacker"])
    assert "The API says that there are 900 events, and its groups have 17." in str(data["notes"])
    assert "limit" not in str(data["notes"])
