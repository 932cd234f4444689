"""Read the values of filters and conditions as the type of their field: an indicator or its type, a date, a number, or
true or false.
"""

from collections.abc import Sequence
from datetime import datetime
from math import isfinite
from typing import Final

from cf1_mcp.errors import BadArgument
from cf1_mcp.models import SearchField, SearchValue
from cf1_mcp.models.fields import COMPARING_OPERATORS, SEARCHABLE, EventField
from cf1_mcp.search.clauses import WHOLE_VALUE_OPERATORS, Clause
from cf1_mcp.search.words.spelling import MAX_VALUE_LENGTH, MAX_VALUES, AccountSpelling, ReadValue
from cf1_mcp.text.dates import ACCEPTED_DATES, from_second, is_plain_date, is_relative, parse_date
from cf1_mcp.text.defang import refang_indicator
from cf1_mcp.text.limits import MAX_NAME_LENGTH
from cf1_mcp.text.sanitize import clean

MAX_QUOTED_LENGTH = 40
# What a search that finds nothing says of the part of an indicator that may be known.
URL_HINT: Final = (
    "indicator: the URL itself was searched for. lookup_indicators tries it without its query too, its host and its "
    "registered domain."
)
HOST_HINT: Final = "indicator: the host itself was searched for. lookup_indicators tries its registered domain too."


class ReadIndicators(ReadValue):
    """How one text was read as indicators. The forms in which a server may have stored them need no mention."""

    def describe(self, argument: str) -> str:
        """Return a sentence part on how it was read; an empty text if it was read as typed."""
        if not self.change:
            return ""
        return f"{argument}: {clean(self.typed, MAX_NAME_LENGTH)} {self.change}"


def read_values(spelling: AccountSpelling, name: SearchField, values: Sequence[str]) -> list[ReadValue]:
    """Return how the values of a filter were read, in the account's spelling."""
    match name:
        case "indicator":
            return read_indicator_values(values)
        case "indicatorType":
            return [_read_type(spelling, value) for value in values]
        case _:
            return [spelling.read(name, value) for value in values]


def read_indicator_values(values: Sequence[str]) -> list[ReadValue]:
    """Return the indicators of each text, with as many of their stored forms as the API takes values."""
    from cf1_mcp.indicators import read_indicators

    read = {value: read_indicators(value) for value in values}
    for most in (5, 3, 2, 1, 0):
        found: list[ReadValue] = []
        for value, some in read.items():
            forms = [one.value for one in some]
            others = [form for one in some for form in one.spellings[:most] if len(form) <= MAX_VALUE_LENGTH]
            every = tuple(dict.fromkeys([*forms, *others])) or (value,)
            found.append(ReadIndicators(value.strip(), every, change=_describe_change(value, forms)))
        if sum(len(one.spellings) for one in found) <= MAX_VALUES:
            break
    return found


def _describe_change(typed: str, forms: Sequence[str]) -> str:
    if not forms or [*forms] == [typed.strip()]:
        return ""
    if [*forms] == [refang_indicator(typed)]:
        return "refanged"
    return "as " + " and ".join(clean(one, MAX_NAME_LENGTH) for one in forms)


def _read_type(spelling: AccountSpelling, value: str) -> ReadValue:
    """Return an indicator type by any of its names: an account that says `ip` has no `ipv4`."""
    from cf1_mcp.indicators import find_types

    typed, known = value.strip(), spelling.words.get("indicator_types", ())
    is_known = any(word.strip().casefold() == typed.casefold() for word in known)
    found = () if is_known or len(value) > MAX_VALUE_LENGTH else find_types(typed, known)
    return ReadValue(typed, tuple(found)) if found else spelling.read("indicatorType", value)


def hint_at_parts(values: Sequence[object]) -> list[str]:
    """Return what to ask instead for indicators that were not found: for URLs, and for names below a registered one."""
    from cf1_mcp.indicators import classify, registered_domain

    known = [one for value in values if (one := classify(str(value)))]
    if any(one.kind == "url" for one in known):
        return [URL_HINT]
    names = [one.value for one in known if one.kind == "domain"]
    return [HOST_HINT] if any(registered_domain(name) not in (None, name) for name in names) else []


def read_value(field: EventField, value: str, argument: str) -> SearchValue:
    """Return a value of a field as the API takes it. `argument` is the argument of the tool that the value comes from.

    Raises:
        BadArgument: the value is not of the field's type.
    """
    match field.type:
        case "number":
            return _read_number(field, value, argument)
        case "flag":
            return _read_flag(field, value, argument)
        case _:
            return value


def read_dates(clause: Clause, now: datetime) -> tuple[Clause, list[ReadValue]]:
    """Return a condition with its dates as the API takes them, and how each was read.

    A period is read as its first second, and after `lte` as its last. Parts of dates remain as they are.

    Raises:
        BadArgument: a value is not a date, or a whole period is to be equal to a time.
    """
    field = SEARCHABLE[clause.field]
    if field.type != "date" or clause.op not in COMPARING_OPERATORS:
        return clause, []
    reads = [ReadValue(value, (_read_date(field, clause, value, now),)) for value in clause.value]
    return clause.model_copy(update={"value": [date for read in reads for date in read.spellings]}), reads


def _read_date(field: EventField, clause: Clause, value: str, now: datetime) -> str:
    typed = value.strip()
    if "T" in typed and is_plain_date(typed):
        return typed
    first, last = parse_date(typed, now), parse_date(typed, now, end=True)
    if first is None or last is None:
        raise BadArgument("conditions", f"{clean(value, MAX_QUOTED_LENGTH)!r} is not a date", ACCEPTED_DATES)
    if clause.op in WHOLE_VALUE_OPERATORS and (first != last or is_relative(typed)):
        problem = f"{clean(value, MAX_QUOTED_LENGTH)!r} is not one second, with which {field.wire} {clause.op} compares"
        both = f"lt {first} and gt {last} in two groups" if clause.op == "not" else f"gte {first} and lte {last}"
        raise BadArgument("conditions", problem, f"a time such as {first}" + (f", or {both}" if first != last else ""))
    return from_second(first) if clause.op in ("gt", "gte", "lt") else last


def _read_number(field: EventField, value: str, argument: str) -> int | float:
    try:
        number = float(value)
    except ValueError:
        number = None
    # JSON has no infinity, and nan equals nothing.
    if number is None or not isfinite(number):
        raise BadArgument(argument, _describe(field, value, argument, "a number"), field.numbers)
    return int(number) if number.is_integer() else number


def _read_flag(field: EventField, value: str, argument: str) -> bool:
    match value.strip().lower():
        case "true":
            return True
        case "false":
            return False
        case _:
            raise BadArgument(argument, _describe(field, value, argument, "a boolean"), "true or false")


def _describe(field: EventField, value: str, argument: str, type_: str) -> str:
    """Return what is wrong with a value; the field is named unless the argument is its filter."""
    name = "it" if argument == field.name else field.wire
    return f"{name} is {type_}, not {clean(value, MAX_QUOTED_LENGTH)!r}"
