"""Counting threat events, by columns or in GraphQL."""

import json
from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from typing import Annotated

from pydantic import Field, JsonValue

from cf1_mcp.answers.card import Card
from cf1_mcp.answers.columns import MAX_CELL_LENGTH, MAX_FIELD_LENGTH, Cell, clean_value
from cf1_mcp.answers.fitting import MAX_SIZE, count_fitting, size_for_rows
from cf1_mcp.answers.pages import ABSENCE, dataset_facts, dataset_names, reading_notes
from cf1_mcp.answers.rows import Rows
from cf1_mcp.api.concurrency import run_in_thread
from cf1_mcp.context import Client, Now
from cf1_mcp.contracts.arguments import DatasetIds, SameText, Variables
from cf1_mcp.contracts.effects import ToolEffect
from cf1_mcp.contracts.toolset import EVENTS
from cf1_mcp.errors import BadArgument, Withheld, list_words
from cf1_mcp.models import Tlp
from cf1_mcp.policy.dataset_scope import DEFAULT_DATASET, ReadScope
from cf1_mcp.policy.graphql_check import (
    check_graphql_answer,
    check_graphql_query,
    find_covered_datasets,
    names_no_dataset,
)
from cf1_mcp.policy.read_policy import CurrentReadPolicy, ReadPolicy
from cf1_mcp.search.argument_groups import expand_argument_groups
from cf1_mcp.search.conditions import LISTS, resolve_period
from cf1_mcp.search.counted_groups import DATE, CountRequest, Period
from cf1_mcp.search.counting import UNSORTED, EventCounts, count_events
from cf1_mcp.search.filters import CountFilters
from cf1_mcp.search.no_results import explain_page
from cf1_mcp.search.request import RequestedCount
from cf1_mcp.text.lenient import Words
from cf1_mcp.text.sanitize import clean

Columns = Annotated[
    Words | None,
    Field(
        description="attacker, attackerCountry, category, indicatorType, killChain, targetCountry, targetIndustry, tlp",
        max_length=6,
    ),
]
By = Annotated[Period | None, Field()]
Groups = Annotated[int, Field(ge=1, le=1000)]
# Columns that tell of other events than the one that has them.
LINKED = frozenset({"hasChildren", "numReferences", "numReferenced", "references", "referenced", "rawId"})
CUT = "Only the largest groups are shown: raise limit, or use a shorter period or fewer columns."
UNKNOWN = "unknown"
REPEATED = "An event with several values is counted once for each of them, in events too."
PARTIAL = "The first and the last {by} are counted only as far as since and until reach."
OLDEST = (
    "Only the newest {by}s fit, from {first} on: raise limit for a larger answer, or use a shorter period or fewer "
    "columns."
)
NOTHING = "there is nothing to count by"
# Invented: that a query without a dataset covers what an event list without one does.
DEFAULT_ONLY = (
    f"The query names no dataset, so the API chose what it covers: probably its default dataset, {DEFAULT_DATASET!r}, "
    "alone. For others name them in the query by uuid."
)
UNTOLD = "Which datasets this query covers cannot be told."
Document = Annotated[str, Field(description="A GraphQL query document", min_length=1, max_length=10_000)]


@EVENTS.tool("Aggregate threat events", ToolEffect.READ)
@expand_argument_groups
async def aggregate_threat_events(
    client: Client,
    scope: ReadScope,
    request: RequestedCount,
    now: Now,
    filters: CountFilters,
    columns: Columns = None,
    by: By = None,
    text: SameText = None,
    since: str | None = None,
    until: str | None = None,
    dataset_ids: DatasetIds = None,
    limit: Groups = 50,
) -> Rows:
    """Count threat events by columns, largest first, by day, week or month, or both: top actors, who targets banks or a
    country most, each kill chain phase, the trend over a month or year. Filters are those of search_threat_events,
    which finds the events themselves.
    """
    wire = list(dict.fromkeys(map(_to_camel_case, columns or ())))
    _require_countable(wire, by, scope.policy)
    dates = resolve_period(since, until, now)
    counted = await count_events(client, scope, CountRequest(wire, dates, by, limit, request.filters), now)
    names = [*([DATE] if by else []), *(counted.columns or wire), "count"]
    cells = [[_render_cell(row.get(name), name) for name in names] for row in counted.groups]
    shown = _list_newest(cells, size_for_rows(limit)) if by else cells[: count_fitting(cells, size_for_rows(limit))]
    facts: dict[str, JsonValue] = {
        "groups": len(shown),
        **_describe_total(counted, shown),
        **dataset_facts(scope, counted.report),
        **scope.policy.counts({scope.policy.tlp_rule: counted.withheld}),
    }
    notes = [*_describe_cuts(counted, cells, shown, by), *counted.notes]
    notes += [REPEATED] if cells and LISTS.intersection(wire) else []
    notes += [PARTIAL.format(by=by)] if cells and by in ("week", "month") and any(dates) else []
    notes += reading_notes(scope, counted.report)
    rows = Rows([by if name == DATE and by else name for name in names], shown, facts, notes)
    explained = await explain_page(client, rows, request, scope)
    return replace(explained, notes=[*explained.notes, *(scope.policy.notes if cells else [ABSENCE])])


def _require_countable(columns: Sequence[str], by: Period | None, policy: ReadPolicy) -> None:
    """Refuse columns by which nothing can be counted, or that may tell of withheld events."""
    if not columns and not by:
        raise BadArgument("columns", NOTHING, "at least one column, or by for a count of each day, week or month")
    if "tags" in columns and policy.ceiling is not Tlp.RED:
        # Whether or not there is such a tag: otherwise the answer would tell that there is.
        raise Withheld("columns: counting by tags, which may be marked above the ceiling,", policy.tlp_rule)
    if LINKED.intersection(columns) and not policy.sees_everything:
        rule = policy.tlp_rule if policy.ceiling is not Tlp.RED else policy.grant.rule
        raise Withheld("columns: counting by links and evidence, which may be those of withheld events,", rule)


def _list_newest(cells: Sequence[list[Cell]], size: int) -> Sequence[list[Cell]]:
    """Return the rows of the newest periods that fit, the oldest first; of a single period, its largest groups."""
    newest = sorted(cells, key=lambda row: str(row[0]), reverse=True)
    fitting = newest[: count_fitting(newest, size)]
    if len(fitting) < len(newest) and fitting[0][0] != newest[len(fitting)][0]:
        cut = newest[len(fitting)][0]
        fitting = [row for row in fitting if row[0] != cut]
    return sorted(fitting, key=lambda row: str(row[0]))


def _describe_total(counted: EventCounts, shown: Sequence[Sequence[Cell]]) -> dict[str, JsonValue]:
    """Return the number of events and, if the rows have others, that of the rows."""
    total: JsonValue = f"at least {counted.total}" if counted.partial else counted.total
    summed = sum(row[-1] for row in shown if isinstance(row[-1], int))
    is_known = counted.columns is None and not any(row[-1] == UNKNOWN for row in shown)
    return {
        "events": total,
        **({"shown": f"{summed} of {total} events"} if is_known and summed < counted.total else {}),
    }


def _describe_cuts(
    counted: EventCounts, cells: Sequence[Sequence[Cell]], shown: Sequence[Sequence[Cell]], by: Period | None
) -> list[str]:
    """Return what is left out of the rows."""
    older = by is not None and bool(shown) and shown[0][0] != cells[0][0]
    smaller = counted.cut or (len(shown) < len(cells) and not older)
    cuts = [CUT] if smaller and UNSORTED not in counted.notes else []
    return [*cuts, *([OLDEST.format(by=by, first=shown[0][0])] if older else [])]


@EVENTS.tool("Query threat GraphQL", ToolEffect.READ)
async def query_threat_graphql(
    client: Client, read_policy: CurrentReadPolicy, query: Document, variables: Variables = None
) -> Card:
    """Run a GraphQL query over threat events, for group-bys that aggregate_threat_events cannot express. Introspect
    `{ __schema { queryType { fields { name args { name } } } } }` first: the schema and its fields are not published.
    Queries only.
    """
    document = await check_graphql_query(query, variables, read_policy, client.live_schema)
    answer = await client.query_graphql(query, variables)
    errors = [clean_value(error.get("message", "unnamed"), MAX_FIELD_LENGTH) for error in answer.errors or []]
    if answer.data is None:
        raise BadArgument("query", "it returned no data", "another query", words=list_words([*map(str, errors)]))
    await run_in_thread(partial(check_graphql_answer, answer.data, read_policy))
    data = await run_in_thread(partial(clean_value, answer.data, MAX_FIELD_LENGTH))
    fields: dict[str, JsonValue] = {"data": data}
    if errors:
        fields["errors"] = errors
    facts: dict[str, JsonValue] = {}
    if not document.is_introspection:
        covered = await find_covered_datasets(document, read_policy, client.live_schema)
        facts = {"datasets": dataset_names(covered)} if covered else {}
    size = len(json.dumps(fields, ensure_ascii=False))
    if size > MAX_SIZE:
        raise BadArgument("query", f"the answer has {size:,} characters, too many to show", "a smaller limit")
    if facts or document.is_introspection:
        return Card(facts, untrusted=fields)
    return Card(facts, untrusted=fields, notes=[DEFAULT_ONLY if names_no_dataset(document) else UNTOLD])


def _to_camel_case(column: str) -> str:
    first, *rest = column.strip().split("_")
    return first + "".join(part.capitalize() for part in rest)


def _render_cell(value: JsonValue, name: str) -> Cell:
    if name == "count" and value is None:
        return UNKNOWN
    return value if isinstance(value, int) else "" if value is None else clean(str(value), MAX_CELL_LENGTH)
