"""Saved queries in another grammar: shown and not run, and changed only where every dataset may be changed."""

import json
from pathlib import Path

import pytest
from inline_snapshot import snapshot
from pydantic import JsonValue

from cf1_mcp.changes.queries.account_alerts import UNREAD
from cf1_mcp.models import QueryAlertFields, SavedQuery, SavedQueryFields
from cf1_mcp.policy.dataset_scope import DEFAULT_DATASET
from cf1_mcp.sandbox.options import SandboxOptions
from tests.canned_answers import with_canned_answer
from tests.conversations import ask, ask_for_text, confirmed, refused
from tests.tenant import MINE, YOURS, Tenant

pytestmark = pytest.mark.anyio

Arguments = dict[str, JsonValue]
OTHER = '{"filters": {"attacker": ["APT28"]}, "logic": "or"}'
EVERYTHING: dict[str, object] = {"write_datasets": ("*",), "delete_datasets": ("*",)}
EVERY_NAME = (MINE, YOURS, DEFAULT_DATASET)


@pytest.fixture
def tenant(tmp_path: Path) -> Tenant:
    """A tenant whose API saves any text."""
    return Tenant(tmp_path, options=SandboxOptions(like_live=True))


async def save(tenant: Tenant, text: str = OTHER, **fields: object) -> int:
    given = {"name": "Watch", "alert_enabled": False, "alert_rollup_enabled": False, "rule_enabled": False, **fields}
    async with tenant.api() as api:
        saved = await api.create_query(SavedQueryFields.model_validate({**given, "query_json": text}))
    tenant.log.clear()
    return saved.id


async def add_alert(tenant: Tenant, query_id: int, *, enabled: bool = False) -> int:
    async with tenant.api() as api:
        alert = await api.create_alert(QueryAlertFields(query_id=query_id, frequency="daily", enabled=enabled))
    tenant.log.clear()
    return alert.id


async def read(tenant: Tenant, query_id: int) -> SavedQuery:
    async with tenant.api() as api:
        return await api.read_query(query_id)


def search_over(tenant: Tenant, *names: str, **more: JsonValue) -> str:
    return json.dumps({"datasetId": [tenant.dataset_id(name) for name in names], "search": [], **more})


# -- not run


@pytest.mark.parametrize("tool", ["search_threat_events", "export_threat_events"])
@pytest.mark.parametrize(
    "more", [{"logic": "or"}, {"maxTlp": "green"}, {"dateRange": "7d"}, {"datasetIds": [MINE]}, {"filters": {}}]
)
async def test_a_query_in_another_grammar_is_not_run(tenant: Tenant, tool: str, more: Arguments) -> None:
    await tenant.add("phish", indicator="192.0.2.1", indicatorType="ip")
    query = await save(tenant, search_over(tenant, MINE, **more))
    file: Arguments = {"format": "blocklist", "kind": "ip"} if tool == "export_threat_events" else {}
    async with tenant.server(tenant.allowed()) as client:
        for name in (query, str(query), "watch"):
            words = await refused(client, tool, query_id=name, **file)
            assert "the text of saved query 1 is in another grammar than the one that this server runs" in words
            assert next(iter(more)) in words
    assert tenant.searches() == []


async def test_queries_in_another_grammar_are_shown_and_named_in_a_note(tenant: Tenant) -> None:
    await save(tenant)
    search: JsonValue = [{"field": "attacker", "op": "equals", "value": "APT28"}]
    await save(tenant, search_over(tenant, MINE, search=search), name="Understood")
    await save(tenant, 'attacker:"APT28"', name="Lucene")
    async with tenant.server(tenant.reading()) as client:
        assert await ask_for_text(client, "list_saved_queries") == snapshot("""\
[sandbox: fictional data, not intelligence]
queries: 3
<untrusted MARK>
id	name	alert_enabled	rule_enabled	updated	query_json
1	Watch	False	False	2026-11-24	{"filters": {"attacker": ["APT28"]}, "logic": "or"}
2	Understood	False	False	2026-11-24	{"datasetId": ["a9fa1f29-a64a-58a3-af35-67f963de9ab6"], "search": [{"field": "attacker", "op": "equals", "value": "APT28"}]}
3	Lucene	False	False	2026-11-24	attacker:"APT28"
</untrusted MARK>
In another grammar than this server reads: 1, 3. These are not run, and a change of one needs a code and lists of the operator that allow every dataset.\
""")
        assert "notes" not in await ask(client, "list_saved_queries", query_id=2)


async def test_a_query_in_another_grammar_is_not_shown_where_lists_restrict_reading(tenant: Tenant) -> None:
    query = await save(tenant, name="Secret")
    async with tenant.server(tenant.allowed(read_datasets=EVERY_NAME)) as client:
        assert (await ask(client, "list_saved_queries"))["queries"] == 0
        assert "Secret" not in await refused(client, "search_threat_events", query_id=query)


# -- changed under the strictest rule

CHANGES: dict[str, tuple[str, Arguments]] = {
    "rename": ("update_saved_query", {"name": "Renamed"}),
    "silence": ("update_saved_query", {"alert_enabled": False}),
    "feed a block list": ("update_saved_query", {"rule_enabled": True}),
    "no longer feed one": ("update_saved_query", {"rule_enabled": False}),
    "replace": ("update_saved_query", {"query_json": "MINE"}),
    "delete": ("delete_saved_query", {}),
    "create an alert": ("create_query_alert", {"frequency": "immediate"}),
    "create a silent alert": ("create_query_alert", {"frequency": "immediate", "enabled": False}),
    "enable an alert": ("update_query_alert", {"enabled": True}),
    "slow an alert down": ("update_query_alert", {"frequency": "immediate"}),
    "delete an alert": ("delete_query_alert", {}),
}


class Change:
    """One change of a query in another grammar, or of an alert on it."""

    def __init__(self, name: str) -> None:
        self.tool, self._arguments = CHANGES[name]
        self.flags = {"alert_enabled": name == "silence", "rule_enabled": name == "no longer feed one"}
        self.deletes = self.tool.startswith("delete")
        self.rule = "delete_datasets" if self.deletes else "write_datasets"

    async def prepare(self, tenant: Tenant, text: str = OTHER) -> Arguments:
        query = await save(tenant, text, **self.flags)
        alert = await add_alert(tenant, query)
        of_alert = self.tool in ("update_query_alert", "delete_query_alert")
        mine = search_over(tenant, MINE)
        arguments = {name: mine if value == "MINE" else value for name, value in self._arguments.items()}
        return {"alert_id": alert, **arguments} if of_alert else {"query_id": query, **arguments}


@pytest.fixture(params=CHANGES)
def change(request: pytest.FixtureRequest) -> Change:
    return Change(str(request.param))


@pytest.mark.parametrize("text", [OTHER, "", "attacker", '{"datasetId": ["d0000000-0000-4000-8000-000000000009"]}'])
async def test_a_change_needs_a_code_and_says_that_its_finds_cannot_be_told(
    tenant: Tenant, change: Change, text: str
) -> None:
    await tenant.add("phish")
    if text == "" and not change.tool.startswith("delete"):
        text = "{]"
    arguments = await change.prepare(tenant, text or " ")
    async with tenant.server(tenant.allowed(**EVERYTHING)) as client:
        preview = await ask(client, change.tool, **arguments)
        assert tenant.changes_sent() == []
        done = await ask(client, change.tool, **arguments, confirm=preview["code"])
    assert preview["status"] == "confirmation_required"
    assert "cannot be told" in str(preview["change"]) and "events" not in preview
    assert "currently finds" not in str(preview["change"])
    # Of a new text it is told what that finds.
    assert preview.get("matches_now") == ("1" if "query_json" in arguments else None)
    assert done["status"] == "done"


@pytest.mark.parametrize(
    "changed",
    [{"write_datasets": (MINE,)}, {"write_datasets": (MINE, YOURS)}, {"write_datasets": ()}],
    ids=["one", "all but one", "none"],
)
async def test_a_change_is_refused_unless_every_dataset_is_listed(
    tenant: Tenant, change: Change, changed: dict[str, tuple[str, ...]]
) -> None:
    arguments = await change.prepare(tenant)
    settings = tenant.allowed(**{**EVERYTHING, change.rule: changed["write_datasets"]})
    async with tenant.server(settings) as client:
        words = await refused(client, change.tool, **arguments)
    assert f"is withheld by CF1_{change.rule.upper()}" in words
    assert tenant.changes_sent() == []


async def test_a_change_is_made_where_every_dataset_is_listed_by_name(tenant: Tenant, change: Change) -> None:
    arguments = await change.prepare(tenant)
    names = tuple(one.name for one in tenant.store.datasets())
    async with tenant.server(tenant.allowed(**{**EVERYTHING, change.rule: names})) as client:
        assert (await confirmed(client, change.tool, **arguments))["status"] == "done"


async def test_a_change_is_refused_under_a_read_list(tenant: Tenant, change: Change) -> None:
    arguments = await change.prepare(tenant)
    names = tuple(one.name for one in tenant.store.datasets())
    async with tenant.server(tenant.allowed(**EVERYTHING, read_datasets=names)) as client:
        words = await refused(client, change.tool, **arguments)
    assert f"is withheld by CF1_{change.rule.upper()}" in words
    assert tenant.changes_sent() == []


async def test_the_undo_of_a_change_is_held_to_the_same(tenant: Tenant, change: Change) -> None:
    arguments = await change.prepare(tenant)
    before = await read(tenant, 1)
    async with tenant.server(tenant.allowed(**EVERYTHING)) as client:
        done = await confirmed(client, change.tool, **arguments)
    tenant.log.clear()
    async with tenant.server(tenant.allowed()) as client:
        assert "is withheld by CF1_" in await refused(client, "undo_change", change_id=done["change_id"])
    assert tenant.changes_sent() == []
    async with tenant.server(tenant.allowed(**EVERYTHING)) as client:
        undone = await confirmed(client, "undo_change", change_id=done["change_id"])
        queries = await ask(client, "list_saved_queries")
        alerts = await ask(client, "list_query_alerts")
    assert undone["status"] == "done"
    restored = await read(tenant, 2 if change.tool == "delete_saved_query" else 1)
    kept = {"name", "query_json", "rule_enabled", "alert_enabled"}
    assert restored.model_dump(include=kept) == before.model_dump(include=kept)
    assert len(list(queries["rows"])) == 1  # type: ignore[call-overload]
    assert [row[2:4] for row in alerts["rows"]] == [[False, "daily"]]  # type: ignore[union-attr, index]


async def test_a_whole_preview(tenant: Tenant) -> None:
    query = await save(tenant, rule_enabled=True)
    async with tenant.server(tenant.allowed(**EVERYTHING)) as client:
        preview = await ask(client, "update_saved_query", query_id=query, name="Renamed")
        replaced = await ask(client, "update_saved_query", query_id=query, query_json=search_over(tenant, MINE))
        deletion = await ask(client, "delete_saved_query", query_id=query)
    assert {**preview, "code": "..."} == snapshot(
        {
            "source": "sandbox: fictional data, not intelligence",
            "status": "confirmation_required",
            "undo": "undo_change restores the old values. What was blocked or sent until then is not undone. The undo needs CF1_MODE=write, all 3 datasets in CF1_WRITE_DATASETS and in some cases a code.",
            "code": "...",
            "change": "Change name of saved query 1 'Watch'. This changes a block list (WAF or Gateway): the query feeds it. Its text is in another grammar than the one that this server reads, so which datasets it searches and what it finds cannot be told.",
            "from": {"name": "Watch"},
            "to": {"name": "Renamed"},
            "query_json": '{"filters": {"attacker": ["APT28"]}, "logic": "or"}',
            "untrusted": ["change", "from", "to", "query_json"],
            "notes": [
                "Nothing was changed. Show this to the person; if they agree, repeat the call with the code as confirm."
            ],
        }
    )
    assert replaced["change"] == snapshot(
        "Change query_json of saved query 1 'Watch'. This changes a block list (WAF or Gateway): the query feeds it. It currently finds 0 events. Its old text is not understood, so what it found until now cannot be told. Events that the rules withhold are not counted."
    )
    assert deletion["change"] == snapshot(
        "Delete saved query 1 'Watch' for good. This changes a block list (WAF or Gateway): the query no longer feeds it. Its text is in another grammar than the one that this server reads, so which datasets it searches and what it finds cannot be told."
    )


async def test_a_text_is_replaced_although_only_null_keys_are_not_understood(tenant: Tenant) -> None:
    query = await save(tenant, search_over(tenant, MINE, exclude=None))
    text = search_over(tenant, MINE)
    async with tenant.server(tenant.allowed(**EVERYTHING)) as client:
        assert (await confirmed(client, "update_saved_query", query_id=query, query_json=text))["status"] == "done"
        assert "In another grammar" not in await ask_for_text(client, "list_saved_queries")
    assert json.loads((await read(tenant, query)).query_json) == json.loads(text)


async def test_a_text_in_another_grammar_is_not_saved(tenant: Tenant) -> None:
    query = await save(tenant, search_over(tenant, MINE))
    async with tenant.server(tenant.allowed(**EVERYTHING)) as client:
        for tool, more in (("create_saved_query", {"name": "New"}), ("update_saved_query", {"query_id": query})):
            for text in (OTHER, "attacker", search_over(tenant, MINE, logic="or")):
                assert "query_json: " in await refused(client, tool, query_json=text, **more)
    assert tenant.changes_sent() == []


async def test_an_alert_on_a_query_that_is_gone_is_changed_under_the_strictest_rule(tenant: Tenant) -> None:
    alert = await add_alert(tenant, await save(tenant, search_over(tenant, MINE)), enabled=True)
    tenant.store.db.execute("PRAGMA foreign_keys = OFF")
    tenant.store.db.execute("DELETE FROM query")
    async with tenant.server(tenant.allowed()) as client:
        assert "Not found on this account (404)" in await refused(client, "delete_query_alert", alert_id=alert)
    async with tenant.server(tenant.allowed(**EVERYTHING)) as client:
        preview = await ask(client, "update_query_alert", alert_id=alert, enabled=False)
        assert UNREAD in str(preview["change"])
        assert (await confirmed(client, "delete_query_alert", alert_id=alert))["status"] == "done"


@pytest.mark.parametrize("text", ['{"filters": {"tags": "operation-\\u006eight"}}', "tags: 'Operation-Night, wave'"])
async def test_a_query_that_names_a_withheld_tag_is_neither_shown_nor_changed(
    tenant: Tenant, change: Change, text: str
) -> None:
    arguments = await change.prepare(tenant, text)
    marked: JsonValue = {"success": True, "result": {"tags": [{"value": "operation-night", "tlp": "red"}]}}
    async with with_canned_answer(tenant, "/events/tags", marked, settings=tenant.allowed(**EVERYTHING)) as client:
        assert (await ask(client, "list_saved_queries"))["queries"] == 0
        words = await refused(client, change.tool, **arguments)
    assert "is withheld by CF1_MAX_TLP" in words and "night" not in words
    assert tenant.changes_sent() == []


# -- changes of events


EVENT_CHANGES: dict[str, Arguments] = {
    "create_threat_event": {"category": "Phishing", "date": "1h", "event": "new", "tlp": "green"},
    "update_threat_event": {"event_id": "ID", "attacker": "APT28"},
    "tag_threat_events": {"event_ids": ["ID"], "tags": ["new"]},
    "delete_threat_events": {"event_ids": ["ID"]},
    "move_threat_events": {"event_ids": ["ID"], "destination_dataset_id": YOURS},
}


def fill_in(arguments: Arguments, event_id: str) -> Arguments:
    """Return the arguments of a change of one event."""
    ids: dict[str, JsonValue] = {"event_id": event_id, "event_ids": [event_id]}
    return {"dataset_id": MINE, **{name: ids.get(name, value) for name, value in arguments.items()}}


@pytest.mark.parametrize("tool", EVENT_CHANGES)
async def test_a_query_in_another_grammar_is_not_said_to_find_a_number_of_events(tenant: Tenant, tool: str) -> None:
    one, other = [await tenant.add(title, indicator="192.0.2.1", indicatorType="ip") for title in ("one", "other")]
    silent = await save(tenant, search_over(tenant, MINE, datasetIds=[]), name="Silent")
    async with tenant.server(tenant.allowed(**EVERYTHING)) as client:
        first = await client.call_tool(tool, fill_in(EVENT_CHANGES[tool], one.uuid))
        feeding = await save(tenant, name="Feeding", rule_enabled=True)
        watching = await save(tenant, name="Watching", alert_enabled=True)
        second = await client.call_tool(tool, fill_in(EVENT_CHANGES[tool], other.uuid))
    before, preview = dict(first.structured_content or {}), dict(second.structured_content or {})
    needs_code = tool in ("delete_threat_events", "move_threat_events")
    assert before["status"] == ("confirmation_required" if needs_code else "done")
    assert preview["status"] == "confirmation_required"
    told = json.dumps([preview["change"], preview["outside"], preview.get("saved_queries", [])])
    assert "finds 1" not in told and "find 1" not in told and "up to" not in told and "may_find" not in told
    assert f"the block list of saved query {feeding}, which cannot be read" in str(preview["change"])
    notifies = f"This may notify people through saved query {watching}, which cannot be read" in str(preview["change"])
    assert notifies == (tool != "delete_threat_events")
    if needs_code:
        assert preview["saved_queries"] == [
            f"{silent} 'Silent' may find these events, which cannot be told: its text is in another grammar",
            f"{feeding} 'Feeding' may find these events, which cannot be told: its text is in another grammar, and feeds a block list",
            f"{watching} 'Watching' may find these events, which cannot be told: its text is in another grammar",
        ]
