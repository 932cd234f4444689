"""Sending new values of an event and its raw evidence."""

import json
from dataclasses import replace
from functools import partial
from typing import Final

from pydantic import JsonValue

from cf1_mcp.answers.columns import MAX_CELL_LENGTH
from cf1_mcp.api.client import ThreatEventsClient
from cf1_mcp.changes.outcomes.change_results import Result
from cf1_mcp.changes.outcomes.event_looks import look_at_fields, look_at_raw, rate
from cf1_mcp.changes.outcomes.unknown_outcomes import combine, find_out, hold_to_look
from cf1_mcp.errors import ApiError, UnknownOutcome
from cf1_mcp.events.validation import find_differences, is_same_value
from cf1_mcp.models import EventChange, RawChange
from cf1_mcp.store.payloads import RawParts, UpdateEvent
from cf1_mcp.text.sanitize import clean

NOT_SHOWN: Final = "The answer does not show the new values."
OTHER_VALUES: Final = "The answer shows other values than those sent."


async def update_event(client: ThreatEventsClient, payload: UpdateEvent) -> Result:
    """Change the event, then its evidence, unless it is unknown whether the event was changed."""
    event_id, fields, raw = payload.event_id, payload.event, payload.raw
    results = [await _update_fields(client, event_id, fields)] if fields is not None else []
    failed: list[JsonValue] = []
    if raw is not None and any(one.status == "unknown" for one in results):
        failed.append({"part": "raw", "reason": "Not tried, because it is unknown whether the event was changed."})
    elif raw is not None:
        try:
            results.append(await _update_raw(client, event_id, payload.raw_id or "", raw))
        except ApiError as error:
            if fields is None:
                raise
            failed.append({"part": "raw", "reason": str(error)})
    changed = [name for one in results for name in one.list_fact("changed")]
    differs = [row for one in results for row in one.list_fact("differs")]
    facts: dict[str, JsonValue] = {"event_id": event_id, "changed": changed}
    facts |= {name: value for one in results for name, value in one.facts.items() if name not in facts}
    untrusted = {name: value for one in results for name, value in one.untrusted.items() if name != "differs"}
    untrusted |= {name: rows for name, rows in {"differs": differs, "failed": failed}.items() if rows}
    is_unknown, is_open = any(one.status == "unknown" for one in results), bool(differs or failed)
    status = combine(is_any_done=bool(changed), is_any_open=is_open, is_any_unknown=is_unknown)
    return Result(status, facts, untrusted)


async def _update_fields(client: ThreatEventsClient, event_id: str, change: EventChange) -> Result:
    sent = list_fields(change)
    look = partial(look_at_fields, client, change.dataset_id, event_id, sent)
    try:
        answer = await client.update_event(event_id, change)
    except ApiError as error:
        return await find_out(error, look)
    if not sent.keys() <= answer.model_fields_set:
        return await find_out(UnknownOutcome(NOT_SHOWN), look)
    differs = find_differences(sent, answer)
    wrong = [one["field"] for one in differs if isinstance(one, dict)]
    changed = [name for name in sent if name not in wrong]
    answered = Result(rate(changed, [*sent]), {"event_id": event_id, "changed": [*changed]})
    if not differs:
        return answered
    # It may show the event as it was before.
    return await hold_to_look(replace(answered, untrusted={"differs": differs}), OTHER_VALUES, look)


async def _update_raw(client: ThreatEventsClient, event_id: str, raw_id: str, raw: RawParts) -> Result:
    """Change the evidence. Its data is compared with what was sent: the answer shows no other part."""
    change = RawChange.model_validate(raw.parts())
    look = partial(look_at_raw, client, event_id, raw_id, raw.parts())
    try:
        answer = await client.update_raw(event_id, raw_id, change)
    except ApiError as error:
        return await find_out(error, look)
    if change.data is not None and "data" not in answer.model_fields_set:
        return await find_out(UnknownOutcome(NOT_SHOWN), look)
    if change.data is None or is_same_part("data", change.data, answer.data):
        return Result("done", {"changed": ["raw"]})
    row: JsonValue = {"field": "raw", "answered": clean(json.dumps(answer.data), MAX_CELL_LENGTH)}
    answered = Result("failed", {"event_id": event_id, "changed": []}, {"differs": [row]})
    return await hold_to_look(answered, OTHER_VALUES, look)


def list_fields(change: EventChange | None) -> dict[str, str]:
    """Return the values of a change by their snake-case names, without the dataset."""
    names = [name for name in EventChange.model_fields if change and name in change.model_fields_set]
    # A cleared value is null where the API takes no empty text.
    return {name: str(getattr(change, name) or "") for name in names if name != "dataset_id"}


def is_same_part(name: str, one: JsonValue, other: JsonValue) -> bool:
    """Return whether two values of a part of raw evidence mean the same."""
    if isinstance(one, str) and isinstance(other, str):
        return is_same_value(name, one, other)
    # As text, because True equals 1 in Python.
    return json.dumps(one, sort_keys=True) == json.dumps(other, sort_keys=True)
