"""Tagging and untagging: only missing tags are added, only existing ones taken off, and failures are reported."""

import pytest
from inline_snapshot import snapshot
from mcp import Client
from pydantic import JsonValue
from starlette.middleware import Middleware

from cf1_mcp.models import Event, Tlp
from cf1_mcp.sandbox.http.faults import FaultInjector, parse_faults
from cf1_mcp.sandbox.options import SandboxOptions
from tests.canned_answers import copy_event, with_canned_answer
from tests.conversations import ask, refused
from tests.tenant import MINE, YOURS, Tenant

pytestmark = pytest.mark.anyio

UNKNOWN = "e0000000-0000-4000-8000-000000000001"


async def read_tags(tenant: Tenant, *events: Event) -> list[list[str]]:
    """Return the tags of events as the API stores them now."""
    async with tenant.api() as api:
        return [(await api.read_event(event.dataset_id, event.uuid)).tags for event in events]


async def preview_untagging(client: Client, **arguments: JsonValue) -> dict[str, JsonValue]:
    """Return the arguments of an untagging with the code of its preview."""
    return arguments | {"confirm": (await ask(client, "untag_threat_events", **arguments))["code"]}


def uuids_of(events: list[Event]) -> list[JsonValue]:
    return [event.uuid for event in events]


async def add_five_events(tenant: Tenant, **fields: JsonValue) -> list[Event]:
    """Add five events, and return them in the order in which they are changed."""
    return sorted([await tenant.add(f"number {n}", MINE, **fields) for n in range(5)], key=lambda event: event.uuid)


@pytest.mark.both_moods
async def test_only_missing_tags_are_added_and_journaled(tenant: Tenant) -> None:
    bare = await tenant.add("bare")
    half = await tenant.add("half", tags=["Wave", "old"])
    full = await tenant.add("full", tags=["wave", "triaged"])
    async with tenant.server(tenant.allowed(mode="write")) as client:
        ids = uuids_of([bare, half, full, bare])
        done = await ask(
            client, "tag_threat_events", dataset_id=MINE, event_ids=ids, tags=["wave", " Triaged ", "WAVE"]
        )
    assert done["status"] == "done" and done["change"] == snapshot(
        "Tag 2 events in dataset 'Mine' with 'wave', 'Triaged'."
    )
    assert done["tagged"] == 2
    assert await read_tags(tenant, bare, half, full) == snapshot(
        [["wave", "Triaged"], ["Wave", "old", "Triaged"], ["wave", "triaged"]]
    )
    change = await tenant.journal.change(str(done["change_id"]))
    assert change.intent.before == {bare.uuid: ["wave", "Triaged"], half.uuid: ["Triaged"]}
    assert change.outcome == "done"


@pytest.mark.both_moods
async def test_untagging_needs_a_code_and_journals_the_old_tags(tenant: Tenant) -> None:
    first, second = await tenant.add("first", tags=["Wave", "old"]), await tenant.add("second", tags=["other"])
    call: dict[str, JsonValue] = {"dataset_id": MINE, "event_ids": uuids_of([first, second]), "tags": ["wave", "none"]}
    async with tenant.server(tenant.allowed()) as client:
        preview = await ask(client, "untag_threat_events", **call)
        assert tenant.changes_sent() == []
        done = await ask(client, "untag_threat_events", **call, confirm=preview["code"])
    assert {**preview, "code": "...", "sample": "..."} == snapshot(
        {
            "source": "sandbox: fictional data, not intelligence",
            "status": "confirmation_required",
            "change": "Take 'Wave' off 1 event in dataset 'Mine'.",
            "events": 1,
            "tags_taken_off": 1,
            "undo": "undo_change tags the events again. The undo needs CF1_MODE=write, the dataset in CF1_WRITE_DATASETS and in some cases a code.",
            "code": "...",
            "untrusted": ["change"],
            "sample": "...",
            "notes": [
                "Nothing was changed. Show this to the person; if they agree, repeat the call with the code as confirm."
            ],
        }
    )
    assert done["untagged"] == 1
    assert tenant.changes_sent() == [f"DELETE /events/event_tag/{first.uuid}"]
    assert await read_tags(tenant, first, second) == [["old"], ["other"]]
    change = await tenant.journal.change(str(done["change_id"]))
    assert change.intent.before == {first.uuid: ["Wave", "old"]}


async def test_a_code_is_invalid_for_other_tags(tenant: Tenant) -> None:
    event = await tenant.add("busy", tags=["wave", "old"])
    async with tenant.server(tenant.allowed()) as client:
        call = await preview_untagging(client, dataset_id=MINE, event_ids=[event.uuid], tags=["wave"])
        both: dict[str, JsonValue] = {"tags": ["wave", "old"]}
        await refused(client, "untag_threat_events", **(call | both))
        async with tenant.api() as api:
            await api.tag_event(event.uuid, ["a colleague was here"])
        tenant.log.clear()
        await refused(client, "untag_threat_events", **call)
    assert tenant.changes_sent() == []


TAG, UNTAG = "tag_threat_events", "untag_threat_events"
RULES: list[tuple[str, str, dict[str, object], dict[str, JsonValue], str]] = [
    ("tag in read mode", TAG, {"mode": "read"}, {}, "CF1_MODE"),
    ("tag without a write list", TAG, {"write_datasets": ()}, {}, "CF1_WRITE_DATASETS"),
    ("tag with a delete list alone", TAG, {"write_datasets": (), "delete_datasets": ("*",)}, {}, "CF1_WRITE_DATASETS"),
    ("tag in another dataset", TAG, {}, {"dataset_id": f"{YOURS.upper()} "}, "CF1_WRITE_DATASETS"),
    ("tag what may not be read", TAG, {"read_datasets": (YOURS,)}, {}, "CF1_WRITE_DATASETS"),
    ("tag above the ceiling", TAG, {"max_tlp": Tlp.CLEAR}, {}, "CF1_MAX_TLP (clear)"),
    ("tag more than allowed", TAG, {"max_change": 1}, {}, "CF1_MAX_CHANGE (1)"),
    ("tag with its toolset off", TAG, {"toolsets": ("events",)}, {}, "CF1_TOOLSETS"),
    ("untag in read mode", UNTAG, {"mode": "read"}, {}, "CF1_MODE"),
    ("untag in write mode", UNTAG, {"mode": "write"}, {}, "CF1_MODE"),
    ("untag without a delete list", UNTAG, {"delete_datasets": ()}, {}, "CF1_DELETE_DATASETS"),
    ("untag with a write list alone", UNTAG, {"write_datasets": ("*",), "delete_datasets": ()}, {}, "CF1_DELETE_DATASETS"),
    ("untag in another dataset", UNTAG, {}, {"dataset_id": YOURS}, "CF1_DELETE_DATASETS"),
    ("untag what may not be read", UNTAG, {"read_datasets": (YOURS,)}, {}, "CF1_DELETE_DATASETS"),
    ("untag above the ceiling", UNTAG, {"max_tlp": Tlp.CLEAR}, {}, "CF1_MAX_TLP (clear)"),
    ("untag more than allowed", UNTAG, {"max_change": 1}, {}, "CF1_MAX_CHANGE (1)"),
]  # fmt: skip


@pytest.mark.parametrize(
    ("tool", "changed", "other", "rule"), [one[1:] for one in RULES], ids=[one[0] for one in RULES]
)
async def test_no_tag_is_changed_against_a_rule(
    tenant: Tenant, tool: str, changed: dict[str, object], other: dict[str, JsonValue], rule: str
) -> None:
    first, second = await tenant.add("first", tags=["there"]), await tenant.add("second")
    tag = "new" if tool == TAG else "there"
    arguments: dict[str, JsonValue] = {"dataset_id": MINE, "event_ids": uuids_of([first, second]), "tags": [tag]}
    async with tenant.server(tenant.allowed(**changed)) as client:
        words = await refused(client, tool, **(arguments | other))
    assert f"is withheld by {rule}" in words
    assert tenant.changes_sent() == []


@pytest.mark.parametrize("tool", [TAG, UNTAG])
async def test_one_event_of_another_dataset_stops_the_whole_change(tenant: Tenant, tool: str) -> None:
    mine, yours = await tenant.add("mine", tags=["there"]), await tenant.add("yours", YOURS, tags=["there"])
    tag = "new" if tool == TAG else "there"
    async with tenant.server(tenant.allowed()) as client:
        for other in (yours.uuid, UNKNOWN):
            await refused(client, tool, dataset_id=MINE, event_ids=[mine.uuid, other], tags=[tag])
    assert tenant.changes_sent() == []


@pytest.mark.parametrize("tool", [TAG, UNTAG])
async def test_an_event_with_a_copy_elsewhere_is_refused(tenant: Tenant, tool: str) -> None:
    event = await tenant.add("theirs first", YOURS, tags=["there"])
    await copy_event(tenant, event.uuid, YOURS, MINE)
    tenant.log.clear()
    tag = "new" if tool == TAG else "there"
    async with tenant.server(tenant.allowed()) as client:
        words = await refused(client, tool, dataset_id=MINE, event_ids=[event.uuid], tags=[tag])
    assert "has a copy in a dataset that was not named" in words
    assert tenant.changes_sent() == []


@pytest.mark.parametrize(
    ("tool", "wrong", "words"),
    [
        (TAG, {"tags": []}, snapshot("tags: there are no tags. Use at least one tag.")),
        (TAG, {"tags": [""]}, snapshot("tags: a tag has 0 characters. Use tags of 1 to 512 characters.")),
        (
            TAG,
            {"tags": ["two\r\nlines"]},
            snapshot(
                "tags: 'two\\\\r\\\\nlines' contains line breaks or invisible characters. Use one line of visible text."
            ),
        ),
        (
            TAG,
            {"tags": ["un\u202eseen"]},
            snapshot(
                "tags: 'un\\\\u202eseen' contains line breaks or invisible characters. Use one line of visible text."
            ),
        ),
        (
            TAG,
            {"tags": ["THERE"]},
            snapshot("tags: all of these events have all of these tags already. Use other tags, or other events."),
        ),
        (
            TAG,
            {"event_ids": []},
            snapshot(
                "event_ids: no event is given. Use either event_ids, or the selection of a search with select=true."
            ),
        ),
        (
            TAG,
            {"event_ids": [f"e0000000-0000-4000-8000-{number:012}" for number in range(10_000)]},
            snapshot(
                "event_ids: a change of 10,000 events at once is withheld by CF1_MAX_CHANGE (100): at most 100 events a call. Tell the person that the operator's setting forbids more."
            ),
        ),
        (
            UNTAG,
            {"tags": ["their"]},
            snapshot("""\
tags: none of these events has 'their', did you mean the first of these? Use one of these.
<untrusted MARK>
there
</untrusted MARK>\
"""),
        ),
        (UNTAG, {"tags": []}, snapshot("tags: there are no tags. Use at least one tag.")),
    ],
)
async def test_invalid_arguments_are_refused(
    tenant: Tenant, tool: str, wrong: dict[str, JsonValue], words: str
) -> None:
    event = await tenant.add("kept", tags=["there"])
    arguments: dict[str, JsonValue] = {"dataset_id": MINE, "event_ids": [event.uuid], "tags": ["new"]}
    async with tenant.server(tenant.allowed()) as client:
        assert await refused(client, tool, **(arguments | wrong)) == words
    assert tenant.changes_sent() == []


async def test_one_failure_leaves_the_other_events_tagged(tenant: Tenant) -> None:
    events = await add_five_events(tenant)
    tenant.options = inject_faults(f"409@event_tag/{events[2].uuid}")
    async with tenant.server(tenant.allowed()) as client:
        done = await ask(client, TAG, dataset_id=MINE, event_ids=uuids_of(events), tags=["wave"])
    assert done["status"] == "partial"
    assert done["tagged"] == 4
    assert done["failed"] == [
        {
            "event": events[2].uuid,
            "reason": snapshot(
                'The API refused the request (409). Correct what it names and call again. (The API said: "An error occurred")'
            ),
        }
    ]
    assert [bool(tags) for tags in await read_tags(tenant, *events)] == [True, True, False, True, True]


async def test_one_failure_leaves_the_other_events_untagged(tenant: Tenant) -> None:
    events = await add_five_events(tenant, tags=["wave"])
    tenant.options = inject_faults(f"409@event_tag/{events[2].uuid}")
    async with tenant.server(tenant.allowed()) as client:
        call = await preview_untagging(client, dataset_id=MINE, event_ids=uuids_of(events), tags=["wave"])
        done = await ask(client, UNTAG, **call)
    assert (done["status"], done["untagged"]) == ("partial", 4)
    assert [bool(tags) for tags in await read_tags(tenant, *events)] == [False, False, True, False, False]


def inject_faults(spec: str) -> SandboxOptions:
    return SandboxOptions(middleware=[Middleware(FaultInjector, faults=parse_faults(spec))])


async def test_an_unavailable_api_gets_no_more_requests(tenant: Tenant) -> None:
    events = sorted([await tenant.add(f"number {n}") for n in range(10)], key=lambda event: event.uuid)
    tenant.options = inject_faults(f"html@event_tag/{events[2].uuid}")
    async with tenant.server(tenant.allowed()) as client:
        done = await ask(client, TAG, dataset_id=MINE, event_ids=uuids_of(events), tags=["wave"])
    assert (done["status"], done["tagged"]) == ("unknown", uuids_of([*events[:2], *events[3:8]]))
    assert done["unknown"] == [events[2].uuid]
    assert done["failed"] == [{"event": one.uuid, "reason": "Not tried, because others failed."} for one in events[8:]]


@pytest.mark.parametrize(("fault", "outcome"), [("409", "failed"), ("429", "failed"), ("html", "unknown")])
async def test_the_journal_says_whether_a_failed_tagging_is_unknown(tenant: Tenant, fault: str, outcome: str) -> None:
    events = await add_five_events(tenant)
    tenant.options = inject_faults(f"{fault}@event_tag")
    async with tenant.server(tenant.allowed()) as client:
        await client.call_tool(TAG, {"dataset_id": MINE, "event_ids": uuids_of(events), "tags": ["wave"]})
    [change] = await tenant.journal.changes(2)
    assert change.outcome == outcome


async def test_a_failure_inside_a_response_is_a_failure(tenant: Tenant) -> None:
    event = await tenant.add("refused")
    no: JsonValue = {"success": True, "result": {"success": False}}
    async with with_canned_answer(tenant, f"/event_tag/{event.uuid}/create", no) as client:
        done = await ask(client, TAG, dataset_id=MINE, event_ids=[event.uuid], tags=["wave"])
    assert {**done, "change_id": "...", "failed": str(done["failed"]).replace(event.uuid, "EVENT")} == snapshot(
        {
            "source": "sandbox: fictional data, not intelligence",
            "status": "failed",
            "change_id": "...",
            "change": "Tag 1 event in dataset 'Mine' with 'wave'.",
            "tagged": 0,
            "failed": "[{'event': 'EVENT', 'reason': 'The API answered that it did not change the event.'}]",
            "untrusted": ["change", "failed"],
        }
    )


async def test_nothing_is_sent_when_the_journal_cannot_be_written(tenant: Tenant) -> None:
    event = await tenant.add("kept")
    (tenant.folder / "journal.db").mkdir()
    async with tenant.server(tenant.allowed()) as client:
        await refused(client, TAG, dataset_id=MINE, event_ids=[event.uuid], tags=["wave"])
    assert tenant.changes_sent() == []
