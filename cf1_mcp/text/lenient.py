"""Arguments as language models write them, read as what they mean."""

import json
from typing import Annotated

from pydantic import BeforeValidator


def _several(value: object) -> object:
    """A single value where a list is meant, and numbers where texts are: models often write them so."""
    values = value if isinstance(value, list) else [value]  # pyright: ignore[reportUnknownVariableType]
    return [json.dumps(item) if isinstance(item, int | float) else item for item in values]  # pyright: ignore[reportUnknownVariableType]


def unfilled(value: object) -> object:
    """None for 0 and for an empty text. Where a host makes schemas strict, its model has to fill every argument, and
    says with these that it has none."""
    return None if value in (0, "") else value


Words = Annotated[list[str], BeforeValidator(_several)]
