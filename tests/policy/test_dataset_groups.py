"""Lists over datasets that the API does not cover at once, or not by the word for everything."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

import httpx
import pytest
from mcp import Client
from pydantic import JsonValue

from cf1_mcp.api.lists.dataset_groups import split_datasets
from cf1_mcp.api.vocabulary import Vocabulary
from cf1_mcp.api.wire.transport import network
from cf1_mcp.models import Tlp
from cf1_mcp.server.mcp_server import build_server
from tests.conversations import ask, column
from tests.policy.misbehaving_api import MisbehavingTenant, Parameters
from tests.ports import settings_for
from tests.tenant import MINE, YOURS
from tests.upstreams import Scripted, answer, failed, upstream

pytestmark = pytest.mark.anyio

HOME, OTHER = (f"d0000000-0000-4000-8000-00000000000{number}" for number in (1, 2))
DATASETS = answer([{"uuid": HOME, "name": "Ours"}, {"uuid": OTHER, "name": "Theirs", "isAnalytics": True}])
MISSING = failed("404 Not Found", "no such route")


def keep(method: str, parameters: Parameters) -> Parameters:
    return parameters


@pytest.mark.parametrize(
    ("ids", "sizes"),
    [
        ([], [0]),
        (["all"], [1]),
        (["all", "analytics"], [1, 1]),
        (["a"] * 3, [1]),
        ([*map(str, range(120))], [50, 50, 20]),
    ],
)
def test_a_group_is_one_word_or_fifty_uuids(ids: list[str], sizes: list[int]) -> None:
    assert [len(group) for group in split_datasets(ids)] == sizes


@asynccontextmanager
async def vocabulary_of(server: Scripted) -> AsyncGenerator[Vocabulary]:
    async with server.client() as client:
        yield Vocabulary(client)


def queries(server: Scripted, route: str) -> list[str]:
    return [line.split("?")[-1] for line in server.requests if f"{route}?" in f"{line}?"]


async def test_attackers_are_asked_by_uuid() -> None:
    async with upstream(answer(["APT28"])) as server:
        server.routes = {"/events/dataset": DATASETS}
        async with vocabulary_of(server) as vocabulary:
            assert await vocabulary.attackers() == ["APT28"]
    assert queries(server, "/attackers") == [f"datasetIds={HOME}&datasetIds={OTHER}"]


async def test_attackers_of_the_default_dataset_are_listed_where_uuids_are_refused() -> None:
    async with upstream(failed("400 Bad Request", "no"), answer(["APT28"])) as server:
        server.routes = {"/events/dataset": DATASETS}
        async with vocabulary_of(server) as vocabulary:
            assert (await vocabulary.attackers(), vocabulary.partial_kinds) == (["APT28"], {"attackers"})


async def test_indicator_types_of_all_datasets_are_asked_without_datasets() -> None:
    async with upstream(answer(["domain", "DOMAIN"])) as server, vocabulary_of(server) as vocabulary:
        assert await vocabulary.indicator_types() == ["domain", "DOMAIN"]
    assert [line.split("/events/")[1] for line in server.requests] == ["indicator-types"]


@pytest.mark.parametrize("kind", ["categories", "industries"])
async def test_without_a_catalog_words_are_asked_by_dataset(kind: str) -> None:
    rows: list[JsonValue] = [{"name": "Phishing"}] if kind == "categories" else ["Phishing"]
    async with upstream(answer(rows)) as server:
        server.routes = {
            "/events/dataset": DATASETS,
            "/events/categories/catalog": MISSING,
            "/events/targetIndustries/catalog": MISSING,
        }
        async with vocabulary_of(server) as vocabulary:
            read = vocabulary.categories if kind == "categories" else vocabulary.industries
            assert (await read(), vocabulary.partial_kinds) == (["Phishing"], set())
    assert server.requests[-1].endswith(f"?datasetIds={HOME}&datasetIds={OTHER}")


async def test_words_that_differ_by_case_are_all_searched_for() -> None:
    async with upstream(answer([])) as server:
        server.routes = {"/events/dataset": DATASETS, "/events/indicator-types": answer(["domain", "DOMAIN", "ip"])}
        base = f"http://127.0.0.1:{server.port}/client/v4"
        settings = replace(settings_for(base), max_tlp=Tlp.RED)
        async with Client(build_server(settings, lambda: network(base))) as client:
            data = await ask(client, "search_threat_events", indicator_type=["Domain"])
    assert data["read_as"] == ["indicator_type: Domain as domain or DOMAIN"]
    [search] = [httpx.QueryParams(query)["search"] for query in queries(server, "/events") if "search=" in query][:1]
    assert search == '[{"field":"indicatorType","op":"in","value":["domain","DOMAIN"]}]'


@pytest.mark.parametrize("tool", ["get_threat_event", "list_related_threat_events"])
async def test_an_event_is_found_without_its_dataset_where_the_deprecated_route_is_gone(
    tmp_path: Path, tool: str
) -> None:
    tenant = MisbehavingTenant(tmp_path, keep)
    event = await tenant.add("Found", dataset=YOURS, indicator="host.example", indicatorType="domain")
    child = await tenant.add("Child", dataset=MINE)
    async with tenant.api() as api:
        await api.create_relationships(event.dataset_id, event.uuid, [child.uuid], "related_to")
    tenant.front.refuses_paths = (f"/events/{event.uuid}",)
    tenant.is_honest = False
    async with tenant.server(tenant.reading()) as client:
        data = await ask(client, tool, event_id=event.uuid)
    if tool == "get_threat_event":
        assert (data["event"], data["dataset_id"]) == ("Found", event.dataset_id)
    else:
        assert (column(data, "event"), data["datasets"]) == (["Child"], [YOURS, MINE])
