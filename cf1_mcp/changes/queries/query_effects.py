"""What a change of events does through one saved query, or through those that may not be shown."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from pydantic import JsonValue

from cf1_mcp.events.transitions import Found, Transition
from cf1_mcp.models import SavedQuery
from cf1_mcp.text.plurals import plural
from cf1_mcp.text.sanitize import clean

MAX_SAMPLE: Final = 10
MAX_NAME_LENGTH: Final = 40
MAX_VALUE_LENGTH: Final = 160
FREQUENCIES: Final[Mapping[str, str]] = {"immediate": "at each hit", "daily": "once a day"}
NOT_SHOWN: Final = "a saved query that may not be shown"


@dataclass
class QueryEffect:
    """What a change does to what one saved query finds: names of events, and indicators. `may_` is what may happen.

    A query that is not shown has an effect that must be told, but not its id, name or text. Of one that is not readable
    nothing is known but what may happen to the events, so it is not said how many of them it may find.
    """

    query: SavedQuery
    is_readable: bool
    is_shown: bool = True
    found: list[str] = field(default_factory=list[str])
    may_find: list[str] = field(default_factory=list[str])
    lost: list[str] = field(default_factory=list[str])
    blocked: dict[str, None] = field(default_factory=dict[str, None])
    may_block: dict[str, None] = field(default_factory=dict[str, None])
    may_unblock: dict[str, None] = field(default_factory=dict[str, None])
    frequencies: tuple[str, ...] = ()

    def add(self, transition: Transition, found: Found) -> None:
        """Add what happens to one event."""
        finds = found.gains if found.gains is not False else found.keeps
        if found.gains is not False:
            (self.found if found.gains else self.may_find).append(transition.name)
        if finds is not False:
            new = transition.indicators_after(only_new=found.gains is False)
            (self.blocked if finds else self.may_block).update(dict.fromkeys(new))
        if found.loses is not False:
            self.lost.append(transition.name)
        if found.loses is not False or found.keeps is not False:
            old = transition.indicators_before(only_old=found.loses is False)
            self.may_unblock.update(dict.fromkeys(old))

    @property
    def acts_outside(self) -> bool:
        return self.changes_block_list or self.notifies

    @property
    def changes_block_list(self) -> bool:
        every = (self.found, self.may_find, self.lost, self.blocked, self.may_block, self.may_unblock)
        return self.query.rule_enabled and any(every)

    @property
    def notifies(self) -> bool:
        return bool(self.found or self.may_find) and (self.query.alert_enabled or bool(self.frequencies))

    @property
    def title(self) -> str:
        # A query that cannot be read may be about datasets that may not be read, and so may its name.
        name = f" {clean(self.query.name, MAX_NAME_LENGTH)!r}" if self.is_readable else ""
        return f"saved query {self.query.id}{name}"

    def sentences(self) -> list[str]:
        """Return what happens, for the person who decides."""
        title = self.title if self.is_readable else f"{self.title}, which cannot be read"
        sentences: list[str] = []
        if self.changes_block_list:
            if self.blocked or self.found:
                sentences.append(_describe_blocking("This adds", self.blocked, title, self.found))
            if self.may_block or self.may_find:
                events = self.may_find if self.is_readable else ()
                sentences.append(_describe_blocking("This may add", self.may_block, title, events))
            if self.may_unblock or self.lost:
                removed = plural(len(self.may_unblock), "indicator") if self.may_unblock else "unknown indicators"
                sentences.append(f"This may take {removed} off the block list of {title}.")
        if self.notifies:
            times = " and ".join(words for name, words in FREQUENCIES.items() if name in self.frequencies)
            when = f", {times}" if times else ""
            events = f"{'up to ' if self.may_find else ''}{plural(len(self.found) + len(self.may_find), 'event')}"
            of_events = f"This notifies people of {events} found by {title}{when}."
            sentences.append(of_events if self.is_readable else f"This may notify people through {title}{when}.")
        return sentences

    def preview(self) -> dict[str, JsonValue]:
        """Return how the query acts, counts, and a sample of the indicators."""
        counts = {"newly_finds": self.found, "may_find": self.may_find, "may_no_longer_find": self.lost}
        lists = {"block": self.blocked, "may_block": self.may_block, "may_unblock": self.may_unblock}
        parts: dict[str, JsonValue] = {name: len(events) for name, events in counts.items() if events}
        parts = parts if self.is_readable else {}
        if self.query.rule_enabled:
            parts |= {name: {"count": len(some), "indicator": _sample(some)} for name, some in lists.items() if some}
        return {"query": self.title, "acts": self.acts(), **parts}

    def acts(self) -> list[JsonValue]:
        """Return the ways in which the query acts outside."""
        times = [words for name, words in FREQUENCIES.items() if name in self.frequencies]
        blocks: list[JsonValue] = ["changes a block list"] if self.changes_block_list else []
        return [*blocks, *([" ".join(["notifies people", *times])] if self.notifies else [])]

    def seen(self) -> JsonValue:
        """Return everything that was found, for a code to be bound to. Of a query that is not shown, not the query."""
        lists = (self.found, self.may_find, self.lost, self.blocked, self.may_block, self.may_unblock)
        if not self.is_shown:
            return [self.changes_block_list, self.notifies, *([*some] for some in lists)]
        query: list[JsonValue] = [self.query.id, self.query.name, self.query.rule_enabled, self.query.alert_enabled]
        return [query, [*self.frequencies], *([*some] for some in lists)]


@dataclass(frozen=True)
class HiddenEffects:
    """What a change does through all saved queries that may not be shown, as if they were one: their number, ids, names
    and texts are not told, nor which of them find what.
    """

    effects: Sequence[QueryEffect]

    @property
    def blocks(self) -> bool:
        return any(one.changes_block_list for one in self.effects)

    @property
    def notifies(self) -> bool:
        return any(one.notifies for one in self.effects)

    def sentences(self) -> list[str]:
        """Return what may happen, for the person who decides; empty if nothing does."""
        acts = [*(["change a block list"] if self.blocks else []), *(["notify people"] if self.notifies else [])]
        return [f"This may {' and '.join(acts)} through {NOT_SHOWN}."] if acts else []

    def preview(self) -> list[JsonValue]:
        """Return the ways in which they act outside, as one row; empty if they do not."""
        blocks: list[JsonValue] = ["changes a block list"] if self.blocks else []
        notifies: list[JsonValue] = ["notifies people"] if self.notifies else []
        return [{"query": NOT_SHOWN, "acts": [*blocks, *notifies]}] if blocks or notifies else []


def _describe_blocking(verb: str, indicators: Mapping[str, None], title: str, events: Sequence[str]) -> str:
    finds = "may newly find" if "may" in verb else "newly finds"
    found = f", which {finds} {plural(len(events), 'event')}" if events else ""
    # The API shows one indicator of possibly many: an event without one may have others.
    added = plural(len(indicators), "indicator") if indicators else "unknown indicators"
    return f"{verb} {added} to the block list of {title}{found}."


def _sample(indicators: Mapping[str, None]) -> list[JsonValue]:
    return [clean(value, MAX_VALUE_LENGTH, value=True) for value in sorted(indicators)[:MAX_SAMPLE]]
