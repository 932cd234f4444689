"""Read the values of filters and conditions as the type of their field: text, a number, or true or false."""

from math import isfinite

from cf1_mcp.errors import BadArgument
from cf1_mcp.models import SearchValue
from cf1_mcp.models.fields import EventField
from cf1_mcp.text.sanitize import clean

MAX_QUOTED_LENGTH = 40


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
