"""A walk over a GraphQL document along the API's schema, which proves where every part of the answer comes from.

A field whose arguments limit datasets and markings is confined, and below it only the parts of its answer may be
selected. Above it there may only be objects that hold nothing themselves, such as `viewer { accounts { ... } }`. A name
proves nothing: what counts are arguments and types.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final, cast

from pydantic import JsonValue, TypeAdapter, ValidationError

from cf1_mcp.errors import BadArgument
from cf1_mcp.models import Tlp
from cf1_mcp.policy.graphql_proof.answer_types import (
    CHECKED_FIELDS,
    COUNTS,
    DATASET_LEAVES,
    GROUP_LEAVES,
    GROUPS,
    OWN_LEAVES,
    PARTS,
    WRAPPERS,
    Place,
    has_columns,
    is_list,
    is_number,
    is_plain,
    leads_to_others,
    named_type,
    place_in,
    place_of,
)
from cf1_mcp.policy.graphql_proof.confining_arguments import (
    FILTERS,
    LINKED,
    Confinement,
    check_withheld_parts,
    names_tags,
    read_confinement,
)
from cf1_mcp.policy.graphql_proof.descriptions import casts_doubt, list_descriptions, tells_of_others
from cf1_mcp.policy.graphql_proof.parsed_document import INTROSPECTION, Arguments, ParsedDocument, read_arguments
from cf1_mcp.policy.graphql_proof.plain_arguments import DATASETS, GROUPINGS, HARMLESS, MARKINGS, normal_name
from cf1_mcp.policy.read_policy import ReadPolicy
from cf1_mcp.text.limits import MAX_NAME_LENGTH
from cf1_mcp.text.sanitize import clean

if TYPE_CHECKING:
    from graphql import (
        FieldNode,
        GraphQLField,
        GraphQLNamedType,
        GraphQLSchema,
        SelectionSetNode,
    )

MAX_FIELDS: Final = 5_000
# Directives that can only leave something out.
DIRECTIVES: Final = frozenset({"skip", "include"})
ACCOUNT_ARGUMENTS: Final = frozenset({"accounttag", "accountid"})
_VALUES: Final = TypeAdapter[Arguments](Arguments)


class Unproved(Exception):
    """The schema does not show that the document asks only for what may be seen. The text says why."""


@dataclass
class SchemaWalk:
    """The proof for one document.

    `covered` are the datasets that its confined fields name. `uncovered`: some of them name none.
    """

    schema: "GraphQLSchema"
    document: ParsedDocument
    policy: ReadPolicy
    covered: set[str] = field(default_factory=set[str])
    uncovered: bool = False
    _entered: set[tuple[str, Place, frozenset[str]]] = field(
        default_factory=set[tuple[str, Place, frozenset[str]]], init=False
    )
    _values: Any = field(default=None, init=False)
    _variables: Arguments = field(default_factory=dict[str, JsonValue], init=False)
    _seen: int = field(default=0, init=False)
    _is_grouped: bool = field(default=False, init=False)

    def prove(self) -> None:
        """Return if the whole document is confined.

        Raises:
            Unproved: it is not, or the schema does not show it.
            BadArgument: a variable has a wrong value.
            Withheld: the document asks for parts of events that depend on withheld ones.
        """
        from graphql import GraphQLError
        from graphql.execution.values import get_variable_values

        root = self.schema.query_type
        for operation in self.document.operations:
            coerced: Any = get_variable_values(
                self.schema, operation.variable_definitions or [], dict(self.document.given), max_errors=1
            )
            if isinstance(coerced, list):
                message = coerced[0].message if isinstance(coerced[0], GraphQLError) else "one is wrong"
                raise BadArgument("variables", clean(message, 200).rstrip("."), "values of the declared types")
            self._values = coerced
            self._variables = _VALUES.validate_python(coerced.coerced)
            self._entered.clear()
            self._walk(operation.selection_set, root, Place.OUTSIDE, frozenset())

    def _walk(
        self, selections: "SelectionSetNode", parent: "GraphQLNamedType | None", place: Place, path: frozenset[str]
    ) -> None:
        from graphql import FieldNode, FragmentSpreadNode, InlineFragmentNode

        for node in selections.selections:
            self._seen += 1
            if self._seen > MAX_FIELDS or any(one.name.value not in DIRECTIVES for one in node.directives or ()):
                raise Unproved("the query has too many fields, or directives other than skip and include")
            if isinstance(node, FieldNode):
                self._enter(node, parent, place, path)
            elif isinstance(node, InlineFragmentNode):
                condition = node.type_condition
                inner = self.schema.get_type(condition.name.value) if condition else parent
                self._walk(node.selection_set, inner, place_in(inner, place), path)
            elif isinstance(node, FragmentSpreadNode):
                name = node.name.value
                key = (name, place, path)
                if key not in self._entered and (fragment := self.document.fragments.get(name)):
                    self._entered.add(key)
                    inner = self.schema.get_type(fragment.type_condition.name.value)
                    self._walk(fragment.selection_set, inner, place_in(inner, place), path)

    def _enter(self, node: "FieldNode", parent: "GraphQLNamedType | None", place: Place, path: frozenset[str]) -> None:
        from graphql import GraphQLInterfaceType, GraphQLObjectType

        name = node.name.value
        if name == "__typename" or (name in INTROSPECTION and parent is self.schema.query_type):
            return
        definition = parent.fields.get(name) if isinstance(parent, GraphQLObjectType | GraphQLInterfaceType) else None
        if definition is None:
            raise Unproved(f"the schema has no field {_shown(node)} there")
        if place is Place.OUTSIDE:
            self._enter_outside(node, definition)
        else:
            self._enter_inside(node, definition, parent, place, path)

    def _enter_outside(self, node: "FieldNode", definition: "GraphQLField") -> None:
        arguments = self._arguments(node, definition)
        if not self.policy.sees_everything:
            check_withheld_parts(arguments, self.policy)
        confinement = read_confinement(arguments, self.policy)
        kind = named_type(definition)
        # Where everything may be seen, this is only about which datasets are covered.
        limits = confinement.datasets or not self.policy.sees_everything
        if confinement.proves(self.policy) and limits:
            self._check_schema(node, definition, arguments)
            self.covered |= confinement.datasets or frozenset()
            self.uncovered = self.uncovered or not confinement.datasets
            self._is_grouped = any(value and normal_name(one) in GROUPINGS for one, value in arguments.items())
            if node.selection_set:
                self._walk(node.selection_set, kind, place_of(kind), frozenset({kind.name}))
            elif not is_plain(kind):
                raise Unproved(f"the field {_shown(node)} may hold anything")
        elif node.selection_set and self._is_container(definition, arguments):
            self._walk(node.selection_set, kind, Place.OUTSIDE, frozenset())
        elif not (node.selection_set and not arguments and self._lists_datasets(node, kind)):
            raise Unproved(self._describe(node, confinement))

    def _enter_inside(
        self,
        node: "FieldNode",
        definition: "GraphQLField",
        parent: "GraphQLNamedType | None",
        place: Place,
        path: frozenset[str],
    ) -> None:
        name, kind = normal_name(node.name.value), named_type(definition)
        selects = any(normal_name(one) in DATASETS | FILTERS | MARKINGS for one in definition.args)
        if node.arguments or selects or (node.alias and name in CHECKED_FIELDS):
            problem = "has arguments or another name below the field that is limited"
            raise Unproved(f"{_shown(node)} {problem}")
        linked = name in LINKED or leads_to_others(name)
        if linked or (names_tags(name) and self.policy.ceiling is not Tlp.RED):
            raise Unproved(f"{_shown(node)} may tell of events or tags that are withheld")
        if not node.selection_set:
            # A number may be one of all events of an attacker or a dataset, unless it belongs to a group or an event.
            counted = is_number(kind) or name.endswith(("count", "counts", "total"))
            of_group = place is Place.GROUP and self._is_grouped
            own = (
                place is Place.PART or (name in COUNTS and (place is Place.WRAPPER or of_group)) or has_columns(parent)
            )
            if place is Place.GROUP and name in GROUP_LEAVES and not (of_group or has_columns(parent)):
                raise Unproved(f"the arguments do not tell by what {_shown(node)} is grouped")
            own = own and not (name.endswith("count") and name not in COUNTS)
            is_known = name in OWN_LEAVES or name in COUNTS or (place is Place.GROUP and name in GROUP_LEAVES)
            if not is_known or tells_of_others(definition.description):
                raise Unproved(f"{_shown(node)} may tell of other events than those that are asked for")
            if not is_plain(kind) or (counted and not own):
                raise Unproved(f"{_shown(node)} may tell of more than the events that are asked for")
            return
        if name in PARTS and not is_list(definition) and place is not Place.PART:
            inner = Place.PART
        elif name in WRAPPERS and place is Place.WRAPPER:
            inner = place_of(kind)
            inner = Place.GROUP if inner is Place.ROW and name in GROUPS else inner
        else:
            inner = None
        if inner is None or kind.name in path:
            raise Unproved(f"{_shown(node)} may lead to other events than those that are asked for")
        self._walk(node.selection_set, kind, inner, path | {kind.name})

    def _arguments(self, node: "FieldNode", definition: "GraphQLField") -> Arguments:
        """Return the arguments of a field as a server reads them, with the defaults of the schema for those that may
        limit something. A wrong value of another one is for the API to refuse.
        """
        from graphql import FieldNode, GraphQLError, GraphQLField
        from graphql.execution.values import get_argument_values

        given = {one.name.value: one for one in node.arguments or ()}
        if unknown := given.keys() - definition.args.keys():
            raise Unproved(f"the schema has no argument {clean(sorted(unknown)[0], MAX_NAME_LENGTH)} there")
        limiting = {name: one for name, one in definition.args.items() if normal_name(name) not in HARMLESS}
        asked = FieldNode(name=node.name, arguments=tuple(one for name, one in given.items() if name in limiting))
        try:
            found: dict[str, Any] = get_argument_values(
                GraphQLField(cast("Any", definition.type), limiting),  # pyright: ignore[reportUnknownMemberType]
                asked,
                self._values,
            )
            typed = _VALUES.validate_python(found)
        except (GraphQLError, ValidationError):
            raise Unproved(f"the arguments of {_shown(node)} do not fit the schema") from None
        untyped = read_arguments(node, self._variables)
        return {name: value for name, value in untyped.items() if name not in limiting} | typed

    def _check_schema(self, node: "FieldNode", definition: "GraphQLField", arguments: Arguments) -> None:
        """Raise Unproved where types or descriptions of the limiting arguments leave open what they do."""
        from graphql import GraphQLInputObjectType

        for name, value in arguments.items():
            if value is None or normal_name(name) in HARMLESS:
                continue
            argument = definition.args[name]
            kind = named_type(argument)
            told = [definition.description, *list_descriptions(argument, value)]
            if not isinstance(kind, GraphQLInputObjectType) and (
                isinstance(value, dict) or normal_name(name) in FILTERS
            ):
                raise Unproved(f"the schema does not tell what {clean(name, MAX_NAME_LENGTH)} may contain")
            if any(map(casts_doubt, told)):
                shown = clean(name, MAX_NAME_LENGTH)
                raise Unproved(f"the schema describes {shown} as alternatives, exclusions, or without effect")

    def _is_container(self, definition: "GraphQLField", arguments: Mapping[str, JsonValue]) -> bool:
        """Whether a field holds nothing itself: neither its values nor their number or absence tell of events."""
        from graphql import GraphQLObjectType

        kind = named_type(definition)
        if not isinstance(kind, GraphQLObjectType) or "dataset" in kind.name.lower() or has_columns(kind):
            return False
        of_account = all(
            normal_name(name) in ACCOUNT_ARGUMENTS or (normal_name(name) in FILTERS and _names_account(value))
            for name, value in arguments.items()
            if value is not None and normal_name(name) not in {"limit", "first"}
        )
        return of_account and (not is_list(definition) or kind.name.lower().startswith("account"))

    def _lists_datasets(self, node: "FieldNode", kind: "GraphQLNamedType") -> bool:
        """Whether a field only lists datasets, by their names, where every dataset may be seen."""
        if self.policy.restricted or has_columns(kind) or not node.selection_set:
            return False
        below = [*self.document.fields(node.selection_set)]
        named = "dataset" in kind.name.lower()
        return named and all(
            not one.selection_set and not one.arguments and normal_name(one.name.value) in DATASET_LEAVES
            for one in below
        )

    def _describe(self, node: "FieldNode", confinement: Confinement) -> str:
        if confinement.unknown:
            return f"{confinement.unknown} in the arguments of {_shown(node)} is not understood"
        what = "datasets" if not confinement.proves_datasets(self.policy) else "markings"
        return f"the arguments of {_shown(node)} do not limit its {what}"


def _shown(node: "FieldNode") -> str:
    return clean(node.name.value, MAX_NAME_LENGTH)


def _names_account(value: JsonValue) -> bool:
    return isinstance(value, dict) and all(normal_name(key) in ACCOUNT_ARGUMENTS for key in value)
