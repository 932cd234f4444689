"""Checks on GraphQL documents before they are sent, because their answers (counts) cannot be filtered afterwards.

The live schema is unpublished, so the check relies on what any schema for this must have: arguments that name datasets,
and conditions on fields. What it does not understand, it refuses.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Final

from pydantic import JsonValue, TypeAdapter, ValidationError

from cf1_mcp.errors import BadArgument, Withheld
from cf1_mcp.models import Tlp
from cf1_mcp.policy.read_policy import ReadPolicy
from cf1_mcp.text.limits import MAX_NAME_LENGTH
from cf1_mcp.text.sanitize import clean

if TYPE_CHECKING:
    from graphql import DocumentNode, FieldNode, FragmentDefinitionNode, OperationDefinitionNode, SelectionSetNode

# Root fields that reveal nothing about events.
HARMLESS: Final = frozenset({"__schema", "__type", "__typename"})
# Whether an event has children, or a tag, may depend on events and tags that are withheld.
CHILDREN: Final = "hasChildren"
TAGS: Final = "tags"
# The arguments and keys by which a question may be limited, in lower case. An unknown one, such as an exclusion, might
# do the opposite.
DATASET_ARGUMENTS: Final = frozenset({"dataset", "datasets", "datasetid", "datasetids"})
FILTER_ARGUMENTS: Final = frozenset({"filter", "filters", "search"})
# Fields by which an answer is checked.
CHECKED_FIELDS: Final = frozenset({"tlp", "datasetId"})
CONDITION_KEYS: Final = frozenset({"field", "op", "value"})
LIST_OF_DATASETS: Final = "datasets"
MAX_REASON_LENGTH: Final = 200

Arguments = dict[str, JsonValue]
_VALUES: Final = TypeAdapter[Arguments](Arguments)


def check_graphql_query(document: str, variables: Mapping[str, JsonValue] | None, policy: ReadPolicy) -> None:
    """Raise an error unless the policy allows a document.

    Raises:
        BadArgument: it is not GraphQL, not a query, or counts events above the TLP ceiling.
        Withheld: it reaches datasets that may not be read.
    """
    for name, arguments in _root_fields(_parse(document), dict(variables or {})):
        if name in HARMLESS or policy.sees_everything:
            continue
        if policy.restricted:
            _check_datasets(arguments, policy)
        if policy.ceiling is not Tlp.RED and name != LIST_OF_DATASETS:
            _check_markings(arguments, policy)
        _check_withheld_parts(arguments, policy)


def check_graphql_answer(data: JsonValue, policy: ReadPolicy) -> None:
    """Raise an error for an answer that shows what the document was not allowed to reach.

    Raises:
        Withheld: it contains a marking above the ceiling, or a dataset that may not be read.
    """
    for node in _objects(data):
        marking, dataset = node.get("tlp"), node.get("datasetId")
        if isinstance(marking, str) and policy.is_above_ceiling(marking):
            raise Withheld("The answer", policy.tlp_rule)
        if isinstance(dataset, str) and not policy.may_read(dataset):
            raise Withheld("The answer", policy.grant.rule)


def _check_datasets(arguments: Arguments, policy: ReadPolicy) -> None:
    naming = {name: value for name, value in arguments.items() if "dataset" in name.lower()}
    named = [text for value in naming.values() for text in _texts(value)]
    # Exactly the uuid: another spelling might be another dataset for the API.
    allowed = {dataset.uuid for dataset in policy.datasets}
    understood = all(name.lower().replace("_", "") in DATASET_ARGUMENTS for name in naming)
    if not named or not understood or any(text not in allowed for text in named):
        what = "A GraphQL field that does not name allowed datasets by uuid, as list_threat_datasets spells it,"
        raise Withheld(what, policy.grant.rule)


def _check_markings(arguments: Arguments, policy: ReadPolicy) -> None:
    filters = [value for name, value in arguments.items() if name.lower() in FILTER_ARGUMENTS]
    conditions = [item for value in filters if isinstance(value, list) for item in value]
    if not any(_limits_marking(condition, policy) for condition in conditions):
        levels = [level.value for level in Tlp if level.rank <= policy.ceiling.rank]
        raise BadArgument(
            "query",
            f"counts above {policy.tlp_rule} are withheld, and this query would count them",
            f"a condition {{field: tlp, op: in, value: {levels}}} in the filter of every field".replace("'", '"'),
        )


def _check_withheld_parts(arguments: Arguments, policy: ReadPolicy) -> None:
    """Refuse questions about parts of events that depend on withheld events or tags, as counts cannot be corrected."""
    words = {word for value in arguments.values() for word in _list_words(value)}
    if CHILDREN in words:
        raise Withheld(f"A GraphQL condition on {CHILDREN}", policy.tlp_rule)
    if TAGS in words and policy.ceiling is not Tlp.RED:
        # Whether or not there is such a tag: otherwise the refusal would tell that there is.
        raise Withheld(f"Counting by {TAGS}, which may be marked above the ceiling,", policy.tlp_rule)


def _limits_marking(condition: JsonValue, policy: ReadPolicy) -> bool:
    # A key that is not known here, such as a negation, might turn the condition around.
    if not isinstance(condition, dict) or condition.get("field") != "tlp" or not condition.keys() <= CONDITION_KEYS:
        return False
    value = condition.get("value")
    values = value if isinstance(value, list) else [value]
    levels = [Tlp.parse(text) if isinstance(text, str) else None for text in values]
    within = all(level is not None and level.rank <= policy.ceiling.rank for level in levels)
    return condition.get("op", "equals") in ("equals", "in") and bool(levels) and within


def _parse(document: str) -> "DocumentNode":
    # graphql-core is imported by the first query: a server whose GraphQL is never used starts without it.
    from graphql import GraphQLError, OperationDefinitionNode, OperationType, parse

    try:
        tree = parse(document, no_location=True)
    except (GraphQLError, RecursionError) as error:
        reason = error.message if isinstance(error, GraphQLError) else "it is nested too deeply"
        raise BadArgument("query", clean(reason, MAX_REASON_LENGTH).rstrip("."), "a GraphQL query document") from None
    operations = [node for node in tree.definitions if isinstance(node, OperationDefinitionNode)]
    if not operations:
        raise BadArgument("query", "the document contains no query", "a GraphQL query document")
    for node in operations:
        if node.operation is not OperationType.QUERY:
            raise BadArgument("query", f"a {node.operation.value} is refused", "query operations only")
    return tree


def _root_fields(tree: "DocumentNode", variables: Arguments) -> Iterator[tuple[str, Arguments]]:
    """The root fields of all operations, through fragments, each with its arguments."""
    from graphql import FragmentDefinitionNode, OperationDefinitionNode

    fragments = {node.name.value: node for node in tree.definitions if isinstance(node, FragmentDefinitionNode)}
    for node in tree.definitions:
        if isinstance(node, OperationDefinitionNode):
            yield from _fields(node.selection_set, _defaults(node) | variables, fragments, set())


def _defaults(operation: "OperationDefinitionNode") -> Arguments:
    """The variables of an operation that have a default value."""
    from graphql import value_from_ast_untyped

    defaults = {
        one.variable.name.value: value_from_ast_untyped(one.default_value)
        for one in operation.variable_definitions or ()
        if one.default_value is not None
    }
    return _VALUES.validate_python(defaults)


def _fields(
    selections: "SelectionSetNode",
    variables: Arguments,
    fragments: "Mapping[str, FragmentDefinitionNode]",
    entered: set[str],
) -> Iterator[tuple[str, Arguments]]:
    """The fields of a selection, each with its arguments. `entered` are the fragments that were already followed."""
    from graphql import FieldNode, FragmentSpreadNode, InlineFragmentNode

    for node in selections.selections:
        if isinstance(node, FieldNode):
            if node.name.value not in HARMLESS and node.selection_set:
                _check_nested(node.selection_set, fragments, set())
            yield node.name.value, _arguments(node, variables)
        elif isinstance(node, InlineFragmentNode):
            yield from _fields(node.selection_set, variables, fragments, entered)
        elif isinstance(node, FragmentSpreadNode) and node.name.value not in entered:
            entered.add(node.name.value)
            if fragment := fragments.get(node.name.value):
                yield from _fields(fragment.selection_set, variables, fragments, entered)


def _check_nested(
    selections: "SelectionSetNode", fragments: "Mapping[str, FragmentDefinitionNode]", entered: set[str]
) -> None:
    """Refuse fields below a root field that ask something of their own, or show a marking under another name.

    Raises:
        BadArgument: there is such a field.
    """
    from graphql import FieldNode, FragmentSpreadNode, InlineFragmentNode

    for node in selections.selections:
        if isinstance(node, FragmentSpreadNode):
            name = node.name.value
            if name not in entered and name in fragments:
                entered.add(name)
                _check_nested(fragments[name].selection_set, fragments, entered)
            continue
        if isinstance(node, FieldNode) and (node.arguments or (node.alias and node.name.value in CHECKED_FIELDS)):
            problem = f"{node.name.value} has arguments or another name below the root, which cannot be checked"
            raise BadArgument("query", problem, "arguments on root fields only, and tlp and datasetId by their names")
        if isinstance(node, FieldNode | InlineFragmentNode) and node.selection_set:
            _check_nested(node.selection_set, fragments, entered)


def _arguments(node: "FieldNode", variables: Arguments) -> Arguments:
    """The arguments of a field.

    Raises:
        BadArgument: one of them contains a variable without a value.
    """
    from graphql import Undefined, value_from_ast_untyped

    try:
        values = {one.name.value: value_from_ast_untyped(one.value, variables) for one in node.arguments or ()}
        # A variable that is a whole argument may be omitted; a server would read it as null.
        known = {name: None if value is Undefined else value for name, value in values.items()}
        return _VALUES.validate_python(known)
    except ValidationError:
        missing = sorted(_variables_in(node) - variables.keys())
        names = ", ".join(f"${clean(name, MAX_NAME_LENGTH)}" for name in missing) or "one of them"
        raise BadArgument("variables", f"{names} has no value", "a value for every variable of the query") from None


def _variables_in(node: "FieldNode") -> set[str]:
    """The names of the variables in the arguments of a field."""
    from graphql import VariableNode, Visitor, visit

    found: set[str] = set()

    class Names(Visitor):
        def enter_variable(self, variable: VariableNode, *_: object) -> None:
            found.add(variable.name.value)

    for argument in node.arguments or ():
        visit(argument, Names())
    return found


def _texts(value: JsonValue) -> Sequence[str]:
    """Every text in a value; anything else counts as an empty text, which no dataset has as its uuid."""
    if isinstance(value, list):
        return [text for item in value for text in _texts(item)]
    return [value if isinstance(value, str) else ""]


def _list_words(value: JsonValue) -> Iterator[str]:
    """Yield every text in a value, keys left out."""
    if isinstance(value, str):
        yield value
    for item in value.values() if isinstance(value, dict) else value if isinstance(value, list) else ():
        yield from _list_words(item)


def _objects(value: JsonValue) -> Iterator[dict[str, JsonValue]]:
    """Every object in a value, itself included."""
    if isinstance(value, dict):
        yield value
    for item in value.values() if isinstance(value, dict) else value if isinstance(value, list) else ():
        yield from _objects(item)
