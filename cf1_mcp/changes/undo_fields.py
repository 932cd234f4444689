"""Changed fields, and changed raw evidence, get their old values back."""

from collections.abc import Mapping

from pydantic import JsonValue

from cf1_mcp.api.client import ThreatEventsClient
from cf1_mcp.changes.guards import Effect, Result
from cf1_mcp.changes.undo_inverse import OBJECT, Inverse
from cf1_mcp.errors import BadArgument
from cf1_mcp.events.snapshots import events_of, without_copies
from cf1_mcp.models import Event, EventChange, RawChange, Tlp
from cf1_mcp.policy.write_policy import WritePolicy
from cf1_mcp.store.journal_records import Change


async def _plan(client: ThreatEventsClient, writing: WritePolicy, change: Change) -> Effect:
    dataset = writing.require_writable(change.intent.datasets[0], "change_id")
    asked = change.intent.arguments
    before = OBJECT.validate_python(change.intent.before)
    [event] = await events_of(client, writing, dataset, [str(asked["event_id"])], "change_id")
    old = _fields(before["event"])
    if "tlp" in old and writing.read_policy.is_above_ceiling(str(old["tlp"])):
        raise BadArgument("change_id", "the old marking lies above the ceiling of now", "the operator's help")
    now = _now(event, old)
    raw, raw_now = before["raw"], None
    if raw is not None and asked["raw_id"]:
        await without_copies(client, [event.uuid], (dataset,), "change_id")
        evidence = await client.read_raw(event.uuid, str(asked["raw_id"]))
        raw_now = {name: getattr(evidence, name) for name in OBJECT.validate_python(raw)}
    overwritten = [name for name, value in _fields(asked["event"]).items() if name in now and now[name] != value]
    lowered = "tlp" in old and Tlp.of(str(old["tlp"])).rank < Tlp.of(event.tlp).rank
    wire: JsonValue = {**old, "datasetId": dataset.uuid} if old else None
    return Effect(
        tool="update_threat_event",
        arguments={"event_id": event.uuid, "event": wire, "raw_id": asked["raw_id"], "raw": raw, "undoes": change.id},
        datasets=(dataset.uuid,),
        summary=f"Set {', '.join(old) or 'the raw evidence'} of event {event.uuid} back to before change {change.id}."
        + (f" Later changes of {', '.join(overwritten)} are overwritten." if overwritten else "")
        + (" This lowers the event's marking." if lowered else ""),
        before={"event": {**now, "datasetId": dataset.uuid} if old else None, "raw": raw_now, "seen": []},
        undo="undo_change sets the values of now again.",
        needs_code=lowered or bool(overwritten) or raw is not None,
        facts={"overwritten": [*overwritten]} if overwritten else {},
        events=[event],
        undoes=change.id,
    )


def _fields(wire: JsonValue) -> dict[str, JsonValue]:
    """The values of a change as the API takes it, without the dataset."""
    return {name: value for name, value in (wire if isinstance(wire, dict) else {}).items() if name != "datasetId"}


def _now(event: Event, names: Mapping[str, JsonValue]) -> dict[str, JsonValue]:
    wire = event.model_dump(mode="json", by_alias=True)
    return {name: wire[name] for name in names}


async def _restore(client: ThreatEventsClient, effect: Effect) -> Result:
    event_id, event, raw = str(effect.arguments["event_id"]), effect.arguments["event"], effect.arguments["raw"]
    changed: list[JsonValue] = []
    if event is not None:
        answer = await client.update_event(event_id, EventChange.model_validate(event))
        now = _now(answer, _fields(event))
        changed += [name for name, value in _fields(event).items() if now[name] == value]
        if len(changed) < len(now):
            return Result("partial" if changed else "failed", {"event_id": event_id, "changed": changed})
    if raw is not None:
        await client.update_raw(event_id, str(effect.arguments["raw_id"]), RawChange.model_validate(raw))
        changed.append("raw")
    return Result("done", {"event_id": event_id, "changed": changed})


RESTORING = Inverse(_plan, _restore)
