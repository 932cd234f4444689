"""Changes that feed a block list or notify people: previewed with what they do outside, and bound to it by their code."""

import json
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass

import pytest
from inline_snapshot import snapshot
from pydantic import JsonValue

from cf1_mcp.models import AlertFrequency, Event, EventChange, QueryAlertFields, SavedQuery, SavedQueryFields, Tlp
from tests.canned_answers import with_canned_answer
from tests.conversations import ask, confirmed, refused
from tests.tenant import MINE, YOURS, Tenant

pytestmark = pytest.mark.anyio

Json = dict[str, JsonValue]
ADDRESS = "192.0.2.53"
BOTH: dict[str, object] = {"write_datasets": (MINE, YOURS), "delete_datasets": (MINE, YOURS)}
NEW: Json = {"category": "Phishing", "date": "2026-11-20T10:00:00Z", "event": "seen", "tlp": "green"}


def search_for(*conditions: tuple[str, str, JsonValue]) -> Json:
    return {"search": [{"field": field, "op": op, "value": value} for field, op, value in conditions]}


async def watch(
    tenant: Tenant,
    search: Mapping[str, JsonValue] | str,
    *,
    datasets: tuple[str, ...] = (MINE,),
    name: str = "watch",
    rule: bool = True,
    alerts: bool = False,
    frequency: AlertFrequency | None = None,
    enabled: bool = True,
) -> SavedQuery:
    """Save a query, as a colleague would; with `frequency` it has an alert."""
    ids: list[JsonValue] = [tenant.dataset_id(one) for one in datasets]
    text = search if isinstance(search, str) else json.dumps({"datasetId": ids, **search})
    fields = SavedQueryFields(
        name=name, query_json=text, rule_enabled=rule, alert_enabled=alerts, alert_rollup_enabled=False
    )
    async with tenant.api() as api:
        query = await api.create_query(fields)
        if frequency:
            await api.create_alert(QueryAlertFields(query_id=query.id, frequency=frequency, enabled=enabled))
    tenant.log.clear()
    return query


# -- each changing tool


@dataclass(frozen=True)
class Action:
    """A call that makes one event match the query, with what must be there before."""

    search: Json
    prepare: Callable[[Tenant], Awaitable[tuple[str, Json]]]
    certain: bool = True


async def creation(tenant: Tenant) -> tuple[str, Json]:
    return "create_threat_event", {**NEW, "dataset_id": MINE, "indicator": ADDRESS, "tags": ["block"]}


async def importing(tenant: Tenant) -> tuple[str, Json]:
    row: Json = {**NEW, "indicator": ADDRESS, "tags": ["block"]}
    return "import_threat_events", {"dataset_id": MINE, "rows": [row]}


async def update_of_indicator(tenant: Tenant) -> tuple[str, Json]:
    event = await tenant.add("known", tags=["block"], indicator="192.0.2.1", indicatorType="ip")
    return "update_threat_event", {"dataset_id": MINE, "event_id": event.uuid, "indicator": ADDRESS}


async def update_of_attacker(tenant: Tenant) -> tuple[str, Json]:
    event = await tenant.add("known", indicator=ADDRESS)
    await tenant.add("other", attacker="Copper Lantern")
    return "update_threat_event", {"dataset_id": MINE, "event_id": event.uuid, "attacker": "Copper Lantern"}


async def update_of_category(tenant: Tenant) -> tuple[str, Json]:
    event = await tenant.add("known", indicator=ADDRESS)
    return "update_threat_event", {"dataset_id": MINE, "event_id": event.uuid, "category": "Ransomware"}


async def update_of_date(tenant: Tenant) -> tuple[str, Json]:
    event = await tenant.add("known", indicator=ADDRESS)
    return "update_threat_event", {"dataset_id": MINE, "event_id": event.uuid, "date": "2026-11-23T08:00:00Z"}


async def update_of_title(tenant: Tenant) -> tuple[str, Json]:
    event = await tenant.add("known", indicator=ADDRESS)
    return "update_threat_event", {"dataset_id": MINE, "event_id": event.uuid, "event": "a confirmed botnet"}


async def tagging(tenant: Tenant) -> tuple[str, Json]:
    event = await tenant.add("known", indicator=ADDRESS)
    return "tag_threat_events", {"dataset_id": MINE, "event_ids": [event.uuid], "tags": ["block"]}


async def untagging(tenant: Tenant) -> tuple[str, Json]:
    event = await tenant.add("known", indicator=ADDRESS, tags=["trusted", "reviewed"])
    return "untag_threat_events", {"dataset_id": MINE, "event_ids": [event.uuid], "tags": ["trusted"]}


async def relating(tenant: Tenant) -> tuple[str, Json]:
    parent, child = await tenant.add("parent", indicator=ADDRESS), await tenant.add("child")
    ids: Json = {"event_id": parent.uuid, "related_ids": [child.uuid]}
    return "relate_threat_events", {"dataset_id": MINE, "relationship_type": "caused_by", **ids}


async def moving(tenant: Tenant) -> tuple[str, Json]:
    event = await tenant.add("known", YOURS, indicator=ADDRESS)
    return "move_threat_events", {"dataset_id": YOURS, "destination_dataset_id": MINE, "event_ids": [event.uuid]}


async def undoing_a_deletion(tenant: Tenant) -> tuple[str, Json]:
    event = await tenant.add("known", indicator=ADDRESS, tags=["block"])
    async with tenant.server(tenant.allowed()) as client:
        done = await confirmed(client, "delete_threat_events", dataset_id=MINE, event_ids=[event.uuid])
    return "undo_change", {"change_id": done["change_id"]}


async def undoing_an_untagging(tenant: Tenant) -> tuple[str, Json]:
    event = await tenant.add("known", indicator=ADDRESS, tags=["block"])
    async with tenant.server(tenant.allowed()) as client:
        done = await confirmed(client, "untag_threat_events", dataset_id=MINE, event_ids=[event.uuid], tags=["block"])
    return "undo_change", {"change_id": done["change_id"]}


async def undoing_an_update(tenant: Tenant) -> tuple[str, Json]:
    event = await tenant.add("known", indicator=ADDRESS, targetIndustry="Energy & Utilities")
    await tenant.add("other", targetIndustry="Technology")
    arguments: Json = {"dataset_id": MINE, "event_id": event.uuid, "target_industry": "Technology"}
    async with tenant.server(tenant.allowed()) as client:
        done = await ask(client, "update_threat_event", **arguments)
    return "undo_change", {"change_id": done["change_id"]}


BY_TAG = search_for(("tags", "equals", "block"))
ACTIONS: dict[str, Action] = {
    "creation": Action(BY_TAG, creation),
    "creation by indicator": Action(search_for(("indicator", "in", [ADDRESS, "192.0.2.54"])), creation),
    "creation by category": Action(search_for(("category", "equals", "Phishing")), creation),
    "creation by a part of the indicator": Action(search_for(("indicator", "startsWith", "192.0.2.")), creation),
    "creation by negation": Action(search_for(("tags", "not", "trusted")), creation),
    "creation by time of storage": Action(search_for(("createdAt", "gte", "2026-01-01")), creation, certain=False),
    "creation by kill chain": Action(search_for(("killChain", "gte", 3)), creation, certain=False),
    "creation by technique": Action(search_for(("mitreAttack", "in", ["T1566"])), creation, certain=False),
    "creation by a tag in other letters": Action(search_for(("tags", "equals", "BLOCK")), creation, certain=False),
    "import": Action(BY_TAG, importing),
    "import by marking": Action(search_for(("tlp", "in", ["green", "amber"])), importing),
    "update of the indicator of a found event": Action(BY_TAG, update_of_indicator),
    # The API shows one indicator of possibly many, so the event may be found already.
    "update by indicator": Action(search_for(("indicator", "equals", ADDRESS)), update_of_indicator, certain=False),
    "update of the attacker": Action(search_for(("attacker", "contains", "Copper")), update_of_attacker),
    "update of the category": Action(search_for(("category", "equals", "Ransomware")), update_of_category),
    "update of the category by kill chain": Action(
        search_for(("killChain", "equals", 7)), update_of_category, certain=False
    ),
    "update of the date": Action(search_for(("date", "gt", "2026-11-22T00:00:00Z")), update_of_date),
    "update of the title": Action(search_for(("event", "like", "%botnet%")), update_of_title),
    "tagging": Action(BY_TAG, tagging),
    "tagging with another condition": Action(search_for(("tags", "in", ["block"]), ("tlp", "not", "red")), tagging),
    # What `not` means for a list is not published, so the event may be found already.
    "untagging by negation": Action(search_for(("tags", "not", "trusted")), untagging, certain=False),
    # Whether the children that an event has may be seen is not known here, so neither is whether they are the first.
    "relating": Action(search_for(("hasChildren", "equals", True)), relating, certain=False),
    "move": Action(search_for(("indicatorType", "not", "url")), moving, certain=False),
    "move by indicator": Action(search_for(("indicator", "equals", ADDRESS)), moving),
    "undo of a deletion": Action(BY_TAG, undoing_a_deletion),
    "undo of an untagging": Action(BY_TAG, undoing_an_untagging),
    "undo of an update": Action(search_for(("targetIndustry", "contains", "Energy")), undoing_an_update),
}


@pytest.fixture(params=ACTIONS)
def action(request: pytest.FixtureRequest) -> Action:
    return ACTIONS[request.param]


async def test_a_change_that_feeds_a_block_list_names_what_it_adds_and_needs_a_code(
    tenant: Tenant, action: Action
) -> None:
    tool, arguments = await action.prepare(tenant)
    await watch(tenant, action.search)
    async with tenant.server(tenant.allowed(**BOTH)) as client:
        preview = await ask(client, tool, **arguments)
        assert tenant.changes_sent() == []
        done = await ask(client, tool, **arguments, confirm=preview["code"])
    adds = "This adds" if action.certain else "This may add"
    assert preview["status"] == "confirmation_required"
    assert f"{adds} 1 indicator to the block list of saved query 1 'watch'" in str(preview["change"])
    [outside] = listed(preview["outside"])
    assert outside["block" if action.certain else "may_block"] == {"count": 1, "indicator": [ADDRESS]}
    assert done["status"] == "done" and tenant.changes_sent()


async def test_a_change_that_an_alert_watches_says_whom_it_notifies(tenant: Tenant, action: Action) -> None:
    tool, arguments = await action.prepare(tenant)
    await watch(tenant, action.search, rule=False, frequency="immediate")
    async with tenant.server(tenant.allowed(**BOTH)) as client:
        answer = await ask(client, tool, **arguments)
    if action is ACTIONS["update of the indicator of a found event"]:
        assert answer["status"] == "done"  # the query finds the event before and after
        return
    events = "1 event" if action.certain else "up to 1 event"
    assert f"This notifies people of {events} found by saved query 1 'watch', at each hit." in str(answer["change"])
    assert tenant.changes_sent() == []


async def test_a_query_that_does_nothing_outside_costs_no_code(tenant: Tenant, action: Action) -> None:
    tool, arguments = await action.prepare(tenant)
    await watch(tenant, action.search, rule=False, frequency="daily", enabled=False)
    await watch(tenant, action.search, name="other dataset", datasets=("Cloudforce One Threat Events",), alerts=True)
    async with tenant.server(tenant.allowed(**BOTH)) as client:
        answer = await ask(client, tool, **arguments)
    assert "outside" not in answer and "block list" not in str(answer["change"])
    if tool not in ("untag_threat_events", "move_threat_events"):
        assert answer["status"] == "done"


async def test_a_query_that_cannot_be_read_may_find_everything(tenant: Tenant, action: Action) -> None:
    tool, arguments = await action.prepare(tenant)
    odd: JsonValue = {"id": 7, "name": "odd", "query_json": '{"filters": {"attacker": "X"}}', "rule_enabled": True}
    settings = tenant.allowed(**BOTH)
    canned: JsonValue = {"success": True, "result": [odd]}
    async with with_canned_answer(tenant, "/queries", canned, settings=settings) as client:
        preview = await ask(client, tool, **arguments)
        await refused(client, tool, **arguments, confirm="K7QF-2M9D-XW4T")
    assert preview["status"] == "confirmation_required"
    assert "to the block list of saved query 7, which cannot be read" in str(preview["change"])
    assert "odd" not in str(preview["change"]) + str(preview["outside"])


@pytest.mark.parametrize("status", [403, 404])
async def test_queries_that_cannot_be_listed_make_a_change_need_a_code(
    tenant: Tenant, action: Action, status: int
) -> None:
    tool, arguments = await action.prepare(tenant)
    failure: JsonValue = {"success": False, "errors": [{"message": "busy"}], "result": {}}
    settings = tenant.allowed(**BOTH)
    async with with_canned_answer(tenant, "/queries", failure, status, settings=settings) as client:
        preview = await ask(client, tool, **arguments)
        done = await ask(client, tool, **arguments, confirm=preview["code"])
    assert "The saved queries could not be listed, so it is unknown whether" in str(preview["change"])
    assert done["status"] == "done"


# -- what a code is bound to


async def with_another_query(tenant: Tenant) -> None:
    await watch(tenant, BY_TAG, name="another")


async def with_alerts(tenant: Tenant) -> None:
    async with tenant.api() as api:
        await api.create_alert(QueryAlertFields(query_id=1, frequency="immediate"))


async def with_another_name(tenant: Tenant) -> None:
    async with tenant.api() as api:
        await api.update_query(1, SavedQueryFields(name="renamed"))


async def with_alert_enabled(tenant: Tenant) -> None:
    async with tenant.api() as api:
        await api.update_query(1, SavedQueryFields(alert_enabled=True))


async def with_another_search(tenant: Tenant) -> None:
    text = json.dumps(
        {"datasetId": [tenant.dataset_id()], **search_for(("tags", "contains", "lock"), ("tlp", "not", "red"))}
    )
    async with tenant.api() as api:
        await api.update_query(1, SavedQueryFields(query_json=text.replace("lock", "BLOCK")))


MEANWHILE = [with_another_query, with_alerts, with_another_name, with_alert_enabled, with_another_search]


@pytest.mark.parametrize("meanwhile", MEANWHILE)
@pytest.mark.parametrize("tool", ["creation", "import", "tagging", "undo of a deletion"])
async def test_a_code_is_void_once_something_else_would_happen_outside(
    tenant: Tenant, tool: str, meanwhile: Callable[[Tenant], Awaitable[None]]
) -> None:
    name, arguments = await ACTIONS[tool].prepare(tenant)
    await watch(tenant, BY_TAG)
    async with tenant.server(tenant.allowed()) as client:
        old = await ask(client, name, **arguments)
        await meanwhile(tenant)
        tenant.log.clear()
        await refused(client, name, **arguments, confirm=old["code"])
        assert tenant.changes_sent() == []
        new = await ask(client, name, **arguments)
        done = await ask(client, name, **arguments, confirm=new["code"])
    assert new["code"] != old["code"] and done["status"] == "done"


async def test_a_code_is_void_once_the_indicator_of_a_tagged_event_changed(tenant: Tenant) -> None:
    event = await tenant.add("known", indicator=ADDRESS, indicatorType="ip")
    await watch(tenant, BY_TAG)
    call: Json = {"dataset_id": MINE, "event_ids": [event.uuid], "tags": ["block"]}
    async with tenant.server(tenant.allowed()) as client:
        old = await ask(client, "tag_threat_events", **call)
        await change(tenant, event, indicator="192.0.2.99")
        await refused(client, "tag_threat_events", **call, confirm=old["code"])
        assert tenant.changes_sent() == []
        new = await ask(client, "tag_threat_events", **call)
        await ask(client, "tag_threat_events", **call, confirm=new["code"])
    assert listed(new["outside"])[0]["block"] == {"count": 1, "indicator": ["192.0.2.99"]}


async def test_a_change_without_an_effect_outside_needs_a_code_once_it_has_one(tenant: Tenant) -> None:
    async with tenant.server(tenant.allowed()) as client:
        tool, call = await tagging(tenant)
        await watch(tenant, BY_TAG)
        preview = await ask(client, tool, **call)
    assert preview["status"] == "confirmation_required" and tenant.changes_sent() == []


# -- more than one event, query or state


async def test_a_whole_preview(tenant: Tenant) -> None:
    events = [await tenant.add(f"event {number}", indicator=f"192.0.2.{number}") for number in (1, 2, 3)]
    await tenant.add("silent")
    await watch(tenant, BY_TAG, name="Perimeter", frequency="daily")
    await watch(tenant, search_for(("tags", "equals", "Block")), name="Letters", rule=False, alerts=True)
    call: Json = {"dataset_id": MINE, "event_ids": [one.uuid for one in events], "tags": ["block"]}
    async with tenant.server(tenant.allowed(mode="write")) as client:
        preview = await ask(client, "tag_threat_events", **call)
    assert {**preview, "code": "...", "sample": "..."} == snapshot(
        {
            "source": "sandbox: fictional data, not intelligence",
            "status": "confirmation_required",
            "change": "Tag 3 events in dataset 'Mine' with 'block'. This adds 3 indicators to the block list of saved query 1 'Perimeter', which newly finds 3 events. This notifies people of 3 events found by saved query 1 'Perimeter', once a day. This notifies people of up to 3 events found by saved query 2 'Letters'.",
            "undo": "undo_change takes off the added tags, and leaves those that existed before. What was blocked or sent until then is not undone. The undo needs CF1_MODE=full, the dataset in CF1_DELETE_DATASETS, CF1_MAX_CHANGE of at least 3 and a code. The current settings refuse it: CF1_MODE (write).",
            "code": "...",
            "outside": [
                {
                    "query": "saved query 1 'Perimeter'",
                    "acts": ["changes a block list", "notifies people once a day"],
                    "newly_finds": 3,
                    "block": {"count": 3, "indicator": ["192.0.2.1", "192.0.2.2", "192.0.2.3"]},
                },
                {"query": "saved query 2 'Letters'", "acts": ["notifies people"], "may_find": 3},
            ],
            "untrusted": ["change", "outside"],
            "sample": "...",
            "notes": [
                "Nothing was changed. Show this to the person; if they agree, repeat the call with the code as confirm."
            ],
        }
    )


async def test_an_event_leaves_a_block_list(tenant: Tenant) -> None:
    event = await tenant.add("known", tags=["block"], indicator=ADDRESS)
    await watch(tenant, BY_TAG)
    async with tenant.server(tenant.allowed()) as client:
        untagged = await ask(client, "untag_threat_events", dataset_id=MINE, event_ids=[event.uuid], tags=["block"])
        deleted = await ask(client, "delete_threat_events", dataset_id=MINE, event_ids=[event.uuid])
        changed = await ask(client, "update_threat_event", dataset_id=MINE, event_id=event.uuid, indicator="192.0.2.9")
    words = "This may take 1 indicator off the block list of saved query 1 'watch'."
    assert [words in str(one["change"]) for one in (untagged, deleted, changed)] == [True] * 3
    assert listed(untagged["outside"])[0]["may_unblock"] == {"count": 1, "indicator": [ADDRESS]}


async def test_an_alert_does_not_notify_of_an_event_that_is_no_longer_found(tenant: Tenant) -> None:
    event = await tenant.add("known", attacker="Copper Lantern")
    await watch(tenant, search_for(("attacker", "equals", "Copper Lantern")), rule=False, frequency="immediate")
    async with tenant.server(tenant.allowed()) as client:
        done = await ask(client, "update_threat_event", dataset_id=MINE, event_id=event.uuid, attacker="")
    assert done["status"] == "done"


UNTOUCHED: list[tuple[str, Json]] = [
    ("another field", search_for(("attacker", "equals", "Copper Lantern"))),
    ("an unknown time that does not change", search_for(("createdAt", "gte", "2026-01-01"))),
    ("a condition that it fails", search_for(("tags", "equals", "block"), ("tlp", "equals", "red"))),
    ("children", search_for(("hasChildren", "equals", False))),
    ("branches that it fails", {"searchBranches": [[{"field": "tlp", "op": "equals", "value": "red"}]]}),
    ("another tag", search_for(("tags", "equals", "other"))),
]


@pytest.mark.parametrize("search", [one[1] for one in UNTOUCHED], ids=[one[0] for one in UNTOUCHED])
async def test_a_change_that_no_search_notices_needs_no_code(tenant: Tenant, search: Json) -> None:
    event = await tenant.add("known", attacker="Copper Lantern", indicator=ADDRESS)
    await watch(tenant, search, alerts=True)
    async with tenant.server(tenant.allowed()) as client:
        done = await ask(client, "tag_threat_events", dataset_id=MINE, event_ids=[event.uuid], tags=["block"])
    assert done["status"] == "done"


async def test_a_change_of_evidence_or_insight_asks_for_no_saved_queries(tenant: Tenant) -> None:
    event = await tenant.add("known", indicator=ADDRESS)
    await watch(tenant, BY_TAG)
    async with tenant.server(tenant.allowed()) as client:
        await ask(client, "update_threat_event", dataset_id=MINE, event_id=event.uuid, insight="why")
    assert "GET /events/queries" not in tenant.requests()


GROUPED: Json = {
    "search": [{"field": "tlp", "op": "in", "value": ["green", "amber"]}],
    "searchBranches": [
        [{"field": "attacker", "op": "equals", "value": "Copper Lantern"}],
        [{"field": "tags", "op": "contains", "value": "block"}],
    ],
}


async def test_a_grouped_query_is_understood(tenant: Tenant) -> None:
    tool, call = await tagging(tenant)
    await watch(tenant, GROUPED)
    async with tenant.server(tenant.allowed()) as client:
        preview = await ask(client, tool, **call)
    assert "This adds 1 indicator to the block list" in str(preview["change"])


SCOPES: list[tuple[str, str, bool]] = [
    ("all datasets", '{"datasetId": ["all"], SEARCH}', True),
    ("a star", '{"datasetId": "*", SEARCH}', True),
    ("operational datasets", '{"datasetId": ["operational"], SEARCH}', True),
    ("analytics datasets", '{"datasetId": ["analytics"], SEARCH}', False),
    ("two datasets", '{"datasetId": ["MINE", "YOURS"], SEARCH}', True),
    ("two datasets in one text", '{"datasetId": "YOURS,MINE", SEARCH}', True),
    ("capital letters", '{"datasetId": ["UPPER"], SEARCH}', True),
    ("another dataset", '{"datasetId": ["YOURS"], SEARCH}', False),
    ("the default dataset", "{SEARCH}", False),
    ("an unknown dataset", '{"datasetId": ["d0000000-0000-4000-8000-000000000009"], SEARCH}', False),
    ("the name of the dataset", '{"datasetId": ["Mine"], SEARCH}', True),
]


@pytest.mark.parametrize(("text", "acts"), [one[1:] for one in SCOPES], ids=[one[0] for one in SCOPES])
async def test_a_query_acts_on_the_datasets_that_it_searches(tenant: Tenant, text: str, acts: bool) -> None:
    tool, call = await tagging(tenant)
    mine, yours = tenant.dataset_id(MINE), tenant.dataset_id(YOURS)
    search = text.replace("MINE", mine).replace("YOURS", yours).replace("UPPER", mine.upper())
    search = search.replace("SEARCH", json.dumps(BY_TAG)[1:-1])
    query: JsonValue = {"id": 7, "name": "scope", "query_json": search, "rule_enabled": True}
    async with with_canned_answer(tenant, "/queries", {"success": True, "result": [query]}) as client:
        answer = await ask(client, tool, **call)
    assert (answer["status"] == "confirmation_required") == acts


async def test_an_import_names_certain_and_possible_events_and_counts_indicators_once(tenant: Tenant) -> None:
    rows: list[JsonValue] = [
        {**NEW, "event": "one", "indicator": ADDRESS, "tags": ["block"]},
        {**NEW, "event": "two", "indicator": ADDRESS, "tags": ["block", "x"]},
        {**NEW, "event": "three", "indicator": "192.0.2.54", "tags": ["BLOCK"]},
        {**NEW, "event": "four", "indicator": "192.0.2.55"},
    ]
    await watch(tenant, BY_TAG)
    async with tenant.server(tenant.allowed()) as client:
        preview = await ask(client, "import_threat_events", dataset_id=MINE, rows=rows)
    assert preview["outside"] == snapshot(
        [
            {
                "query": "saved query 1 'watch'",
                "acts": ["changes a block list"],
                "newly_finds": 2,
                "may_find": 1,
                "block": {"count": 1, "indicator": ["192.0.2.53"]},
                "may_block": {"count": 1, "indicator": ["192.0.2.54"]},
            }
        ]
    )


async def test_a_row_with_children_may_match_before_and_after_it_has_them(tenant: Tenant) -> None:
    rows: list[JsonValue] = [
        {**NEW, "event": "parent", "indicator": ADDRESS, "ref": "a"},
        {**NEW, "event": "child", "parent_ref": "a"},
    ]
    await watch(tenant, search_for(("hasChildren", "equals", True)))
    async with tenant.server(tenant.allowed()) as client:
        preview = await ask(client, "import_threat_events", dataset_id=MINE, rows=rows)
    assert listed(preview["outside"])[0]["may_block"] == {"count": 1, "indicator": [ADDRESS]}


async def test_whether_an_event_has_withheld_children_makes_no_difference(tenant: Tenant) -> None:
    first, second, child = [await tenant.add(name, indicator=ADDRESS) for name in ("first", "second", "child")]
    red = await tenant.add("red", tlp="red")
    async with tenant.api() as api:
        await api.create_relationships(tenant.dataset_id(), first.uuid, [red.uuid], "related_to")
    await watch(tenant, search_for(("hasChildren", "equals", True)))
    call: Json = {"dataset_id": MINE, "related_ids": [child.uuid], "relationship_type": "related_to"}
    async with tenant.server(tenant.allowed()) as client:
        previews = [await ask(client, "relate_threat_events", **call, event_id=one.uuid) for one in (first, second)]
    assert previews[0]["outside"] == previews[1]["outside"]


async def test_whether_an_event_has_a_withheld_tag_makes_no_difference(tenant: Tenant) -> None:
    first = await tenant.add("first", tags=["operation-secret", "wave"], indicator=ADDRESS)
    second = await tenant.add("second", tags=["wave"], indicator=ADDRESS)
    await watch(tenant, search_for(("tags", "contains", "secret"), ("tags", "equals", "block")))
    call: Json = {"dataset_id": MINE, "tags": ["block"]}
    marked: JsonValue = {"success": True, "result": {"tags": [{"value": "operation-secret", "tlp": "red"}]}}
    async with with_canned_answer(tenant, "/events/tags", marked) as client:
        previews = [await ask(client, "tag_threat_events", **call, event_ids=[one.uuid]) for one in (first, second)]
    assert previews[0]["outside"] == previews[1]["outside"]


async def test_many_queries_are_named_in_part_and_bound_in_full(tenant: Tenant) -> None:
    tool, call = await tagging(tenant)
    for number in range(25):
        await watch(tenant, BY_TAG, name=f"query {number}")
    async with tenant.server(tenant.allowed()) as client:
        preview = await ask(client, tool, **call)
        async with tenant.api() as api:
            await api.update_query(25, SavedQueryFields(name="another name"))
        await refused(client, tool, **call, confirm=preview["code"])
    assert "22 more saved queries act outside as well." in str(preview["change"])
    assert len(listed(preview["outside"])) == 20


async def test_alerts_that_cannot_be_listed_may_notify(tenant: Tenant) -> None:
    tool, call = await tagging(tenant)
    await watch(tenant, BY_TAG, rule=False)
    failure: JsonValue = {"success": False, "errors": [{"message": "busy"}], "result": {}}
    async with with_canned_answer(tenant, "/queries/alerts", failure, 403) as client:
        preview = await ask(client, tool, **call)
    assert "The alerts could not be listed, so it is unknown whether this notifies people." in str(preview["change"])


async def test_a_change_costs_two_requests_for_what_it_does_outside(tenant: Tenant) -> None:
    async with tenant.server(tenant.allowed()) as client:
        tool, call = await tagging(tenant)
        await ask(client, tool, **call)
        before = len(tenant.requests())
        tool, call = await tagging(tenant)
        for number in range(5):
            await watch(tenant, BY_TAG, name=f"query {number}", frequency="immediate")
        await ask(client, tool, **call)
        asked = [line for line in tenant.requests() if "/queries" in line]
    assert asked == ["GET /events/queries", "GET /events/queries/alerts"] and len(tenant.requests()) <= before


async def test_a_revert_names_the_queries_through_which_it_may_act_outside(tenant: Tenant) -> None:
    await tenant.add("old")
    tenant.wait(3600)
    await tenant.add("new", tags=["block"])
    await watch(tenant, BY_TAG, name="Perimeter", frequency="daily")
    await watch(tenant, BY_TAG, name="Silent", rule=False)
    await watch(tenant, BY_TAG, name="Elsewhere", datasets=(YOURS,))
    call: Json = {"dataset_id": MINE, "minutes_ago": 30}
    async with tenant.server(tenant.allowed()) as client:
        preview = await ask(client, "revert_threat_dataset", **call)
        await with_another_query(tenant)
        await refused(client, "revert_threat_dataset", **call, confirm=preview["code"])
    assert "It may change what is blocked, or notify people, through saved query 1 'Perimeter'." in str(
        preview["change"]
    )
    assert preview["outside"] == [
        {"query": "saved query 1 'Perimeter'", "acts": ["changes a block list", "notifies people once a day"]}
    ]


# -- saved queries and alerts themselves


@dataclass(frozen=True)
class Watching:
    """A call that makes a query or an alert act outside."""

    tool: str
    arguments: Json
    rule: bool = False
    alerts: bool = False
    frequency: AlertFrequency | None = None
    enabled: bool = True


WATCHING: dict[str, Watching] = {
    "a new query with a rule": Watching("create_saved_query", {"name": "n", "rule_enabled": True}),
    "a new query with alerts": Watching("create_saved_query", {"name": "n", "alert_enabled": True}),
    "a rule that is enabled": Watching("update_saved_query", {"query_id": 1, "rule_enabled": True}),
    "alerts that are enabled": Watching("update_saved_query", {"query_id": 1, "alert_enabled": True}),
    "the scope of an enabled rule": Watching("update_saved_query", {"query_id": 1, "rule_scope": "zone"}, rule=True),
    "the name of a query with alerts": Watching("update_saved_query", {"query_id": 1, "name": "m"}, alerts=True),
    "the name of a query with an alert": Watching(
        "update_saved_query", {"query_id": 1, "name": "m"}, frequency="daily"
    ),
    "a rule that is disabled": Watching("update_saved_query", {"query_id": 1, "rule_enabled": False}, rule=True),
    "a deleted rule": Watching("delete_saved_query", {"query_id": 1}, rule=True),
    "a new alert": Watching("create_query_alert", {"query_id": 1, "frequency": "immediate"}),
    "an alert that is enabled": Watching(
        "update_query_alert", {"alert_id": 1, "enabled": True}, frequency="daily", enabled=False
    ),
    "the frequency of an enabled alert": Watching(
        "update_query_alert", {"alert_id": 1, "frequency": "immediate"}, frequency="daily"
    ),
}


async def prepare(tenant: Tenant, watching: Watching) -> Json:
    await watch(
        tenant,
        BY_TAG,
        rule=watching.rule,
        alerts=watching.alerts,
        frequency=watching.frequency,
        enabled=watching.enabled,
    )
    more: Json = {}
    if watching.tool == "create_saved_query":
        more = {"query_json": json.dumps({"datasetId": [MINE], **BY_TAG})}
    return {**watching.arguments, **more}


@pytest.mark.parametrize("name", WATCHING)
async def test_what_a_query_acts_on_is_previewed_and_bound_to_its_code(tenant: Tenant, name: str) -> None:
    watching = WATCHING[name]
    found = [await tenant.add(f"found {number}", tags=["block"], indicator=f"192.0.2.{number}") for number in (1, 2)]
    await tenant.add("red", tags=["block"], tlp="red", indicator="192.0.2.77")
    call = await prepare(tenant, watching)
    async with tenant.server(tenant.allowed()) as client:
        old = await ask(client, watching.tool, **call)
        assert tenant.changes_sent() == []
        codes = [old["code"]]
        for meanwhile in (another_match, another_indicator, another_title, one_match_less):
            await meanwhile(tenant, found)
            tenant.log.clear()
            await refused(client, watching.tool, **call, confirm=codes[-1])
            assert tenant.changes_sent() == []
            codes.append((await ask(client, watching.tool, **call))["code"])
        done = await ask(client, watching.tool, **call, confirm=codes[-1])
    assert (old["matches_now"], old["indicators_now"]) == ("2", 2)
    assert sorted(map(str, listed_texts(old["indicator"]))) == ["192.0.2.1", "192.0.2.2"]
    assert "It currently finds 2 events with 2 indicators. Events that the rules withhold are not counted." in str(
        old["change"]
    )
    assert "192.0.2.77" not in json.dumps(old) and len({*map(str, codes)}) == 5
    assert done["status"] == "done" and tenant.changes_sent()


async def another_match(tenant: Tenant, found: list[Event]) -> None:
    await tenant.add("more", tags=["block"], indicator="192.0.2.3")


async def another_indicator(tenant: Tenant, found: list[Event]) -> None:
    await change(tenant, found[0], indicator="192.0.2.8")


async def another_title(tenant: Tenant, found: list[Event]) -> None:
    await change(tenant, found[0], event="rewritten")


async def one_match_less(tenant: Tenant, found: list[Event]) -> None:
    async with tenant.api() as api:
        await api.untag_event(found[1].uuid, ["block"])


@pytest.mark.parametrize("name", WATCHING)
async def test_events_that_are_withheld_make_no_difference_to_a_preview(tenant: Tenant, name: str) -> None:
    watching = WATCHING[name]
    await tenant.add("found", tags=["block"], indicator=ADDRESS)
    call = await prepare(tenant, watching)
    async with tenant.server(tenant.allowed()) as client:
        before = await ask(client, watching.tool, **call)
        for number in range(3):
            await tenant.add(f"red {number}", tags=["block"], tlp="red", indicator=f"192.0.2.{number}")
        assert await ask(client, watching.tool, **call) == before


async def test_a_changed_text_of_a_blocking_query_counts_what_it_newly_finds_and_no_longer(tenant: Tenant) -> None:
    await tenant.add("old", tags=["block"])
    await tenant.add("both", tags=["block", "c2"])
    await tenant.add("new", tags=["c2"])
    await tenant.add("newer", tags=["c2"])
    await watch(tenant, BY_TAG)
    text = json.dumps({"datasetId": [MINE], **search_for(("tags", "equals", "c2"))})
    async with tenant.server(tenant.allowed()) as client:
        preview = await ask(client, "update_saved_query", query_id=1, query_json=text)
    assert [preview[name] for name in ("matches_now", "newly_found", "no_longer_found")] == ["3", 2, 1]


SILENT: list[tuple[str, Watching]] = [
    ("a query without a rule", Watching("create_saved_query", {"name": "n"})),
    ("a name of a query without a rule", Watching("update_saved_query", {"query_id": 1, "name": "m"})),
    (
        "alerts that are disabled",
        Watching("update_saved_query", {"query_id": 1, "alert_enabled": False}, alerts=True, frequency="daily"),
    ),
    ("a disabled alert", Watching("create_query_alert", {"query_id": 1, "enabled": False})),
    ("an alert that is disabled", Watching("update_query_alert", {"alert_id": 1, "enabled": False}, frequency="daily")),
    (
        "the frequency of a disabled alert",
        Watching("update_query_alert", {"alert_id": 1, "frequency": "immediate"}, frequency="daily", enabled=False),
    ),
]


@pytest.mark.parametrize("watching", [one[1] for one in SILENT], ids=[one[0] for one in SILENT])
async def test_what_notifies_nobody_needs_no_code(tenant: Tenant, watching: Watching) -> None:
    await tenant.add("found", tags=["block"])
    call = await prepare(tenant, watching)
    async with tenant.server(tenant.allowed(mode="write")) as client:
        done = await ask(client, watching.tool, **call)
    assert done["status"] == "done"


async def test_the_undo_of_a_silenced_alert_needs_a_code(tenant: Tenant) -> None:
    await watch(tenant, BY_TAG, rule=False, frequency="daily")
    async with tenant.server(tenant.allowed()) as client:
        done = await ask(client, "update_query_alert", alert_id=1, enabled=False)
        preview = await ask(client, "undo_change", change_id=done["change_id"])
        await tenant.add("found", tags=["block"])
        await refused(client, "undo_change", change_id=done["change_id"], confirm=preview["code"])
        undone = await confirmed(client, "undo_change", change_id=done["change_id"])
    assert "Its notifications go to people outside." in str(preview["change"]) and undone["status"] == "done"


async def test_the_undo_of_a_deleted_query_with_an_alert_needs_a_code(tenant: Tenant) -> None:
    await watch(tenant, BY_TAG, rule=False, frequency="daily")
    async with tenant.server(tenant.allowed()) as client:
        done = await confirmed(client, "delete_saved_query", query_id=1)
        preview = await ask(client, "undo_change", change_id=done["change_id"])
    assert "Its alerts notify people outside." in str(preview["change"])


async def test_a_server_that_withholds_nothing_says_nothing_of_withheld_events(tenant: Tenant) -> None:
    await tenant.add("red", tags=["block"], tlp="red", indicator=ADDRESS)
    call = await prepare(tenant, WATCHING["a new alert"])
    async with tenant.server(tenant.allowed(max_tlp=Tlp.RED)) as client:
        preview = await ask(client, "create_query_alert", **call)
    assert str(preview["change"]).endswith("It currently finds 1 event with 1 indicator.")


async def change(tenant: Tenant, target: Event, **fields: str) -> None:
    """Change an event, as a colleague would."""
    async with tenant.api() as api:
        await api.update_event(target.uuid, EventChange.model_validate({"datasetId": target.dataset_id, **fields}))
    tenant.log.clear()


def listed(value: JsonValue) -> list[Json]:
    assert isinstance(value, list)
    return [one for one in value if isinstance(one, dict)]


def listed_texts(value: JsonValue) -> list[JsonValue]:
    assert isinstance(value, list)
    return value
