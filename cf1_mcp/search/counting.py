"""Counts of events within the TLP ceiling.

The API counts every event, so events are counted by marking too, and groups above the ceiling are left out.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from pydantic import JsonValue

from cf1_mcp.api.client import ThreatEventsClient
from cf1_mcp.models import Tlp
from cf1_mcp.policy.dataset_scope import DatasetScope

MAX_GROUPS: Final = 10_000

Group = dict[str, JsonValue]


@dataclass(frozen=True)
class EventCounts:
    """Groups, largest first, and the total of events.

    A count or total that is None is unknown: the API did not tell it, or not readably. `withheld` is the number of
    events above the ceiling. `cut`: there are further, smaller groups. `partial`: there are more groups than the API
    returns at once, so the total is a lower bound.
    """

    groups: list[Group]
    total: int | None
    withheld: int
    cut: bool
    partial: bool = False


async def count_events(
    client: ThreatEventsClient,
    scope: DatasetScope,
    columns: Sequence[str],
    period: tuple[str | None, str | None],
    daily: bool,
    limit: int,
) -> EventCounts:
    """Count events by columns. Events above the ceiling are not counted; unmarked events count as amber."""
    by_marking = scope.policy.ceiling is not Tlp.RED
    by = [*columns, "tlp"] if by_marking and "tlp" not in columns else list(columns)
    # As many as the API returns: how many groups are withheld must not decide which others arrive.
    most = MAX_GROUPS if by_marking else limit
    answer = await client.aggregate_events(by, scope.ids, *period, daily or None, most)
    if not by_marking:
        cut = len(answer.aggregations) >= limit
        # Without a total, the groups are all events if there are no others.
        total = answer.total if answer.total is not None else _sum(answer.aggregations)
        partial = answer.total is None and cut
        return EventCounts(answer.aggregations, total, withheld=0, cut=cut, partial=partial)
    allowed = [row for row in answer.aggregations if not scope.policy.is_above_ceiling(str(row.get("tlp") or ""))]
    groups = _merge(allowed, [*(["date"] if daily else []), *columns])
    total = _sum(groups)
    if not daily:
        groups = sorted(groups, key=_number, reverse=True)
    shown = _take(groups, columns, limit)
    partial = len(answer.aggregations) >= most
    withheld = sum(map(_number, answer.aggregations)) - sum(map(_number, groups))
    return EventCounts(shown, total, withheld, cut=partial or len(shown) < len(groups), partial=partial)


def _merge(rows: Sequence[Group], keys: Sequence[str]) -> list[Group]:
    """Merge rows with the same values of the keys, and add up their counts."""
    merged: dict[tuple[str, ...], Group] = {}
    for row in rows:
        group = merged.setdefault(_key(row, keys), {**{key: row.get(key) for key in keys}, "count": 0})
        known = group["count"] is not None and _is_counted(row)
        group["count"] = _number(group) + _number(row) if known else None
    return list(merged.values())


def _take(groups: Sequence[Group], columns: Sequence[str], limit: int) -> list[Group]:
    """Return the groups of the first `limit` keys; in a daily count, a key keeps all its days."""
    kept = list(dict.fromkeys(_key(group, columns) for group in groups))[:limit]
    return [group for group in groups if _key(group, columns) in set(kept)]


def _key(row: Mapping[str, JsonValue], keys: Sequence[str]) -> tuple[str, ...]:
    return tuple(str(row.get(key)) for key in keys)


def _sum(groups: Sequence[Group]) -> int | None:
    """Return the sum of the counts, None if one of them is unknown."""
    return sum(map(_number, groups)) if all(map(_is_counted, groups)) else None


def _is_counted(row: Mapping[str, JsonValue]) -> bool:
    return isinstance(row.get("count"), int | float)


def _number(row: Mapping[str, JsonValue]) -> int:
    count = row.get("count")
    return int(count) if isinstance(count, int | float) else 0
