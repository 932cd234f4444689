"""Names of columns, and arguments of a GraphQL field that say how to count and what to return, not of which events."""

import re
from typing import Final

from pydantic import JsonValue

from cf1_mcp.models.fields import EVENT_FIELDS

# Names in lower case and without underscores.
DATASETS: Final = frozenset({"dataset", "datasets", "datasetid", "datasetids", "datasetuuid", "datasetuuids"})
MARKINGS: Final = frozenset({"tlp", "tlps", "tlpmarking", "tlpmarkings", "tlplevel", "tlplevels"})
# Arguments that say how to count and what to return, not of which events.
HARMLESS: Final = frozenset({
    "groupby", "columns", "column", "dimensions", "dimension", "aggregateby", "by", "orderby", "order", "sort",
    "sortby", "direction", "limit", "first", "last", "top", "topn", "offset", "page", "pagesize", "size", "take",
    "skip", "startdate", "enddate", "start", "end", "since", "until", "from", "to", "datefrom", "dateto",
    "daterange", "daily", "groupbydate", "interval", "granularity", "timezone", "metric", "metrics", "measure",
    "accounttag", "accountid",
})  # fmt: skip
# Those of them that name columns.
GROUPINGS: Final = frozenset({"groupby", "columns", "column", "dimensions", "dimension", "aggregateby", "by"})
NAMINGS: Final = GROUPINGS | {"orderby", "order", "sort", "sortby", "metric", "metrics", "measure"}
COLUMNS: Final = frozenset(one.wire.lower() for one in EVENT_FIELDS) | {
    "datetime", "accounttag", "accountid", "createdat", "updatedat",
}  # fmt: skip
# What an ordering or a grouping may name beside columns.
MEASURES: Final = frozenset({
    "count", "counts", "total", "events", "eventcount", "asc", "desc", "ascending", "descending", "hour", "day", "week",
    "month", "year", "id", "name", "key", "value",
})  # fmt: skip
# Keys of objects that say how to count, how to order, from when to when, and which page to return.
PLAIN_KEYS: Final = HARMLESS | {
    "field", "name", "number", "cursor", "after", "before", "unit", "nulls", "gt", "gte", "geq", "lt", "lte", "leq",
    "min", "max", "date", "datetime",
}  # fmt: skip
_WORD: Final = re.compile(r"\w+")


def normal_name(name: str) -> str:
    return name.replace("_", "").lower()


def find_odd_word(value: JsonValue, is_naming: bool) -> str | None:
    """Return a word in an argument that says how to count that may say of which events, or by what else; None if there
    is none. With `is_naming` its texts are names of columns.
    """
    if isinstance(value, str):
        return next((word for word in _WORD.findall(value) if not _is_known(word)), None) if is_naming else None
    if isinstance(value, list):
        return next((odd for one in value if (odd := find_odd_word(one, is_naming))), None)
    for key, one in value.items() if isinstance(value, dict) else ():
        word = normal_name(key)
        is_order = is_naming and _is_known(key) and isinstance(one, str) and normal_name(one) in MEASURES
        if word not in PLAIN_KEYS and not is_order:
            return key
        if odd := find_odd_word(one, is_naming or word in NAMINGS):
            return odd
    return None


def _is_known(name: str) -> bool:
    """Whether a name is that of a column, or of a way to count or to order, such as `count_DESC`."""
    word = normal_name(name)
    column = word.removesuffix("desc").removesuffix("asc")
    return not {word, column}.isdisjoint(COLUMNS | DATASETS | MARKINGS | MEASURES)
