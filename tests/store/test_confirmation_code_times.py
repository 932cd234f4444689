"""Times that a confirmation code carries."""

import re
from datetime import UTC, datetime

import pytest

from cf1_mcp.store.confirmation_codes import append_time, split_time


@pytest.mark.parametrize(
    "moment",
    [
        datetime(1970, 1, 1, tzinfo=UTC),
        datetime(2026, 11, 24, 11, 0, 7, 999_000, UTC),
        datetime(9999, 12, 31, tzinfo=UTC),
    ],
)
def test_a_code_carries_a_time_in_whole_seconds(moment: datetime) -> None:
    carrying = append_time("K7QF-2M9D-XW4T", moment)
    assert re.fullmatch("[0-9A-Z]{4}(-[0-9A-Z]{4}){4}", carrying)
    for typed in (carrying, carrying.lower(), f" {carrying.replace('-', ' ')} ", carrying.replace("0", "O")):
        assert split_time(typed) == ("K7QF-2M9D-XW4T", moment.replace(microsecond=0))


@pytest.mark.parametrize(
    "text",
    [
        "",
        "K7QF-2M9D-XW4T",
        "K7QF-2M9D-XW4T-0000",
        "K7QF-2M9D-XW4T-ZZZZ-ZZZZ",
        "K7QF-2M9D-XW4T-UUUU-0000",
        "\ud800" * 20,
        "0" * 5_000,
    ],
)
def test_other_texts_carry_no_time(text: str) -> None:
    assert split_time(text) == (text, None)
