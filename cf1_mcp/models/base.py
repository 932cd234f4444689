"""What all models share: their form on the wire, and the Traffic Light Protocol."""

from enum import StrEnum
from functools import lru_cache
from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field
from pydantic.alias_generators import to_camel


class Tlp(StrEnum):
    """Traffic Light Protocol 2.0 (FIRST, August 2022), least restrictive first."""

    CLEAR = "clear"
    GREEN = "green"
    AMBER = "amber"
    AMBER_STRICT = "amber+strict"
    RED = "red"

    @property
    def rank(self) -> int:
        """How restrictive the level is; 0 is the least."""
        return _RANKS[self]

    @classmethod
    @lru_cache(maxsize=128)  # called for every event, with few distinct markings
    def of(cls, marking: str) -> "Tlp":
        """Return the level that a stored marking counts as: amber if there is none, red if it is unknown."""
        return cls.AMBER if not marking.strip() else cls.parse(marking) or cls.RED

    @classmethod
    def parse(cls, marking: str) -> "Tlp | None":
        """Return the level of a marking in any accepted spelling (`WHITE`, `amber-strict`, `TLP:RED`), or None."""
        word = marking.strip().lower().removeprefix("tlp:").replace("amber-strict", "amber+strict")
        word = "clear" if word == "white" else word
        return _LEVELS.get(word)


_LEVELS = {level.value: level for level in Tlp}
_RANKS = {level: rank for rank, level in enumerate(Tlp)}


class ApiModel(BaseModel):
    """A model with camelCase names on the wire and snake_case names in Python."""

    # Models are built on first use: a host waits for the start, and most servers use few of them.
    model_config = ConfigDict(
        alias_generator=to_camel,
        populate_by_name=True,
        extra="ignore",
        coerce_numbers_to_str=True,
        defer_build=True,
    )

    def wire(self) -> dict[str, Any]:
        """Return the JSON to send, with only the fields that were set."""
        return self.model_dump(mode="json", by_alias=True, exclude_unset=True)


class SnakeModel(ApiModel):
    """A model with snake_case names on the wire, as saved queries and alerts have."""

    model_config = ConfigDict(alias_generator=None)


def _drop_blanks(values: object) -> object:
    """Drop blank values: the API returns an empty array as `[" "]`."""
    if values is None:
        return []
    if isinstance(values, list):
        return [value for value in values if value is not None and str(value).strip()]  # pyright: ignore[reportUnknownVariableType, reportUnknownArgumentType]
    return values


# Whole numbers that JSON keeps exact. Nothing that this API counts or numbers comes near.
MAX_COUNT = 2**53


def _refuse_flag(value: object) -> object:
    if isinstance(value, bool):
        raise ValueError("it is not a number")
    return value


Count = Annotated[int, BeforeValidator(_refuse_flag), Field(ge=-MAX_COUNT, le=MAX_COUNT)]
Number = Annotated[float, Field(ge=-MAX_COUNT, le=MAX_COUNT)]


def _zero_if_huge(value: object) -> object:
    return 0 if isinstance(value, int | float) and abs(value) > MAX_COUNT else value


# For the numbers of an event: an odd one must not lose the page that the event is on.
LenientCount = Annotated[int, BeforeValidator(_zero_if_huge)]
LenientNumber = Annotated[float, BeforeValidator(_zero_if_huge)]
Strings = Annotated[list[str], BeforeValidator(_drop_blanks)]
Text = Annotated[str, BeforeValidator(lambda value: "" if value is None else value)]  # pyright: ignore[reportUnknownLambdaType]


class Done(ApiModel):
    """`{"success": true}`, the answer to tagging and relating."""

    success: bool
