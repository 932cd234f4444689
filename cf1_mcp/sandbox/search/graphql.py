"""Counting events with GraphQL: documents are bounded first, then validated, then executed over the store."""

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
    OperationDefinitionNode,
    OperationType,
    SelectionNode,
    SelectionSetNode,
    build_schema,
    execute_sync,  # pyright: ignore[reportUnknownVariableType] - its type leaves an Executor's argument open
    parse,
    validate,
)

from cf1_mcp.models import Aggregates, Condition, Dataset
from cf1_mcp.sandbox.errors import BadRequest, RequestRejected
from cf1_mcp.sandbox.event_input import is_array, is_object
from cf1_mcp.sandbox.search.aggregation import COLUMNS
from cf1_mcp.sandbox.search.condition_input import parse_conditions
from cf1_mcp.sandbox.search.dataset_scope import SCOPE_WORDS
from cf1_mcp.sandbox.timestamps import loose

# Invented: everything. No body, schema or limit is published. The body is the usual one of GraphQL over HTTP; errors
# are a 200 with `errors`, as the published answer {data, errors} suggests. The limits leave room for the standard
# introspection query and for any question worth asking.
MAX_QUERY_LENGTH: Final = 10_000
"""Characters of a document."""
MAX_TOKENS: Final = 2_000
MAX_DEPTH: Final = 20
"""Levels of a document, fragments included; the standard introspection query has 18."""
MAX_SELECTIONS: Final = 300
"""Fields and fragments of an operation once fragments are expanded; the standard introspection query has 239."""
MAX_COUNTS: Final = 20
"""How often one operation may ask for threatEvents, because each one reads all events in scope."""
MAX_GROUPS: Final = 1_000
MAX_ERRORS: Final = 5
"""Errors told at once."""
NAMED_DATASETS: Final = 10
"""How many datasets an error names."""

SCHEMA: Final = Path(__file__).with_name("schema.graphql")
# How graphql-core's messages name the enum or object that they are about.
_NAMED_TYPE: Final = re.compile(r"\b(?:in|on type|Enum) '(\w+)'")
_BODY: Final = ("query", "variables", "operationName")


Fragments = Mapping[str, SelectionSetNode]


class Counts(Protocol):
    """What a query may ask of the store."""

    def aggregate(
        self,
        *,
        datasets: Sequence[str],
        columns: Sequence[str],
        start: str | None,
        end: str | None,
        daily: bool,
        limit: int,
        search: Sequence[Condition],
    ) -> Aggregates: ...

    def datasets(self) -> list[Dataset]: ...


def execute(source: Counts, body: object) -> dict[str, object]:
    """The answer to `{query, variables?, operationName?}`: `{data}`, or `{data, errors}` where something is wrong.

    `data` is null when the request was refused as a whole.
    """
    try:
        query, variables, operation = _request(body)
        document = _document(query)
    except BadRequest as error:
        return _refusal(error.message)
    except GraphQLError as error:
        return _refusal(error.message)
    wrong = validate(_schema(), document, max_errors=MAX_ERRORS, allow_empty_selection_sets=False)
    if wrong:
        return {"data": None, "errors": _told(wrong)}
    result = execute_sync(
        _schema(),
        document,
        _root(source, _fragments(document)),
        variable_values=variables,
        operation_name=operation,
        max_coercion_errors=MAX_ERRORS,
    )
    if not result.errors:
        return {"data": result.data}
    for error in result.errors:
        # GraphQL turns every failure into an answer; one that is no refusal is a defect and must show as one.
        if error.original_error is not None and not isinstance(error.original_error, RequestRejected | GraphQLError):
            raise error.original_error
    return {"data": result.data, "errors": _told(result.errors)}


def _told(errors: Sequence[GraphQLError]) -> list[object]:
    return [{**error.formatted, "message": _with_choices(error.message)} for error in errors[:MAX_ERRORS]]


def _with_choices(message: str) -> str:
    """A message that speaks of an enum or of an object's fields, with what there is to choose from."""
    named = _NAMED_TYPE.search(message)
    kind = _schema().get_type(named[1]) if named else None
    if isinstance(kind, GraphQLEnumType):
        return f"{message} Valid are {', '.join(kind.values)}."
    if isinstance(kind, GraphQLObjectType):
        return f"{message} Valid are {', '.join(kind.fields)}."
    return message


def _refusal(message: str) -> dict[str, object]:
    return {"data": None, "errors": [{"message": message}]}


def _request(body: object) -> tuple[str, dict[str, object], str | None]:
    if not is_object(body):
        raise BadRequest("the body must be a JSON object with query, and variables and operationName where needed")
    unknown = [name for name in body if name not in _BODY]
    if unknown:
        raise BadRequest(f"{unknown[0]!r} is no part of a GraphQL request; valid are {', '.join(_BODY)}")
    query, variables, operation = (body.get(name) for name in _BODY)
    if not isinstance(query, str) or not query.strip():
        raise BadRequest("query must be the text of a GraphQL document, such as '{ datasets { uuid name } }'")
    if not is_object(variables) and variables is not None:
        raise BadRequest("variables must be a JSON object with a value for each variable, or be left out")
    if not isinstance(operation, str) and operation is not None:
        raise BadRequest("operationName must be the name of an operation in query, or be left out")
    return query, variables or {}, operation


def _document(query: str) -> DocumentNode:
    """A document within all limits, not yet validated; else BadRequest or GraphQLError."""
    if len(query) > MAX_QUERY_LENGTH:
        raise BadRequest(f"query has {len(query)} characters; at most {MAX_QUERY_LENGTH} are read, so ask for less")
    document = parse(query, max_lexical_tokens=MAX_TOKENS, allow_empty_selection_sets=False)
    fragments = _fragments(document)
    for definition in document.definitions:
        if isinstance(definition, OperationDefinitionNode):
            if definition.operation is not OperationType.QUERY:
                raise BadRequest(f"a {definition.operation.value} is refused: only query operations run here")
            _bound(definition.selection_set, fragments)
        elif isinstance(definition, FragmentDefinitionNode):
            # Also where no operation spreads it, because validating it takes time as well.
            _bound(definition.selection_set, fragments)
    return document


def _fragments(document: DocumentNode) -> Fragments:
    return {
        definition.name.value: definition.selection_set
        for definition in document.definitions
        if isinstance(definition, FragmentDefinitionNode)
    }


def _bound(selections: SelectionSetNode, fragments: Fragments) -> None:
    counts = 0
    for number, (level, node) in enumerate(_expanded(selections, fragments, 1, frozenset()), 1):
        if level > MAX_DEPTH:
            raise BadRequest(
                f"the query is more than {MAX_DEPTH} levels deep, fragments included; ask for fewer levels"
            )
        if number > MAX_SELECTIONS:
            raise BadRequest(
                f"the query selects more than {MAX_SELECTIONS} fields once fragments are expanded; select fewer"
            )
        counts += isinstance(node, FieldNode) and node.name.value == "threatEvents"
        if counts > MAX_COUNTS:
            raise BadRequest(f"the query asks for threatEvents more than {MAX_COUNTS} times; send several queries")


def _expanded(
    selections: SelectionSetNode, fragments: Fragments, level: int, inside: frozenset[str]
) -> Iterator[tuple[int, SelectionNode]]:
    """Everything selected, with its level, one at a time, so that whoever counts can stop a bomb early."""
    for node in selections.selections:
        yield level, node
        if isinstance(node, FragmentSpreadNode):
            name = node.name.value
            # A fragment that spreads itself is left to validation, which names the cycle.
            if name in fragments and name not in inside:
                yield from _expanded(fragments[name], fragments, level + 1, inside | {name})
        else:
            nested: SelectionSetNode | None = getattr(node, "selection_set", None)
            if nested is not None:
                yield from _expanded(nested, fragments, level + 1, inside)


@cache
def _schema() -> GraphQLSchema:
    return build_schema(SCHEMA.read_text(encoding="utf-8"))


def _root(source: Counts, fragments: Fragments) -> dict[str, Callable[..., object]]:
    """The fields of Query, by name."""

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
        _all_grouped(info.field_nodes, fragments, groupBy, daily)
        for name, date in (("startDate", startDate), ("endDate", endDate)):
            if date is not None:
                loose(date, name)
        counted = source.aggregate(
            datasets=_known(source, datasetIds or []),
            columns=list(dict.fromkeys(groupBy)),
            start=startDate,
            end=endDate,
            daily=daily,
            limit=limit,
            search=parse_conditions([_condition(condition) for condition in filter or []], "filter"),
        )
        return {"total": counted.total, "groups": counted.aggregations}

    return {"datasets": datasets, "threatEvents": threat_events}


def _known(source: Counts, ids: list[str]) -> list[str]:
    """The ids given; BadRequest names the datasets there are when one of them is none."""
    if all(word in SCOPE_WORDS for word in ids):
        return ids
    datasets = source.datasets()
    uuids = {dataset.uuid for dataset in datasets}
    for word in ids:
        if word not in SCOPE_WORDS and word.strip().lower() not in uuids:
            named = [f"{dataset.uuid} ({dataset.name})" for dataset in datasets[:NAMED_DATASETS]]
            more = ", ... as { datasets { uuid name } } lists them" if len(datasets) > NAMED_DATASETS else ""
            valid = f"{', '.join([*SCOPE_WORDS, *named])}{more}"
            raise BadRequest(f"datasetIds {word!r} names no dataset; valid are {valid}")
    return ids


def _all_grouped(fields: Sequence[FieldNode], fragments: Fragments, columns: Sequence[str], daily: bool) -> None:
    """BadRequest for a column selected but not counted by, as its nulls would read as events without a value."""
    selected = {
        node.name.value
        for field in fields
        if field.selection_set is not None
        for _, node in _expanded(field.selection_set, fragments, 1, frozenset())
        if isinstance(node, FieldNode)
    }
    for column in COLUMNS:
        if column in selected and column not in columns:
            raise BadRequest(f"groups select {column}, which is not in groupBy; add it there or leave it out")
    if "date" in selected and not daily:
        raise BadRequest("groups select date, which they have only with daily: true; add that or leave it out")


def _condition(given: Mapping[str, object]) -> dict[str, object]:
    """GraphQL makes a list of a single value; only the operator `in` wants one."""
    value = given["value"]
    if given["op"] != "in" and is_array(value) and len(value) == 1:
        return {**given, "value": value[0]}
    return {**given}
