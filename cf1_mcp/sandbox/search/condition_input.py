"""Conditions of a search, read from JSON and held to the documented limits.

Limits are those of the API reference: 10 conditions, 100 values for `in`, 1 to 512 characters a value, 8 branches of
1 to 10 conditions.
"""

from typing import Final, get_args

from pydantic import ValidationError

from cf1_mcp.models import Condition, SearchField, SearchOp
from cf1_mcp.sandbox.errors import BadRequest
from cf1_mcp.sandbox.event_input import is_array, is_object, marking
from cf1_mcp.sandbox.timestamps import loose

MAX_CONDITIONS: Final = 10
MAX_VALUES: Final = 100
MAX_VALUE_LENGTH: Final = 512
MAX_BRANCHES: Final = 8

FIELDS: Final[tuple[str, ...]] = get_args(SearchField)
OPS: Final[tuple[str, ...]] = get_args(SearchOp)
COMPARISONS: Final = {"equals": "=", "gt": ">", "gte": ">=", "lt": "<", "lte": "<="}
EXACT: Final = ("equals", "not", "in")
NUMERIC_OPS: Final = (*COMPARISONS, "not", "in")
INSTANTS: Final = ("date", "createdAt")

Value = str | float | bool


def parse_conditions(given: object, name: str = "search", least: int = 0) -> list[Condition]:
    """Checked conditions; BadRequest names the one that is wrong and what would be right."""
    items = [given] if is_object(given) else given
    if not is_array(items):
        raise BadRequest(f"{name} must be a list of {{field, op, value}}")
    if not least <= len(items) <= MAX_CONDITIONS:
        raise BadRequest(f"{name} holds {len(items)} conditions; from {least} to {MAX_CONDITIONS} are allowed")
    return [_condition(item, f"{name}[{place}]") for place, item in enumerate(items)]


def parse_branches(given: object) -> list[list[Condition]]:
    """Checked branches: any one of them must hold beside the search itself."""
    if not is_array(given):
        raise BadRequest("searchBranches must be a list of lists of conditions")
    if len(given) > MAX_BRANCHES:
        raise BadRequest(f"searchBranches holds {len(given)} branches; at most {MAX_BRANCHES} are allowed")
    branches = [parse_conditions(branch, f"searchBranches[{place}]", least=1) for place, branch in enumerate(given)]
    if any(condition.field == "indicator" for branch in branches for condition in branch):
        raise BadRequest("searchBranches must not filter by indicator; put that condition into search")
    return branches


def _condition(item: object, name: str) -> Condition:
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
        raise BadRequest(f"{name}.value holds {len(values)} values; from 1 to {MAX_VALUES} are allowed")
    checked = [_value(str(field), str(op), entry, f"{name}.value") for entry in values]
    try:
        return Condition.model_validate({"field": field, "op": op, "value": checked if op == "in" else checked[0]})
    except ValidationError:  # pragma: no cover - everything it could refuse was refused above
        raise BadRequest(f"{name} is no condition; send field, op and value") from None


def _value(field: str, op: str, value: object, name: str) -> Value:
    if field == "killChain":
        return _number(value, name)
    if field == "hasChildren":
        return _truth(value, name)
    if not isinstance(value, str):
        raise BadRequest(f"{name} {value!r} must be text for field {field}")
    if not 1 <= len(value) <= MAX_VALUE_LENGTH:
        raise BadRequest(f"{name} has {len(value)} characters; from 1 to {MAX_VALUE_LENGTH} are allowed")
    if field == "tlp" and op in EXACT:
        return marking(value, name)
    if field in INSTANTS and op in NUMERIC_OPS:
        return loose(value, name)
    return value


def _number(value: object, name: str) -> float:
    if isinstance(value, (int, float, str)) and not isinstance(value, bool):
        try:
            return float(value)
        except (ValueError, OverflowError):
            pass
    raise BadRequest(f"{name} {value!r} is no number; killChain is searched by number, such as 3")


def _truth(value: object, name: str) -> bool:
    known: dict[object, bool] = {True: True, False: False, "true": True, "false": False, "1": True, "0": False}
    word = value.lower() if isinstance(value, str) else value
    if isinstance(word, (str, int, float)) and word in known:
        return known[word]
    raise BadRequest(f"{name} {value!r} is no truth value; hasChildren is true or false")
