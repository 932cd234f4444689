"""What a change of events does outside: the indicators that it adds to block lists or takes off, and whom it notifies.

Saved queries feed block lists and notifications. They are compared here with the events as they are and as they will
be, which costs two requests at most. What cannot be told counts as something that may happen. A change that may act
outside needs a code, which is bound to everything that was found.
"""

from collections.abc import AsyncGenerator, AsyncIterable, Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cache, partial
from typing import Final

import anyio.to_thread
from pydantic import JsonValue

from cf1_mcp.api.lists.paging import Attempt, once
from cf1_mcp.changes.effect import Effect, P, Planning
from cf1_mcp.changes.queries.query_effects import HiddenEffects, QueryEffect
from cf1_mcp.changes.queries.query_scope import covers_dataset
from cf1_mcp.errors import ApiError
from cf1_mcp.events.transitions import Found, Transition, compare_states
from cf1_mcp.models import EventSearch, SavedQuery
from cf1_mcp.policy.conditions.condition_values import Verdict
from cf1_mcp.policy.write_policy import WritePolicy
from cf1_mcp.search.query_grammar import NotASearch, read_search
from cf1_mcp.search.saved_queries import may_show_query
from cf1_mcp.text.plurals import plural

MAX_NAMED: Final = 3  # queries in sentences; a preview lists more
MAX_LISTED: Final = 20
MAX_INLINE: Final = 2_000  # comparisons; more of them are made in a thread
MAX_COMPARISONS: Final = 500_000  # queries beyond count as not readable
QUERIES_UNKNOWN: Final = (
    "The saved queries could not be listed, so it is unknown whether this changes a block list or notifies people."
)
ALERTS_UNKNOWN: Final = "The alerts could not be listed, so it is unknown whether this notifies people."
BLOCKS: Final = "This changes a block list (WAF or Gateway): the query feeds it."
UNBLOCKS: Final = "This changes a block list (WAF or Gateway): the query no longer feeds it."
NOTIFIES: Final = "Its alerts notify people outside."
ITS_ALERTS_UNKNOWN: Final = "Its alerts could not be listed, so it is unknown whether they notify people outside."
NOT_UNDONE: Final = " What was blocked or sent until then is not undone."


@dataclass(frozen=True)
class OutsideEffects:
    """What a change of events does outside, through the queries that may be shown and through the others. `unknown`
    has a sentence for each thing that could not be found out.
    """

    shown: Sequence[QueryEffect] = ()
    hidden: HiddenEffects = field(default_factory=lambda: HiddenEffects(()))
    unknown: Sequence[str] = ()

    def __bool__(self) -> bool:
        return bool(self.shown or self.hidden.effects or self.unknown)

    def sentences(self) -> list[str]:
        """Return what happens, for the person who decides."""
        told = [sentence for one in self.shown[:MAX_NAMED] for sentence in one.sentences()]
        if len(self.shown) > MAX_NAMED:
            more = plural(len(self.shown) - MAX_NAMED, "more saved query acts", "more saved queries act")
            told.append(f"{more} outside as well.")
        return [*told, *self.hidden.sentences(), *self.unknown]

    def preview(self) -> list[JsonValue]:
        """Return how each query acts, with counts and a sample."""
        return [*(one.preview() for one in self.shown[:MAX_LISTED]), *self.hidden.preview()]

    def seen(self) -> JsonValue:
        """Return everything that was found, for a code to be bound to."""
        return [*(one.seen() for one in (*self.shown, *self.hidden.effects)), *self.unknown]


async def add_outside_effects(planning: Planning, effect: Effect[P], transitions: Sequence[Transition]) -> Effect[P]:
    """Return a planned change with what it does outside. If that is anything, the change needs a code."""
    policy = planning.write_policy.read_policy
    if not any(one.as_seen_by(policy).is_searchable for one in transitions):
        return effect
    return await add_effects_through(planning, effect, transitions, await list_account_queries(planning))


async def add_effects_through(
    planning: Planning, effect: Effect[P], transitions: Sequence[Transition], queries: Sequence[SavedQuery] | None
) -> Effect[P]:
    """Return the same for the saved queries of the account, which were listed already; None if they are unknown."""

    async def listed() -> Sequence[SavedQuery] | None:
        return queries

    found = await _find_effects(planning, _one_page(transitions), listed, once)
    if not found:
        return effect
    rows = found.preview()
    return _extend(effect, found.sentences(), {"outside": rows} if rows else {}, found.seen())


async def find_outside_effects(
    planning: Planning, pages: AsyncIterable[Sequence[Transition]], attempt: Attempt = once
) -> OutsideEffects:
    """Return what a change of events does outside. The pages are read one after another, and not kept."""
    return await _find_effects(planning, pages, partial(list_account_queries, planning, attempt), attempt)


async def _find_effects(
    planning: Planning,
    pages: AsyncIterable[Sequence[Transition]],
    list_queries: Callable[[], Awaitable[Sequence[SavedQuery] | None]],
    attempt: Attempt,
) -> OutsideEffects:
    comparison: _QueryComparison | None = None
    async for page in pages:
        as_seen = (one.as_seen_by(planning.write_policy.read_policy) for one in page)
        relevant = [one for one in as_seen if one.is_searchable]
        if relevant and comparison is None:
            queries = await list_queries()
            if queries is None:
                return OutsideEffects(unknown=[QUERIES_UNKNOWN])
            if not queries:
                return OutsideEffects()
            comparison = _QueryComparison(planning.write_policy, queries)
        if relevant and comparison:
            await comparison.add(relevant)
    if comparison is None:
        return OutsideEffects()
    effects, unknown = await _read_frequencies(planning, comparison.affected(), attempt)
    return OutsideEffects(*_select_outside(effects), unknown)


async def _one_page(transitions: Sequence[Transition]) -> AsyncGenerator[Sequence[Transition]]:
    yield transitions


async def add_unknown_outside_effects(planning: Planning, effect: Effect[P], dataset_id: str) -> Effect[P]:
    """Return a planned change of unknown events of a dataset, with the saved queries through which it may act outside.

    If there are any, the change needs a code.
    """
    queries = await list_account_queries(planning)
    if queries is None:
        return _extend(effect, [QUERIES_UNKNOWN], {}, "saved queries unknown")
    affected: list[QueryEffect] = []
    for query in queries:
        search = _read_search(query)
        covers = None if search is None else covers_dataset(search.dataset_id, dataset_id, planning.write_policy.known)
        if covers is not False:
            shown = may_show_query(query, planning.write_policy.read_policy)
            affected.append(QueryEffect(query, search is not None, shown, may_find=["unknown events"]))
    affected, unknown = await _read_frequencies(planning, affected)
    outside, hidden = _select_outside(affected)
    if not outside and not hidden.effects and not unknown:
        return effect
    named = [one.title for one in outside[:MAX_NAMED]]
    if len(outside) > MAX_NAMED:
        named.append(plural(len(outside) - MAX_NAMED, "more saved query", "more saved queries"))
    acts = [f"It may change what is blocked, or notify people, through {', '.join(named)}."] if named else []
    rows: list[JsonValue] = [{"query": one.title, "acts": one.acts()} for one in outside[:MAX_LISTED]]
    rows += hidden.preview()
    seen: list[JsonValue] = [one.seen() for one in (*outside, *hidden.effects)]
    told = [*acts, *hidden.sentences(), *unknown]
    return _extend(effect, told, {"outside": rows} if rows else {}, [*seen, *unknown])


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
        alerts = await planning.client.list_alerts()
    except ApiError:
        return [*sentences, ITS_ALERTS_UNKNOWN]
    return [*sentences, *([NOTIFIES] if any(one.enabled and one.query_id == query.id for one in alerts) else [])]


def _select_outside(effects: Sequence[QueryEffect]) -> tuple[list[QueryEffect], HiddenEffects]:
    """Return the effects that act outside, apart from those of queries that may not be shown."""
    outside = [one for one in effects if one.acts_outside]
    return [one for one in outside if one.is_shown], HiddenEffects([one for one in outside if not one.is_shown])


async def list_account_queries(planning: Planning, attempt: Attempt = once) -> Sequence[SavedQuery] | None:
    """Return the account's saved queries; None if they are unknown, also where the account has no list of them: what
    they feed may be there all the same.
    """
    try:
        return await attempt(planning.client.list_queries)
    except ApiError:
        return None


class _QueryComparison:
    """Compares saved queries with events, a page of them at a time."""

    def __init__(self, write_policy: WritePolicy, queries: Sequence[SavedQuery]) -> None:
        self._write_policy = write_policy
        shown = [may_show_query(query, write_policy.read_policy) for query in queries]
        # First those that may be shown, so that what is found of them does not depend on the others.
        ordered = sorted(zip(shown, queries, strict=True), key=lambda pair: not pair[0])
        self._queries = [(query, is_shown) for is_shown, query in ordered]
        self._size = sum(len(query.query_json) for query in queries)
        self._effects: list[tuple[QueryEffect, EventSearch | None]] = []

    async def add(self, transitions: Sequence[Transition]) -> None:
        """Add what happens to these events. Many are compared in a thread."""
        size = self._size + 100 * len(self._queries) * len(transitions)
        if size <= 100 * MAX_INLINE:
            self._compare(transitions)
        else:
            await anyio.to_thread.run_sync(self._compare, transitions)

    def affected(self) -> list[QueryEffect]:
        """Return the effects on queries, without queries that are not affected."""
        return [one for one, _ in self._effects if one.found or one.may_find or one.changes_block_list]

    def _compare(self, transitions: Sequence[Transition]) -> None:
        if not self._effects:
            read = [(query, is_shown, _read_search(query)) for query, is_shown in self._queries]
            self._effects = [(QueryEffect(query, search is not None, shown), search) for query, shown, search in read]
        left = MAX_COMPARISONS
        for effect, search in self._effects:
            if search is not None:
                left -= len(transitions) * (1 + len(search.search) + sum(map(len, search.search_branches)))
            # Of many events, few are in different datasets, and an account may have thousands of those.
            covers = cache(partial(_covers, self._write_policy, search)) if search else None
            for one in transitions:
                if search is None or covers is None or left < 0:
                    may_find, may_lose = None if one.after else False, None if one.before else False
                    effect.add(one, Found(may_find, may_lose, None if one.before and one.after else False))
                else:
                    before, after = (state.event.dataset_id if state else None for state in (one.before, one.after))
                    effect.add(one, compare_states(one, search, (covers(before), covers(after))))


def _read_search(query: SavedQuery) -> EventSearch | None:
    try:
        return read_search(query.query_json)
    except NotASearch:
        return None


def _covers(write_policy: WritePolicy, search: EventSearch, dataset_id: str | None) -> Verdict:
    """Whether a search covers a dataset; False for that of an event that does not exist."""
    return False if dataset_id is None else covers_dataset(search.dataset_id, dataset_id, write_policy.known)


async def _read_frequencies(
    planning: Planning, effects: Sequence[QueryEffect], attempt: Attempt = once
) -> tuple[list[QueryEffect], list[str]]:
    """Return the effects with the frequencies of the enabled alerts on their queries, and a sentence if unknown."""
    if not any(one.found or one.may_find for one in effects):
        return [*effects], []
    try:
        alerts = await attempt(planning.client.list_alerts)
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
