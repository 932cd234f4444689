"""One change of every kind, made under wide rules, for tests of its undo."""

from collections.abc import Awaitable, Callable, Mapping
from typing import Final

from mcp import Client
from pydantic import JsonValue

from cf1_mcp.settings import Settings
from tests.conversations import ask
from tests.tenant import MINE, YOURS, Tenant

Arguments = dict[str, JsonValue]
Make = Callable[[Tenant, Client], Awaitable[JsonValue]]

BOTH: Final[Mapping[str, object]] = {"write_datasets": (MINE, YOURS), "delete_datasets": (MINE, YOURS)}
NEW: Final[Arguments] = {"date": "2026-11-20", "category": "Phishing", "event": "made", "tlp": "green"}
QUERY: Final[Arguments] = {"name": "watched", "query_json": '{"datasetId": ["Mine"], "search": []}'}


def wide(tenant: Tenant, **changed: object) -> Settings:
    """Settings under which every change is allowed."""
    return tenant.allowed(**{**BOTH, **changed})


async def make(client: Client, tool: str, **arguments: JsonValue) -> Arguments:
    """Make a change, with the code of its preview where it has one, and return its answer."""
    answer = await ask(client, tool, **arguments)
    if answer["status"] == "confirmation_required":
        answer = await ask(client, tool, **arguments, confirm=answer["code"])
    return answer


async def _ids(tenant: Tenant, *tags: JsonValue) -> list[JsonValue]:
    return [(await tenant.add(f"event {number}", tags=[*tags])).uuid for number in range(2)]


async def _create(tenant: Tenant, client: Client) -> JsonValue:
    return (await make(client, "create_threat_event", dataset_id=MINE, **NEW))["change_id"]


async def _import(tenant: Tenant, client: Client) -> JsonValue:
    rows: list[JsonValue] = [{**NEW, "event": f"row {number}"} for number in range(2)]
    return (await make(client, "import_threat_events", dataset_id=MINE, rows=rows))["change_id"]


async def _update(tenant: Tenant, client: Client) -> JsonValue:
    [event, _] = await _ids(tenant)
    call: Arguments = {"dataset_id": MINE, "event_id": event, "event": "new title", "tlp": "amber"}
    return (await make(client, "update_threat_event", **call))["change_id"]


async def _update_many(tenant: Tenant, client: Client) -> JsonValue:
    call: Arguments = {"dataset_id": MINE, "event_ids": await _ids(tenant), "attacker": "SOMEBODY", "tlp": "amber"}
    return (await make(client, "update_threat_event", **call))["change_id"]


async def _tag(tenant: Tenant, client: Client) -> JsonValue:
    call: Arguments = {"dataset_id": MINE, "event_ids": await _ids(tenant), "tags": ["wave"]}
    return (await make(client, "tag_threat_events", **call))["change_id"]


async def _untag(tenant: Tenant, client: Client) -> JsonValue:
    call: Arguments = {"dataset_id": MINE, "event_ids": await _ids(tenant, "wave"), "tags": ["wave"]}
    return (await make(client, "untag_threat_events", **call))["change_id"]


async def _relate(tenant: Tenant, client: Client) -> JsonValue:
    call: Arguments = {"dataset_id": MINE, "event_id": (await tenant.add("home")).uuid}
    return (await make(client, "relate_threat_events", **call, related_ids=await _ids(tenant)))["change_id"]


async def _unrelate(tenant: Tenant, client: Client) -> JsonValue:
    home, others = await tenant.add("home"), await _ids(tenant)
    async with tenant.api() as api:
        await api.relate_event(home.uuid, [str(one) for one in others])
    call: Arguments = {"dataset_id": MINE, "event_id": home.uuid, "related_ids": others}
    return (await make(client, "unrelate_threat_events", **call))["change_id"]


async def _move(tenant: Tenant, client: Client) -> JsonValue:
    call: Arguments = {"dataset_id": MINE, "destination_dataset_id": YOURS, "event_ids": await _ids(tenant)}
    return (await make(client, "move_threat_events", **call))["change_id"]


async def _copy(tenant: Tenant, client: Client) -> JsonValue:
    events: list[JsonValue] = [(await tenant.add(f"event {number}", YOURS)).uuid for number in range(2)]
    call: Arguments = {"dataset_id": YOURS, "destination_dataset_id": MINE, "event_ids": events, "keep_raw_data": True}
    return (await make(client, "copy_threat_events", **call))["change_id"]


async def _delete(tenant: Tenant, client: Client) -> JsonValue:
    return (await make(client, "delete_threat_events", dataset_id=MINE, event_ids=await _ids(tenant)))["change_id"]


async def _recreate(tenant: Tenant, client: Client) -> JsonValue:
    return (await make(client, "undo_change", change_id=await _delete(tenant, client)))["change_id"]


async def _merge(tenant: Tenant, client: Client) -> JsonValue:
    keep, *others = await _ids(tenant, "wave")
    return (await make(client, "merge_duplicate_events", dataset_id=MINE, keep=keep, event_ids=others))["change_id"]


async def _create_query(tenant: Tenant, client: Client) -> JsonValue:
    return (await make(client, "create_saved_query", **QUERY))["change_id"]


async def _update_query(tenant: Tenant, client: Client) -> JsonValue:
    query = await make(client, "create_saved_query", **QUERY)
    return (await make(client, "update_saved_query", query_id=query["query_id"], name="renamed"))["change_id"]


async def _delete_query(tenant: Tenant, client: Client) -> JsonValue:
    query = await make(client, "create_saved_query", **QUERY)
    return (await make(client, "delete_saved_query", query_id=query["query_id"]))["change_id"]


async def _create_alert(tenant: Tenant, client: Client) -> JsonValue:
    query = await make(client, "create_saved_query", **QUERY)
    return (await make(client, "create_query_alert", query_id=query["query_id"]))["change_id"]


async def _alert(tenant: Tenant, client: Client) -> JsonValue:
    query = await make(client, "create_saved_query", **QUERY)
    return (await make(client, "create_query_alert", query_id=query["query_id"]))["alert_id"]


async def _update_alert(tenant: Tenant, client: Client) -> JsonValue:
    alert = await _alert(tenant, client)
    return (await make(client, "update_query_alert", alert_id=alert, frequency="immediate"))["change_id"]


async def _delete_alert(tenant: Tenant, client: Client) -> JsonValue:
    return (await make(client, "delete_query_alert", alert_id=await _alert(tenant, client)))["change_id"]


REMOVED_BY_UNDO: Final[Mapping[str, Make]] = {
    "a creation": _create,
    "an import": _import,
    "tags": _tag,
    "references": _relate,
    "a move": _move,
    "a copy": _copy,
    "a recreation": _recreate,
    "a merge": _merge,
    "a new query": _create_query,
    "a new alert": _create_alert,
}
"""Changes whose undo removes something."""
WRITTEN_BY_UNDO: Final[Mapping[str, Make]] = {
    "an update": _update,
    "many updates": _update_many,
    "tags taken off": _untag,
    "references removed": _unrelate,
    "a deletion": _delete,
    "an updated query": _update_query,
    "a deleted query": _delete_query,
    "an updated alert": _update_alert,
    "a deleted alert": _delete_alert,
}
"""Changes whose undo creates or updates something."""
EVERY: Final[Mapping[str, Make]] = {**REMOVED_BY_UNDO, **WRITTEN_BY_UNDO}
OF_SEVERAL_EVENTS: Final = (
    "an import",
    "tags",
    "references",
    "a move",
    "a copy",
    "a recreation",
    "a merge",
    "tags taken off",
    "references removed",
    "a deletion",
    "many updates",
)
"""Changes of two events each."""
