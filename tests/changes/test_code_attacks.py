"""A code is accepted for exactly the state that its preview showed, and once.

Each case changes something between the preview and the call with its code, as a colleague or an attacker may, and the
call must be refused without sending anything. In the second generation of the protocol the same happens while the
person thinks.
"""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Final

import pytest
from hypothesis import given
from hypothesis import strategies as st
from mcp import Client
from mcp.client import ClientRequestContext
from mcp.types import ElicitRequestParams, ElicitResult
from pydantic import JsonValue

from cf1_mcp.changes.effect import Effect
from cf1_mcp.changes.previews import compute_state_digest
from cf1_mcp.changes.tags import UNTAGGING, UntagEvents
from cf1_mcp.models import Event, EventChange, EventSearch, QueryAlertFields, Raw, RawChange, SavedQueryFields
from cf1_mcp.store.confirmation_codes import canonicalize
from cf1_mcp.text.dates import iso
from tests.changes.past_changes import EVERY, NEW, REMOVED_BY_UNDO, Arguments, make, wide
from tests.conversations import ask, refused
from tests.tenant import GENERATIONS, MINE, YOURS, Generation, Tenant

pytestmark = pytest.mark.anyio


@dataclass(frozen=True)
class Call:
    """A call that needs a code, the event that it shows, and another one that is related to it."""

    tool: str
    arguments: Arguments
    event: Event
    other: Event


Prepare = Callable[[Tenant], Awaitable[Call]]
Meddle = Callable[[Tenant, Call], Awaitable[None]]
BLOCKING: Final = '{"datasetId": ["Mine"], "search": [{"field": "category", "op": "equals", "value": "Phishing"}]}'


async def _events(tenant: Tenant) -> tuple[Event, Event]:
    return await tenant.add("shown", tags=["wave"], indicator="192.0.2.1", attacker="SOMEBODY"), await tenant.add(
        "other"
    )


def _on_events(tool: str, **more: JsonValue) -> Prepare:
    async def prepare(tenant: Tenant) -> Call:
        event, other = await _events(tenant)
        return Call(tool, {"dataset_id": MINE, "event_ids": [event.uuid, other.uuid], **more}, event, other)

    return prepare


async def _unrelate(tenant: Tenant) -> Call:
    event, other = await _events(tenant)
    async with tenant.api() as api:
        await api.relate_event(other.uuid, [event.uuid])
    return Call(
        "unrelate_threat_events",
        {"dataset_id": MINE, "event_id": other.uuid, "related_ids": [event.uuid]},
        event,
        other,
    )


async def _lower(tenant: Tenant) -> Call:
    event, other = await _events(tenant)
    return Call("update_threat_event", {"dataset_id": MINE, "event_id": event.uuid, "tlp": "clear"}, event, other)


async def _revert(tenant: Tenant) -> Call:
    tenant.wait(-60)
    event, other = await _events(tenant)
    tenant.wait(60)
    return Call("revert_threat_dataset", {"dataset_id": MINE, "minutes_ago": 30}, event, other)


async def _block(tenant: Tenant) -> Call:
    event, other = await _events(tenant)
    return Call("create_saved_query", {"name": "block", "query_json": BLOCKING, "rule_enabled": True}, event, other)


async def _save_query(tenant: Tenant) -> int:
    async with tenant.api() as api:
        query = BLOCKING.replace('"Mine"', f'"{tenant.dataset_id()}"')
        made = await api.create_query(
            SavedQueryFields(
                name="block", query_json=query, alert_enabled=False, alert_rollup_enabled=False, rule_enabled=True
            )
        )
        await api.create_alert(QueryAlertFields(query_id=made.id, frequency="daily", enabled=True))
    return made.id


async def _update_block(tenant: Tenant) -> Call:
    event, other = await _events(tenant)
    return Call("update_saved_query", {"query_id": await _save_query(tenant), "name": "renamed"}, event, other)


async def _delete_block(tenant: Tenant) -> Call:
    event, other = await _events(tenant)
    return Call("delete_saved_query", {"query_id": await _save_query(tenant)}, event, other)


BY_UUID = ("tags", "references")


def _undo(kind: str) -> Prepare:
    async def prepare(tenant: Tenant) -> Call:
        async with tenant.server(wide(tenant)) as client:
            change_id = await EVERY[kind](tenant, client)
        search = EventSearch(dataset_id=[tenant.dataset_id(name) for name in (MINE, YOURS)])
        async with tenant.api() as api:
            found = sorted((await api.list_events(search)).result, key=lambda event: event.event)
        # The home of references comes last.
        return Call("undo_change", {"change_id": change_id}, found[0], found[-1])

    return prepare


async def _import(tenant: Tenant) -> Call:
    event, other = await _events(tenant)
    rows: list[JsonValue] = [{**NEW, "event": f"row {number}", "date": f"{number + 1}h"} for number in range(26)]
    return Call("import_threat_events", {"dataset_id": MINE, "rows": rows}, event, other)


def _change(**fields: str) -> Meddle:
    async def meddle(tenant: Tenant, call: Call) -> None:
        async with tenant.api() as api:
            change = EventChange.model_validate({"dataset_id": call.event.dataset_id, **fields})
            await api.update_event(call.event.uuid, change)

    return meddle


async def _tag(tenant: Tenant, call: Call) -> None:
    async with tenant.api() as api:
        await api.tag_event(call.event.uuid, ["more"])


async def _refer(tenant: Tenant, call: Call) -> None:
    third = await tenant.add("third")
    async with tenant.api() as api:
        await api.relate_event(call.event.uuid, [third.uuid])


async def _change_other(tenant: Tenant, call: Call) -> None:
    await _change(event="another title")(tenant, replace(call, event=call.other))


async def _change_raw(tenant: Tenant, call: Call) -> None:
    async with tenant.api() as api:
        await api.update_raw(call.event.uuid, call.event.raw_id, RawChange(data={"the": "only evidence"}))


async def _mark_raw(tenant: Tenant, call: Call) -> None:
    async with tenant.api() as api:
        await api.update_raw(call.event.uuid, call.event.raw_id, RawChange(tlp="green"))


async def _match(tenant: Tenant, call: Call) -> None:
    await tenant.add("a new match")


async def _rewrite_query(tenant: Tenant, call: Call) -> None:
    async with tenant.api() as api:
        [query] = await api.list_queries()
        await api.update_query(
            query.id, SavedQueryFields(query_json=query.query_json.replace("Phishing", "Malware Sample"))
        )


async def _silence_alert(tenant: Tenant, call: Call) -> None:
    async with tenant.api() as api:
        [alert] = await api.list_alerts()
        await api.update_alert(alert.id, QueryAlertFields(enabled=False))


async def _create_a_row(tenant: Tenant, call: Call) -> None:
    date = iso(tenant.now - timedelta(hours=1))
    await tenant.add("row 0", date=date, category="Phishing", tlp="green")


OF_EVENTS: Final[Mapping[str, Meddle]] = {
    "title": _change(event="another title"),
    "marking": _change(tlp="amber"),
    "attacker": _change(attacker="SOMEBODY ELSE"),
    "insight": _change(insight="this is the only evidence"),
    "indicator": _change(indicator="198.51.100.9"),
    "date": _change(date="2026-11-19T00:00:00Z"),
    "tags": _tag,
    "references": _refer,
}
OF_EVIDENCE: Final[Mapping[str, Meddle]] = {"raw data": _change_raw, "raw marking": _mark_raw}
OF_MATCHES: Final[Mapping[str, Meddle]] = {
    "a new match": _match,
    "a match fewer": _change(category="Malware Sample"),
    "another indicator": _change(indicator="198.51.100.9"),
}
CALLS: Final[Mapping[str, tuple[Prepare, Mapping[str, Meddle]]]] = {
    "untag": (_on_events("untag_threat_events", tags=["wave"]), OF_EVENTS),
    "unrelate": (_unrelate, {**OF_EVENTS, "the other end": _change_other}),
    "move": (_on_events("move_threat_events", destination_dataset_id=YOURS), {**OF_EVENTS, **OF_EVIDENCE}),
    "delete": (_on_events("delete_threat_events"), {**OF_EVENTS, **OF_EVIDENCE, "another": _change_other}),
    "lower a marking": (_lower, OF_EVENTS),
    "revert": (_revert, {**OF_EVENTS, "a new event": _match}),
    "block": (_block, OF_MATCHES),
    "change a block": (_update_block, {**OF_MATCHES, "its text": _rewrite_query}),
    "delete a block": (_delete_block, {**OF_MATCHES, "its text": _rewrite_query, "its alert": _silence_alert}),
    "import": (_import, {"a row": _create_a_row}),
    **{
        f"undo {kind}": (_undo(kind), OF_EVENTS) for kind in REMOVED_BY_UNDO if not kind.startswith(("a new", "a copy"))
    },
    # The routes of the others name an event without its dataset, and take the original.
    "undo a copy": (_undo("a copy"), {name: OF_EVENTS[name] for name in OF_EVENTS if name not in BY_UUID}),
}
CASES: Final = [(name, part) for name, (_, parts) in CALLS.items() for part in parts]
# In the second generation, planning again is what notices. One part of each call is enough for that.
ASKED: Final = [(name, next(iter(parts))) for name, (_, parts) in CALLS.items()]


@pytest.mark.parametrize(("name", "part"), CASES, ids=[f"{name}: {part}" for name, part in CASES])
async def test_a_code_is_refused_once_something_that_its_preview_showed_has_changed(
    tenant: Tenant, name: str, part: str
) -> None:
    prepare, parts = CALLS[name]
    call = await prepare(tenant)
    async with tenant.server(wide(tenant)) as client:
        preview = await ask(client, call.tool, **call.arguments)
        await parts[part](tenant, call)
        tenant.log.clear()
        words = await refused(client, call.tool, **call.arguments, confirm=preview["code"])
        again = await ask(client, call.tool, **call.arguments)
    assert words.startswith("confirm: this code is not for this change in its current state.")
    assert again["code"] != preview["code"] and tenant.changes_sent() == []


@pytest.mark.parametrize("mode", GENERATIONS)
@pytest.mark.parametrize(("name", "part"), ASKED, ids=[name for name, _ in ASKED])
async def test_a_change_is_refused_if_something_changed_while_the_person_was_asked(
    tenant: Tenant, name: str, part: str, mode: Generation
) -> None:
    prepare, parts = CALLS[name]
    call = await prepare(tenant)

    async def agree(context: ClientRequestContext, params: ElicitRequestParams) -> ElicitResult:
        await parts[part](tenant, call)
        tenant.log.clear()
        return ElicitResult(action="accept", content={"answer": "yes"})

    async with tenant.server(wide(tenant, approval="ask"), agree, mode) as client:
        preview = await ask(client, call.tool, **call.arguments)
        words = await refused(client, call.tool, **call.arguments, confirm=preview["code"])
    expected = {
        "auto": "confirm: this code is not for this change in its current state.",
        "legacy": "Nothing was changed: what it concerns has changed since the person was asked.",
    }
    assert words.startswith(expected[mode]) and tenant.changes_sent() == []


@pytest.mark.parametrize("mode", GENERATIONS)
@pytest.mark.parametrize("name", ["untag", "unrelate", "move", "delete", "lower a marking"])
async def test_an_event_that_turns_red_while_the_person_is_asked_is_not_changed(
    tenant: Tenant, name: str, mode: Generation
) -> None:
    call = await CALLS[name][0](tenant)

    async def agree(context: ClientRequestContext, params: ElicitRequestParams) -> ElicitResult:
        await _change(tlp="red")(tenant, call)
        tenant.log.clear()
        return ElicitResult(action="accept", content={"answer": "yes"})

    async with tenant.server(wide(tenant, approval="ask"), agree, mode) as client:
        preview = await ask(client, call.tool, **call.arguments)
        words = await refused(client, call.tool, **call.arguments, confirm=preview["code"])
    assert "is withheld by CF1_MAX_TLP (amber)" in words and tenant.changes_sent() == []


@pytest.mark.parametrize("name", CALLS)
async def test_a_code_of_an_unchanged_state_works_once(tenant: Tenant, name: str) -> None:
    call = await CALLS[name][0](tenant)
    async with tenant.server(wide(tenant)) as client:
        preview = await ask(client, call.tool, **call.arguments)
        if name != "revert":  # which counts back from now
            tenant.wait(20)  # within the time that a code is valid
        done = await ask(client, call.tool, **call.arguments, confirm=preview["code"])
        tenant.log.clear()
        if name == "import":  # all rows exist, so nothing would be sent
            assert (await ask(client, call.tool, **call.arguments, confirm=preview["code"]))["events"] == 0
        else:
            await refused(client, call.tool, **call.arguments, confirm=preview["code"])
    assert done["status"] == "done"
    assert tenant.changes_sent() == []


async def _repeat_untagging(tenant: Tenant, client: Client) -> list[JsonValue]:
    event = await tenant.add("event", tags=["wave"])
    call: Arguments = {"dataset_id": MINE, "event_ids": [event.uuid], "tags": ["wave"]}
    codes: list[JsonValue] = []
    for _ in range(3):
        codes.append((await ask(client, "untag_threat_events", **call))["code"])
        await ask(client, "untag_threat_events", **call, confirm=codes[-1])
        await refused(client, "untag_threat_events", **call, confirm=codes[-1])
        await make(client, "tag_threat_events", **call)
        await refused(client, "untag_threat_events", **call, confirm=codes[-1])
    return codes


async def _repeat_unrelating(tenant: Tenant, client: Client) -> list[JsonValue]:
    event, other = await tenant.add("event"), await tenant.add("other")
    call: Arguments = {"dataset_id": MINE, "event_id": event.uuid, "related_ids": [other.uuid]}
    codes: list[JsonValue] = []
    for _ in range(3):
        await make(client, "relate_threat_events", **call)
        codes.append((await ask(client, "unrelate_threat_events", **call))["code"])
        await ask(client, "unrelate_threat_events", **call, confirm=codes[-1])
        await refused(client, "unrelate_threat_events", **call, confirm=codes[-1])
    return codes


async def _repeat_importing(tenant: Tenant, client: Client) -> list[JsonValue]:
    rows: list[JsonValue] = [{**NEW, "event": f"row {number}"} for number in range(26)]
    call: Arguments = {"dataset_id": MINE, "rows": rows, "on_duplicate": "create"}
    codes: list[JsonValue] = []
    for _ in range(3):
        codes.append((await ask(client, "import_threat_events", **call))["code"])
        await ask(client, "import_threat_events", **call, confirm=codes[-1])
        words = await refused(client, "import_threat_events", **call, confirm=codes[-1])
        assert words == "confirm: this code was used already. Use list_changes to see its outcome."
    return codes


@pytest.mark.parametrize("repeat", [_repeat_untagging, _repeat_unrelating, _repeat_importing])
async def test_a_change_that_is_repeated_gets_a_code_of_its_own(
    tenant: Tenant, repeat: Callable[[Tenant, Client], Awaitable[list[JsonValue]]]
) -> None:
    async with tenant.server(wide(tenant)) as client:
        codes = await repeat(tenant, client)
    assert len({*map(str, codes)}) == 3


async def test_a_code_is_refused_by_a_second_server_once_it_was_used(tenant: Tenant) -> None:
    rows: list[JsonValue] = [{**NEW, "event": f"row {number}"} for number in range(26)]
    call: Arguments = {"dataset_id": MINE, "rows": rows, "on_duplicate": "create"}
    async with tenant.server(wide(tenant)) as first, tenant.server(wide(tenant)) as second:
        code = (await ask(first, "import_threat_events", **call))["code"]
        await ask(second, "import_threat_events", **call, confirm=code)
        tenant.log.clear()
        words = await refused(first, "import_threat_events", **call, confirm=code)
    assert words.startswith("confirm: this code was used already.") and tenant.changes_sent() == []


async def test_a_code_survives_a_restart_of_the_server_as_used(tenant: Tenant) -> None:
    rows: list[JsonValue] = [{**NEW, "event": f"row {number}"} for number in range(26)]
    call: Arguments = {"dataset_id": MINE, "rows": rows, "on_duplicate": "create"}
    async with tenant.server(wide(tenant)) as client:
        code = (await ask(client, "import_threat_events", **call))["code"]
        await ask(client, "import_threat_events", **call, confirm=code)
    tenant.log.clear()
    async with tenant.server(wide(tenant)) as client:
        await refused(client, "import_threat_events", **call, confirm=code)
    assert tenant.changes_sent() == []


# -- properties


names = st.sampled_from(["events", "saved_queries", "x"])
texts = st.sampled_from(["", "a", "b", "a b", "clear", "red", "\ud800", "\u0000"])
values = st.recursive(st.one_of(texts, st.integers(0, 2), st.booleans(), st.none()), lambda inside: st.lists(inside, max_size=2), max_leaves=3)  # fmt: skip
facts = st.dictionaries(names, values, max_size=2)
events = st.builds(
    Event,
    uuid=texts.filter(str.strip),
    event=texts,
    tlp=texts,
    attacker=texts,
    insight=texts,
    tags=st.lists(texts, max_size=2),
)
effects: st.SearchStrategy[Effect[UntagEvents]] = st.builds(
    Effect[UntagEvents],
    kind=st.just(UNTAGGING),
    payload=st.builds(
        UntagEvents,
        dataset_id=texts,
        event_ids=st.lists(texts, max_size=2),
        tags=st.lists(texts, max_size=2),
        before=st.dictionaries(texts, st.lists(texts, max_size=2), max_size=2),
    ),
    datasets=st.just(()),
    summary=texts,
    undo=texts,
    needs_code=st.booleans(),
    warnings=st.lists(texts, max_size=2).map(tuple),
    facts=facts,
    untrusted=facts,
    events=st.lists(events, max_size=2, unique_by=lambda event: event.uuid),
    undoes=st.sampled_from([None, "c-1", "c-2"]),
    seen=values,
    evidence=st.lists(
        st.tuples(events, st.builds(Raw, id=texts.filter(str.strip), tlp=texts, data=values)), max_size=1
    ),
    new_markings=st.lists(texts, max_size=2),
)


def whole(effect: Effect[UntagEvents], undo: str) -> bytes:
    """Everything that the preview shows of an effect, in one canonical form of its own."""
    shown: list[JsonValue] = [
        effect.payload.model_dump(mode="json"),
        [effect.summary, *effect.warnings],
        [effect.undo, undo],
        {**effect.facts},
        {**effect.untrusted},
        [event.model_dump(mode="json") for event in sorted(effect.events, key=lambda event: event.uuid)],
        [effect.undoes, effect.seen],
        [[event.uuid, raw.model_dump(mode="json")] for event, raw in effect.evidence],
        [*sorted(effect.new_markings)],
    ]
    return canonicalize(shown)


@given(effects, effects, texts, texts)
def test_two_states_have_one_digest_exactly_if_their_previews_are_the_same(
    one: Effect[UntagEvents], other: Effect[UntagEvents], undo: str, other_undo: str
) -> None:
    same = whole(one, undo) == whole(other, other_undo)
    assert (compute_state_digest(one, undo) == compute_state_digest(other, other_undo)) is same


@given(
    effects, st.sampled_from(["summary", "undo", "facts", "untrusted", "seen", "events", "new_markings", "warnings"])
)
def test_a_change_of_any_one_part_changes_the_digest(effect: Effect[UntagEvents], part: str) -> None:
    changed: dict[str, object] = {
        "summary": f"{effect.summary}.",
        "undo": f"{effect.undo}.",
        "facts": {**effect.facts, "new": 1},
        "untrusted": {**effect.untrusted, "new": 1},
        "seen": [effect.seen],
        "events": [*effect.events, Event(uuid="another")],
        "new_markings": [*effect.new_markings, "green"],
        "warnings": (*effect.warnings, "A warning."),
    }
    other = replace(effect, **{part: changed[part]})  # pyright: ignore[reportArgumentType]
    assert compute_state_digest(effect, "") == compute_state_digest(replace(effect), "")
    assert compute_state_digest(effect, "") != compute_state_digest(other, "")


def test_a_date_that_was_typed_relative_to_now_is_bound_as_it_was_typed() -> None:
    assert _digest_of_a_date("2026-11-24T10:00:00Z", "2h") == _digest_of_a_date("2026-11-24T10:00:07Z", "2h")
    assert _digest_of_a_date("2026-11-24T10:00:00Z", "2h") != _digest_of_a_date("2026-11-24T10:00:00Z", "3h")
    assert _digest_of_a_date("2026-11-24T10:00:00Z", None) != _digest_of_a_date("2026-11-24T10:00:07Z", None)


def _digest_of_a_date(read: str, typed: str | None) -> str:
    payload = UntagEvents(dataset_id="d", event_ids=["e"], tags=["t"], before={})
    effect = Effect(
        kind=UNTAGGING,
        payload=payload,
        datasets=(),
        summary=f"Set it to {read}.",
        undo="",
        needs_code=True,
        relative_dates={read: typed} if typed else {},
    )
    return compute_state_digest(effect, "")


def test_there_are_many_attacks_on_codes() -> None:
    assert len(CASES) + 2 * len(ASKED) + len(CALLS) >= 150
