"""Counts held to the TLP ceiling. The API counts everything, so it is asked by marking, and what lies above goes."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from pydantic import JsonValue

from cf1_mcp.api.client import ThreatEventsClient
from cf1_mcp.models import Tlp
from cf1_mcp.policy.dataset_scope import DatasetScope

# The API's groups multiply by marking when it is asked by marking too; this is how many spellings are met. Small
# limits are asked for more all the same, since a total needs every group.
SPELLINGS: Final = 8
MIN_GROUPS: Final = 1_000
MAX_GROUPS: Final = 10_000

Group = dict[str, JsonValue]


@dataclass(frozen=True)
class Counted:
    """Groups largest first, and how many events there are in all.

    `withheld`: some were left out by the ceiling. `cut`: there are smaller groups than those shown. `partial`: there
    were more groups than the API tells at once, so the total is a lower bound.
    """

    groups: list[Group]
    total: int
    withheld: bool
    cut: bool
    partial: bool = False


async def count_events(
    client: ThreatEventsClient,
    scope: DatasetScope,
    columns: Sequence[str],
    period: tuple[str | None, str | None],
    daily: bool,
    limit: int,
) -> Counted:
    """Count events by columns. No event above the ceiling is counted, and none that carries no marking below amber."""
    by_marking = scope.policy.ceiling is not Tlp.RED
    asked = [*columns, "tlp"] if by_marking and "tlp" not in columns else list(columns)
    most = min(MAX_GROUPS, max(MIN_GROUPS, limit * SPELLINGS)) if by_marking else limit
    answer = await client.aggregate_events(asked, scope.ids, *period, daily or None, most)
    if not by_marking:
        return Counted(answer.aggregations, answer.total, withheld=False, cut=len(answer.aggregations) >= limit)
    allowed = [row for row in answer.aggregations if not scope.policy.is_above_ceiling(str(row.get("tlp") or ""))]
    groups = _merged(allowed, [*(["date"] if daily else []), *columns])
    total = sum(_number(group) for group in groups)
    if not daily:
        groups = sorted(groups, key=_number, reverse=True)
    shown = _first(groups, columns, limit)
    partial = len(answer.aggregations) >= most
    withheld = len(allowed) < len(answer.aggregations)
    return Counted(shown, total, withheld, cut=partial or len(shown) < len(groups), partial=partial)


def _merged(rows: Sequence[Group], keys: Sequence[str]) -> list[Group]:
    """Rows that agree in the keys as one, their counts added up."""
    merged: dict[tuple[str, ...], Group] = {}
    for row in rows:
        group = merged.setdefault(_key(row, keys), {**{key: row.get(key) for key in keys}, "count": 0})
        group["count"] = _number(group) + _number(row)
    return list(merged.values())


def _first(groups: Sequence[Group], columns: Sequence[str], limit: int) -> list[Group]:
    """The groups of the first so many keys; by day, a group keeps all its days."""
    kept = list(dict.fromkeys(_key(group, columns) for group in groups))[:limit]
    return [group for group in groups if _key(group, columns) in set(kept)]


def _key(row: Mapping[str, JsonValue], keys: Sequence[str]) -> tuple[str, ...]:
    return tuple(str(row.get(key)) for key in keys)


def _number(row: Mapping[str, JsonValue]) -> int:
    count = row.get("count")
    return int(count) if isinstance(count, int | float) else 0
