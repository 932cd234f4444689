"""The conditions of a search, parsed from JSON and checked against the documented limits.

The limits of the API reference: 10 conditions, 100 values for `in`, 1 to 512 characters per value, 8 branches of 1 to
10 conditions.
"""

from typing import Final, get_args

from pydantic import ValidationError

from cf1_mcp.models import Condition, SearchField, SearchOp
from cf1_mcp.sandbox.errors import BadRequest
from cf1_mcp.sandbox.json_values import is_array, is_object
from cf1_mcp.sandbox.mood import is_like_live
from cf1_mcp.sandbox.request_fields import parse_marking
from cf1_mcp.sandbox.timestamps import parse_search_date

MAX_CONDITIONS: Final = 10
MAX_VALUES: Final = 100
MAX_VALUE_LENGTH: Final = 512
MAX_BRANCHES: Final = 8

FIELDS: Final[tuple[str, ...]] = get_args(SearchField)
OPS: Final[tuple[str, ...]] = get_args(SearchOp)
COMPARISONS: Final = {"equals": "=", "gt": ">", "gte": ">=", "lt": "<", "lte": "<="}
EXACT_OPS: Final = ("equals", "not", "in")
NUMERIC_OPS: Final = (*COMPARISONS, "not", "in")
DATE_FIELDS: Final = ("date", "createdAt")

Value = str | float | bool


def parse_conditions(search: object, name: str = "search", minimum: int = 0) -> list[Condition]:
    """Return the checked conditions of a search.

    Raises:
        BadRequest: a condition is wrong; the message names it and what is valid.
    """
    items = [search] if is_object(search) else search
    if not is_array(items):
        raise BadRequest(f"{name} must be a list of {{field, op, value}}")
    if not minimum <= len(items) <= MAX_CONDITIONS:
        raise BadRequest(f"{name} contains {len(items)} conditions; from {minimum} to {MAX_CONDITIONS} are allowed")
    return [_parse_condition(item, f"{name}[{index}]") for index, item in enumerate(items)]


def parse_branches(branches: object) -> list[list[Condition]]:
    """Return the checked branches of a search, of which one must match in addition to the search itself."""
    if not is_array(branches):
        raise BadRequest("searchBranches must be a list of lists of conditions")
    if len(branches) > MAX_BRANCHES:
        raise BadRequest(f"searchBranches contains {len(branches)} branches; at most {MAX_BRANCHES} are allowed")
    parsed = [parse_conditions(branch, f"searchBranches[{index}]", minimum=1) for index, branch in enumerate(branches)]
    if any(condition.field == "indicator" for branch in parsed for condition in branch):
        raise BadRequest("searchBranches must not filter by indicator; move that condition to search")
    return parsed


def _parse_condition(item: object, name: str) -> Condition:
    if not is_object(item) or not {"field", "op", "value"} <= item.keys():
        raise BadRequest(f"{name} must be an object with field, op and value")
    field, op, value = item["field"], item["op"], item["value"]
    if field not in FIELDS:
        raise BadRequest(f"{name}.field {field!r} cannot be searched; valid are {', '.join(FIELDS)}")
    if op not in OPS:
        raise BadRequest(f"{name}.op {op!r} is unknown; valid are {', '.join(OPS)}")
    if field in ("killChain", "hasChildren") and op not in NUMERIC_OPS:
        raise BadRequest(f"{name}.op {op!r} does not fit {field}; valid are {', '.join(NUMERIC_OPS)}")
    values = value if is_array(value) else [value]
    if is_array(value) != (op == "in"):
        raise BadRequest(f"{name}.value must be {'a list' if op == 'in' else 'one value'} for op {op!r}")
    if not 1 <= len(values) <= MAX_VALUES:
        raise BadRequest(f"{name}.value contains {len(values)} values; from 1 to {MAX_VALUES} are allowed")
    checked = [_check_value(str(field), str(op), entry, f"{name}.value") for entry in values]
    try:
        return Condition.model_validate({"field": field, "op": op, "value": checked if op == "in" else checked[0]})
    except ValidationError:  # pragma: no cover - every value that it rejects was rejected above
        raise BadRequest(f"{name} is not a condition; send field, op and value") from None


def _check_value(field: str, op: str, value: object, name: str) -> Value:
    if field == "killChain":
        return _parse_number(value, name)
    if field == "hasChildren":
        return _parse_boolean(value, name)
    if not isinstance(value, str):
        raise BadRequest(f"{name} {value!r} must be a string for field {field}")
    if not 1 <= len(value) <= MAX_VALUE_LENGTH:
        raise BadRequest(f"{name} has {len(value)} characters; from 1 to {MAX_VALUE_LENGTH} are allowed")
    if field == "tlp" and op in EXACT_OPS:
        marking = parse_marking(value, name)
        return value if is_like_live() else marking
    if field in DATE_FIELDS and op in NUMERIC_OPS:
        moment = parse_search_date(value, name)
        # The live API may compare times as texts, as they are stored: with milliseconds.
        return value.strip() if is_like_live() else moment
    return value


def _parse_number(value: object, name: str) -> float:
    if isinstance(value, (int, float, str)) and not isinstance(value, bool):
        try:
            return float(value)
        except (ValueError, OverflowError):
            pass
    raise BadRequest(f"{name} {value!r} is not a number; killChain is searched by number, such as 3")


def _parse_boolean(value: object, name: str) -> bool:
    known: dict[object, bool] = {True: True, False: False, "true": True, "false": False, "1": True, "0": False}
    word = value.lower() if isinstance(value, str) else value
    if isinstance(word, (str, int, float)) and word in known:
        return known[word]
    raise BadRequest(f"{name} {value!r} is not a boolean; hasChildren is true or false")
