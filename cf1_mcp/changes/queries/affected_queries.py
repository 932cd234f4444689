"""Finds the saved queries that match events which are about to be removed.

Queries are compared with the events here, as far as that is certain. The API is asked for the rest, a few queries at
most, because each costs a request.
"""

from collections.abc import Sequence
from functools import cache, partial
from typing import Final

from pydantic import JsonValue

from cf1_mcp.api.client import ThreatEventsClient
from cf1_mcp.api.concurrency import gather
from cf1_mcp.changes.effect import Planning
from cf1_mcp.changes.queries.query_scope import covers_dataset
from cf1_mcp.errors import ApiError, BadArgument
from cf1_mcp.events.transitions import describe_deletion
from cf1_mcp.models import Condition, Event, EventSearch, SavedQuery
from cf1_mcp.policy.conditions.condition_matching import match_search
from cf1_mcp.policy.conditions.condition_values import Verdict, all_of
from cf1_mcp.policy.read_policy import ReadPolicy
from cf1_mcp.policy.visible_events import visible_pages
from cf1_mcp.search.conditions import MAX_CONDITIONS
from cf1_mcp.search.query_grammar import is_search, read_search
from cf1_mcp.search.saved_queries import may_show_query
from cf1_mcp.text.limits import MAX_NAME_LENGTH
from cf1_mcp.text.plurals import plural
from cf1_mcp.text.sanitize import clean
from cf1_mcp.text.uuids import id_key

MAX_QUERIES: Final = 20
MAX_ASKED: Final = 3  # queries for which the API is asked
MAX_IDS: Final = 100
OTHER_GRAMMAR: Final = "may find these events, which cannot be told: its text is in another grammar"


async def find_affected_queries(
    planning: Planning, events: Sequence[Event], account_queries: Sequence[SavedQuery] | None
) -> dict[str, JsonValue]:
    """Return a sentence for each saved query that finds any of the events or could not be checked.

    `account_queries` are those of the account, None if they are unknown. The sentences contain names of queries, which
    are untrusted. Queries that may not be shown are left out.
    """
    if account_queries is None:
        return {"saved_queries": ["unknown: they could not be listed"]}
    policy = planning.write_policy.read_policy
    queries = [query for query in account_queries if may_show_query(query, policy)]
    sentences_of: dict[int, str] = {}
    unclear: list[tuple[int, SavedQuery]] = []
    for place, query in enumerate(queries[:MAX_QUERIES]):
        if not is_search(query.query_json):
            sentences_of[place] = f"{_title(query)} {OTHER_GRAMMAR}{_feeds(query)}"
        elif None in (verdicts := _compare(planning, query, events)):
            unclear.append((place, query))
        else:
            sentences_of[place] = _describe_count(query, sum(map(bool, verdicts)))
    asked = unclear[:MAX_ASKED]
    event_ids = [event.uuid for event in events[:MAX_IDS]]
    found = await gather(partial(_describe, planning.client, policy, query, event_ids) for _, query in asked)
    sentences_of |= {place: sentence for (place, _), sentence in zip(asked, found, strict=True)}
    for place, query in unclear[MAX_ASKED:]:
        verdicts = _compare(planning, query, events)
        may = sum(one is not False for one in verdicts)
        sentences_of[place] = f"{_title(query)} may find up to {may} of these events{_feeds(query)}"
    sentences = [sentence for _, sentence in sorted(sentences_of.items()) if sentence]
    if asked and len(events) > MAX_IDS:
        sentences.append(f"only the first {MAX_IDS} of {len(events)} events were checked")
    if len(queries) > MAX_QUERIES:
        more = plural(len(queries) - MAX_QUERIES, "more query was", "more queries were")
        sentences.append(f"{more} not checked")
    return {"saved_queries": [*sentences]} if sentences else {}


async def _describe(client: ThreatEventsClient, policy: ReadPolicy, query: SavedQuery, event_ids: Sequence[str]) -> str:
    """Return a sentence on which of the events a query finds; empty if it finds none."""
    name, block_list = _title(query), _feeds(query)
    search = _narrow_search(query, event_ids)
    if search is None:
        return f"{name} could not be checked: it is not a search that can be narrowed to these events{block_list}"
    try:
        pages = [page async for page in visible_pages(client, search, policy)]
    except ApiError:
        return f"{name} could not be checked: its search failed{block_list}"
    except BadArgument:
        return f"{name} could not be checked: it asks for children in a group{block_list}"
    count = len({id_key(event.uuid) for page in pages for event in page})
    return _describe_count(query, count)


def _describe_count(query: SavedQuery, count: int) -> str:
    return f"{_title(query)} finds {count} of these events{_feeds(query)}" if count else ""


def _title(query: SavedQuery) -> str:
    return f"{query.id} {clean(query.name, MAX_NAME_LENGTH)!r}"


def _feeds(query: SavedQuery) -> str:
    return ", and feeds a block list" if query.rule_enabled else ""


def _compare(planning: Planning, query: SavedQuery, events: Sequence[Event]) -> list[Verdict]:
    """Return for each event whether a query finds it."""
    search = read_search(query.query_json)
    known, policy = planning.write_policy.known, planning.write_policy.read_policy

    @cache
    def covers(dataset_id: str) -> Verdict:
        return covers_dataset(search.dataset_id, dataset_id, known)

    states = [describe_deletion(event).as_seen_by(policy).before for event in events]
    return [all_of((covers(one.event.dataset_id), match_search(one, search))) for one in states if one]


def _narrow_search(query: SavedQuery, event_ids: Sequence[str]) -> EventSearch | None:
    """Return the search of a query, limited to the events; None if it has too many conditions."""
    search = read_search(query.query_json)
    if len(search.search) >= MAX_CONDITIONS:
        return None
    among = Condition(field="uuid", op="in", value=[*event_ids])
    return search.model_copy(update={"search": [*search.search, among], "page": 1, "page_size": MAX_IDS})
