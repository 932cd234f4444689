"""Arguments as language models write them, converted to what they mean."""

import json
from typing import Annotated

from pydantic import BeforeValidator


def _several(value: object) -> object:
    """The value as a list of texts: models often write a single value for a list, or numbers for texts."""
    values = value if isinstance(value, list) else [value]  # pyright: ignore[reportUnknownVariableType]
    return [json.dumps(item) if isinstance(item, int | float) else item for item in values]  # pyright: ignore[reportUnknownVariableType]


def unfilled(value: object) -> object:
    """The value, or None for 0 and an empty text: with them models fill arguments that a strict host requires."""
    return None if value in (0, "") else value


Words = Annotated[list[str], BeforeValidator(_several)]
