"""A code confirms one call, in one state, for a limited time."""

import ast
import json
import math
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st
from inline_snapshot import snapshot
from pydantic import JsonValue

from cf1_mcp.store import confirmation_codes as confirmation
from cf1_mcp.store.confirmation_codes import SYMBOLS, ConfirmationCodes, canonicalize, normalize_code

NOW = datetime(2026, 11, 24, 12, 0, tzinfo=UTC)
KEY = bytes(range(32))
TOOL = "delete_threat_events"
ARGUMENTS: dict[str, JsonValue] = {"dataset_id": "d-1", "event_ids": ["e-1", "e-2"]}
STATE: JsonValue = [{"uuid": "e-1", "event": "Phishing kit"}, {"uuid": "e-2", "event": "Loader"}]

# Few letters and numbers, so that different values are similar.
leaves = (
    st.none()
    | st.booleans()
    | st.integers(-2, 2)
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text('",:[]{}01\\é\u0301\ud83d\ude00', max_size=4)
    | st.text(st.characters(), max_size=4)
)
json_values: st.SearchStrategy[JsonValue] = st.recursive(
    leaves, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text("ab", max_size=2), inner, max_size=3)
)
json_objects: st.SearchStrategy[dict[str, JsonValue]] = st.dictionaries(st.text("ab1", max_size=2), json_values)


def at(moment: datetime) -> Callable[[], datetime]:
    return lambda: moment


def create_codes(moment: datetime = NOW, ttl: float = 600, key: bytes = KEY) -> ConfirmationCodes:
    return ConfirmationCodes(key, ttl, at(moment))


def are_equal(one: JsonValue, other: JsonValue) -> bool:
    """Whether two JSON values are equal: true is not 1, but 1.0 is."""
    if isinstance(one, dict) and isinstance(other, dict):
        return one.keys() == other.keys() and all(are_equal(one[key], other[key]) for key in one)
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(map(are_equal, one, other))
    return isinstance(one, bool) == isinstance(other, bool) and one == other


def reverse_keys(value: JsonValue) -> JsonValue:
    """Return the value with the keys of every object in reverse order."""
    if isinstance(value, dict):
        return {key: reverse_keys(value[key]) for key in reversed(value)}
    return [reverse_keys(each) for each in value] if isinstance(value, list) else value


def test_a_code_has_three_groups_of_four_symbols() -> None:
    assert create_codes().issue(TOOL, ARGUMENTS, STATE) == snapshot("ZNYT-YZXS-JSDQ")


@given(st.text(), json_objects, json_values)
def test_a_code_is_12_symbols_that_are_not_easily_confused(
    tool: str, arguments: dict[str, JsonValue], state: JsonValue
) -> None:
    code = create_codes().issue(tool, arguments, state)
    assert [len(group) for group in code.split("-")] == [4, 4, 4]
    assert set(code) <= {*SYMBOLS, "-"}
    assert not set(SYMBOLS) & set("ILOU")
    assert len(set(SYMBOLS)) == 32


def test_every_symbol_occurs_at_every_position() -> None:
    codes = [create_codes().issue(TOOL, {"event_ids": [number]}, STATE).replace("-", "") for number in range(1000)]
    assert [set(place) for place in zip(*codes, strict=True)] == [set(SYMBOLS)] * 12
    assert len(set(codes)) == 1000


@given(json_objects, json_values)
def test_a_code_is_accepted_for_equal_arguments_in_any_order_of_keys(
    arguments: dict[str, JsonValue], state: JsonValue
) -> None:
    code = create_codes().issue(TOOL, arguments, state)
    reordered = {key: reverse_keys(arguments[key]) for key in reversed(arguments)}
    assert create_codes().accepts(code, TOOL, reordered, reverse_keys(state))


@given(json_objects, json_values)
def test_a_code_is_accepted_for_arguments_that_went_over_the_wire(
    arguments: dict[str, JsonValue], state: JsonValue
) -> None:
    code = create_codes().issue(TOOL, arguments, state)
    arrived, found = (json.loads(json.dumps(value, ensure_ascii=False, indent=1)) for value in (arguments, state))
    assert create_codes().accepts(code, TOOL, arrived, found)


@given(json_objects, json_objects)
def test_no_code_is_accepted_for_other_arguments(issued_for: dict[str, JsonValue], given: dict[str, JsonValue]) -> None:
    code = create_codes().issue(TOOL, issued_for, STATE)
    assert create_codes().accepts(code, TOOL, given, STATE) == are_equal(issued_for, given)


@given(json_values, json_values)
def test_no_code_is_accepted_for_another_state(seen: JsonValue, found: JsonValue) -> None:
    code = create_codes().issue(TOOL, ARGUMENTS, seen)
    assert create_codes().accepts(code, TOOL, ARGUMENTS, found) == are_equal(seen, found)


@given(st.text(), st.text())
def test_no_code_is_accepted_for_another_tool(issued_for: str, called: str) -> None:
    code = create_codes().issue(issued_for, ARGUMENTS, STATE)
    assert create_codes().accepts(code, called, ARGUMENTS, STATE) == (issued_for == called)


@pytest.mark.parametrize(
    ("tool", "arguments", "state"),
    [
        ("move_threat_events", ARGUMENTS, STATE),
        (TOOL, {**ARGUMENTS, "dataset_id": "d-2"}, STATE),
        (TOOL, {**ARGUMENTS, "dataset_id": "D-1"}, STATE),
        (TOOL, {**ARGUMENTS, "event_ids": ["e-1", "e-2", "e-3"]}, STATE),
        (TOOL, {**ARGUMENTS, "event_ids": ["e-1"]}, STATE),
        (TOOL, {**ARGUMENTS, "event_ids": ["e-2", "e-1"]}, STATE),
        (TOOL, {**ARGUMENTS, "event_ids": ["e-1e-2"]}, STATE),
        (TOOL, {**ARGUMENTS, "event_ids": '["e-1","e-2"]'}, STATE),
        (TOOL, {**ARGUMENTS, "extra": None}, STATE),
        (TOOL, {"dataset_id": "d-1"}, STATE),
        (TOOL, ARGUMENTS, [{"uuid": "e-1", "event": "Phishing kit"}, {"uuid": "e-2", "event": "loader"}]),
        (TOOL, ARGUMENTS, [{"uuid": "e-1", "event": "Phishing kit"}]),
        (TOOL, ARGUMENTS, None),
        (TOOL, {}, [ARGUMENTS, STATE]),
    ],
)
def test_a_code_is_invalid_when_anything_differs(tool: str, arguments: dict[str, JsonValue], state: JsonValue) -> None:
    code = create_codes().issue(TOOL, ARGUMENTS, STATE)
    assert not create_codes().accepts(code, tool, arguments, state)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (1, True),
        (0, False),
        (1, "1"),
        (None, "null"),
        ({}, []),
        ({"a": None}, {}),
        ([[1], 2], [1, [2]]),
        (["a,b"], ["a", "b"]),
        ("\u00e9", "e\u0301"),
        ("\U0001f600", "\ud83d\ude00"),
        ("\\u0000", "\u0000"),
        (2**53, 2**53 + 1),
        (0.1, 0.1 + 2**-56),
        ({"a": {"b": 1}}, {"a": {}, "b": 1}),
    ],
)
def test_values_that_look_alike_have_different_forms(one: JsonValue, other: JsonValue) -> None:
    assert canonicalize(one) != canonicalize(other)


@given(json_values, json_values)
def test_two_values_share_a_form_only_when_they_are_equal(one: JsonValue, other: JsonValue) -> None:
    assert (canonicalize(one) == canonicalize(other)) == are_equal(one, other)


def test_whole_numbers_have_one_form() -> None:
    assert canonicalize([2, 2.0, -0.0, 1e3, 1.5, {"b": True, "a": "é"}]) == snapshot(
        b'[2,2,0,1000,1.5,{"a":"\xc3\xa9","b":true}]'
    )


@pytest.mark.parametrize("number", [math.nan, math.inf, -math.inf])
def test_numbers_that_json_does_not_have_are_refused(number: float) -> None:
    with pytest.raises(ValueError, match="is not a JSON number and cannot be confirmed"):
        create_codes().issue(TOOL, {"limit": [number]}, STATE)


def test_values_that_are_nested_too_deeply_are_refused() -> None:
    deep: JsonValue = []
    for _ in range(100_000):
        deep = [deep]
    with pytest.raises(ValueError, match="nested too deep"):
        create_codes().accepts("K7QF-2M9D-XW4T", TOOL, {"data": deep}, STATE)


moments = st.datetimes(datetime(2000, 1, 1), datetime(2100, 1, 1), timezones=st.just(UTC))


@given(moments, st.integers(1, 86_400), st.data())
def test_a_code_is_valid_for_at_least_half_its_time(moment: datetime, ttl: int, data: st.DataObject) -> None:
    code = create_codes(moment, ttl).issue(TOOL, ARGUMENTS, STATE)
    later = moment + timedelta(microseconds=data.draw(st.integers(0, ttl * 500_000)))
    assert create_codes(later, ttl).accepts(code, TOOL, ARGUMENTS, STATE)


@given(moments, st.integers(1, 86_400), st.integers(0, 10**12))
@example(NOW, 600, 0)
def test_a_code_is_invalid_after_its_time(moment: datetime, ttl: int, microseconds: int) -> None:
    code = create_codes(moment, ttl).issue(TOOL, ARGUMENTS, STATE)
    later = moment + timedelta(seconds=ttl, microseconds=microseconds)
    assert not create_codes(later, ttl).accepts(code, TOOL, ARGUMENTS, STATE)


def test_a_code_from_the_future_is_not_accepted() -> None:
    code = create_codes(NOW + timedelta(seconds=300)).issue(TOOL, ARGUMENTS, STATE)
    assert not create_codes(NOW).accepts(code, TOOL, ARGUMENTS, STATE)


@given(st.binary(min_size=32, max_size=64), st.binary(min_size=32, max_size=64))
@example(KEY, KEY)
def test_a_code_is_accepted_only_with_the_same_key(mine: bytes, theirs: bytes) -> None:
    assume(mine.rstrip(b"\0") != theirs.rstrip(b"\0") or mine == theirs)  # HMAC pads keys with zeros
    code = create_codes(key=mine).issue(TOOL, ARGUMENTS, STATE)
    assert create_codes(key=theirs).accepts(code, TOOL, ARGUMENTS, STATE) == (mine == theirs)


def test_a_restart_with_a_random_key_invalidates_every_code() -> None:
    before, after = (create_codes(key=ConfirmationCodes.random_key()) for _ in range(2))
    assert not after.accepts(before.issue(TOOL, ARGUMENTS, STATE), TOOL, ARGUMENTS, STATE)


@pytest.mark.parametrize(
    ("symbol", "written"),
    [("-", dash) for dash in ("", " ", "--", "\u2010", "\u2011", "\u2013", "\u2014", "\u2212", "\u00a0")]
    + [("0", zero) for zero in "Oo"]
    + [("1", one) for one in "ILil"],
)
def test_a_code_is_read_however_it_is_typed(symbol: str, written: str) -> None:
    for number in range(20):
        arguments: dict[str, JsonValue] = {"event_ids": [number]}
        code = create_codes().issue(TOOL, arguments, STATE)
        for typed in (code.replace(symbol, written), f"\n {code.lower().replace(symbol, written)}\t"):
            assert normalize_code(typed) == code
            assert create_codes().accepts(typed, TOOL, arguments, STATE)


@given(st.text(st.characters()) | st.text(SYMBOLS, min_size=12, max_size=12))
@example("")
@example("----")
@example("\ud800" * 12)
@example("Ⓚ" * 12)
@example("0" * 100_000)
def test_garbage_is_not_accepted_and_never_raises(code: str) -> None:
    issued = create_codes().issue(TOOL, ARGUMENTS, STATE)
    assert create_codes().accepts(code, TOOL, ARGUMENTS, STATE) == (normalize_code(code) == issued)


@given(st.integers(0, 11), st.sampled_from(SYMBOLS))
def test_every_symbol_of_a_code_must_be_right(place: int, symbol: str) -> None:
    code = create_codes().issue(TOOL, ARGUMENTS, STATE).replace("-", "")
    assume(code[place] != symbol)
    assert not create_codes().accepts(code[:place] + symbol + code[place + 1 :], TOOL, ARGUMENTS, STATE)
    assert not create_codes().accepts(code[:place], TOOL, ARGUMENTS, STATE)
    assert not create_codes().accepts(code + symbol, TOOL, ARGUMENTS, STATE)


def test_codes_are_compared_in_constant_time_against_every_window() -> None:
    tree = ast.parse(Path(confirmation.__file__).read_text(encoding="utf-8"))
    accepts = next(node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef) and node.name == "accepts")
    calls = [ast.unparse(node.func) for node in ast.walk(accepts) if isinstance(node, ast.Call)]
    early = (ast.Compare, ast.BoolOp, ast.If, ast.IfExp, ast.GeneratorExp, ast.For, ast.While, ast.Match)
    assert calls.count("hmac.compare_digest") == 1
    assert [ast.unparse(node) for node in ast.walk(accepts) if isinstance(node, early)] == []
    assert sum(isinstance(node, ast.Return) for node in ast.walk(accepts)) == 1
    # Nowhere else are two values compared for equality, but where the time that a code carries is read.
    others = [node for node in tree.body if not (isinstance(node, ast.FunctionDef) and node.name == "split_time")]
    compared = [node for one in others for node in ast.walk(one) if isinstance(node, ast.Eq | ast.NotEq | ast.In)]
    assert compared == []


@pytest.mark.parametrize("length", [0, 16, 31])
def test_a_short_key_is_refused(length: int) -> None:
    with pytest.raises(ValueError, match=rf"^The confirmation key has {length} bytes; it needs at least 32.$"):
        create_codes(key=b"k" * length)


@pytest.mark.parametrize("ttl", [0, -1, 0.5, 86_401, math.inf, math.nan])
def test_an_invalid_time_to_live_is_refused(ttl: float) -> None:
    with pytest.raises(ValueError, match=r"^A code cannot be valid for .* seconds; use 1 to 86400.$"):
        create_codes(ttl=ttl)


def test_the_key_is_never_shown() -> None:
    key = b"an operator's key of enough bytes"
    shown = f"{create_codes(key=key)!r} {create_codes(key=key)}"
    assert "operator" not in shown
    with pytest.raises(ValueError, match="bytes") as refused:
        create_codes(key=key[:20])
    assert "operator" not in str(refused.value)


def test_random_keys_are_long_enough_and_different() -> None:
    keys = {ConfirmationCodes.random_key() for _ in range(50)}
    assert len(keys) == 50
    assert {len(key) for key in keys} == {32}
