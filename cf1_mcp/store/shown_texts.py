"""Texts of events that this server has shown, so that a person can be warned of a change that repeats one.

Attackers write the text of events. When such text becomes an argument of a change, the data may have caused that
change. This is reported, not forbidden: an analyst has good reasons to act on the content of an event.
"""

from collections import OrderedDict
from collections.abc import Iterator, Mapping
from typing import Final

from pydantic import JsonValue

from cf1_mcp.models.fields import SETTABLE

MAX_TEXTS: Final = 5_000
# Shorter values are common words; longer ones seldom occur by chance.
MIN_LENGTH: Final = 12
# Fields with words of the account's vocabulary, which any event may mention.
COMMON: Final = frozenset(field.wire for field in SETTABLE if not field.is_untrusted)


class ShownTexts:
    """The newest texts, by event."""

    def __init__(self) -> None:
        self._texts: OrderedDict[tuple[str, str], str] = OrderedDict()

    def remember(self, event_id: str, text: str) -> None:
        """Remember a free text of an event, as it was shown."""
        self._texts[event_id, text] = text.casefold()
        while len(self._texts) > MAX_TEXTS:
            self._texts.popitem(last=False)

    def find_repeated(self, arguments: Mapping[str, JsonValue]) -> list[str]:
        """Return a sentence for each value that repeats a text shown before."""
        sentences: list[str] = []
        for name, value in _list_values("", dict(arguments)):
            event_id = self._find_source(value)
            if event_id is not None:
                sentences.append(f"{name} appears in the text of event {event_id}: the data may be asking for this.")
        return list(dict.fromkeys(sentences))

    def _find_source(self, value: str) -> str | None:
        folded = value.strip().casefold()
        if len(folded) < MIN_LENGTH:
            return None
        return next(
            (event_id for (event_id, _), text in self._texts.items() if folded in text and event_id != value), None
        )


def _list_values(name: str, value: JsonValue) -> Iterator[tuple[str, str]]:
    if isinstance(value, str):
        yield name, value
    elif isinstance(value, list):
        for item in value:
            yield from _list_values(name, item)
    elif isinstance(value, dict):
        for key, item in value.items():
            if key not in COMMON:
                yield from _list_values(key, item)
