"""Links that a graph tells only in part, or not apart from those of copies: they are read elsewhere, or said to be lost."""

from collections.abc import Callable

import pytest
from pydantic import JsonValue

from tests.canned_answers import copy_event
from tests.changes.changed_answers import Answer, ChangedAnswers
from tests.conversations import ask, confirmed, refused
from tests.tenant import MINE, YOURS, Tenant

pytestmark = pytest.mark.anyio

Row = dict[str, JsonValue]
BOTH: dict[str, object] = {"write_datasets": (MINE, YOURS), "delete_datasets": (MINE,)}


async def add_ring(tenant: Tenant, count: int) -> list[str]:
    """Add events of which each has the next one below it, and every second one an event of another dataset above it."""
    ids = [(await tenant.add(f"event {number}")).uuid for number in range(count)]
    above = (await tenant.add("above", dataset=YOURS)).uuid
    async with tenant.api() as api:
        for number, event_id in enumerate(ids):
            await api.create_relationships(tenant.dataset_id(), event_id, [ids[(number + 1) % count]], "related_to")
            if number % 2:
                await api.create_relationships(tenant.dataset_id(YOURS), above, [event_id], "caused_by")
    tenant.log.clear()
    return ids


def list_links(tenant: Tenant) -> list[tuple[str, ...]]:
    """Return the links, but for those of copies."""
    rows = tenant.store.db.execute(
        "SELECT p.event, r.type, c.event, d.name, x.name FROM relationship r JOIN event p ON p.id = r.parent "
        "JOIN event c ON c.id = r.child JOIN dataset d ON d.id = p.dataset JOIN dataset x ON x.id = c.dataset"
    ).fetchall()
    links = [tuple(map(str, row)) for row in rows]
    own = ("above", "of the copy")
    return sorted(
        one for one in links if all(name == MINE or end in own for end, name in ((one[0], one[3]), (one[2], one[4])))
    )


def edges_of(answer: Answer) -> list[JsonValue]:
    result = answer["result"]
    assert isinstance(result, dict) and isinstance(result["edges"], list)
    return result["edges"]


def change_row(answer: Answer, **values: JsonValue) -> None:
    for place, edge in enumerate(edges_of(answer)):
        if place % 3 == 0:
            assert isinstance(edge, dict)
            edge |= values


def lose_sources(answer: Answer) -> None:
    change_row(answer, source={"id": 1}, sourceId=None, sourceType=None)


def lose_types(answer: Answer) -> None:
    change_row(answer, relationshipType=["related_to"])


def use_other_types(answer: Answer) -> None:
    change_row(answer, relationshipType="seen_with")


def say_words(answer: Answer) -> None:
    edges_of(answer)[1::3] = ["?" for _ in edges_of(answer)[1::3]]


def shorten(answer: Answer, **info: JsonValue) -> None:
    del edges_of(answer)[::3]
    answer["result_info"] = info


def shorten_with_count(answer: Answer) -> None:
    shorten(answer, edgeCount=str(len(edges_of(answer))))


def shorten_in_camel_case(answer: Answer) -> None:
    shorten(answer, hasMore=True)


def shorten_with_odd_flag(answer: Answer) -> None:
    shorten(answer, has_more="perhaps")


def shorten_for_failures(answer: Answer) -> None:
    shorten(answer, completeness={"failedShards": 2})


def shorten_in_the_result(answer: Answer) -> None:
    shorten(answer)
    result = answer["result"]
    assert isinstance(result, dict)
    result["truncated"] = "true"


LOSSES = [
    lose_sources,
    lose_types,
    use_other_types,
    say_words,
    shorten_with_count,
    shorten_in_camel_case,
    shorten_with_odd_flag,
    shorten_for_failures,
    shorten_in_the_result,
]


def spell_types(answer: Answer) -> None:
    for edge in edges_of(answer):
        assert isinstance(edge, dict)
        edge["relationshipType"] = {"related_to": "Related-To", "caused_by": "causedBy"}[str(edge["relationshipType"])]


def name_ends_by_uuid(answer: Answer) -> None:
    for edge in edges_of(answer):
        assert isinstance(edge, dict)
        edge |= {"source": edge["sourceId"], "target": edge["targetId"], "sourceType": None, "targetType": ""}


def blank_the_rest(answer: Answer) -> None:
    result = answer["result"]
    assert isinstance(result, dict)
    result |= {"nodes": None, "node": 3}
    answer["result_info"] = None


def change_graph(change: Callable[[Answer], None]) -> Callable[[str, Answer], JsonValue]:
    def apply(path: str, answer: Answer) -> JsonValue:
        if path.endswith("/events/graph"):
            change(answer)
        return answer

    return apply


@pytest.mark.parametrize("change", LOSSES)
async def test_links_of_few_events_that_a_graph_tells_in_part_are_restored(
    tenant: Tenant, change: Callable[[Answer], None]
) -> None:
    ids = await add_ring(tenant, 4)
    before = list_links(tenant)
    async with ChangedAnswers(tenant, change_graph(change)).server(tenant, **BOTH) as client:
        preview = await ask(client, "delete_threat_events", dataset_id=MINE, event_ids=[*ids])
        done = await confirmed(client, "delete_threat_events", dataset_id=MINE, event_ids=[*ids])
        await ask(client, "undo_change", change_id=done["change_id"])
    assert (preview["relationships_cut"], "relationships_not_saved" in done) == (6, False)
    assert list_links(tenant) == before


@pytest.mark.parametrize("change", LOSSES)
async def test_links_of_many_events_that_a_graph_tells_in_part_are_saved_and_the_rest_said_to_be_lost(
    tenant: Tenant, change: Callable[[Answer], None]
) -> None:
    ids = await add_ring(tenant, 100)
    app = ChangedAnswers(tenant, change_graph(change))
    async with app.server(tenant, **BOTH) as client:
        preview = await ask(client, "delete_threat_events", dataset_id=MINE, event_ids=[*ids])
    cut, unread = preview["relationships_cut"], preview["relationships_not_read"]
    assert isinstance(unread, int) and unread >= 30 and len(app.sent) <= 16
    assert isinstance(cut, str) and 60 <= int(cut.removeprefix("at least ")) < 150


@pytest.mark.parametrize("change", [spell_types, name_ends_by_uuid, blank_the_rest])
async def test_a_graph_in_another_spelling_tells_all_links(tenant: Tenant, change: Callable[[Answer], None]) -> None:
    ids = await add_ring(tenant, 12)
    app = ChangedAnswers(tenant, change_graph(change))
    async with app.server(tenant, **BOTH) as client:
        preview = await ask(client, "delete_threat_events", dataset_id=MINE, event_ids=[*ids])
    assert (preview["relationships_cut"], "relationships_not_read" in preview) == (18, False)
    assert len(app.sent) <= 16


async def test_an_edge_that_cannot_be_read_costs_itself_and_the_graph_is_asked_again(tenant: Tenant) -> None:
    ids = await add_ring(tenant, 20)

    def change(answer: Answer) -> None:
        edge = next(one for one in edges_of(answer) if isinstance(one, dict) and one["sourceId"] in ids)
        edge |= {"target": 7, "targetId": None, "targetType": None}

    app = ChangedAnswers(tenant, change_graph(change))
    async with app.server(tenant, **BOTH) as client:
        first = await ask(client, "delete_threat_events", dataset_id=MINE, event_ids=[*ids])
        app.sent.clear()
        await ask(client, "delete_threat_events", dataset_id=MINE, event_ids=[*ids])
    assert first["relationships_cut"] == 30 and "relationships_not_read" not in first
    assert any("/events/graph" in line for line in app.sent)


# -- events with copies


@pytest.mark.parametrize("copied", [1, 30, 99, 100])
@pytest.mark.parametrize("analytics", [False, True])
async def test_links_of_events_with_copies_are_told_apart_within_the_requests(
    tenant: Tenant, copied: int, analytics: bool
) -> None:
    if analytics:
        tenant.store.add_dataset("Telemetry", is_analytics=True)
    ids = await add_ring(tenant, 100)
    for event_id in ids[:copied]:
        await copy_event(tenant, event_id, MINE, YOURS)
    before = list_links(tenant)
    app = ChangedAnswers(tenant)
    call: dict[str, JsonValue] = {"dataset_id": MINE, "event_ids": [*ids]}
    async with app.server(tenant, **BOTH) as client:
        preview = await ask(client, "delete_threat_events", **call)
        # A list of a round number of rows may have been cut, and is asked for what follows.
        assert len(app.sent) <= (17 if analytics and copied > 90 else 16)
        app.sent.clear()
        done = await ask(client, "delete_threat_events", **call, confirm=preview["code"])
        assert len(app.sent) <= 117
        assert (preview["relationships_cut"], "relationships_not_read" in preview) == (150, False)
        undo = await ask(client, "undo_change", change_id=done["change_id"])
        await ask(client, "undo_change", change_id=done["change_id"], confirm=undo["code"])
    assert list_links(tenant) == before


async def test_links_of_copies_are_left_to_them(tenant: Tenant) -> None:
    ids = await add_ring(tenant, 4)
    yours = (await tenant.add("of the copy", dataset=YOURS)).uuid
    for event_id in ids[:3]:
        await copy_event(tenant, event_id, MINE, YOURS)
    home, other = tenant.dataset_id(), tenant.dataset_id(YOURS)
    async with tenant.api() as api:
        await api.create_relationships(other, ids[0], [yours], "attributed_to")
        await api.create_relationships(other, ids[1], [yours], "caused_by")
        await api.create_relationships(home, ids[1], [yours], "attributed_to")
        await api.create_relationships(other, ids[0], [ids[2]], "caused_by")
    before = list_links(tenant)
    async with ChangedAnswers(tenant).server(tenant, **BOTH) as client:
        done = await confirmed(client, "delete_threat_events", dataset_id=MINE, event_ids=[*ids])
        await ask(client, "undo_change", change_id=done["change_id"])
    assert list_links(tenant) == before


async def preview_with_copies(tenant: Tenant, with_links: bool) -> tuple[JsonValue, JsonValue]:
    ids = await add_ring(tenant, 12)
    if with_links:
        tenant.store.add_dataset("Hidden")
        below = (await tenant.add("hidden", dataset="Hidden")).uuid
        for event_id in ids:
            await copy_event(tenant, event_id, MINE, "Hidden")
        async with tenant.api() as api:
            for event_id in ids:
                await api.create_relationships(tenant.dataset_id("Hidden"), event_id, [below], "attributed_to")
    async with tenant.server(tenant.allowed(read_datasets=(MINE, YOURS), **BOTH)) as client:
        preview = await ask(client, "delete_threat_events", dataset_id=MINE, event_ids=[*ids])
    return preview["relationships_cut"], preview.get("relationships_not_read")


@pytest.mark.parametrize("with_links", [False, True])
async def test_copies_that_may_not_be_seen_change_nothing_that_is_told(tenant: Tenant, with_links: bool) -> None:
    assert await preview_with_copies(tenant, with_links) == (18, None)


# -- accounts without the list of relationships


async def test_several_events_are_deleted_by_the_graph_alone_and_one_is_said_to_lose_its_links(tenant: Tenant) -> None:
    ids = await add_ring(tenant, 6)
    before = list_links(tenant)
    app = ChangedAnswers(tenant, refuses=["/relationships {"])
    async with app.server(tenant, **BOTH) as client:
        done = await confirmed(client, "delete_threat_events", dataset_id=MINE, event_ids=[*ids])
        await ask(client, "undo_change", change_id=done["change_id"])
        alone = await ask(client, "delete_threat_events", dataset_id=MINE, event_ids=[(await tenant.add("one")).uuid])
    assert list_links(tenant) == before and "relationships_not_saved" not in done
    assert (alone["relationships_cut"], alone["relationships_not_read"]) == ("at least 0", 1)


async def test_a_list_of_relationships_that_lacks_rows_is_not_believed(tenant: Tenant) -> None:
    ids = await add_ring(tenant, 2)

    def shorten_list(path: str, answer: Answer) -> JsonValue:
        rows = answer.get("result")
        if not path.endswith("/relationships") or not isinstance(rows, list):
            return answer
        return {"success": True, "result": rows[:1], "result_info": {"totalCount": 9}}

    async with ChangedAnswers(tenant, shorten_list).server(tenant, **BOTH) as client:
        words = await refused(client, "delete_threat_events", dataset_id=MINE, event_ids=[ids[0]])
    assert "nobody knows all related events" in words
