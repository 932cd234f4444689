"""GraphQL in the mood of the live API: a schema in the form of Cloudflare's GraphQL API for analytics.

Events are counted by the selected dimensions and those that the filter names; the filter then chooses among the groups.

Invented: the schema; see invented.py.
"""

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from fnmatch import fnmatchcase
from functools import cache
from pathlib import Path
from typing import Final

from graphql import FieldNode, FragmentSpreadNode, GraphQLResolveInfo, GraphQLSchema, SelectionSetNode, build_schema

from cf1_mcp.models import Aggregates, Dataset
from cf1_mcp.sandbox.errors import BadRequest
from cf1_mcp.sandbox.json_values import is_array, is_object
from cf1_mcp.sandbox.search.aggregation import AggregateRequest

SCHEMA: Final = Path(__file__).with_name("live_schema.graphql")
MAX_GROUPS: Final = 10_000
DATE: Final = "date"
DATASET: Final = "datasetId"
TESTS: Final[Mapping[str, Callable[[str, str], bool]]] = {
    "neq": lambda value, wanted: value != wanted,
    "like": lambda value, wanted: fnmatchcase(value, wanted.replace("[", "[[]").replace("%", "*").replace("_", "?")),
    "geq": lambda value, wanted: value >= wanted,
    "gt": lambda value, wanted: value > wanted,
    "leq": lambda value, wanted: value <= wanted,
    "lt": lambda value, wanted: value < wanted,
}

Filter = Mapping[str, object]
Group = Mapping[str, object]


@cache
def load_live_schema() -> GraphQLSchema:
    """Return the schema."""
    return build_schema(SCHEMA.read_text(encoding="utf-8"))


def build_live_root(
    count: Callable[[AggregateRequest], Aggregates],
    datasets: Sequence[Dataset],
    fragments: Mapping[str, SelectionSetNode],
) -> dict[str, object]:
    """Return the values and resolvers of the fields of Query, by name."""

    def groups(
        info: "GraphQLResolveInfo[object]",
        *,
        limit: int,
        filter: dict[str, object] | None = None,  # noqa: A002 - the schema's name
        orderBy: list[str] | None = None,  # noqa: N803 - the schema's name
    ) -> list[dict[str, object]]:
        if not 1 <= limit <= MAX_GROUPS:
            raise BadRequest(f"limit must be from 1 to {MAX_GROUPS}, not {limit}")
        dimensions = sorted(set(_find_dimensions(info.field_nodes, fragments)))
        named = set(_find_named(filter or {}))
        columns = sorted({*dimensions, *named, DATASET} - {DATE})
        scope = [one.uuid for one in datasets if DATASET in named or not one.is_analytics]
        daily = DATE in named or DATE in dimensions
        counted = count(AggregateRequest(columns, scope, daily=daily, limit=1_000_000_000))
        sizes: Counter[tuple[str | None, ...]] = Counter()
        for row in counted.aggregations:
            if _matches(filter or {}, row):
                sizes[tuple(_text(row.get(name)) for name in dimensions)] += int(str(row["count"]))
        found: list[dict[str, object]] = [
            {"count": size, "dimensions": dict(zip(dimensions, key, strict=True))} for key, size in sizes.items()
        ]
        return _order(found, orderBy or ["count_DESC"])[:limit]

    account: dict[str, object] = {"threatEventsAdaptiveGroups": groups}
    return {"viewer": {"accounts": [account]}}


def _find_dimensions(fields: Sequence[FieldNode], fragments: Mapping[str, SelectionSetNode]) -> Iterator[str]:
    """Yield the names of the fields selected below `dimensions`, fragments included."""
    for field in fields:
        for group in _expand(field.selection_set, fragments):
            if group.name.value == "dimensions":
                yield from (
                    one.name.value for one in _expand(group.selection_set, fragments) if one.name.value[0] != "_"
                )


def _expand(selected: SelectionSetNode | None, fragments: Mapping[str, SelectionSetNode]) -> Iterator[FieldNode]:
    for node in selected.selections if selected else ():
        if isinstance(node, FieldNode):
            yield node
        elif isinstance(node, FragmentSpreadNode):
            yield from _expand(fragments[node.name.value], fragments)
        else:
            inner: SelectionSetNode | None = getattr(node, "selection_set", None)
            yield from _expand(inner, fragments)


def _find_named(filter_: Filter) -> Iterator[str]:
    """Yield the columns that a filter names, in nested filters too."""
    for name, value in filter_.items():
        if name in ("AND", "OR"):
            for inner in value if is_array(value) else []:
                yield from _find_named(inner if is_object(inner) else {})
        else:
            yield name.partition("_")[0]


def _matches(filter_: Filter, group: Group) -> bool:
    return all(_matches_one(name, value, group) for name, value in filter_.items() if value is not None)


def _matches_one(name: str, wanted: object, group: Group) -> bool:
    if name in ("AND", "OR"):
        inner = [_matches(one, group) for one in (wanted if is_array(wanted) else []) if is_object(one)]
        return all(inner) if name == "AND" else any(inner)
    column, _, test = name.partition("_")
    value = _text(group.get(column)) or ""
    if test in ("in", "notin") and is_array(wanted):
        return (value in wanted) == (test == "in")
    return value == wanted if not test else TESTS[test](value, str(wanted))


def _order(found: list[dict[str, object]], orders: Sequence[str]) -> list[dict[str, object]]:
    for order in reversed(orders):
        name, _, way = order.partition("_")
        found.sort(key=lambda one: _sort_key(one, name), reverse=way == "DESC")
    return found


def _sort_key(group: dict[str, object], name: str) -> tuple[int, str]:
    dimensions = group["dimensions"]
    if name == "count":
        return int(str(group["count"])), ""
    return 0, str(dimensions.get(name) or "") if is_object(dimensions) else ""


def _text(value: object) -> str | None:
    return None if value is None else str(value)
