"""Pages of a search among events whose dates cannot be read: every event is on one of them, once."""

import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final

import pytest
from mcp import Client
from pydantic import JsonValue

from cf1_mcp.answers.event_positions import EventPosition, skip_to
from cf1_mcp.models import Event
from tests.conversations import ask, column
from tests.odd_rows import OddTenant, Row
from tests.tenant import MINE, YOURS

pytestmark = pytest.mark.anyio

COUNT: Final = 44
Odd = Callable[[int], bool]


def dated(is_odd: Odd, date: JsonValue) -> Callable[[Row], JsonValue]:
    """Return a change of the dates of some events, by their numbers."""

    def change(row: Row) -> JsonValue:
        number = int(str(row["event"]).removeprefix("Event "))
        return {**row, "date": date} if is_odd(number) else row

    return change


def every(step: int) -> Odd:
    return lambda number: number % step == 0


CHANGES: Final[Mapping[str, Callable[[Row], JsonValue]]] = {
    "all without": dated(every(1), None),
    "some without": dated(every(3), None),
    "those of one dataset without": dated(lambda number: number >= COUNT // 2, None),
    "blank": dated(every(5), " "),
    "words": dated(every(7), "n/a"),
    "one number": dated(every(1), 1795000000),
    "some numbers": dated(every(2), 1795000000123),
    "no day": dated(every(4), "2026-13-45T00:00:00Z"),
    "another zone": dated(every(4), "2026-11-05T10:00:00+02:00"),
    "one day": dated(every(2), "2026-11-05"),
    "objects": dated(every(6), {"at": 5}),
}


async def build(folder: Path, extra: int) -> OddTenant:
    tenant = OddTenant(folder, extra)
    for number in range(COUNT):
        half = COUNT // 2
        hour = "T00:00:00Z" if number < half else "T12:00:00Z"
        home = MINE if number < half else "Extra 58" if extra else YOURS
        await tenant.add(f"Event {number}", dataset=home, attacker="A", date=f"2026-11-{1 + number % half:02}{hour}")
    return tenant


async def read_all(client: Client, **arguments: JsonValue) -> list[JsonValue]:
    titles: list[JsonValue] = []
    cursor: dict[str, JsonValue] = {}
    for _ in range(COUNT):
        data = await ask(client, "search_threat_events", fields=["event"], attacker=["A"], **arguments, **cursor)
        titles += column(data, "event")
        if "next_cursor" not in data:
            break
        cursor = {"cursor": data["next_cursor"]}
    return titles


@pytest.mark.parametrize("extra", [0, 60], ids=["one request", "groups of datasets"])
async def test_every_event_is_on_one_page(tmp_path: Path, extra: int) -> None:
    tenant = await build(tmp_path, extra)
    every_event = sorted(f"Event {number}" for number in range(COUNT))
    lost: dict[str, int] = {}
    for name, change in CHANGES.items():
        tenant.path, tenant.change = "/events", change
        async with tenant.server(tenant.allowed()) as client:
            for limit in (6, 17):
                if sorted(map(str, await read_all(client, limit=limit))) != every_event:
                    lost[name] = limit
    assert lost == {}


async def test_pages_with_readable_dates_are_asked_for_from_the_last_date_on(tmp_path: Path) -> None:
    tenant = await build(tmp_path, 0)
    async with tenant.server(tenant.allowed()) as client:
        assert len(await read_all(client, limit=17)) == COUNT
    bounds = [re.findall(r'"date","op":"lte","value":"([^"]*)"', str(one.query)) for one in tenant.searches()]
    # The first page may be as large as the API makes any, which is asked for once.
    assert [len(found) for found in bounds] == [0, 0, 1, 1]


@pytest.mark.parametrize("text", ["ab12c~~2026-11-05T00:00:00Z", "+7|", "+12s|ab12c~3~2026-11-05T00:00:00Z"])
def test_a_place_is_read_as_it_was_written(text: str) -> None:
    assert str(EventPosition.parse(text)) == text


def test_without_its_anchor_a_place_skips_nothing_that_may_follow() -> None:
    dates = ["2026-11-09", "2026-11-08", "", "2026-11-08", "2026-11-07"]
    events = [Event(uuid=str(number), date=date) for number, date in enumerate(dates)]
    place = EventPosition("2026-11-08", 1, "gone!")
    assert [event.uuid for event in skip_to(place, events, "desc")] == ["1", "2", "3", "4"]
