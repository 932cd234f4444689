"""References that a change added are removed; references that it removed are added again."""

from pydantic import JsonValue

from cf1_mcp.api.client import ThreatEventsClient
from cf1_mcp.changes.guards import Effect, Result
from cf1_mcp.changes.undo_inverse import TEXTS, Inverse, told
from cf1_mcp.errors import BadArgument
from cf1_mcp.events.snapshots import events_of, without_copies
from cf1_mcp.models import Dataset, Event
from cf1_mcp.policy.write_policy import WritePolicy
from cf1_mcp.store.journal_records import Change


async def _plan_unrelating(client: ThreatEventsClient, writing: WritePolicy, change: Change) -> Effect:
    if "relationship_type" in change.intent.arguments:
        raise BadArgument(
            "change_id", f"change {change.id} made typed relationships, which the API cannot remove", "another change"
        )
    home, other, event, related = await _ends(client, writing, change, "related", destroys=True)
    return Effect(
        tool="unrelate_threat_events",
        arguments=_arguments(change, related),
        datasets=(home.uuid, other.uuid),
        summary=f"Remove the {len(related)} references that change {change.id} added to event {event.uuid}.",
        before={"references": [*sorted(event.references)]},
        undo="undo_change adds them again.",
        needs_code=True,
        facts={"references": len(related)},
        events=related,
        undoes=change.id,
    )


async def _plan_relating(client: ThreatEventsClient, writing: WritePolicy, change: Change) -> Effect:
    home, other, event, removed = await _ends(client, writing, change, "unrelated", destroys=False)
    related = [one for one in removed if one.uuid not in event.references]
    if not related:
        raise BadArgument(
            "change_id", f"the references that change {change.id} removed are there again", "another change"
        )
    return Effect(
        tool="relate_threat_events",
        arguments=_arguments(change, related),
        datasets=(home.uuid, other.uuid),
        summary=f"Add the {len(related)} references again that change {change.id} removed from event {event.uuid}.",
        before={"existing": [one.uuid for one in removed if one not in related]},
        undo="undo_change removes them again.",
        needs_code=False,
        events=related,
        undoes=change.id,
    )


async def _ends(
    client: ThreatEventsClient, writing: WritePolicy, change: Change, listed: str, *, destroys: bool
) -> tuple[Dataset, Dataset, Event, list[Event]]:
    arguments = change.intent.arguments
    home_id = str(arguments["dataset_id"])
    home = (
        writing.require_destroyable(home_id, "change_id")
        if destroys
        else writing.require_writable(home_id, "change_id")
    )
    other = writing.require_writable(str(arguments["related_dataset_id"]), "change_id")
    ids = told(change, listed)
    if not ids:
        raise BadArgument("change_id", f"change {change.id} tells no events that it changed", "another change")
    event_id = str(arguments["event_id"])
    [event] = await events_of(client, writing, home, [event_id], "change_id")
    await without_copies(client, [event_id, *ids], (home, other), "change_id")
    return home, other, event, await events_of(client, writing, other, sorted(ids), "change_id")


def _arguments(change: Change, related: list[Event]) -> dict[str, JsonValue]:
    same = {name: change.intent.arguments[name] for name in ("dataset_id", "event_id", "related_dataset_id")}
    return {**same, "related_ids": [one.uuid for one in related], "undoes": change.id}


async def _unrelate(client: ThreatEventsClient, effect: Effect) -> Result:
    ids = TEXTS.validate_python(effect.arguments["related_ids"])
    answer = await client.unrelate_event(str(effect.arguments["event_id"]), ids)
    return Result("done", {"unrelated": [*ids]}) if answer.success else Result("failed", {"not_unrelated": [*ids]})


async def _relate(client: ThreatEventsClient, effect: Effect) -> Result:
    ids = TEXTS.validate_python(effect.arguments["related_ids"])
    answer = await client.relate_event(str(effect.arguments["event_id"]), ids)
    return Result("done", {"related": [*ids]}) if answer.success else Result("failed", {"not_related": [*ids]})


UNRELATING = Inverse(_plan_unrelating, _unrelate)
RELATING = Inverse(_plan_relating, _relate)
