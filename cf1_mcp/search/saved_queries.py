"""Saved queries as searches: which of them may be shown, and the one that a call runs."""

import re
from collections.abc import Iterable
from itertools import chain
from typing import Annotated, Final

from mcp.server.mcpserver import Resolve

from cf1_mcp.api.client import ThreatEventsClient
from cf1_mcp.api.concurrency import run_in_thread
from cf1_mcp.api.failures import NO_QUERIES
from cf1_mcp.context import Client
from cf1_mcp.errors import BadArgument, NotFound, Refused, Withheld, unknown_word
from cf1_mcp.models import EventSearch, SavedQuery
from cf1_mcp.policy.dataset_scope import is_scope_word
from cf1_mcp.policy.read_policy import DATASET_RULE, CurrentReadPolicy, ReadPolicy
from cf1_mcp.search.query_grammar import NotASearch, parse_object, read_search
from cf1_mcp.text.limits import MAX_NAME_LENGTH
from cf1_mcp.text.sanitize import clean

MAX_ID_DIGITS: Final = 15
_ESCAPED: Final = re.compile(r"\\u([0-9a-fA-F]{4})")


def may_show_query(saved: SavedQuery, policy: ReadPolicy) -> bool:
    """Whether a saved query may be shown: it names no dataset that may not be read, and no tag that is withheld.

    A scope word, or no dataset, names none. Where lists restrict reading, a text in another grammar may name any. While
    the tags that are withheld are unknown, every tag counts as one.
    """
    try:
        search = read_search(saved.query_json)
    except NotASearch:
        tags = policy.withheld_tags
        return not policy.restricted and tags is not None and not _mentions_any(tags, saved.query_json)
    if policy.names_withheld_tag(parse_object(saved.query_json)):
        return False
    if policy.withheld_tags is None and any(
        one.field == "tags" for one in chain(search.search, *search.search_branches)
    ):
        return False
    return not policy.restricted or all(is_scope_word(name) or policy.allows_name(name) for name in search.dataset_id)


def _mentions_any(tags: Iterable[str], text: str) -> bool:
    """Whether one of the tags is anywhere in a text in another grammar, or in the texts that it has as JSON."""
    texts = [text, _ESCAPED.sub(lambda escape: chr(int(escape[1], 16)), text)]
    return any(tag in one.casefold() for tag in tags for one in texts)


async def list_account_queries(client: ThreatEventsClient) -> list[SavedQuery]:
    """Return the saved queries of the account, for what is about them.

    Raises:
        NotFound: the account has no saved queries.
    """
    try:
        return await client.list_queries()
    except (NotFound, Refused) as error:
        raise NotFound(NO_QUERIES, error.status) from None


async def read_account_query(client: ThreatEventsClient, query_id: int) -> SavedQuery:
    """Return a saved query. If it does not exist, the error states whether the account has saved queries at all."""
    try:
        return await client.read_query(query_id)
    except (NotFound, Refused):
        await list_account_queries(client)
        raise


async def list_readable_queries(client: ThreatEventsClient, policy: ReadPolicy) -> list[SavedQuery]:
    """Return the saved queries that may be shown. Raises the same as `list_account_queries`."""
    queries = await list_account_queries(client)
    # An account may have thousands, with long texts.
    return await run_in_thread(lambda: [saved for saved in queries if may_show_query(saved, policy)])


async def read_readable_query(client: ThreatEventsClient, policy: ReadPolicy, query_id: int) -> SavedQuery:
    """Return a saved query.

    Raises:
        NotFound: there is none with this id.
        Withheld: it names a dataset that may not be read.
    """
    saved = await read_account_query(client, query_id)
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
            f"the text of saved query {saved.id} is in another grammar than the one that this server runs",
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
