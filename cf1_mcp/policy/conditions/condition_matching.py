"""Whether an event matches a search, told without asking the API: events can be judged before they are changed.

The API publishes neither how it compares text nor what an operator means for a list. So an answer has three values:
True and False only where every reasonable reading of the condition agrees, and None where readings differ or the event
is not known well enough. A guard treats None as "it may match".
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from cf1_mcp.models import Condition, Event, EventSearch, NewEvent, SearchField, SearchOp
from cf1_mcp.models.fields import SEARCHABLE, SETTABLE
from cf1_mcp.policy.conditions.condition_values import (
    Comparison,
    Verdict,
    all_of,
    any_of,
    compare_country,
    compare_date,
    compare_marking,
    compare_number,
    compare_text,
    parse_flag,
    parse_number,
)

# They come with the category, so a new event or a new category does not tell them.
CATEGORY_FIELDS: Final[frozenset[SearchField]] = frozenset({"killChain", "mitreAttack", "mitreCapec"})
INDICATOR_FIELDS: Final[frozenset[SearchField]] = frozenset({"indicator", "indicatorType"})
UNKNOWN_OF_NEW: Final[frozenset[SearchField]] = frozenset({*CATEGORY_FIELDS, "createdAt"})


@dataclass(frozen=True)
class KnownIndicator:
    """An indicator and its type, which may be empty."""

    value: str
    type: str


@dataclass(frozen=True)
class KnownEvent:
    """An event, and what is known of it.

    `indicators` are all indicators that are known; there may be others unless `has_all_indicators`, and other tags
    unless `has_all_tags`. The fields in `unknown` are not known at all. `is_new` is an event that does not exist yet,
    so that nothing refers to its uuid.
    """

    event: Event
    indicators: tuple[KnownIndicator, ...] = ()
    has_all_indicators: bool = False
    has_all_tags: bool = True
    unknown: frozenset[SearchField] = frozenset()
    is_new: bool = False


@dataclass(frozen=True)
class KnownTexts:
    """The texts of a field, and whether there are no others."""

    texts: tuple[str, ...]
    is_complete: bool = True


def know_stored(event: Event) -> KnownEvent:
    """Return what an event tells as the API returned it: of several indicators only the first."""
    unreadable: set[str] = {*getattr(event, "unreadable", ())}
    known = event.model_fields_set - unreadable
    missing: set[SearchField] = {name for name in SEARCHABLE if SEARCHABLE[name].name not in known}
    if event.kill_chain is None:
        missing |= CATEGORY_FIELDS
    if event.has_children is None:
        missing.add("hasChildren")
    if not event.date:
        missing.add("date")  # every event has one
    unknown: frozenset[SearchField] = frozenset(missing - INDICATOR_FIELDS)
    first = (KnownIndicator(event.indicator, event.indicator_type),) if event.indicator else ()
    return KnownEvent(event, first, unknown=unknown)


def know_new(new: NewEvent, dataset_id: str, name: str) -> KnownEvent:
    """Return what is known of an event before it is created. `name` stands for the uuid that it does not have yet."""
    fields = {field.name: value for field in SETTABLE if (value := getattr(new, field.name))}
    listed = [KnownIndicator(one.value.strip(), one.indicator_type.strip()) for one in new.indicators or ()]
    first = (new.indicator or "").strip()
    single = [KnownIndicator(first, (new.indicator_type or "").strip())] if first else []
    return KnownEvent(
        Event.model_validate({**fields, "uuid": name, "dataset_id": dataset_id}, by_name=True),
        tuple(dict.fromkeys([*single, *listed])),
        has_all_indicators=True,
        unknown=UNKNOWN_OF_NEW,
        is_new=True,
    )


def match_search(event: KnownEvent, search: EventSearch) -> Verdict:
    """Whether an event matches all conditions of a search and one of its branches. Datasets and paging are ignored."""
    conditions = all_of(match_condition(event, one) for one in search.search)
    if not search.search_branches:
        return conditions
    branches = (all_of(match_condition(event, one) for one in branch) for branch in search.search_branches)
    return all_of((conditions, any_of(branches)))


def match_condition(event: KnownEvent, condition: Condition) -> Verdict:
    """Whether an event matches one condition."""
    field, op, value = condition.field, condition.op, condition.value
    values = [*value] if isinstance(value, list) else [value]
    if field == "uuid" and event.is_new:
        return {"equals": False, "in": False, "not": True}.get(op)
    if field in event.unknown or not values or (op != "in" and len(values) > 1):
        return None
    if field == "hasChildren":
        return compare_number(float(bool(event.event.has_children)), op, [parse_flag(one) for one in values])
    if field == "killChain":
        number = event.event.kill_chain
        return None if number is None else compare_number(number, op, [parse_number(one) for one in values])
    texts = [str(one) for one in values]
    return _match_texts(list_known_texts(event, field), op, texts, _choose_comparison(field))


def list_known_texts(event: KnownEvent, field: SearchField) -> KnownTexts:
    """Return what is known of a field of text."""
    if field in INDICATOR_FIELDS:
        found = [one.value if field == "indicator" else one.type for one in event.indicators]
        return KnownTexts(tuple(text for text in found if text), event.has_all_indicators)
    value: str | list[str] = getattr(event.event, SEARCHABLE[field].name)
    texts = tuple(text for text in ([value] if isinstance(value, str) else value) if text)
    return KnownTexts(texts, field != "tags" or event.has_all_tags)


def find_changed_fields(before: KnownEvent, after: KnownEvent) -> frozenset[SearchField]:
    """Return the fields in which two states of one event differ. Conditions on others hold for both states or none."""
    return frozenset(field for field in SEARCHABLE if _describe_field(before, field) != _describe_field(after, field))


def _describe_field(event: KnownEvent, field: SearchField) -> object:
    if field in event.unknown:
        return event.event.category if field in CATEGORY_FIELDS else None
    if field == "hasChildren":
        return event.event.has_children
    return event.event.kill_chain if field == "killChain" else list_known_texts(event, field)


def _choose_comparison(field: SearchField) -> Comparison:
    match SEARCHABLE[field].type:
        case "date":
            return compare_date
        case "country":
            return compare_country
        case "marking":
            return compare_marking
        case _:
            return compare_text


def _match_texts(known: KnownTexts, op: SearchOp, values: Sequence[str], compare: Comparison) -> Verdict:
    """Whether one of the texts of a field matches one of the values."""
    single: SearchOp = "equals" if op in ("in", "not") else op
    found = any_of(compare(text, single, value) for text in known.texts for value in values)
    if op == "not":
        return _negate(found, known)
    if not known.texts and op in ("lt", "lte", "like"):
        return None  # an empty text is less than any other, and matches %
    return None if found is False and not known.is_complete else found


def _negate(is_equal: Verdict, known: KnownTexts) -> Verdict:
    """Whether `not` holds. What it means for a missing value, or for a list of which one value is equal, is unknown."""
    if not known.texts or not known.is_complete or is_equal is None:
        return None
    if is_equal:
        return False if len(known.texts) == 1 else None
    return True
