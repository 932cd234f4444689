"""Sending new values for many events.

The API changes up to a hundred events in one request, though not their dates, and says how many it changed and which
not. Where it has no such route events are changed one by one; where its numbers do not add up, they are looked at.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Final

from pydantic import BaseModel, JsonValue

from cf1_mcp.answers.columns import MAX_CELL_LENGTH
from cf1_mcp.api.client import ThreatEventsClient
from cf1_mcp.api.concurrency import MAX_CONCURRENT, gather
from cf1_mcp.changes.effect import Payload, Result
from cf1_mcp.errors import ApiError, Forbidden, NotFound, RateLimited, Refused, Unavailable, UnexpectedAnswer
from cf1_mcp.events.copies import find_listed
from cf1_mcp.events.validation import is_same_value
from cf1_mcp.models import Event, EventChange
from cf1_mcp.text.sanitize import clean
from cf1_mcp.text.uuids import id_key

MAX_AT_ONCE: Final = 100
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
    """Which events were changed, and why others were not."""

    changed: list[str] = field(default_factory=list[str])
    failed: dict[str, str] = field(default_factory=dict[str, str])


async def update_events(client: ThreatEventsClient, payload: UpdateEvents) -> Result:
    """Change the events, those with the same new values together, and report which were changed.

    Raises:
        ApiError: the first request failed, or it is unknown what it changed.
    """
    groups: dict[tuple[tuple[str, str], ...], list[str]] = {}
    for event_id, fields in payload.values.items():
        groups.setdefault(tuple(sorted(fields.items())), []).append(event_id)
    report = _Report()
    for values, ids in groups.items():
        for start in range(0, len(ids), MAX_AT_ONCE):
            some = ids[start : start + MAX_AT_ONCE]
            try:
                await _update_group(client, payload.dataset_id, some, dict(values), report)
            except ApiError as error:
                if not report.changed or isinstance(error, Unavailable | UnexpectedAnswer):
                    raise
                report.failed |= dict.fromkeys(some, str(error))
    facts: dict[str, JsonValue] = {"changed": len(report.changed)}
    if not report.failed:
        return Result("done", facts)
    rows: list[JsonValue] = [
        {"event": event_id, "reason": clean(reason, MAX_CELL_LENGTH)} for event_id, reason in report.failed.items()
    ]
    return Result("partial" if report.changed else "failed", facts, {"failed": rows})


async def _update_group(
    client: ThreatEventsClient, dataset_id: str, ids: Sequence[str], values: Mapping[str, str], report: _Report
) -> None:
    change = EventChange.model_validate({**values, "dataset_id": dataset_id})
    if len(ids) == 1 or values.keys() & ONLY_SINGLE:
        return await _update_each(client, ids, change, values, report)
    try:
        answer = await client.update_events(ids, change)
    except (NotFound, Forbidden, Refused):
        # Nothing was done: the account has no such route, or does not let it be used.
        return await _update_each(client, ids, change, values, report)
    except UnexpectedAnswer as error:
        return await _look(client, dataset_id, ids, values, report, error)
    asked = {id_key(one): one for one in ids}
    reasons = {
        asked[key]: one.error or "the API gives no reason"
        for one in answer.failures
        if (key := id_key(one.event_id)) in asked
    }
    if answer.updated_count + len(reasons) != len(ids):
        unclear = UnexpectedAnswer("The API does not say which events it changed. Look at them before repeating this.")
        return await _look(client, dataset_id, ids, values, report, unclear)
    report.changed += [one for one in ids if one not in reasons]
    report.failed |= reasons


async def _update_each(
    client: ThreatEventsClient,
    ids: Sequence[str],
    change: EventChange,
    values: Mapping[str, str],
    report: _Report,
) -> None:
    """Change events one by one, a few at a time, until the API is down or overloaded."""

    async def update(event_id: str) -> ApiError | None:
        try:
            event = await client.update_event(event_id, change)
        except ApiError as error:
            return error
        return None if _has_values(event, values) else ApiError("The API answers with other values than those sent.")

    for start in range(0, len(ids), MAX_CONCURRENT):
        some = ids[start : start + MAX_CONCURRENT]
        errors = dict(zip(some, await gather(partial(update, one) for one in some), strict=True))
        report.changed += [one for one, error in errors.items() if error is None]
        report.failed |= {one: str(error) for one, error in errors.items() if error}
        if stop := next((one for one in errors.values() if isinstance(one, Unavailable | RateLimited)), None):
            if not report.changed:
                raise stop
            report.failed |= dict.fromkeys(ids[start + MAX_CONCURRENT :], "Not tried, because others failed.")
            return


async def _look(
    client: ThreatEventsClient,
    dataset_id: str,
    ids: Sequence[str],
    values: Mapping[str, str],
    report: _Report,
    error: UnexpectedAnswer,
) -> None:
    """Find out which events have the new values.

    Raises:
        UnexpectedAnswer: that cannot be told.
    """
    try:
        listed = await find_listed(client, dataset_id, ids)
    except ApiError:
        listed = None
    if listed is None or any(id_key(one) not in listed for one in ids):
        raise error
    same = [one for one in ids if _has_values(listed[id_key(one)][0], values)]
    report.changed += same
    report.failed |= dict.fromkeys((one for one in ids if one not in same), "It still has its old values.")


def _has_values(event: Event, values: Mapping[str, str]) -> bool:
    return all(is_same_value(name, text, str(getattr(event, name))) for name, text in values.items())
