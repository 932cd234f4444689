"""Tagging events and taking tags off them, one request for each event."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Literal

from pydantic import JsonValue

from cf1_mcp.api.client import ThreatEventsClient
from cf1_mcp.api.concurrency import MAX_CONCURRENT, gather
from cf1_mcp.changes.outcomes.change_results import Result
from cf1_mcp.changes.outcomes.event_looks import list_again
from cf1_mcp.changes.outcomes.unknown_outcomes import NOT_LOOKED, NOT_SEEN, VERIFIED, describe_unknown
from cf1_mcp.errors import (
    LOOK_FIRST,
    ApiError,
    RateLimited,
    Unavailable,
    UnexpectedAnswer,
    UnknownOutcome,
    may_have_been_made,
)
from cf1_mcp.events.certainty import all_of, has_item, negated

TagsByEvent = Mapping[str, Sequence[str]]


@dataclass(frozen=True)
class _Failure:
    """Why an event was not changed, or may not have been. With `stops`, the remaining events are not tried."""

    event_id: str
    reason: str
    error: ApiError | None = None

    @property
    def stops(self) -> bool:
        return isinstance(self.error, Unavailable | UnexpectedAnswer | RateLimited)

    @property
    def is_unknown(self) -> bool:
        return self.error is not None and may_have_been_made(self.error)

    def as_json(self) -> JsonValue:
        return {"event": self.event_id, "reason": self.reason}


Change = Callable[[str, Sequence[str]], Awaitable[object]]


async def change_tags(
    client: ThreatEventsClient, dataset_id: str, tags_of: TagsByEvent, verb: Literal["tagged", "untagged"]
) -> Result:
    """Change the tags of events, a few events at a time.

    The result lists under `verb` which were changed, and names those that were not or of which it is unknown.

    Raises:
        ApiError: no event is changed, and the API is overloaded or refuses.
    """
    change = client.tag_event if verb == "tagged" else client.untag_event
    ids = list(tags_of)
    failures: list[_Failure] = []
    tried, has_looked, is_verified = 0, True, False
    # If the API is down or overloaded, more requests would only use up the time of the call.
    while tried < len(ids) and not any(failure.stops for failure in failures):
        group = ids[tried : tried + MAX_CONCURRENT]
        results = await gather(partial(_change_one, change, event_id, tags_of[event_id]) for event_id in group)
        failed = [result for result in results if result is not None]
        if any(one.is_unknown for one in failed):
            left = await _look_again(client, dataset_id, failed, tags_of, are_added=verb == "tagged")
            is_verified = is_verified or (left is not None and len(left) < len(failed))
            failed, has_looked = failed if left is None else left, left is not None
        failures += failed
        tried += len(group)
    unchanged = {failure.event_id for failure in failures}
    changed = [event_id for event_id in ids[:tried] if event_id not in unchanged]
    unknown = [one for one in failures if one.is_unknown]
    stop = next((one.error for one in failures if one.stops), None)
    if stop and not changed and not unknown:
        raise stop
    failures += [_Failure(event_id, "Not tried, because others failed.") for event_id in ids[tried:]]
    facts: dict[str, JsonValue] = {verb: [*changed], **({"verified": VERIFIED} if is_verified else {})}
    if not failures:
        return Result("done", facts)
    failed_rows: list[JsonValue] = [one.as_json() for one in failures if not one.is_unknown]
    is_refused = not changed and all(one.error and not may_have_been_made(one.error) for one in failures[:tried])
    untrusted: dict[str, JsonValue] = {"failed": failed_rows} if failed_rows else {}
    result = Result("partial" if changed else "failed", facts, untrusted, is_refused)
    if not unknown:
        return result
    facts["unknown"] = [one.event_id for one in unknown]
    return describe_unknown(
        unknown[0].error or ApiError(unknown[0].reason), result, NOT_SEEN if has_looked else NOT_LOOKED
    )


async def _change_one(change: Change, event_id: str, tags: Sequence[str]) -> _Failure | None:
    try:
        await change(event_id, tags)
    except ApiError as error:
        return _Failure(event_id, str(error), error)
    return None


async def _look_again(
    client: ThreatEventsClient,
    dataset_id: str,
    failures: Sequence[_Failure],
    tags_of: TagsByEvent,
    *,
    are_added: bool,
) -> list[_Failure] | None:
    """Return the failures without those of events that a look finds changed; None if the look fails."""
    unknown = [one.event_id for one in failures if one.is_unknown]
    try:
        found = await list_again(client, dataset_id, unknown)
    except ApiError:
        return None
    left: list[_Failure] = []
    for one in failures:
        event, is_changed = found.get(one.event_id), None
        if event and one.is_unknown:
            has = [has_item(event, "tags", tag, fold_tag) for tag in tags_of[one.event_id]]
            is_changed = all_of(has if are_added else [negated(answer) for answer in has])
        if is_changed:
            continue
        is_denied = is_changed is False and isinstance(one.error, UnknownOutcome) and one.error.denied
        left.append(_Failure(one.event_id, one.reason.replace(LOOK_FIRST, "").strip()) if is_denied else one)
    return left


def fold_tags(tags: Sequence[str]) -> set[str]:
    """Return tags as they are compared."""
    return set(map(fold_tag, tags))


def fold_tag(tag: str) -> str:
    return tag.strip().casefold()
