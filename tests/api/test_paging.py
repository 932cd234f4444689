"""Lists are read to their end: by cursor if the API returns one, else by page number."""

from collections.abc import Awaitable, Callable, Sequence
from typing import TypeVar

import pytest

from cf1_mcp.models import Condition, EventSearch
from tests.upstreams import Scripted, answer, upstream

pytestmark = pytest.mark.anyio

T = TypeVar("T")
DATASET = "d0000000-0000-4000-8000-000000000001"
SEARCH = EventSearch(dataset_id=[DATASET], search=[Condition(field="event", op="contains", value="mail")], page_size=2)


def events(*ids: str) -> list[dict[str, str]]:
    return [{"uuid": one, "date": "2026-11-01T00:00:00Z"} for one in ids]


def page_with_cursor(ids: Sequence[str], cursor: str | None) -> bytes:
    return answer({"success": True, "result": events(*ids), "result_info": {"cursor": cursor}})


async def read_ids(server: Scripted) -> list[list[str]]:
    async with server.client() as client:
        return [[event.uuid for event in page.result] async for page in client.event_pages(SEARCH)]


async def test_pages_follow_the_cursor_without_the_filters() -> None:
    async with upstream(page_with_cursor(["1", "2"], "next"), page_with_cursor(["3"], None)) as server:
        assert await read_ids(server) == [["1", "2"], ["3"]]
    first, second = (request.split("?")[1] for request in server.requests)
    assert "search=" in first and "datasetId=" in first
    assert second == "pageSize=2&cursor=next"


async def test_a_short_page_with_a_cursor_is_not_the_last() -> None:
    async with upstream(page_with_cursor(["1"], "next"), page_with_cursor(["2"], None)) as server:
        assert await read_ids(server) == [["1"], ["2"]]


async def test_a_full_page_with_an_empty_cursor_is_the_last() -> None:
    async with upstream(page_with_cursor(["1", "2"], None)) as server:
        assert await read_ids(server) == [["1", "2"]]


async def test_a_repeated_cursor_ends_the_list() -> None:
    async with upstream(page_with_cursor(["1"], "same")) as server:
        assert await read_ids(server) == [["1"]]


async def test_bare_lists_continue_by_number_until_a_page_is_not_full() -> None:
    async with upstream(answer(events("1", "2")), answer(events("3", "4")), answer(events("5"))) as server:
        assert await read_ids(server) == [["1", "2"], ["3", "4"], ["5"]]
    assert [request.split("?")[1].count("page=") for request in server.requests] == [0, 1, 1]


async def test_children_are_read_until_a_page_is_not_full() -> None:
    async with upstream(answer(events("1", "2")), answer(events("3"))) as server, server.client() as client:
        pages = client.children_pages("parent", DATASET, "caused_by", page_size=2)
        assert [[event.uuid for event in page] async for page in pages] == [["1", "2"], ["3"]]


async def test_each_page_is_requested_with_the_retries_of_the_caller() -> None:
    attempts = 0

    async def attempt(call: Callable[[], Awaitable[T]], /) -> T:
        nonlocal attempts
        attempts += 1
        return await call()

    async with (
        upstream(page_with_cursor(["1"], "next"), page_with_cursor(["2"], None)) as server,
        server.client() as client,
    ):
        assert len([page async for page in client.event_pages(SEARCH, attempt)]) == 2
    assert attempts == 2


def page_with_info(ids: Sequence[str], **info: object) -> bytes:
    return answer({"success": True, "result": events(*ids), "result_info": info})


async def test_an_empty_cursor_beside_a_page_number_does_not_end_the_list() -> None:
    pages = [page_with_info(ids, cursor=None, page=1) for ids in (["1", "2"], ["3", "4"], ["5"])]
    async with upstream(*pages) as server:
        assert await read_ids(server) == [["1", "2"], ["3", "4"], ["5"]]


async def test_a_list_goes_on_while_its_total_is_not_reached_although_pages_are_smaller() -> None:
    pages = [page_with_info([str(one)], cursor=None, per_page="1", total_count="3") for one in range(3)]
    async with upstream(*pages) as server:
        assert await read_ids(server) == [["0"], ["1"], ["2"]]


async def test_a_list_that_says_it_has_more_goes_on_until_it_repeats_a_page() -> None:
    async with upstream(page_with_info(["1"], has_more=True), page_with_info(["2"], hasMore="true")) as server:
        assert await read_ids(server) == [["1"], ["2"]]


async def test_a_server_that_ignores_the_page_is_read_once() -> None:
    async with upstream(answer(events("1", "2"))) as server:
        assert await read_ids(server) == [["1", "2"]]
