"""Why a search finds nothing: which filter removes everything, and what may have been meant instead."""

from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from typing import Final

import anyio
from pydantic import JsonValue

from cf1_mcp.answers.rows import Rows
from cf1_mcp.api.client import ThreatEventsClient
from cf1_mcp.api.concurrency import gather
from cf1_mcp.errors import ApiError
from cf1_mcp.policy.reading import Scope
from cf1_mcp.search.request import SearchRequest
from cf1_mcp.text.limits import MAX_NAME_LENGTH
from cf1_mcp.text.sanitize import clean

# Cheap counts: so many at most, each of a few events, since some of those may be withheld.
MAX_COUNTS: Final = 5
PROBE: Final = 5
TIMEOUT: Final = 8.0


async def explained(
    client: ThreatEventsClient, page: Rows, request: SearchRequest, scope: Scope, cursor: str | None = None
) -> Rows:
    """The answer with how its request was read and, where nothing was found, why that may be. The first page tells
    from where a later call goes on.
    """
    if request.watermark and not cursor:
        page = replace(page, facts={**page.facts, "watermark": request.watermark})
    told: dict[str, JsonValue] = {"read_as": [*request.read_as]} if request.read_as else {}
    if page.rows or "withheld" in page.facts or "next_cursor" in page.facts:
        return replace(page, untrusted=told)
    if near := _meant(request):
        told["did_you_mean"] = near
    return replace(page, untrusted=told, notes=[*await _reasons(client, request, scope), *page.notes])


def _meant(request: SearchRequest) -> list[JsonValue]:
    return [
        f"{argument}: {clean(typed, MAX_NAME_LENGTH)} is unknown, near are "
        + ", ".join(clean(name, MAX_NAME_LENGTH) for name in names)
        for (argument, typed), names in request.near.items()
    ]


async def _reasons(client: ThreatEventsClient, request: SearchRequest, scope: Scope) -> list[str]:
    """A sentence for each filter without which there are events; nothing where that cannot be found out in time."""
    doubted = [argument for argument, _ in request.near]
    names = [*request.parts, *(["conditions"] if request.branches and "conditions" not in request.parts else [])]
    asked = sorted(names, key=lambda name: name not in doubted)[:MAX_COUNTS]
    found: Sequence[bool] = ()
    with anyio.move_on_after(TIMEOUT):
        try:
            found = await gather(partial(_any_without, client, request, scope, name) for name in asked)
        except ApiError:
            return []
    guilty = [name for name, any_found in zip(asked, found, strict=False) if any_found]
    if guilty:
        return [f"Without {name} there are events: it alone removes all of them." for name in guilty]
    if len(names) > len(asked) or not found:
        return []
    if len(names) == 1:
        return ["There are no events here even without it."]
    return ["No filter removes everything alone: at least two of them exclude each other."]


async def _any_without(client: ThreatEventsClient, request: SearchRequest, scope: Scope, name: str) -> bool:
    """Whether there would be an event to show without what one argument asks for."""
    search = request.search(without=name).model_copy(update={"dataset_id": [*scope.ids], "page_size": PROBE})
    return bool(scope.reading.admit((await client.list_events(search)).result)[0])
