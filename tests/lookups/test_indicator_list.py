"""Conversations about indicators that the API lists, or does not list, beside events."""

import json
from pathlib import Path
from typing import cast

import httpx
import pytest
from inline_snapshot import snapshot
from pydantic import JsonValue

from cf1_mcp.lookups import indicator_list
from cf1_mcp.lookups.lookup_answer import EVENTS_ALONE
from cf1_mcp.models import EventSearch, Tlp
from cf1_mcp.policy.conditions.reading_notes import IGNORED
from tests.lookups.listing_tenant import AWAY, HOME, ListingTenant, Result

pytestmark = pytest.mark.anyio

REPEATED = "The API answered a further page with the same events, so there may be more than were read."


@pytest.fixture
def tenant(tmp_path: Path) -> ListingTenant:
    return ListingTenant(tmp_path)


# -- what may be told


async def test_an_indicator_without_events_is_known(tenant: ListingTenant) -> None:
    tenant.row("a.example")
    assert await tenant.look_up("A[.]example", "b.example") == snapshot(
        {
            "rows": {
                "a.example": "known green an indicator of its own: no event with it was found",
                "b.example": "unknown",
            },
            "notes": [
                "Events marked above TLP:AMBER are not searched (CF1_MAX_TLP).",
                "Absence from these datasets does not show that something is benign.",
            ],
        }
    )


@pytest.mark.parametrize(
    ("marking", "ceiling", "status"),
    [
        ("RED", Tlp.AMBER, "unknown"),
        ("AMBER-STRICT", Tlp.AMBER, "unknown"),
        ("AMBER", Tlp.GREEN, "unknown"),
        ("odd", Tlp.AMBER, "unknown"),
        (None, Tlp.GREEN, "unknown"),
        (None, Tlp.AMBER, "known"),
        ("PURPLE", Tlp.RED, "known"),
    ],
)
async def test_its_own_marking_decides(tenant: ListingTenant, marking: str | None, ceiling: Tlp, status: str) -> None:
    tenant.row("a.example", tlp=marking)
    found = await tenant.look_up("a.example", max_tlp=ceiling)
    assert _statuses(found) == {"a.example": status}


async def test_its_own_dataset_decides(tenant: ListingTenant) -> None:
    tenant.row("a.example", dataset=AWAY)
    # An API that answers about other datasets than it was asked for.
    tenant.change_list = lambda _, body: {**body, "result": {"indicators": [*tenant.rows], "pagination": {}}}
    assert [
        (await tenant.look_up("a.example", read=HOME))["rows"],
        (await tenant.look_up("a.example", dataset_ids=[HOME]))["rows"],
        (await tenant.look_up("a.example", dataset_ids=[AWAY]))["rows"],
    ] == snapshot(
        [
            {"a.example": "unknown"},
            {"a.example": "unknown"},
            {"a.example": "known green an indicator of its own: no event with it was found"},
        ]
    )


@pytest.mark.parametrize("related", ["listed", "cut off", "unreadable", "not sent", "null", "more"])
async def test_an_indicator_that_only_withheld_events_have_looks_unknown(tenant: ListingTenant, related: str) -> None:
    hidden = await tenant.event("b.example", tlp="red")
    fields: dict[str, Result] = {
        "listed": {"relatedEvents": tenant.related(hidden)},
        "cut off": {"relatedEvents": tenant.related(hidden), "relatedEventsHasMore": True},
        "unreadable": {"relatedEvents": [{"id": hidden}]},
        "null": {"relatedEvents": None},
        "more": {"relatedEventsHasMore": True},
        "not sent": {},
    }
    tenant.row("a.example")
    tenant.rows[-1] |= fields[related]
    if related == "not sent":
        del tenant.rows[-1]["relatedEvents"]
    found = await tenant.look_up("a.example", "nobody.example")
    assert found["rows"] == {"a.example": "unknown", "nobody.example": "unknown"}
    tenant.rows.clear()
    assert await tenant.look_up("a.example", "nobody.example") == found


async def test_an_indicator_of_a_withheld_and_a_visible_event_has_one_event(tenant: ListingTenant) -> None:
    await tenant.event("shown.example", "a.example")
    await tenant.event("hidden.example", "a.example", tlp="red")
    assert (await tenant.look_up("a.example", "hidden.example", "shown.example"))["rows"] == snapshot(
        {"a.example": "known 1 green", "shown.example": "known 1 green", "hidden.example": "unknown"}
    )


async def test_a_marked_indicator_of_a_visible_event_looks_unknown(tenant: ListingTenant) -> None:
    shown = await tenant.event("shown.example", "a.example")

    def mark(_: httpx.Request, body: Result) -> Result:
        listed = cast("dict[str, list[Result]]", body["result"])["indicators"]
        return {**body, "result": {"indicators": [{**one, "tlp": "RED"} for one in listed], "pagination": {}}}

    tenant.change_list = mark
    assert shown and (await tenant.look_up("a.example", "nobody.example"))["rows"] == snapshot(
        {"a.example": "unknown", "nobody.example": "unknown"}
    )


async def test_since_counts_when_an_indicator_was_stored(tenant: ListingTenant) -> None:
    tenant.row("old.example", createdAt="2026-01-01T00:00:00Z", updatedAt="2026-01-01T00:00:00Z")
    tenant.row("new.example")
    assert (await tenant.look_up("old.example", "new.example", since="30d"))["rows"] == snapshot(
        {"new.example": "known green an indicator of its own: no event with it was found", "old.example": "unknown"}
    )


# -- what the lists do not tell


async def test_an_event_is_found_before_its_indicator_is_listed(tenant: ListingTenant) -> None:
    await tenant.event("a.example", "b.example")
    tenant.change_list = lambda _, body: {**body, "result": {"indicators": [], "pagination": {"has_more": False}}}
    assert [
        (await tenant.look_up("a.example", "c.example"))["rows"],
        (await tenant.look_up("b.example", "c.example"))["rows"],
        (await tenant.look_up("b.example"))["rows"],
    ] == snapshot(
        [
            {"a.example": "known 1 green", "c.example": "unknown"},
            {
                "b.example": "ambiguous an event found with it shows another indicator: look it up alone",
                "c.example": "ambiguous an event found with it shows another indicator: look it up alone",
            },
            {"b.example": "known 1 green"},
        ]
    )


def _only_shown(request: httpx.Request, body: Result) -> Result:
    """An API that finds an event only by the indicator that it shows."""
    given = json.loads(request.url.params.get("search", "[]")) or json.loads(request.content or b"{}").get("search", [])
    asked = [value for one in given if one["field"] == "indicator" for value in one["value"]]
    events = cast("list[Result]", body["result"])
    return {**body, "result": [one for one in events if not asked or one["indicator"] in asked]}


async def test_an_event_that_is_not_found_by_its_indicator_is_read_by_its_id(tenant: ListingTenant) -> None:
    await tenant.event("shown.example", "a.example")
    await tenant.event("shown.example", "b.example", tlp="red")
    tenant.change_events = _only_shown
    assert (await tenant.look_up("a.example", "b.example"))["rows"] == snapshot(
        {"a.example": "known 1 green", "b.example": "unknown"}
    )


async def test_an_event_that_no_longer_exists_leaves_an_indicator(tenant: ListingTenant) -> None:
    tenant.row("a.example", relatedEvents=tenant.related("00000000-0000-4000-8000-000000000000"))
    assert [
        (await tenant.look_up("a.example", max_tlp=Tlp.RED))["rows"],
        (await tenant.look_up("a.example", max_tlp=Tlp.RED, since="2026-11-21"))["rows"],
    ] == snapshot(
        [{"a.example": "known green an indicator of its own: no event with it was found"}, {"a.example": "unknown"}]
    )


async def test_an_answer_may_spell_an_indicator_in_another_way(tenant: ListingTenant) -> None:
    def respell(_: httpx.Request, body: Result) -> Result:
        values = ("2001:0db8:0000:0000:0000:0000:0000:0007", "EVIL[.]example", "evil.example.org")
        rows: list[JsonValue] = [{"value": one, "tlp": "GREEN", "relatedEvents": []} for one in values]
        return {**body, "result": {"indicators": rows, "pagination": {"has_more": False}}}

    tenant.change_list = respell
    others = [f"h{number}.example" for number in range(120)]
    found = await tenant.look_up("2001:db8::7", "evil.example", "vil.example", *others, limit=3)
    assert _statuses(found) == snapshot({"2001:db8::7": "known", "evil.example": "known", "vil.example": "unknown"})


# -- accounts that lack a part


@pytest.mark.parametrize("status", [400, 403, 404, 405, 410, 500])
async def test_without_the_list_of_indicators_events_are_searched(tenant: ListingTenant, status: int) -> None:
    await tenant.event("a.example")
    tenant.change_list = lambda _, __: status
    found = await tenant.look_up("a.example", *[f"h{number}.example" for number in range(250)], only="known")
    assert found == snapshot(
        {
            "rows": {"a.example": "known 1 green"},
            "notes": [
                "The list is long, so each value was looked up in one spelling only. Look unknown ones up again, a hundred a call, to find other stored forms: wildcards, a trailing dot, /32.",
                "The API's list of indicators could not be read, or not whole, so the rest is from events alone: indicators without events, and those that events do not show, may appear as unknown here.",
                "Events marked above TLP:AMBER are not searched (CF1_MAX_TLP).",
                "Absence from these datasets does not show that something is benign.",
            ],
        }
    )
    assert tenant.asked.count("/events/indicators") == 1


@pytest.mark.parametrize("status", [400, 403, 404, 500])
async def test_without_events_the_list_of_indicators_tells_what_it_can(tenant: ListingTenant, status: int) -> None:
    tenant.row("alone.example")
    await tenant.event("a.example")
    await tenant.event("hidden.example", tlp="red")
    tenant.change_events = lambda _, __: status
    found = await tenant.look_up("alone.example", "a.example", "hidden.example", "nobody.example")
    assert _statuses(found) == {
        "alone.example": "known",
        "a.example": "known",
        "hidden.example": "not_looked_up",
        "nobody.example": "not_looked_up",
    }
    # Read on its own: there may be more.
    assert cast("Result", found["rows"])["a.example"] == "known 1+ green"
    tenant.hides_events = True
    without = await tenant.look_up("a.example", "nobody.example", "alone.example", max_tlp=Tlp.RED)
    assert _statuses(without) == {"a.example": "known", "alone.example": "known", "nobody.example": "not_looked_up"}


def _statuses(found: Result) -> dict[str, str]:
    return {name: str(text).split()[0] for name, text in cast("Result", found["rows"]).items()}


async def test_events_are_read_by_id_where_a_search_by_indicator_is_refused(tenant: ListingTenant) -> None:
    await tenant.event("a.example")
    tenant.change_events = lambda request, body: 400 if "indicator" in f"{request.url} {request.content}" else body
    assert (await tenant.look_up("a.example", "nobody.example"))["rows"] == snapshot(
        {
            "a.example": "known 1 green",
            "nobody.example": 'not_looked_up The API refused the request (400). Correct what it names and call again. (The API said: "An error occurred")',
        }
    )


async def test_a_group_of_datasets_that_fails_is_named(tenant: ListingTenant) -> None:
    for number in range(60):
        tenant.store.add_dataset(f"D{number}")
    last = tenant.dataset_id("D59")
    tenant.change_list = lambda request, body: 400 if last in str(request.url) else body
    assert await tenant.look_up("a.example") == snapshot(
        {
            "rows": {"a.example": "unknown"},
            "notes": [
                "The API's list of indicators could not be read, or not whole, so the rest is from events alone: indicators without events, and those that events do not show, may appear as unknown here.",
                "Events marked above TLP:AMBER are not searched (CF1_MAX_TLP).",
                "Absence from these datasets does not show that something is benign.",
            ],
        }
    )
    tenant.change_list = lambda _, body: body
    tenant.change_events = lambda request, body: 400 if last in f"{request.url} {request.content}" else body
    assert await tenant.look_up("a.example") == snapshot(
        {
            "rows": {"a.example": "unknown"},
            "not_searched": [
                "D47",
                "D48",
                "D49",
                "D50",
                "D51",
                "D52",
                "D53",
                "D54",
                "D55",
                "D56",
                "D57",
                "D58",
                "and 1 more",
            ],
            "notes": [
                "Nothing can be concluded about the datasets in not_searched: their search failed. The API refused the request (400). Correct what it names and call again.",
                "unknown: not in what was searched, which is not everything.",
                "Events marked above TLP:AMBER are not searched (CF1_MAX_TLP).",
                "Absence from these datasets does not show that something is benign.",
            ],
        }
    )


# -- lists that do not do what they are asked


def _pages_of_others(request: httpx.Request, body: Result) -> Result:
    page = int(request.url.params.get("page", "1"))
    others: list[JsonValue] = [
        {"uuid": f"{page}-{number}", "value": f"other{number}.example", "relatedEvents": []} for number in range(1_000)
    ]
    listed = cast("dict[str, list[JsonValue]]", body["result"])["indicators"]
    return {**body, "result": {"indicators": [*listed, *others], "pagination": {"has_more": True}}}


async def test_a_list_that_ignores_the_search_is_not_believed(tenant: ListingTenant) -> None:
    tenant.row("alone.example")
    await tenant.event("a.example")
    tenant.change_list = _pages_of_others
    found = await tenant.look_up("alone.example", "a.example", "nobody.example")
    assert (found, tenant.asked.count("/events/indicators")) == snapshot(
        (
            {
                "rows": {
                    "alone.example": "known green an indicator of its own: no event with it was found",
                    "a.example": "known 1 green",
                    "nobody.example": "unknown",
                },
                "notes": [
                    "The API's list of indicators could not be read, or not whole, so the rest is from events alone: indicators without events, and those that events do not show, may appear as unknown here.",
                    "Events marked above TLP:AMBER are not searched (CF1_MAX_TLP).",
                    "Absence from these datasets does not show that something is benign.",
                ],
            },
            1,
        )
    )


@pytest.mark.parametrize("lists", [True, False])
async def test_events_that_ignore_the_search_make_nothing_known(tenant: ListingTenant, lists: bool) -> None:
    tenant.row("alone.example")
    for number in range(12):
        await tenant.event(f"h{number}.example")

    def ignore(request: httpx.Request, body: Result) -> Result:
        return {**body, "result": everything}

    async with tenant.api() as api:
        everything: list[JsonValue] = [
            event.model_dump(by_alias=True, mode="json")
            for event in await api.list_all_events(EventSearch(dataset_id=["all"]))
        ]
    tenant.change_events = ignore
    if not lists:
        tenant.change_list = lambda _, __: 404
    found = await tenant.look_up("benign.example", "h3.example", "alone.example")
    expected: Result = {
        "rows": {
            "h3.example": "known 1 green",
            "alone.example": "known green an indicator of its own: no event with it was found",
            "benign.example": "not_looked_up the API seems to ignore the search",
        },
        "notes": [
            f"{IGNORED} 11 of 12 events were left out. They do not fit in: indicator.",
            REPEATED,
        ],
    }
    if not lists:
        expected = {
            "rows": {
                "h3.example": "known 1 green",
                "alone.example": "not_looked_up the API seems to ignore the search",
                "benign.example": "not_looked_up the API seems to ignore the search",
            },
            "notes": [
                f"{IGNORED} 11 of 12 events were left out. They do not fit in: indicator.",
                REPEATED,
                EVENTS_ALONE,
            ],
        }
    assert found == expected


@pytest.mark.parametrize("refused", [False, True])
async def test_all_pages_of_a_list_are_read(tenant: ListingTenant, refused: bool) -> None:
    tenant.row("a.example")
    tenant.row("b.example")
    asked: list[httpx.QueryParams] = []

    def turn(request: httpx.Request, body: Result) -> Result | int:
        params = request.url.params
        asked.append(params)
        if "cursor" in params and refused:
            return 400
        is_first = "cursor" not in params and params["page"] == "1"
        info: Result = {"has_more": is_first, "cursor": "next" if is_first else None}
        return {**body, "result": {"indicators": [tenant.rows[0 if is_first else 1]], "pagination": info}}

    tenant.change_list = turn
    found = await tenant.look_up("a.example", "b.example")
    assert _statuses(found) == {"a.example": "known", "b.example": "known"}
    cursors = [{**one} for one in asked if "cursor" in one]
    assert (cursors, len(asked)) == ([{"cursor": "next"}], 3 if refused else 2)


async def test_a_hundred_hashes_are_one_request(tenant: ListingTenant) -> None:
    await tenant.look_up(*[f"{number:064x}" for number in range(1, 51)])
    assert tenant.asked.count("/events/indicators") == 1


async def test_one_value_is_not_known_where_lists_of_values_are_ignored(tenant: ListingTenant) -> None:
    """Other spellings of a hash make it a list of two values."""
    for number in range(3):
        await tenant.event(f"h{number}.example")
    async with tenant.api() as api:
        everything: list[JsonValue] = [
            event.model_dump(by_alias=True, mode="json")
            for event in await api.list_all_events(EventSearch(dataset_id=["all"]))
        ]

    def ignore_lists(request: httpx.Request, body: Result) -> Result:
        given = f"{request.url.params.get('search', '')} {request.content.decode()}"
        return {**body, "result": everything} if '"in"' in given else body

    tenant.change_events = ignore_lists
    tenant.change_list = lambda _, __: 404
    assert await tenant.look_up("d41d8cd98f00b204e9800998ecf8427e") == snapshot(
        {
            "error": "The API seems to ignore the search: most of the events that it returned do not fit the question. Nothing can be concluded from its answer. Tell the operator: the API, or something in front of it, drops the filters."
        }
    )


async def test_a_list_that_hangs_leaves_time_for_events(tenant: ListingTenant, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(indicator_list, "MAX_SECONDS", 0.1)
    await tenant.event("a.example")
    tenant.hangs = "/events/indicators"
    found = await tenant.look_up("a.example")
    assert (_statuses(found), cast("list[JsonValue]", found["notes"])[0]) == ({"a.example": "known"}, EVENTS_ALONE)
