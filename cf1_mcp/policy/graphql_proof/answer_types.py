"""What the types of an answer are: wrappers, rows of events or groups, and single values."""

from enum import Enum, auto
from typing import TYPE_CHECKING, Any, Final, cast

from cf1_mcp.policy.graphql_proof.plain_arguments import normal_name

if TYPE_CHECKING:
    from graphql import GraphQLArgument, GraphQLField, GraphQLInputField, GraphQLNamedType

# Objects and lists that an answer is wrapped in.
WRAPPERS: Final = frozenset({
    "edges", "node", "nodes", "groups", "group", "items", "rows", "results", "result", "data", "events", "records",
    "buckets", "series", "entries",
})  # fmt: skip
# Objects within a row.
PARTS: Final = frozenset({
    "dimensions", "dimension", "sum", "avg", "min", "max", "uniq", "unique", "quantiles", "count", "aggregate",
    "metrics", "pageinfo",
})  # fmt: skip
# Leaves of a wrapper. An object with others is a row, and a list in a row would be of something else.
META: Final = frozenset({
    "count", "total", "totalcount", "cursor", "typename", "hasnextpage", "haspreviouspage", "startcursor",
    "endcursor", "date", "day", "month",
})  # fmt: skip
EVENT_COLUMNS: Final = frozenset({
    "attacker", "attackercountry", "category", "indicator", "indicatortype", "killchain", "targetcountry",
    "targetindustry", "tlp",
})  # fmt: skip
# Lists whose rows are groups of the events, each with its key and its count.
GROUPS: Final = frozenset({"groups", "buckets", "series"})
GROUP_LEAVES: Final = frozenset({"key", "keys", "value", "name"})
COUNTS: Final = frozenset({"count", "total", "totalcount", "events", "eventcount"})
# Parts of names that tell of other events, or of all of them.
SUSPECT: Final = (
    "child", "parent", "relat", "referenc", "ancest", "descend", "sibling", "similar", "duplicat", "raw", "withheld",
    "hidden", "unfiltered", "overall", "grand", "global", "restricted", "linked", "neighbo", "success", "predecess",
    "supersed", "merged",
)  # fmt: skip
# Values of an event, a group or a page that are only about it. Others, such as maxTlp or alsoSeenIn, may be about
# anything.
OWN_LEAVES: Final = EVENT_COLUMNS | META | {
    "uuid", "id", "event", "title", "description", "datasetid", "dataset", "datetime", "createdat", "updatedat",
    "mitreattack", "mitrecapec", "killchainname", "categoryid", "insight", "tag", "tags", "nextcursor", "prevcursor",
    "hour", "week", "year", "haspreviouspage", "hasmore",
}  # fmt: skip
CHECKED_FIELDS: Final = frozenset({"tlp", "datasetid"})
DATASET_LEAVES: Final = frozenset({"uuid", "id", "name", "ispublic", "isanalytics", "typename"})


class Place(Enum):
    """Where in the answer a selection is."""

    OUTSIDE = auto()
    WRAPPER = auto()
    ROW = auto()
    GROUP = auto()
    PART = auto()


# How names begin that lead from one event to others, such as nextUuid. Those of pages are no such names.
OTHERS: Final = ("next", "prev", "following", "preceding", "other")
OF_PAGES: Final = ("cursor", "page", "token", "offset")


def leads_to_others(name: str) -> bool:
    """Whether a normalised name may be that of something of other events."""
    is_of_pages = any(part in name for part in OF_PAGES)
    return any(part in name for part in SUSPECT) or (name.startswith(OTHERS) and not is_of_pages)


def is_list(definition: "GraphQLField") -> bool:
    return str(cast("object", definition.type)).startswith("[")  # pyright: ignore[reportUnknownMemberType]


def named_type(part: "GraphQLField | GraphQLArgument | GraphQLInputField") -> Any:  # noqa: ANN401 - of whatever kind
    """Return the type of a field or an argument without lists."""
    from graphql import get_named_type

    return get_named_type(cast("Any", part.type))  # pyright: ignore[reportUnknownMemberType, reportUnknownVariableType]


def leaves(kind: "GraphQLNamedType | None") -> set[str]:
    from graphql import GraphQLInterfaceType, GraphQLObjectType, is_leaf_type

    if not isinstance(kind, GraphQLObjectType | GraphQLInterfaceType):
        return set()
    return {normal_name(name) for name, one in kind.fields.items() if is_leaf_type(named_type(one))}


def has_columns(kind: "GraphQLNamedType | None") -> bool:
    return bool(leaves(kind) & EVENT_COLUMNS)


def is_row(kind: "GraphQLNamedType") -> bool:
    """Whether an object is an event, a group or another thing, and not a list of them with its counts."""
    return any(name not in META and not name.endswith(("count", "counts", "total")) for name in leaves(kind))


def is_number(kind: "GraphQLNamedType") -> bool:
    return any(part in kind.name.lower() for part in ("int", "float", "long", "decimal", "number"))


def is_plain(kind: "GraphQLNamedType") -> bool:
    """Whether a leaf holds one value. A scalar such as JSON may hold anything."""
    name = kind.name.lower()
    return not any(part in name for part in ("json", "object", "any", "map", "raw", "blob"))


def place_of(kind: "GraphQLNamedType") -> Place:
    return Place.ROW if is_row(kind) else Place.WRAPPER


def place_in(kind: "GraphQLNamedType | None", place: Place) -> Place:
    """Return where the selection of a fragment is: what a union or an interface wraps may be a row."""
    return place_of(kind) if kind and place is Place.WRAPPER else place
