"""Arguments that arrive as JSON text: parsed where a list or an object is wanted, kept where a text is."""

import json
from types import NoneType, UnionType
from typing import Annotated, Any, Final, Literal, Self, Union, get_args, get_origin

from mcp.server.mcpserver.utilities.func_metadata import FuncMetadata

_PARSED: Final = (list, dict)


class TextKeepingMetadata(FuncMetadata):
    """The arguments of a tool, without the SDK's habit of parsing every text that is JSON.

    It would turn the text `null` into no argument at all, so that a search is not filtered, and refuse a log line that
    is JSON. A list that a host sends as JSON text is still read as one, and so is an object where one is wanted.
    """

    @classmethod
    def of(cls, metadata: FuncMetadata) -> Self:
        """Return the same metadata in this class."""
        return cls(
            arg_model=metadata.arg_model,
            output_schema=metadata.output_schema,
            output_model=metadata.output_model,
            wrap_output=metadata.wrap_output,
        )

    def pre_parse_json(self, data: dict[str, Any]) -> dict[str, Any]:
        """Return the arguments with those texts parsed that stand for a list or an object."""
        return {name: self._parse(name, value) for name, value in data.items()}

    def wants_json(self, name: str) -> bool:
        """Whether an argument takes a list or an object, which may arrive as JSON text."""
        return bool(self._types(name).intersection(_PARSED))

    def _parse(self, name: str, value: object) -> object:
        types = self._types(name)
        if not isinstance(value, str) or str in types:
            return value
        try:
            parsed: object = json.loads(value)
        except (ValueError, RecursionError):
            return value
        # A text is never null, not even in a list. A number or an object may be left out in this way.
        is_left_out = parsed is None and list not in types
        is_wanted = any(isinstance(parsed, one) for one in _PARSED if one in types)
        return parsed if is_left_out or is_wanted else value

    def _types(self, name: str) -> frozenset[object]:
        field = self.arg_model.model_fields.get(name)
        return frozenset(_list_types(field.annotation)) if field else frozenset()


def _list_types(annotation: object) -> list[object]:
    """Return the plain types of an annotation, without None."""
    origin = get_origin(annotation)
    if origin in (Union, UnionType):
        return [one for part in get_args(annotation) for one in _list_types(part)]
    if origin is Annotated:
        return _list_types(get_args(annotation)[0])
    if origin is Literal:
        return [str]
    return [] if annotation is NoneType else [origin or annotation]
