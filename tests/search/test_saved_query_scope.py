"""A saved query has one scope in every tool, and one that has no condition is said to have none."""

import json
from pathlib import Path

import pytest
from inline_snapshot import snapshot
from pydantic import JsonValue

from cf1_mcp.models import SavedQueryFields
from cf1_mcp.policy.dataset_scope import DEFAULT_DATASET
from cf1_mcp.sandbox.options import SandboxOptions
from cf1_mcp.search.scopes import DEFAULT_ONLY, NO_CONDITION
from tests.conversations import ask, column, refused
from tests.tenant import MINE, YOURS, Tenant

pytestmark = pytest.mark.anyio

Arguments = dict[str, JsonValue]
OF_APT28: JsonValue = [{"field": "attacker", "op": "equals", "value": "APT28"}]
EVERY_NAME = (MINE, YOURS, DEFAULT_DATASET)
BLOCKING: dict[str, Arguments] = {
    "blocklist": {"format": "blocklist", "kind": "domain"},
    "gateway": {"format": "gateway", "kind": "domain"},
    "waf": {"format": "waf"},
}


@pytest.fixture
async def tenant(tmp_path: Path) -> Tenant:
    """A tenant with one event of an attacker in each dataset, whose API saves any text."""
    tenant = Tenant(tmp_path, options=SandboxOptions(like_live=True))
    for name in EVERY_NAME:
        host = name.split()[0].lower()
        await tenant.add(host, dataset=name, attacker="APT28", indicator=f"{host}.example.org", indicatorType="domain")
    return tenant


async def save(tenant: Tenant, query: JsonValue, *, rule_enabled: bool = False) -> int:
    given = {
        "name": json.dumps(query),
        "alert_enabled": False,
        "alert_rollup_enabled": False,
        "rule_enabled": rule_enabled,
    }
    async with tenant.api() as api:
        saved = await api.create_query(SavedQueryFields.model_validate({**given, "query_json": json.dumps(query)}))
    tenant.log.clear()
    return saved.id


def list_of(value: JsonValue) -> list[JsonValue]:
    assert isinstance(value, list)
    return value


async def test_a_query_without_a_dataset_searches_the_default_one_in_every_tool(tenant: Tenant) -> None:
    query = await save(tenant, {"search": OF_APT28}, rule_enabled=True)
    async with tenant.server(tenant.allowed(write_datasets=("*",))) as client:
        found = await ask(client, "search_threat_events", query_id=query, fields=["event"])
        export = await ask(client, "export_threat_events", query_id=query, **BLOCKING["blocklist"])
        preview = await ask(client, "update_saved_query", query_id=query, alert_enabled=True)
    assert (found["datasets"], column(found, "event")) == ([DEFAULT_DATASET], ["cloudforce"])
    assert (export["datasets"], export["events"], preview["matches_now"]) == ([DEFAULT_DATASET], 1, "1")
    assert DEFAULT_ONLY in list_of(found["notes"]) and DEFAULT_ONLY in list_of(export["notes"])


async def test_the_caller_and_the_query_may_name_datasets(tenant: Tenant) -> None:
    unnamed = await save(tenant, {"search": OF_APT28})
    named = await save(tenant, {"search": OF_APT28, "datasetId": [tenant.dataset_id(YOURS)]})
    everywhere = await save(tenant, {"search": OF_APT28, "datasetId": "all"})
    async with tenant.server(tenant.reading()) as client:
        calls: list[tuple[int, Arguments, set[str]]] = [
            (unnamed, {"dataset_ids": ["all"]}, {"mine", "yours", "cloudforce"}),
            (unnamed, {"dataset_ids": [MINE]}, {"mine"}),
            (named, {}, {"yours"}),
            (everywhere, {}, {"mine", "yours", "cloudforce"}),
        ]
        for query, chosen, events in calls:
            found = await ask(client, "search_threat_events", query_id=query, fields=["event"], **chosen)
            assert {*map(str, column(found, "event"))} == events
            assert DEFAULT_ONLY not in str(found.get("notes"))


async def test_an_unclear_default_dataset_is_not_guessed(tenant: Tenant) -> None:
    query = await save(tenant, {"search": OF_APT28})
    # One that may not be read is told like one that does not exist.
    async with tenant.server(tenant.allowed(read_datasets=(MINE, YOURS))) as client:
        for tool, more in (("search_threat_events", {}), ("export_threat_events", BLOCKING["blocklist"])):
            assert await refused(client, tool, query_id=query, **more) == snapshot(
                "query_id: the saved query names no dataset, and it is unclear which one is the default. Use dataset_ids to say which to search, beside it."
            )
        found = await ask(client, "search_threat_events", query_id=query, fields=["event"], dataset_ids=["all"])
    assert {*map(str, column(found, "event"))} == {"mine", "yours"}


@pytest.mark.parametrize(
    "query",
    [
        {},
        {"search": []},
        {"search": None},
        {"search": [], "searchBranches": []},
        {"search": [{"field": "attacker", "op": "like", "value": "%"}]},
        {"search": [{"field": "attacker", "op": "like", "value": "%%"}], "order": "desc"},
        {"searchBranches": [OF_APT28, [{"field": "event", "op": "like", "value": "%%"}]]},
    ],
)
async def test_a_query_without_a_condition_says_so_and_makes_no_block_list(tenant: Tenant, query: JsonValue) -> None:
    assert isinstance(query, dict)
    saved = await save(tenant, {**query, "datasetId": [tenant.dataset_id()]})
    async with tenant.server(tenant.reading()) as client:
        found = await ask(client, "search_threat_events", query_id=saved, fields=["event"])
        assert NO_CONDITION in list_of(found["notes"])
        listed = await ask(client, "list_saved_queries")
        assert f"Without a condition, so that they find every event of their datasets: {saved}." in str(listed["notes"])
        tenant.log.clear()
        for file in BLOCKING.values():
            words = await refused(client, "export_threat_events", query_id=saved, text=" ", **file)
            assert words == snapshot(
                "query_id: the saved query has no condition, so every event of its datasets would be blocked. Use filters beside it, such as since; or no query_id, if everything is meant."
            )
        assert tenant.searches() == []
        table = await ask(client, "export_threat_events", query_id=saved, format="csv")
        narrowed = await ask(client, "export_threat_events", query_id=saved, since="2026-11-01", **BLOCKING["waf"])
    assert NO_CONDITION in list_of(table["notes"]) and NO_CONDITION in list_of(narrowed["notes"])
    assert table["events"] == 1


@pytest.mark.parametrize(
    "condition",
    [
        {"field": "attacker", "op": "like", "value": "%28"},
        {"field": "attacker", "op": "equals", "value": "*"},
        {"field": "event", "op": "contains", "value": "%"},
        {"field": "attacker", "op": "not", "value": "*"},
        {"field": "killChain", "op": "gte", "value": 1},
    ],
)
async def test_a_query_with_a_condition_is_not_said_to_have_none(tenant: Tenant, condition: JsonValue) -> None:
    saved = await save(tenant, {"search": [condition], "datasetId": [tenant.dataset_id()]})
    async with tenant.server(tenant.reading()) as client:
        found = await ask(client, "search_threat_events", query_id=saved)
        listed = await ask(client, "list_saved_queries")
    assert NO_CONDITION not in str(found.get("notes")) and "Without a condition" not in str(listed.get("notes"))
