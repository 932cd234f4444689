"""Counted nouns, with singular and plural right."""


def plural(count: int, noun: str, many: str | None = None) -> str:
    """`1 event`, `2 events`, `1,200 events`; `many` is the plural where it is not the noun with an `s`."""
    return f"{count:,} {noun if count == 1 else many or f'{noun}s'}"
