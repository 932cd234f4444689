"""Rows with the odd values that the live API may send: text or null for a counter, `[" "]` for no values."""

from typing import Final

from cf1_mcp.sandbox.invented import RAW_ID_PREFIX
from cf1_mcp.sandbox.mood import is_like_live
from cf1_mcp.sandbox.search.event_json import WireEvent

# Invented: which rows, and which values; see invented.py.
BLANK: Final = " "
COUNTERS: Final = ("numReferences", "numReferenced")
TEXT_EVERY: Final = 10
NULL_EVERY: Final = 50


def roughen_event(event: WireEvent) -> WireEvent:
    """Return an event as the mood of the request has it. Which rows are odd follows from the number in `rawId`."""
    if not is_like_live():
        return event
    rough = {name: [BLANK] if value == [] and not name.endswith("Ids") else value for name, value in event.items()}
    number = int(str(event["rawId"]).removeprefix(RAW_ID_PREFIX) or 0)
    if number % NULL_EVERY == 7:
        return rough | dict.fromkeys(COUNTERS)
    if number % TEXT_EVERY == 3:
        return rough | {name: str(event[name]) for name in COUNTERS}
    return rough
