"""Searches in the URL and in the body: each is the second way of the other."""

import pytest
from inline_snapshot import snapshot

from cf1_mcp.api.routes import MAX_LONG_QUERY_LENGTH
from cf1_mcp.errors import ApiError, MissingRoute
from cf1_mcp.models import Condition, EventSearch, SearchValue
from tests.upstreams import Scripted, answer, failed, upstream

pytestmark = pytest.mark.anyio

HOME = "d0000000-0000-4000-8000-000000000001"
EVENT = "e0000000-0000-4000-8000-000000000001"
FOUND = answer([{"uuid": EVENT, "datasetId": HOME, "date": "2026-11-20T00:00:00Z"}])
NO_ROUTE = answer({"success": False, "errors": [{"code": 7003, "message": "x"}], "result": None}, "400 Bad Request")


def search_for(values: list[str]) -> EventSearch:
    among = Condition(field="indicator", op="in", value=list[SearchValue](values))
    return EventSearch(dataset_id=[HOME], search=[among], page_size=20)


SHORT = search_for(["a.example"])
# Hashes of 64 digits need 7.4 kB, and 60 Chinese hosts 5.4 kB, although these have 1,200 characters.
HASHES = search_for([f"{number:064x}" for number in range(100)])
CHINESE = search_for(["\u4f60\u597d\u4e16\u754c" * 2 + f"{number}.example" for number in range(60)])
TOO_LONG = search_for([f"https://{'x' * 150}.example/{number}" for number in range(100)])
BRANCHES = EventSearch(search_branches=[[Condition(field="tlp", op="equals", value="red")]])


async def methods(server: Scripted, *searches: EventSearch) -> list[list[str]]:
    """Return the methods that one client used for each search. All of them find an event."""
    used: list[list[str]] = []
    async with server.client() as api:
        for search in searches:
            server.requests.clear()
            assert len((await api.list_events(search)).result) == 1
            used.append([line.split()[0] for line in server.requests])
    return used


async def test_a_search_is_sent_in_the_url_until_it_is_too_long_for_proxies() -> None:
    async with upstream(FOUND) as server:
        used = await methods(server, SHORT, HASHES, CHINESE, TOO_LONG, BRANCHES)
    assert used == [["GET"], ["POST"], ["POST"], ["POST"], ["POST"]]


async def test_long_searches_fit_into_a_url_where_there_is_no_other_way() -> None:
    async with upstream(FOUND) as server:
        server.routes["POST /events"] = NO_ROUTE
        used = await methods(server, HASHES, HASHES, CHINESE, SHORT)
        longest = max(map(len, server.requests))
    assert used == [["POST", "GET"], ["GET"], ["GET"], ["GET"]]
    assert longest < 16_000


@pytest.mark.parametrize("search", [TOO_LONG, BRANCHES], ids=["too long", "branches"])
async def test_a_search_that_needs_a_body_is_refused_where_none_is_read(search: EventSearch) -> None:
    async with upstream(FOUND) as server, server.client() as api:
        server.routes["POST /events"] = NO_ROUTE
        await api.list_events(SHORT)
        with pytest.raises(MissingRoute) as error:
            await api.list_events(search)
    assert len(server.requests) == 2
    assert error.value.sentence == snapshot(
        "This account's API has no POST /events (400), which a search needs that has groups of conditions or is longer than 15,000 characters. Search for each group on its own, or for fewer values."
    )
    assert f"{MAX_LONG_QUERY_LENGTH:,}" in error.value.sentence


@pytest.mark.parametrize(
    "message",
    [
        "search: expected array, received string",
        "Invalid JSON",
        "An error occurred.",
        "",
        "Invalid query parameter",
        "Validation failed",
        "Invalid input",
    ],
)
async def test_a_url_whose_search_is_refused_is_sent_as_a_body_from_then_on(message: str) -> None:
    async with upstream(FOUND) as server:
        server.routes["GET /events"] = failed("400 Bad Request", message)
        used = await methods(server, SHORT, SHORT)
    assert used == [["GET", "POST"], ["POST"]]


async def test_the_way_in_use_ends_and_the_other_is_found_again() -> None:
    async with upstream(FOUND) as server, server.client() as api:
        server.routes["GET /events"] = NO_ROUTE
        await api.list_events(SHORT)
        server.routes = {"POST /events": NO_ROUTE}
        await api.list_events(SHORT)
        await api.list_events(SHORT)
    assert [line.split()[0] for line in server.requests] == ["GET", "POST", "POST", "GET", "GET"]


async def test_a_refusal_of_something_else_is_not_asked_again() -> None:
    async with upstream(failed("400 Bad Request", "pageSize is too large")) as server, server.client() as api:
        with pytest.raises(ApiError):
            await api.list_events(SHORT)
    assert [line.split()[0] for line in server.requests] == ["GET"]


async def test_the_refusal_of_both_ways_is_that_of_the_first() -> None:
    async with upstream(failed("400 Bad Request", "search: field colour is unknown")) as server, server.client() as api:
        server.routes["POST /events"] = failed("403 Forbidden", "no")
        with pytest.raises(ApiError, match="field colour"):
            await api.list_events(SHORT)
    assert [line.split()[0] for line in server.requests] == ["GET", "POST"]


@pytest.mark.parametrize("by_dataset", [True, False], ids=["of a dataset", "of any"])
async def test_an_event_is_searched_for_where_the_route_that_reads_it_is_missing(by_dataset: bool) -> None:
    async with upstream(NO_ROUTE) as server, server.client() as api:
        server.routes["GET /events"] = FOUND
        await api.list_events(SHORT)
        server.requests.clear()
        event = await (api.read_event(HOME, EVENT.upper()) if by_dataset else api.read_event_anywhere(EVENT.upper()))
        assert (event.uuid, len(server.requests)) == (EVENT.upper(), 2)
        with pytest.raises(MissingRoute):
            await api.read_event(HOME, HOME)
