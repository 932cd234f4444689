"""Linking and unlinking: the rules apply to both ends, and existing links are not added again."""

import json

import pytest
from inline_snapshot import snapshot
from pydantic import JsonValue

from cf1_mcp.models import RelationshipType
from tests.canned_answers import copy_event, with_canned_answer
from tests.conversations import ask, refused
from tests.tenant import MINE, YOURS, Tenant

pytestmark = pytest.mark.anyio

BOTH = {"write_datasets": (MINE, YOURS)}


@pytest.mark.both_moods
async def test_only_missing_references_are_added(tenant: Tenant) -> None:
    event, old, new = await tenant.add("event"), await tenant.add("old"), await tenant.add("new")
    async with tenant.api() as api:
        await api.relate_event(event.uuid, [old.uuid])
    tenant.log.clear()
    async with tenant.server(tenant.allowed(mode="write")) as client:
        ids: list[JsonValue] = [old.uuid, new.uuid]
        done = await ask(client, "relate_threat_events", dataset_id=MINE, event_id=event.uuid, related_ids=ids)
    assert (done["status"], done["related"]) == ("done", 1)
    change = await tenant.journal.change(str(done["change_id"]))
    assert (change.outcome, change.intent.before) == ("done", {"existing": [old.uuid]})
    assert [one.body for one in tenant.log if one.path.endswith("/create")] == [{"events": [new.uuid]}]
    async with tenant.api() as api:
        assert (await api.read_event(event.dataset_id, event.uuid)).references == [old.uuid, new.uuid]


@pytest.mark.both_moods
async def test_a_typed_relationship_makes_the_event_the_parent(tenant: Tenant) -> None:
    campaign, old, step = await tenant.add("campaign"), await tenant.add("old"), await tenant.add("step", YOURS)
    kind: RelationshipType = "caused_by"
    async with tenant.api() as api:
        await api.create_relationships(campaign.dataset_id, campaign.uuid, [old.uuid], kind)
    async with tenant.server(tenant.allowed(mode="write", **BOTH)) as client:
        call: dict[str, JsonValue] = {"dataset_id": MINE, "event_id": campaign.uuid, "relationship_type": kind}
        done = await ask(
            client, "relate_threat_events", **call, related_ids=[step.uuid], related_dataset_id=YOURS.lower()
        )
        again = await refused(client, "relate_threat_events", **call, related_ids=[old.uuid])
    change = await tenant.journal.change(str(done["change_id"]))
    assert {
        **done,
        "change_id": "...",
        "change": _replace_words(str(done["change"]), {campaign.uuid: "..."}),
        "related": "...",
    } == snapshot(
        {
            "source": "sandbox: fictional data, not intelligence",
            "status": "done",
            "change_id": "...",
            "change": "Add 1 caused_by relationship from event ... of dataset 'Mine' to events of 'Yours'.",
            "related": "...",
            "undo": "This cannot be undone: the API has no way to remove typed relationships.",
            "untrusted": ["change"],
        }
    )
    assert done["related"] == 1
    assert change.intent.datasets == (campaign.dataset_id, step.dataset_id)
    assert again == snapshot("related_ids: all of them already have this link. Use events that are not linked yet.")
    async with tenant.api() as api:
        below = await api.list_relationships(campaign.uuid, campaign.dataset_id, "descendants", 1, [kind], False)
    assert {one.uuid for one in below} == {old.uuid, step.uuid}


@pytest.mark.both_moods
async def test_references_are_removed_with_the_code_of_their_preview(tenant: Tenant) -> None:
    event, kept, gone = await tenant.add("event"), await tenant.add("kept"), await tenant.add("gone")
    async with tenant.api() as api:
        await api.relate_event(event.uuid, [kept.uuid, gone.uuid])
    tenant.log.clear()
    call: dict[str, JsonValue] = {"dataset_id": MINE, "event_id": event.uuid, "related_ids": [gone.uuid]}
    async with tenant.server(tenant.allowed()) as client:
        preview = await ask(client, "unrelate_threat_events", **call)
        assert tenant.changes_sent() == []
        done = await ask(client, "unrelate_threat_events", **call, confirm=preview["code"])
    assert {**preview, "code": "...", "sample": "...", "change": str(preview["change"]).replace(event.uuid, "...")} == (
        snapshot(
            {
                "source": "sandbox: fictional data, not intelligence",
                "status": "confirmation_required",
                "change": "Remove 1 reference from event ... of dataset 'Mine'. Typed relationships stay: the API has no way to remove them.",
                "references": 1,
                "undo": "undo_change adds the references again. The undo needs CF1_MODE=write, the dataset in CF1_WRITE_DATASETS and in some cases a code.",
                "code": "...",
                "untrusted": ["change"],
                "sample": "...",
                "notes": [
                    "Nothing was changed. Show this to the person; if they agree, repeat the call with the code as confirm."
                ],
            }
        )
    )
    assert (done["status"], done["unrelated"]) == ("done", 1)
    change = await tenant.journal.change(str(done["change_id"]))
    assert change.intent.before == {"references": sorted([kept.uuid, gone.uuid])}
    async with tenant.api() as api:
        assert (await api.read_event(event.dataset_id, event.uuid)).references == [kept.uuid]


async def test_a_code_is_invalid_once_the_references_changed(tenant: Tenant) -> None:
    event, one, other = await tenant.add("event"), await tenant.add("one"), await tenant.add("other")
    call: dict[str, JsonValue] = {"dataset_id": MINE, "event_id": event.uuid, "related_ids": [one.uuid]}
    async with tenant.api() as api, tenant.server(tenant.allowed()) as client:
        await api.relate_event(event.uuid, [one.uuid])
        preview = await ask(client, "unrelate_threat_events", **call)
        await api.relate_event(event.uuid, [other.uuid])
        tenant.log.clear()
        words = await refused(client, "unrelate_threat_events", **call, confirm=preview["code"])
    assert "this code is not for this change" in words and tenant.changes_sent() == []


async def test_removing_a_typed_relationship_is_refused(tenant: Tenant) -> None:
    parent, child = await tenant.add("parent"), await tenant.add("child")
    async with tenant.api() as api:
        await api.create_relationships(parent.dataset_id, parent.uuid, [child.uuid], "related_to")
    tenant.log.clear()
    call: dict[str, JsonValue] = {"dataset_id": MINE, "event_id": parent.uuid, "related_ids": [child.uuid]}
    async with tenant.server(tenant.allowed()) as client:
        words = await refused(client, "unrelate_threat_events", **call)
    assert words.replace(parent.uuid, "PARENT").replace(child.uuid, "CHILD") == snapshot(
        "related_ids: event PARENT has no reference to CHILD, and the API cannot remove typed relationships. Use the references that get_threat_event shows of it."
    )
    assert tenant.changes_sent() == []


RULES: list[tuple[str, str, dict[str, object], dict[str, JsonValue], str]] = [
    ("read mode", "relate", {"mode": "read"}, {}, "CF1_MODE"),
    ("no list", "relate", {"write_datasets": ()}, {}, "CF1_WRITE_DATASETS"),
    ("a delete list alone", "relate", {"write_datasets": (), "delete_datasets": ("*",)}, {}, "CF1_WRITE_DATASETS"),
    ("another home", "relate", {}, {"dataset_id": YOURS}, "CF1_WRITE_DATASETS"),
    ("another end", "relate", {}, {"related_dataset_id": YOURS}, "CF1_WRITE_DATASETS"),
    ("another end, padded", "relate", {}, {"related_dataset_id": f" {YOURS.upper()} "}, "CF1_WRITE_DATASETS"),
    ("an end that may not be read", "relate", {"read_datasets": (YOURS,)}, {}, "CF1_WRITE_DATASETS"),
    ("too many", "relate", {"max_change": 1}, {}, "CF1_MAX_CHANGE (1)"),
    ("write mode", "unrelate", {"mode": "write"}, {}, "CF1_MODE"),
    ("no delete list", "unrelate", {"delete_datasets": ()}, {}, "CF1_DELETE_DATASETS"),
    ("another home", "unrelate", {}, {"dataset_id": YOURS}, "CF1_DELETE_DATASETS"),
    ("another end", "unrelate", {}, {"related_dataset_id": YOURS}, "CF1_WRITE_DATASETS"),
    ("too many", "unrelate", {"max_change": 1}, {}, "CF1_MAX_CHANGE (1)"),
    ("toolset off", "unrelate", {"toolsets": ("events",)}, {}, "CF1_TOOLSETS"),
]


@pytest.mark.parametrize(
    ("verb", "changed", "other", "rule"), [one[1:] for one in RULES], ids=[f"{one[1]}: {one[0]}" for one in RULES]
)
async def test_no_link_is_changed_against_a_rule(
    tenant: Tenant, verb: str, changed: dict[str, object], other: dict[str, JsonValue], rule: str
) -> None:
    event, first, second = await tenant.add("event"), await tenant.add("first"), await tenant.add("second")
    async with tenant.api() as api:
        await api.relate_event(event.uuid, [first.uuid, second.uuid])
    tenant.log.clear()
    call: dict[str, JsonValue] = {
        "dataset_id": MINE,
        "event_id": event.uuid,
        "related_ids": [first.uuid, second.uuid],
    }
    async with tenant.server(tenant.allowed(**changed)) as client:
        words = await refused(client, f"{verb}_threat_events", **(call | other))
    assert f"is withheld by {rule}" in words
    assert tenant.changes_sent() == []


@pytest.mark.parametrize("verb", ["relate", "unrelate"])
async def test_an_event_of_another_dataset_or_above_the_ceiling_is_not_linked(tenant: Tenant, verb: str) -> None:
    event, yours, red = await tenant.add("event"), await tenant.add("yours", YOURS), await tenant.add("red", tlp="red")
    async with tenant.api() as api:
        await api.relate_event(event.uuid, [yours.uuid, red.uuid])
    tenant.log.clear()
    async with tenant.server(tenant.allowed(**BOTH)) as client:
        for one, other in ((event, yours), (event, red), (red, event), (yours, event)):
            ids: dict[str, JsonValue] = {"event_id": one.uuid, "related_ids": [other.uuid]}
            await refused(client, f"{verb}_threat_events", dataset_id=MINE, **ids)
    assert tenant.changes_sent() == []


@pytest.mark.parametrize("end", ["event_id", "related_ids"])
@pytest.mark.parametrize("kind", [{}, {"relationship_type": "related_to"}], ids=["reference", "typed"])
async def test_an_event_with_a_copy_in_a_forbidden_dataset_is_not_linked(
    tenant: Tenant, end: str, kind: dict[str, JsonValue]
) -> None:
    twice, other = await tenant.add("twice", YOURS), await tenant.add("other")
    await copy_event(tenant, twice.uuid, YOURS, MINE)
    ids: dict[str, JsonValue] = {"event_id": other.uuid, "related_ids": [twice.uuid]}
    if end == "event_id":
        ids = {"event_id": twice.uuid, "related_ids": [other.uuid]}
    async with tenant.server(tenant.allowed()) as client:
        words = await refused(client, "relate_threat_events", dataset_id=MINE, **ids, **kind)
    assert words.replace(twice.uuid, "TWICE").removeprefix(f"{end}: ") == snapshot(
        "event TWICE has a copy in a dataset that was not named, and the API might take that one. Use events without such copies."
    )
    assert tenant.changes_sent() == []


NONE = "e0000000-0000-4000-8000-000000000001"


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (
            {"related_ids": []},
            snapshot(
                "related_ids: no event is given. Use either related_ids, or the selection of a search with select=true."
            ),
        ),
        (
            {"related_ids": ["../aggregate"]},
            snapshot("related_ids: this is not an event uuid; take it from the uuid column of a search."),
        ),
        (
            {"event_id": "aggregate"},
            snapshot("event_id: this is not an event uuid; take it from the uuid column of a search."),
        ),
        (
            {"related_ids": ["itself"]},
            snapshot("related_ids: event EVENT would be linked to itself. Use other events than event_id."),
        ),
        (
            {"relationship_type": "caused"},
            snapshot(
                "relationship_type: Input should be 'related_to', 'caused_by' or 'attributed_to'. Use related_to, caused_by or attributed_to."
            ),
        ),
        (
            {"dataset_id": "Mein"},
            snapshot(
                """\
dataset_id: there is no dataset 'Mein', did you mean the first of these? Use one of these, or a uuid.
<untrusted MARK>
Mine
Cloudforce One Threat Events
Yours
</untrusted MARK>\
"""
            ),
        ),
        (
            {"related_dataset_id": "Mein"},
            snapshot(
                """\
related_dataset_id: there is no dataset 'Mein', did you mean the first of these? Use one of these, or a uuid.
<untrusted MARK>
Mine
Cloudforce One Threat Events
Yours
</untrusted MARK>\
"""
            ),
        ),
        (
            {"related_ids": [f"e0000000-0000-4000-8000-{number:012}" for number in range(10_000)]},
            snapshot(
                "related_ids: a change of 10,000 events at once is withheld by CF1_MAX_CHANGE (100): at most 100 events a call. Tell the person that the operator's setting forbids more."
            ),
        ),
    ],
    ids=["none", "no uuid", "no event uuid", "itself", "no type", "no dataset", "no other dataset", "ten thousand"],
)
async def test_an_invalid_link_is_refused(tenant: Tenant, arguments: dict[str, JsonValue], words: str) -> None:
    event = await tenant.add("event")
    call: dict[str, JsonValue] = {"dataset_id": MINE, "event_id": event.uuid, "related_ids": [NONE]}
    if arguments.get("related_ids") == ["itself"]:
        arguments = {"related_ids": [event.uuid.upper()]}
    async with tenant.server(tenant.allowed()) as client:
        message = await refused(client, "relate_threat_events", **(call | arguments))
    assert message.replace(event.uuid, "EVENT") == words
    assert tenant.changes_sent() == []


async def test_one_unknown_event_stops_the_whole_change(tenant: Tenant) -> None:
    event, other = await tenant.add("event"), await tenant.add("other")
    ids: list[JsonValue] = [other.uuid, NONE]
    async with tenant.server(tenant.allowed()) as client:
        words = await refused(client, "relate_threat_events", dataset_id=MINE, event_id=event.uuid, related_ids=ids)
    assert "Not found on this account (404)" in words and tenant.changes_sent() == []


# -- an API that does less than requested


TYPED: list[tuple[str, dict[str, JsonValue], str, JsonValue]] = [
    ("an older answer names no event", {"success": True, "message": "ok"}, "done", {"related": 2}),
    (
        "nothing was done",
        {"success": False, "message": "no"},
        "failed",
        snapshot({"not_related": ["A", "B"], "related": 0}),
    ),
    (
        "one child failed",
        {
            "success": True,
            "message": "1 of 2",
            "relationships": [{"parentId": "P", "childId": "A", "relationshipType": "caused_by"}],
            "relationshipsCreated": 1,
            "childIds": ["A"],
            "errors": [{"childId": "B", "error": "Shard\nbusy", "errorType": "Internal"}],
        },
        "partial",
        snapshot({"not_related": {"B": "Shard\\nbusy"}, "related": 1}),
    ),
    (
        "only failures are named",
        {"success": True, "errors": [{"childId": "A", "error": "no"}]},
        "partial",
        snapshot({"not_related": {"A": "no"}, "related": 1}),
    ),
    (
        "a count alone that is too small",
        {"success": True, "relationshipsCreated": 1},
        "unknown",
        snapshot(
            {
                "look": "A look at the API right after it did not find it done, or not all of it. That may still come.",
                "next": "It may have been done: look before repeating it.",
                "not_related": ["A", "B"],
                "reason": "The API does not say of each event whether it was related.",
                "related": [],
            }
        ),
    ),
    (
        "a count of zero alone",
        {"success": True, "relationshipsCreated": 0},
        "failed",
        snapshot({"not_related": ["A", "B"], "related": 0}),
    ),
]


@pytest.mark.parametrize(("body", "status", "facts"), [one[1:] for one in TYPED], ids=[one[0] for one in TYPED])
async def test_the_outcome_of_relationships_is_read_from_the_response(
    tenant: Tenant, body: dict[str, JsonValue], status: str, facts: JsonValue
) -> None:
    parent, *children = [await tenant.add(title) for title in ("parent", "one", "two")]
    first, second = sorted(child.uuid for child in children)
    message = json.loads(
        _replace_words(
            json.dumps({"success": True, "result": body}),
            {'"A"': f'"{first}"', '"B"': f'"{second}"', '"P"': f'"{parent.uuid}"'},
        )
    )
    async with with_canned_answer(tenant, "/relationships/create", message) as client:
        call: dict[str, JsonValue] = {"dataset_id": MINE, "event_id": parent.uuid, "related_ids": [first, second]}
        done = await ask(client, "relate_threat_events", **call, relationship_type="caused_by")
    change = await tenant.journal.change(str(done["change_id"]))
    assert (done["status"], change.outcome) == (status, status)
    assert json.loads(_replace_words(json.dumps(change.result), {first: "A", second: "B"})) == facts


@pytest.mark.parametrize("verb", ["relate", "unrelate"])
async def test_success_false_is_a_failure(tenant: Tenant, verb: str) -> None:
    event, referenced, other = await tenant.add("event"), await tenant.add("referenced"), await tenant.add("other")
    async with tenant.api() as api:
        await api.relate_event(event.uuid, [referenced.uuid])
    route = f"/relate/{event.uuid}" + ("/create" if verb == "relate" else "")
    async with with_canned_answer(tenant, route, {"success": True, "result": {"success": False}}) as client:
        ids: list[JsonValue] = [other.uuid if verb == "relate" else referenced.uuid]
        call: dict[str, JsonValue] = {"dataset_id": MINE, "event_id": event.uuid, "related_ids": ids}
        done = await ask(client, f"{verb}_threat_events", **call)
        if verb == "unrelate":
            done = await ask(client, f"{verb}_threat_events", **call, confirm=done["code"])
    assert (done["status"], done[f"not_{verb}d"]) == ("failed", ids)


def _replace_words(text: str, words: dict[str, str]) -> str:
    for word, other in words.items():
        text = text.replace(word, other)
    return text
