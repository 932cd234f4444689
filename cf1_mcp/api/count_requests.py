"""Counts asked for in a form that the account's API accepts.

Documented are the columns attacker and targetIndustry, dates such as 2024-01-01 and a default of 100 groups. That
other columns, date-times and more groups are accepted is a guess. Where it is wrong, the same is asked in a lesser
form, which is then used first until HEALING_SECONDS have passed.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, Protocol

import anyio
from pydantic import JsonValue

from cf1_mcp.api.lists.dataset_groups import split_datasets
from cf1_mcp.errors import ApiError, NotFound, RateLimited, Refused, Unauthenticated, Unavailable, UnexpectedAnswer
from cf1_mcp.models import Aggregates

MAX_GROUPS: Final = 10_000
DOCUMENTED_GROUPS: Final = 100
HEALING_SECONDS: Final = 600.0
MAX_REMEMBERED: Final = 64
# Groups of datasets that fail before one is counted, after which no other is tried.
MAX_FAILED: Final = 2
INTERNAL_ERROR: Final = 500
# Numbers of groups at which a server may have stopped on its own.
ROUND_NUMBERS: Final = frozenset({100, 200, 250, 500, 1_000, 2_000, 2_500, 5_000, MAX_GROUPS})
FIRST_SECOND: Final = "T00:00:00Z"
LAST_SECOND: Final = "T23:59:59Z"

Group = dict[str, JsonValue]
Dates = tuple[str | None, str | None]


class Aggregating(Protocol):
    """What sends the requests."""

    async def aggregate_events(
        self,
        columns: Sequence[str],
        dataset_ids: Sequence[str],
        start_date: str | None = None,
        end_date: str | None = None,
        group_by_date: bool | None = None,
        limit: int | None = None,
    ) -> Aggregates: ...


class NotCounted(Refused):
    """The API does not count by these columns. The first refusal is the cause, if it refused."""


@dataclass(frozen=True)
class CountForm:
    """How counts are asked for: the largest limit that is sent, and whether dates are sent as days."""

    most: int = MAX_GROUPS
    days: bool = False

    def write_dates(self, dates: Dates) -> Dates:
        """Return dates as they are sent. A day is the documented form, and as a start it means the same as its first
        second, whichever way the API compares dates. As an end it may not.
        """
        start, end = dates
        if start and (self.days or start.endswith(FIRST_SECOND)):
            start = start[:10]
        return start, end[:10] if end and self.days else end


FORMS: Final = (
    CountForm(),
    CountForm(DOCUMENTED_GROUPS),
    CountForm(days=True),
    CountForm(DOCUMENTED_GROUPS, days=True),
)


@dataclass(frozen=True)
class Counted:
    """Groups as the API counted them. `total` is its own total, None if it gave none.

    `full`: there may be more groups than these. `most` is the largest number that was asked for. `widened`: whole days
    were counted, although the period has others. `missed` are datasets, or scope words, that could not be counted.
    """

    groups: list[Group]
    total: int | None
    full: bool
    most: int
    widened: bool = False
    missed: Mapping[str, ApiError] = field(default_factory=dict[str, ApiError])


@dataclass
class CountRequests:
    """Asks for counts, and remembers which forms and columns the API of this connection refused.

    `heeded_dates` says for periods with a start or an end until when it is known whether the API heeds them.
    """

    heeded_dates: dict[tuple[bool, bool], tuple[bool, float]] = field(
        default_factory=dict[tuple[bool, bool], tuple[bool, float]]
    )
    _form: CountForm = CountForm()
    _form_until: float = 0.0
    _refused: dict[tuple[str, ...], tuple[float, NotCounted]] = field(default_factory=dict)  # pyright: ignore[reportUnknownVariableType]

    async def count(
        self,
        client: Aggregating,
        columns: Sequence[str],
        dataset_ids: Sequence[str],
        dates: Dates,
        daily: bool,
        limit: int,
    ) -> Counted:
        """Return counts by columns, those of more datasets than the API takes at once asked for in groups.

        Raises:
            NotCounted: the API does not count by these columns, or refuses the request in every form.
            ApiError: it failed otherwise, for all groups of datasets.
        """
        parts = split_datasets(dataset_ids)
        # The largest groups of each part are not those of all.
        most = limit if len(parts) == 1 else MAX_GROUPS
        found: list[Counted] = []
        failures: list[ApiError] = []
        missed: dict[str, ApiError] = {}
        for part in parts:
            try:
                found.append(await self._count_part(client, columns, part, dates, daily, most))
            except (RateLimited, Unauthenticated):
                raise
            except ApiError as error:
                failures.append(error)
                missed |= dict.fromkeys(part, error)
            if not found and len(failures) in (len(parts), MAX_FAILED):
                raise failures[0]
        if len(parts) == 1:
            return found[0]
        totals = [one.total for one in found if one.total is not None]
        return Counted(
            merge_groups([group for one in found for group in one.groups], _request_key(columns, daily)),
            sum(totals) if len(totals) == len(found) else None,
            any(one.full for one in found),
            min((one.most for one in found), default=most),
            any(one.widened for one in found),
            missed,
        )

    async def _count_part(
        self,
        client: Aggregating,
        columns: Sequence[str],
        dataset_ids: Sequence[str],
        dates: Dates,
        daily: bool,
        limit: int,
    ) -> Counted:
        if known := self.known_refusal(columns, daily):
            raise NotCounted(known.sentence, known.status, known.said)
        refusal: Refused | None = None
        tried: set[tuple[int, Dates]] = set()
        for form in self._ordered_forms():
            most, sent = min(limit, form.most), form.write_dates(dates)
            if (most, sent) in tried:
                continue
            tried.add((most, sent))
            try:
                answer = await client.aggregate_events(columns, dataset_ids, *sent, daily or None, most)
            except Refused as error:
                refusal = refusal or error
                continue
            except (NotFound, Unavailable) as error:
                if isinstance(error, Unavailable) and error.status != INTERNAL_ERROR:
                    raise
                # The account does not have this route, or it fails on a column: as good as a refusal of the columns.
                raise NotCounted(error.sentence, error.status, error.said) from error
            except UnexpectedAnswer as error:
                raise NotCounted(error.sentence, error.status, error.said) from error
            if refusal is not None:
                self._remember(form, limit, sent != CountForm().write_dates(dates))
            return self._read(answer, columns, daily, most, form.days, dates)
        cause = refusal or NotCounted("The API does not count events.")
        raise NotCounted(cause.sentence, cause.status, cause.said) from cause

    def known_refusal(self, columns: Sequence[str], daily: bool) -> NotCounted | None:
        """Return the refusal of columns that is remembered, or None."""
        until, refusal = self._refused.get(_request_key(columns, daily), (0.0, None))
        return refusal if anyio.current_time() < until else None

    def remember_refusal(self, columns: Sequence[str], daily: bool, refusal: NotCounted) -> None:
        """Remember that the API does not count by columns, where an answer has shown that they were the reason."""
        if len(self._refused) >= MAX_REMEMBERED:
            self._refused.clear()
        self._refused[_request_key(columns, daily)] = (anyio.current_time() + HEALING_SECONDS, refusal)

    def _ordered_forms(self) -> Sequence[CountForm]:
        if anyio.current_time() >= self._form_until:
            return FORMS
        return [self._form, *(form for form in FORMS if form != self._form)]

    def _remember(self, form: CountForm, limit: int, days: bool) -> None:
        """Remember the form that worked after others were refused, as far as it differed for this request."""
        most = form.most if limit > form.most else MAX_GROUPS
        self._form = CountForm(most, days and form.days)
        self._form_until = anyio.current_time() + HEALING_SECONDS

    def _read(
        self, answer: Aggregates, columns: Sequence[str], daily: bool, most: int, days: bool, dates: Dates
    ) -> Counted:
        groups = answer.aggregations
        names = _request_key(columns, daily)
        ignored = [name for name in names if groups and not any(name in group for group in groups)]
        if ignored:
            # What was counted is something else.
            refusal = NotCounted(f"The API ignored {ignored[0]} and counted without it.")
            self.remember_refusal(columns, daily, refusal)
            raise refusal
        if not groups and (answer.total or answer.dropped):
            raise NotCounted("The API counted events and returned no groups.")
        numbers = {read_count(group) or None for group in groups}
        if numbers == {None} and (answer.total or not any(read_count(group) == 0 for group in groups)):
            raise NotCounted("The API returned groups without counts.")
        if len({repr([group.get(name) for name in names]) for group in groups}) < len(groups):
            # Whether these are parts of one count, or the same count again, nobody knows.
            raise NotCounted("The API returned the same group more than once.")
        count = len({group_key(group, columns) for group in groups}) if daily else len(groups)
        # A server may have a smaller maximum of its own, and in a daily count the limit may be one of rows.
        full = count >= most or len(groups) == most or (len(groups) in ROUND_NUMBERS and len(groups) < most)
        start, end = dates
        whole = (not start or start.endswith(FIRST_SECOND)) and (not end or end.endswith(LAST_SECOND))
        return Counted(groups, answer.total, full or answer.dropped > 0, most, widened=days and not whole)


def _request_key(columns: Sequence[str], daily: bool) -> tuple[str, ...]:
    return (*(["date"] if daily else []), *columns)


def read_count(row: Mapping[str, JsonValue]) -> int | None:
    """Return the count of a group, None if it is unknown."""
    count = row.get("count")
    return count if isinstance(count, int) else None


def group_key(row: Mapping[str, JsonValue], keys: Sequence[str]) -> tuple[str, ...]:
    """Return the values of the keys. Null and blank are the same: a value that the event does not have."""
    texts = ("" if (value := row.get(key)) is None else str(value) for key in keys)
    return tuple(text if text.strip() else "" for text in texts)


def merge_groups(rows: Sequence[Group], keys: Sequence[str]) -> list[Group]:
    """Merge groups with the same values of the keys, and add up their counts. One unknown count makes a sum unknown."""
    merged: dict[tuple[str, ...], Group] = {}
    for row in rows:
        group = merged.setdefault(group_key(row, keys), {**{key: row.get(key) for key in keys}, "count": 0})
        counted, added = read_count(group), read_count(row)
        group["count"] = None if counted is None or added is None else counted + added
    return list(merged.values())
