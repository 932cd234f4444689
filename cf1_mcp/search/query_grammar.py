"""The grammar in which this server reads the `query_json` of saved queries.

Invented: that it is the parameters of an event list, because the API publishes no grammar. It is read strictly: a text
with any part that is not understood counts as written in another grammar. The API may understand the part, and without
it the search would be another one. If the guess is wrong, every query counts so: it is shown and not run, and changed
under the strictest rule.
"""

import json
import math
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Final

from pydantic import JsonValue, TypeAdapter, ValidationError

from cf1_mcp.models import Condition, Event, EventSearch, SearchOp, SearchValue
from cf1_mcp.models.fields import SEARCHABLE
from cf1_mcp.store.confirmation_codes import canonicalize
from cf1_mcp.text.limits import MAX_NAME_LENGTH
from cf1_mcp.text.sanitize import clean

# Without `cursor`, which contains datasets of its own.
FILTERS: Final = ("datasetId", "search", "searchBranches")
PARAMETERS: Final = (*FILTERS, "orderBy", "order", "page", "pageSize", "format", "forceRefresh", "cache")
EXAMPLE: Final = (
    '{"datasetId": ["a name or uuid"], "search": [{"field": "attacker", "op": "equals", "value": "a name"}]}'
)
# How the found events are listed: whether a query finds an event does not depend on these, if they have known values.
FORMATS: Final = ("json", "stix2", "taxii")
COLUMNS: Final = frozenset({*SEARCHABLE, *(str(field.alias) for field in Event.model_fields.values())})
MAX_PAGE_SIZE: Final = 25_000
# The operators that the API documents for killChain and hasChildren.
OF_NUMBERS: Final[frozenset[SearchOp]] = frozenset({"equals", "not", "gt", "gte", "lt", "lte", "in"})
# Characters that stand for any text in a pattern of `like`.
WILDCARDS: Final = frozenset("%*")
_OBJECT: Final = TypeAdapter[dict[str, JsonValue]](dict[str, JsonValue])


class NotASearch(ValueError):
    """The text of a query cannot be read as a search. It has the problem and what is valid, as `BadArgument` does."""

    def __init__(self, problem: str, valid: str) -> None:
        super().__init__(problem)
        self.problem = problem
        self.valid = valid


def read_search(text: str) -> EventSearch:
    """Return the search in a `query_json`.

    Raises:
        NotASearch: it is none, or has a part that this server does not understand.
    """
    return EventSearch.model_validate(read_parameters(text))


def is_search(text: str) -> bool:
    """Return whether a `query_json` is a search of which this server understands all."""
    try:
        read_search(text)
    except NotASearch:
        return False
    return True


def finds_everything(search: EventSearch) -> bool:
    """Return whether a search has no condition that an event could fail, so that it finds all of its datasets."""
    branches = search.search_branches
    return all(map(_holds_always, search.search)) and (
        not branches or any(all(map(_holds_always, branch)) for branch in branches)
    )


def _holds_always(condition: Condition) -> bool:
    values = condition.value if isinstance(condition.value, list) else [condition.value]
    return condition.op == "like" and any(WILDCARDS.issuperset(str(value)) for value in values)


def read_parameters(text: str) -> dict[str, JsonValue]:
    """Return the parameters in a `query_json`, of which an `EventSearch` can be made. Raises the same as `read_search`.

    Only the API's own spelling is known: it would ignore `dataset_id` and search the default dataset instead.
    """
    whole = parse_object(text)
    if whole is None:
        raise NotASearch("this is not a JSON object with distinct keys", f"a text such as {EXAMPLE}")
    if unknown := [name for name in whole if name not in PARAMETERS]:
        raise NotASearch(f"a search has no parameter {clean(unknown[0], MAX_NAME_LENGTH)!r}", ", ".join(PARAMETERS))
    given: dict[str, JsonValue] = {name: value for name, value in whole.items() if value is not None}
    if isinstance(given.get("datasetId"), str):
        given["datasetId"] = [given["datasetId"]]
    try:
        search = EventSearch.model_validate(given)
    except ValidationError as error:
        where = ".".join(str(part) for part in error.errors(include_url=False)[0]["loc"])
        raise NotASearch(f"{clean(where, MAX_NAME_LENGTH)} is not valid in a search", EXAMPLE) from None
    _check_datasets(given.get("datasetId"))
    _check_listing(given)
    for place, condition in enumerate(search.search):
        _check_condition(condition, f"search.{place}")
    for number, branch in enumerate(search.search_branches):
        if not branch:
            raise NotASearch(f"searchBranches.{number} has no condition", "at least one condition in each branch")
        for place, condition in enumerate(branch):
            _check_condition(condition, f"searchBranches.{number}.{place}")
    return given


def parse_object(text: str) -> dict[str, JsonValue] | None:
    """Return the object in a `query_json`. None if it is not a JSON object or repeats a key: of two values the API
    might take the other one.
    """
    try:
        found = _OBJECT.validate_python(
            json.loads(
                text, object_pairs_hook=_reject_repeated_keys, parse_float=_parse_finite, parse_constant=_parse_finite
            )
        )
        canonicalize(found).decode()  # fails if it is nested too deeply or contains lone surrogates
    except (ValueError, RecursionError):
        return None
    return found


def _reject_repeated_keys(pairs: list[tuple[str, JsonValue]]) -> dict[str, JsonValue]:
    found = dict(pairs)
    if len(found) < len(pairs):
        raise ValueError("a key is repeated")
    return found


def _parse_finite(number: str) -> float:
    if not math.isfinite(found := float(number)):
        raise ValueError(f"JSON has no {number}")
    return found


def _check_datasets(given: JsonValue) -> None:
    # The model would read a number as text, and the API might read a blank as every dataset.
    for name in given if isinstance(given, list) else ():
        if not isinstance(name, str) or not name.strip():
            raise NotASearch("datasetId names something that is not a dataset", "names or uuids of datasets")


def _check_listing(given: Mapping[str, JsonValue]) -> None:
    """Refuse values that this server does not know for the parameters that say how events are listed.

    A later page would leave out what the first ones have.
    """
    size = given.get("pageSize", 1)
    known: dict[str, tuple[bool, str]] = {
        "orderBy": (given.get("orderBy", "date") in COLUMNS, "the name of a field"),
        "page": (_is_whole(given.get("page", 1)) and given.get("page", 1) == 1, "1, or no page"),
        "pageSize": (_is_whole(size) and 1 <= float(str(size)) <= MAX_PAGE_SIZE, f"1 to {MAX_PAGE_SIZE:,}"),
        "format": (given.get("format", "json") in FORMATS, ", ".join(FORMATS)),
        "forceRefresh": (isinstance(given.get("forceRefresh", True), bool), "true or false"),
        "cache": (given.get("cache", "from-graph") == "from-graph", "from-graph"),
    }
    for name, (is_known, valid) in known.items():
        if not is_known:
            raise NotASearch(f"{name} has a value that is not known", f"{name}: {valid}")


def _is_whole(value: JsonValue) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _check_condition(condition: Condition, where: str) -> None:
    """Refuse a condition that the API might read otherwise than it seems, or not at all.

    A blank value may match everything, a relative date is compared as text, and what a list means beside another
    operator than `in` is not published.
    """
    op, value = condition.op, condition.value
    if (op == "in") != isinstance(value, list):
        raise NotASearch(f"{where}: {op} takes {'a list' if op == 'in' else 'one value'}", EXAMPLE)
    values: Sequence[SearchValue] = value if isinstance(value, list) else [value]
    if not values or not all(_is_readable(condition, one) for one in values):
        problem = f"{where}: {condition.field} {op} has a value that is not understood"
        raise NotASearch(problem, "a value of the type of the field, such as an ISO date, and no blank text")


def _is_readable(condition: Condition, value: SearchValue) -> bool:
    match SEARCHABLE[condition.field].type:
        case "number":
            return condition.op in OF_NUMBERS and _is_number(value)
        case "flag":
            return condition.op in OF_NUMBERS and (isinstance(value, bool) or value in ("true", "false"))
        case "date":
            return (
                isinstance(value, str) and bool(value.strip()) and (condition.op not in OF_NUMBERS or _is_date(value))
            )
        case _:
            return isinstance(value, str) and bool(value.strip())


def _is_number(value: SearchValue) -> bool:
    if isinstance(value, bool):
        return False
    try:
        return math.isfinite(float(value))
    except ValueError:
        return False


def _is_date(value: str) -> bool:
    try:
        datetime.fromisoformat(value.strip())
    except ValueError:
        return False
    return True
