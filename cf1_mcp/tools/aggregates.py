"""Counting threat events, by columns or in GraphQL."""

import json
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
from cf1_mcp.contracts.arguments import DatasetIds, Since, Until, Variables
from cf1_mcp.contracts.effects import ToolEffect
from cf1_mcp.contracts.toolset import EVENTS
from cf1_mcp.errors import BadArgument, Withheld, list_words
from cf1_mcp.models import Tlp
from cf1_mcp.policy.dataset_scope import ReadScope
from cf1_mcp.policy.graphql_check import check_graphql_answer, check_graphql_query, find_covered_datasets
from cf1_mcp.policy.read_policy import CurrentReadPolicy
from cf1_mcp.search.conditions import resolve_period
from cf1_mcp.search.counting import UNSORTED, CountRequest, count_events, has_events
from cf1_mcp.text.lenient import Words
from cf1_mcp.text.sanitize import clean

Columns = Annotated[
    Words,
    Field(
        description="attacker, attackerCountry, category, indicatorType, killChain, targetCountry, targetIndustry, tlp",
        min_length=1,
        max_length=6,
    ),
]
Daily = Annotated[bool, Field(description="One count a day")]
Groups = Annotated[int, Field(description="Maximum number of groups", ge=1, le=1000)]
# Columns that tell of other events than the one that has them.
LINKED = frozenset({"hasChildren", "numReferences", "numReferenced", "references", "referenced", "rawId"})
CUT = "Only the largest groups are shown: raise limit, or use a shorter period or fewer columns."
UNKNOWN = "unknown"
PERIOD = "There are events outside this period: since and until removed all of them."
UNTOLD = "Which datasets this query covers cannot be told."
Document = Annotated[str, Field(description="A GraphQL query document", min_length=1, max_length=10_000)]


@EVENTS.tool("Aggregate threat events", ToolEffect.READ)
async def aggregate_threat_events(
    client: Client,
    scope: ReadScope,
    now: Now,
    columns: Columns,
    since: Since = None,
    until: Until = None,
    daily: Daily = False,
    dataset_ids: DatasetIds = None,
    limit: Groups = 50,
) -> Rows:
    """Count threat events by one or more columns, largest first: top actors, who targets banks, an industry or a
    country most often, the number in each kill chain phase, the trend from day to day over a week or a month. Use it
    for figures, rankings and briefs; for the events themselves use search_threat_events.
    """
    wire = [_to_camel_case(column) for column in columns]
    if "tags" in wire and scope.policy.ceiling is not Tlp.RED:
        # Whether or not there is such a tag: otherwise the answer would tell that there is.
        raise Withheld("columns: counting by tags, which may be marked above the ceiling,", scope.policy.tlp_rule)
    if LINKED & {*wire} and not scope.policy.sees_everything:
        rule = scope.policy.tlp_rule if scope.policy.ceiling is not Tlp.RED else scope.policy.grant.rule
        raise Withheld("columns: counting by links and evidence, which may be those of withheld events,", rule)
    dates = resolve_period(since, until, now)
    counted = await count_events(client, scope, CountRequest(wire, dates, daily, limit), now)
    names = [*(["date"] if daily else []), *(counted.columns or wire), "count"]
    cells = [[_render_cell(row.get(name), name) for name in names] for row in counted.groups]
    shown = count_fitting(cells, size_for_rows(limit))
    total: JsonValue = f"at least {counted.total}" if counted.partial else counted.total
    facts: dict[str, JsonValue] = {"groups": shown, "events": total, **dataset_facts(scope, counted.report)}
    facts |= scope.policy.counts({scope.policy.tlp_rule: counted.withheld})
    notes = [CUT] if (counted.cut or shown < len(cells)) and UNSORTED not in counted.notes else []
    if not cells:
        notes = [*([PERIOD] if any(dates) and await has_events(client, scope) else []), ABSENCE]
    notes += [*counted.notes, *reading_notes(scope, counted.report), *scope.policy.notes]
    return Rows(names, cells[:shown], facts, notes)


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
    return Card(facts, untrusted=fields, notes=[] if facts or document.is_introspection else [UNTOLD])


def _to_camel_case(column: str) -> str:
    first, *rest = column.strip().split("_")
    return first + "".join(part.capitalize() for part in rest)


def _render_cell(value: JsonValue, name: str) -> Cell:
    if name == "count" and value is None:
        return UNKNOWN
    return value if isinstance(value, int) else "" if value is None else clean(str(value), MAX_CELL_LENGTH)
