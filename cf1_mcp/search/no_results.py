"""Explain empty results: which filter removes every event, and which known words may have been meant."""

from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from typing import Final

import anyio
from pydantic import JsonValue

from cf1_mcp.answers.rows import Rows
from cf1_mcp.api.client import ThreatEventsClient
from cf1_mcp.api.concurrency import gather
from cf1_mcp.api.remarks import collecting, current_remarks
from cf1_mcp.errors import ApiError
from cf1_mcp.policy.conditions.reading_notes import INCONCLUSIVE
from cf1_mcp.policy.dataset_scope import DatasetScope
from cf1_mcp.policy.visible_events import first_visible
from cf1_mcp.search.request import SearchRequest
from cf1_mcp.search.typed_values import hint_at_parts

# How many filters are left out, one at a time, to see whether events are found without them.
MAX_PROBES: Final = 5
# Events of one request: a few, since some may be withheld.
PROBE_SIZE: Final = 5
MAX_SECONDS: Final = 8.0
# Sentences on unknown words in one answer.
MAX_UNKNOWN: Final = 20


async def explain_page(
    client: ThreatEventsClient, page: Rows, request: SearchRequest, scope: DatasetScope, *, is_first: bool = True
) -> Rows:
    """Return the page with the values that were read differently than typed, the words that the account does not know,
    and, if it is empty, with likely reasons.

    The first page of a search with `created_since` also gets the watermark for the next one.
    """
    if request.watermark and is_first:
        page = replace(page, facts={**page.facts, "watermark": request.watermark})
    untrusted = describe_words(request)
    # An API that ignores filters tells nothing about what they remove.
    if page.rows or not is_first or any(one in note for one in INCONCLUSIVE for note in page.notes):
        return replace(page, untrusted=untrusted)
    notes = [*await _reasons(client, request, scope), *_hints(request), *scope.policy.notes, *page.notes]
    return replace(page, untrusted=untrusted, notes=notes)


def _hints(request: SearchRequest) -> list[str]:
    """Return what to ask instead, which depends on the question alone."""
    asked = [*request.parts.get("indicator", ()), *request.parts.get("conditions", ())]
    values = [
        value
        for one in asked
        if one.field == "indicator" and one.op in ("equals", "in")
        for value in (one.value if isinstance(one.value, list) else [one.value])
    ]
    return hint_at_parts(values)


def describe_words(request: SearchRequest) -> dict[str, JsonValue]:
    """Return what was read differently than typed, and which words the account does not know."""
    unknown = [sentence for _, sentence in request.unknown_words]
    words: dict[str, JsonValue] = {}
    if request.read_as:
        words["read_as"] = [*request.read_as]
    if unknown:
        words["unknown_words"] = [*unknown[:MAX_UNKNOWN]]
    return words


async def _reasons(client: ThreatEventsClient, request: SearchRequest, scope: DatasetScope) -> list[str]:
    """Return a sentence for each filter without which there are events; none if that takes too long to find out."""
    unknown = [argument for argument, _ in request.unknown_words]
    names = [*request.parts, *(["conditions"] if request.branches and "conditions" not in request.parts else [])]
    probed = sorted(names, key=lambda name: name not in unknown)[:MAX_PROBES]
    found: Sequence[bool | None] = ()
    with anyio.move_on_after(MAX_SECONDS):
        try:
            found = await gather(partial(_any_without, client, request, scope, name) for name in probed)
        except ApiError:
            return []
    decisive = [name for name, any_found in zip(probed, found, strict=False) if any_found]
    if decisive:
        return [f"Without {name} there are events: this filter alone removes all of them." for name in decisive]
    if len(names) > len(probed) or not found or None in found or current_remarks().left_out:
        return []
    if len(names) == 1:
        what = "events" if scope.policy.sees_everything else "events that may be shown"
        return [f"There are no {what} even without it."]
    return ["No single filter removes all events: at least two of them exclude each other."]


async def _any_without(
    client: ThreatEventsClient, request: SearchRequest, scope: DatasetScope, name: str
) -> bool | None:
    """Whether there would be an event to show without the conditions of one argument, None if rows cannot be read."""
    # What there is to say about the answers to these questions is not about that of the call.
    with collecting() as remarks:
        found = await _find_any(client, request, scope, name)
        return found or (None if remarks.left_out else False)


async def _find_any(client: ThreatEventsClient, request: SearchRequest, scope: DatasetScope, name: str) -> bool:
    search = request.search(without=name).model_copy(update={"dataset_id": [*scope.ids], "page_size": PROBE_SIZE})
    return bool(await first_visible(client, search, scope.policy, 1))
