"""What the arguments of a GraphQL field limit: the datasets, and the markings.

They are read in the shapes that such arguments commonly have: lists of conditions with a field, an operator and a
value, as the rest of this API has them, objects of columns with operators as suffixes or as keys, and both within
`and`. Everything else, alternatives and exclusions above all, proves nothing.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from pydantic import JsonValue

from cf1_mcp.errors import Withheld
from cf1_mcp.models import Tlp
from cf1_mcp.policy.graphql_proof.plain_arguments import (
    COLUMNS,
    DATASETS,
    HARMLESS,
    MARKINGS,
    NAMINGS,
    find_odd_word,
    normal_name,
)
from cf1_mcp.policy.read_policy import ReadPolicy
from cf1_mcp.text.limits import MAX_NAME_LENGTH
from cf1_mcp.text.sanitize import clean

FILTERS: Final = frozenset({"filter", "filters", "search", "where", "conditions"})
WRAPPERS: Final = frozenset({"input", "params", "args", "request"})
ALL_OF: Final = frozenset({"and", "all", "allof"})
# What depends on other events than the one that has it, which may be withheld.
LINKED: Final = frozenset(
    {"haschildren", "children", "numreferences", "numreferenced", "references", "referenced", "rawid", "raw"}
)
TAGS: Final = "tags"
POSITIVE: Final = frozenset({"eq", "equals", "equal", "is", "in", "oneof", "anyof"})
OTHER_OPERATORS: Final = frozenset({
    "ne", "neq", "not", "notin", "nin", "gt", "gte", "geq", "lt", "lte", "leq", "like", "notlike", "ilike",
    "contains", "startswith", "endswith", "find", "between",
})  # fmt: skip
OPERATORS: Final = sorted(POSITIVE | OTHER_OPERATORS, key=len, reverse=True)
FIELD_KEYS: Final = frozenset({"field", "column"})
OPERATOR_KEYS: Final = frozenset({"op", "operator"})
VALUE_KEYS: Final = frozenset({"value", "values"})
CONDITION_KEYS: Final = FIELD_KEYS | OPERATOR_KEYS | VALUE_KEYS
# Descriptions of an argument whose conditions are alternatives.


@dataclass(frozen=True)
class Confinement:
    """What arguments limit. `datasets` are those named, None if they are not limited. `marked`: only markings within
    the ceiling. `unknown` is an argument or key that is not understood, and then the rest proves nothing.
    """

    datasets: frozenset[str] | None = None
    marked: bool = False
    unknown: str = ""

    def proves(self, policy: ReadPolicy) -> bool:
        """Whether a field with these arguments can answer only what the policy allows."""
        return not self.unknown and self.proves_datasets(policy) and self.proves_markings(policy)

    def proves_datasets(self, policy: ReadPolicy) -> bool:
        # Exactly the uuid: another spelling might be another dataset for the API.
        allowed = {dataset.uuid for dataset in policy.datasets}
        return not policy.restricted or bool(self.datasets and self.datasets <= allowed)

    def proves_markings(self, policy: ReadPolicy) -> bool:
        return policy.ceiling is Tlp.RED or self.marked

    def and_(self, other: "Confinement") -> "Confinement":
        """Return what both together limit, if both must hold."""
        sets = [one for one in (self.datasets, other.datasets) if one is not None]
        # The larger set is told: which events are in both is for the API.
        datasets = frozenset[str]().union(*sets) if sets else None
        return Confinement(datasets, self.marked or other.marked, self.unknown or other.unknown)

    def or_(self, other: "Confinement") -> "Confinement":
        """Return what remains limited if one of both must hold."""
        both = self.datasets is not None and other.datasets is not None
        datasets = (self.datasets or frozenset()) | (other.datasets or frozenset()) if both else None
        return Confinement(datasets, self.marked and other.marked, self.unknown or other.unknown)


def read_confinement(arguments: Mapping[str, JsonValue], policy: ReadPolicy) -> Confinement:
    """Return what the arguments of a field limit."""
    found = Confinement()
    for name, value in arguments.items():
        key = normal_name(name)
        if value is None:
            continue
        if key in HARMLESS:
            if odd := find_odd_word(value, key in NAMINGS):
                found = found.and_(
                    Confinement(unknown=f"{clean(odd, MAX_NAME_LENGTH)} in {clean(name, MAX_NAME_LENGTH)}")
                )
            continue
        if key in FILTERS:
            found = found.and_(_read_filter(value, policy))
        elif key in WRAPPERS and isinstance(value, dict):
            found = found.and_(read_confinement(value, policy))
        else:
            found = found.and_(_read_column(name, value, policy))
    return found


def names_tags(word: str) -> bool:
    """Whether a normalised name may be that of tags in some schema: `tag`, `tagNames`, `eventTags`, `labels`."""
    # `accountTag` is how Cloudflare's schemas call the id of an account.
    is_other = word.startswith(("account", "zone")) or "stage" in word
    if word.startswith(("tag", "label", "keyword", "hashtag")):
        return True
    return word.endswith(("tag", "tags", "tagname", "tagnames")) and not is_other


def check_withheld_parts(arguments: Mapping[str, JsonValue], policy: ReadPolicy) -> None:
    """Refuse questions about parts of events that depend on withheld events or tags, as counts cannot be corrected.

    Raises:
        Withheld: there is such a question.
    """
    words = {normal_name(word) for word in _list_words(arguments) if len(word) <= MAX_NAME_LENGTH}
    # Also as one orders by it, such as numReferences_DESC.
    words |= {word.removesuffix("desc").removesuffix("asc").removesuffix("count") for word in words}
    columns = words | {_split_name(word)[0] for word in words}
    if LINKED & columns or any(word.startswith(("child", "haschild")) for word in columns):
        raise Withheld("A GraphQL condition on hasChildren, or on other links and evidence,", policy.tlp_rule)
    if any(map(names_tags, columns)) and policy.ceiling is not Tlp.RED:
        # Whether or not there is such a tag: otherwise the refusal would tell that there is.
        raise Withheld(f"Counting by {TAGS}, which may be marked above the ceiling,", policy.tlp_rule)


def _read_filter(value: JsonValue, policy: ReadPolicy) -> Confinement:
    if isinstance(value, dict):
        return _read_condition(value, policy) if _is_condition(value) else _read_object(value, policy)
    if not isinstance(value, list):
        return Confinement(unknown="a filter that is a text")
    objects = [item for item in value if isinstance(item, dict)]
    if len(objects) < len(value):
        return Confinement(unknown="a filter with other things than conditions")
    if all(_is_condition(item) for item in objects):
        # Conditions in this form must all hold, as everywhere in this API.
        found = Confinement()
        for item in objects:
            found = found.and_(_read_condition(item, policy))
        return found
    # Of objects, nobody knows whether all must hold.
    read = [_read_filter(item, policy) for item in objects]
    found = read[0]
    for one in read[1:]:
        found = found.or_(one)
    return found


def _is_condition(item: Mapping[str, JsonValue]) -> bool:
    return any(normal_name(key) in FIELD_KEYS for key in item)


def _read_condition(item: Mapping[str, JsonValue], policy: ReadPolicy) -> Confinement:
    """Return what a condition with a field, an operator and a value limits."""
    given = {normal_name(key): value for key, value in item.items()}
    if len(given) < len(item) or not given.keys() <= CONDITION_KEYS:
        # A key that is not known here, such as a negation, might turn the condition around.
        return Confinement(unknown="a condition with other keys than field, op and value")
    names = [given[key] for key in FIELD_KEYS if key in given]
    operators = [given[key] for key in OPERATOR_KEYS if given.get(key) is not None] or ["equals"]
    values = [given[key] for key in VALUE_KEYS if key in given]
    if len(names) != 1 or len(operators) != 1 or len(values) != 1 or not isinstance(names[0], str):
        return Confinement(unknown="a condition without one field, op and value")
    if normal_name(names[0]) not in COLUMNS | DATASETS | MARKINGS:
        return Confinement(unknown=clean(names[0], MAX_NAME_LENGTH))
    return _compare(normal_name(names[0]), normal_name(str(operators[0])), values[0], policy)


def _read_object(item: Mapping[str, JsonValue], policy: ReadPolicy) -> Confinement:
    """Return what an object of columns limits, all of which must hold."""
    found = Confinement()
    for name, value in item.items():
        if value is None:
            continue
        if normal_name(name) in ALL_OF:
            for one in value if isinstance(value, list) else [value]:
                found = found.and_(_read_filter(one, policy))
        else:
            found = found.and_(_read_column(name, value, policy))
    return found


def _read_column(name: str, value: JsonValue, policy: ReadPolicy) -> Confinement:
    """Return what the value of a column, whose name may end with an operator, limits."""
    column, operator = _split_name(normal_name(name))
    if column not in COLUMNS | DATASETS | MARKINGS:
        return Confinement(unknown=f"{clean(name, MAX_NAME_LENGTH)}")
    if not isinstance(value, dict):
        return _compare(column, operator or "equals", value, policy)
    found = Confinement()
    for key, compared in value.items():
        if operator or normal_name(key) not in POSITIVE | OTHER_OPERATORS:
            return Confinement(unknown=f"{clean(name, MAX_NAME_LENGTH)}.{clean(key, MAX_NAME_LENGTH)}")
        if compared is not None:
            found = found.and_(_compare(column, normal_name(key), compared, policy))
    return found


def _split_name(name: str) -> tuple[str, str]:
    """Return the column and the operator of a name such as tlpin."""
    known = COLUMNS | DATASETS | MARKINGS | LINKED
    if name in known:
        return name, ""
    for operator in OPERATORS:
        if name.endswith(operator) and name.removesuffix(operator) in known:
            return name.removesuffix(operator), operator
    return name, ""


def _compare(column: str, operator: str, value: JsonValue, policy: ReadPolicy) -> Confinement:
    if operator not in POSITIVE | OTHER_OPERATORS:
        return Confinement(unknown=f"the operator {clean(operator, MAX_NAME_LENGTH)}")
    values = value if isinstance(value, list) else [value]
    texts = [one for one in values if isinstance(one, str)]
    whole = operator in POSITIVE and 0 < len(values) == len(texts)
    if column in DATASETS:
        return Confinement(datasets=frozenset(texts) if whole else None)
    if column in MARKINGS:
        return Confinement(marked=whole and _are_within(texts, policy))
    return Confinement()


def _are_within(markings: Sequence[str], policy: ReadPolicy) -> bool:
    levels = [Tlp.parse(text.replace("_", "+")) for text in markings]
    return all(level is not None and level.rank <= policy.ceiling.rank for level in levels)


def _list_words(value: JsonValue | Mapping[str, JsonValue]) -> Iterator[str]:
    """Yield every text and key in a value."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping):
        yield from value
        for item in value.values():
            yield from _list_words(item)
    elif isinstance(value, list):
        for item in value:
            yield from _list_words(item)
