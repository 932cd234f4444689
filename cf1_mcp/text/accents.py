"""Letters without their accents, for comparing words."""

import unicodedata


def fold_letters(text: str) -> str:
    """Return a text in lower case without accents: "Curaçao" as "curacao", "Straße" as "strasse"."""
    decomposed = unicodedata.normalize("NFKD", text.casefold())
    kept = "".join(letter for letter in decomposed if unicodedata.category(letter) != "Mn")
    # Korean syllables are taken apart as well, and put together again here.
    return unicodedata.normalize("NFC", kept)
