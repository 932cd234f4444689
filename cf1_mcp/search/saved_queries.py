"""Saved queries as searches.

The grammar of `query_json` is not published. It is read as the parameters of an event list, and strictly: the API may
understand a parameter that this server does not know, and the search would be another one without it.
"""

import json
import math
from collections.abc import Iterable
from typing import Annotated, Final

from mcp.server.mcpserver import Resolve
from pydantic import JsonValue, TypeAdapter, ValidationError

from cf1_mcp.api.client import ThreatEventsClient
from cf1_mcp.context import Client
from cf1_mcp.errors import BadArgument, Withheld, unknown_word
from cf1_mcp.models import EventSearch, SavedQuery
from cf1_mcp.policy.dataset_scope import is_scope_word
from cf1_mcp.policy.read_policy import DATASET_RULE, CurrentReadPolicy, ReadPolicy
from cf1_mcp.store.confirmation_codes import canonicalize
from cf1_mcp.text.limits import MAX_NAME_LENGTH
from cf1_mcp.text.sanitize import clean

MAX_ID_DIGITS: Final = 15
# Without `cursor`, which contains datasets of its own.
FILTERS: Final = ("datasetId", "search", "searchBranches")
PARAMETERS: Final = (*FILTERS, "orderBy", "order", "page", "pageSize", "format", "forceRefresh", "cache")
EXAMPLE: Final = (
    '{"datasetId": ["a name or uuid"], "search": [{"field": "attacker", "op": "equals", "value": "a name"}]}'
)
# Of an id. A longer number can only be a name.
MAX_DIGITS: Final = 18
_OBJECT: Final = TypeAdapter[dict[str, JsonValue]](dict[str, JsonValue])


class NotASearch(ValueError):
    """The text of a query cannot be read as a search. It has the problem and what is valid, as `BadArgument` does."""

    def __init__(self, problem: str, valid: str) -> None:
        super().__init__(problem)
        self.problem = problem
        self.valid = valid


def read_search(text: str) -> EventSearch:
    """Return the search in a `query_json`.

    Raises:
        NotASearch: it is none, or has a parameter that this server does not know.
    """
    return EventSearch.model_validate(read_parameters(text))


def read_parameters(text: str) -> dict[str, JsonValue]:
    """Return the parameters in a `query_json`, of which an `EventSearch` can be made. Raises the same as `read_search`.

    Only the API's own spelling is known: it would ignore `dataset_id` and search the default dataset instead.
    """
    given = parse_object(text)
    if given is None:
        raise NotASearch("this is not a JSON object with distinct keys", f"a text such as {EXAMPLE}")
    if unknown := [name for name in given if name not in PARAMETERS]:
        raise NotASearch(f"a search has no parameter {clean(unknown[0], MAX_NAME_LENGTH)!r}", ", ".join(PARAMETERS))
    if isinstance(given.get("datasetId"), str):
        given["datasetId"] = [given["datasetId"]]
    try:
        EventSearch.model_validate(given)
    except ValidationError as error:
        where = ".".join(str(part) for part in error.errors(include_url=False)[0]["loc"])
        raise NotASearch(f"{clean(where, MAX_NAME_LENGTH)} is not valid in a search", EXAMPLE) from None
    return given


def parse_object(text: str) -> dict[str, JsonValue] | None:
    """Return the object in a `query_json`, without null values. None if it is not a JSON object or repeats a key: of
    two values the API might take the other one.
    """
    try:
        found = _OBJECT.validate_python(
            json.loads(
                text, object_pairs_hook=_reject_repeated_keys, parse_float=_parse_finite, parse_constant=_parse_finite
            )
        )
        canonicalize(found).decode()  # fails if it is nested too deeply or contains lone surrogates
    except (ValueError, RecursionError):
        return None
    return {name: value for name, value in found.items() if value is not None}


def _reject_repeated_keys(pairs: list[tuple[str, JsonValue]]) -> dict[str, JsonValue]:
    found = dict(pairs)
    if len(found) < len(pairs):
        raise ValueError("a key is repeated")
    return found


def _parse_finite(number: str) -> float:
    if not math.isfinite(found := float(number)):
        raise ValueError(f"JSON has no {number}")
    return found


def may_show_query(saved: SavedQuery, policy: ReadPolicy) -> bool:
    """Whether a saved query may be shown: it names no dataset that may not be read, and no tag that is withheld.

    A scope word, or no dataset, names none. Where lists restrict reading, an unreadable text may name any.
    """
    given = parse_object(saved.query_json)
    if _names_any(policy.withheld_tags or (), saved.query_json) if given is None else policy.names_withheld_tag(given):
        return False
    if not policy.restricted:
        return True
    try:
        named = read_search(saved.query_json).dataset_id
    except NotASearch:
        return False
    return all(is_scope_word(name) or policy.allows_name(name) for name in named)


def _names_any(tags: Iterable[str], text: str) -> bool:
    """Whether one of the tags is anywhere in the text of a query that is not an object of JSON."""
    folded = text.casefold()
    return any(tag in folded for tag in tags)


async def list_readable_queries(client: ThreatEventsClient, policy: ReadPolicy) -> list[SavedQuery]:
    """Return the saved queries that may be shown."""
    return [saved for saved in await client.list_queries() if may_show_query(saved, policy)]


async def read_readable_query(client: ThreatEventsClient, policy: ReadPolicy, query_id: int) -> SavedQuery:
    """Return a saved query.

    Raises:
        NotFound: there is none with this id.
        Withheld: it names a dataset that may not be read.
    """
    saved = await client.read_query(query_id)
    if not may_show_query(saved, policy):
        raise Withheld("This saved query", DATASET_RULE)
    return saved


async def _saved_search(client: Client, policy: CurrentReadPolicy, query_id: str | None) -> EventSearch:
    """Return the search of a saved query; an empty one if the call names none."""
    if query_id is None:
        return EventSearch()
    saved = await _find_query(client, policy, query_id)
    try:
        return read_search(saved.query_json)
    except NotASearch as error:
        raise BadArgument(
            "query_id",
            f"the text of saved query {saved.id} is not a search that this server can run",
            "list_saved_queries to read it, and the filters of this tool instead",
            words=[str(error)],
        ) from None


async def _find_query(client: ThreatEventsClient, policy: ReadPolicy, query: str) -> SavedQuery:
    """Return the saved query with an id, or with a name in any case."""
    name = query.strip()
    if name.isdecimal():
        if len(name) > MAX_ID_DIGITS:
            raise BadArgument("query_id", f"a number of {len(name)} digits is not an id", "an id, or a name")
        return await read_readable_query(client, policy, int(name))
    listed = await list_readable_queries(client, policy)
    for saved in listed:
        if saved.name.strip().casefold() == name.casefold():
            return saved
    names = [clean(saved.name, MAX_NAME_LENGTH) for saved in listed]
    problem = f"there is no saved query {clean(name, MAX_NAME_LENGTH)!r}"
    valid = "an id, or one of these" if names else "an id from list_saved_queries"
    raise unknown_word("query_id", problem, name, names, valid)


SavedSearch = Annotated[EventSearch, Resolve(_saved_search)]
