"""Counts from an API that refuses or ignores what is not documented of counting."""

import json
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import httpx
import pytest
from inline_snapshot import snapshot
from mcp import Client
from pydantic import JsonValue

from cf1_mcp.api import count_requests
from cf1_mcp.models import Tlp
from cf1_mcp.search import counted_pages
from cf1_mcp.server.mcp_server import build_server
from cf1_mcp.settings import Settings
from tests.conversations import ask, ask_for_text, column, refused
from tests.tenant import NOW, Tenant

pytestmark = pytest.mark.anyio

Params = httpx.QueryParams
RED: Final = Settings(max_tlp=Tlp.RED)
REFUSAL: Final[dict[str, Any]] = {"success": False, "errors": [{"message": "An error occurred."}], "result": {}}


@dataclass
class Stubborn(httpx.AsyncBaseTransport):
    """A transport to a sandbox whose counting refuses requests, reads others, and answers in another way."""

    inner: httpx.AsyncBaseTransport
    refuses: Callable[[Params], bool] = lambda _: False
    reads: Callable[[Params], Params] = lambda params: params
    answers: Callable[[dict[str, Any]], object] = lambda result: result
    status: int = 400
    ignores_search: bool = False
    counts: list[Params] = field(default_factory=list[Params])
    lists: int = 0

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        params = request.url.params
        if request.url.path.endswith("/events"):
            self.lists += 1
            if self.ignores_search:
                request = self._changed(request, params.remove("search"))
        if not request.url.path.endswith("/events/aggregate"):
            return await self.inner.handle_async_request(request)
        self.counts.append(params)
        if self.refuses(params):
            return httpx.Response(self.status, json=REFUSAL, request=request)
        response = await self.inner.handle_async_request(self._changed(request, self.reads(params)))
        body = json.loads(await response.aread())
        if body.get("success"):
            body["result"] = self.answers(body["result"])
        return httpx.Response(response.status_code, json=body, headers={"X-Sandbox": "1"}, request=request)

    def _changed(self, request: httpx.Request, params: Params) -> httpx.Request:
        url = request.url.copy_with(params=params)
        return httpx.Request(request.method, url, headers=request.headers, extensions=request.extensions)


@asynccontextmanager
async def stubborn(
    tenant: Tenant,
    settings: Settings | None = None,
    **traits: Any,  # noqa: ANN401
) -> AsyncGenerator[tuple[Client, Stubborn]]:
    """A client of a server over a sandbox with such traits."""
    server = Stubborn(tenant.connect(), **traits)
    async with Client(build_server(settings or Settings(), lambda: server, clock=lambda: NOW)) as client:
        yield client, server


def by_marking(params: Params) -> bool:
    return "tlp" in params["aggregateBy"].split(",")


def always(params: Params) -> bool:
    return True


def by_many(params: Params) -> bool:
    return "," in params["aggregateBy"]


def above_100(params: Params) -> bool:
    return int(params.get("limit", "100")) > 100


def with_times(params: Params) -> bool:
    return any("T" in params.get(name, "") for name in ("startDate", "endDate"))


def undocumented(params: Params) -> bool:
    known = {*params["aggregateBy"].split(",")} <= {"attacker", "targetIndustry"}
    return not known or above_100(params) or with_times(params)


def capped(result: dict[str, Any]) -> object:
    return {**result, "aggregations": result["aggregations"][:100]}


def without_marking(params: Params) -> Params:
    return params.set(
        "aggregateBy", ",".join(one for one in params["aggregateBy"].split(",") if one != "tlp") or "attacker"
    )


def as_text(result: dict[str, Any]) -> object:
    rows = [{**row, "count": str(row["count"])} for row in result["aggregations"]]
    return {**result, "aggregations": rows, "total": None, "dateRange": None, "aggregateBy": None}


def changed(change: Callable[[list[dict[str, Any]]], object]) -> Callable[[dict[str, Any]], object]:
    """Return a change of an answer by that of its groups."""
    return lambda result: {**result, "aggregations": change(result["aggregations"])}


def in_lists(rows: list[dict[str, Any]]) -> object:
    return [{key: [value] if isinstance(value, str) else value for key, value in row.items()} for row in rows]


def without_counts(rows: list[dict[str, Any]]) -> object:
    return [row | {"count": None} for row in rows]


def without_groups(result: dict[str, Any]) -> object:
    return {**result, "aggregations": [], "total": 30 if result["total"] else 0}


def of_nothing(_: dict[str, Any]) -> object:
    return None


def of_an_empty_object(_: dict[str, Any]) -> object:
    return dict[str, JsonValue]()


def with_null_for_groups(result: dict[str, Any]) -> object:
    return {**result, "aggregations": None}


def repeated(rows: list[dict[str, Any]]) -> object:
    return [*rows, *rows]


def under_another_name(result: dict[str, Any]) -> object:
    return {"groups": result["aggregations"]}


TRAITS: Final[dict[str, dict[str, Any]]] = {
    "refuses to count by marking": {"refuses": by_marking},
    "refuses several columns": {"refuses": by_many},
    "refuses more than 100 groups": {"refuses": above_100},
    "refuses times": {"refuses": with_times},
    "refuses everything undocumented": {"refuses": undocumented},
    "returns 100 groups at most": {"answers": capped},
    "ignores the marking": {"reads": without_marking},
    "answers numbers as text": {"answers": as_text},
    "has no such route": {"refuses": always, "status": 404},
    "refuses all counts": {"refuses": always},
    "returns no groups": {"answers": without_groups},
    "returns null": {"answers": of_nothing},
    "returns an empty object": {"answers": of_an_empty_object},
    "returns null for groups": {"answers": with_null_for_groups},
    "names the groups otherwise": {"answers": under_another_name},
    "repeats the groups": {"answers": changed(repeated)},
    "returns values in lists": {"answers": changed(in_lists)},
    "returns no counts": {"answers": changed(without_counts)},
}
CALLS: Final[dict[str, dict[str, JsonValue]]] = {
    "one column": {"columns": ["attacker"]},
    "another column": {"columns": ["killChain"], "limit": 5},
    "two columns": {"columns": ["attacker", "targetIndustry"], "limit": 1000},
    "whole days": {"columns": ["attackerCountry"], "since": "2026-11-10", "until": "2026-11-20", "limit": 10},
    "every day": {"columns": ["category"], "since": "2026-11-10", "until": "2026-11-20", "by": "day", "limit": 3},
    "every week": {"columns": ["attackerCountry"], "since": "2026-10-10", "by": "week", "limit": 5},
    "months alone": {"by": "month", "since": "2026-08-01"},
    "a filter": {"columns": ["attacker"], "target_industry": ["Energy & Utilities"], "limit": 5},
    "filters by week": {"by": "week", "attacker": ["copper lantern"], "tlp": ["green", "clear"], "since": "2026-10-01"},
    "a text": {"columns": ["category"], "text": "login", "since": "2026-11-10"},
    "no events": {"columns": ["attacker"], "since": "2020-01-01", "until": "2020-01-02"},
}


@pytest.mark.parametrize("ceiling", [Tlp.AMBER, Tlp.GREEN])
@pytest.mark.parametrize("trait", TRAITS)
async def test_under_a_ceiling_every_server_gives_the_same_counts(sample: Tenant, trait: str, ceiling: Tlp) -> None:
    settings = Settings(max_tlp=ceiling)
    async with stubborn(sample, settings) as (client, _):
        right = {name: await ask(client, "aggregate_threat_events", **call) for name, call in CALLS.items()}
    async with stubborn(sample, settings, **TRAITS[trait]) as (client, _):
        found = {name: await ask(client, "aggregate_threat_events", **call) for name, call in CALLS.items()}
    assert found == right


@pytest.mark.parametrize("trait", TRAITS)
async def test_without_a_ceiling_counts_are_the_same_or_said_to_be_less(sample: Tenant, trait: str) -> None:
    async with stubborn(sample, RED) as (client, _):
        right = {name: await ask(client, "aggregate_threat_events", **call) for name, call in CALLS.items()}
    async with stubborn(sample, RED, **TRAITS[trait]) as (client, _):
        found = {name: await ask(client, "aggregate_threat_events", **call) for name, call in CALLS.items()}
    for name, data in found.items():
        assert isinstance(data["events"], int | str)
        if data == right[name]:
            continue
        # Fewer groups, or a total that is not known; what is shown is right or too small, and that is said.
        assert str(data["events"]).startswith("at least") or data["events"] == right[name]["events"], name
        assert data.get("notes"), name


async def test_what_is_refused_is_asked_once(sample: Tenant) -> None:
    async with stubborn(sample, refuses=undocumented) as (client, server):
        await ask(client, "aggregate_threat_events", columns=["attacker"], since="2026-11-10")
        first = len(server.counts)
        await ask(client, "aggregate_threat_events", columns=["attacker"], since="2026-11-12")
        assert (first, len(server.counts) - first) == snapshot((3, 0))


async def test_what_worked_is_asked_first_and_more_is_tried_again_later(
    sample: Tenant, monkeypatch: pytest.MonkeyPatch
) -> None:
    call: dict[str, JsonValue] = {"columns": ["attacker"], "limit": 500}
    async with stubborn(sample, RED, refuses=above_100) as (client, server):
        await ask(client, "aggregate_threat_events", **call)
        await ask(client, "aggregate_threat_events", **call)
        assert [params["limit"] for params in server.counts] == ["501", "100", "100"]
        server.refuses = lambda _: False
    monkeypatch.setattr(count_requests, "HEALING_SECONDS", -1.0)
    async with stubborn(sample, RED, refuses=above_100) as (client, server):
        await ask(client, "aggregate_threat_events", **call)
        await ask(client, "aggregate_threat_events", **call)
        assert [params["limit"] for params in server.counts] == ["501", "100", "501", "100"]


def counts_of(data: dict[str, JsonValue]) -> dict[str, JsonValue]:
    """Return the count of each group."""
    rows = data["rows"]
    assert isinstance(rows, list)
    return {json.dumps(row[:-1]): row[-1] for row in rows if isinstance(row, list)}


def notes_of(data: dict[str, JsonValue]) -> list[JsonValue]:
    notes = data["notes"]
    assert isinstance(notes, list)
    return notes


async def test_more_than_100_groups_are_counted_in_parts_of_the_period(sample: Tenant) -> None:
    call: dict[str, JsonValue] = {
        "columns": ["attacker", "targetIndustry", "targetCountry"], "since": "2026-11-15", "until": "2026-11-20", "limit": 1000,
    }  # fmt: skip
    async with stubborn(sample, RED) as (client, _):
        right = await ask(client, "aggregate_threat_events", **call)
    async with stubborn(sample, RED, refuses=above_100) as (client, server):
        found = await ask(client, "aggregate_threat_events", **call)
    known, counted = counts_of(right), counts_of(found)
    assert len(counted) > 100 and counted.items() <= known.items()
    assert len(server.counts) <= 2 + 24


async def test_a_relative_period_is_counted_in_whole_days_and_that_is_said(sample: Tenant) -> None:
    async with stubborn(sample, refuses=with_times) as (client, server):
        data = await ask(client, "aggregate_threat_events", columns=["category"], since="7d", limit=1)
    assert "The API counts whole days (UTC) only: the first and the last day are counted in full." in notes_of(data)
    assert "2026-11-17" in [count["startDate"] for count in server.counts if "startDate" in count]


async def test_an_unknown_count_is_not_0(sample: Tenant) -> None:
    def first_unknown(result: dict[str, Any]) -> object:
        return {**result, "aggregations": [{**result["aggregations"][0], "count": None}, *result["aggregations"][1:]]}

    async with stubborn(sample, RED, answers=first_unknown) as (client, _):
        data = await ask(client, "aggregate_threat_events", columns=["tlp"])
    assert "unknown" in column(data, "count") and 0 not in column(data, "count")
    assert "A count is unknown where the API gave none." in notes_of(data)


async def test_columns_are_counted_one_by_one_where_events_cannot_be_read(sample: Tenant) -> None:
    class Unreadable(Stubborn):
        async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
            if request.url.path.endswith("/events"):
                return httpx.Response(400, json=REFUSAL, request=request)
            return await super().handle_async_request(request)

    server = Unreadable(sample.connect(), refuses=by_many)
    async with Client(build_server(RED, lambda: server, clock=lambda: NOW)) as client:
        text = await ask_for_text(
            client, "aggregate_threat_events", columns=["attacker", "tlp"], since="2026-11-20", limit=2
        )
    assert text == snapshot("""\
[sandbox: fictional data, not intelligence]
groups: 4
events: at least 285
<untrusted MARK>
datasets: Cloudforce One Threat Events, Cybercrime, DDoS Attacks, Compromised Devices, ACME Incident Response
read_as: since: 2026-11-20 as 2026-11-20T00:00:00Z
column	value	count
attacker	COPPER LANTERN	98
attacker		81
tlp	green	109
tlp	clear	87
</untrusted MARK>
Only the largest groups are shown: raise limit, or use a shorter period or fewer columns.
The API counts by one column at a time: these groups are of each column, not of combinations.\
""")


async def test_a_count_that_nobody_can_make_ends_with_the_refusal(sample: Tenant) -> None:
    async with stubborn(sample, **TRAITS["refuses all counts"]) as (client, _):
        words = await refused(client, "aggregate_threat_events", columns=["colour"])
    assert words == snapshot("""\
The API refused the request (400). Correct what it names and call again.
<untrusted MARK>
The API said: "An error occurred"
</untrusted MARK>\
""")


async def add_events(tenant: Tenant, hidden: int) -> None:
    for number in range(7):
        await tenant.add(f"seen {number}", attacker=f"A{number % 3}", date=f"2026-11-{10 + number}T00:00:00Z")
    for number in range(hidden):
        await tenant.add(f"hidden {number}", attacker="SECRET", date=f"2026-11-{10 + number}T12:00:00Z", tlp="red")


@pytest.mark.parametrize("ignores_search", [False, True])
async def test_a_bounded_count_does_not_depend_on_what_is_withheld(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, ignores_search: bool
) -> None:
    monkeypatch.setattr(counted_pages, "MAX_COUNTED", 4)
    monkeypatch.setattr(counted_pages, "PAGE_SIZE", 3)
    texts: set[str] = set()
    for hidden in (0, 1, 9):
        tenant = Tenant(tmp_path / str(hidden))
        await add_events(tenant, hidden)
        async with stubborn(tenant, tenant.reading(), refuses=by_marking, ignores_search=ignores_search) as (client, _):
            texts.add(await ask_for_text(client, "aggregate_threat_events", columns=["attacker"]))
            texts.add(await ask_for_text(client, "aggregate_threat_events", columns=["attacker"], by="day"))
    assert len(texts) == 2
    assert min(texts, key=len) == snapshot("""\
[sandbox: fictional data, not intelligence]
groups: 3
events: at least 4
<untrusted MARK>
datasets: Cloudforce One Threat Events, Mine, Yours
attacker	count
A0	2
A1	1
A2	1
</untrusted MARK>
Counted here: 4 events, the newest, because the API does not count as needed. There are more: use a shorter period for exact counts.
Events marked above TLP:AMBER are not searched (CF1_MAX_TLP).\
""")


@pytest.mark.parametrize("trait", ["answers numbers as text", "refuses all counts"])
async def test_more_than_50_datasets_are_counted_in_groups(tmp_path: Path, trait: str) -> None:
    names = [f"Dataset {number}" for number in range(60)]
    tenant = Tenant(tmp_path, datasets=names)
    for name in (names[0], names[30], names[59]):
        await tenant.add(f"of {name}", dataset=name, attacker="A")
    only = Settings(read_datasets=tuple(names), state_dir=tmp_path)
    async with stubborn(tenant, only, **TRAITS[trait]) as (client, server):
        data = await ask(client, "aggregate_threat_events", columns=["attacker"])
    assert (data["rows"], data["events"]) == ([["A", 3]], 3)
    assert all(len(params.get_list("datasetId")) <= 50 for params in server.counts)


async def test_a_server_that_fails_on_the_marking_is_asked_once(sample: Tenant) -> None:
    async with stubborn(sample) as (client, _):
        right = await ask(client, "aggregate_threat_events", columns=["attacker"])
    async with stubborn(sample, refuses=by_marking, status=500) as (client, server):
        assert await ask(client, "aggregate_threat_events", columns=["attacker"]) == right
        requests = len(server.counts)
        assert await ask(client, "aggregate_threat_events", columns=["attacker"]) == right
        assert len(server.counts) == requests


@pytest.mark.parametrize("blank", [None, "", " "])
async def test_a_marking_that_is_blank_in_every_group_proves_nothing(sample: Tenant, blank: str | None) -> None:
    def without_markings(result: dict[str, Any]) -> object:
        return {**result, "aggregations": [{**row, "tlp": blank} for row in result["aggregations"]]}

    async with stubborn(sample) as (client, _):
        right = await ask(client, "aggregate_threat_events", columns=["category"], limit=1000)
    async with stubborn(sample, answers=without_markings) as (client, _):
        data = await ask(client, "aggregate_threat_events", columns=["category"], limit=1000)
    assert counts_of(data) == counts_of(right) and data["events"] == right["events"]


async def test_no_groups_beside_a_total_are_not_told_as_no_events(sample: Tenant) -> None:
    def without_groups(result: dict[str, Any]) -> object:
        return {**result, "aggregations": []}

    async with stubborn(sample, answers=without_groups) as (client, _):
        data = await ask(client, "aggregate_threat_events", columns=["category"])
    assert data["events"] not in (0, "unknown") and column(data, "count")
