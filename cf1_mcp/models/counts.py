"""Counts of events, as the API answers them."""

import json
from typing import Final, cast

from pydantic import Field, JsonValue, field_validator, model_validator

from cf1_mcp.models.lenient_answers import ApiAnswer, Listed
from cf1_mcp.models.odd_values import Count, Text, read_count

# Under what names the groups may be beside the published one: invented. Under others they are not found.
OTHER_NAMES: Final = ("groups", "buckets", "results", "rows")


class Aggregates(ApiAnswer):
    """Counts by one or more columns. Each row has `count`, a key for each column and, in a daily count, `date`.

    A count that is None is unknown, which is not 0. `dropped` is the number of rows that are none.
    """

    aggregate_by: Text = ""
    aggregations: Listed[dict[str, JsonValue]]
    total: Count = None
    date_range: dict[str, JsonValue] = {}
    dropped: int = Field(default=0, exclude=True)

    @model_validator(mode="before")
    @classmethod
    def _read_rows(cls, answer: object) -> object:
        """Read a bare list of rows, and count what is not a row."""
        given = {"aggregations": answer} if isinstance(answer, list) else answer  # pyright: ignore[reportUnknownVariableType]
        if not isinstance(given, dict):
            return given  # pyright: ignore[reportUnknownVariableType]
        found = {**cast("dict[str, object]", given)}
        # Null is unknown, and no groups only where the total says so.
        if found.get("aggregations") is None and _count_or_none(found.get("total")) == 0:
            found["aggregations"] = []
        if "aggregations" not in found:
            others = [name for name in OTHER_NAMES if isinstance(found.get(name), list)]
            found |= {"aggregations": found[others[0]]} if len(others) == 1 else {}
        rows = found.get("aggregations")
        listed = cast("list[object]", rows) if isinstance(rows, list) else []
        return {**found, "dropped": sum(not isinstance(row, dict) for row in listed)}

    @field_validator("aggregations")
    @classmethod
    def _read_counts(cls, rows: list[dict[str, JsonValue]]) -> list[dict[str, JsonValue]]:
        for row in rows:
            row["count"] = _count_or_none(row.get("count"))
            if "tlp" in row and not isinstance(row["tlp"], str | None):
                row["tlp"] = "red"  # as of events
            row |= {name: _read_value(value) for name, value in row.items() if isinstance(value, list | dict)}
        return rows


def _read_value(value: JsonValue) -> JsonValue:
    """Return what a group has in common as one text: that of the items of a list."""
    items = value if isinstance(value, list) else [value]
    texts = [item if isinstance(item, str) else json.dumps(item, ensure_ascii=False) for item in items]
    return ", ".join(texts)


class GraphqlAnswer(ApiAnswer):
    """A GraphQL response."""

    data: dict[str, JsonValue] | None = None
    errors: list[dict[str, JsonValue]] | None = None

    @field_validator("errors", mode="before")
    @classmethod
    def _read_errors(cls, errors: object) -> object:
        listed = errors if isinstance(errors, list) else [] if errors is None else [errors]  # pyright: ignore[reportUnknownVariableType]
        return [error if isinstance(error, dict) else {"message": str(error)} for error in listed]  # pyright: ignore[reportUnknownVariableType, reportUnknownArgumentType]


def _count_or_none(value: object) -> int | None:
    try:
        count = read_count(value)
    except ValueError:
        return None
    return count if count is not None and count >= 0 else None
