"""The known words that an unknown one probably means."""

from collections.abc import Sequence
from typing import Final

from cf1_mcp.api.vocabulary import Kind
from cf1_mcp.errors import MAX_COMPARED_LENGTH, similar_words
from cf1_mcp.search.words.countries import nearest_countries
from cf1_mcp.search.words.meanings import find_by_meaning

MAX_SUGGESTIONS: Final = 3
# A shorter word is part of too many others, and similar to too many, to suggest them.
MIN_PART_LENGTH: Final = 4
MIN_SIMILAR_LENGTH: Final = 4


def suggest_words(typed: str, known: Sequence[str], kind: Kind | None = None) -> list[str]:
    """Return the known words that an unknown one probably means: by meaning where there is such, else by spelling."""
    if kind == "countries":
        return nearest_countries(typed, known, MAX_SUGGESTIONS)
    meant = find_by_meaning(typed, kind, known) if kind else []
    return meant[:MAX_SUGGESTIONS] or nearest_words(typed, known)


def nearest_words(word: str, known: Sequence[str]) -> list[str]:
    """Return the known words that `word` probably means, ignoring case: those that contain it, or else similar ones.

    To a short word everything short is similar.
    """
    typed = word.strip().casefold()
    folded = {name[:MAX_COMPARED_LENGTH].casefold(): name for name in known}
    containing = [name for fold, name in folded.items() if len(typed) >= MIN_PART_LENGTH and typed in fold]
    if len(typed) < MIN_SIMILAR_LENGTH:
        return containing
    return containing[:MAX_SUGGESTIONS] or similar_words(typed, known, MAX_SUGGESTIONS)
