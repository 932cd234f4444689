"""What all nouns share: how they look on the wire, and the Traffic Light Protocol."""

from enum import StrEnum
from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict
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
        """How restrictive it is, from 0."""
        return _RANKS[self]

    @classmethod
    def of(cls, marking: str) -> "Tlp":
        """The level that a stored marking counts as: amber where there is none, red where it is not understood."""
        return cls.AMBER if not marking.strip() else cls.parse(marking) or cls.RED

    @classmethod
    def parse(cls, marking: str) -> "Tlp | None":
        """The level a marking names in any accepted spelling (`WHITE`, `amber-strict`, `TLP:RED`), or None."""
        word = marking.strip().lower().removeprefix("tlp:").replace("amber-strict", "amber+strict")
        word = "clear" if word == "white" else word
        return _LEVELS.get(word)


_LEVELS = {level.value: level for level in Tlp}
_RANKS = {level: rank for rank, level in enumerate(Tlp)}


class ApiModel(BaseModel):
    """Camel case on the wire, snake case in Python."""

    model_config = ConfigDict(
        alias_generator=to_camel, populate_by_name=True, extra="ignore", coerce_numbers_to_str=True
    )

    def wire(self) -> dict[str, Any]:
        """What is sent: only the fields that were set."""
        return self.model_dump(mode="json", by_alias=True, exclude_unset=True)


class SnakeModel(ApiModel):
    """Saved queries and alerts are the part of the API that speaks snake case."""

    model_config = ConfigDict(alias_generator=None)


def _filled(values: object) -> object:
    """Without blanks: the API shows an empty array as `[" "]`."""
    if values is None:
        return []
    if isinstance(values, list):
        return [value for value in values if value is not None and str(value).strip()]  # pyright: ignore[reportUnknownVariableType, reportUnknownArgumentType]
    return values


Strings = Annotated[list[str], BeforeValidator(_filled)]
Text = Annotated[str, BeforeValidator(lambda value: "" if value is None else value)]  # pyright: ignore[reportUnknownLambdaType]


class Done(ApiModel):
    """`{"success": true}`, the answer of tagging and relating."""

    success: bool
