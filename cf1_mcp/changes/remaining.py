"""Which events of a past change are still there: an undo acts on those, and says that others are gone."""

from collections.abc import Sequence
from dataclasses import replace

from cf1_mcp.changes.effect import Effect, P, Planning
from cf1_mcp.errors import BadArgument
from cf1_mcp.events.copies import find_events_in
from cf1_mcp.models import Dataset
from cf1_mcp.text.plurals import plural


async def find_remaining(planning: Planning, dataset: Dataset, change_id: str, event_ids: Sequence[str]) -> list[str]:
    """Return those of the events that the dataset still contains.

    Raises:
        Withheld: there are more than a change may affect.
        BadArgument: all of them were deleted or moved.
        ApiError: a read failed, so it is unknown.
    """
    planning.check_size(len(event_ids))
    if remaining := await find_events_in(planning.client, dataset.uuid, event_ids):
        return remaining
    raise BadArgument(
        "change_id",
        f"no event of change {change_id} is in dataset {dataset.uuid} any more, so there is nothing to undo",
        "list_changes to see what can be undone",
    )


def warn_of_missing(effect: Effect[P], count: int) -> Effect[P]:
    """Return the effect of an undo with a warning if events are gone."""
    if not count:
        return effect
    gone = f"{plural(count, 'event is', 'events are')} no longer in the dataset, and left out."
    return replace(effect, warnings=(gone, *effect.warnings), facts={**effect.facts, "events_gone": count})
