"""Accounts that have the older, the newer or both routes of an operation, whichever way they refuse the others."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from itertools import product
from typing import Final

import pytest

from cf1_mcp.api.client import ThreatEventsClient
from cf1_mcp.errors import ApiError
from cf1_mcp.models import Condition, EventChange, EventSearch, QueryAlertFields, RawChange, SavedQueryFields
from tests.upstreams import Scripted, answer, failed, upstream

pytestmark = pytest.mark.anyio

KNOWN: Final = "e0000000-0000-4000-8000-000000000001"
UNKNOWN: Final = "e0000000-0000-4000-8000-000000000009"
HOME: Final = "d0000000-0000-4000-8000-000000000001"
Call = Callable[[ThreatEventsClient, str], Awaitable[object]]


@dataclass(frozen=True)
class Case:
    """An operation with two routes, as `METHOD path` with `{id}` for what it is about, and its answer.

    `empty` is what the older route answers about an object that does not exist, if not 404.
    """

    call: Call
    newer: str
    older: str
    found: object
    is_read: bool = True
    empty: object = None

    @property
    def is_of_one(self) -> bool:
        return "{id}" in self.newer


EVENT: Final = {"uuid": KNOWN, "datasetId": HOME, "date": "2026-11-20T00:00:00Z"}
SEARCH: Final = EventSearch(dataset_id=[HOME], search=[Condition(field="attacker", op="equals", value="X")])
CASES: Final = {
    "list_relationships": Case(
        lambda api, of: api.list_relationships(of, HOME),
        "GET /events/by-id/{id}/relationships",
        "GET /events/{id}/relationships",
        [EVENT],
        empty=[],
    ),
    "read_dataset_raw": Case(
        lambda api, of: api.read_dataset_raw(HOME, of),
        f"GET /events/datasets/{HOME}/events/{{id}}/raw",
        f"GET /events/raw/{HOME}/{{id}}",
        {"id": "7", "data": {"a": 1}},
    ),
    "list_categories": Case(
        lambda api, _: api.list_categories(),
        "GET /events/categories/catalog",
        "GET /events/categories",
        [{"uuid": "c", "name": "Phishing"}],
    ),
    "list_industries": Case(
        lambda api, _: api.list_industries(),
        "GET /events/targetIndustries/catalog",
        "GET /events/targetIndustries",
        ["Banking"],
    ),
    "list_indicator_types": Case(
        lambda api, _: api.list_indicator_types([HOME]),
        "GET /events/indicator-types",
        "GET /events/indicatorTypes",
        ["domain"],
    ),
    "query_graphql": Case(
        lambda api, _: api.query_graphql("{ a }"),
        "POST /v2/events/graphql",
        "POST /events/graphql",
        {"data": {"a": 1}},
    ),
    "list_events": Case(lambda api, _: api.list_events(SEARCH), "GET /events", "POST /events", [EVENT]),
    "delete_events": Case(
        lambda api, of: api.delete_events(of, [KNOWN]),
        "DELETE /events/datasets/{id}/events",
        "DELETE /events/{id}/delete",
        1,
        is_read=False,
    ),
    "update_event": Case(
        lambda api, of: api.update_event(of, EventChange(dataset_id=HOME, tlp="green")),
        "PATCH /events/{id}",
        "POST /events/{id}",
        EVENT,
        is_read=False,
    ),
    "update_raw": Case(
        lambda api, of: api.update_raw(of, "r1", RawChange(data={"b": 2})),
        "PATCH /events/{id}/raw/r1",
        "POST /events/{id}/raw/r1",
        {"id": "r1", "data": {"b": 2}},
        is_read=False,
    ),
    "update_query": Case(
        lambda api, of: api.update_query(number(of), SavedQueryFields(name="n")),
        "PATCH /events/queries/{id}",
        "POST /events/queries/{id}",
        {"id": 1, "name": "n", "query_json": "{}"},
        is_read=False,
    ),
    "update_alert": Case(
        lambda api, of: api.update_alert(number(of), QueryAlertFields(enabled=False)),
        "PATCH /events/queries/alerts/{id}",
        "POST /events/queries/alerts/{id}",
        {"id": 1, "query_id": 7, "enabled": False, "frequency": "daily"},
        is_read=False,
    ),
}


def coded(status: str, code: int) -> bytes:
    return answer({"success": False, "errors": [{"code": code, "message": "No route"}], "result": None}, status)


PLAIN: Final = "404 plain"
REFUSALS: Final = {
    "404 with 7003": coded("404 Not Found", 7003),
    PLAIN: failed("404 Not Found", "Not found"),
    "405": failed("405 Method Not Allowed", "no"),
    "410": answer("<html>Gone</html>", "410 Gone", content_type="text/html"),
    "501": failed("501 Not Implemented", "no"),
    "400 with 7000": coded("400 Bad Request", 7000),
    "400 with 7003": coded("400 Bad Request", 7003),
    "403 with 7003": coded("403 Forbidden", 7003),
    "200 with 7003": coded("200 OK", 7003),
}
FORBIDDEN: Final = "403"
NOT_FOUND: Final = failed("404 Not Found", "Event not found")
WORLDS: Final = {"older": (False, True), "newer": (True, False), "both": (True, True), "none": (False, False)}


def number(of: str) -> int:
    return int(of[-1])


def path_of(route: str, of: str) -> str:
    """Return a route about an object: a saved query or alert by its number, a dataset, or an event."""
    if route.startswith("DELETE"):
        return route.replace("{id}", dataset_of(of))
    return route.replace("{id}", str(number(of)) if "/queries/" in route else of)


def dataset_of(of: str) -> str:
    return HOME[:-1] + of[-1]


def set_up(server: Scripted, case: Case, world: str, refusal: bytes) -> None:
    """Give a server the routes of a world: what each answers about an object that exists, and one that does not."""
    server.requests.clear()
    for route, is_there, missing_object in zip(
        (case.newer, case.older), WORLDS[world], (None, case.empty), strict=True
    ):
        nothing = NOT_FOUND if missing_object is None else answer(missing_object)
        server.routes[path_of(route, UNKNOWN)] = nothing if is_there else refusal
        server.routes[path_of(route, KNOWN)] = answer(case.found) if is_there else refusal


async def outcome(server: Scripted, api: ThreatEventsClient, case: Case, of: str = KNOWN) -> tuple[str, list[str]]:
    """Return how a call ended, `works` or the name of its error, and the routes that it tried."""
    server.requests.clear()
    try:
        await case.call(api, dataset_of(of) if case.newer.startswith("DELETE") else of)
        ended = "works"
    except ApiError as error:
        ended = type(error).__name__
    tried = [f"{line.split()[0]} {line.split('cloudforce-one')[1].split('?')[0]}" for line in server.requests]
    names = {path_of(case.newer, of): "newer", path_of(case.older, of): "older"}
    return ended, [names.get(path, path) for path in tried if path != "GET /events/dataset"]


def refusals_of(name: str) -> dict[str, bytes]:
    return REFUSALS | ({FORBIDDEN: failed("403 Forbidden", "no")} if name == "query_graphql" else {})


def expected(case: Case, world: str, refusal: str) -> str:
    """Return how a call about an object that exists ends in a world."""
    has_newer, has_older = WORLDS[world]
    if has_newer or (has_older and (case.is_read or refusal != PLAIN)):
        return "works"
    if refusal == FORBIDDEN:
        return "Forbidden"
    return "NotFound" if refusal == PLAIN else "MissingRoute"


@pytest.mark.parametrize("name", CASES)
async def test_an_operation_works_by_the_routes_that_an_account_has(
    name: str, record_property: Callable[[str, object], None]
) -> None:
    case, cells = CASES[name], 0
    async with upstream(answer([{"uuid": HOME, "name": "Ours"}])) as server:
        for world, (refusal, reply) in product(WORLDS, refusals_of(name).items()):
            set_up(server, case, world, reply)
            async with server.client() as api:
                await api.list_datasets()
                first, second = await outcome(server, api, case), await outcome(server, api, case)
            where = (name, world, refusal)
            assert (first[0], second[0]) == (expected(case, world, refusal),) * 2, where
            learns = world == "older" and refusal != PLAIN
            if world in ("newer", "both"):
                assert (first[1], second[1]) == (["newer"], ["newer"]), where
            elif learns:
                assert (first[1], second[1]) == (["newer", "older"], ["older"]), where
            elif refusal == PLAIN and not case.is_read:
                assert first[1] == second[1] == ["newer"], where
            cells += 1
    record_property(f"routes of {name}", f"{cells} accounts")


@pytest.mark.parametrize("name", CASES)
async def test_a_route_that_ends_is_replaced_in_the_same_call(
    name: str, record_property: Callable[[str, object], None]
) -> None:
    case, cells = CASES[name], 0
    changes = [("older", "newer"), ("newer", "older"), ("both", "older")]
    async with upstream(answer([{"uuid": HOME, "name": "Ours"}])) as server:
        for (before, after), (first, began), (later, ended) in product(
            changes, [(one, REFUSALS[one]) for one in ("400 with 7003", PLAIN)], refusals_of(name).items()
        ):
            where = (name, before, after, first, later)
            set_up(server, case, before, began)
            async with server.client() as api:
                if (await outcome(server, api, case))[0] != "works":
                    continue
                set_up(server, case, after, ended)
                is_ended_plainly = later == PLAIN and not case.is_read
                healed = await outcome(server, api, case)
                remembered = "older" if before == "older" and first != PLAIN else "newer"
                if is_ended_plainly and remembered != after:
                    assert healed == ("NotFound", [remembered]), where
                    continue
                assert healed[0] == "works", where
                if PLAIN not in (first, later):
                    assert await outcome(server, api, case) == ("works", [after]), where
            cells += 1
    record_property(f"routes of {name} that end", f"{cells} accounts")


@pytest.mark.parametrize("name", [name for name, case in CASES.items() if case.is_of_one])
async def test_an_unknown_object_is_not_found_and_teaches_nothing(
    name: str, record_property: Callable[[str, object], None]
) -> None:
    case, cells = CASES[name], 0
    async with upstream(answer([{"uuid": HOME, "name": "Ours"}])) as server:
        for world, (refusal, reply) in product(("older", "newer", "both"), refusals_of(name).items()):
            where = (name, world, refusal)
            set_up(server, case, world, reply)
            async with server.client() as api:
                ended, tried = await outcome(server, api, case, UNKNOWN)
                is_list = case.empty is not None and world == "older" and refusal != PLAIN
                assert ended == ("works" if is_list else "NotFound"), where
                if not case.is_read and world != "older":
                    assert tried == ["newer"], where
                if world == "both":
                    assert await outcome(server, api, case) == ("works", ["newer"]), where
                elif expected(case, world, refusal) == "works":
                    assert (await outcome(server, api, case))[0] == "works", where
            cells += 1
    record_property(f"unknown objects of {name}", f"{cells} accounts")


@pytest.mark.parametrize("older", ["400 Bad Request", "500 Oops", "404 Not Found"])
async def test_raw_evidence_that_the_newer_route_does_not_find_is_not_there(older: str) -> None:
    case = CASES["read_dataset_raw"]
    async with upstream(answer([{"uuid": HOME, "name": "Ours"}])) as server, server.client() as api:
        server.routes[path_of(case.newer, KNOWN)] = NOT_FOUND
        server.routes[path_of(case.older, KNOWN)] = failed(older, "no raw evidence")
        assert await outcome(server, api, case) == ("NotFound", ["newer", "older"])


async def test_a_500_for_raw_evidence_is_not_asked_for_again() -> None:
    case = CASES["read_dataset_raw"]
    async with upstream(failed("500 Oops", "no raw evidence")) as server, server.client() as api:
        assert await outcome(server, api, case) == ("Unavailable", ["newer"])
