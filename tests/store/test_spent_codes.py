"""A confirmation code is used once in the round of its state, however it is typed and by however many processes."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from multiprocessing import get_context
from pathlib import Path

import anyio
import pytest

from cf1_mcp.store.spent_codes import RETENTION, SCHEMA, SpentCodes
from cf1_mcp.store.sqlite import SqliteFile

pytestmark = pytest.mark.anyio

STATE, CODE = "5" * 64, "K7QF-2M0D-X1T4"


class Clock:
    """A clock that only assignments move."""

    def __init__(self) -> None:
        self.now = datetime(2026, 11, 24, 12, 0, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.now


def open_codes(path: Path, clock: Callable[[], datetime]) -> SpentCodes:
    return SpentCodes(SqliteFile(path, SCHEMA), clock)


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def codes(tmp_path: Path, clock: Clock) -> SpentCodes:
    return open_codes(tmp_path / "spent_codes.db", clock)


async def test_a_code_is_spent_once_however_it_is_typed(codes: SpentCodes) -> None:
    assert [await codes.spend(STATE, 0, code) for code in (CODE, "k7qf 2mod xit4")] == [True, False]
    assert [await codes.is_spent(code) for code in (CODE, "k7qf2modxit4", "K7QF-2M0D-X1T5")] == [True, True, False]


async def test_two_codes_of_one_state_are_not_both_spent_in_its_round(codes: SpentCodes) -> None:
    assert [await codes.spend(STATE, 0, code) for code in (CODE, "0000-1111-2222")] == [True, False]
    assert await codes.spend("6" * 64, 0, "0000-1111-2222")


async def test_the_next_code_of_a_state_belongs_to_the_next_round(codes: SpentCodes) -> None:
    rounds = [await codes.next_round(STATE)]
    for code in (CODE, "0000-1111-2222"):
        assert await codes.spend(STATE, rounds[-1], code)
        rounds.append(await codes.next_round(STATE))
    assert rounds == [0, 1, 2]
    assert not await codes.spend(STATE, 1, "3333-4444-5555") and not await codes.spend(STATE, 5, "3333-4444-5555")


async def test_a_code_that_is_given_back_can_be_spent_again(codes: SpentCodes) -> None:
    await codes.spend(STATE, 0, CODE)
    await codes.give_back(STATE, 0)
    assert (await codes.is_spent(CODE), await codes.spend(STATE, 0, CODE)) == (False, True)


async def test_text_with_half_a_character_can_be_spent(codes: SpentCodes) -> None:
    assert [await codes.spend(STATE, 0, "\ud800"), await codes.is_spent("\ud800")] == [True, True]


async def test_reading_creates_no_file(codes: SpentCodes, tmp_path: Path) -> None:
    assert (await codes.next_round(STATE), await codes.is_spent(CODE), [*tmp_path.iterdir()]) == (0, False, [])


async def test_codes_are_forgotten_when_they_expired_long_ago(codes: SpentCodes, clock: Clock) -> None:
    await codes.spend(STATE, 0, CODE)
    clock.now += RETENTION - timedelta(seconds=1)
    await codes.spend("6" * 64, 0, "0000-1111-2222")
    assert await codes.is_spent(CODE)
    clock.now += timedelta(seconds=2)
    await codes.spend("7" * 64, 0, "3333-4444-5555")
    assert (await codes.is_spent(CODE), await codes.is_spent("0000-1111-2222")) == (False, True)


async def test_one_of_20_simultaneous_calls_spends_a_code(codes: SpentCodes) -> None:
    spent: list[bool] = []

    async def spend() -> None:
        spent.append(await codes.spend(STATE, 0, CODE))

    async with anyio.create_task_group() as group:
        for _ in range(20):
            group.start_soon(spend)
    assert sorted(spent) == [False] * 19 + [True]


def _spend_in_a_process(path: Path) -> bool:
    return anyio.run(open_codes(path, lambda: datetime.now(UTC)).spend, STATE, 0, CODE)


def test_one_of_4_processes_spends_a_code(tmp_path: Path) -> None:
    with get_context("spawn").Pool(4) as pool:
        spent = pool.map(_spend_in_a_process, [tmp_path / "state" / "spent_codes.db"] * 4, chunksize=1)
    assert sorted(spent) == [False, False, False, True]
