"""Dates in the forms of files."""

import pytest

from cf1_mcp.errors import BadArgument
from cf1_mcp.imports.date_forms import DateForm


@pytest.mark.parametrize(
    ("text", "date"),
    [
        ("2021/04/15", "2021-04-15"),
        ("2021/4/5 7:30", "2021-04-05T07:30Z"),
        ("2021.04.15", "2021-04-15"),
        ("15.04.2021", "2021-04-15"),
        ("5.4.2021 08:00:01", "2021-04-05T08:00:01Z"),
        ("2021-04-15 10:11:12 UTC", "2021-04-15 10:11:12Z"),
        ("15 Apr 2021", "2021-04-15"),
        ("April 15, 2021", "2021-04-15"),
        ("15-Apr-2021", "2021-04-15"),
        ("2021-04-15T00:00:00Z", "2021-04-15T00:00:00Z"),
        ("31.02.2021", "31.02.2021"),
        ("nonsense", "nonsense"),
    ],
)
def test_a_form_that_has_one_meaning_is_read(text: str, date: str) -> None:
    assert DateForm().read(text) == date


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (
            "04/05/2021",
            "date: '04/05/2021' may mean two days. Use --date-format DD/MM/YYYY or --date-format MM/DD/YYYY, which then "
            "holds for every date.",
        ),
        (
            "15-04-21",
            "date: '15-04-21' may mean two days. Use --date-format DD-MM-YYYY or --date-format MM-DD-YYYY, which then "
            "holds for every date.",
        ),
        (
            "1618444800",
            "date: '1618444800' is a number. Use --date-format unix, which then holds for every date.",
        ),
        (
            "1618444800123",
            "date: '1618444800123' is a number. Use --date-format unix-ms, which then holds for every date.",
        ),
    ],
)
def test_a_form_with_two_meanings_is_refused_with_the_option_that_helps(text: str, words: str) -> None:
    with pytest.raises(BadArgument) as refused:
        DateForm().read(text)
    assert str(refused.value) == words


@pytest.mark.parametrize(
    ("pattern", "text", "date"),
    [
        ("DD/MM/YYYY", "04/05/2021", "2021-05-04T00:00:00Z"),
        ("MM/DD/YYYY", "04/05/2021", "2021-04-05T00:00:00Z"),
        ("MM/DD/YYYY hh:mm", "04/05/2021 07:08", "2021-04-05T07:08:00Z"),
        ("%d-%b-%y", "05-Apr-21", "2021-04-05T00:00:00Z"),
        ("unix", "1618444800", "2021-04-15T00:00:00Z"),
        ("unix-ms", "1618444800000", "2021-04-15T00:00:00Z"),
    ],
)
def test_a_stated_form_is_read(pattern: str, text: str, date: str) -> None:
    assert DateForm(pattern).read(text) == date


@pytest.mark.parametrize(("pattern", "text"), [("DD/MM/YYYY", "2021-04-05"), ("unix", "yesterday"), ("unix", "9" * 30)])
def test_a_date_of_another_form_than_stated_is_refused(pattern: str, text: str) -> None:
    with pytest.raises(BadArgument, match=r"does not have the form .*, which holds for every date"):
        DateForm(pattern).read(text)


@pytest.mark.parametrize("pattern", ["european", "DD/MM", "%H", "%"])
def test_a_pattern_without_day_month_and_year_is_refused(pattern: str) -> None:
    with pytest.raises(BadArgument, match="is not a form of a date"):
        DateForm(pattern)
