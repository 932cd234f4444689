"""What a GraphQL document may ask. It is read before it is sent, because its answer cannot be filtered: it is counts.

The live schema is unpublished, so the guard goes by what any schema for this must have: arguments that name datasets,
and conditions on fields. When it is unsure it refuses.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Final

from pydantic import JsonValue, TypeAdapter

from cf1_mcp.errors import BadArgument, Withheld
from cf1_mcp.models import Tlp
from cf1_mcp.policy.reading import DATASET_RULE, Reading

# Root fields that tell no events.
HARMLESS: Final = frozenset({"__schema", "__type", "__typename"})
LIST_OF_DATASETS: Final = "datasets"

Arguments = dict[str, JsonValue]
_VALUES: Final = TypeAdapter[Arguments](Arguments)


def check_query(document: str, variables: Mapping[str, JsonValue] | None, reading: Reading) -> None:
    """Let a document pass.

    Raises:
        BadArgument: it is no GraphQL, no query, or counts what lies above the TLP ceiling.
        Withheld: it reaches datasets that may not be read.
    """
    for name, arguments in _root_fields(document, dict(variables or {})):
        if name in HARMLESS:
            continue
        if reading.restricted:
            _check_datasets(arguments, reading)
        if reading.ceiling is not Tlp.RED and name != LIST_OF_DATASETS:
            _check_markings(arguments, reading)


def check_answer(data: JsonValue, reading: Reading) -> None:
    """Refuse an answer that shows what the document was not meant to reach.

    Raises:
        Withheld: it holds a marking above the ceiling, or a dataset that may not be read.
    """
    allowed = {dataset.uuid for dataset in reading.datasets}
    for node in _objects(data):
        marking, dataset = node.get("tlp"), node.get("datasetId")
        if isinstance(marking, str) and reading.above(marking):
            raise Withheld("The answer", reading.tlp_rule)
        if reading.restricted and isinstance(dataset, str) and dataset not in allowed:
            raise Withheld("The answer", DATASET_RULE)


def _check_datasets(arguments: Arguments, reading: Reading) -> None:
    named = [text for name, value in arguments.items() if "dataset" in name.lower() for text in _texts(value)]
    allowed = {dataset.uuid.casefold() for dataset in reading.datasets}
    if not named or any(text.strip().casefold() not in allowed for text in named):
        raise Withheld("A GraphQL field that does not name allowed datasets by uuid", DATASET_RULE)


def _check_markings(arguments: Arguments, reading: Reading) -> None:
    conditions = [item for value in arguments.values() if isinstance(value, list) for item in value]
    if not any(_limits_marking(condition, reading) for condition in conditions):
        levels = [level.value for level in Tlp if level.rank <= reading.ceiling.rank]
        raise BadArgument(
            "query",
            f"counts above {reading.tlp_rule} are withheld, and this query would count them",
            f"a condition {{field: tlp, op: in, value: {levels}}} in the filter of every field".replace("'", '"'),
        )


def _limits_marking(condition: JsonValue, reading: Reading) -> bool:
    if not isinstance(condition, dict) or condition.get("field") != "tlp":
        return False
    value = condition.get("value")
    values = value if isinstance(value, list) else [value]
    levels = [Tlp.parse(text) if isinstance(text, str) else None for text in values]
    within = all(level is not None and level.rank <= reading.ceiling.rank for level in levels)
    return condition.get("op", "equals") in ("equals", "in") and bool(levels) and within


def _root_fields(document: str, variables: Arguments) -> Iterator[tuple[str, Arguments]]:
    # Imported by the first query: a server whose GraphQL is never used starts without it.
    from graphql import (
        FieldNode,
        FragmentDefinitionNode,
        FragmentSpreadNode,
        GraphQLError,
        InlineFragmentNode,
        OperationDefinitionNode,
        OperationType,
        SelectionSetNode,
        Undefined,
        parse,
        value_from_ast_untyped,
    )

    try:
        tree = parse(document, no_location=True)
    except (GraphQLError, RecursionError) as error:
        reason = error.message if isinstance(error, GraphQLError) else "it is nested too deeply"
        raise BadArgument("query", reason.rstrip("."), "a GraphQL query document") from None
    if not any(isinstance(node, OperationDefinitionNode) for node in tree.definitions):
        raise BadArgument("query", "the document holds no query", "a GraphQL query document")
    fragments = {node.name.value: node for node in tree.definitions if isinstance(node, FragmentDefinitionNode)}
    entered: set[str] = set()

    def fields(selections: SelectionSetNode, given: Arguments) -> Iterator[tuple[str, Arguments]]:
        for node in selections.selections:
            if isinstance(node, FieldNode):
                values = {one.name.value: value_from_ast_untyped(one.value, given) for one in node.arguments or ()}
                # A variable that is not given has no value; null is what a server would make of it.
                known = {name: None if value is Undefined else value for name, value in values.items()}
                yield node.name.value, _VALUES.validate_python(known)
            elif isinstance(node, InlineFragmentNode):
                yield from fields(node.selection_set, given)
            elif isinstance(node, FragmentSpreadNode) and node.name.value not in entered:
                entered.add(node.name.value)
                if fragment := fragments.get(node.name.value):
                    yield from fields(fragment.selection_set, given)

    for node in tree.definitions:
        if not isinstance(node, OperationDefinitionNode):
            continue
        if node.operation is not OperationType.QUERY:
            raise BadArgument("query", f"a {node.operation.value} is refused", "query operations only")
        defaults = {
            one.variable.name.value: value_from_ast_untyped(one.default_value)
            for one in node.variable_definitions or ()
            if one.default_value is not None
        }
        entered.clear()
        yield from fields(node.selection_set, _VALUES.validate_python(defaults) | variables)


def _texts(value: JsonValue) -> Sequence[str]:
    """Every text in a value; anything else counts as one that is not allowed."""
    if isinstance(value, list):
        return [text for item in value for text in _texts(item)]
    return [value if isinstance(value, str) else ""]


def _objects(value: JsonValue) -> Iterator[dict[str, JsonValue]]:
    if isinstance(value, dict):
        yield value
    for item in value.values() if isinstance(value, dict) else value if isinstance(value, list) else ():
        yield from _objects(item)
