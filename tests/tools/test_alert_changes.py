"""Alerts: the rules apply to their query; an account may have no alerts feature."""

import json

import pytest
from inline_snapshot import snapshot
from pydantic import JsonValue
from starlette.middleware import Middleware

from cf1_mcp.models import QueryAlert, QueryAlertFields, SavedQueryFields
from cf1_mcp.sandbox.options import SandboxOptions
from tests.canned_answers import UnavailableAfterDeletion, with_canned_answer
from tests.conversations import ask, confirmed, refused
from tests.tenant import MINE, YOURS, Tenant

pytestmark = pytest.mark.anyio

Arguments = dict[str, JsonValue]


async def add_alert(tenant: Tenant, name: str, dataset: str = MINE) -> QueryAlert:
    """Add a daily alert on a query over a dataset, as someone else would."""
    uuids = {one.name: one.uuid for one in tenant.store.datasets()}
    fields = SavedQueryFields(
        name=name,
        query_json=json.dumps({"datasetId": [uuids.get(dataset, dataset)]}),
        alert_enabled=False,
        alert_rollup_enabled=False,
        rule_enabled=False,
    )
    async with tenant.api() as api:
        query = await api.create_query(fields)
        alert = await api.create_alert(QueryAlertFields(query_id=query.id, frequency="daily"))
    tenant.log.clear()
    return alert


async def read_newest_change(tenant: Tenant) -> tuple[str, JsonValue]:
    """Return the outcome and the pre-image of the newest change."""
    journal = tenant.journal
    assert await journal.verify() == []
    change = (await journal.changes(1))[0]
    return change.outcome, change.intent.before


async def list_alerts(tenant: Tenant) -> list[tuple[int, int, str, bool]]:
    async with tenant.api() as api:
        return [(one.id, one.query_id, one.frequency, one.enabled) for one in await api.list_alerts()]


@pytest.mark.both_moods
async def test_an_alert_is_created_with_the_code_of_its_preview(tenant: Tenant) -> None:
    alert = await add_alert(tenant, "phish")
    async with tenant.server(tenant.allowed(mode="write")) as client:
        done = await confirmed(client, "create_query_alert", query_id=alert.query_id, frequency="immediate")
    assert {**done, "change_id": "..."} == snapshot(
        {
            "source": "sandbox: fictional data, not intelligence",
            "status": "done",
            "change_id": "...",
            "alert_id": 2,
            "change": "Create an alert (immediate) on saved query 1 'phish'. Its notifications go to people outside. It currently finds 0 events. Events that the rules withhold are not counted.",
            "undo": "undo_change deletes the alert again; notifications that were sent stay sent. The undo needs CF1_MODE=full, the dataset in CF1_DELETE_DATASETS and a code. The current settings refuse it: CF1_MODE (write).",
            "untrusted": ["change"],
        }
    )
    assert tenant.changes_sent() == ["POST /events/queries/alerts/create"]
    assert await list_alerts(tenant) == [(1, 1, "daily", True), (2, 1, "immediate", True)]
    assert await read_newest_change(tenant) == ("done", None)


async def test_a_second_alert_of_one_frequency_is_refused_with_the_id_of_the_first(tenant: Tenant) -> None:
    alert = await add_alert(tenant, "phish")
    async with tenant.server(tenant.allowed()) as client:
        words = await refused(client, "create_query_alert", query_id=alert.query_id)
    assert words == snapshot(
        "query_id: alert 1 of this query already has the frequency daily. Use update_query_alert to change it."
    )
    assert tenant.changes_sent() == []


@pytest.mark.both_moods
async def test_an_alert_is_disabled_and_its_old_state_journaled(tenant: Tenant) -> None:
    alert = await add_alert(tenant, "phish")
    async with tenant.server(tenant.allowed(mode="write")) as client:
        call: Arguments = {"alert_id": alert.id, "frequency": "daily", "enabled": False}
        done = await ask(client, "update_query_alert", **call)
        again = await refused(client, "update_query_alert", **call)
        nothing = await refused(client, "update_query_alert", alert_id=alert.id)
    assert {**done, "change_id": "..."} == snapshot(
        {
            "source": "sandbox: fictional data, not intelligence",
            "status": "done",
            "change_id": "...",
            "change": "Change enabled of alert 1 on saved query 1 'phish'.",
            "alert_id": 1,
            "changed": ["enabled"],
            "untrusted": ["change"],
        }
    )
    assert [one.body for one in tenant.log if one.method == "PATCH"] == [{"enabled": False}]
    before: JsonValue = {"alert": alert.model_dump(mode="json", exclude={"user_email", "last_sent_at"})}
    assert await read_newest_change(tenant) == ("done", before)
    assert (again, nothing) == snapshot(
        (
            "alert_id: the alert has these values already. Use other values, or leave it as it is.",
            "alert_id: no new values are given. Use frequency, enabled or both.",
        )
    )


@pytest.mark.both_moods
async def test_an_alert_is_deleted_with_the_code_of_its_preview(tenant: Tenant) -> None:
    alert, other = await add_alert(tenant, "phish"), await add_alert(tenant, "other")
    async with tenant.server(tenant.allowed()) as client:
        preview = await ask(client, "delete_query_alert", alert_id=alert.id)
        await refused(client, "delete_query_alert", alert_id=other.id, confirm=preview["code"])
        assert tenant.changes_sent() == []
        done = await ask(client, "delete_query_alert", alert_id=alert.id, confirm=preview["code"])
    assert {**preview, "code": "..."} == snapshot(
        {
            "source": "sandbox: fictional data, not intelligence",
            "status": "confirmation_required",
            "change": "Delete alert 1 on saved query 1 'phish' for good: it no longer notifies anyone.",
            "query_id": 1,
            "frequency": "daily",
            "enabled": True,
            "undo": "undo_change creates the alert again from the journal, with a new id. The undo needs CF1_MODE=write, the dataset in CF1_WRITE_DATASETS and in some cases a code.",
            "code": "...",
            "untrusted": ["change", "frequency"],
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
            "change": "Delete alert 1 on saved query 1 'phish' for good: it no longer notifies anyone.",
            "alert_id": 1,
            "untrusted": ["change"],
        }
    )
    assert tenant.changes_sent() == [f"DELETE /events/queries/alerts/{alert.id}"]
    assert [one[0] for one in await list_alerts(tenant)] == [other.id]
    before: JsonValue = {"alert": alert.model_dump(mode="json", exclude={"user_email", "last_sent_at"})}
    assert await read_newest_change(tenant) == ("done", before)


async def test_a_deletion_that_cannot_be_verified_says_so(tenant: Tenant) -> None:
    alert = await add_alert(tenant, "phish")
    tenant.options = SandboxOptions(middleware=[Middleware(UnavailableAfterDeletion)])
    async with tenant.server(tenant.allowed()) as client:
        preview = await ask(client, "delete_query_alert", alert_id=alert.id)
        done = await ask(client, "delete_query_alert", alert_id=alert.id, confirm=preview["code"])
    assert (done["status"], done["untrusted"]) == ("done", ["change", "not_verified"])
    assert str(done["not_verified"]).startswith("The token may not do this (403).")


async def test_a_code_is_invalid_once_the_alert_changed(tenant: Tenant) -> None:
    alert = await add_alert(tenant, "phish")
    async with tenant.server(tenant.allowed()) as client:
        preview = await ask(client, "delete_query_alert", alert_id=alert.id)
        async with tenant.api() as api:
            await api.update_alert(alert.id, QueryAlertFields(frequency="immediate"))
        tenant.log.clear()
        await refused(client, "delete_query_alert", alert_id=alert.id, confirm=preview["code"])
    assert tenant.changes_sent() == []


RIGHT: dict[str, Arguments] = {
    "create_query_alert": {"query_id": 1, "frequency": "immediate"},
    "update_query_alert": {"alert_id": 1, "enabled": False},
    "delete_query_alert": {"alert_id": 1},
}
RULES: list[tuple[str, str, str, dict[str, object], str]] = [
    ("creating in read mode", "create_query_alert", MINE, {"mode": "read"}, "CF1_MODE"),
    ("creating without a write list", "create_query_alert", MINE, {"write_datasets": ()}, "CF1_WRITE_DATASETS"),
    ("creating on another query", "create_query_alert", YOURS, {}, "CF1_WRITE_DATASETS"),
    ("creating on a query of everything", "create_query_alert", "all", {}, "CF1_WRITE_DATASETS"),
    ("creating on what may not be read", "create_query_alert", MINE, {"read_datasets": (YOURS,)}, "CF1_WRITE_DATASETS"),
    ("creating with the toolset off", "create_query_alert", MINE, {"toolsets": ("events",)}, "CF1_TOOLSETS"),
    ("updating in read mode", "update_query_alert", MINE, {"mode": "read"}, "CF1_MODE"),
    ("updating on another query", "update_query_alert", YOURS, {}, "CF1_WRITE_DATASETS"),
    ("updating on a query of everything", "update_query_alert", "all", {}, "CF1_WRITE_DATASETS"),
    ("deleting in write mode", "delete_query_alert", MINE, {"mode": "write"}, "CF1_MODE"),
    ("deleting with a write list alone", "delete_query_alert", MINE, {"delete_datasets": ()}, "CF1_DELETE_DATASETS"),
    ("deleting on another query", "delete_query_alert", YOURS, {"write_datasets": ("*",)}, "CF1_DELETE_DATASETS"),
    ("deleting on a query of everything", "delete_query_alert", "all", {}, "CF1_DELETE_DATASETS"),
]


@pytest.mark.parametrize(
    ("tool", "dataset", "changed", "rule"), [one[1:] for one in RULES], ids=[one[0] for one in RULES]
)
async def test_nothing_is_sent_against_a_rule(
    tenant: Tenant, tool: str, dataset: str, changed: dict[str, object], rule: str
) -> None:
    await add_alert(tenant, "phish", dataset)
    async with tenant.server(tenant.allowed(**changed)) as client:
        words = await refused(client, tool, **RIGHT[tool])
    assert f"is withheld by {rule}" in words
    assert tenant.changes_sent() == []


@pytest.mark.parametrize(
    ("tool", "arguments", "words"),
    [
        (
            "create_query_alert",
            {"query_id": 99},
            snapshot(
                """\
Not found on this account (404). Check the ids, or search again: it may have been moved or deleted, or the account lacks this feature.
<untrusted MARK>
The API said: "Event query not found: there is no query 99; GET /events/queries lists them"
</untrusted MARK>\
"""
            ),
        ),
        (
            "create_query_alert",
            {"query_id": 1, "frequency": "hourly"},
            snapshot("frequency: Input should be 'immediate' or 'daily'. Use immediate or daily."),
        ),
        (
            "update_query_alert",
            {"alert_id": 99, "enabled": False},
            snapshot(
                """\
Not found on this account (404). Check the ids, or search again: it may have been moved or deleted, or the account lacks this feature.
<untrusted MARK>
The API said: "Event query alert not found: there is no alert 99; GET /events/queries/alerts lists them"
</untrusted MARK>\
"""
            ),
        ),
        ("delete_query_alert", {"alert_id": 0}, snapshot("alert_id: Input should be greater than or equal to 1.")),
    ],
    ids=["unknown query", "unknown frequency", "unknown alert", "no id"],
)
async def test_invalid_arguments_are_refused(tenant: Tenant, tool: str, arguments: Arguments, words: str) -> None:
    await add_alert(tenant, "phish")
    async with tenant.server(tenant.allowed()) as client:
        assert await refused(client, tool, **arguments) == words
    assert tenant.changes_sent() == []


NO_ROUTE: JsonValue = {"success": False, "errors": [{"message": "no route"}], "result": {}}


async def test_an_account_without_alerts_is_explained_before_anything_is_sent(tenant: Tenant) -> None:
    await add_alert(tenant, "phish")
    async with with_canned_answer(tenant, "/queries/alerts", NO_ROUTE, 404) as client:
        words = [
            await refused(client, "create_query_alert", query_id=1, frequency="immediate"),
            await refused(client, "update_query_alert", alert_id=99, enabled=False),
            await refused(client, "delete_query_alert", alert_id=99),
        ]
    assert (
        words
        == ["This account has no query alerts; not every account does. Use list_saved_queries to see what is watched."]
        * 3
    )
    assert len(await list_alerts(tenant)) == 1


async def test_a_response_with_other_values_is_not_a_complete_change(tenant: Tenant) -> None:
    alert = await add_alert(tenant, "phish")
    answer: JsonValue = {"success": True, "result": alert.model_dump(mode="json")}
    async with with_canned_answer(tenant, "/alerts/create", answer) as client:
        created = await confirmed(client, "create_query_alert", query_id=1, frequency="immediate")
    async with with_canned_answer(tenant, "/alerts/1", answer) as client:
        failed = await ask(client, "update_query_alert", alert_id=1, enabled=False)
        preview = await ask(client, "delete_query_alert", alert_id=1)
        left = await ask(client, "delete_query_alert", alert_id=1, confirm=preview["code"])
    assert (created["status"], created["differs"]) == snapshot(
        ("partial", [{"field": "frequency", "sent": "immediate", "answered": "daily"}])
    )
    assert (failed["status"], failed["differs"]) == snapshot(
        ("failed", [{"field": "enabled", "sent": False, "answered": True}])
    )
    assert (left["status"], left["left"]) == ("failed", True)
