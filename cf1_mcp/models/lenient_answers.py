"""Answers as objects and lists of which an odd value costs only itself: a field, or a row of a list."""

import re
from collections.abc import Mapping
from typing import Annotated, ClassVar, Final, Self, TypeVar, cast

from pydantic import (
    BaseModel,
    ModelWrapValidatorHandler,
    PrivateAttr,
    ValidationError,
    ValidationInfo,
    ValidatorFunctionWrapHandler,
    WrapValidator,
    model_validator,
)
from pydantic.fields import FieldInfo

from cf1_mcp.models.base import ApiModel, SnakeModel

T = TypeVar("T")

# Under what names a list may be in an object of its own: invented, but for `result`. Under others it is not found.
ROWS: Final = (
    "result",
    "items",
    "data",
    "alerts",
    "attackers",
    "categories",
    "countries",
    "datasets",
    "events",
    "indicatorTypes",
    "industries",
    "queries",
    "relationships",
    "tags",
    "targetIndustries",
)
UUID: Final = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE)


class Losses:
    """Counts the rows of lists that could not be read: the context of a validation."""

    def __init__(self) -> None:
        self.rows = 0


def keep_readable(rows: object, handler: ValidatorFunctionWrapHandler, info: ValidationInfo) -> object:
    """Return the rows of a list that can be read, as the model of the list has them. Others are counted as losses."""
    rows = find_rows(rows)
    try:
        return handler(rows)
    except ValidationError:
        if not isinstance(rows, list):
            raise
    kept: list[object] = []
    for row in cast("list[object]", rows):
        try:
            kept += handler([row])
        except ValidationError:
            if isinstance(info.context, Losses):
                info.context.rows += 1
    return kept


def find_rows(value: object) -> object:
    """Return the list in one of the forms in which lists are published: in an object of its own, in pages of
    `{success, result}`, or as `items` of something that looks like a JSON Schema. Invented: as an object of rows by
    their uuids.
    """
    if isinstance(value, dict):
        inside = cast("dict[str, object]", value)
        lists = [rows for name in ROWS if (rows := _read_list(inside.get(name))) is not None]
        found = lists[0] if len(lists) == 1 else _read_list(inside)
        return inside if found is None else find_rows(found)
    if not isinstance(value, list):
        return value
    rows = cast("list[object]", value)
    pages = [cast("dict[str, object]", row).get("result") for row in rows if isinstance(row, dict) and "success" in row]
    if pages and len(pages) == len(rows) and all(isinstance(page, list) for page in pages):
        return [row for page in pages for row in cast("list[object]", page)]
    return rows


def _read_list(value: object) -> list[object] | None:
    """Return a list, or the rows of an object whose keys are their uuids; None for anything else."""
    if isinstance(value, list):
        return cast("list[object]", value)
    rows = cast("dict[str, object]", value) if isinstance(value, dict) else {}
    if not rows or not all(map(UUID.fullmatch, rows)):
        return None
    return [
        _name_row(cast("dict[str, object]", row), key) if isinstance(row, dict) else row for key, row in rows.items()
    ]


def _name_row(row: Mapping[str, object], uuid: str) -> dict[str, object]:
    return {**row, "uuid": row.get("uuid") or uuid}


# A list of rows of which one that cannot be read is left out.
Listed = Annotated[list[T], WrapValidator(keep_readable)]


class Lenient(BaseModel):
    """What answers share: a value that cannot be read is as good as missing, unless the object is nothing without it.

    `unreadable` names the fields that were lost. `closed` has the values of fields that a guard depends on: they are
    what the guard assumes of an unreadable value. `watched` are fields of which it matters whether they came as null,
    or as a text that may be a list: `nulls` and `joined` name those that did.
    """

    closed: ClassVar[Mapping[str, object]] = {}
    _unreadable: frozenset[str] = PrivateAttr(frozenset())
    watched: ClassVar[tuple[str, ...]] = ()
    _nulls: frozenset[str] = PrivateAttr(frozenset())
    _joined: frozenset[str] = PrivateAttr(frozenset())

    @property
    def unreadable(self) -> frozenset[str]:
        """The fields whose values could not be read, by their Python names."""
        return self._unreadable

    @property
    def nulls(self) -> frozenset[str]:
        """The watched fields that came as null, or as an empty text."""
        return self._nulls

    @property
    def joined(self) -> frozenset[str]:
        """The watched fields that came as a text that may be several."""
        return self._joined

    @model_validator(mode="wrap")
    @classmethod
    def _lose_odd_values(cls, value: object, handler: ModelWrapValidatorHandler[Self]) -> Self:
        try:
            model = handler(value)
        except ValidationError as error:
            if not isinstance(value, dict):
                raise
            model = cls._read_without_odd_values({**cast("dict[str, object]", value)}, handler, error)
        if cls.watched and isinstance(value, dict):
            model._note(cast("dict[str, object]", value))
        return model

    def _note(self, given: Mapping[str, object]) -> None:
        sent = {name: given[name] for name in self.watched if name in given and not isinstance(given[name], list)}
        if not sent:
            return
        self._nulls = frozenset(name for name, one in sent.items() if one is None or one == "")
        self._joined = frozenset(name for name, one in sent.items() if isinstance(one, str) and _may_be_several(one))

    @classmethod
    def _read_without_odd_values(
        cls, values: dict[str, object], handler: ModelWrapValidatorHandler[Self], error: ValidationError
    ) -> Self:
        fields = {(field.alias or name): (name, field) for name, field in cls.model_fields.items()}
        lost: set[str] = set()
        # Each step loses a value, or some of a list.
        for _ in range(2 * len(fields)):
            for alias in {str(one["loc"][0]) if one["loc"] else "" for one in _describe(error)}:
                name, field = fields.get(alias, (alias, None))
                if field is None or field.is_required():
                    raise error
                _lose(values, name, field, cls.closed, again=name in lost)
                lost.add(name)
            try:
                model = handler(values)
            except ValidationError as next_error:
                error = next_error
                continue
            # As if they had not been sent.
            model.__pydantic_fields_set__.difference_update(lost)
            model._unreadable = frozenset(lost)
            return model
        raise error


def _may_be_several(text: str) -> bool:
    """Whether a text may be a list that was joined, and is not the JSON of one."""
    return not text.lstrip().startswith("[") and any(mark in text for mark in ",;|")


def _describe(error: ValidationError) -> list[dict[str, tuple[str | int, ...]]]:
    return cast(
        "list[dict[str, tuple[str | int, ...]]]",
        error.errors(include_url=False, include_context=False, include_input=False),
    )


def _lose(values: dict[str, object], name: str, field: FieldInfo, closed: Mapping[str, object], *, again: bool) -> None:
    """Remove a value from those of an object; of a list only what is not a text, the first time."""
    key = name if name in values else field.alias or name
    value = values.pop(key, None)
    values.pop(field.alias or name, None)
    if isinstance(value, list) and not again:
        values[key] = [item for item in cast("list[object]", value) if isinstance(item, str)]
    elif name in closed:
        values[key] = closed[name]


class ApiAnswer(Lenient, ApiModel):
    """An object of an answer, with camelCase names on the wire."""


class SnakeAnswer(Lenient, SnakeModel):
    """An object of an answer with snake_case names on the wire."""
