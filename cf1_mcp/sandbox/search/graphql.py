"""Counting events with GraphQL: documents are checked against limits, then validated, then executed.

Invented: body, schema and limits; see invented.py.
"""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Final, Protocol

from graphql import (
    DocumentNode,
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    GraphQLEnumType,
    GraphQLError,
    GraphQLObjectType,
    GraphQLResolveInfo,
    GraphQLSchema,
    NoSchemaIntrospectionCustomRule,
    OperationDefinitionNode,
    OperationType,
    SelectionNode,
    SelectionSetNode,
    build_schema,
    execute_sync,  # pyright: ignore[reportUnknownVariableType] - its type leaves an Executor's argument open
    parse,
    specified_rules,
    validate,
)

from cf1_mcp.models import Aggregates, Dataset
from cf1_mcp.sandbox.errors import BadRequest, RequestRejected
from cf1_mcp.sandbox.json_values import is_array, is_object
from cf1_mcp.sandbox.mood import current_mood, is_like_live
from cf1_mcp.sandbox.search.aggregation import COLUMNS, AggregateRequest
from cf1_mcp.sandbox.search.condition_input import parse_conditions
from cf1_mcp.sandbox.search.dataset_scope import SCOPE_WORDS
from cf1_mcp.sandbox.search.live_graphql import build_live_root, load_live_schema
from cf1_mcp.sandbox.timestamps import parse_search_date

MAX_QUERY_LENGTH: Final = 10_000
"""The largest number of characters of a document."""
MAX_TOKENS: Final = 2_000
MAX_DEPTH: Final = 20
"""The largest number of levels, fragments included; the standard introspection query has 18."""
MAX_SELECTIONS: Final = 300
"""The largest number of fields and fragments, counted with fragments expanded; the standard introspection query has
239."""
MAX_COUNTS: Final = 20
"""How often one operation may select threatEvents; each selection reads all events in scope."""
COUNTED: Final = ("threatEvents", "threatEventsAdaptiveGroups")
MAX_GROUPS: Final = 1_000
MAX_ERRORS: Final = 5
"""The number of errors in one answer."""
MAX_DATASETS_NAMED: Final = 10
"""The number of datasets that an error message names."""

SCHEMA: Final = Path(__file__).with_name("schema.graphql")
# How the messages of graphql-core name an enum or object.
_NAMED_TYPE: Final = re.compile(r"\b(?:in|on type|Enum) '(\w+)'")
_BODY_KEYS: Final = ("query", "variables", "operationName")


Fragments = Mapping[str, SelectionSetNode]


class EventSource(Protocol):
    """What a query can read: the database, or a fake in tests."""

    def aggregate(self, request: AggregateRequest) -> Aggregates: ...

    def datasets(self) -> list[Dataset]: ...


def execute(source: EventSource, body: object) -> dict[str, object]:
    """Return the answer to `{query, variables?, operationName?}`: `{data}`, or `{data, errors}`.

    `data` is null where the whole request is rejected.
    """
    try:
        query, variables, operation = _parse_body(body)
        document = _parse_document(query)
    except (BadRequest, GraphQLError) as error:
        return {"data": None, "errors": [{"message": error.message}]}
    schema, rules, fragments = _current_schema(), [*specified_rules], _find_fragments(document)
    if not current_mood().introspection:
        rules.append(NoSchemaIntrospectionCustomRule)
    invalid = validate(schema, document, rules, max_errors=MAX_ERRORS, allow_empty_selection_sets=False)
    if invalid:
        return {"data": None, "errors": _format_errors(invalid)}
    result = execute_sync(
        schema,
        document,
        build_live_root(source.aggregate, source.datasets(), fragments)
        if is_like_live()
        else _build_root(source, fragments),
        variable_values=variables,
        operation_name=operation,
        max_coercion_errors=MAX_ERRORS,
    )
    if not result.errors:
        return {"data": result.data}
    for error in result.errors:
        # GraphQL turns every exception into an answer; one that is not a rejection is a defect and must stay visible.
        if error.original_error is not None and not isinstance(error.original_error, RequestRejected | GraphQLError):
            raise error.original_error
    return {"data": result.data, "errors": _format_errors(result.errors)}


def _format_errors(errors: Sequence[GraphQLError]) -> list[object]:
    return [{**error.formatted, "message": _add_choices(error.message)} for error in errors[:MAX_ERRORS]]


def _add_choices(message: str) -> str:
    """Return a message about an enum or the fields of an object with the valid choices added."""
    named = _NAMED_TYPE.search(message)
    kind = _current_schema().get_type(named[1]) if named else None
    if isinstance(kind, GraphQLEnumType):
        return f"{message} Valid are {', '.join(kind.values)}."
    if isinstance(kind, GraphQLObjectType):
        return f"{message} Valid are {', '.join(kind.fields)}."
    return message


def _parse_body(body: object) -> tuple[str, dict[str, object], str | None]:
    if not is_object(body):
        raise BadRequest("the body must be a JSON object with query, and variables and operationName where needed")
    unknown = [name for name in body if name not in _BODY_KEYS]
    if unknown:
        raise BadRequest(f"{unknown[0]!r} is not part of a GraphQL request; valid are {', '.join(_BODY_KEYS)}")
    query, variables, operation = (body.get(name) for name in _BODY_KEYS)
    if not isinstance(query, str) or not query.strip():
        raise BadRequest("query must be the text of a GraphQL document, such as '{ datasets { uuid name } }'")
    if not is_object(variables) and variables is not None:
        raise BadRequest("variables must be a JSON object with a value for each variable, or be left out")
    if not isinstance(operation, str) and operation is not None:
        raise BadRequest("operationName must be the name of an operation in query, or be left out")
    return query, variables or {}, operation


def _parse_document(query: str) -> DocumentNode:
    """Return a document within all limits, not yet validated; else BadRequest or GraphQLError."""
    if len(query) > MAX_QUERY_LENGTH:
        raise BadRequest(f"query has {len(query)} characters; at most {MAX_QUERY_LENGTH} are read, so shorten it")
    document = parse(query, max_lexical_tokens=MAX_TOKENS, allow_empty_selection_sets=False)
    fragments = _find_fragments(document)
    for definition in document.definitions:
        if isinstance(definition, OperationDefinitionNode):
            if definition.operation is not OperationType.QUERY:
                raise BadRequest(f"a {definition.operation.value} is refused; only query operations are supported")
            _check_limits(definition.selection_set, fragments)
        elif isinstance(definition, FragmentDefinitionNode):
            # Unused fragments too, because validating them takes time as well.
            _check_limits(definition.selection_set, fragments)
    return document


def _find_fragments(document: DocumentNode) -> Fragments:
    return {
        definition.name.value: definition.selection_set
        for definition in document.definitions
        if isinstance(definition, FragmentDefinitionNode)
    }


def _check_limits(selections: SelectionSetNode, fragments: Fragments) -> None:
    counts = 0
    for number, (level, node) in enumerate(_expand(selections, fragments, 1, frozenset()), 1):
        if level > MAX_DEPTH:
            raise BadRequest(f"the query is more than {MAX_DEPTH} levels deep, fragments included; use fewer levels")
        if number > MAX_SELECTIONS:
            raise BadRequest(
                f"the query selects more than {MAX_SELECTIONS} fields once fragments are expanded; select fewer"
            )
        counts += isinstance(node, FieldNode) and node.name.value in COUNTED
        if counts > MAX_COUNTS:
            raise BadRequest(f"the query selects threatEvents more than {MAX_COUNTS} times; send several queries")


def _expand(
    selections: SelectionSetNode, fragments: Fragments, level: int, inside: frozenset[str]
) -> Iterator[tuple[int, SelectionNode]]:
    """Yield everything selected with its level, lazily, so that counting can stop an expansion bomb early."""
    for node in selections.selections:
        yield level, node
        if isinstance(node, FragmentSpreadNode):
            name = node.name.value
            # A fragment that spreads itself is reported by validation, which names the cycle.
            if name in fragments and name not in inside:
                yield from _expand(fragments[name], fragments, level + 1, inside | {name})
        else:
            nested: SelectionSetNode | None = getattr(node, "selection_set", None)
            if nested is not None:
                yield from _expand(nested, fragments, level + 1, inside)


def _current_schema() -> GraphQLSchema:
    return load_live_schema() if is_like_live() else _load_schema()


@cache
def _load_schema() -> GraphQLSchema:
    return build_schema(SCHEMA.read_text(encoding="utf-8"))


def _build_root(source: EventSource, fragments: Fragments) -> dict[str, Callable[..., object]]:
    """Return the resolvers of the fields of Query, by name."""

    def datasets(_: object) -> list[dict[str, object]]:
        return [dataset.model_dump(mode="json", by_alias=True) for dataset in source.datasets()]

    def threat_events(
        info: "GraphQLResolveInfo[object]",
        *,
        groupBy: list[str],  # noqa: N803 - the schema's names
        datasetIds: list[str] | None = None,  # noqa: N803
        filter: list[dict[str, object]] | None = None,  # noqa: A002
        startDate: str | None = None,  # noqa: N803
        endDate: str | None = None,  # noqa: N803
        daily: bool,
        limit: int,
    ) -> dict[str, object]:
        if not groupBy:
            raise BadRequest(f"groupBy must name one or more of {', '.join(COLUMNS)}")
        if not 1 <= limit <= MAX_GROUPS:
            raise BadRequest(f"limit must be from 1 to {MAX_GROUPS}, not {limit}")
        _check_grouped(info.field_nodes, fragments, groupBy, daily)
        for name, date in (("startDate", startDate), ("endDate", endDate)):
            if date is not None:
                parse_search_date(date, name)
        counts = source.aggregate(
            AggregateRequest(
                columns=list(dict.fromkeys(groupBy)),
                datasets=_check_datasets(source, datasetIds or []),
                start=startDate,
                end=endDate,
                daily=daily,
                limit=limit,
                search=parse_conditions([_unwrap_value(condition) for condition in filter or []], "filter"),
            )
        )
        return {"total": counts.total, "groups": counts.aggregations}

    return {"datasets": datasets, "threatEvents": threat_events}


def _check_datasets(source: EventSource, ids: list[str]) -> list[str]:
    """Return dataset ids unchanged; BadRequest that lists the datasets where one does not exist."""
    if all(word in SCOPE_WORDS for word in ids):
        return ids
    datasets = source.datasets()
    uuids = {dataset.uuid for dataset in datasets}
    for word in ids:
        if word not in SCOPE_WORDS and word.strip().lower() not in uuids:
            named = [f"{dataset.uuid} ({dataset.name})" for dataset in datasets[:MAX_DATASETS_NAMED]]
            more = ", ... ({ datasets { uuid name } } lists all)" if len(datasets) > MAX_DATASETS_NAMED else ""
            valid = f"{', '.join([*SCOPE_WORDS, *named])}{more}"
            raise BadRequest(f"datasetIds {word!r} is not a dataset; valid are {valid}")
    return ids


def _check_grouped(fields: Sequence[FieldNode], fragments: Fragments, columns: Sequence[str], daily: bool) -> None:
    """Reject columns that are selected but not in groupBy: their nulls would look like events without a value."""
    selected = {
        node.name.value
        for field in fields
        if field.selection_set is not None
        for _, node in _expand(field.selection_set, fragments, 1, frozenset())
        if isinstance(node, FieldNode)
    }
    for column in COLUMNS:
        if column in selected and column not in columns:
            raise BadRequest(f"groups selects {column}, which is not in groupBy; add it there or leave it out")
    if "date" in selected and not daily:
        raise BadRequest("groups selects date, which exists only with daily: true; add that or leave date out")


def _unwrap_value(condition: Mapping[str, object]) -> dict[str, object]:
    """Return a condition whose single value is not in a list; GraphQL makes a list of it, which only `in` accepts."""
    value = condition["value"]
    if condition["op"] != "in" and is_array(value) and len(value) == 1:
        return {**condition, "value": value[0]}
    return {**condition}
