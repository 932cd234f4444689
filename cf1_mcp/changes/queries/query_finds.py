"""What a saved query finds when it is saved, so that one that can find nothing, or too much, is noticed."""

from datetime import datetime, timedelta
from typing import Final

import anyio
from pydantic import JsonValue

from cf1_mcp.changes.effect import Facts, Planning
from cf1_mcp.errors import ApiError, BadArgument
from cf1_mcp.models import EventSearch
from cf1_mcp.policy.visible_events import visible_pages
from cf1_mcp.text.dates import iso

MAX_COUNTED: Final = 1_000
PAGE_SIZE: Final = 501
MAX_SECONDS: Final = 6.0
RECENT: Final = timedelta(days=30)


async def count_finds(planning: Planning, search: EventSearch | None, now: datetime) -> Facts:
    """Return how many events that may be shown a query finds, in all and in the last 30 days; nothing if that cannot be
    told in time.

    The newest are read first, so that one read tells both numbers.
    """
    if search is None:
        return {}
    asked = search.model_copy(update={"order_by": "date", "order": "desc", "page_size": PAGE_SIZE})
    days: dict[tuple[str, str], str] = {}
    is_read = False
    with anyio.move_on_after(MAX_SECONDS):
        try:
            async for page in visible_pages(planning.client, asked, planning.write_policy.read_policy):
                known = len(days)
                days |= {(event.uuid, event.dataset_id): event.date for event in page}
                # A server that does not know pages repeats the first one for ever.
                if len(days) > MAX_COUNTED or (page and len(days) == known):
                    break
        except (ApiError, BadArgument):
            return {}
        is_read = True
    if not is_read:
        return {}
    since, newest = iso(now - RECENT), [*days.values()][:MAX_COUNTED]
    has_more = len(days) > MAX_COUNTED
    recent = sum(date >= since for date in newest)
    return {
        "matches_now": _name_count(len(newest), has_more=has_more),
        "matches_in_30_days": _name_count(recent, has_more=has_more and recent == len(newest)),
    }


def _name_count(count: int, *, has_more: bool) -> JsonValue:
    return f"more than {count:,}" if has_more else f"{count}"
