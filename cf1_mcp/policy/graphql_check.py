"""Checks on GraphQL documents before they are sent, because their answers (counts) cannot be filtered afterwards.

The schema of the API is unpublished, so it is asked for, and a document is sent only if the schema proves that it keeps
to the rules. A document that cannot keep to them under any schema is refused without asking.
"""

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Final

from pydantic import JsonValue

from cf1_mcp.api.live_schema import LiveSchema
from cf1_mcp.errors import (
    ApiError,
    BadArgument,
    Forbidden,
    MissingRoute,
    ThreatEventsError,
    Unavailable,
    Withheld,
)
from cf1_mcp.models import Dataset, Tlp
from cf1_mcp.policy.dataset_scope import is_scope_word
from cf1_mcp.policy.datasets import dataset_names
from cf1_mcp.policy.graphql_proof.confining_arguments import check_withheld_parts, read_confinement
from cf1_mcp.policy.graphql_proof.parsed_document import INTROSPECTION, ParsedDocument, parse_document, read_arguments
from cf1_mcp.policy.graphql_proof.plain_arguments import DATASETS, MARKINGS, normal_name
from cf1_mcp.policy.graphql_proof.schema_walk import SchemaWalk, Unproved
from cf1_mcp.policy.read_policy import DATASET_RULE, ReadPolicy
from cf1_mcp.text.uuids import id_key, parse_uuid

if TYPE_CHECKING:
    from graphql import FieldNode

# Values that a check looks at, counting a variable once for each of its uses. More would hold the server up.
MAX_VALUES: Final = 100_000
NO_SCHEMA: Final = "this API does not tell its GraphQL schema"


class UnprovedQuery(ThreatEventsError):
    """A query of which nobody can tell whether it keeps to the rules for reading."""

    def __init__(self, why: str, policy: ReadPolicy) -> None:
        rules = [policy.tlp_rule] if policy.ceiling is not Tlp.RED else []
        rules += [DATASET_RULE] if policy.restricted else []
        settings = "those settings" if len(rules) > 1 else "that setting"
        super().__init__(
            f"query: {why}, so that it cannot be held to {' and '.join(rules)}: use aggregate_threat_events, or ask "
            f"the operator to change {settings}."
        )


async def check_graphql_query(
    document: str, variables: Mapping[str, JsonValue] | None, policy: ReadPolicy, live: LiveSchema
) -> ParsedDocument:
    """Return a document that the policy allows.

    Raises:
        ApiError: the schema is needed, and the API cannot be asked for it now.
        BadArgument: it is not GraphQL, not a query, or counts events above the TLP ceiling.
        UnprovedQuery: the schema does not show what it asks for.
        Withheld: it reaches datasets that may not be read.
    """
    parsed = parse_document(document, variables)
    if policy.sees_everything or parsed.is_introspection:
        return parsed
    _check_size(document, variables)
    for operation in parsed.operations:
        known = parsed.variables(operation)
        for root in parsed.fields(operation.selection_set):
            if root.name.value not in INTROSPECTION:
                _check_possible(parsed, root, known, policy)
    schema = await live.read()
    if schema is None:
        raise UnprovedQuery(_describe_refusal(live.refusal), policy)
    try:
        SchemaWalk(schema, parsed, policy).prove()
    except Unproved as reason:
        raise UnprovedQuery(str(reason), policy) from None
    return parsed


def _describe_refusal(refusal: ApiError | None) -> str:
    """Return why there is no schema, as far as the answer of the API shows it."""
    if isinstance(refusal, MissingRoute):
        return f"{NO_SCHEMA}: this account has no GraphQL"
    if isinstance(refusal, Forbidden):
        return f"{NO_SCHEMA} to this token: the token or the account may lack GraphQL"
    if isinstance(refusal, Unavailable):
        return f"{NO_SCHEMA}: it fails where it is asked for it"
    return NO_SCHEMA


def _check_size(document: str, variables: Mapping[str, JsonValue] | None) -> None:
    """Refuse variables that are too many to be looked at wherever they are used.

    Raises:
        BadArgument: they are.
    """
    count, uses = sum(1 for _ in _values(dict(variables or {}))), document.count("$")
    if count * uses > MAX_VALUES:
        problem = f"they have {count:,} values and are used {uses:,} times, which is too much to check"
        raise BadArgument("variables", problem, f"at most {MAX_VALUES:,} values in all their uses")


def _values(value: JsonValue) -> Iterator[JsonValue]:
    yield value
    if isinstance(value, dict | list):
        for part in value.values() if isinstance(value, dict) else value:
            yield from _values(part)


async def find_covered_datasets(parsed: ParsedDocument, policy: ReadPolicy, live: LiveSchema) -> tuple[str, ...] | None:
    """Return the names of the datasets that a document covers, or None if that cannot be told."""
    known = {dataset.uuid for dataset in policy.account.datasets}
    if not any(text in known for text in _texts(parsed)):
        return None
    try:
        schema = await live.read()
        if schema is None:
            return None
        walk = SchemaWalk(schema, parsed, policy)
        walk.prove()
    except (ApiError, BadArgument, Unproved):
        return None
    found = [policy.account.find(uuid) for uuid in sorted(walk.covered)]
    datasets = [one for one in found if isinstance(one, Dataset)]
    return dataset_names(datasets) if datasets and len(datasets) == len(found) and not walk.uncovered else None


def names_no_dataset(parsed: ParsedDocument) -> bool:
    """Whether no text of a document is a dataset or a scope word, so that the API decides what it covers."""
    return not any(is_scope_word(text) or parse_uuid(text) for text in _texts(parsed))


def check_graphql_answer(data: JsonValue, policy: ReadPolicy) -> None:
    """Raise an error for an answer that shows what the document was not allowed to reach.

    Raises:
        Withheld: it contains a marking above the ceiling, or a dataset that may not be read.
    """
    hidden = {id_key(one.uuid) for one in policy.account.datasets if not policy.may_read(one.uuid)}
    for node in _objects(data):
        for name, value in node.items():
            values = value if isinstance(value, list) else [value]
            if normal_name(name) in MARKINGS and any(_is_above(one, policy) for one in values):
                raise Withheld("The answer", policy.tlp_rule)
            texts = [one for one in values if isinstance(one, str) and one.strip()]
            is_of_datasets = normal_name(name) in DATASETS
            if any((is_of_datasets and not policy.may_read(one)) or id_key(one) in hidden for one in texts):
                raise Withheld("The answer", policy.grant.rule)


def _is_above(marking: JsonValue, policy: ReadPolicy) -> bool:
    # What is not a text counts as red, as in events.
    return marking is not None and policy.is_above_ceiling(marking if isinstance(marking, str) else Tlp.RED)


def _check_possible(
    parsed: ParsedDocument, root: "FieldNode", variables: dict[str, JsonValue], policy: ReadPolicy
) -> None:
    """Refuse a root field that is not limited under any schema: by no arguments of its own or of fields below it.

    Raises:
        BadArgument: it is not limited to markings within the ceiling.
        Withheld: it is not limited to datasets that may be read, or asks for parts that may be withheld.
    """
    by_dataset = by_marking = False
    is_plain = True
    for node in parsed.all_fields(root):
        arguments = read_arguments(node, variables)
        check_withheld_parts(arguments, policy)
        confinement = read_confinement(arguments, policy)
        by_dataset = by_dataset or confinement.proves_datasets(policy)
        by_marking = by_marking or confinement.proves_markings(policy)
        is_plain = is_plain and not arguments
    if not by_dataset:
        what = "A GraphQL field that does not name allowed datasets by uuid, as list_threat_datasets spells it,"
        raise Withheld(what, policy.grant.rule)
    if not by_marking and not (is_plain and root.name.value.lower().endswith("datasets") and not policy.restricted):
        levels = [level.value for level in Tlp if level.rank <= policy.ceiling.rank]
        raise BadArgument(
            "query",
            f"counts above {policy.tlp_rule} are withheld, and this query would count them",
            f"a condition {{field: tlp, op: in, value: {levels}}} in the filter of every field".replace("'", '"'),
        )


def _texts(parsed: ParsedDocument) -> Iterator[str]:
    """Yield every text in the arguments and variables of a document."""
    from graphql import StringValueNode, Visitor, visit

    found: list[str] = []

    class Texts(Visitor):
        def enter_string_value(self, node: StringValueNode, *_: object) -> None:
            found.append(node.value)

    for node in (*parsed.operations, *parsed.fragments.values()):
        visit(node, Texts())
    yield from found
    left: list[JsonValue] = [*parsed.given.values()]
    while left:
        value = left.pop()
        if isinstance(value, str):
            yield value
        elif isinstance(value, dict | list):
            left += value.values() if isinstance(value, dict) else value


def _objects(value: JsonValue) -> Iterator[dict[str, JsonValue]]:
    """Yield every object in a value, itself included."""
    if isinstance(value, dict):
        yield value
    for item in value.values() if isinstance(value, dict) else value if isinstance(value, list) else ():
        yield from _objects(item)
