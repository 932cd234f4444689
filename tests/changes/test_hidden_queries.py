"""Saved queries in the previews of changes: neither withheld events and tags nor queries that may not be shown leave a
trace, except that something acts outside.
"""

import json
from collections.abc import Sequence

import pytest
from inline_snapshot import snapshot
from pydantic import JsonValue

from cf1_mcp.models import AlertFrequency, QueryAlertFields, SavedQueryFields
from tests.canned_answers import with_canned_answer
from tests.conversations import ask, refused
from tests.tenant import MINE, YOURS, Tenant

pytestmark = pytest.mark.anyio

Json = dict[str, JsonValue]
ADDRESS = "192.0.2.53"
THEIRS = "Theirs"
BY_TAG: Json = {"field": "tags", "op": "equals", "value": "block"}
READABLE: dict[str, object] = {
    "read_datasets": (MINE, YOURS),
    "write_datasets": (MINE, YOURS),
    "delete_datasets": (MINE, YOURS),
}


@pytest.fixture
def tenant(tenant: Tenant) -> Tenant:
    """A tenant with a third dataset, which may not be read."""
    tenant.store.add_dataset(THEIRS)
    return tenant


async def save(
    tenant: Tenant,
    name: str,
    datasets: Sequence[str] = (MINE,),
    condition: Json = BY_TAG,
    *,
    rule: bool = False,
    frequency: AlertFrequency | None = None,
    text: str | None = None,
) -> int:
    ids = [tenant.dataset_id(one) for one in datasets]
    async with tenant.api() as api:
        query = await api.create_query(
            SavedQueryFields(
                name=name,
                query_json=text or json.dumps({"datasetId": ids, "search": [condition]}),
                rule_enabled=rule,
                alert_enabled=False,
                alert_rollup_enabled=False,
            )
        )
        if frequency:
            await api.create_alert(QueryAlertFields(query_id=query.id, frequency=frequency, enabled=True))
    tenant.log.clear()
    return query.id


REMOVALS: dict[str, Json] = {
    "delete_threat_events": {"dataset_id": MINE},
    "move_threat_events": {"dataset_id": MINE, "destination_dataset_id": YOURS},
}


@pytest.fixture(params=REMOVALS)
def tool(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def without_code(preview: Json) -> Json:
    return {name: value for name, value in preview.items() if name not in ("code", "next")}


# -- what may not be shown of events


@pytest.mark.parametrize(
    "condition",
    [
        {"field": "tags", "op": "contains", "value": "night"},
        {"field": "tags", "op": "in", "value": ["operation-night"]},
        {"field": "tags", "op": "not", "value": "operation-night"},
        {"field": "tags", "op": "like", "value": "%night%"},
    ],
)
async def test_withheld_tags_do_not_count(tenant: Tenant, tool: str, condition: Json) -> None:
    await save(tenant, "night", condition=condition)
    tags: list[list[JsonValue]] = [["operation-night", "wave"], ["wave"]]
    events = [await tenant.add("event", tags=some) for some in tags]
    marked: JsonValue = {"success": True, "result": {"tags": [{"value": "operation-night", "tlp": "red"}]}}
    async with with_canned_answer(tenant, "/events/tags", marked, settings=tenant.allowed(**READABLE)) as client:
        previews = [await ask(client, tool, **REMOVALS[tool], event_ids=[one.uuid]) for one in events]
    assert previews[0].get("saved_queries") == previews[1].get("saved_queries")


@pytest.mark.parametrize("value", [True, False, "true"])
async def test_withheld_children_do_not_count(tenant: Tenant, tool: str, value: JsonValue) -> None:
    await save(tenant, "parents", condition={"field": "hasChildren", "op": "equals", "value": value})
    events = [await tenant.add("event") for _ in range(2)]
    red = await tenant.add("red", tlp="red")
    async with tenant.api() as api:
        await api.create_relationships(events[0].dataset_id, events[0].uuid, [red.uuid], "related_to")
    async with tenant.server(tenant.allowed(**READABLE)) as client:
        previews = [await ask(client, tool, **REMOVALS[tool], event_ids=[one.uuid]) for one in events]
    assert previews[0].get("saved_queries") == previews[1].get("saved_queries")
    assert ("saved_queries" in previews[0]) is (value is False)


async def test_a_query_for_children_in_a_group_is_not_checked(tenant: Tenant, tool: str) -> None:
    ids: list[JsonValue] = [tenant.dataset_id()]
    group: JsonValue = [[{"field": "hasChildren", "op": "equals", "value": True}]]
    await save(tenant, "group", text=json.dumps({"datasetId": ids, "searchBranches": group}))
    event = await tenant.add("event")
    async with tenant.server(tenant.allowed(**READABLE)) as client:
        preview = await ask(client, tool, **REMOVALS[tool], event_ids=[event.uuid])
    assert preview["saved_queries"] == snapshot(["1 'group' could not be checked: it asks for children in a group"])


# -- queries that may not be shown


@pytest.mark.parametrize("datasets", [(THEIRS,), (MINE, THEIRS)])
async def test_a_query_that_may_not_be_shown_is_not_listed(
    tenant: Tenant, tool: str, datasets: tuple[str, ...]
) -> None:
    event = await tenant.add("event", tags=["block"])
    await save(tenant, "shown")
    async with tenant.server(tenant.allowed(**READABLE)) as client:
        before = await ask(client, tool, **REMOVALS[tool], event_ids=[event.uuid])
        for number in range(25):
            await save(tenant, f"secret {number}", datasets)
        assert await ask(client, tool, **REMOVALS[tool], event_ids=[event.uuid]) == before
    assert before["saved_queries"] == snapshot(["1 'shown' finds 1 of these events"])


@pytest.mark.parametrize(
    "text", ['{"filters": {"attacker": "Theirs"}}', "Theirs", '{"datasetId": ["T"], "datasetId": []}']
)
async def test_a_query_whose_text_cannot_be_read_is_not_listed(tenant: Tenant, tool: str, text: str) -> None:
    event = await tenant.add("event", indicator=ADDRESS)
    odd: JsonValue = {"id": 7, "name": "Secret", "query_json": text, "rule_enabled": True}
    canned: JsonValue = {"success": True, "result": [odd]}
    async with with_canned_answer(tenant, "/queries", canned, settings=tenant.allowed(**READABLE)) as client:
        preview = await ask(client, tool, **REMOVALS[tool], event_ids=[event.uuid])
    assert "saved_queries" not in preview and "Secret" not in json.dumps(preview)
    assert preview["outside"] == snapshot(
        [{"query": "a saved query that may not be shown", "acts": ["changes a block list"]}]
    )


async def test_a_query_that_may_not_be_shown_acts_outside_without_a_name(tenant: Tenant) -> None:
    event = await tenant.add("event", indicator=ADDRESS)
    await save(tenant, "Secret", (MINE, THEIRS), rule=True, frequency="immediate")
    call: Json = {"dataset_id": MINE, "event_ids": [event.uuid], "tags": ["block"]}
    async with tenant.server(tenant.allowed(**READABLE)) as client:
        preview = await ask(client, "tag_threat_events", **call)
        await save(tenant, "Secret too", (THEIRS, MINE), rule=True)
        again = await ask(client, "tag_threat_events", **call)
        assert tenant.changes_sent() == []
        done = await ask(client, "tag_threat_events", **call, confirm=again["code"])
    assert (preview["change"], preview["outside"]) == snapshot(
        (
            "Tag 1 event in dataset 'Mine' with 'block'. This may change a block list and notify people through a saved query that may not be shown.",
            [{"query": "a saved query that may not be shown", "acts": ["changes a block list", "notifies people"]}],
        )
    )
    assert without_code(preview) == without_code(again)
    assert "Secret" not in json.dumps(preview) and done["status"] == "done"


async def test_a_code_is_void_once_a_query_that_may_not_be_shown_acts(tenant: Tenant) -> None:
    event = await tenant.add("event", indicator=ADDRESS)
    await save(tenant, "shown", rule=True)
    call: Json = {"dataset_id": MINE, "event_ids": [event.uuid], "tags": ["block"]}
    async with tenant.server(tenant.allowed(**READABLE)) as client:
        old = await ask(client, "tag_threat_events", **call)
        await save(tenant, "Secret", (MINE, THEIRS), rule=True)
        await refused(client, "tag_threat_events", **call, confirm=old["code"])
        new = await ask(client, "tag_threat_events", **call)
    assert new["outside"] == snapshot(
        [
            {
                "query": "saved query 1 'shown'",
                "acts": ["changes a block list"],
                "newly_finds": 1,
                "block": {"count": 1, "indicator": ["192.0.2.53"]},
            },
            {"query": "a saved query that may not be shown", "acts": ["changes a block list"]},
        ]
    )


async def test_a_revert_names_no_query_that_may_not_be_shown(tenant: Tenant) -> None:
    await tenant.add("old")
    tenant.wait(3600)
    await tenant.add("new", tags=["block"])
    await save(tenant, "Secret", (MINE, THEIRS), rule=True, frequency="daily")
    await save(tenant, "Perimeter", rule=True)
    async with tenant.server(tenant.allowed(**READABLE)) as client:
        preview = await ask(client, "revert_threat_dataset", dataset_id=MINE, minutes_ago=30)
    assert preview["outside"] == snapshot(
        [
            {"query": "saved query 2 'Perimeter'", "acts": ["changes a block list"]},
            {"query": "a saved query that may not be shown", "acts": ["changes a block list", "notifies people"]},
        ]
    )
    assert "Secret" not in json.dumps(preview)
    assert "This may change a block list and notify people through a saved query that may not be shown." in str(
        preview["change"]
    )


async def test_the_id_of_a_query_that_may_not_be_shown_is_not_told_by_its_name(tenant: Tenant) -> None:
    await save(tenant, "Secret", (THEIRS,))
    await save(tenant, "shown")
    text = json.dumps({"datasetId": [MINE], "search": [BY_TAG]})
    async with tenant.server(tenant.allowed(**READABLE)) as client:
        words = [
            await refused(client, "create_saved_query", name=name, query_json=text) for name in ("Secret", "shown")
        ]
    assert words == snapshot(
        [
            "name: a saved query has this name already. Use a name that is not taken.",
            "name: saved query 2 has this name already. Use a name that is not taken.",
        ]
    )


GROUPED: JsonValue = [
    [{"field": "event", "op": "startsWith", "value": "e"}],
    [{"field": "hasChildren", "op": "equals", "value": True}],
]


@pytest.mark.parametrize("acts", ["rule_enabled", "alert_enabled"])
async def test_a_query_whose_finds_cannot_be_shown_does_not_begin_to_act(tenant: Tenant, acts: str) -> None:
    await tenant.add("event")
    text = json.dumps({"datasetId": [tenant.dataset_id()], "searchBranches": GROUPED})
    async with tenant.server(tenant.allowed()) as client:
        await ask(client, "create_saved_query", name="quiet", query_json=text)
        await ask(client, "create_query_alert", query_id=1, frequency="daily", enabled=False)
        words = [
            await refused(client, "create_saved_query", name="loud", query_json=text, **{acts: True}),
            await refused(client, "update_saved_query", query_id=1, **{acts: True}),
            await refused(client, "create_query_alert", query_id=1, frequency="immediate"),
            await refused(client, "update_query_alert", alert_id=1, enabled=True),
        ]
    assert words == [
        f"{argument}: it acts outside, and what it finds cannot be shown: hasChildren is in a group of conditions. Use "
        "hasChildren outside of groups."
        for argument in ("query_json", "query_id", "query_id", "alert_id")
    ]
