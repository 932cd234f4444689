"""Reverting a dataset: the events that would be lost are counted and shown first."""

from datetime import timedelta

import pytest
from inline_snapshot import snapshot
from pydantic import JsonValue

from cf1_mcp.models import EventSearch
from tests.canned_answers import with_canned_answer
from tests.conversations import ask, refused
from tests.tenant import MINE, NOW, YOURS, Tenant

pytestmark = pytest.mark.anyio

HALF_AN_HOUR: dict[str, JsonValue] = {"dataset_id": MINE, "minutes_ago": 30}


async def titles(tenant: Tenant, dataset_id: str) -> set[str]:
    async with tenant.api() as api:
        return {event.event for event in (await api.list_events(EventSearch(dataset_id=[dataset_id]))).result}


async def test_a_revert_loses_exactly_the_previewed_events(tenant: Tenant) -> None:
    old = await tenant.add("old")
    tenant.wait(3600)
    new, elsewhere = await tenant.add("new"), await tenant.add("elsewhere", YOURS)
    async with tenant.api() as api:
        await api.tag_event(old.uuid, ["since"])
    tenant.log.clear()
    async with tenant.server(tenant.allowed()) as client:
        preview = await ask(client, "revert_threat_dataset", **HALF_AN_HOUR)
        assert tenant.changes_sent() == []
        done = await ask(client, "revert_threat_dataset", **HALF_AN_HOUR, confirm=preview["code"])
    sample = preview["sample"]
    assert isinstance(sample, dict) and isinstance(sample["rows"], list)
    assert [row[0] for row in sample["rows"] if isinstance(row, list)] == [new.uuid]
    assert {**preview, "code": "...", "sample": "..."} == snapshot(
        {
            "source": "sandbox: fictional data, not intelligence",
            "status": "confirmation_required",
            "change": "Revert dataset 'Mine' to its state 30 minutes ago: 1 event created since, by anyone, will be lost. All other changes to the dataset since are reverted as well: changed events change back, deleted ones return, events moved in are lost. How many is unknown, because the API does not report it.",
            "events_lost": 1,
            "target": "2026-11-24T12:30:00Z",
            "undo": "This cannot be undone from here: the API returns an undo bookmark that no route accepts. The journal has only ids, dates and titles of what is lost.",
            "code": "...",
            "untrusted": ["change"],
            "sample": "...",
            "notes": [
                "Nothing was changed. Show this to the person; if they agree, repeat the call with the code as confirm."
            ],
        }
    )
    target = (NOW + timedelta(minutes=30)).strftime("%Y-%m-%dT%H:%M:%SZ")
    assert (done["status"], done["target_timestamp"]) == ("done", target)
    assert done["revert_bookmark"] and done["undo_bookmark"]
    assert tenant.changes_sent() == [f"POST /events/{old.dataset_id}/revert-do"]
    assert await titles(tenant, old.dataset_id) == {"old"}
    assert await titles(tenant, elsewhere.dataset_id) == {"elsewhere"}
    async with tenant.api() as api:
        assert (await api.read_event(old.dataset_id, old.uuid)).tags == []
    change = await tenant.journal.change(str(done["change_id"]))
    assert change.intent.before == [{"uuid": new.uuid, "date": new.date, "event": "new"}]
    assert change.result == {name: done[name] for name in ("target_timestamp", "revert_bookmark", "undo_bookmark")}


async def test_a_revert_that_loses_no_events_warns_of_other_losses(tenant: Tenant) -> None:
    old = await tenant.add("old")
    tenant.wait(3600)
    async with tenant.server(tenant.allowed()) as client:
        preview = await ask(client, "revert_threat_dataset", **HALF_AN_HOUR)
    assert preview["events_lost"] == 0 and "changed events change back" in str(preview["change"])
    assert tenant.changes_sent() == [] and await titles(tenant, old.dataset_id) == {"old"}


async def test_a_code_is_invalid_once_another_event_was_created(tenant: Tenant) -> None:
    old = await tenant.add("old")
    tenant.wait(3600)
    async with tenant.server(tenant.allowed()) as client:
        preview = await ask(client, "revert_threat_dataset", **HALF_AN_HOUR)
        await tenant.add("a colleague's")
        words = await refused(client, "revert_threat_dataset", **HALF_AN_HOUR, confirm=preview["code"])
    assert "this code is not for this change" in words
    assert tenant.changes_sent() == [] and await titles(tenant, old.dataset_id) == {"old", "a colleague's"}


async def test_a_code_is_valid_for_its_own_minutes_only(tenant: Tenant) -> None:
    await tenant.add("old")
    tenant.wait(3600)
    async with tenant.server(tenant.allowed()) as client:
        preview = await ask(client, "revert_threat_dataset", **HALF_AN_HOUR)
        other = {**HALF_AN_HOUR, "minutes_ago": 31}
        await refused(client, "revert_threat_dataset", **other, confirm=preview["code"])
    assert tenant.changes_sent() == []


async def test_a_revert_may_lose_as_many_events_as_one_change_may_touch(tenant: Tenant) -> None:
    for number in range(3):
        await tenant.add(f"new {number}")
    async with tenant.server(tenant.allowed(max_change=3)) as client:
        assert (await ask(client, "revert_threat_dataset", **HALF_AN_HOUR))["events_lost"] == 3
    async with tenant.server(tenant.allowed(max_change=2)) as client:
        assert await refused(client, "revert_threat_dataset", **HALF_AN_HOUR) == snapshot(
            "minutes_ago: a revert that loses more than 2 events is withheld by CF1_MAX_CHANGE (2). Tell the person that the operator's setting forbids it."
        )
    assert tenant.changes_sent() == []


async def test_a_revert_that_loses_withheld_events_is_refused(tenant: Tenant) -> None:
    await tenant.add("seen")
    await tenant.add("unseen", tlp="red")
    async with tenant.server(tenant.allowed()) as client:
        assert await refused(client, "revert_threat_dataset", **HALF_AN_HOUR) == snapshot(
            "minutes_ago: a revert that loses 1 event above the ceiling is withheld by CF1_MAX_TLP (amber). Tell the person that the operator's setting forbids it."
        )
    assert tenant.changes_sent() == []


RULES: list[tuple[str, dict[str, object], dict[str, JsonValue], str]] = [
    ("in read mode", {"mode": "read"}, {}, "CF1_MODE"),
    ("in write mode", {"mode": "write"}, {}, "CF1_MODE"),
    ("without a delete list", {"delete_datasets": ()}, {}, "CF1_DELETE_DATASETS"),
    ("with a write list alone", {"delete_datasets": (), "write_datasets": ("*",)}, {}, "CF1_DELETE_DATASETS"),
    ("of another dataset", {}, {"dataset_id": YOURS}, "CF1_DELETE_DATASETS"),
    ("of another dataset, padded", {}, {"dataset_id": f" {YOURS.upper()} "}, "CF1_DELETE_DATASETS"),
    ("of what may not be read", {"read_datasets": (YOURS,)}, {}, "CF1_DELETE_DATASETS"),
    ("with the toolset off", {"toolsets": ("events",)}, {}, "CF1_TOOLSETS"),
]


@pytest.mark.parametrize(("changed", "other", "rule"), [one[1:] for one in RULES], ids=[one[0] for one in RULES])
async def test_nothing_is_reverted_against_a_rule(
    tenant: Tenant, changed: dict[str, object], other: dict[str, JsonValue], rule: str
) -> None:
    await tenant.add("event")
    async with tenant.server(tenant.allowed(**changed)) as client:
        words = await refused(client, "revert_threat_dataset", **(HALF_AN_HOUR | other))
    assert f"is withheld by {rule}" in words
    assert tenant.changes_sent() == []


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"minutes_ago": 0}, snapshot("minutes_ago: Input should be greater than or equal to 1.")),
        ({"minutes_ago": 43_201}, snapshot("minutes_ago: Input should be less than or equal to 43200.")),
        (
            {"minutes_ago": "an hour"},
            snapshot("minutes_ago: Input should be a valid integer, unable to parse string as an integer."),
        ),
        (
            {"dataset_id": "all"},
            snapshot(
                """\
dataset_id: there is no dataset 'all'. Use one of these, or a uuid.
<untrusted MARK>
Cloudforce One Threat Events
Mine
Yours
</untrusted MARK>\
"""
            ),
        ),
        (
            {"dataset_id": "Mien"},
            snapshot(
                """\
dataset_id: there is no dataset 'Mien', did you mean the first of these? Use one of these, or a uuid.
<untrusted MARK>
Mine
Cloudforce One Threat Events
Yours
</untrusted MARK>\
"""
            ),
        ),
    ],
    ids=["no time", "over 30 days", "no number", "a scope word", "no dataset"],
)
async def test_an_invalid_revert_is_refused(tenant: Tenant, arguments: dict[str, JsonValue], words: str) -> None:
    async with tenant.server(tenant.allowed()) as client:
        assert await refused(client, "revert_threat_dataset", **(HALF_AN_HOUR | arguments)) == words
    assert tenant.changes_sent() == []


@pytest.mark.parametrize("status", [404, 405])
async def test_an_account_without_revert_is_explained_in_one_sentence(tenant: Tenant, status: int) -> None:
    body: JsonValue = {"success": False, "errors": [{"message": "no such route"}], "result": {}}
    async with with_canned_answer(tenant, "/revert-do", body, status) as client:
        preview = await ask(client, "revert_threat_dataset", **HALF_AN_HOUR)
        words = await refused(client, "revert_threat_dataset", **HALF_AN_HOUR, confirm=preview["code"])
    assert words == snapshot("This account cannot revert datasets; nothing was changed.")
    [change] = await tenant.journal.changes(10)
    assert change.outcome == "failed"


async def test_a_list_that_repeats_its_page_is_read_once(tenant: Tenant) -> None:
    made = [*[await tenant.add(title) for title in "abc"], await tenant.add("elsewhere", YOURS)]
    events: list[JsonValue] = [event.model_dump(mode="json", by_alias=True) for event in made]
    async with with_canned_answer(tenant, "/events", {"success": True, "result": events, "result_info": {}}) as client:
        preview = await ask(client, "revert_threat_dataset", **HALF_AN_HOUR)
    assert preview["events_lost"] == 3
