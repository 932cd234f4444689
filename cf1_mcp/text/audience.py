"""Sentences for a model, said to the person at the command line instead.

Errors are worded for a model, which has tools and passes on what the operator must do. At a terminal the reader is the
operator.
"""

import re
from collections.abc import Mapping
from typing import Final

_REPLACED: Final[Mapping[str, str]] = {
    "Tell the person that the operator's setting forbids it": "Change that setting to allow it",
    "Tell the person that the operator's setting forbids more": "Change that setting to allow more",
    "list_changes": "'cf1-mcp journal list'",
}
_INSTRUCTION: Final = re.compile(r"Ask the operator to (\w)")


def address_operator(text: str) -> str:
    """Return the text of an error as it is said to the operator."""
    for words, instead in _REPLACED.items():
        text = text.replace(words, instead)
    return _INSTRUCTION.sub(lambda found: found[1].upper(), text)
