"""Counts over more datasets than the API takes at once, where it does not count some of them."""

import json
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager

import httpx
import pytest
from mcp import Client
from pydantic import JsonValue

from cf1_mcp.models import Tlp
from cf1_mcp.server.mcp_server import build_server
from tests.conversations import ask, refused
from tests.tenant import MINE, NOW, Tenant

pytestmark = pytest.mark.anyio

LAST = "Feed 58"
REFUSAL: JsonValue = {"success": False, "errors": [{"message": "An error occurred."}], "result": {}}


class Failing(httpx.AsyncBaseTransport):
    """A sandbox that fails where some requests name a dataset."""

    def __init__(self, tenant: Tenant, dataset_id: str, status: int, fails: Callable[[str], bool]) -> None:
        self.inner, self.dataset_id, self.status, self.fails = tenant.connect(), dataset_id, status, fails
        self.sent = 0

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        self.sent += 1
        body = await request.aread()
        named = self.dataset_id in str(request.url) or self.dataset_id.encode() in body
        if named and self.fails(request.url.path.rpartition("cloudforce-one")[2]):
            return httpx.Response(self.status, json=REFUSAL)
        return await self.inner.handle_async_request(request)


def counting(path: str) -> bool:
    return path == "/events/aggregate"


def reading(path: str) -> bool:
    return path in ("/events/aggregate", "/events")


@asynccontextmanager
async def failing(
    tenant: Tenant, status: int, fails: Callable[[str], bool], dataset: str = LAST, **rules: object
) -> AsyncGenerator[tuple[Client, Failing]]:
    """A client of an account of 62 datasets, with two events that are counted and one in the group that fails."""
    for number in range(59):
        tenant.store.add_dataset(f"Feed {number:02}")
    for name in (MINE, MINE, LAST):
        await tenant.add("seen", name, attacker="APT28")
    server = Failing(tenant, tenant.dataset_id(dataset), status, fails)
    async with Client(build_server(tenant.allowed(**rules), lambda: server, clock=lambda: NOW)) as client:
        yield client, server


@pytest.mark.parametrize("ceiling", [Tlp.AMBER, Tlp.RED])
@pytest.mark.parametrize("fails", [counting, reading])
@pytest.mark.parametrize("status", [400, 403, 404, 500])
async def test_a_group_of_datasets_that_cannot_be_counted_makes_a_lower_bound(
    tenant: Tenant, status: int, fails: Callable[[str], bool], ceiling: Tlp
) -> None:
    async with failing(tenant, status, fails, max_tlp=ceiling) as (client, _):
        counted = await ask(client, "aggregate_threat_events", columns=["attacker"])
    if fails is counting and ceiling is Tlp.AMBER:
        # Whether the groups tell markings cannot be checked then, so that the events are read and counted.
        assert (counted["events"], counted["rows"]) == (3, [["APT28", 3]])
        return
    missed, named = counted["not_searched"], counted["datasets"]
    assert isinstance(missed, list) and isinstance(named, list)
    assert (counted["events"], counted["rows"]) == ("at least 2", [["APT28", 2]])
    assert LAST in str(missed) and MINE in str(named) and not {*map(str, missed[:-1])} & {*map(str, named)}
    assert "Nothing can be concluded about the datasets in not_searched" in json.dumps(counted["notes"])


async def test_a_group_that_can_be_read_and_not_counted_is_a_lower_bound_of_read_events_too(tenant: Tenant) -> None:
    # Without the column tlp the events are read, and only one group of datasets fails then.
    async with failing(tenant, 400, reading, dataset=LAST) as (client, server):
        inner = server.inner

        class WithoutMarkings(httpx.AsyncBaseTransport):
            async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
                refuses = counting(request.url.path.rpartition("cloudforce-one")[2])
                return httpx.Response(400, json=REFUSAL) if refuses else await inner.handle_async_request(request)

        server.inner = WithoutMarkings()
        counted = await ask(client, "aggregate_threat_events", columns=["attacker"])
    assert (counted["events"], counted["rows"]) == ("at least 2", [["APT28", 2]])
    assert LAST in str(counted["not_searched"])


async def test_a_count_that_fails_everywhere_fails_after_few_requests(tenant: Tenant) -> None:
    async with failing(tenant, 400, lambda path: path.startswith("/events")) as (client, server):
        server.dataset_id = "datasetId"
        assert "400" in await refused(client, "aggregate_threat_events", columns=["attacker"])
    assert server.sent <= 24
