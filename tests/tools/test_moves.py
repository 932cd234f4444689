"""Moving events: the rules must allow removal from one dataset and creation in the other."""

import pytest
from inline_snapshot import snapshot
from pydantic import JsonValue, TypeAdapter

from cf1_mcp.errors import NotFound
from tests.canned_answers import copy_event, with_canned_answer
from tests.conversations import ask, ask_for_text, refused
from tests.tenant import MINE, YOURS, Tenant

pytestmark = pytest.mark.anyio

YOURS_WRITABLE = {"write_datasets": (YOURS,)}


def moving(*event_ids: str, **other: JsonValue) -> dict[str, JsonValue]:
    call: dict[str, JsonValue] = {"dataset_id": MINE, "destination_dataset_id": YOURS, "event_ids": [*event_ids]}
    return call | other


def uuid_of(tenant: Tenant, name: str) -> str:
    return next(one.uuid for one in tenant.store.datasets() if one.name == name)


async def test_a_preview_counts_raw_data_and_relationships(tenant: Tenant) -> None:
    parent, child = await tenant.add("parent"), await tenant.add("child")
    async with tenant.api() as api:
        await api.create_relationships(parent.dataset_id, parent.uuid, [child.uuid], "caused_by")
    tenant.log.clear()
    async with tenant.server(tenant.allowed(**YOURS_WRITABLE)) as client:
        data = await ask(client, "move_threat_events", **moving(child.uuid))
    assert {**data, "code": "...", "sample": "..."} == snapshot(
        {
            "source": "sandbox: fictional data, not intelligence",
            "status": "confirmation_required",
            "change": "Move 1 event from dataset 'Mine' to 'Yours'.",
            "events": 1,
            "relationships": 1,
            "raw_kept": 1,
            "raw_markings": {"amber": 1},
            "undo": "undo_change moves them back. The undo needs CF1_MODE=full, dataset b4cd0ca2-028a-5732-bf16-8f3051ebbbfe in CF1_DELETE_DATASETS, dataset a9fa1f29-a64a-58a3-af35-67f963de9ab6 in CF1_WRITE_DATASETS and a code. The current settings refuse it: CF1_DELETE_DATASETS, CF1_WRITE_DATASETS.",
            "code": "...",
            "untrusted": ["change"],
            "sample": "...",
            "notes": [
                "Nothing was changed. Show this to the person; if they agree, repeat the call with the code as confirm."
            ],
        }
    )
    assert tenant.changes_sent() == []


@pytest.mark.both_moods
async def test_moved_events_keep_their_evidence_and_links(tenant: Tenant) -> None:
    parent, child = await tenant.add("parent"), await tenant.add("child")
    async with tenant.api() as api:
        await api.create_relationships(parent.dataset_id, parent.uuid, [child.uuid], "caused_by")
    tenant.log.clear()
    async with tenant.server(tenant.allowed(**YOURS_WRITABLE)) as client:
        preview = await ask(client, "move_threat_events", **moving(child.uuid))
        done = await ask(client, "move_threat_events", **moving(child.uuid), confirm=preview["code"])
    assert (done["status"], done["moved"]) == ("done", 1)
    assert tenant.changes_sent() == [f"POST /events/dataset/{child.dataset_id}/move"]
    yours = uuid_of(tenant, YOURS)
    async with tenant.api() as api:
        moved = await api.read_event(yours, child.uuid)
        raw = await api.read_dataset_raw(yours, child.uuid)
        above = await api.list_relationships(child.uuid, yours, "ancestors", 1, ["caused_by"], False)
        with pytest.raises(NotFound):
            await api.read_event(child.dataset_id, child.uuid)
    assert (moved.dataset_id, moved.event, raw.data) == (yours, "child", {"of": "child"})
    assert [one.uuid for one in above] == [parent.uuid]
    change = await tenant.journal.change(str(done["change_id"]))
    before = TypeAdapter(dict[str, JsonValue]).validate_python(change.intent.before)
    assert (change.outcome, change.intent.datasets) == ("done", (child.dataset_id, yours))
    assert before["destination"] == {"uuid": yours, "is_public": False}
    [image] = TypeAdapter(list[dict[str, JsonValue]]).validate_python(before["images"])
    assert image["event"] == child.model_dump(mode="json", by_alias=True)


async def test_raw_evidence_is_only_dropped_on_request(tenant: Tenant) -> None:
    event = await tenant.add("event")
    async with tenant.server(tenant.allowed(**YOURS_WRITABLE)) as client:
        call = moving(event.uuid, keep_raw_data=False)
        preview = await ask(client, "move_threat_events", **call)
        await refused(client, "move_threat_events", **moving(event.uuid), confirm=preview["code"])
        assert tenant.changes_sent() == []
        done = await ask(client, "move_threat_events", **call, confirm=preview["code"])
    assert [preview[name] for name in ("change", "raw_lost", "undo")] == snapshot(
        [
            "Move 1 event from dataset 'Mine' to 'Yours'. The raw evidence of 1 event is lost for good.",
            1,
            "undo_change moves them back without the raw evidence, which is left in the journal only. The undo needs CF1_MODE=full, dataset b4cd0ca2-028a-5732-bf16-8f3051ebbbfe in CF1_DELETE_DATASETS, dataset a9fa1f29-a64a-58a3-af35-67f963de9ab6 in CF1_WRITE_DATASETS and a code. The current settings refuse it: CF1_DELETE_DATASETS, CF1_WRITE_DATASETS.",
        ]
    )
    assert done["status"] == "done"
    async with tenant.api() as api:
        with pytest.raises(NotFound):
            await api.read_dataset_raw(uuid_of(tenant, YOURS), event.uuid)


async def test_a_preview_warns_of_a_public_destination(tenant: Tenant) -> None:
    event = await tenant.add("event")
    datasets: list[JsonValue] = [
        {"uuid": one.uuid, "name": one.name, "isPublic": one.name == YOURS} for one in tenant.store.datasets()
    ]
    async with with_canned_answer(
        tenant, "/events/dataset", datasets, settings=tenant.allowed(**YOURS_WRITABLE)
    ) as client:
        words = await ask_for_text(client, "move_threat_events", **moving(event.uuid))
    assert "The destination is public: anyone may search it." in words


RULES: list[tuple[str, dict[str, object], dict[str, JsonValue], str]] = [
    ("in read mode", {"mode": "read"}, {}, "CF1_MODE"),
    ("in write mode", {"mode": "write"}, {}, "CF1_MODE"),
    ("out of an allowed source into a forbidden destination", {"write_datasets": (MINE,)}, {}, "CF1_WRITE_DATASETS"),
    ("into what may be destroyed but not written", {"delete_datasets": ("*",), "write_datasets": ()}, {}, "CF1_WRITE"),
    ("out of a forbidden source", {"delete_datasets": (YOURS,)}, {}, "CF1_DELETE_DATASETS"),
    ("out of what may be written but not destroyed", {"delete_datasets": ()}, {}, "CF1_DELETE_DATASETS"),
    (
        "the other way round",
        {},
        {"dataset_id": f" {YOURS.upper()}", "destination_dataset_id": MINE},
        "CF1_DELETE_DATASETS",
    ),
    ("into what may not be read", {"read_datasets": (MINE,)}, {}, "CF1_WRITE_DATASETS"),
    ("more than allowed", {"max_change": 1}, {}, "CF1_MAX_CHANGE (1)"),
    ("with the toolset off", {"toolsets": ("events",)}, {}, "CF1_TOOLSETS"),
]


@pytest.mark.parametrize(("changed", "other", "rule"), [one[1:] for one in RULES], ids=[one[0] for one in RULES])
async def test_nothing_is_moved_against_a_rule(
    tenant: Tenant, changed: dict[str, object], other: dict[str, JsonValue], rule: str
) -> None:
    first, second = await tenant.add("first"), await tenant.add("second")
    async with tenant.server(tenant.allowed(**(YOURS_WRITABLE | changed))) as client:
        words = await refused(client, "move_threat_events", **(moving(first.uuid, second.uuid) | other))
    assert f"is withheld by {rule}" in words
    assert tenant.changes_sent() == []


async def test_events_of_other_datasets_or_above_the_ceiling_are_refused_whole(tenant: Tenant) -> None:
    mine, yours, red = await tenant.add("mine"), await tenant.add("yours", YOURS), await tenant.add("red", tlp="red")
    async with tenant.server(tenant.allowed(**YOURS_WRITABLE)) as client:
        for other in (yours, red):
            await refused(client, "move_threat_events", **moving(mine.uuid, other.uuid))
    assert tenant.changes_sent() == []


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (
            {"event_ids": []},
            snapshot(
                "event_ids: no event is given. Use either event_ids, or the selection of a search with select=true."
            ),
        ),
        (
            {"event_ids": ["no uuid"]},
            snapshot("event_ids: this is not an event uuid; take it from the uuid column of a search."),
        ),
        (
            {"destination_dataset_id": "mine "},
            snapshot("destination_dataset_id: the events are in this dataset already. Use another dataset."),
        ),
        (
            {"destination_dataset_id": "Your"},
            snapshot(
                """\
destination_dataset_id: there is no dataset 'Your', did you mean the first of these? Use one of these, or a uuid.
<untrusted MARK>
Yours
Cloudforce One Threat Events
Mine
</untrusted MARK>\
"""
            ),
        ),
        (
            {"event_ids": [f"e0000000-0000-4000-8000-{number:012}" for number in range(10_000)]},
            snapshot(
                "event_ids: a change of 10,000 events at once is withheld by CF1_MAX_CHANGE (100): at most 100 events a call. Tell the person that the operator's setting forbids more."
            ),
        ),
    ],
    ids=["none", "no uuid", "where they are", "no dataset", "ten thousand"],
)
async def test_an_invalid_move_is_refused(tenant: Tenant, arguments: dict[str, JsonValue], words: str) -> None:
    event = await tenant.add("event")
    async with tenant.server(tenant.allowed(write_datasets=(MINE, YOURS))) as client:
        assert await refused(client, "move_threat_events", **(moving(event.uuid) | arguments)) == words
    assert tenant.changes_sent() == []


async def test_a_code_is_invalid_once_an_event_changed(tenant: Tenant) -> None:
    event = await tenant.add("event")
    async with tenant.server(tenant.allowed(**YOURS_WRITABLE)) as client, tenant.api() as api:
        preview = await ask(client, "move_threat_events", **moving(event.uuid))
        await api.tag_event(event.uuid, ["a colleague was here"])
        tenant.log.clear()
        words = await refused(client, "move_threat_events", **moving(event.uuid), confirm=preview["code"])
    assert "this code is not for this change" in words and tenant.changes_sent() == []


# -- partial moves


def failing(index: JsonValue) -> JsonValue:
    return {"index": index, "reason": "Shard\nbusy"}


PARTS: list[tuple[str, JsonValue, str, JsonValue]] = [
    ("an older answer counts alone", 2, "done", {"moved": 2}),
    (
        "an older answer counts other events than left the source",
        1,
        "unknown",
        snapshot(
            {
                "look": "A look at the API right after it did not find it done, or not all of it. That may still come.",
                "next": "It may have been done: look before repeating it.",
                "reason": "The API says that it moved 1 of 2 events.",
                "still_in_source": ["A", "B"],
            }
        ),
    ),
    (
        "one failed, and the other is still in the source",
        {"moved": 1, "insertFailures": [failing(1)]},
        "unknown",
        snapshot(
            {
                "look": "A look at the API right after it did not find it done, or not all of it. That may still come.",
                "next": "It may have been done: look before repeating it.",
                "reason": "The API says that it moved 1 of 2 events.",
                "not_moved": [{"event": "B", "reason": "Shard\\nbusy"}],
                "still_in_source": ["A", "B"],
            }
        ),
    ),
    (
        "failures of unknown rows",
        {"moved": 1, "insertFailures": [failing(9), failing("x")]},
        "unknown",
        snapshot(
            {
                "look": "A look at the API right after it did not find it done, or not all of it. That may still come.",
                "next": "It may have been done: look before repeating it.",
                "reason": "The API says that it moved 1 of 2 events.",
                "not_moved": [
                    {"event": "unknown", "reason": "Shard\\nbusy"},
                    {"event": "unknown", "reason": "Shard\\nbusy"},
                ],
                "still_in_source": ["A", "B"],
            }
        ),
    ),
    (
        "copied, not removed",
        {"moved": 2, "deletionFailures": [{"datasetId": "d", "reason": "busy"}]},
        "partial",
        snapshot({"moved": 2, "not_removed_from_source": ["busy"], "still_in_source": ["A", "B"]}),
    ),
    ("nothing moved", {"moved": 0}, "failed", snapshot({"moved": 0, "still_in_source": ["A", "B"]})),
]


@pytest.mark.parametrize(("body", "status", "facts"), [one[1:] for one in PARTS], ids=[one[0] for one in PARTS])
async def test_the_outcome_of_a_move_is_read_from_the_response(
    tenant: Tenant, body: JsonValue, status: str, facts: JsonValue
) -> None:
    events = [await tenant.add(title) for title in ("one", "two")]
    first, second = sorted(event.uuid for event in events)
    call = moving(first, second)
    async with with_canned_answer(tenant, "/move", body, settings=tenant.allowed(**YOURS_WRITABLE)) as client:
        preview = await ask(client, "move_threat_events", **call)
        done = await ask(client, "move_threat_events", **call, confirm=preview["code"])
    change = await tenant.journal.change(str(done["change_id"]))
    assert (done["status"], change.outcome) == (status, status)
    result = change.result
    assert isinstance(result, dict)
    spelt = TypeAdapter(JsonValue).dump_json(result).decode().replace(first, "A").replace(second, "B")
    assert TypeAdapter(dict[str, JsonValue]).validate_json(spelt) == facts


async def test_an_event_that_is_already_in_the_destination_is_not_moved(tenant: Tenant) -> None:
    twice, other = await tenant.add("twice"), await tenant.add("other")
    async with tenant.server(tenant.allowed(delete_datasets=(MINE, YOURS), write_datasets=(MINE, YOURS))) as client:
        call = moving(twice.uuid, other.uuid)
        preview = await ask(client, "move_threat_events", **call)
        await copy_event(tenant, twice.uuid, MINE, YOURS)
        done = await ask(client, "move_threat_events", **call, confirm=preview["code"])
    assert (done["status"], done["moved"], done["still_in_source"]) == ("partial", 1, [twice.uuid])
    [row] = TypeAdapter(list[dict[str, JsonValue]]).validate_python(done["not_moved"])
    assert row["event"] == twice.uuid and "is already in the destination" in str(row["reason"])
