"""Finds out which datasets a saved query searches, whether the rules allow them, and what it feeds to a block list.

The text of a query is read strictly, because an unknown parameter could extend the search to any dataset. A query whose
datasets are unclear may search any of them, so every dataset of the account must be allowed.
"""

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Final

from pydantic import JsonValue

from cf1_mcp.answers.columns import MAX_CELL_LENGTH
from cf1_mcp.changes.effect import Facts, Planning
from cf1_mcp.errors import BadArgument, Withheld
from cf1_mcp.models import Dataset, Event, EventSearch, SavedQuery
from cf1_mcp.policy.conditions.condition_values import Verdict, any_of
from cf1_mcp.policy.dataset_scope import DEFAULT_DATASET, SCOPE_WORDS, find_default_dataset
from cf1_mcp.policy.datasets import dataset_key
from cf1_mcp.policy.visible_events import visible_pages
from cf1_mcp.policy.write_policy import DELETE_RULE, WRITE_RULE, WritePolicy
from cf1_mcp.search.conditions import MAX_BRANCHES, MAX_CONDITIONS
from cf1_mcp.search.query_grammar import EXAMPLE, FILTERS, NotASearch, is_search, read_parameters
from cf1_mcp.search.saved_queries import may_show_query
from cf1_mcp.settings import EVERY_DATASET
from cf1_mcp.text.plurals import plural
from cf1_mcp.text.sanitize import clean
from cf1_mcp.text.uuids import id_key, parse_uuid

MAX_MATCHES: Final = 10_000
MAX_CHECKED: Final = 1_000  # where the children of each event have to be read
PAGE_SIZE: Final = 1_000
MAX_SAMPLE: Final = 10
# Of a new query: ten conditions and eight groups of them, with values of usual length.
MAX_TEXT_LENGTH: Final = 100_000

NOT_UNDERSTOOD: Final = (
    "Its text is in another grammar than the one that this server reads, so which datasets it searches and what it "
    "finds cannot be told."
)
WAS_UNTOLD: Final = "Its old text is not understood, so what it found until now cannot be told."
UNCLEAR_DATASETS: Final = "It is unclear which datasets it searches, so what it finds cannot be told."

Rule = Callable[[str, str], Dataset]


@dataclass(frozen=True)
class QueryScope:
    """What a query searches. `search` has its filters, `datasets` the uuids of all datasets that it searches, each
    allowed by the rule. `query_json` is its text with datasets by uuid.

    Of a query that is not understood, `search` is None, `datasets` are all of the account, `untold` says so, and every
    change needs a code.
    """

    search: EventSearch | None
    datasets: tuple[str, ...]
    query_json: str
    untold: str = ""

    @property
    def warnings(self) -> tuple[str, ...]:
        return (self.untold,) if self.untold else ()


@dataclass(frozen=True)
class QueryImpact:
    """What a change of a query, or of an alert on it, does outside: parts of its preview.

    A code is bound to `events`, and to `seen`, which has what the query found before.
    """

    warnings: tuple[str, ...] = ()
    facts: Facts = field(default_factory=dict[str, JsonValue])
    untrusted: Facts = field(default_factory=dict[str, JsonValue])
    events: Sequence[Event] = ()
    seen: JsonValue = None


async def find_query_impact(
    planning: Planning,
    scope: QueryScope,
    warnings: Sequence[str],
    old_scope: QueryScope | None = None,
    *,
    argument: str | None = None,
) -> QueryImpact:
    """Return what a query finds now that acts outside in the ways that `warnings` say; nothing if there are none.

    With `old_scope`, the impact says as well how the events that it finds differ from those that it found before.
    `argument` is the one by which the query begins to act, if it does.

    Raises:
        BadArgument: it begins to act, and what it finds cannot be told although it is understood.
    """
    if scope.search is None:
        return QueryImpact((*warnings, *scope.warnings))
    was_untold = (WAS_UNTOLD,) if old_scope and old_scope.search is None else ()
    if not warnings:
        return QueryImpact(was_untold)
    try:
        events, has_more = await _find_matches(planning, scope.search)
    except BadArgument as error:
        # What may be seen cannot be told apart: the search asks for children in a group.
        if argument is not None:
            problem = "it acts outside, and what it finds cannot be shown: hasChildren is in a group of conditions"
            raise BadArgument(planning.argument(argument), problem, "hasChildren outside of groups") from error
        return QueryImpact((*warnings, "What it currently finds cannot be told here.", *was_untold))
    indicators = list(dict.fromkeys(event.indicator for event in events if event.indicator))
    count = f"more than {len(events):,}" if has_more else f"{len(events)}"
    shown = f" with {plural(len(indicators), 'indicator')}" if indicators else ""
    sentences = [f"It currently finds {count} event{'' if count == '1' else 's'}{shown}."]
    facts: dict[str, JsonValue] = {"matches_now": count, "indicators_now": len(indicators)}
    old_ids: list[JsonValue] = []
    sentences += was_untold
    if old_scope is not None and old_scope.search is not None:
        old_events, old_has_more = await _find_matches(planning, old_scope.search)
        old_ids = [*sorted(event.uuid for event in old_events)]
        before, after = {event.uuid for event in old_events}, {event.uuid for event in events}
        if not has_more and not old_has_more:
            facts |= {"newly_found": len(after - before), "no_longer_found": len(before - after)}
    if has_more:
        sentences.append(f"The code is bound to the first {len(events):,} of them, and not to the others.")
    if not planning.write_policy.read_policy.sees_everything:
        sentences.append("Events that the rules withhold are not counted.")
    sample: list[JsonValue] = [clean(value, MAX_CELL_LENGTH, value=True) for value in indicators[:MAX_SAMPLE]]
    return QueryImpact(
        (*warnings, *sentences), facts, {"indicator": sample} if sample else {}, events, [has_more, old_ids]
    )


async def _find_matches(planning: Planning, query: EventSearch) -> tuple[list[Event], bool]:
    """Return the events that a query finds and that may be seen, as many as a code is bound to, and whether there are
    more.
    """
    found: dict[tuple[str, str], Event] = {}
    search, policy = query.model_copy(update={"page_size": PAGE_SIZE}), planning.write_policy.read_policy
    asks_for_children = any(condition.field == "hasChildren" for condition in search.search)
    most = MAX_CHECKED if asks_for_children and not policy.sees_everything else MAX_MATCHES
    async for page in visible_pages(planning.client, search, policy):
        found |= {(event.uuid, event.dataset_id): event for event in page}
        if len(found) > most:
            break
    return [*found.values()][:most], len(found) > most


def covers_dataset(names: Sequence[str], dataset_id: str, known: Sequence[Dataset]) -> Verdict:
    """Whether a search over these datasets, by uuid or scope word, includes a dataset; None if that cannot be told."""
    if not dataset_id.strip():
        return None
    dataset = next((one for one in known if id_key(one.uuid) == id_key(dataset_id)), None)
    parts = [part.strip() for name in names for part in name.split(",") if part.strip()]
    if not parts:
        default = {id_key(one.uuid) for one in known if dataset_key(one.name) == dataset_key(DEFAULT_DATASET)}
        return id_key(dataset_id) in default if len(default) == 1 else None
    return any_of(_covers(part, dataset_id, dataset) for part in parts)


def _covers(part: str, dataset_id: str, dataset: Dataset | None) -> Verdict:
    word = dataset_key(part)
    if word in ("all", "*"):
        # Newer descriptions of the API leave analytics datasets out.
        return True if dataset is not None and dataset.is_analytics is False else None
    if word in SCOPE_WORDS:
        return None if dataset is None or dataset.is_analytics is None else dataset.may_be_in(word)
    if id_key(part) == id_key(dataset_id):
        return True
    # The API documents uuids alone, but might take a name.
    may_be_name = parse_uuid(part) is None and (dataset is None or word == dataset_key(dataset.name))
    return None if may_be_name else False


def resolve_new_scope(query_json: str, planning: Planning) -> QueryScope:
    """Return the scope of a query that is about to be saved. The write list must allow it.

    Raises:
        BadArgument: it is not a search, or names a dataset that does not exist.
        Withheld: it searches a dataset that may not be written.
    """
    argument = planning.argument("query_json")
    if len(query_json) > MAX_TEXT_LENGTH:
        problem = f"the text has {len(query_json):,} characters"
        raise BadArgument(argument, problem, f"at most {MAX_TEXT_LENGTH:,}")
    scope = _read_scope(query_json, planning.write_policy, planning.write_policy.require_writable, argument)
    search = scope.search or EventSearch()
    groups = (search.search, *search.search_branches)
    if len(search.search_branches) > MAX_BRANCHES or any(len(group) > MAX_CONDITIONS for group in groups):
        raise BadArgument(
            argument,
            "it has more conditions than the API accepts",
            f"at most {MAX_CONDITIONS} conditions, and {MAX_BRANCHES} branches of {MAX_CONDITIONS}",
        )
    return scope


def resolve_saved_scope(query: SavedQuery, planning: Planning, rule: Rule) -> QueryScope:
    """Return the scope of a saved query. `rule` is `require_writable` or `require_destroyable` of the policy.

    Raises:
        Withheld: it searches a dataset that the rule does not allow, or may search one, or it may not be shown.
    """
    argument, write_policy = planning.argument("query_id"), planning.write_policy
    try:
        scope = _read_scope(query.query_json, write_policy, rule, argument)
    except BadArgument:
        untold = UNCLEAR_DATASETS if is_search(query.query_json) else NOT_UNDERSTOOD
        datasets = _require_every_dataset(write_policy, rule, argument)
        scope = QueryScope(None, datasets, query.query_json, untold)
    if not may_show_query(query, write_policy.read_policy):
        # A preview would show its text, which names a tag that is withheld.
        raise Withheld(f"{argument}: this saved query", write_policy.read_policy.tlp_rule)
    return scope


def _require_every_dataset(write_policy: WritePolicy, rule: Rule, argument: str) -> tuple[str, ...]:
    """Return the uuids of all datasets of the account.

    Raises:
        Withheld: the rule does not allow one of them, or there may be others that may not be read.
    """
    setting = DELETE_RULE if rule == write_policy.require_destroyable else WRITE_RULE
    refusal = Withheld(f"{argument}: a change of a saved query that may search any dataset", setting)
    if write_policy.read_policy.restricted or not write_policy.known:
        raise refusal
    try:
        return tuple(rule(dataset.uuid, argument).uuid for dataset in write_policy.known)
    except (Withheld, BadArgument):
        raise refusal from None


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
    inside = [one for one in write_policy.known if one.may_be_in(word)]
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
    default = find_default_dataset(write_policy.read_policy)
    if default is None:
        raise BadArgument(argument, "it names no dataset, and it is unclear which one is the default", EXAMPLE)
    return [default.uuid]
