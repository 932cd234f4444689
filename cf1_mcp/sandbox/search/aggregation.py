"""Counting events by one or more columns.

Small numbers, packed into one integer a row, come straight from one index; words are looked up for the groups alone.
A column with several values (tags, MITRE ids) counts an event once for each.
"""

import json
import sqlite3
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from itertools import product
from typing import Final

from pydantic import JsonValue

from cf1_mcp.models import Aggregates, Condition
from cf1_mcp.sandbox.errors import BadRequest
from cf1_mcp.sandbox.search.condition_sql import search_clause
from cf1_mcp.sandbox.search.dataset_scope import scope_clause
from cf1_mcp.sandbox.search.event_json import whole
from cf1_mcp.sandbox.timestamps import is_day, loose

# 20 bits a column: a million different words each, and three columns in one integer.
BITS: Final = 20
MASK: Final = (1 << BITS) - 1
PACKED: Final = 3

_TERM: Final = "SELECT id, value FROM term"
_CATEGORY: Final = "SELECT id, name FROM category"
# column -> (what is grouped, the words its numbers stand for)
COLUMNS: Final[dict[str, tuple[str, str]]] = {
    "attacker": ("e.attacker", _TERM),
    "attackerCountry": ("e.attacker_country", _TERM),
    "category": ("e.category", _CATEGORY),
    "datasetId": ("e.dataset", "SELECT id, uuid FROM dataset"),
    "indicatorType": ("e.indicator_type", "SELECT id, name FROM indicator_type"),
    "killChain": ("e.category", "SELECT id, kill_chain FROM category"),
    "mitreAttack": ("e.category", "SELECT id, mitre_attack FROM category"),
    "mitreCapec": ("e.category", "SELECT id, mitre_capec FROM category"),
    "tags": ("x.tag", "SELECT id, value FROM tag"),
    "targetCountry": ("e.target_country", _TERM),
    "targetIndustry": ("e.target_industry", _TERM),
    "tlp": ("e.tlp", _TERM),
}

Words = list[str | None]
Group = tuple[str | None, ...]


def aggregate(
    db: sqlite3.Connection,
    datasets: Sequence[int],
    *,
    columns: Sequence[str],
    start: str | None,
    end: str | None,
    daily: bool,
    limit: int,
    search: Sequence[Condition],
) -> Aggregates:
    """Counts by columns, highest first; by day, each group keeps all its days. `total` counts before the limit."""
    if not columns:
        raise BadRequest(f"aggregateBy is missing; name one or more of {', '.join(COLUMNS)}")
    for column in columns:
        if column not in COLUMNS:
            raise BadRequest(f"aggregateBy {column!r} cannot be counted by; valid are {', '.join(COLUMNS)}")
    if len(set(columns)) != len(columns):
        raise BadRequest("aggregateBy names a column twice; name each once")
    if limit < 1:
        raise BadRequest(f"limit must be at least 1, not {limit}")
    clause, parameters = search_clause(db, search)
    where = [scope_clause(db, datasets), clause]
    if start:
        where.append("e.date >= ?")
        parameters.append(loose(start, "startDate"))
    if end:
        where.append("e.date <= ?")
        last = loose(end, "endDate")
        parameters.append(last.replace("T00:00:00.000", "T23:59:59.999") if is_day(end) else last)
    # Without conditions one index holds all that is needed, which the planner does not see when there are dates.
    index = "" if search else " INDEXED BY event_counts"
    tags = " LEFT JOIN event_tag x ON x.event = e.id" if "tags" in columns else ""
    events = f"event e{index}{tags} WHERE {' AND '.join(where)}"
    counted = _counts(db, columns, daily, events, parameters)
    sizes: Counter[Group] = Counter()
    for (group, _), count in counted.items():
        sizes[group] += count
    # Of thousands of groups only those that may be shown are put in order.
    least = min(sorted(sizes.values(), reverse=True)[:limit], default=0)
    large = [group for group, size in sizes.items() if size >= least]
    best = sorted(large, key=lambda group: (-sizes[group], [word or "" for word in group]))[:limit]
    place = {group: number for number, group in enumerate(best)}
    rows = [(group, day, count) for (group, day), count in counted.items() if group in place]
    rows.sort(key=lambda row: (row[1], place[row[0]]))
    dates: dict[str, JsonValue] = {name: date for name, date in (("startDate", start), ("endDate", end)) if date}
    return Aggregates(
        aggregate_by=",".join(columns),
        aggregations=[_row(columns, *row) for row in rows],
        total=sum(sizes.values()),
        date_range=dates,
    )


def _row(columns: Sequence[str], group: Group, day: str, count: int) -> dict[str, JsonValue]:
    row: dict[str, JsonValue] = dict(zip(columns, group, strict=True))
    return row | ({"date": day} if day else {}) | {"count": count}


def _counts(
    db: sqlite3.Connection, columns: Sequence[str], daily: bool, events: str, parameters: Sequence[str | float]
) -> Counter[tuple[Group, str]]:
    """How many events each group has, a day (or all days, as the empty day)."""
    grouped = list(dict.fromkeys(COLUMNS[column][0] for column in columns))
    words = [_words(db, column) for column in columns]
    places = [grouped.index(COLUMNS[column][0]) for column in columns]
    counts: Counter[tuple[Group, str]] = Counter()
    for numbers, day, count in _grouped(db, grouped, daily, events, parameters):
        choices = [word(numbers[place]) for word, place in zip(words, places, strict=True)]
        for group in product(*choices):
            counts[group, day] += count
    return counts


def _grouped(
    db: sqlite3.Connection, grouped: Sequence[str], daily: bool, events: str, parameters: Sequence[str | float]
) -> Iterator[tuple[list[int], str, int]]:
    # One text of all keys, counted here, takes half the time of GROUP BY, which sorts every row.
    shifted = [f"(ifnull({number}, 0) << {BITS * (place % PACKED)})" for place, number in enumerate(grouped)]
    packs = [f"({' | '.join(shifted[start : start + PACKED])})" for start in range(0, len(shifted), PACKED)]
    key = " || ' ' || ".join([*packs, *(["substr(e.date, 1, 10)"] if daily else [])])
    query = f"SELECT group_concat({key}) FROM {events}"
    keys: str | None = db.execute(query, parameters).fetchone()[0]
    for text, count in Counter(keys.split(",") if keys else []).items():
        words = text.split(" ")
        day = words.pop() if daily else ""
        numbers = [int(words[place // PACKED]) >> BITS * (place % PACKED) & MASK for place in range(len(grouped))]
        yield numbers, day, count


def _words(db: sqlite3.Connection, column: str) -> Callable[[int], Words]:
    words: dict[int, Words] = {number: _split(column, word) for number, word in db.execute(COLUMNS[column][1])}
    return lambda number: words.get(number, [None])


def _split(column: str, word: str | float) -> Words:
    if not isinstance(word, str):
        return [str(whole(word))]
    if column in ("mitreAttack", "mitreCapec"):
        return json.loads(word) or [None]
    return [word]
