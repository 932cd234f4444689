"""Texts of events that this server has shown, so that a person can be warned of a change that repeats one.

Attackers write the text of events. When such text becomes an argument of a change, the data may have caused that
change. This is reported, not forbidden: an analyst has good reasons to act on the content of an event.
"""

from collections import OrderedDict
from collections.abc import Iterable, Iterator, Mapping
from typing import Final

from pydantic import JsonValue

from cf1_mcp.models.fields import SETTABLE
from cf1_mcp.text.limits import MAX_NAME_LENGTH
from cf1_mcp.text.plurals import plural
from cf1_mcp.text.sanitize import clean

MAX_TEXTS: Final = 5_000
# Characters of all texts together, which is what a comparison has to read.
MAX_CHARACTERS: Final = 2_000_000
# Comparisons of values that begin alike with texts that hold this beginning again and again.
MAX_COMPARISONS: Final = 500_000
MAX_SENTENCES: Final = 20
# Shorter values are common words; longer ones seldom occur by chance.
MIN_LENGTH: Final = 12
# Fields with words of the account's vocabulary, which any event may mention.
COMMON: Final = frozenset(field.wire for field in SETTABLE if not field.is_untrusted)


class ShownTexts:
    """The newest texts, by event."""

    def __init__(self) -> None:
        self._texts: OrderedDict[tuple[str, str], str] = OrderedDict()
        self._characters = 0

    def remember(self, event_id: str, text: str) -> None:
        """Remember a free text of an event, as it was shown."""
        folded = text.casefold()
        self._characters += len(folded) - len(self._texts.get((event_id, text), ""))
        self._texts[event_id, text] = folded
        while len(self._texts) > MAX_TEXTS or self._characters > MAX_CHARACTERS:
            self._characters -= len(self._texts.popitem(last=False)[1])

    def find_repeated(self, arguments: Mapping[str, JsonValue]) -> list[str]:
        """Return a sentence for each value that repeats a text shown before.

        It takes up to about a second, whatever the arguments hold, so it belongs in a thread; texts may be remembered
        meanwhile.
        """
        values = [(name, value.strip().casefold(), value) for name, value in _list_values("", dict(arguments))]
        wanted = _Wanted(folded for _, folded, _ in values)
        # Copied in one step: the loop remembers other texts during the comparison.
        for (event_id, _), text in list(self._texts.items()):
            wanted.find_in(event_id, text)
        sentences: dict[str, None] = {}
        for name, folded, value in values:
            event_id = next((one for one in wanted.sources.get(folded, ()) if one != value), None)
            if event_id is not None:
                shown = clean(name, MAX_NAME_LENGTH)
                source = f"the text of event {event_id}" if event_id else "a text that was shown"
                sentences[f"{shown} appears in {source}: the data may be asking for this."] = None
        return [*_clip([*sentences]), *wanted.describe_uncompared()]


class _Wanted:
    """Values that are looked for in texts, all at once: the cost is that of the texts, however many values there are.

    Values are known by their first MIN_LENGTH characters, so that one look-up for each place of a text is enough.
    """

    def __init__(self, values: Iterable[str]) -> None:
        self.sources: dict[str, list[str]] = {}
        self._by_start: dict[str, list[str]] = {}
        self._left = MAX_COMPARISONS
        # The longest are the least likely to occur by chance, so they are compared first.
        for value in sorted({value for value in values if len(value) >= MIN_LENGTH}, key=len, reverse=True):
            self._by_start.setdefault(value[:MIN_LENGTH], []).append(value)

    def find_in(self, event_id: str, text: str) -> None:
        """Note the event as a source of each value that its text contains. Two sources of a value are enough."""
        by_start = self._by_start
        if not by_start:
            return
        for place in range(len(text) - MIN_LENGTH + 1):
            candidates = by_start.get(text[place : place + MIN_LENGTH])
            if candidates is not None:
                self._compare(event_id, text, place, candidates)

    def _compare(self, event_id: str, text: str, place: int, candidates: list[str]) -> None:
        for value in candidates[: max(self._left, 0)]:
            found = self.sources.get(value, [])
            if len(found) < 2 and event_id not in found and text.startswith(value, place):
                self.sources[value] = [*found, event_id]
        self._left -= len(candidates)

    def describe_uncompared(self) -> list[str]:
        """Return a sentence if values that begin alike were too many to compare with every text."""
        count = sum(len(self.sources.get(value, ())) == 0 for values in self._by_start.values() for value in values)
        if self._left >= 0 or not count:
            return []
        return [f"{plural(count, 'value')} could not be compared with every text: too many of them begin alike."]


def _clip(sentences: list[str]) -> list[str]:
    if len(sentences) <= MAX_SENTENCES:
        return sentences
    return [*sentences[:MAX_SENTENCES], f"{len(sentences) - MAX_SENTENCES:,} more values appear in texts of events."]


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
