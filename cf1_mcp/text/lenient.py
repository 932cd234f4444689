"""Arguments as language models write them, converted to the expected types."""

import json
from typing import Annotated

from pydantic import BeforeValidator


def _to_texts(value: object) -> object:
    """Return the value as a list of texts: models often write a single value for a list, or numbers for texts."""
    values = value if isinstance(value, list) else [value]  # pyright: ignore[reportUnknownVariableType]
    return [json.dumps(item) if isinstance(item, int | float) else item for item in values]  # pyright: ignore[reportUnknownVariableType]


def none_if_empty(value: object) -> object:
    """Return None for 0, an empty text or an empty list, with which models fill arguments that strict hosts require."""
    return None if value in (0, "", []) else value


Words = Annotated[list[str], BeforeValidator(_to_texts)]
