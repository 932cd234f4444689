"""What is counted: columns, periods and conditions, and how groups of the API are narrowed to that.

The API counts by columns and days, without conditions. A condition on a column whose values it tells apart is held to
the groups of that column; days are added up to weeks and months.
"""

from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import date
from typing import Final, Literal

from pydantic import JsonValue

from cf1_mcp.api.count_requests import MAX_GROUPS, Dates, Group, group_key, merge_groups
from cf1_mcp.models import Condition, SearchField

Period = Literal["day", "week", "month"]
# A column that is documented.
DOCUMENTED: Final = "attacker"
# Columns of which an event has one value, by which it is found as well as counted. It may have further indicators.
TOLD_APART: Final[frozenset[SearchField]] = frozenset(
    {"attacker", "attackerCountry", "category", "killChain", "targetCountry", "targetIndustry", "tlp"}
)
DATE: Final = "date"
DAY_LENGTH: Final = len("2026-11-24")


@dataclass(frozen=True)
class CountRequest:
    """What to count: by which columns and periods, under which conditions, and how many groups to return.

    `dates` are not among the conditions.
    """

    columns: Sequence[str]
    dates: Dates = (None, None)
    by: Period | None = None
    limit: int = MAX_GROUPS
    conditions: Sequence[Condition] = ()

    @property
    def daily(self) -> bool:
        """Whether the API is asked for the counts of each day."""
        return self.by is not None

    @property
    def keys(self) -> list[str]:
        return [*([DATE] if self.by else []), *self.columns]

    @property
    def asked(self) -> list[str]:
        """The columns that the API is asked for: also those of the conditions, and always one."""
        return list(dict.fromkeys([*self.columns, *(one.field for one in self.conditions)])) or [DOCUMENTED]

    @property
    def is_plain(self) -> bool:
        """Whether the groups of the API are those of the request."""
        return not self.by and not self.conditions and bool(self.columns)

    @property
    def can_be_grouped(self) -> bool:
        """Whether groups tell which events fulfil the conditions."""
        return all(one.field in TOLD_APART and one.op in ("equals", "in") for one in self.conditions)


def narrow_groups(groups: Sequence[Group], request: CountRequest) -> list[Group]:
    """Return the groups of a request from those that the API was asked for."""
    if request.is_plain:
        return [*groups]
    kept = [group for group in groups if all(_fits(group, one) for one in request.conditions)]
    if request.by:
        kept = [group | {DATE: name_period(str(group.get(DATE) or ""), request.by)} for group in kept]
    return merge_groups(kept, request.keys)


def name_period(day: str, by: Period) -> str:
    """Return the day, the ISO week or the month of a date, such as 2026-11-24, 2026-W48 and 2026-11."""
    day = day[:DAY_LENGTH]
    match by:
        case "month":
            return day[:7]
        case "week":
            with suppress(ValueError):
                year, week, _ = date.fromisoformat(day).isocalendar()
                return f"{year}-W{week:02}"
            return day
        case _:
            return day


def find_periods(groups: Sequence[Group]) -> list[str]:
    """Return the periods of groups, the oldest first."""
    return sorted({key for group in groups for key in group_key(group, [DATE])})


def _fits(group: Mapping[str, JsonValue], condition: Condition) -> bool:
    values = condition.value if isinstance(condition.value, list) else [condition.value]
    return _fold(group.get(condition.field)) in {_fold(value) for value in values}


def _fold(value: object) -> str:
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    return "" if value is None else str(value).strip().casefold()
