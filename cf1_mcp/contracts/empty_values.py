"""Optional arguments that a host filled in although the caller left them out."""

from collections.abc import Mapping
from typing import Any, Final

from pydantic import BaseModel, ValidationError

# What hosts with strict schemas make models write into arguments that they do not need.
_EMPTY: Final[tuple[object, ...]] = ("", 0, [], {})


def leave_out_empty(arguments: Mapping[str, Any], model: type[BaseModel], schema: Mapping[str, Any]) -> dict[str, Any]:
    """Return the arguments without null, and without empty values that their argument does not accept.

    An empty value that is accepted, such as `false` or a blank description, stays: it may be meant. Required arguments
    stay as they are.
    """
    required, properties = schema.get("required", ()), schema["properties"]
    return {
        name: value
        for name, value in arguments.items()
        if name in required or name not in properties or not _is_left_out(name, value, model, properties[name])
    }


def _is_left_out(name: str, value: object, model: type[BaseModel], schema: Mapping[str, Any]) -> bool:
    if value is None:
        return True
    if value not in _EMPTY:
        return False
    # A single text counts as a list of one, but an empty one as none.
    return (value == "" and schema.get("type") == "array") or not _accepts(model, name, value)


def _accepts(model: type[BaseModel], name: str, value: object) -> bool:
    try:
        model.__pydantic_validator__.validate_assignment(model.model_construct(), name, value)
    except ValidationError:
        return False
    return True
