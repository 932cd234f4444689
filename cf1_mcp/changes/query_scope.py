"""Finds out which datasets a saved query searches, whether the rules allow them, and what it feeds to a block list.

The text of a query is read strictly, because an unknown parameter could extend the search to any dataset.
"""

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Final

from pydantic import JsonValue

from cf1_mcp.answers.pages import withheld_facts
from cf1_mcp.changes.effect import Facts, Planning
from cf1_mcp.errors import BadArgument, Withheld
from cf1_mcp.models import Dataset, Event, EventSearch, SavedQuery
from cf1_mcp.policy.dataset_scope import SCOPE_WORDS
from cf1_mcp.policy.datasets import dataset_key
from cf1_mcp.policy.write_policy import DELETE_RULE, WRITE_RULE, WritePolicy
from cf1_mcp.search.conditions import MAX_BRANCHES, MAX_CONDITIONS
from cf1_mcp.search.saved_queries import EXAMPLE, FILTERS, NotASearch, read_parameters
from cf1_mcp.settings import EVERY_DATASET
from cf1_mcp.text.plurals import plural

# Invented: a query that names no dataset searches the default dataset of event lists, which has this name.
DEFAULT_DATASET: Final = "Cloudforce One Threat Events"
MAX_COUNTED: Final = 1000

Rule = Callable[[str, str], Dataset]


@dataclass(frozen=True)
class QueryScope:
    """What a query searches. `search` has its filters, `datasets` the uuids of all datasets that it searches, each
    allowed by the rule. `query_json` is its text with datasets by uuid.
    """

    search: EventSearch
    datasets: tuple[str, ...]
    query_json: str


@dataclass(frozen=True)
class BlockListImpact:
    """How a change affects a block list: warnings and facts for its preview, and matching events."""

    warnings: tuple[str, ...] = ()
    facts: Facts = field(default_factory=dict[str, JsonValue])
    untrusted: Facts = field(default_factory=dict[str, JsonValue])
    events: Sequence[Event] = ()


async def find_block_list_impact(planning: Planning, scope: QueryScope, *, has_rule: bool) -> BlockListImpact:
    """Return what a query blocks now, if its rule is or becomes enabled."""
    if not has_rule:
        return BlockListImpact()
    page = await planning.client.list_events(scope.search.model_copy(update={"page_size": MAX_COUNTED}))
    more = len(page.result) >= MAX_COUNTED or bool(page.result_info.cursor)
    events, withheld = planning.write_policy.read_policy.admit(page.result)
    at_least = "at least " if more else ""
    warning = (
        "This changes a block list (WAF or Gateway): the query feeds it, and currently finds "
        f"{at_least}{plural(len(events), 'event')}."
    )
    if hidden := sum(withheld.values()):
        warning += f" It also finds {plural(hidden, 'event')} that the rules withhold here."
    facts: dict[str, JsonValue] = {"matches_now": f"{at_least}{len(events)}"}
    return BlockListImpact((warning,), facts, withheld_facts(withheld), events)


def resolve_new_scope(query_json: str, planning: Planning) -> QueryScope:
    """Return the scope of a query that is about to be saved. The write list must allow it.

    Raises:
        BadArgument: it is not a search, or names a dataset that does not exist.
        Withheld: it searches a dataset that may not be written.
    """
    argument = planning.argument("query_json")
    scope = _read_scope(query_json, planning.write_policy, planning.write_policy.require_writable, argument)
    groups = (scope.search.search, *scope.search.search_branches)
    if len(scope.search.search_branches) > MAX_BRANCHES or any(len(group) > MAX_CONDITIONS for group in groups):
        raise BadArgument(
            argument,
            "it has more conditions than the API accepts",
            f"at most {MAX_CONDITIONS} conditions, and {MAX_BRANCHES} branches of {MAX_CONDITIONS}",
        )
    return scope


def resolve_saved_scope(query: SavedQuery, planning: Planning, rule: Rule) -> QueryScope:
    """Return the scope of a saved query. `rule` is `require_writable` or `require_destroyable` of the policy.

    Raises:
        BadArgument: it is unclear which datasets it searches.
        Withheld: it searches a dataset that the rule does not allow.
    """
    argument = planning.argument("query_id")
    try:
        return _read_scope(query.query_json, planning.write_policy, rule, argument)
    except BadArgument:
        raise BadArgument(
            argument,
            f"it is unclear which datasets saved query {query.id} searches, so it is not changed",
            "list_saved_queries to see its text, and leave the change to the person",
        ) from None


def _read_scope(text: str, write_policy: WritePolicy, rule: Rule, argument: str) -> QueryScope:
    try:
        given = read_parameters(text)
    except NotASearch as error:
        raise BadArgument(argument, error.problem, error.valid) from None
    search = EventSearch.model_validate(given)
    ids, datasets = _resolve_datasets(search.dataset_id, write_policy, rule, argument)
    kept = {name: value for name, value in given.items() if name in FILTERS} | {"datasetId": [*ids]}
    query_json = json.dumps(given | {"datasetId": [*ids]}, ensure_ascii=False)
    return QueryScope(EventSearch.model_validate(kept), datasets, query_json)


def _resolve_datasets(
    names: Sequence[str], write_policy: WritePolicy, rule: Rule, argument: str
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Return the datasets as the query is to name them, and the uuids of all datasets that it searches."""
    words = [word for word in names if dataset_key(word) in (*SCOPE_WORDS, "*")]
    if words:
        if len(names) > 1:
            problem = f"the scope word {words[0]!r} cannot be combined"
            raise BadArgument(argument, problem, "it alone, or a list of datasets")
        return _resolve_scope_word(dataset_key(words[0]).replace("*", "all"), write_policy, rule, argument)
    uuids = tuple(
        dict.fromkeys(rule(name, argument).uuid for name in names or _find_default_dataset(write_policy, argument))
    )
    return uuids, uuids


def _resolve_scope_word(
    word: str, write_policy: WritePolicy, rule: Rule, argument: str
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    if write_policy.read_policy.restricted:
        # Whatever datasets there are beyond the list: an error that depended on them would tell of them.
        setting = DELETE_RULE if rule == write_policy.require_destroyable else WRITE_RULE
        raise Withheld(f"{argument}: a query that searches every dataset under {word!r}", setting)
    inside = [one for one in write_policy.known if word == "all" or one.is_analytics == (word == "analytics")]
    if not inside:
        raise BadArgument(argument, f"there are no {word} datasets", "datasets by name or uuid")
    try:
        uuids = tuple(rule(dataset.uuid, argument).uuid for dataset in inside)
    except Withheld as withheld:
        raise Withheld(f"{argument}: a query that searches every dataset under {word!r}", withheld.rule) from None
    # Under a closed list the word is replaced by its current datasets, because it would include new ones later.
    closed = write_policy.settings.write_datasets != EVERY_DATASET
    return uuids if closed else (word,), uuids


def _find_default_dataset(write_policy: WritePolicy, argument: str) -> Sequence[str]:
    default = write_policy.read_policy.account.find(DEFAULT_DATASET)
    if not isinstance(default, Dataset) or not write_policy.read_policy.may_read(default.uuid):
        raise BadArgument(argument, "it names no dataset, and it is unclear which one is the default", EXAMPLE)
    return [default.uuid]
