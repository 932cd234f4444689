"""What the API's list of indicators says of values: the documented way to check many at once.

It knows the indicators of an event that the event does not show, and indicators without events. It may be behind: the
indicators of events that were created in bulk come later. Some accounts lack it.
"""

from collections.abc import Iterator, Sequence
from contextlib import aclosing
from dataclasses import dataclass, field
from functools import partial
from typing import Final
from urllib.parse import quote

import anyio

from cf1_mcp.api.client import ThreatEventsClient
from cf1_mcp.api.concurrency import gather
from cf1_mcp.api.lists.dataset_groups import SCOPE_WORDS, split_datasets
from cf1_mcp.api.lists.indicator_pages import indicator_pages
from cf1_mcp.api.routes import MAX_LONG_QUERY_LENGTH, MAX_QUERY_LENGTH
from cf1_mcp.errors import ApiError, RateLimited, Unauthenticated, Unavailable
from cf1_mcp.lookups.value_groups import ValueGroups
from cf1_mcp.models import Dataset, IndicatorPage, ListedIndicator, RelatedEvent, Tlp
from cf1_mcp.policy.dataset_scope import DatasetScope
from cf1_mcp.text.dates import date_key
from cf1_mcp.text.uuids import id_key

PAGE_SIZE: Final = 1_000
# Of one list for up to a hundred values. A list that goes on is not one of these values.
MAX_PAGES: Final = 10
# Rows of other values after which a list that goes on is not read further, if there are fewer that fit.
MAX_MISFITS: Final = 50
# Of a query string beside the values: the datasets, up to fifty of them, and the other parameters.
RESERVED_LENGTH: Final = 2_800
# Seconds for the list of one group: a call has time for the events after it.
MAX_SECONDS: Final = 10.0
# How long an API without a usable list is not asked for it.
RETRY_SECONDS: Final = 60.0
# Groups that fail one by one before no other one is asked for.
MAX_FAILURES: Final = 3


@dataclass
class ListedValues:
    """What the list says of the values of one group, by keys of values (`ValueGroups.key`).

    `events` are the events that hang on an indicator of which may be told, by folded id. `alone` are indicators that
    may be told without regard to events. `untold` are folded ids of events that hang on indicators of which nothing may
    be told. With `is_whole` everything was read.
    """

    events: dict[str, dict[str, RelatedEvent]] = field(default_factory=dict[str, dict[str, RelatedEvent]])
    alone: dict[str, list[ListedIndicator]] = field(default_factory=dict[str, list[ListedIndicator]])
    untold: set[str] = field(default_factory=set[str])
    is_whole: bool = True


class IndicatorList:
    """Asks for groups of values. `failure` is why the list could not be read, for some group at least."""

    def __init__(self, client: ThreatEventsClient, scope: DatasetScope, groups: ValueGroups, since: str | None) -> None:
        self.failure: ApiError | None = None
        self.has_answered = False
        self._client = client
        self._scope = scope
        self._groups = groups
        self._since = since
        self._failures = 0
        self._first = anyio.Lock()
        self._max_length = MAX_LONG_QUERY_LENGTH - RESERVED_LENGTH
        self._uuids = {id_key(one) for one in scope.ids if one not in SCOPE_WORDS}
        self._words = SCOPE_WORDS & {*scope.ids}

    async def read(self, values: Sequence[str]) -> ListedValues | None:
        """Return what the list says of up to 100 values; None if it cannot be read.

        The first group is asked for alone, so that an account without the list costs one request.

        Raises:
            RateLimited, Unauthenticated: nothing else would be answered either.
        """
        trust = self._client.search_trust
        if trust.no_indicators and anyio.current_time() < trust.retry_indicators:
            self.failure = trust.no_indicators
        if not self.has_answered:
            async with self._first:
                if not self.has_answered and not self.failure:
                    return await self._read(values)
        if not self.has_answered or self._failures >= MAX_FAILURES:
            return None
        return await self._read(values)

    def _give_up(self, error: ApiError) -> None:
        self.failure = error
        self._failures += 1
        if not self.has_answered:
            trust = self._client.search_trust
            trust.no_indicators, trust.retry_indicators = error, anyio.current_time() + RETRY_SECONDS

    async def _read(self, values: Sequence[str]) -> ListedValues | None:
        listed = ListedValues()
        with anyio.move_on_after(MAX_SECONDS) as scope:
            try:
                for part in self._split(values):
                    await self._read_part(part, listed)
            except (RateLimited, Unauthenticated):
                raise
            except ApiError as error:
                self._give_up(error)
                return None
        if scope.cancelled_caught:
            self._give_up(Unavailable("The API was too slow to list indicators."))
            return None
        self.has_answered = True
        return listed

    async def _read_part(self, values: Sequence[str], listed: ListedValues) -> None:
        """Add what the list says of values that fit into a URL. Shorter URLs are a second way."""
        try:
            await self._read_datasets(values, listed)
        except (RateLimited, Unauthenticated):
            raise
        except ApiError:
            if _length(values) <= MAX_QUERY_LENGTH:
                raise
            self._max_length = MAX_QUERY_LENGTH
            for part in self._split(values):
                await self._read_datasets(part, listed)

    async def _read_datasets(self, values: Sequence[str], listed: ListedValues) -> None:
        keys = frozenset(map(self._groups.key, values))
        groups = split_datasets(self._scope.ids)
        failures = await gather([partial(self._read_group, ids, values, keys, listed) for ids in groups])
        failed = [error for error in failures if error]
        if len(failed) == len(groups):
            raise failed[0]
        if failed:
            listed.is_whole = False

    async def _read_group(
        self, ids: Sequence[str], values: Sequence[str], keys: frozenset[str], listed: ListedValues
    ) -> ApiError | None:
        """Add what the list says of one group of datasets, and return why it could not be read."""

        async def read(number: int, size: int, cursor: str) -> IndicatorPage:
            return await self._client.list_indicators(ids, values, number, size, cursor)

        trust = self._client.search_trust.indicator_paging
        count = fits = misfits = 0
        try:
            async with aclosing(indicator_pages(read, PAGE_SIZE, trust)) as pages:
                async for rows, goes_on in pages:
                    count += 1
                    fitting = [row for row in rows if self._groups.key(row.value) in keys]
                    for row in fitting:
                        self._add(row, listed)
                    fits += len(fitting)
                    misfits += sum(self._may_tell(row) for row in rows) - sum(map(self._may_tell, fitting))
                    if goes_on and (count == MAX_PAGES or misfits > max(fits, MAX_MISFITS)):
                        # Most rows are of other values: the search is ignored, and the list is that of everything.
                        listed.is_whole = False
                        break
        except (RateLimited, Unauthenticated):
            raise
        except ApiError as error:
            return error
        return None

    def _add(self, row: ListedIndicator, listed: ListedValues) -> None:
        key = self._groups.key(row.value)
        related = {id_key(one.event_id): one for one in row.related_events}
        if not self._may_tell(row):
            listed.untold |= related.keys()
            return
        in_datasets = [one if one.dataset_id else _in_dataset(one, row.dataset_id) for one in related.values()]
        hanging = {id_key(one.event_id): one for one in in_datasets if self.is_searched(one.dataset_id, one.event_date)}
        listed.events.setdefault(key, {}).update(hanging)
        if self._stands_alone(row, has_events=bool(hanging)):
            listed.alone.setdefault(key, []).append(row)

    def _may_tell(self, row: ListedIndicator) -> bool:
        """Whether an indicator may be told of. One without a marking of its own is marked as its events are."""
        policy = self._scope.policy
        if policy.restricted and not policy.may_read(row.dataset_id):
            return False
        return self._is_in_scope(row.dataset_id) and not (row.tlp.strip() and policy.is_above_ceiling(row.tlp))

    def _stands_alone(self, row: ListedIndicator, *, has_events: bool) -> bool:
        """Whether a value is known by an indicator alone, if no event of it is found.

        An indicator with events may have none that may be shown, and must then look like an unknown one: it counts only
        where all of its events may be shown.
        """
        policy = self._scope.policy
        if row.has_no_events:
            return not policy.is_above_ceiling(row.tlp) and self._is_in_period(row.updated_at or row.created_at)
        if policy.ceiling is not Tlp.RED:
            return False
        return has_events or (policy.sees_everything and not row.related_events and self._since is None)

    def is_searched(self, dataset_id: str, date: str) -> bool:
        """Whether an event of a dataset and a date can be among those of the look-up."""
        policy = self._scope.policy
        is_readable = not policy.restricted or policy.may_read(dataset_id)
        return is_readable and self._is_in_scope(dataset_id) and self._is_in_period(date)

    def _is_in_period(self, date: str) -> bool:
        return not self._since or not date.strip() or date_key(date) >= date_key(self._since)

    def _is_in_scope(self, dataset_id: str) -> bool:
        """Whether a dataset is one of those asked for. An unknown one may be."""
        if not dataset_id.strip() or id_key(dataset_id) in self._uuids or self._words & {"all", "*"}:
            return True
        found = self._scope.policy.account.find(dataset_id)
        if not self._words or not isinstance(found, Dataset):
            return bool(self._words)
        return any(map(found.may_be_in, self._words))

    def _split(self, values: Sequence[str]) -> Iterator[list[str]]:
        """Yield the values in parts that fit into a URL: the list of indicators accepts no request body."""
        part: list[str] = []
        length = 0
        for value in values:
            size = _length([value])
            if part and length + size > self._max_length:
                yield part
                part, length = [], 0
            part.append(value)
            length += size
        if part:
            yield part


def _in_dataset(event: RelatedEvent, dataset_id: str) -> RelatedEvent:
    return event.model_copy(update={"dataset_id": dataset_id})


def _length(values: Sequence[str]) -> int:
    """Return the length of values in a URL, quoted and with commas."""
    return sum(len(quote(value)) + len("%22%22%2C") for value in values)
