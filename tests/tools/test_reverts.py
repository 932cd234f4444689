"""Reverting a dataset: the events that would be lost are counted and shown first."""

from datetime import timedelta

import pytest
from inline_snapshot import snapshot
from mcp.client import ClientRequestContext
from mcp.types import ElicitRequestParams, ElicitResult
from pydantic import JsonValue

from cf1_mcp.models import EventChange, EventSearch, RawChange, RelationshipType
from cf1_mcp.text.plurals import plural
from tests.canned_answers import with_canned_answer
from tests.conversations import ask, refused
from tests.tenant import GENERATIONS, MINE, NOW, YOURS, Generation, Tenant

pytestmark = pytest.mark.anyio

HALF_AN_HOUR: dict[str, JsonValue] = {"dataset_id": MINE, "minutes_ago": 30}


async def titles(tenant: Tenant, dataset_id: str) -> set[str]:
    async with tenant.api() as api:
        return {event.event for event in (await api.list_events(EventSearch(dataset_id=[dataset_id]))).result}


@pytest.mark.both_moods
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
            "change": "Revert dataset 'Mine' to its state of 2026-11-24T12:30:00Z, 30 minutes before this preview: 1 event created since, by anyone, will be lost. All other changes to the dataset since are reverted as well: changed events change back, with their raw evidence, deleted ones return, events moved in and typed relationships are lost. How many is unknown, because the API does not report edits, moves, deletions, typed relationships or raw evidence of that time.",
            "events_lost": 1,
            "events_in_dataset": 2,
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
    assert done["scheduled"] == (
        "The API schedules a revert, which may take effect a little later: search the dataset to see it."
    )
    tenant.wait(5)
    assert tenant.changes_sent() == [f"POST /events/{old.dataset_id}/revert-do"]
    assert await titles(tenant, old.dataset_id) == {"old"}
    assert await titles(tenant, elsewhere.dataset_id) == {"elsewhere"}
    async with tenant.api() as api:
        assert (await api.read_event(old.dataset_id, old.uuid)).tags == []
    change = await tenant.journal.change(str(done["change_id"]))
    assert change.intent.before == [{"uuid": new.uuid, "date": new.date, "event": "new"}]
    answered = ("target", "minutes_ago_sent", "scheduled", "target_timestamp", "revert_bookmark", "undo_bookmark")
    assert change.result == {name: done[name] for name in answered} and done["minutes_ago_sent"] == 30
    assert change.intent.arguments == {"dataset_id": old.dataset_id, "minutes_ago": 30, "target": target}


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


@pytest.mark.parametrize("wait", [1, 7, 59.5, 290, 299])
async def test_a_revert_goes_to_the_previewed_target_however_late_it_is_confirmed(tenant: Tenant, wait: float) -> None:
    old = await tenant.add("old")
    tenant.wait(3600)
    await tenant.add("created between the target and the drifted one")
    tenant.wait(30 * 60 - 1)
    async with tenant.server(tenant.allowed()) as client:
        preview = await ask(client, "revert_threat_dataset", **HALF_AN_HOUR)
        tenant.wait(wait)
        tenant.log.clear()
        done = await ask(client, "revert_threat_dataset", **HALF_AN_HOUR, confirm=preview["code"])
    assert done["status"] == "done" and done["target"] == done["target_timestamp"] == preview["target"]
    assert [one.body for one in tenant.log if one.path.endswith("/revert-do")] == [
        {"minutesAgo": done["minutes_ago_sent"]}
    ]
    assert 30 <= float(str(done["minutes_ago_sent"])) <= 30 + wait / 60
    assert preview["events_lost"] == 1 and await titles(tenant, old.dataset_id) == {"old"}


async def test_a_code_confirms_in_any_process_that_shares_the_key(tenant: Tenant) -> None:
    old = await tenant.add("old")
    tenant.wait(3600)
    await tenant.add("new")
    async with tenant.server(tenant.allowed()) as client:
        preview = await ask(client, "revert_threat_dataset", **HALF_AN_HOUR)
    tenant.wait(120)
    async with tenant.server(tenant.allowed()) as client:
        code = str(preview["code"]).lower().replace("-", " ")
        done = await ask(client, "revert_threat_dataset", **HALF_AN_HOUR, confirm=code)
        assert done["target"] == preview["target"]
        again = await refused(client, "revert_threat_dataset", **HALF_AN_HOUR, confirm=code)
    assert "confirm: this code" in again and await titles(tenant, old.dataset_id) == {"old"}


async def test_a_code_is_invalid_after_its_time_and_with_another_target(tenant: Tenant) -> None:
    await tenant.add("old")
    tenant.wait(3600)
    async with tenant.server(tenant.allowed()) as client:
        code = str((await ask(client, "revert_threat_dataset", **HALF_AN_HOUR))["code"])
        tenant.wait(60)
        later = str((await ask(client, "revert_threat_dataset", **HALF_AN_HOUR))["code"])
        forged = [code[:14] + later[14:], later[:14] + code[14:], code[:14], code[:14] + "-0000-0000", code + "-0000"]
        forged += [code[:14] + "-ZZZZ-ZZZZ", code[:14] + "-\u202e000-0000"]
        for one in forged:
            words = await refused(client, "revert_threat_dataset", **HALF_AN_HOUR, confirm=one)
            assert words.startswith("confirm: this code is not for this change")
        tenant.wait(600)
        await refused(client, "revert_threat_dataset", **HALF_AN_HOUR, confirm=code)
    assert tenant.changes_sent() == []


@pytest.mark.parametrize("approval", ["ask", "operator"])
@pytest.mark.parametrize("mode", GENERATIONS)
async def test_a_person_who_takes_minutes_approves_the_previewed_target(
    tenant: Tenant, approval: str, mode: Generation
) -> None:
    old = await tenant.add("old")
    tenant.wait(3600)
    await tenant.add("new")

    async def agree(context: ClientRequestContext, params: ElicitRequestParams) -> ElicitResult:
        tenant.wait(100)
        return ElicitResult(action="accept", content={"answer": "yes"})

    async with tenant.server(tenant.allowed(approval=approval), agree, mode) as client:
        preview = await ask(client, "revert_threat_dataset", **HALF_AN_HOUR)
        tenant.wait(60)
        if approval == "operator":
            await tenant.approvals.decide(str(preview["code"]), approved=True)
        done = await ask(client, "revert_threat_dataset", **HALF_AN_HOUR, confirm=preview["code"])
    assert done["target"] == done["target_timestamp"] == preview["target"]
    assert await titles(tenant, old.dataset_id) == {"old"}


WRITES = [
    "edits an event",
    "edits its evidence",
    "marks its evidence",
    "tags it",
    "adds a reference",
    "adds a typed relationship",
    "moves an event in",
    "moves an event out",
    "deletes an event",
    "creates an event",
]


@pytest.mark.parametrize("write", WRITES)
async def test_any_write_to_the_dataset_after_the_preview_voids_the_code(tenant: Tenant, write: str) -> None:
    first, second, theirs = await tenant.add("first"), await tenant.add("second"), await tenant.add("theirs", YOURS)
    mine, yours = first.dataset_id, theirs.dataset_id
    tenant.wait(3600)
    async with tenant.server(tenant.allowed()) as client, tenant.api() as api:
        preview = await ask(client, "revert_threat_dataset", **HALF_AN_HOUR)
        match write:
            case "edits an event":
                change = EventChange.model_validate({"dataset_id": mine, "insight": "a colleague's"})
                await api.update_event(first.uuid, change)
            case "edits its evidence":
                await api.update_raw(first.uuid, first.raw_id, RawChange(data={"new": True}))
            case "marks its evidence":
                await api.update_raw(first.uuid, first.raw_id, RawChange(tlp="amber"))
            case "tags it":
                await api.tag_event(first.uuid, ["since"])
            case "adds a reference":
                await api.relate_event(first.uuid, [second.uuid])
            case "adds a typed relationship":
                await api.create_relationships(mine, first.uuid, [second.uuid], "caused_by")
            case "moves an event in":
                await api.move_events(yours, mine, [theirs.uuid], True)
            case "moves an event out":
                await api.move_events(mine, yours, [first.uuid], True)
            case "deletes an event":
                await api.delete_events(mine, [first.uuid])
            case _:
                await tenant.add("new")
        tenant.log.clear()
        words = await refused(client, "revert_threat_dataset", **HALF_AN_HOUR, confirm=preview["code"])
    assert "this code is not for this change" in words and tenant.changes_sent() == []


async def test_the_size_of_a_revert_is_that_of_the_whole_dataset(tenant: Tenant) -> None:
    for number in range(3):
        await tenant.add(f"old {number}")
    tenant.wait(3600)
    async with tenant.server(tenant.allowed(max_change=3)) as client:
        preview = await ask(client, "revert_threat_dataset", **HALF_AN_HOUR)
    assert (preview["events_lost"], preview["events_in_dataset"]) == (0, 3)
    for most in (2, 1):
        async with tenant.server(tenant.allowed(max_change=most)) as client:
            words = await refused(client, "revert_threat_dataset", **HALF_AN_HOUR)
            assert words == (
                f"dataset_id: a revert of this whole dataset is withheld by CF1_MAX_CHANGE ({most}): at most {plural(most, 'event')} a call. Tell the person "
                "that the operator's setting forbids more."
            )
    assert tenant.changes_sent() == []


@pytest.mark.parametrize("count", [1, 3])
@pytest.mark.parametrize("fields", [{"tlp": "red"}, {"raw": {"data": {"a": 1}, "tlp": "red"}}, {"tlp": "amber+strict"}])
@pytest.mark.parametrize("wait", [0, 3600])
async def test_a_revert_of_a_dataset_with_something_withheld_is_refused_with_the_rule_alone(
    tenant: Tenant, fields: dict[str, JsonValue], count: int, wait: int
) -> None:
    await tenant.add("seen")
    for _ in range(count):
        await tenant.add("unseen", MINE, **fields)
    tenant.wait(wait)
    async with tenant.server(tenant.allowed(max_change=4)) as client:
        assert await refused(client, "revert_threat_dataset", **HALF_AN_HOUR) == snapshot(
            "dataset_id: a revert of this whole dataset is withheld by CF1_MAX_TLP (amber). Tell the person that the operator's setting forbids it."
        )
    assert tenant.changes_sent() == []


async def test_a_revert_that_went_past_its_target_is_reported(tenant: Tenant) -> None:
    answered: JsonValue = {
        "success": True,
        "errors": [],
        "result": {"datasetId": tenant.dataset_id(), "minutesAgo": 31, "targetTimestamp": "2026-11-24T11:28:00Z"},
    }
    await tenant.add("old")
    async with with_canned_answer(tenant, "/revert-do", answered) as client:
        preview = await ask(client, "revert_threat_dataset", **HALF_AN_HOUR)
        done = await ask(client, "revert_threat_dataset", **HALF_AN_HOUR, confirm=preview["code"])
    assert done["status"] == "partial" and "earlier time" in str(done["went_past_target"])


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


@pytest.mark.parametrize("order", ["parent to child", "child to parent"])
@pytest.mark.parametrize("first", ["related_to", "caused_by"])
async def test_a_code_is_void_once_related_events_have_another_relationship(
    tenant: Tenant, first: RelationshipType, order: str
) -> None:
    parent, child = await tenant.add("parent"), await tenant.add("child")
    second: RelationshipType = "caused_by" if first == "related_to" else "related_to"
    ends = (parent, child) if order == "parent to child" else (child, parent)
    async with tenant.api() as api:
        await api.create_relationships(parent.dataset_id, parent.uuid, [child.uuid], first)
    async with tenant.server(tenant.allowed()) as client:
        preview = await ask(client, "revert_threat_dataset", **HALF_AN_HOUR)
        async with tenant.api() as api:
            await api.create_relationships(ends[0].dataset_id, ends[0].uuid, [ends[1].uuid], second)
        tenant.log.clear()
        await refused(client, "revert_threat_dataset", **HALF_AN_HOUR, confirm=preview["code"])
        assert tenant.changes_sent() == []
        new = await ask(client, "revert_threat_dataset", **HALF_AN_HOUR)
        done = await ask(client, "revert_threat_dataset", **HALF_AN_HOUR, confirm=new["code"])
    assert done["status"] == "done"
