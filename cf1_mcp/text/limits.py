"""How much of a text messages quote."""

from typing import Final

# Characters of a name, word or value.
MAX_NAME_LENGTH: Final = 80
