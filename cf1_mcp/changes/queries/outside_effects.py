"""What a change of events does outside: the indicators that it adds to block lists or takes off, and whom it notifies.

Saved queries feed block lists and notifications. They are compared here with the events as they are and as they will
be, which costs two requests at most. What cannot be told counts as something that may happen. A change that may act
outside needs a code, which is bound to everything that was found.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Final

import anyio.to_thread
from pydantic import JsonValue

from cf1_mcp.changes.effect import Effect, P, Planning
from cf1_mcp.changes.queries.alerts import list_alerts_if_any
from cf1_mcp.changes.queries.query_scope import covers_dataset
from cf1_mcp.errors import ApiError, NotFound
from cf1_mcp.events.transitions import Found, Transition, compare_states
from cf1_mcp.models import EventSearch, SavedQuery
from cf1_mcp.policy.condition_matching import KnownEvent
from cf1_mcp.policy.condition_values import Verdict
from cf1_mcp.policy.write_policy import WritePolicy
from cf1_mcp.search.saved_queries import NotASearch, read_search
from cf1_mcp.text.plurals import plural
from cf1_mcp.text.sanitize import clean

MAX_NAMED: Final = 3  # queries in sentences; a preview lists more
MAX_LISTED: Final = 20
MAX_SAMPLE: Final = 10
MAX_NAME_LENGTH: Final = 40
MAX_VALUE_LENGTH: Final = 160
MAX_INLINE: Final = 2_000  # comparisons; more of them are made in a thread
MAX_COMPARISONS: Final = 500_000  # queries beyond count as not readable
FREQUENCIES: Final[Mapping[str, str]] = {"immediate": "at each hit", "daily": "once a day"}
QUERIES_UNKNOWN: Final = (
    "The saved queries could not be listed, so it is unknown whether this changes a block list or notifies people."
)
ALERTS_UNKNOWN: Final = "The alerts could not be listed, so it is unknown whether this notifies people."
BLOCKS: Final = "This changes a block list (WAF or Gateway): the query feeds it."
UNBLOCKS: Final = "This changes a block list (WAF or Gateway): the query no longer feeds it."
NOTIFIES: Final = "Its alerts notify people outside."
ITS_ALERTS_UNKNOWN: Final = "Its alerts could not be listed, so it is unknown whether they notify people outside."
NOT_UNDONE: Final = " What was blocked or sent until then is not undone."


@dataclass
class QueryEffect:
    """What a change does to what one saved query finds: names of events, and indicators. `may_` is what may happen."""

    query: SavedQuery
    is_readable: bool
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
                sentences.append(_describe_blocking("This may add", self.may_block, title, self.may_find))
            if self.may_unblock or self.lost:
                removed = plural(len(self.may_unblock), "indicator") if self.may_unblock else "unknown indicators"
                sentences.append(f"This may take {removed} off the block list of {title}.")
        if self.notifies:
            when = " and ".join(words for name, words in FREQUENCIES.items() if name in self.frequencies)
            events = f"{'up to ' if self.may_find else ''}{plural(len(self.found) + len(self.may_find), 'event')}"
            sentences.append(f"This notifies people of {events} found by {title}{f', {when}' if when else ''}.")
        return sentences

    def preview(self) -> dict[str, JsonValue]:
        """Return how the query acts, counts, and a sample of the indicators."""
        counts = {"newly_finds": self.found, "may_find": self.may_find, "may_no_longer_find": self.lost}
        lists = {"block": self.blocked, "may_block": self.may_block, "may_unblock": self.may_unblock}
        parts: dict[str, JsonValue] = {name: len(events) for name, events in counts.items() if events}
        if self.query.rule_enabled:
            parts |= {name: {"count": len(some), "indicator": _sample(some)} for name, some in lists.items() if some}
        return {"query": self.title, "acts": self.acts(), **parts}

    def acts(self) -> list[JsonValue]:
        """Return the ways in which the query acts outside."""
        times = [words for name, words in FREQUENCIES.items() if name in self.frequencies]
        blocks: list[JsonValue] = ["changes a block list"] if self.changes_block_list else []
        return [*blocks, *([" ".join(["notifies people", *times])] if self.notifies else [])]

    def seen(self) -> JsonValue:
        """Return everything that was found, for a code to be bound to."""
        query: list[JsonValue] = [self.query.id, self.query.name, self.query.rule_enabled, self.query.alert_enabled]
        lists = (self.found, self.may_find, self.lost, self.blocked, self.may_block, self.may_unblock)
        return [query, [*self.frequencies], *([*some] for some in lists)]


async def add_outside_effects(planning: Planning, effect: Effect[P], transitions: Sequence[Transition]) -> Effect[P]:
    """Return a planned change with what it does outside. If that is anything, the change needs a code."""
    as_seen = (one.as_seen_by(planning.write_policy.read_policy) for one in transitions)
    relevant = [one for one in as_seen if one.is_searchable]
    if not relevant:
        return effect
    queries = await _list_queries(planning)
    if queries is None:
        return _extend(effect, [QUERIES_UNKNOWN], {}, "saved queries unknown")
    found = await _compare_queries(planning.write_policy, queries, relevant)
    found, unknown = await _read_frequencies(planning, found)
    outside = [one for one in found if one.changes_block_list or one.notifies]
    if not outside and not unknown:
        return effect
    sentences = [sentence for one in outside[:MAX_NAMED] for sentence in one.sentences()]
    if len(outside) > MAX_NAMED:
        more = plural(len(outside) - MAX_NAMED, "more saved query acts", "more saved queries act")
        sentences.append(f"{more} outside as well.")
    rows: list[JsonValue] = [one.preview() for one in outside[:MAX_LISTED]]
    seen: list[JsonValue] = [one.seen() for one in outside]
    return _extend(effect, [*sentences, *unknown], {"outside": rows} if rows else {}, [*seen, *unknown])


async def add_unknown_outside_effects(planning: Planning, effect: Effect[P], dataset_id: str) -> Effect[P]:
    """Return a planned change of unknown events of a dataset, with the saved queries through which it may act outside.

    If there are any, the change needs a code.
    """
    queries = await _list_queries(planning)
    if queries is None:
        return _extend(effect, [QUERIES_UNKNOWN], {}, "saved queries unknown")
    affected: list[QueryEffect] = []
    for query in queries:
        search = _read_search(query)
        covers = None if search is None else covers_dataset(search.dataset_id, dataset_id, planning.write_policy.known)
        if covers is not False:
            affected.append(QueryEffect(query, is_readable=search is not None, may_find=["unknown events"]))
    affected, unknown = await _read_frequencies(planning, affected)
    outside = [one for one in affected if one.changes_block_list or one.notifies]
    if not outside and not unknown:
        return effect
    named = [one.title for one in outside[:MAX_NAMED]]
    if len(outside) > MAX_NAMED:
        named.append(plural(len(outside) - MAX_NAMED, "more saved query", "more saved queries"))
    acts = [f"It may change what is blocked, or notify people, through {', '.join(named)}."] if named else []
    rows: list[JsonValue] = [{"query": one.title, "acts": one.acts()} for one in outside[:MAX_LISTED]]
    seen: list[JsonValue] = [one.seen() for one in outside]
    return _extend(effect, [*acts, *unknown], {"outside": rows} if rows else {}, [*seen, *unknown])


async def find_outside_effects_of_query(
    planning: Planning, query: SavedQuery, new: Mapping[str, JsonValue]
) -> list[str]:
    """Return a sentence for each way in which a change of a query acts outside."""
    blocks = bool(new.get("rule_enabled", query.rule_enabled))
    # Any change of a query whose rule is or was enabled changes what is blocked.
    sentences = [BLOCKS] if blocks else [UNBLOCKS] if query.rule_enabled else []
    silences = new.get("alert_enabled") is False and new.keys() <= {"alert_enabled", "alert_rollup_enabled"}
    if silences:
        return sentences
    if new.get("alert_enabled", query.alert_enabled):
        return [*sentences, NOTIFIES]
    try:
        alerts = await list_alerts_if_any(planning.client)
    except ApiError:
        return [*sentences, ITS_ALERTS_UNKNOWN]
    return [*sentences, *([NOTIFIES] if any(one.enabled and one.query_id == query.id for one in alerts) else [])]


async def _list_queries(planning: Planning) -> Sequence[SavedQuery] | None:
    """Return the account's saved queries; none if it does not have the feature, None if they are unknown."""
    try:
        return await planning.client.list_queries()
    except NotFound:
        return ()
    except ApiError:
        return None


async def _compare_queries(
    write_policy: WritePolicy, queries: Sequence[SavedQuery], transitions: Sequence[Transition]
) -> list[QueryEffect]:
    """Return the effects on queries, without queries that are not affected."""
    work = partial(_compare_all, write_policy, queries, transitions)
    size = sum(len(query.query_json) for query in queries) + 100 * len(queries) * len(transitions)
    found = work() if size <= 100 * MAX_INLINE else await anyio.to_thread.run_sync(work)
    return [one for one in found if one.found or one.may_find or one.changes_block_list]


def _compare_all(
    write_policy: WritePolicy, queries: Sequence[SavedQuery], transitions: Sequence[Transition]
) -> list[QueryEffect]:
    left = MAX_COMPARISONS
    effects: list[QueryEffect] = []
    for query in queries:
        search = _read_search(query)
        if search is not None:
            left -= len(transitions) * (1 + len(search.search) + sum(map(len, search.search_branches)))
        effect = QueryEffect(query, is_readable=search is not None)
        for one in transitions:
            if search is None or left < 0:
                may_find, may_lose = None if one.after else False, None if one.before else False
                effect.add(one, Found(may_find, may_lose, None if one.before and one.after else False))
            else:
                covered = _covers(write_policy, search, one.before), _covers(write_policy, search, one.after)
                effect.add(one, compare_states(one, search, covered))
        effects.append(effect)
    return effects


def _read_search(query: SavedQuery) -> EventSearch | None:
    try:
        return read_search(query.query_json)
    except NotASearch:
        return None


def _covers(write_policy: WritePolicy, search: EventSearch, state: KnownEvent | None) -> Verdict:
    return covers_dataset(search.dataset_id, state.event.dataset_id, write_policy.known) if state else False


async def _read_frequencies(planning: Planning, effects: Sequence[QueryEffect]) -> tuple[list[QueryEffect], list[str]]:
    """Return the effects with the frequencies of the enabled alerts on their queries, and a sentence if unknown."""
    if not any(one.found or one.may_find for one in effects):
        return [*effects], []
    try:
        alerts = await list_alerts_if_any(planning.client)
    except ApiError:
        return [*effects], [ALERTS_UNKNOWN]
    enabled = [alert for alert in alerts if alert.enabled]
    return [
        replace(one, frequencies=tuple(sorted(alert.frequency for alert in enabled if alert.query_id == one.query.id)))
        for one in effects
    ], []


def _extend(
    effect: Effect[P], warnings: Sequence[str], untrusted: Mapping[str, JsonValue], seen: JsonValue
) -> Effect[P]:
    return replace(
        effect,
        warnings=(*effect.warnings, *warnings),
        untrusted={**effect.untrusted, **untrusted},
        undo=effect.undo + NOT_UNDONE,
        needs_code=True,
        seen=seen if effect.seen is None else [effect.seen, seen],
    )


def _describe_blocking(verb: str, indicators: Mapping[str, None], title: str, events: Sequence[str]) -> str:
    finds = "may newly find" if "may" in verb else "newly finds"
    found = f", which {finds} {plural(len(events), 'event')}" if events else ""
    # The API shows one indicator of possibly many: an event without one may have others.
    added = plural(len(indicators), "indicator") if indicators else "unknown indicators"
    return f"{verb} {added} to the block list of {title}{found}."


def _sample(indicators: Mapping[str, None]) -> list[JsonValue]:
    return [clean(value, MAX_VALUE_LENGTH, value=True) for value in sorted(indicators)[:MAX_SAMPLE]]
