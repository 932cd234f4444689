"""Selections: a search answers a handle, and changes and exports take it instead of ids."""

import json
from hashlib import sha256
from pathlib import Path

import bpe_openai  # pyright: ignore[reportMissingTypeStubs]
import httpx
import pytest
from inline_snapshot import snapshot
from mcp import Client
from mcp.types import ElicitRequestParams, ElicitResult
from pydantic import JsonValue

from cf1_mcp.models import Tlp
from cf1_mcp.sandbox.app import create_sandbox_app
from cf1_mcp.server.mcp_server import build_server
from cf1_mcp.store.sealed_tokens import TokenSealer
from tests.conversations import ask, confirmed, refused, text_of
from tests.tenant import GENERATIONS, MINE, YOURS, Tenant

pytestmark = pytest.mark.anyio

ENCODING = bpe_openai.get_encoding("o200k_base")
WAVE: dict[str, JsonValue] = {"attacker": ["SOMEBODY"]}


async def add_wave(tenant: Tenant, count: int, dataset: str = MINE, **fields: JsonValue) -> list[str]:
    """Add events of one attacker, and return their ids."""
    fields = {"attacker": "SOMEBODY", **fields}
    return [(await tenant.add(f"mail {number} of the wave", dataset, **fields)).uuid for number in range(count)]


async def select(client: Client, **filters: JsonValue) -> str:
    """Return a selection of all events of a search."""
    found = await ask(client, "search_threat_events", **{**WAVE, **filters}, limit=1, select=True)
    return str(found["selection"])


async def stored_tags(tenant: Tenant, ids: list[str], dataset: str = MINE) -> set[str]:
    async with tenant.api() as api:
        return {tag for one in ids for tag in (await api.read_event(tenant.dataset_id(dataset), one)).tags}


# -- the cost of work on many


class Meter:
    """Calls tools, and counts the calls and the tokens of their arguments and answers."""

    def __init__(self, client: Client) -> None:
        self._client = client
        self.calls, self.tokens = 0, 0

    async def ask(self, tool: str, **arguments: JsonValue) -> dict[str, JsonValue]:
        result = await self._client.call_tool(tool, arguments)
        assert not result.is_error, text_of(result.content)
        data: dict[str, JsonValue] = dict(result.structured_content or {})
        self.calls += 1
        answer = max(count_tokens(text_of(result.content)), count_tokens(json.dumps(data, ensure_ascii=False)))
        self.tokens += count_tokens(json.dumps({"name": tool, "arguments": arguments})) + answer
        return data


def count_tokens(text: str) -> int:
    return len(ENCODING.encode(text))


async def test_tagging_300_found_events_is_two_calls_and_under_2500_tokens(tenant: Tenant) -> None:
    ids = await add_wave(tenant, 300)
    async with tenant.server(tenant.allowed(max_change=300)) as client:
        meter = Meter(client)
        found = await meter.ask("search_threat_events", **WAVE, since="30d", limit=5, select=True)
        searched, meter.calls = meter.tokens, 0
        call: dict[str, JsonValue] = {"dataset_id": MINE, "selection": found["selection"], "tags": ["wave-7"]}
        tenant.log.clear()
        preview = await meter.ask("tag_threat_events", **call)
        looked = len(tenant.log)
        done = await meter.ask("tag_threat_events", **call, confirm=preview["code"])
        assert (done["status"], done["tagged"], meter.calls) == ("done", 300, 2)
        assert meter.tokens < 2_500 and meter.tokens - searched < 1_200 and looked <= 16
        assert count_tokens(str(found["selection"])) < 100
        undone = await confirmed(client, "undo_change", change_id=done["change_id"])
    assert (undone["status"], undone["untagged"]) == ("done", 300)
    assert await stored_tags(tenant, ids[:20]) == set()


async def test_correcting_80_events_is_two_calls(tenant: Tenant) -> None:
    await add_wave(tenant, 80)
    async with tenant.server(tenant.allowed()) as client:
        meter, selection = Meter(client), await select(client)
        call: dict[str, JsonValue] = {"dataset_id": MINE, "selection": selection, "attacker": "SOMEBODY ELSE"}
        preview = await meter.ask("update_threat_event", **call)
        done = await meter.ask("update_threat_event", **call, confirm=preview["code"])
        assert (done["status"], done["changed"], meter.calls) == ("done", 80, 2) and meter.tokens < 2_000
        undone = await confirmed(client, "undo_change", change_id=done["change_id"])
    assert (undone["status"], undone["changed"]) == ("done", 80)


# -- what a search answers


async def test_a_search_tells_how_many_events_its_selection_has_in_each_dataset(tenant: Tenant) -> None:
    await add_wave(tenant, 3)
    await add_wave(tenant, 2, YOURS)
    await tenant.add("another")
    async with tenant.server(tenant.allowed()) as client:
        found = await ask(client, "search_threat_events", **WAVE, limit=1, select=True)
        none = await ask(client, "search_threat_events", attacker=["NOBODY"], select=True)
        without = await ask(client, "search_threat_events", **WAVE)
    assert found["selected"] == ["Mine: 3", "Yours: 2"] and found["notes"] == snapshot(
        [
            "The selection has 5 events. Pass it instead of event_ids, with dataset_id. A change takes those of one dataset."
        ]
    )
    notes = none["notes"]
    assert isinstance(notes, list) and "There is no selection, because there is no event." in notes
    assert "selection" not in none and "selection" not in without


async def test_a_selection_means_the_dates_that_it_was_made_with(tenant: Tenant) -> None:
    old = await add_wave(tenant, 1, date="2026-11-18T00:00:00Z")
    async with tenant.server(tenant.allowed()) as client:
        selection = await select(client, since="7d")
        tenant.wait(10 * 86_400)
        done = await ask(client, "tag_threat_events", dataset_id=MINE, selection=selection, tags=["late"])
    assert (done["tagged"], await stored_tags(tenant, old)) == (1, {"late"})


async def test_a_search_that_is_too_long_for_a_selection_says_what_to_leave_out(tenant: Tenant) -> None:
    names: list[JsonValue] = [f"{sha256(bytes([number])).hexdigest()}" for number in range(100)]
    async with tenant.server(tenant.allowed()) as client:
        words = await refused(client, "search_threat_events", indicator=names, select=True)
    assert words.startswith("select: the selection of this search would have ")
    assert words.endswith("characters. Use fewer values, conditions or datasets in the search.")


async def test_groups_of_conditions_are_a_part_of_a_selection(tenant: Tenant) -> None:
    one, other = await add_wave(tenant, 1), await add_wave(tenant, 1, attacker="ANOTHER")
    third = await add_wave(tenant, 1, attacker="THIRD")
    groups: list[JsonValue] = [
        {"field": "attacker", "value": [name], "group": number} for number, name in enumerate(("SOMEBODY", "ANOTHER"))
    ]
    async with tenant.server(tenant.allowed()) as client:
        found = await ask(client, "search_threat_events", conditions=groups, select=True)
        call: dict[str, JsonValue] = {"dataset_id": MINE, "selection": found["selection"], "tags": ["either"]}
        assert (await ask(client, "tag_threat_events", **call))["tagged"] == 2
    assert await stored_tags(tenant, [*one, *other]) == {"either"} and await stored_tags(tenant, third) == set()


# -- what a selection is not


def forge(tenant: Tenant, content: str) -> str:
    return TokenSealer(b"x" * 32, "another account").seal(content, "selection", None)


async def test_a_selection_that_was_not_given_is_refused(tenant: Tenant) -> None:
    await add_wave(tenant, 2)
    async with tenant.server(tenant.allowed()) as client:
        selection = await select(client)
        page = await ask(client, "search_threat_events", **WAVE, limit=1)
        content, _, seal = selection.rpartition(".")
        wrong = [
            f"{content[:-2]}AA.{seal}",
            f"{content}.{seal[::-1]}",
            forge(tenant, content),
            str(page["next_cursor"]),
            "everything",
            "A" * 100_000,
            "\ud800",
        ]
        told = {await refused(client, "delete_threat_events", dataset_id=MINE, selection=one) for one in wrong}
    async with tenant.server(tenant.allowed(confirm_key=b"o" * 32)) as client:
        told.add(await refused(client, "delete_threat_events", dataset_id=MINE, selection=selection))
    assert told == snapshot(
        {
            "selection: this is not a selection of this server, or it was made under other settings or before a restart. Use the selection of a search with select=true, made with the current settings."
        }
    )
    assert tenant.changes_sent() == []


async def test_a_selection_carries_no_authority(tenant: Tenant) -> None:
    await add_wave(tenant, 2, tlp="amber")
    await add_wave(tenant, 2, YOURS)
    async with tenant.server(tenant.allowed()) as client:
        selection = await select(client)
        yours = await refused(client, "tag_threat_events", dataset_id=YOURS, selection=selection, tags=["x"])
    call: dict[str, JsonValue] = {"dataset_id": MINE, "selection": selection}
    async with tenant.server(tenant.allowed(mode="write")) as client:
        mode = await refused(client, "delete_threat_events", **call)
    async with tenant.server(tenant.allowed(max_tlp=Tlp.GREEN)) as client:
        ceiling = await refused(client, "delete_threat_events", **call)
    async with tenant.server(tenant.allowed(read_datasets=(YOURS,))) as client:
        listed = await refused(client, "export_threat_events", format="csv", selection=selection)
    assert "CF1_WRITE_DATASETS" in yours and "CF1_MODE" in mode
    assert ceiling == listed and "it was made under other settings" in ceiling
    assert tenant.changes_sent() == []


async def test_withheld_events_are_neither_counted_nor_changed(tenant: Tenant) -> None:
    seen, hidden = await add_wave(tenant, 2), await add_wave(tenant, 3, tlp="red")
    async with tenant.server(tenant.allowed()) as client:
        found = await ask(client, "search_threat_events", **WAVE, limit=1, select=True)
        done = await ask(client, "tag_threat_events", dataset_id=MINE, selection=found["selection"], tags=["wave"])
    assert "The selection has 2 events." in str(found["notes"])
    assert done["change"] == "Tag 2 events in dataset 'Mine' with 'wave'."
    assert await stored_tags(tenant, seen) == {"wave"} and await stored_tags(tenant, hidden) == set()


# -- changes of a selection


async def test_a_code_is_for_the_events_that_the_preview_found(tenant: Tenant) -> None:
    await add_wave(tenant, 30)
    async with tenant.server(tenant.allowed()) as client:
        call: dict[str, JsonValue] = {"dataset_id": MINE, "selection": await select(client), "tags": ["wave"]}
        code = (await ask(client, "tag_threat_events", **call))["code"]
        await add_wave(tenant, 1)
        words = await refused(client, "tag_threat_events", **call, confirm=code)
        assert tenant.changes_sent() == []
        preview = await ask(client, "tag_threat_events", **call)
    assert words == snapshot(
        "confirm: this code is not for what the selection finds now: it finds other events than the preview showed, or one of them was changed. Use the same call without confirm, and show the person its new preview."
    )
    assert preview["change"] == snapshot(
        "Tag 31 events in dataset 'Mine' with 'wave'. The selection had 30 events of this dataset when it was made, and has 31 now."
    )


async def test_a_selection_that_grew_needs_a_code_however_small_it_is(tenant: Tenant) -> None:
    await add_wave(tenant, 1)
    async with tenant.server(tenant.allowed()) as client:
        selection = await select(client)
        await add_wave(tenant, 1)
        preview = await ask(client, "tag_threat_events", dataset_id=MINE, selection=selection, tags=["wave"])
    assert preview["status"] == "confirmation_required" and tenant.changes_sent() == []


async def test_events_of_other_datasets_are_left_alone_and_counted(tenant: Tenant) -> None:
    await add_wave(tenant, 2)
    yours = await add_wave(tenant, 3, YOURS)
    async with tenant.server(tenant.allowed()) as client:
        selection = await select(client)
        done = await ask(client, "tag_threat_events", dataset_id=MINE, selection=selection, tags=["wave"])
        mine = await select(client, dataset_ids=[MINE])
        words = await refused(
            client, "copy_threat_events", dataset_id=YOURS, destination_dataset_id=MINE, selection=mine
        )
    assert (
        done["change"]
        == snapshot(
            "Tag 2 events in dataset 'Mine' with 'wave'. The selection had 3 events of other datasets too, which this leaves alone."
        )
        and await stored_tags(tenant, yours, YOURS) == set()
    )
    assert words == snapshot(
        "dataset_id: the selection is of other datasets than this one. Use a dataset that the search covered, or a new search."
    )


async def test_more_events_than_a_change_may_touch_are_refused_with_the_way_to_fewer(tenant: Tenant) -> None:
    await add_wave(tenant, 6)
    async with tenant.server(tenant.allowed(max_change=5)) as client:
        selection = await select(client)
        words = await refused(client, "delete_threat_events", dataset_id=MINE, selection=selection)
    assert words == snapshot(
        "selection: it has more than 5 events in this dataset, and CF1_MAX_CHANGE (5) allows at most 5 a call. Use a search of fewer: a shorter period (since, until) or more filters, and one call for each part."
    )


async def test_either_ids_or_a_selection_are_given(tenant: Tenant) -> None:
    [event] = await add_wave(tenant, 1)
    async with tenant.server(tenant.allowed()) as client:
        selection = await select(client)
        told = [
            await refused(client, "delete_threat_events", dataset_id=MINE, event_ids=[event], selection=selection),
            await refused(client, "delete_threat_events", dataset_id=MINE, event_ids=[], selection=""),
            await refused(client, "unrelate_threat_events", dataset_id=MINE, event_id=event),
            await refused(
                client, "update_threat_event", dataset_id=MINE, event_id=event, selection=selection, event="x"
            ),
            await refused(client, "export_threat_events", format="csv", selection=selection, attacker=["X"]),
        ]
        gone = await ask(client, "delete_threat_events", dataset_id=MINE, selection=selection)
        await ask(client, "delete_threat_events", dataset_id=MINE, selection=selection, confirm=gone["code"])
        told.append(await refused(client, "delete_threat_events", dataset_id=MINE, selection=selection))
    assert told == snapshot(
        [
            "event_ids: event_ids and selection are both given. Use either event_ids, or the selection of a search with select=true.",
            "event_ids: no event is given. Use either event_ids, or the selection of a search with select=true.",
            "related_ids: no event is given. Use either related_ids, or the selection of a search with select=true.",
            "event_id: events are given twice. Use event_id, or event_ids or a selection for the same change of several events.",
            "selection: filters or datasets are given as well. Use either a selection, which has its filters and datasets, or filters.",
            """\
selection: it has no event in this dataset. Use another dataset_id, or a search that finds some.
<untrusted MARK>
Mine
</untrusted MARK>\
""",
        ]
    )


async def test_every_change_of_many_takes_a_selection_and_its_undo_is_one_call(tenant: Tenant) -> None:
    ids = await add_wave(tenant, 30)
    parent = await tenant.add("campaign", attacker="SOMEBODY")
    rules = tenant.allowed(write_datasets=(MINE, YOURS), delete_datasets=(MINE, YOURS))
    calls: list[tuple[str, dict[str, JsonValue], str]] = [
        ("update_threat_event", {"insight": "one campaign"}, "changed"),
        ("tag_threat_events", {"tags": ["wave"]}, "tagged"),
        ("relate_threat_events", {"event_id": parent.uuid}, "related"),
        ("copy_threat_events", {"destination_dataset_id": YOURS}, "copied"),
        ("move_threat_events", {"destination_dataset_id": YOURS}, "moved"),
        ("delete_threat_events", {}, "deleted"),
    ]
    counted: dict[str, JsonValue] = {}
    async with tenant.server(rules) as client:
        for tool, arguments, fact in calls:
            selection = await select(client, dataset_ids=[MINE])
            call: dict[str, JsonValue] = {"dataset_id": MINE, "selection": selection, **arguments}
            done = await confirmed(client, tool, **call)
            assert not any(uuid in json.dumps({**done, "change": ""}) for uuid in ids), tool
            undone = await confirmed(client, "undo_change", change_id=done["change_id"])
            assert undone["status"] == "done", (tool, undone)
            counted[tool] = done[fact]
    assert counted == {tool: 30 if tool == "relate_threat_events" else 31 for tool, _, _ in calls}


async def test_typed_relationships_to_a_selection_take_few_requests_and_are_made_once(tenant: Tenant) -> None:
    ids = await add_wave(tenant, 40)
    parent = await tenant.add("campaign")
    async with tenant.api() as api:
        await api.create_relationships(tenant.dataset_id(), parent.uuid, ids[:10], "caused_by")
    async with tenant.server(tenant.allowed()) as client:
        call: dict[str, JsonValue] = {"dataset_id": MINE, "event_id": parent.uuid, "relationship_type": "caused_by"}
        call["selection"] = await select(client)
        tenant.log.clear()
        preview = await ask(client, "relate_threat_events", **call)
        looked = len(tenant.log)
        done = await ask(client, "relate_threat_events", **call, confirm=preview["code"])
    assert (done["status"], done["related"]) == ("done", 30) and looked <= 16


async def test_what_is_looked_up_event_by_event_is_not_selected(tenant: Tenant) -> None:
    await add_wave(tenant, 2)
    having: list[JsonValue] = [{"field": "hasChildren", "op": "equals", "value": ["false"]}]
    async with tenant.server(tenant.allowed()) as client:
        found = await ask(client, "search_threat_events", conditions=having, select=True)
    async with tenant.server(tenant.allowed(max_tlp=Tlp.RED)) as client:
        seeing_all = await ask(client, "search_threat_events", conditions=having, select=True)
    assert "selection" not in found and "is looked up event by event" in str(found["notes"])
    assert "selection" in seeing_all


async def test_a_person_who_is_asked_sees_the_selection_and_it_is_looked_up_again(tenant: Tenant) -> None:
    await add_wave(tenant, 26)
    asked: list[str] = []

    async def agree(context: object, params: ElicitRequestParams) -> ElicitResult:
        asked.append(params.message)
        await add_wave(tenant, 1)
        return ElicitResult(action="accept", content={"answer": "yes"})

    for mode in GENERATIONS:
        async with tenant.server(tenant.allowed(approval="ask"), agree, mode) as client:
            call: dict[str, JsonValue] = {"dataset_id": MINE, "selection": await select(client), "tags": ["wave"]}
            code = (await ask(client, "tag_threat_events", **call))["code"]
            await refused(client, "tag_threat_events", **call, confirm=code)
        assert tenant.changes_sent() == [] and f"Tag {25 + len(asked)} events" in asked[-1]


async def test_references_to_a_selection_are_removed(tenant: Tenant) -> None:
    ids = await add_wave(tenant, 3)
    parent = await tenant.add("campaign")
    async with tenant.api() as api:
        await api.relate_event(parent.uuid, ids)
    async with tenant.server(tenant.allowed()) as client:
        selection = await select(client)
        done = await confirmed(
            client, "unrelate_threat_events", dataset_id=MINE, event_id=parent.uuid, selection=selection
        )
        assert (done["status"], done["unrelated"]) == ("done", 3)
        assert (await ask(client, "undo_change", change_id=done["change_id"]))["related"] == 3


async def test_an_export_of_a_selection_has_its_events(tenant: Tenant) -> None:
    await add_wave(tenant, 2)
    await add_wave(tenant, 1, YOURS)
    await tenant.add("another")
    async with tenant.server(tenant.reading()) as client:
        export = await ask(client, "export_threat_events", format="csv", selection=await select(client))
        page = await ask(client, "export_threat_events", export_id=export["export_id"])
        one = await select(client, dataset_ids=[YOURS])
        yours = await ask(client, "export_threat_events", format="csv", selection=one)
    assert (export["events"], yours["events"], yours["datasets"]) == (3, 1, [YOURS])
    assert str(page["content"]).count("of the wave") == 3


# -- servers that do not search as asked


async def test_a_server_that_ignores_the_search_gets_no_selection_and_no_change(tenant: Tenant) -> None:
    await add_wave(tenant, 2)
    others = [await tenant.add(f"another {number}") for number in range(8)]
    async with tenant.server(tenant.allowed()) as client:
        selection = await select(client)
    app = create_sandbox_app(tenant.store)

    def connect() -> httpx.AsyncBaseTransport:
        return Deaf(app)

    async with Client(build_server(tenant.allowed(), connect, clock=lambda: tenant.now)) as client:
        found = await ask(client, "search_threat_events", **WAVE, select=True)
        words = await refused(client, "delete_threat_events", dataset_id=MINE, selection=selection)
    assert "selection" not in found and "There is no selection" in str(found["notes"])
    assert words == snapshot(
        "selection: the API returned events that do not fit the search, so nothing was changed. Use event_ids of events that were looked at."
    )
    async with tenant.api() as api:
        assert (await api.read_event(tenant.dataset_id(), others[0].uuid)).event == "another 0"


class Deaf(httpx.ASGITransport):
    """The sandbox behind something that drops the conditions of a search."""

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        if request.url.path.endswith("/events"):
            kept = [(name, value) for name, value in request.url.params.multi_items() if not name.startswith("search")]
            request.url = request.url.copy_with(params=kept)
            if request.method == "POST":
                body = {name: value for name, value in json.loads(request.content).items() if name != "search"}
                request = httpx.Request("POST", request.url, json=body, headers={"authorization": "Bearer x"})
        return await super().handle_async_request(request)


class Failing(httpx.ASGITransport):
    """The sandbox, except that no search that names one dataset succeeds."""

    dataset_id = ""

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        if request.url.path.endswith("/events") and self.dataset_id in f"{request.url}{request.content.decode()}":
            return httpx.Response(400, json={"success": False, "errors": [{"message": "no"}], "result": {}})
        return await super().handle_async_request(request)


async def test_a_search_that_misses_datasets_makes_no_selection(tmp_path: Path) -> None:
    tenant = Tenant(tmp_path, tuple(f"Dataset {number}" for number in range(60)))
    await add_wave(tenant, 1, "Dataset 1")
    sandbox = create_sandbox_app(tenant.store)

    def connect() -> httpx.AsyncBaseTransport:
        transport = Failing(sandbox)
        transport.dataset_id = tenant.dataset_id("Dataset 59")
        return transport

    async with Client(build_server(tenant.reading(), connect, clock=lambda: tenant.now)) as client:
        found = await ask(client, "search_threat_events", **WAVE, select=True)
    notes = found["notes"]
    assert found["events"] == 1 and "selection" not in found and isinstance(notes, list)
    assert "There is no selection: a part of the datasets could not be searched" in str(notes[-1])
