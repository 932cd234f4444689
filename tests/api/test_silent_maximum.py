"""Lists of an API that makes pages smaller than it is asked for, without a word on it or with misleading details."""

from collections.abc import Callable
from pathlib import Path

import pytest
from pydantic import JsonValue

from cf1_mcp.models import Tlp
from cf1_mcp.settings import Settings
from tests.conversations import ask
from tests.fronts import Answer, Ask, Asked, Body, behind, fail
from tests.tenant import Tenant

pytestmark = pytest.mark.anyio

RED = Settings(max_tlp=Tlp.RED)
Info = Callable[[int, int, int], JsonValue]
"""The paging details of a page: of its number, its rows, and the size that was asked for."""

INFOS: dict[str, Info] = {
    "none": lambda page, rows, size: None,
    "the size that was asked for": lambda page, rows, size: {"page": page, "per_page": size, "count": rows},
    "a cursor of null": lambda page, rows, size: {"cursor": None},
    "an empty cursor": lambda page, rows, size: {"cursor": "", "page": page, "perPage": size},
    "a total of 0": lambda page, rows, size: {"total_count": 0, "page": page},
    "its rows as total": lambda page, rows, size: {"totalCount": rows, "page": page, "perPage": size},
    "no pages": lambda page, rows, size: {"total_pages": 0, "page": page},
    "one page": lambda page, rows, size: {"totalPages": "1", "page": page},
    "no more": lambda page, rows, size: {"has_more": False},
}


def capped(most: int, info: Info, *, counts_by_asked: bool = False) -> tuple[Ask, Answer]:
    """An API with pages of at most so many rows. It counts pages by its own size, or by the one it was asked for."""

    def ask_less(asked: Asked) -> Body:
        if asked.path != "/events":
            return asked.params
        size, page = int(asked.params.get("pageSize", 100)), int(asked.params.get("page", 1))
        if not counts_by_asked:
            return {**asked.params, "pageSize": min(size, most)}
        # Whole pages of its own up to the place where the page begins.
        start = (page - 1) * size
        return {**asked.params, "pageSize": min(size, most), "page": start // min(size, most) + 1}

    def answer(asked: Asked, body: Body) -> Body:
        if asked.path != "/events":
            return body
        details = info(int(asked.params.get("page", 1)), len(body["result"]), int(asked.params.get("pageSize", 100)))
        kept = {name: one for name, one in body.items() if name != "result_info"}
        return {**kept, "result_info": details} if details is not None else kept

    return ask_less, answer


async def build(folder: Path, events: int) -> Tenant:
    tenant = Tenant(folder)
    for number in range(events):
        await tenant.add(
            f"Lure {number}",
            attacker="TA505",
            indicator=f"mx{number}.example.com",
            indicatorType="domain",
            date=f"2026-09-{number % 28 + 1:02}T00:00:{number % 60:02}Z",
        )
    return tenant


@pytest.mark.parametrize("info", INFOS.values(), ids=INFOS)
async def test_a_list_is_read_to_its_end(tmp_path: Path, info: Info) -> None:
    tenant = await build(tmp_path, 70)
    for most, by_asked in ((17, False), (20, True), (32, False), (64, True), (69, False)):
        ask_less, answer = capped(most, info, counts_by_asked=by_asked)
        async with behind(tenant, RED, ask=ask_less, answer=answer) as (client, _):
            data = await ask(client, "export_threat_events", format="blocklist", kind="domain", attacker=["TA505"])
        assert (most, data["events"], "may be more" in str(data["notes"])) == (most, 70, False)


async def test_a_look_up_knows_the_events_beyond_the_first_page(tmp_path: Path) -> None:
    tenant = await build(tmp_path, 45)
    ask_less, answer = capped(40, INFOS["a cursor of null"])

    def without_indicators(asked: Asked) -> Body | object:
        return fail(404) if asked.path == "/events/indicators" else ask_less(asked)

    async with behind(tenant, RED, ask=without_indicators, answer=answer) as (client, _):  # pyright: ignore[reportArgumentType]
        values: list[JsonValue] = [f"mx{number}.example.com" for number in range(45)]
        data = await ask(client, "lookup_indicators", indicators=values)
    assert data["counts"] == {"known": 45, "unknown": 0}


async def test_a_server_that_ignores_pages_is_said_to_repeat_itself(tmp_path: Path) -> None:
    tenant = await build(tmp_path, 70)
    ask_less, answer = capped(50, INFOS["none"])

    def ask_first(asked: Asked) -> Body:
        return {name: one for name, one in ask_less(asked).items() if name != "page"}  # pyright: ignore

    async with behind(tenant, RED, ask=ask_first, answer=answer) as (client, _):
        data = await ask(client, "export_threat_events", format="blocklist", kind="domain", attacker=["TA505"])
    assert data["events"] == 50
    assert "there may be more than were read" in str(data["notes"])


@pytest.mark.parametrize("status", [400, 404])
async def test_a_refused_page_beyond_the_end_ends_the_list(tmp_path: Path, status: int) -> None:
    tenant = await build(tmp_path, 50)
    async with behind(tenant, RED, ask=lambda asked: fail(status) if "page" in asked.params else asked.params) as (
        client,
        _,
    ):
        data = await ask(client, "export_threat_events", format="blocklist", kind="domain", attacker=["TA505"])
    assert (data["events"], "may be more" in str(data["notes"])) == (50, False)


async def test_a_server_that_makes_larger_pages_is_not_asked_beyond_the_end(tmp_path: Path) -> None:
    tenant = await build(tmp_path, 60)
    for number in range(20):
        await tenant.add(f"Other {number}", attacker="FIN7", indicator=f"f{number}.example.com", indicatorType="domain")
    async with behind(tenant, RED) as (client, front):
        counts: list[int] = []
        for attacker in ("TA505", "FIN7", "FIN7"):
            front.asked.clear()
            await ask(client, "export_threat_events", format="blocklist", kind="domain", attacker=[attacker])
            counts.append(front.paths().count("GET /events"))
    assert counts == [2, 1, 1]


@pytest.mark.parametrize(("events", "requests"), [(9, [1, 1]), (43, [2, 1]), (50, [2, 2])])
async def test_an_end_is_believed_once_it_was_seen_unless_it_is_at_a_round_number(
    tmp_path: Path, events: int, requests: list[int]
) -> None:
    tenant = await build(tmp_path, events)
    counts: list[int] = []
    async with behind(tenant, RED) as (client, front):
        for _ in requests:
            front.asked.clear()
            await ask(client, "export_threat_events", format="blocklist", kind="domain", attacker=["TA505"])
            counts.append(front.paths().count("GET /events"))
    assert counts == requests
