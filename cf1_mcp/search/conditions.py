"""Build the conditions of the API from filters, dates and clauses."""

import re
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Final

from cf1_mcp.errors import BadArgument, choices
from cf1_mcp.models import Condition, SearchField, Tlp
from cf1_mcp.models.fields import SEARCHABLE
from cf1_mcp.search.clauses import Clause
from cf1_mcp.search.typed_values import read_value
from cf1_mcp.text.dates import ACCEPTED_DATES, from_second, parse_date
from cf1_mcp.text.sanitize import clean

# Limits of the API for one search.
MAX_CONDITIONS: Final = 10
MAX_BRANCHES: Final = 8
MAX_VALUES: Final = 100
MAX_VALUE_LENGTH: Final = 512
# Of the argument text, each a condition of its own. A longer text is a sentence, and is searched for as one phrase.
MAX_WORDS: Final = 5
LISTS: Final[frozenset[SearchField]] = frozenset({"mitreAttack", "mitreCapec", "tags"})


_PHRASE_OR_WORD: Final = re.compile(r'"([^"]+)"|([^\s"]+)')
_PUNCTUATION: Final = ",;:!?()"
OTHER_MARKINGS: Final = {Tlp.CLEAR: ("clear", "white"), Tlp.AMBER_STRICT: ("amber+strict", "amber-strict")}


def build_conditions(
    filters: Mapping[SearchField, Sequence[str]],
    text: str | None,
    dates: tuple[str | None, str | None],
    created_since: str | None,
    conditions: Sequence[Condition],
    saved: Sequence[Condition],
) -> dict[str, list[Condition]]:
    """Return the conditions that must all hold, by the argument of the tool that they come from.

    Raises:
        BadArgument: a value is too long or not of its field's type, or there are more conditions than the API accepts.
    """
    start, end = dates
    found = {SEARCHABLE[name].name: [_match_any(name, values)] for name, values in filters.items() if values}
    if text and text.strip():
        found["text"] = [Condition(field="event", op="contains", value=part) for part in split_text(text)]
    found["since"] = [Condition(field="date", op="gte", value=from_second(start))] if start else []
    found["until"] = [Condition(field="date", op="lte", value=end)] if end else []
    found["created_since"] = (
        [Condition(field="createdAt", op="gte", value=from_second(created_since))] if created_since else []
    )
    found |= {"conditions": [*conditions], "query_id": [*saved]}
    count = sum(len(part) for part in found.values())
    if count > MAX_CONDITIONS:
        raise BadArgument(
            "conditions",
            f"there are {count} conditions, and the API accepts {MAX_CONDITIONS}",
            f"at most {MAX_CONDITIONS} filters and conditions together",
        )
    return {name: part for name, part in found.items() if part}


def split_text(text: str) -> list[str]:
    """Return what a description must contain: each word of a text, and each phrase in quotation marks.

    A text of more than MAX_WORDS of them is one phrase.

    Raises:
        BadArgument: there is no word in it.
    """
    parts = (phrase.strip() or word.strip(_PUNCTUATION) for phrase, word in _PHRASE_OR_WORD.findall(text))
    found = {part.casefold(): part for part in parts if part}
    if not found:
        raise BadArgument("text", f"{clean(text, 60)!r} has no word", "words of the description")
    return [*found.values()] if len(found) <= MAX_WORDS else [text.replace('"', " ").strip()]


def build_branches(saved: Sequence[Sequence[Condition]], clauses: Sequence[Clause] | None) -> list[list[Condition]]:
    """Return the alternatives of which one must hold: those of the saved query, or the clauses by their group.

    Raises:
        BadArgument: there are both, a group filters by indicator, a value is not of its field's type, or there are more
            than the API accepts.
    """
    groups: dict[int, list[Condition]] = {}
    for clause in clauses or ():
        if clause.group is not None:
            # The API refuses it too, but its message does not name the argument of the tool.
            if clause.field == "indicator":
                raise BadArgument(
                    "conditions",
                    "a group cannot filter by indicator",
                    "the argument indicator, which takes many values",
                )
            groups.setdefault(clause.group, []).append(_condition(clause))
    if saved and groups:
        raise BadArgument("conditions", "the saved query has its own groups", "conditions without group")
    found = [list(group) for group in saved] or list(groups.values())
    if len(found) > MAX_BRANCHES or any(len(group) > MAX_CONDITIONS for group in found):
        raise BadArgument(
            "conditions",
            "there are too many groups, or too many conditions in one",
            f"at most {MAX_BRANCHES} groups of {MAX_CONDITIONS} conditions",
        )
    return found


def ungrouped_conditions(clauses: Sequence[Clause] | None) -> list[Condition]:
    """Return the conditions of the clauses without a group.

    Raises:
        BadArgument: a value is not of its field's type, or there are several for one.
    """
    return [_condition(clause) for clause in clauses or () if clause.group is None]


def resolve_period(since: str | None, until: str | None, now: datetime) -> tuple[str | None, str | None]:
    """Return the first and the last time of a period in ISO 8601, from dates as a person types them.

    Raises:
        BadArgument: a text is not a date, or the period ends before it begins.
    """
    start, end = _resolve_date("since", since, now), _resolve_date("until", until, now)
    if start and end and start > end:
        raise BadArgument("until", f"it is {end}, which is before since ({start})", "a later date, or none")
    return start, end


def resolve_created_since(text: str | None, now: datetime) -> str | None:
    """Return the time since which events must have been stored, from a date as a person types it or a watermark.

    Raises:
        BadArgument: the text is not a date.
    """
    return _resolve_date("created_since", text, now)


def _resolve_date(argument: str, text: str | None, now: datetime) -> str | None:
    if text is None or not text.strip():
        return None
    found = parse_date(text, now, end=argument == "until")
    if found is None:
        raise BadArgument(argument, f"{clean(text, 60)!r} is not a date", ACCEPTED_DATES)
    return found


def _condition(clause: Clause) -> Condition:
    values = [read_value(SEARCHABLE[clause.field], value, "conditions") for value in clause.value]
    if clause.op == "in":
        return Condition(field=clause.field, op="in", value=values)
    if len(values) > 1:
        raise BadArgument("conditions", f"{clause.field} {clause.op} has {len(values)} values", "op in for several")
    return Condition(field=clause.field, op=clause.op, value=values[0])


def _match_any(name: SearchField, values: Sequence[str]) -> Condition:
    field = SEARCHABLE[name]
    spellings = [one for value in values for one in (_markings(value) if field.type == "marking" else (value,))]
    for value in spellings:
        if not 0 < len(value) <= MAX_VALUE_LENGTH:
            raise BadArgument(
                field.name, f"a value has {len(value)} characters", f"values of 1 to {MAX_VALUE_LENGTH} characters"
            )
    found = [read_value(field, value, field.name) for value in spellings]
    # Only `in` is documented for the elements of a list.
    if len(found) == 1 and name not in LISTS:
        return Condition(field=name, op="equals", value=found[0])
    if len(found) > MAX_VALUES:
        raise BadArgument(
            field.name, f"its values have {len(found)} spellings", f"values with at most {MAX_VALUES} spellings"
        )
    return Condition(field=name, op="in", value=found)


def _markings(value: str) -> Sequence[str]:
    """Return every spelling of a marking: the API stores markings as they were sent, and indicators have capitals."""
    level = Tlp.parse(value)
    if level is None:
        raise BadArgument("tlp", f"{clean(value, 40)!r} is not a TLP marking", choices([*Tlp]))
    spellings = OTHER_MARKINGS.get(level, (level.value,))
    return (*spellings, *(one.upper() for one in spellings))
