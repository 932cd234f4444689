"""What a saved query reaches: which datasets, whether the operator's rules cover them, and what a block list gets.

The grammar of `query_json` is unpublished; it is read as the parameters of a list. It is read strictly, because what is
not understood could reach anything.
"""

import json
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from pydantic import JsonValue, TypeAdapter, ValidationError

from cf1_mcp.answers.pages import withheld_facts
from cf1_mcp.api.client import ThreatEventsClient
from cf1_mcp.errors import BadArgument, Withheld
from cf1_mcp.models import Dataset, Event, EventSearch, SavedQuery
from cf1_mcp.policy.reading import SCOPE_WORDS, Reading
from cf1_mcp.policy.writing import Writing
from cf1_mcp.search.conditions import MAX_BRANCHES, MAX_CONDITIONS
from cf1_mcp.settings import EVERY_DATASET
from cf1_mcp.store.confirmation_codes import canonical
from cf1_mcp.text.limits import MAX_NAME_LENGTH
from cf1_mcp.text.sanitize import clean

# Invented: where a query names no dataset it reaches the one that lists default to, known by this name.
DEFAULT_DATASET: Final = "Cloudforce One Threat Events"
# A cursor is left out: it carries datasets of its own.
FILTERS: Final = ("datasetId", "search", "searchBranches")
PARAMETERS: Final = (*FILTERS, "orderBy", "order", "page", "pageSize", "format", "forceRefresh", "cache")
EXAMPLE: Final = (
    '{"datasetId": ["a name or uuid"], "search": [{"field": "attacker", "op": "equals", "value": "a name"}]}'
)
MAX_COUNTED: Final = 1000

Rule = Callable[[str, str], Dataset]
_OBJECT: Final = TypeAdapter[dict[str, JsonValue]](dict[str, JsonValue])


@dataclass(frozen=True)
class Reach:
    """What a query finds: `search` holds its filters alone, `datasets` the uuids of what it reaches, each of them
    covered by the rule. `text` is the `query_json` that says so, datasets by uuid.
    """

    search: EventSearch
    datasets: tuple[str, ...]
    text: str


@dataclass(frozen=True)
class Blocking:
    """What a block list has to do with a change: in words, in numbers, and the matching events that may be seen."""

    said: str = ""
    facts: Mapping[str, JsonValue] = field(default_factory=dict[str, JsonValue])
    events: Sequence[Event] = ()


async def blocking(client: ThreatEventsClient, reach: Reach, reading: Reading) -> Blocking:
    """What a query with an enabled rule blocks as things stand now."""
    page = await client.list_events(reach.search.model_copy(update={"page_size": MAX_COUNTED}))
    more = len(page.result) >= MAX_COUNTED or bool(page.result_info.cursor)
    events, withheld = reading.admit(page.result)
    count = f"at least {len(events)}" if more else str(len(events))
    said = f"A block list (WAF or Gateway) changes: what the query finds feeds it, and now that is {count} events."
    if withheld:
        said += f" {sum(withheld.values())} more are withheld here and feed it too."
    return Blocking(said, {"matches_now": count, **withheld_facts(withheld)}, events)


def reach_of_new(query_json: str, writing: Writing) -> Reach:
    """The reach of a query that is about to be made, held to the write list.

    Raises:
        BadArgument: it is no search, or names a dataset that does not exist.
        Withheld: it reaches a dataset that may not be written.
    """
    reach = _reach(query_json, writing, writing.to_write, "query_json")
    groups = (reach.search.search, *reach.search.search_branches)
    if len(reach.search.search_branches) > MAX_BRANCHES or any(len(group) > MAX_CONDITIONS for group in groups):
        raise BadArgument(
            "query_json",
            "it holds more conditions than the API takes",
            f"at most {MAX_CONDITIONS} conditions, and {MAX_BRANCHES} branches of {MAX_CONDITIONS}",
        )
    return reach


def reach_of_saved(query: SavedQuery, writing: Writing, rule: Rule) -> Reach:
    """The reach of a query as it is, held to `rule` (`writing.to_write` or `writing.to_destroy`).

    Raises:
        BadArgument: it cannot be told which datasets it reaches.
        Withheld: it reaches a dataset that the rule does not cover.
    """
    try:
        return _reach(query.query_json, writing, rule, "query_id")
    except BadArgument:
        raise BadArgument(
            "query_id",
            f"it cannot be told which datasets saved query {query.id} reaches, so it is left alone",
            "list_saved_queries to see its text, and leave the change to the person",
        ) from None


def parsed_search(text: str) -> dict[str, JsonValue] | None:
    """The parameters in a `query_json`, absent ones left out. None where it is no JSON object, or says a thing twice:
    of two values the API might take the other one.
    """
    try:
        found = _OBJECT.validate_python(
            json.loads(text, object_pairs_hook=_distinct, parse_float=_finite, parse_constant=_finite)
        )
        canonical(found).decode()  # fails where it is nested too deep, or holds halves of characters
    except (ValueError, RecursionError):
        return None
    return {name: value for name, value in found.items() if value is not None}


def _reach(text: str, writing: Writing, rule: Rule, argument: str) -> Reach:
    given = parsed_search(text)
    if given is None:
        raise BadArgument(argument, "this is no JSON object that says each thing once", f"a text such as {EXAMPLE}")
    # The API's own spelling alone: `dataset_id` would be passed over, and the default dataset searched instead.
    if unknown := [name for name in given if name not in PARAMETERS]:
        raise BadArgument(argument, f"a search has no {clean(unknown[0], MAX_NAME_LENGTH)!r}", ", ".join(PARAMETERS))
    if isinstance(given.get("datasetId"), str):
        given["datasetId"] = [given["datasetId"]]
    try:
        search = EventSearch.model_validate(given)
    except ValidationError as error:
        where = ".".join(str(part) for part in error.errors(include_url=False)[0]["loc"])
        raise BadArgument(argument, f"{clean(where, MAX_NAME_LENGTH)} is not as in a search", EXAMPLE) from None
    ids, datasets = _datasets(search.dataset_id, writing, rule, argument)
    kept = {name: value for name, value in given.items() if name in FILTERS} | {"datasetId": [*ids]}
    return Reach(
        EventSearch.model_validate(kept), datasets, json.dumps(given | {"datasetId": [*ids]}, ensure_ascii=False)
    )


def _datasets(
    asked: Sequence[str], writing: Writing, rule: Rule, argument: str
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """What stands for the datasets in the query, and the uuids of all that it reaches."""
    words = [word for word in asked if _plain(word) in (*SCOPE_WORDS, "*")]
    if words:
        if len(asked) > 1:
            raise BadArgument(argument, f"the scope word {words[0]!r} stands alone", "it alone, or a list of datasets")
        return _scope(_plain(words[0]).replace("*", "all"), writing, rule, argument)
    names = asked or _default(writing, argument)
    uuids = tuple(dict.fromkeys(rule(name, argument).uuid for name in names))
    return uuids, uuids


def _scope(word: str, writing: Writing, rule: Rule, argument: str) -> tuple[tuple[str, ...], tuple[str, ...]]:
    inside = [one for one in writing.known if word == "all" or one.is_analytics == (word == "analytics")]
    if not inside:
        raise BadArgument(argument, f"there are no {word} datasets", "datasets by name or uuid")
    try:
        uuids = tuple(rule(dataset.uuid, argument).uuid for dataset in inside)
    except Withheld as withheld:
        raise Withheld(f"{argument}: a query that reaches every dataset under {word!r}", withheld.rule) from None
    # Under a closed list the word gives way to what it means now: later it would take in datasets made since.
    closed = writing.operator.write_datasets != EVERY_DATASET or writing.reading.restricted
    return uuids if closed else (word,), uuids


def _default(writing: Writing, argument: str) -> Sequence[str]:
    named = [one.uuid for one in writing.known if _plain(one.name) == _plain(DEFAULT_DATASET)]
    if len(named) != 1:
        raise BadArgument(argument, "it names no dataset, and which is the default one cannot be told", EXAMPLE)
    return named


def _distinct(pairs: list[tuple[str, JsonValue]]) -> dict[str, JsonValue]:
    found = dict(pairs)
    if len(found) < len(pairs):
        raise ValueError("a name stands twice")
    return found


def _finite(number: str) -> float:
    if not math.isfinite(found := float(number)):
        raise ValueError(f"JSON has no {number}")
    return found


def _plain(name: str) -> str:
    return name.strip().casefold()
