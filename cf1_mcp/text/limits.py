"""Limits on the text that messages quote."""

from typing import Final

# Characters of a quoted name, word or value.
MAX_NAME_LENGTH: Final = 80
