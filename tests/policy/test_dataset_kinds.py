"""What is searched, and what is named as searched, where the list of datasets is odd."""

import json
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Final

import httpx
import pytest
from mcp import Client
from pydantic import JsonValue

from cf1_mcp.models import Dataset
from cf1_mcp.policy.datasets import DatasetIndex, scope_ids
from cf1_mcp.sandbox.options import SandboxOptions
from cf1_mcp.server.mcp_server import build_server
from tests.conversations import ask, column
from tests.tenant import MINE, YOURS, Tenant

pytestmark = pytest.mark.anyio

Rows = list[dict[str, Any]]
DEFAULT: Final = "Cloudforce One Threat Events"
FEED: Final = "Telemetry"
EVERY: Final = [DEFAULT, MINE, YOURS, FEED]
SCOPE: Final = ("search_threat_events", "lookup_indicators", "aggregate_threat_events")


class OddList(httpx.AsyncBaseTransport):
    """A sandbox in the mood of the live API, whose list of datasets is changed on its way."""

    def __init__(self, tenant: Tenant, change: Callable[[Rows], object]) -> None:
        self.inner, self.change = tenant.connect(), change

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        response = await self.inner.handle_async_request(request)
        if not request.url.path.endswith("/events/dataset") or request.method != "GET":
            return response
        body = json.loads(await response.aread())
        return httpx.Response(200, json={**body, "result": self.change(body["result"])}, headers={"X-Sandbox": "1"})


@asynccontextmanager
async def odd_list(tmp_path: Path, change: Callable[[Rows], object], **rules: object) -> AsyncGenerator[Client]:
    """A client of an account with an event in an operational dataset and one in an analytics dataset."""
    tenant = Tenant(tmp_path)
    tenant.store.add_dataset(FEED, is_analytics=True)
    for dataset, name in ((MINE, "a.example.org"), (FEED, "b.example.org")):
        await tenant.add("seen", dataset, attacker="APT28", indicator=name, indicatorType="domain")
    tenant.options = SandboxOptions(like_live=True)
    settings = tenant.allowed(**rules)
    async with Client(build_server(settings, lambda: OddList(tenant, change), clock=lambda: tenant.now)) as client:
        yield client


def each(**values: JsonValue) -> Callable[[Rows], object]:
    return lambda rows: [{**row, **values} for row in rows]


def without(name: str) -> Callable[[Rows], object]:
    return lambda rows: [{key: value for key, value in row.items() if key != name} for row in rows]


def only_known(value: JsonValue) -> Callable[[Rows], object]:
    """The kind of one dataset is told, and that of the others is this."""
    return lambda rows: [row if row["name"] == MINE else {**row, "isAnalytics": value} for row in rows]


UNKNOWN_KINDS: Final[dict[str, Callable[[Rows], object]]] = {
    "missing": without("isAnalytics"),
    "null": each(isAnalytics=None),
    "a blank": each(isAnalytics=" "),
    "a word": each(isAnalytics="maybe"),
    "a list": each(isAnalytics=[]),
    "some null": only_known(None),
    "some a word": only_known("sometimes"),
    "an unreadable row in its place": lambda rows: [*(row for row in rows if row["name"] != FEED), {"name": FEED}],
    "an empty list": lambda _: [],
}
ODD_ROWS: Final[dict[str, Callable[[Rows], object]]] = {
    "the first year": each(deletedAt="0001-01-01T00:00:00Z"),
    "the first year as a local time": each(deletedAt="0001-01-01 00:00:00"),
    "zeros": each(deletedAt="0000-00-00 00:00:00"),
    "the epoch": each(deletedAt="1970-01-01T00:00:00.000Z"),
    "zero": each(deletedAt=0),
    "a dash": each(deletedAt="-"),
    "twice": lambda rows: [*rows, *rows],
    "twice in another case": lambda rows: [*rows, *({**row, "uuid": row["uuid"].upper()} for row in rows)],
    "by uuid": lambda rows: {row["uuid"]: row for row in rows},
    "by uuid, which no row repeats": lambda rows: {row["uuid"]: {**row, "uuid": None} for row in rows},
    "by uuid in an object": lambda rows: {"datasets": {row["uuid"]: row for row in rows}},
}


async def count(client: Client) -> tuple[JsonValue, JsonValue, JsonValue]:
    """Return how many events a search and a count find, and whether the analytics dataset knows an indicator."""
    found = await ask(client, "search_threat_events", attacker=["APT28"], fields=["event"])
    looked = await ask(client, "lookup_indicators", indicators=["b.example.org"], fields=["status"])
    counted = await ask(client, "aggregate_threat_events", columns=["attacker"])
    return found["events"], counted["events"], column(looked, "status")[0]


@pytest.mark.parametrize("kind", UNKNOWN_KINDS)
async def test_datasets_of_an_unknown_kind_are_searched(tmp_path: Path, kind: str) -> None:
    async with odd_list(tmp_path, UNKNOWN_KINDS[kind]) as client:
        assert await count(client) == (2, 2, "known")


@pytest.mark.parametrize("kind", ODD_ROWS)
@pytest.mark.parametrize("rules", [{}, {"read_datasets": (MINE, FEED)}])
async def test_odd_rows_are_datasets_that_are_there_once(tmp_path: Path, kind: str, rules: dict[str, object]) -> None:
    async with odd_list(tmp_path, ODD_ROWS[kind], **rules) as client:
        found = await ask(client, "search_threat_events", attacker=["APT28"], fields=["event"])
        assert await count(client) == (2, 2, "known")
    assert found["datasets"] == ([MINE, FEED] if rules else EVERY)


@pytest.mark.parametrize("value", ["2026-01-01T00:00:00Z", 1_700_000_000, "some time ago", True])
async def test_a_dataset_that_was_deleted_at_some_time_is_not_named(tmp_path: Path, value: JsonValue) -> None:
    def delete(rows: Rows) -> object:
        return [{**row, "deletedAt": value} if row["name"] == YOURS else row for row in rows]

    async with odd_list(tmp_path, delete) as client:
        found = await ask(client, "search_threat_events", attacker=["APT28"], fields=["event"])
    assert found["datasets"] == [DEFAULT, MINE, FEED]


async def test_groups_of_conditions_are_not_said_to_be_searched_where_the_kind_is_unknown(tmp_path: Path) -> None:
    async with odd_list(tmp_path, UNKNOWN_KINDS["missing"]) as client:
        looked = await ask(client, "lookup_indicators", indicators=["a.example.org", "b.example.org", "c.example.org"])
        listed = await ask(client, "list_threat_datasets")
    assert column(listed, "kind") == ["unknown"] * 4
    assert looked["counts"] == {"known": 2, "unknown": 1}


async def test_datasets_of_an_unknown_kind_are_searched_and_named_under_either_word(tmp_path: Path) -> None:
    async with odd_list(tmp_path, only_known(None)) as client:
        found = [
            await ask(client, "search_threat_events", attacker=["APT28"], dataset_ids=[word], fields=["event"])
            for word in ("operational", "analytics")
        ]
    assert [(one["events"], one["datasets"]) for one in found] == [(2, EVERY), (1, [DEFAULT, YOURS, FEED])]


def test_both_kinds_are_asked_for_unless_every_row_says_that_it_is_operational() -> None:
    told = [Dataset(uuid=f"d{number}", is_analytics=False) for number in range(60)]
    untold = Dataset(uuid="untold")
    assert scope_ids(DatasetIndex(tuple(told[:3]))) == ("all",)
    assert scope_ids(DatasetIndex(tuple(told[:3]), is_whole=False)) == ("all", "analytics")
    assert scope_ids(DatasetIndex()) == ("all", "analytics")
    assert scope_ids(DatasetIndex((told[0], untold))) == ("d0", "untold")
    assert len(scope_ids(DatasetIndex((*told, untold)))) == 61
    assert scope_ids(DatasetIndex((told[0], untold)), "operational") == ("d0", "untold")
    assert scope_ids(DatasetIndex((told[0], untold)), "analytics") == ("untold",)
    assert scope_ids(DatasetIndex(tuple(told[:3])), "analytics") == ("analytics",)
