"""Filters and conditions read a value alike, as the type of its field."""

from collections.abc import Callable, Mapping, Sequence
from typing import Final

import pytest
from inline_snapshot import snapshot

from cf1_mcp.errors import BadArgument
from cf1_mcp.models import Condition, SearchField, SearchValue
from cf1_mcp.models.fields import SEARCHABLE, FieldType
from cf1_mcp.search.clauses import Clause
from cf1_mcp.search.conditions import build_conditions, ungrouped_conditions

# Values of each type as they are typed, and as the API takes them.
VALUES: Final[Mapping[FieldType, Mapping[str, SearchValue]]] = {
    "text": {"two words": "two words", "5": "5"},
    "name": {"OTTER": "OTTER", "true": "true"},
    "word": {"Phishing": "Phishing"},
    "country": {"DE": "DE"},
    "code": {"T1566.002": "T1566.002", "98": "98"},
    "indicator": {"bad.example": "bad.example"},
    "marking": {"red": "red"},
    "date": {"2026-11-24": "2026-11-24"},
    "id": {"0a1b": "0a1b"},
    "number": {"5": 5, " 6 ": 6, "2.5": 2.5, "-1": -1},
    "flag": {"true": True, "False": False, " TRUE ": True},
}
NOT_NUMBERS: Final = ("five", "", "true", "nan", "inf", "1e999")
NOT_FLAGS: Final = ("yes", "maybe", "", "1", "0")


def by_filter(name: SearchField, values: Sequence[str]) -> Condition:
    """Return the condition of a typed filter on a field, whether or not the search tool has that filter."""
    found = build_conditions({name: values}, None, (None, None), None, [], [])
    return found[SEARCHABLE[name].name][0]


def by_clause(name: SearchField, values: Sequence[str]) -> Condition:
    """Return the condition of a clause in the API's own terms."""
    [found] = ungrouped_conditions([Clause(field=name, op="in" if len(values) > 1 else "equals", value=[*values])])
    return found


BOTH_WAYS: Final = pytest.mark.parametrize("read", [by_filter, by_clause])
Reader = Callable[[SearchField, Sequence[str]], Condition]


@BOTH_WAYS
@pytest.mark.parametrize("name", SEARCHABLE)
def test_a_value_is_sent_as_the_type_of_its_field(name: SearchField, read: Reader) -> None:
    for typed, expected in VALUES[SEARCHABLE[name].type].items():
        value = read(name, [typed]).value
        # Of a list, only `in` is documented; markings are searched for in small letters and in capitals.
        found = value[0] if isinstance(value, list) else value
        assert (type(found), found) == (type(expected), expected)


@BOTH_WAYS
def test_each_of_several_values_is_sent_as_the_type_of_its_field(read: Reader) -> None:
    assert read("killChain", ["5", "6"]) == Condition(field="killChain", op="in", value=[5, 6])
    assert read("hasChildren", ["true", "false"]) == Condition(field="hasChildren", op="in", value=[True, False])
    assert read("mitreCapec", ["98", "163"]) == Condition(field="mitreCapec", op="in", value=["98", "163"])


@BOTH_WAYS
@pytest.mark.parametrize(
    ("name", "typed"),
    [
        *(("killChain", one) for one in NOT_NUMBERS),
        *(("hasChildren", one) for one in NOT_FLAGS),
    ],
)
def test_a_value_of_another_type_is_refused(name: SearchField, typed: str, read: Reader) -> None:
    with pytest.raises(BadArgument):
        read(name, [typed])


def test_a_refusal_names_the_argument_and_the_valid_values() -> None:
    wrong: list[tuple[SearchField, str]] = [("killChain", "five"), ("hasChildren", "yes")]
    refusals: list[str] = []
    for read in (by_filter, by_clause):
        for name, typed in wrong:
            with pytest.raises(BadArgument) as caught:
                read(name, [typed])
            refusals.append(str(caught.value))
    assert refusals == snapshot(
        [
            "kill_chain: it is a number, not 'five'. Use 1 to 7.",
            "has_children: it is a boolean, not 'yes'. Use true or false.",
            "conditions: killChain is a number, not 'five'. Use 1 to 7.",
            "conditions: hasChildren is a boolean, not 'yes'. Use true or false.",
        ]
    )
