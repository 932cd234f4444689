"""Raw evidence of events, read for changes that remove or move it.

The API answers for evidence that does not exist with 404, 400 or 500, so a failure cannot be told apart from its
absence. What could not be read counts as it would without a marking of its own: as amber or as its event, whichever is
higher.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import Final

from pydantic import JsonValue

from cf1_mcp.api.client import ThreatEventsClient
from cf1_mcp.api.concurrency import gather
from cf1_mcp.errors import ApiError, NotFound, RateLimited, Unauthenticated, Unavailable, Withheld
from cf1_mcp.models import Event, Raw, Tlp
from cf1_mcp.policy.read_policy import ReadPolicy

# Evidence that a preview reads. Of more events it is read when the change is made: a request each is what it costs.
MAX_READ_AHEAD: Final = 5


@dataclass(frozen=True)
class Evidence:
    """The raw evidence of an event: None if there is none. `is_unread`: there may be some, which was not read."""

    raw: Raw | None = None
    is_unread: bool = False


def may_have_evidence(event: Event) -> bool:
    """Whether an event may have raw evidence: not if its `rawId` is there and empty."""
    return bool(event.raw_id.strip()) or "raw_id" not in event.model_fields_set


def stand_in(event: Event) -> Raw:
    """Return unmarked evidence in the place of evidence that was not read, so that its event decides its marking."""
    return Raw(id=event.raw_id or "unread")


async def read_evidence(client: ThreatEventsClient, read_policy: ReadPolicy, event: Event) -> Evidence:
    """Return the raw evidence of an event of the dataset that the event names.

    Raises:
        Withheld: it may not be seen, or might not if it could be read.
        ApiError: it may be read later.
    """
    if not may_have_evidence(event):
        return Evidence()
    try:
        raw = await _read(client, event)
    except ApiError as error:
        if is_temporary(error):
            raise
        if isinstance(error, NotFound) and not event.raw_id.strip():
            return Evidence()
        require_unread_readable(read_policy, event)
        return Evidence(is_unread=True)
    return Evidence(read_policy.require_raw_readable(event, raw))


def is_temporary(error: ApiError) -> bool:
    """Whether a failure says nothing about the evidence. 500 is documented for evidence that does not exist."""
    return isinstance(error, RateLimited | Unauthenticated) or (isinstance(error, Unavailable) and error.status != 500)


async def read_all_evidence(
    client: ThreatEventsClient, read_policy: ReadPolicy, events: Sequence[Event]
) -> list[Evidence]:
    """Return the raw evidence of events, in their order. Raises the same as `read_evidence`."""
    return await gather(partial(read_evidence, client, read_policy, event) for event in events)


async def _read(client: ThreatEventsClient, event: Event) -> Raw:
    """Return the evidence by its dataset, or else by its id. The second way names the event without its dataset.

    Evidence with another id than the event names is not taken for that of the event.
    """
    try:
        return await client.read_dataset_raw(event.dataset_id, event.uuid, event.raw_id.strip())
    except ApiError as error:
        if is_temporary(error) or not event.raw_id.strip():
            raise
        return await client.read_raw(event.uuid, event.raw_id)


def require_unread_readable(read_policy: ReadPolicy, event: Event) -> None:
    """Refuse evidence that could not be read, and would not be shown if it had no marking of its own.

    Raises:
        Withheld: amber, or the marking of its event, is above the ceiling.
    """
    if ReadPolicy.raw_marking(event, stand_in(event)).rank > read_policy.ceiling.rank:
        raise Withheld("The raw evidence of this event, which could not be read,", read_policy.tlp_rule)


def count_raw_markings(evidence: Sequence[tuple[Event, Raw]]) -> dict[str, JsonValue]:
    """Return the fact `raw_markings`: how much evidence has which marking. Unmarked evidence counts by the rule."""
    counts = Counter(ReadPolicy.raw_marking(event, raw) for event, raw in evidence if not raw.is_empty)
    return {"raw_markings": {level.value: counts[level] for level in Tlp if counts[level]}} if counts else {}
