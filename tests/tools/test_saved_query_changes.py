"""Saved queries: the rules apply to the datasets that they search, and block lists change only with a code."""

import json

import pytest
from inline_snapshot import snapshot
from pydantic import JsonValue
from starlette.middleware import Middleware

from cf1_mcp.changes.queries.saved_queries import ALERTS_NOT_LISTED
from cf1_mcp.models import QueryAlertFields, SavedQuery, SavedQueryFields
from cf1_mcp.policy.dataset_scope import DEFAULT_DATASET
from cf1_mcp.sandbox.options import SandboxOptions
from cf1_mcp.store.journal_records import Change
from tests.canned_answers import UnavailableAfterDeletion, with_canned_answer
from tests.conversations import ask, confirmed, refused
from tests.tenant import MINE, YOURS, Tenant

pytestmark = pytest.mark.anyio

PHISHING: JsonValue = {"field": "category", "op": "equals", "value": "Phishing"}
UNKNOWN = "d0000000-0000-4000-8000-000000000009"
Arguments = dict[str, JsonValue]


def uuid_of(tenant: Tenant, name: str) -> str:
    return next(one.uuid for one in tenant.store.datasets() if one.name == name)


def search_over(*datasets: str, **more: JsonValue) -> str:
    """Return a `query_json` over datasets."""
    return json.dumps({"datasetId": list(datasets), "search": [PHISHING], **more})


async def save_query(tenant: Tenant, name: str, query_json: str, **flags: bool) -> SavedQuery:
    """Save a query, as someone else would."""
    fields = {"alert_enabled": False, "alert_rollup_enabled": False, "rule_enabled": False} | flags
    async with tenant.api() as api:
        made = await api.create_query(
            SavedQueryFields.model_validate({"name": name, "query_json": query_json} | fields)
        )
    tenant.log.clear()
    return made


async def read_stored(tenant: Tenant, query_id: int) -> SavedQuery:
    async with tenant.api() as api:
        return await api.read_query(query_id)


async def read_journaled(tenant: Tenant, answer: Arguments) -> Change:
    assert await tenant.journal.verify() == []
    return await tenant.journal.change(str(answer["change_id"]))


# -- creating


@pytest.mark.both_moods
async def test_a_query_is_saved_with_its_datasets_by_uuid(tenant: Tenant) -> None:
    async with tenant.server(tenant.allowed(mode="write")) as client:
        done = await ask(
            client, "create_saved_query", name=" Phishing watch ", query_json=search_over(MINE.upper(), order="asc")
        )
    assert {**done, "change_id": "..."} == snapshot(
        {
            "source": "sandbox: fictional data, not intelligence",
            "status": "done",
            "change_id": "...",
            "matches_now": "0",
            "matches_in_30_days": "0",
            "change": "Create saved query 'Phishing watch' over 1 dataset.",
            "query_id": 1,
            "undo": "undo_change deletes the query again. The undo needs CF1_MODE=full, the dataset in CF1_DELETE_DATASETS and a code. The current settings refuse it: CF1_MODE (write).",
            "untrusted": ["change"],
        }
    )
    query = await read_stored(tenant, 1)
    assert (query.name, query.alert_enabled, query.rule_enabled) == ("Phishing watch", False, False)
    assert json.loads(query.query_json) == {"datasetId": [uuid_of(tenant, MINE)], "search": [PHISHING], "order": "asc"}
    change = await read_journaled(tenant, done)
    assert (change.outcome, change.intent.datasets) == ("done", (uuid_of(tenant, MINE),))


async def test_a_search_may_be_given_as_an_object(tenant: Tenant) -> None:
    async with tenant.server(tenant.allowed()) as client:
        done = await ask(client, "create_saved_query", name="object", query_json={"datasetId": MINE})
        changed = await ask(
            client, "update_saved_query", query_id=1, query_json={"datasetId": [MINE], "search": [PHISHING]}
        )
    assert (done["status"], changed["status"]) == ("done", "done")
    assert json.loads((await read_stored(tenant, 1)).query_json)["search"] == [PHISHING]


async def test_a_query_without_a_dataset_is_saved_over_the_default_dataset(tenant: Tenant) -> None:
    arguments: Arguments = {"name": "default", "query_json": json.dumps({"search": [PHISHING]})}
    async with tenant.server(tenant.allowed()) as client:
        assert "CF1_WRITE_DATASETS" in await refused(client, "create_saved_query", **arguments)
    assert tenant.changes_sent() == []
    async with tenant.server(tenant.allowed(write_datasets=(DEFAULT_DATASET,))) as client:
        await ask(client, "create_saved_query", **arguments)
    assert json.loads((await read_stored(tenant, 1)).query_json)["datasetId"] == [uuid_of(tenant, DEFAULT_DATASET)]


async def test_a_scope_word_is_replaced_by_its_datasets_under_a_closed_list(tenant: Tenant) -> None:
    every = (MINE, YOURS, DEFAULT_DATASET)
    for settings, name in (
        (tenant.allowed(write_datasets=("*",)), "open"),
        (tenant.allowed(write_datasets=every), "list"),
    ):
        async with tenant.server(settings) as client:
            await ask(client, "create_saved_query", name=name, query_json=search_over(" ALL "))
    assert json.loads((await read_stored(tenant, 1)).query_json)["datasetId"] == ["all"]
    assert set(json.loads((await read_stored(tenant, 2)).query_json)["datasetId"]) == {
        uuid_of(tenant, one) for one in every
    }


async def test_a_blocking_query_is_previewed_with_its_current_matches(tenant: Tenant) -> None:
    events = [await tenant.add("phish"), await tenant.add("phish too"), await tenant.add("red phish", tlp="red")]
    await tenant.add("no phish", category="Ransomware")
    call: Arguments = {"name": "block", "query_json": search_over(MINE), "rule_enabled": True, "alert_enabled": True}
    async with tenant.server(tenant.allowed()) as client:
        preview = await ask(client, "create_saved_query", **call)
        assert tenant.changes_sent() == []
        for other in ({"name": "other"}, {"query_json": search_over(MINE, order="asc")}, {"rule_scope": "everywhere"}):
            await refused(client, "create_saved_query", **(call | other), confirm=preview["code"])
        assert tenant.changes_sent() == []
        done = await ask(client, "create_saved_query", **call, confirm=preview["code"])
    assert {**preview, "code": "...", "sample": "..."} == snapshot(
        {
            "source": "sandbox: fictional data, not intelligence",
            "status": "confirmation_required",
            "change": "Create saved query 'block' over 1 dataset. This changes a block list (WAF or Gateway): the query feeds it. Its alerts notify people outside. It currently finds 2 events. Events that the rules withhold are not counted.",
            "matches_in_30_days": "2",
            "matches_now": "2",
            "indicators_now": 0,
            "undo": "undo_change deletes the query again. What was blocked or sent until then is not undone. The undo needs CF1_MODE=full, the dataset in CF1_DELETE_DATASETS and a code.",
            "query_json": '{"datasetId": ["a9fa1f29-a64a-58a3-af35-67f963de9ab6"], "search": [{"field": "category", "op": "equals", "value": "Phishing"}]}',
            "name": "block",
            "code": "...",
            "alert_enabled": True,
            "alert_rollup_enabled": False,
            "rule_enabled": True,
            "untrusted": ["change", "name", "query_json", "alert_enabled", "alert_rollup_enabled", "rule_enabled"],
            "sample": "...",
            "notes": [
                "Nothing was changed. Show this to the person; if they agree, repeat the call with the code as confirm."
            ],
        }
    )
    sample = preview["sample"]
    assert (
        isinstance(sample, dict) and events[2].uuid not in json.dumps(sample) and events[0].uuid in json.dumps(sample)
    )
    assert done["status"] == "done" and (await read_stored(tenant, 1)).rule_enabled


async def test_a_count_beyond_what_a_code_is_bound_to_is_a_minimum(tenant: Tenant) -> None:
    page: JsonValue = {
        "success": True,
        "result": [
            {"uuid": f"e{number}", "datasetId": uuid_of(tenant, MINE), "tlp": "green", "category": "Phishing"}
            for number in range(10_001)
        ],
        "result_info": {"cursor": "more"},
    }
    async with with_canned_answer(tenant, "/events", page) as client:
        preview = await ask(client, "create_saved_query", name="much", query_json=search_over(MINE), rule_enabled=True)
    assert preview["matches_now"] == "more than 10,000"
    assert "It currently finds more than 10,000 events." in str(preview["change"])
    assert "The code is bound to the first 10,000 of them, and not to the others." in str(preview["change"])


async def test_a_taken_name_is_refused_with_the_id_that_has_it(tenant: Tenant) -> None:
    first, second = (
        await save_query(tenant, "taken", search_over(uuid_of(tenant, MINE))),
        await save_query(tenant, "free", "{}"),
    )
    async with tenant.server(tenant.allowed(write_datasets=("*",))) as client:
        words = await refused(client, "create_saved_query", name=" taken ", query_json=search_over(MINE))
        renamed = await refused(client, "update_saved_query", query_id=second.id, name="taken")
        kept = await refused(client, "update_saved_query", query_id=first.id, name="taken")
    assert (words, renamed) == snapshot(
        (
            "name: saved query 1 has this name already. Use a name that is not taken.",
            "name: saved query 1 has this name already. Use a name that is not taken.",
        )
    )
    assert kept == snapshot("query_id: the query has these values already. Use other values, or leave it as it is.")
    assert tenant.changes_sent() == []


BEYOND_THE_LIST: list[tuple[str, JsonValue]] = [
    ("another dataset", search_over(YOURS)),
    ("another next to the allowed one", search_over(MINE, YOURS)),
    ("another one as a single text", {"datasetId": YOURS}),
    ("another one in other letters", search_over(f" {YOURS.upper()}\t")),
    ("everything by a scope word", search_over("all")),
    ("everything by a star", search_over("*")),
    ("everything operational", search_over("operational")),
    ("everything in other letters", search_over(" All ")),
    ("the default dataset by an empty list", search_over()),
    ("the default dataset by null", '{"datasetId": null}'),
    ("the default dataset by an empty object", "{}"),
]
UNCLEAR_SCOPE: list[tuple[str, JsonValue]] = [
    ("no JSON", "attacker = somebody"),
    ("no object", "[]"),
    ("an unknown dataset", search_over(UNKNOWN)),
    ("several uuids in one text", search_over(f"{MINE},{YOURS}")),
    ("a scope word next to a dataset", search_over(MINE, "all")),
    ("a scope word of nothing", search_over("analytics")),
    ("datasets under another spelling", json.dumps({"dataset_id": [MINE]})),
    ("a cursor", search_over(MINE, cursor="eyJ2ZXJzaW9uIjoxfQ")),
    ("an unknown parameter", search_over(MINE, datasetIds=[YOURS])),
    ("no list of datasets", json.dumps({"datasetId": {"in": [MINE]}})),
    ("an invalid search", json.dumps({"datasetId": [MINE], "search": [{"field": "datasetId"}]})),
    ("a number that JSON does not have", f'{{"datasetId": ["{MINE}"], "page": NaN}}'),
    ("an endless number", f'{{"datasetId": ["{MINE}"], "page": 1e999}}'),
    ("half a character", f'{{"datasetId": ["{MINE}"], "orderBy": "\\ud800"}}'),
    ("nested too deep", "[" * 5000),
    ("too many conditions", json.dumps({"datasetId": [MINE], "search": [PHISHING] * 11})),
]


@pytest.mark.parametrize("query_json", [one[1] for one in BEYOND_THE_LIST], ids=[one[0] for one in BEYOND_THE_LIST])
@pytest.mark.parametrize("tool", ["create_saved_query", "update_saved_query"])
async def test_a_query_beyond_the_write_list_is_refused(tenant: Tenant, tool: str, query_json: JsonValue) -> None:
    mine = await save_query(tenant, "mine", search_over(uuid_of(tenant, MINE)))
    arguments: Arguments = {"name": "new"} if tool == "create_saved_query" else {"query_id": mine.id}
    async with tenant.server(tenant.allowed()) as client:
        words = await refused(client, tool, **arguments, query_json=query_json)
    assert "is withheld by CF1_WRITE_DATASETS" in words
    assert tenant.changes_sent() == []


@pytest.mark.parametrize("query_json", [one[1] for one in UNCLEAR_SCOPE], ids=[one[0] for one in UNCLEAR_SCOPE])
@pytest.mark.parametrize("tool", ["create_saved_query", "update_saved_query"])
async def test_a_query_of_unclear_scope_is_refused(tenant: Tenant, tool: str, query_json: JsonValue) -> None:
    mine = await save_query(tenant, "mine", search_over(uuid_of(tenant, MINE)))
    arguments: Arguments = {"name": "new"} if tool == "create_saved_query" else {"query_id": mine.id}
    async with tenant.server(tenant.allowed(write_datasets=("*",))) as client:
        words = await refused(client, tool, **arguments, query_json=query_json)
    assert words.startswith("query_json: ") and " Use " in words
    assert tenant.changes_sent() == []


async def test_a_query_with_repeated_keys_is_refused(tenant: Tenant) -> None:
    twice = f'{{"datasetId": ["{MINE}"], "datasetId": ["{YOURS}"]}}'
    async with tenant.server(tenant.allowed(write_datasets=("*",))) as client:
        words = await refused(client, "create_saved_query", name="twice", query_json=twice)
    assert words.startswith("query_json: this is not a JSON object with distinct keys.")
    assert tenant.changes_sent() == []


async def test_a_query_over_a_withheld_dataset_is_refused(tenant: Tenant) -> None:
    async with tenant.server(tenant.allowed(write_datasets=("*",), read_datasets=(MINE,))) as client:
        for name in (YOURS, uuid_of(tenant, YOURS), "all"):
            words = await refused(client, "create_saved_query", name="new", query_json=search_over(name))
            assert "is withheld by CF1_WRITE_DATASETS" in words
        await ask(client, "create_saved_query", name="new", query_json=search_over(MINE))
    assert tenant.changes_sent() == ["POST /events/queries/create"]


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ({"name": " "}, snapshot("name: ' ' is not a readable line. Use 1 to 200 visible characters in one line.")),
        (
            {"name": "two\nlines"},
            snapshot("name: 'two\\\\nlines' is not a readable line. Use 1 to 200 visible characters in one line."),
        ),
        (
            {"name": "n" * 201},
            snapshot(
                "name: 'nnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnn' is not a readable line. Use 1 to 200 visible characters in one line."
            ),
        ),
        (
            {"rule_scope": "un\u200bseen"},
            snapshot(
                "rule_scope: 'un\\\\u200bseen' is not a readable line. Use 1 to 200 visible characters in one line."
            ),
        ),
        (
            {"query_json": search_over("Mime")},
            snapshot(
                """\
query_json: there is no dataset 'Mime', did you mean the first of these? Use one of these, or a uuid.
<untrusted MARK>
Mine
Cloudforce One Threat Events
Yours
</untrusted MARK>\
"""
            ),
        ),
        (
            {"query_json": "attacker"},
            snapshot(
                'query_json: this is not a JSON object with distinct keys. Use a text such as {"datasetId": ["a name or uuid"], "search": [{"field": "attacker", "op": "equals", "value": "a name"}]}.'
            ),
        ),
        (
            {"query_json": json.dumps({"datasetid": [MINE]})},
            snapshot(
                "query_json: a search has no parameter 'datasetid'. Use datasetId, search, searchBranches, orderBy, order, page, pageSize, format, forceRefresh, cache."
            ),
        ),
        (
            {"query_json": json.dumps({"datasetId": [MINE], "search": [{"field": "who"}]})},
            snapshot(
                'query_json: search.0.field is not valid in a search. Use {"datasetId": ["a name or uuid"], "search": [{"field": "attacker", "op": "equals", "value": "a name"}]}.'
            ),
        ),
    ],
)
async def test_invalid_arguments_are_refused(tenant: Tenant, wrong: Arguments, words: str) -> None:
    right: Arguments = {"name": "right", "query_json": search_over(MINE)}
    async with tenant.server(tenant.allowed()) as client:
        assert await refused(client, "create_saved_query", **(right | wrong)) == words
    assert tenant.changes_sent() == []


# -- updating


@pytest.mark.both_moods
async def test_given_fields_are_changed_and_the_old_query_journaled(tenant: Tenant) -> None:
    query = await save_query(tenant, "old", search_over(uuid_of(tenant, MINE)))
    async with tenant.server(tenant.allowed(mode="write")) as client:
        call: Arguments = {"query_id": query.id, "name": "new", "alert_enabled": True, "rule_enabled": False}
        done = await confirmed(client, "update_saved_query", **call)
    assert {**done, "change_id": "..."} == snapshot(
        {
            "source": "sandbox: fictional data, not intelligence",
            "status": "done",
            "change_id": "...",
            "change": "Change name, alert_enabled of saved query 1 'old'. Its alerts notify people outside. It currently finds 0 events. Events that the rules withhold are not counted.",
            "query_id": 1,
            "changed": ["alert_enabled", "name"],
            "untrusted": ["change"],
        }
    )
    assert [one.body for one in tenant.log if one.method == "PATCH"] == [{"name": "new", "alert_enabled": True}]
    change = await read_journaled(tenant, done)
    before = change.intent.before
    assert isinstance(before, dict) and before["query"] == query.model_dump(mode="json", exclude={"user_email"})


async def test_every_update_of_a_blocking_query_needs_a_code(tenant: Tenant) -> None:
    on = await save_query(tenant, "on", search_over(uuid_of(tenant, MINE)), rule_enabled=True)
    off = await save_query(tenant, "off", search_over(uuid_of(tenant, MINE)))
    await tenant.add("phish")
    calls: list[Arguments] = [
        {"query_id": on.id, "name": "renamed"},
        {"query_id": on.id, "rule_enabled": False},
        {"query_id": on.id, "query_json": json.dumps({"datasetId": [MINE]})},
        {"query_id": off.id, "rule_enabled": True},
    ]
    async with tenant.server(tenant.allowed(mode="write")) as client:
        previews = [await ask(client, "update_saved_query", **call) for call in calls]
        assert tenant.changes_sent() == []
        done = await ask(client, "update_saved_query", **calls[3], confirm=previews[3]["code"])
    assert [one["status"] for one in previews] == ["confirmation_required"] * 4
    assert [one["change"] for one in previews] == snapshot(
        [
            "Change name of saved query 1 'on'. This changes a block list (WAF or Gateway): the query feeds it. It currently finds 1 event. Events that the rules withhold are not counted.",
            "Change rule_enabled of saved query 1 'on'. This changes a block list (WAF or Gateway): the query no longer feeds it. It currently finds 1 event. Events that the rules withhold are not counted.",
            "Change query_json of saved query 1 'on'. This changes a block list (WAF or Gateway): the query feeds it. It currently finds 1 event. Events that the rules withhold are not counted.",
            "Change rule_enabled of saved query 2 'off'. This changes a block list (WAF or Gateway): the query feeds it. It currently finds 1 event. Events that the rules withhold are not counted.",
        ]
    )
    assert done["status"] == "done" and (await read_stored(tenant, off.id)).rule_enabled


async def test_a_code_is_invalid_once_the_query_changed(tenant: Tenant) -> None:
    query = await save_query(tenant, "on", search_over(uuid_of(tenant, MINE)), rule_enabled=True)
    call: Arguments = {"query_id": query.id, "rule_enabled": False}
    async with tenant.server(tenant.allowed()) as client:
        for tool, arguments in (("update_saved_query", call), ("delete_saved_query", {"query_id": query.id})):
            preview = await ask(client, tool, **arguments)
            async with tenant.api() as api:
                await api.update_query(query.id, SavedQueryFields(rule_scope=f"changed before {tool}"))
            tenant.log.clear()
            await refused(client, tool, **arguments, confirm=preview["code"])
            assert tenant.changes_sent() == []


STORED: list[tuple[str, str]] = [
    ("another dataset", "{yours}"),
    ("another next to the allowed one", '["{mine}", "{yours}"]'),
    ("everything", '["all"]'),
    ("the default dataset", "null"),
]


@pytest.mark.parametrize("stored_as", [one[1] for one in STORED], ids=[one[0] for one in STORED])
@pytest.mark.parametrize("tool", ["update_saved_query", "delete_saved_query"])
async def test_a_saved_query_beyond_the_list_is_not_changed(tenant: Tenant, tool: str, stored_as: str) -> None:
    ids = stored_as.replace("{mine}", uuid_of(tenant, MINE)).replace("{yours}", uuid_of(tenant, YOURS))
    text = f'{{"datasetId": {ids if ids[0] in "[n" else json.dumps(ids)}}}'
    query = await save_query(tenant, "theirs", text)
    # Limiting its search to an allowed dataset does not allow the change.
    change: Arguments = {"query_json": search_over(MINE)} if tool == "update_saved_query" else {}
    rule = "CF1_WRITE_DATASETS" if tool == "update_saved_query" else "CF1_DELETE_DATASETS"
    async with tenant.server(tenant.allowed()) as client:
        words = await refused(client, tool, query_id=query.id, **change)
    assert f"is withheld by {rule}" in words
    assert tenant.changes_sent() == []


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"query_id": 1}, snapshot("query_id: no new values are given. Use at least one field with its new value.")),
        (
            {"query_id": 1, "name": "mine", "rule_enabled": False},
            snapshot("query_id: the query has these values already. Use other values, or leave it as it is."),
        ),
        (
            {"query_id": 99, "name": "new"},
            snapshot(
                """\
Not found on this account (404). Check the ids, or search again: it may have been moved or deleted, or the account lacks this feature.
<untrusted MARK>
The API said: "Event query not found: there is no query 99; GET /events/queries lists them"
</untrusted MARK>\
"""
            ),
        ),
        ({"query_id": 0, "name": "new"}, snapshot("query_id: Input should be greater than or equal to 1.")),
    ],
    ids=["nothing", "the same", "unknown", "no id"],
)
async def test_an_update_without_new_values_is_refused(tenant: Tenant, arguments: Arguments, words: str) -> None:
    await save_query(tenant, "mine", search_over(uuid_of(tenant, MINE)))
    async with tenant.server(tenant.allowed()) as client:
        assert await refused(client, "update_saved_query", **arguments) == words
    assert tenant.changes_sent() == []


# -- deleting


@pytest.mark.both_moods
async def test_a_deletion_is_previewed_with_its_alerts_and_carried_out_with_the_code(tenant: Tenant) -> None:
    query, other = (
        await save_query(tenant, "gone", search_over(uuid_of(tenant, MINE)), rule_enabled=True),
        await save_query(tenant, "x", "{}"),
    )
    async with tenant.api() as api:
        alert = await api.create_alert(QueryAlertFields(query_id=query.id, frequency="daily"))
        await api.create_alert(QueryAlertFields(query_id=other.id))
    tenant.log.clear()
    async with tenant.server(tenant.allowed()) as client:
        preview = await ask(client, "delete_saved_query", query_id=query.id)
        assert tenant.changes_sent() == []
        done = await ask(client, "delete_saved_query", query_id=query.id, confirm=preview["code"])
    assert {**preview, "code": "...", "query_json": "..."} == snapshot(
        {
            "source": "sandbox: fictional data, not intelligence",
            "status": "confirmation_required",
            "change": "Delete saved query 1 'gone' for good, and its 1 alert with it. This changes a block list (WAF or Gateway): the query no longer feeds it. It currently finds 0 events. Events that the rules withhold are not counted.",
            "query_json": "...",
            "alerts_deleted": 1,
            "indicators_now": 0,
            "matches_now": "0",
            "undo": "undo_change creates the query and its alerts again from the journal, with new ids. The undo needs CF1_MODE=write, the dataset in CF1_WRITE_DATASETS and in some cases a code.",
            "code": "...",
            "untrusted": ["change", "query_json"],
            "notes": [
                "Nothing was changed. Show this to the person; if they agree, repeat the call with the code as confirm."
            ],
        }
    )
    assert {**done, "change_id": "..."} == snapshot(
        {
            "source": "sandbox: fictional data, not intelligence",
            "status": "done",
            "change_id": "...",
            "change": "Delete saved query 1 'gone' for good, and its 1 alert with it. This changes a block list (WAF or Gateway): the query no longer feeds it. It currently finds 0 events. Events that the rules withhold are not counted.",
            "query_id": 1,
            "alerts_deleted": 1,
            "untrusted": ["change"],
        }
    )
    assert tenant.changes_sent() == [f"DELETE /events/queries/{query.id}"]
    before = (await read_journaled(tenant, done)).intent.before
    assert before == {
        "query": query.model_dump(mode="json", exclude={"user_email"}),
        "alerts": [alert.model_dump(mode="json", exclude={"user_email", "last_sent_at"})],
    }


async def test_an_account_without_alerts_can_delete_its_queries(tenant: Tenant) -> None:
    query = await save_query(tenant, "gone", search_over(uuid_of(tenant, MINE)))
    async with with_canned_answer(
        tenant, "/queries/alerts", {"success": False, "errors": [], "result": {}}, 404
    ) as client:
        preview = await ask(client, "delete_saved_query", query_id=query.id)
        done = await ask(client, "delete_saved_query", query_id=query.id, confirm=preview["code"])
    assert (preview["change"], preview["alerts_deleted"], done["status"]) == (
        f"Delete saved query {query.id} 'gone' for good. {ALERTS_NOT_LISTED}",
        "unknown",
        "done",
    )


RULES: list[tuple[str, str, dict[str, object], str]] = [
    ("creating in read mode", "create_saved_query", {"mode": "read"}, "CF1_MODE"),
    ("creating without a write list", "create_saved_query", {"write_datasets": ()}, "CF1_WRITE_DATASETS"),
    ("creating with a delete list alone", "create_saved_query", {"write_datasets": (YOURS,)}, "CF1_WRITE_DATASETS"),
    ("creating with the toolset off", "create_saved_query", {"toolsets": ("events",)}, "CF1_TOOLSETS"),
    ("updating in read mode", "update_saved_query", {"mode": "read"}, "CF1_MODE"),
    ("updating without a write list", "update_saved_query", {"write_datasets": ()}, "CF1_WRITE_DATASETS"),
    ("updating what may not be read", "update_saved_query", {"read_datasets": (YOURS,)}, "CF1_WRITE_DATASETS"),
    ("deleting in write mode", "delete_saved_query", {"mode": "write"}, "CF1_MODE"),
    ("deleting with a write list alone", "delete_saved_query", {"delete_datasets": ()}, "CF1_DELETE_DATASETS"),
    ("deleting what may not be read", "delete_saved_query", {"read_datasets": (YOURS,)}, "CF1_DELETE_DATASETS"),
]
RIGHT: dict[str, Arguments] = {
    "create_saved_query": {"name": "new", "query_json": search_over(MINE), "rule_enabled": True},
    "update_saved_query": {"query_id": 1, "name": "new"},
    "delete_saved_query": {"query_id": 1},
}


@pytest.mark.parametrize(("tool", "changed", "rule"), [one[1:] for one in RULES], ids=[one[0] for one in RULES])
async def test_nothing_is_sent_against_a_rule(tenant: Tenant, tool: str, changed: dict[str, object], rule: str) -> None:
    await save_query(tenant, "mine", search_over(uuid_of(tenant, MINE)))
    async with tenant.server(tenant.allowed(**changed)) as client:
        words = await refused(client, tool, **RIGHT[tool])
    assert f"is withheld by {rule}" in words
    assert tenant.changes_sent() == []


# -- responses of the API


async def test_a_response_with_other_values_is_a_partial_change(tenant: Tenant) -> None:
    query = await save_query(tenant, "old", search_over(uuid_of(tenant, MINE)))
    body_result: JsonValue = {"id": query.id, "name": "old", "alert_enabled": True, "query_json": query.query_json}
    body: JsonValue = {"success": True, "result": body_result}
    async with with_canned_answer(tenant, "/queries/create", body) as client:
        call: Arguments = {"name": "new", "query_json": search_over(MINE), "alert_enabled": True}
        created = await confirmed(client, "create_saved_query", **call)
    async with with_canned_answer(tenant, f"/queries/{query.id}", body) as client:
        # The same answer is returned for the read before the update, so only the name differs.
        failed = await confirmed(client, "update_saved_query", query_id=query.id, name="new")
    assert (created["status"], created["differs"]) == snapshot(
        ("partial", [{"field": "name", "sent": "new", "answered": "old"}])
    )
    assert (failed["status"], failed["changed"], failed["differs"]) == snapshot(
        ("failed", [], [{"field": "name", "sent": "new", "answered": "old"}])
    )


async def test_a_failure_inside_a_200_leaves_the_change_unknown(tenant: Tenant) -> None:
    body: JsonValue = {"success": False, "errors": [{"message": "no room"}], "result": {}}
    async with with_canned_answer(tenant, "/queries/create", body) as client:
        told = await ask(client, "create_saved_query", name="new", query_json=search_over(MINE))
    assert told["status"] == "unknown" and "no room" in str(told["said"])
    assert (await tenant.journal.changes())[0].outcome == "unknown"


async def test_a_query_that_still_exists_was_not_deleted(tenant: Tenant) -> None:
    query = await save_query(tenant, "stays", search_over(uuid_of(tenant, MINE)))
    body_result: JsonValue = {"success": True, "result": query.model_dump(mode="json")}
    async with with_canned_answer(tenant, f"/queries/{query.id}", body_result) as client:
        preview = await ask(client, "delete_saved_query", query_id=query.id)
        done = await ask(client, "delete_saved_query", query_id=query.id, confirm=preview["code"])
    assert (done["status"], done["left"]) == ("failed", True)


async def test_a_deletion_that_cannot_be_verified_says_so(tenant: Tenant) -> None:
    query = await save_query(tenant, "gone", search_over(uuid_of(tenant, MINE)))
    tenant.options = SandboxOptions(middleware=[Middleware(UnavailableAfterDeletion)])
    async with tenant.server(tenant.allowed()) as client:
        preview = await ask(client, "delete_saved_query", query_id=query.id)
        done = await ask(client, "delete_saved_query", query_id=query.id, confirm=preview["code"])
    assert (done["status"], done["untrusted"]) == ("done", ["change", "not_verified"])
    assert str(done["not_verified"]).startswith("The token may not do this (403).")


# -- running


async def test_a_saved_query_with_groups_takes_no_other_groups(tenant: Tenant) -> None:
    query = await save_query(
        tenant,
        "Two of them",
        search_over(
            uuid_of(tenant, MINE), searchBranches=[[PHISHING], [{"field": "tlp", "op": "equals", "value": "green"}]]
        ),
    )
    alone: JsonValue = {"field": "attacker", "value": ["A"]}
    grouped: JsonValue = {"field": "attacker", "value": ["A"], "group": 1}
    async with tenant.server(tenant.allowed()) as client:
        words = await refused(client, "search_threat_events", query_id=query.id, conditions=[alone, grouped])
        await ask(client, "search_threat_events", query_id=query.id, conditions=[alone])
    assert words == snapshot("conditions: the saved query has its own groups. Use conditions without group.")
    assert tenant.searches()[0].body == snapshot(
        {
            "datasetId": ["a9fa1f29-a64a-58a3-af35-67f963de9ab6"],
            "search": [
                {"field": "attacker", "op": "equals", "value": "A"},
                {"field": "category", "op": "equals", "value": "Phishing"},
                {"field": "tlp", "op": "not", "value": "amber+strict"},
                {"field": "tlp", "op": "not", "value": "amber-strict"},
                {"field": "tlp", "op": "not", "value": "red"},
            ],
            "searchBranches": [
                [{"field": "category", "op": "equals", "value": "Phishing"}],
                [{"field": "tlp", "op": "equals", "value": "green"}],
            ],
            "orderBy": "date",
            "order": "desc",
            "pageSize": 21,
        }
    )
