"""What the descriptions of a schema say against a proof.

A schema may describe conditions as alternatives, exclusions, or as without effect on what is counted. Descriptions are
free text, so that everything that hints at one of these counts as such.
"""

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, Final

from pydantic import JsonValue

from cf1_mcp.policy.graphql_proof.answer_types import named_type
from cf1_mcp.policy.graphql_proof.plain_arguments import DATASETS, MARKINGS, normal_name

if TYPE_CHECKING:
    from graphql import GraphQLArgument, GraphQLField, GraphQLInputField

_CONDITIONS: Final = r"(conditions?|filters?|criteri\w+|clauses?|rules?|predicates?|values?)"
_DOUBTS: Final = re.compile(
    # alternatives
    rf"\b(or[^\w\s]?e?d|disjunct\w*|union|alternative\w*|either|any(one)?(\s+of|\s+(single\s+)?{_CONDITIONS})|any\s+match\w*"
    rf"|some(\s+of|\s+{_CONDITIONS})|(one\s+or\s+more|(one|a\s+single)\s+of)(\s+of)?(\s+(the|these))?\s+{_CONDITIONS}|suffic\w*|is\s+enough"
    r"|at\s+least\s+one|one\s+of\s+(them|these|those)|logical\s+or|(with|by|using|through|via|an?)\s+or|may\s+hold|not\s+all|need\s+not|optional\w*)\b"
    # exclusions
    r"|\b(exclu\w+|except\w*|invert\w*|inver[st]\w*|negat\w+|opposite|complement\w*|everything\s+(but|else)|other\s+than"
    r"|without\s+(these|those|them|any|match\w*|the)|(?<!datasets )left\s+out|leaves?\s+out|remov\w+|drop\w*|discard\w*"
    r"|suppress\w*|hid(e|es|den)|omits?|reject\w*|(block|deny|black)[\s-]?list\w*|den(y|ied)|do(es)?\s+not\s+match"
    r"|(not|non|un)[\s-]?match\w*|but\s+not|must\s+not|instead)\b"
    # without effect
    r"|\b(no\s+(effect|influence|longer)|ignor\w+|deprecat\w+|unused|obsolete|does\s+nothing|unfiltered|not\s+(yet\s+)?"
    r"(applied|used|considered|supported|honou?red|heeded|implemented|affect\w*|limit\w*|filter\w*|restrict\w*)"
    r"|(after|before)\s+(the\s+)?(count|group|aggregat|filter|total)\w*|post[\s-]?filter\w*|only\s+(affects|applies|for|in)"
    r"|(affects|applies\s+to|limits|filters)\s+only|do(es)?\s+not\s+(affect|apply|limit|change|filter|restrict)"
    r"|highlight\w*|advisory|best[\s-]effort|boost\w*|rank\w*|scor(e|es|ed|ing)|regardless|irrespective)\b",
    re.IGNORECASE,
)
# Capitals: the operator.
_OPERATOR: Final = re.compile(r"\b(OR|NOT|XOR|NOR|NAND)\b")
# What a field does where it is not limited.
_UNLIMITED: Final = re.compile(r"\bwithout an? (filter|condition|argument)s?( (of|on|by) \w+)?", re.IGNORECASE)
_OF_OTHERS: Final = re.compile(
    r"\b(unfiltered|not\s+filtered|regardless|irrespective|ignor\w+|before\s+(the\s+)?filter\w*|all\s+(the\s+|known\s+)?events"
    r"|every\s+event|other\s+events|overall|entire|account[\s-]wide|global\w*|lifetime|all[\s-]time|ever)\b",
    re.IGNORECASE,
)
# Parts of a condition, which have an effect where they are left out too.
_OF_CONDITION: Final = DATASETS | MARKINGS | {"field", "op", "operator", "value", "values", "column"}


def casts_doubt(description: str | None) -> bool:
    """Whether a description of what limits events hints at alternatives, exclusions, or no effect."""
    text = _UNLIMITED.sub("", description or "")
    return bool(_DOUBTS.search(text) or _OPERATOR.search(text))


def tells_of_others(description: str | None) -> bool:
    """Whether a description of a value hints at events other than those that were asked for."""
    return bool(description and _OF_OTHERS.search(description))


def list_descriptions(
    part: "GraphQLField | GraphQLArgument | GraphQLInputField", value: JsonValue
) -> Iterator[str | None]:
    """Yield the descriptions of an argument, of its types, and of the keys and values that are used within it."""
    from graphql import GraphQLEnumType, GraphQLInputObjectType

    yield part.description
    yield part.deprecation_reason
    kind: Any = named_type(part)
    if isinstance(kind, GraphQLInputObjectType):
        yield kind.description
        for one in value if isinstance(value, list) else [value]:
            given = one if isinstance(one, dict) else {}
            for key, definition in kind.fields.items():
                if key in given or normal_name(key) in _OF_CONDITION:
                    yield from list_descriptions(definition, given.get(key))
    elif isinstance(kind, GraphQLEnumType):
        yield kind.description
        given_values = value if isinstance(value, list) else [value]
        for name, definition in kind.values.items():
            if name in given_values:
                yield definition.description
                yield definition.deprecation_reason
