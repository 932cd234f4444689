"""From friendly filters to the API's conditions."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Final

from cf1_mcp.errors import BadArgument
from cf1_mcp.models import Condition, SearchField, SearchValue, Tlp
from cf1_mcp.models.fields import SEARCHABLE
from cf1_mcp.search.clauses import Clause
from cf1_mcp.text.dates import ACCEPTED_DATES, parse_date
from cf1_mcp.text.sanitize import clean

# Limits of the API for one search.
MAX_CONDITIONS: Final = 10
MAX_BRANCHES: Final = 8
MAX_VALUES: Final = 100
MAX_VALUE_LENGTH: Final = 512


def conditions(
    filters: Mapping[SearchField, Sequence[str]],
    text: str | None,
    dates: tuple[str | None, str | None],
    stored: str | None,
    more: Sequence[Condition],
    saved: Sequence[Condition],
) -> dict[str, list[Condition]]:
    """Everything that must hold, as the API is asked, by the argument that asks for it.

    Raises:
        BadArgument: a value is too long, or there are more than ten conditions.
    """
    start, end = dates
    found = {SEARCHABLE[name].name: [_any_of(name, values)] for name, values in filters.items() if values}
    if text and text.strip():
        found["text"] = [Condition(field="event", op="contains", value=text.strip())]
    found["since"] = [Condition(field="date", op="gte", value=start)] if start else []
    found["until"] = [Condition(field="date", op="lte", value=end)] if end else []
    found["created_since"] = [Condition(field="createdAt", op="gte", value=stored)] if stored else []
    found |= {"conditions": [*more], "query_id": [*saved]}
    count = sum(len(part) for part in found.values())
    if count > MAX_CONDITIONS:
        raise BadArgument(
            "conditions",
            f"there are {count} conditions and the API takes {MAX_CONDITIONS}",
            f"at most {MAX_CONDITIONS} filters and conditions together",
        )
    return {name: part for name, part in found.items() if part}


def branches(saved: Sequence[Sequence[Condition]], clauses: Sequence[Clause] | None) -> list[list[Condition]]:
    """The alternatives of which one must hold: those of the saved query, or the raw conditions by their group.

    Raises:
        BadArgument: both are given, a group looks at indicators, or there are more than the API takes.
    """
    groups: dict[int, list[Condition]] = {}
    for clause in clauses or ():
        if clause.group is not None:
            # The API refuses it there, in words of its own that no argument of the tool is named by.
            if clause.field == "indicator":
                raise BadArgument(
                    "conditions", "a group cannot look at the indicator", "the argument indicator: any of its values"
                )
            groups.setdefault(clause.group, []).append(_condition(clause))
    if saved and groups:
        raise BadArgument("conditions", "the saved query has groups of its own", "conditions without group")
    found = [list(group) for group in saved] or list(groups.values())
    if len(found) > MAX_BRANCHES or any(len(group) > MAX_CONDITIONS for group in found):
        raise BadArgument(
            "conditions",
            "there are too many groups or conditions in one",
            f"at most {MAX_BRANCHES} groups of {MAX_CONDITIONS}",
        )
    return found


def from_clauses(clauses: Sequence[Clause] | None) -> list[Condition]:
    """The raw conditions that stand in no group, with their values in the types that their fields have."""
    return [_condition(clause) for clause in clauses or () if clause.group is None]


def period(since: str | None, until: str | None, now: datetime) -> tuple[str | None, str | None]:
    """The first and the last moment that are asked about, as the API is asked, from what a person typed.

    Raises:
        BadArgument: a text is no date, or the period ends before it begins.
    """
    start, end = _bound("since", since, now), _bound("until", until, now)
    if start and end and start > end:
        raise BadArgument("until", f"it ends at {end}, before since begins at {start}", "a later date, or none")
    return start, end


def stored_since(text: str | None, now: datetime) -> str | None:
    """The moment since which events must have been stored, from what a person typed or a watermark of an answer.

    Raises:
        BadArgument: the text is no date.
    """
    return _bound("created_since", text, now)


def _bound(argument: str, text: str | None, now: datetime) -> str | None:
    if text is None or not text.strip():
        return None
    found = parse_date(text, now, end=argument == "until")
    if found is None:
        raise BadArgument(argument, f"{clean(text, 60)!r} is no date", ACCEPTED_DATES)
    return found


def _condition(clause: Clause) -> Condition:
    values = [_typed(clause.field, value) for value in clause.value]
    if clause.op == "in":
        return Condition(field=clause.field, op="in", value=values)
    if len(values) > 1:
        raise BadArgument("conditions", f"{clause.field} {clause.op} has {len(values)} values", "op in for several")
    return Condition(field=clause.field, op=clause.op, value=values[0])


def _any_of(name: SearchField, values: Sequence[str]) -> Condition:
    field = SEARCHABLE[name]
    spelt = [one for value in values for one in (_markings(value) if field.type == "marking" else (value,))]
    for value in spelt:
        if not 0 < len(value) <= MAX_VALUE_LENGTH:
            raise BadArgument(
                field.name, f"a value has {len(value)} characters", f"values of 1 to {MAX_VALUE_LENGTH} characters"
            )
    if len(spelt) == 1:
        return Condition(field=name, op="equals", value=spelt[0])
    if len(spelt) > MAX_VALUES:
        raise BadArgument(
            field.name, f"it stands for {len(spelt)} values", f"values for at most {MAX_VALUES} spellings"
        )
    return Condition(field=name, op="in", value=list[SearchValue](spelt))


def _markings(value: str) -> Sequence[str]:
    """Every spelling in which a marking is stored: the API keeps them as they were sent."""
    match Tlp.parse(value):
        case None:
            raise BadArgument("tlp", f"{clean(value, 40)!r} is no marking", "clear, green, amber, amber+strict or red")
        case Tlp.CLEAR:
            return ("clear", "white")
        case Tlp.AMBER_STRICT:
            return ("amber+strict", "amber-strict")
        case level:
            return (level.value,)


def _typed(name: SearchField, value: str) -> SearchValue:
    field = SEARCHABLE[name]
    if field.type == "flag":
        return value.strip().lower() in ("true", "1", "yes")
    if field.type == "number":
        try:
            number = float(value)
            return int(number) if number.is_integer() else number
        except ValueError:
            raise BadArgument("conditions", f"{name} is a number, not {clean(value, 40)!r}", "1 to 7") from None
    return value
