"""Sending new values for many events.

The API changes up to a hundred events in one request, though not their dates, and says how many it changed and which
not. Where it refuses that, events are changed one by one. Where it does not tell what it changed, one list of the
events does.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Final

from pydantic import BaseModel, JsonValue

from cf1_mcp.answers.columns import MAX_CELL_LENGTH
from cf1_mcp.api.client import ThreatEventsClient
from cf1_mcp.api.concurrency import MAX_CONCURRENT, gather
from cf1_mcp.changes.effect import Payload, Result
from cf1_mcp.changes.outcomes.change_results import count_done
from cf1_mcp.changes.outcomes.unknown_outcomes import NOT_LOOKED, NOT_SEEN, VERIFIED, combine, describe_unknown
from cf1_mcp.changes.outcomes.update_sending import NOT_SHOWN, OTHER_VALUES
from cf1_mcp.errors import ApiError, Forbidden, MissingRoute, NotFound, Refused, UnknownOutcome, may_have_been_made
from cf1_mcp.events.certainty import fill_untold, has_values
from cf1_mcp.events.copies import find_listed
from cf1_mcp.models import Event, EventChange
from cf1_mcp.text.sanitize import clean
from cf1_mcp.text.uuids import id_key

MAX_AT_ONCE: Final = 100
NOT_TRIED: Final = "Not tried, because others failed."
UNCHANGED: Final = "It still has its old values."
ONLY_SINGLE: Final = frozenset({"date"})  # fields that the API changes of one event at a time

Values = Mapping[str, Mapping[str, str]]
"""Fields of events by their snake-case names, by the ids of the events."""


class ReplacedValues(BaseModel, frozen=True):
    """The old values of the events, and the markings under which they were stored."""

    values: dict[str, dict[str, str]]
    markings: dict[str, str]


class UpdateEvents(Payload):
    """New values for events of one dataset, by their ids."""

    dataset_id: str
    values: dict[str, dict[str, str]]
    before: ReplacedValues


@dataclass
class _Report:
    """Which events were changed, why others were not, and of which this is unknown.

    `refused` are those among the failed that the API refused, or that were not tried. `stopped` is what keeps the
    remaining events from being tried.
    """

    changed: list[str] = field(default_factory=list[str])
    failed: dict[str, str] = field(default_factory=dict[str, str])
    refused: set[str] = field(default_factory=set[str])
    unknown: dict[str, ApiError] = field(default_factory=dict[str, ApiError])
    stopped: ApiError | None = None
    is_verified: bool = False
    look_failed: str = ""

    @property
    def is_stopped(self) -> bool:
        """Whether no more events are tried: not if a look found done what is unclear."""
        return self.stopped is not None and (bool(self.unknown) or not may_have_been_made(self.stopped))

    def refuse(self, reasons: Mapping[str, str]) -> None:
        self.failed |= reasons
        self.refused |= reasons.keys()

    def as_result(self) -> Result:
        facts: dict[str, JsonValue] = {"changed": [*self.changed]}
        if self.is_verified:
            facts["verified"] = VERIFIED
        rows: list[JsonValue] = [
            {"event": event_id, "reason": clean(reason, MAX_CELL_LENGTH)} for event_id, reason in self.failed.items()
        ]
        untrusted: dict[str, JsonValue] = {"failed": rows} if rows else {}
        is_done, is_open = bool(self.changed), bool(self.failed)
        status = combine(is_any_done=is_done, is_any_open=is_open, is_any_unknown=False)
        is_refused = not self.changed and not self.unknown and self.failed.keys() <= self.refused
        result = Result(status, facts, untrusted, refused=is_refused)
        if not self.unknown:
            return count_done(result, "changed")
        facts["unknown"] = [*self.unknown]
        if self.look_failed:
            untrusted["look_failed"] = self.look_failed
        error = next(iter(self.unknown.values()))
        return describe_unknown(error, result, NOT_LOOKED if self.look_failed else NOT_SEEN)


@dataclass(frozen=True)
class _Sending:
    """One request's worth of events that get the same new values."""

    client: ThreatEventsClient
    dataset_id: str
    values: Mapping[str, str]
    report: _Report

    @property
    def change(self) -> EventChange:
        return EventChange.model_validate({**self.values, "dataset_id": self.dataset_id})

    async def update(self, ids: Sequence[str]) -> None:
        """Change the events together, or else one by one."""
        report = self.report
        if len(ids) == 1 or self.values.keys() & ONLY_SINGLE:
            return await self._update_each(ids)
        try:
            answer = await self.client.update_events(ids, self.change)
        except (NotFound, Forbidden, Refused):
            # Nothing was done: the account has no such route, or does not let it be used.
            return await self._update_each(ids)
        except ApiError as error:
            report.stopped = error
            if may_have_been_made(error):
                return await self._look(dict.fromkeys(ids, error))
            return report.refuse(dict.fromkeys(ids, str(error)))
        asked = {id_key(one): one for one in ids}
        reasons = {
            asked[key]: one.error or "the API gives no reason"
            for one in answer.failures
            if (key := id_key(one.event_id)) in asked
        }
        is_clear = answer.failed_count in (None, len(reasons)) and len(answer.failures) == len(reasons)
        if not is_clear or answer.updated_count + len(reasons) != len(ids):
            unclear = UnknownOutcome("The API does not say which events it changed.")
            return await self._look(dict.fromkeys(ids, unclear), answer.updated_count)
        report.changed += [one for one in ids if one not in reasons]
        report.failed |= reasons
        return None

    async def _update_each(self, ids: Sequence[str]) -> None:
        """Change events one by one, a few at a time, until the API is down, overloaded, or refuses all of some."""
        report = self.report

        async def update(event_id: str) -> ApiError | None:
            try:
                event = await self.client.update_event(event_id, self.change)
            except ApiError as error:
                return error
            # It may show the event as it was before.
            if (is_changed := self._is_changed(event)) is None:
                return UnknownOutcome(NOT_SHOWN)
            return None if is_changed else UnknownOutcome(OTHER_VALUES, denied=True)

        for start in range(0, len(ids), MAX_CONCURRENT):
            some = ids[start : start + MAX_CONCURRENT]
            results = dict(zip(some, await gather(partial(update, one) for one in some), strict=True))
            errors = {one: error for one, error in results.items() if error}
            unclear = {one: error for one, error in errors.items() if may_have_been_made(error)}
            report.changed += [one for one in some if one not in errors]
            report.refuse({one: str(error) for one, error in errors.items() if one not in unclear})
            if unclear:
                await self._look(unclear)
            report.stopped = _find_stop(errors, some)
            if report.is_stopped:
                return report.refuse(dict.fromkeys(ids[start + MAX_CONCURRENT :], NOT_TRIED))

    async def _look(self, unclear: Mapping[str, ApiError], counted: int | None = None) -> None:
        """Find out which events have the new values.

        Those that do not stay unknown, unless the answer said so too: for each of them, or by the number `counted`.
        """
        report = self.report
        try:
            found = await self._find([*unclear])
        except ApiError as error:
            report.unknown |= unclear
            report.look_failed = str(error)
            return
        answers = {one: self._is_changed(event) if (event := found.get(id_key(one))) else None for one in unclear}
        same = [one for one, is_changed in answers.items() if is_changed]
        report.changed += same
        report.is_verified = report.is_verified or bool(same)
        is_confirmed = counted == len(same) and None not in answers.values()
        for one, error in unclear.items():
            is_denied = is_confirmed or (isinstance(error, UnknownOutcome) and error.denied)
            if answers[one] is False and is_denied:
                report.failed[one] = UNCHANGED
            elif one not in same:
                report.unknown[one] = error

    async def _find(self, ids: Sequence[str]) -> dict[str, Event]:
        """Return the events of the dataset as they are now, by their ids. Those that are not found are left out."""
        if len(ids) == 1:
            event = await self.client.read_event(self.dataset_id, ids[0])
            return {id_key(ids[0]): event} if id_key(event.dataset_id) == id_key(self.dataset_id) else {}
        listed = await find_listed(self.client, self.dataset_id, ids)
        if listed is None:
            raise ApiError("The API did not list the events.")
        events = await fill_untold(self.client, [copies[0] for copies in listed.values()], [*self.values])
        return {id_key(event.uuid): event for event in events}

    def _is_changed(self, event: Event) -> bool | None:
        """Whether an event has the new values; None if that is not told."""
        return has_values(event, [*self.values.items()])


def _find_stop(errors: Mapping[str, ApiError], tried: Collection[str]) -> ApiError | None:
    """Return the error after which no more events are tried, None if there is none: a refusal may be about its event,
    unless several are tried and all are refused.
    """
    refused = [one for one in errors.values() if isinstance(one, NotFound | Forbidden | Refused)]
    denied = [one for one in errors.values() if isinstance(one, UnknownOutcome) and one.denied]
    if stops := [one for one in errors.values() if one not in refused and one not in denied]:
        return stops[0]
    of_all = [one for one in refused if isinstance(one, MissingRoute) or not isinstance(one, NotFound)]
    return of_all[0] if len(of_all) == len(tried) > 1 else None


async def update_events(client: ThreatEventsClient, payload: UpdateEvents) -> Result:
    """Change the events, those with the same new values together, and report which were changed.

    Raises:
        ApiError: nothing was changed, because the API is overloaded or refuses.
    """
    groups: dict[tuple[tuple[str, str], ...], list[str]] = {}
    for event_id, fields in payload.values.items():
        groups.setdefault(tuple(sorted(fields.items())), []).append(event_id)
    report = _Report()
    for values, ids in groups.items():
        sending = _Sending(client, payload.dataset_id, dict(values), report)
        for start in range(0, len(ids), MAX_AT_ONCE):
            some = ids[start : start + MAX_AT_ONCE]
            if report.is_stopped:
                report.refuse(dict.fromkeys(some, NOT_TRIED))
            else:
                await sending.update(some)
    if report.stopped and not report.changed and not report.unknown and not may_have_been_made(report.stopped):
        raise report.stopped
    return report.as_result()
