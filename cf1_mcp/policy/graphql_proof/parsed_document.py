"""A GraphQL document, and the arguments of its fields with their variables."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from pydantic import JsonValue, TypeAdapter, ValidationError

from cf1_mcp.errors import BadArgument
from cf1_mcp.text.limits import MAX_NAME_LENGTH
from cf1_mcp.text.sanitize import clean

if TYPE_CHECKING:
    from graphql import FieldNode, FragmentDefinitionNode, OperationDefinitionNode, SelectionSetNode

# Root fields that reveal nothing about events.
INTROSPECTION: Final = frozenset({"__schema", "__type", "__typename"})
MAX_REASON_LENGTH: Final = 200

Arguments = dict[str, JsonValue]
_VALUES: Final = TypeAdapter[Arguments](Arguments)


@dataclass(frozen=True)
class ParsedDocument:
    """The query operations and fragments of a document, and the variables that are sent with it."""

    operations: "tuple[OperationDefinitionNode, ...]"
    fragments: "Mapping[str, FragmentDefinitionNode]"
    given: Mapping[str, JsonValue]

    @property
    def is_introspection(self) -> bool:
        """Whether the document asks for the schema alone."""
        roots = [node.name.value for one in self.operations for node in self.fields(one.selection_set)]
        return all(name in INTROSPECTION for name in roots)

    def fields(self, selections: "SelectionSetNode", entered: set[str] | None = None) -> "Iterator[FieldNode]":
        """Yield the fields of a selection, through fragments, each fragment once."""
        from graphql import FieldNode, FragmentSpreadNode, InlineFragmentNode

        entered = set[str]() if entered is None else entered
        for node in selections.selections:
            if isinstance(node, FieldNode):
                yield node
            elif isinstance(node, InlineFragmentNode):
                yield from self.fields(node.selection_set, entered)
            elif isinstance(node, FragmentSpreadNode) and node.name.value not in entered:
                entered.add(node.name.value)
                if fragment := self.fragments.get(node.name.value):
                    yield from self.fields(fragment.selection_set, entered)

    def all_fields(self, root: "FieldNode") -> "Iterator[FieldNode]":
        """Yield a field and all fields below it, through fragments, each fragment once."""
        entered: set[str] = set()
        left = [root]
        while left:
            node = left.pop()
            yield node
            if node.selection_set:
                left += self.fields(node.selection_set, entered)

    def variables(self, operation: "OperationDefinitionNode") -> Arguments:
        """Return the variables of an operation: those that are sent, and the defaults of the others."""
        from graphql import value_from_ast_untyped

        defaults = {
            one.variable.name.value: value_from_ast_untyped(one.default_value)
            for one in operation.variable_definitions or ()
            if one.default_value is not None
        }
        return _VALUES.validate_python(defaults) | dict(self.given)


def parse_document(document: str, variables: Mapping[str, JsonValue] | None) -> ParsedDocument:
    """Return a document that has only queries.

    Raises:
        BadArgument: it is not GraphQL, or not a query.
    """
    # graphql-core is imported by the first query: a server whose GraphQL is never used starts without it.
    from graphql import FragmentDefinitionNode, GraphQLError, OperationDefinitionNode, OperationType, parse

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
    fragments = {node.name.value: node for node in tree.definitions if isinstance(node, FragmentDefinitionNode)}
    return ParsedDocument(tuple(operations), fragments, dict(variables or {}))


def read_arguments(node: "FieldNode", variables: Arguments) -> Arguments:
    """Return the arguments of a field, as far as they are known without a schema.

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
    """Return the names of the variables in the arguments of a field."""
    from graphql import VariableNode, Visitor, visit

    found: set[str] = set()

    class Names(Visitor):
        def enter_variable(self, variable: VariableNode, *_: object) -> None:
            found.add(variable.name.value)

    for argument in node.arguments or ():
        visit(argument, Names())
    return found
