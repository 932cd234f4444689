"""A confirmation code is used once, however it is typed."""

from collections.abc import AsyncGenerator

import anyio
import pytest

from cf1_mcp.store.spent_codes import SCHEMA, SpentCodes
from cf1_mcp.store.sqlite import SqliteSession

pytestmark = pytest.mark.anyio


@pytest.fixture
async def codes() -> AsyncGenerator[SpentCodes]:
    database = SqliteSession(None, SCHEMA)
    yield SpentCodes(database)
    await database.aclose()


async def test_a_code_is_spent_once_however_it_is_typed(codes: SpentCodes) -> None:
    assert [await codes.spend(code) for code in ("K7QF-2M0D-X1T4", "k7qf 2mod xit4", "K7QF-2M0D-X1T5")] == [
        True,
        False,
        True,
    ]


async def test_a_code_that_is_given_back_can_be_spent_again(codes: SpentCodes) -> None:
    await codes.spend("K7QF-2M0D-X1T4")
    await codes.give_back("k7qf2m0dx1t4")
    assert await codes.spend("K7QF-2M0D-X1T4")


async def test_text_with_half_a_character_can_be_spent(codes: SpentCodes) -> None:
    assert [await codes.spend("\ud800"), await codes.spend("\ud800")] == [True, False]


async def test_one_of_20_simultaneous_calls_spends_a_code(codes: SpentCodes) -> None:
    spent: list[bool] = []

    async def spend() -> None:
        spent.append(await codes.spend("K7QF-2M0D-X1T4"))

    async with anyio.create_task_group() as group:
        for _ in range(20):
            group.start_soon(spend)
    assert sorted(spent) == [False] * 19 + [True]
