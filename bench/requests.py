"""Requests that calls send for a hundred linked events, counted by the sandbox that received them.

The quota is 1,200 requests in five minutes. `BEFORE` is what was sent when each event was read by itself.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

import anyio
from mcp import Client
from pydantic import JsonValue

from cf1_mcp.models import NewEvent
from cf1_mcp.settings import Settings
from tests.tenant import MINE, YOURS, Tenant

EVENTS: Final = 100
WITH_EVIDENCE: Final = 100
KINDS: Final = ("related_to", "caused_by", "attributed_to")
BEFORE: Final[Mapping[str, int]] = {"preview of deleting": 907, "deleting": 807}


@dataclass(frozen=True)
class Counted:
    """How many requests a call sent, and how many it may send."""

    what: str
    sent: int
    allowed: int


async def add_linked_events(tenant: Tenant) -> list[str]:
    """Store events of which each has references, typed relationships and raw evidence, some to another dataset."""
    ids: list[str] = []
    async with tenant.api() as api:

        async def add(number: int, dataset: str) -> str:
            body = {
                "category": "Phishing",
                "date": "2026-11-20T00:00:00Z",
                "event": f"event {number}",
                "tlp": "green",
                "tags": ["old"],
                "raw": {"data": {"number": number}},
                "datasetId": tenant.dataset_id(dataset),
            }
            return (await api.create_event(NewEvent.model_validate(body))).uuid

        ids = [await add(number, MINE) for number in range(EVENTS)]
        others = [await add(EVENTS + number, YOURS) for number in range(50)]
        for number, event_id in enumerate(ids):
            following = ids[(number + 1) % EVENTS]
            await api.create_relationships(tenant.dataset_id(), event_id, [following], KINDS[number % 3])
            await api.relate_event(event_id, [others[number % 50], following])
    tenant.log.clear()
    return ids


async def count_changes(tenant: Tenant, settings: Settings) -> list[Counted]:
    """Count the requests of the preview and of the run of each change."""
    ids: list[JsonValue] = [*await add_linked_events(tenant)]
    new_values: dict[str, JsonValue] = {"attacker": "COPPER LANTERN"}
    changes: list[tuple[str, str, dict[str, JsonValue], int]] = [
        ("updating", "update_threat_event", new_values, 1),
        ("taking tags off", "untag_threat_events", {"tags": ["old"]}, EVENTS),
        ("moving", "move_threat_events", {"destination_dataset_id": YOURS}, 1 + WITH_EVIDENCE),
    ]
    found: list[Counted] = []
    async with tenant.server(settings) as client:
        for what, tool, arguments, needed in changes:
            found += await _count_change(tenant, client, what, tool, {"event_ids": ids, **arguments}, needed)
    tenant.log.clear()
    return found


async def count_deletion(tenant: Tenant, settings: Settings) -> list[Counted]:
    """Count the requests of the preview and of the run of a deletion."""
    ids: list[JsonValue] = [*await add_linked_events(tenant)]
    async with tenant.server(settings) as client:
        arguments: dict[str, JsonValue] = {"event_ids": ids}
        return await _count_change(tenant, client, "deleting", "delete_threat_events", arguments, 1 + WITH_EVIDENCE)


async def _count_change(
    tenant: Tenant, client: Client, what: str, tool: str, arguments: dict[str, JsonValue], needed: int
) -> list[Counted]:
    tenant.log.clear()
    preview = await client.call_tool(tool, {"dataset_id": MINE, **arguments})
    shown: dict[str, JsonValue] = dict(preview.structured_content or {})
    assert "code" in shown, preview.content
    first = len(tenant.log)
    done = await client.call_tool(tool, {"dataset_id": MINE, **arguments, "confirm": shown["code"]})
    result: dict[str, JsonValue] = dict(done.structured_content or {})
    assert result["status"] == "done", done.content
    return [Counted(f"preview of {what}", first, 16), Counted(what, len(tenant.log) - first, needed + 16)]


async def count_reads(tenant: Tenant) -> list[Counted]:
    """Count the requests of calls that read a linked event."""
    ids = await add_linked_events(tenant)
    calls: list[tuple[str, str, dict[str, JsonValue], int]] = [
        ("a warm search", "search_threat_events", {"category": ["Phishing"]}, 1),
        (
            "an event with everything",
            "get_threat_event",
            {"event_id": ids[0], "dataset_id": MINE, "include": ["raw", "relationships"]},
            3,
        ),
    ]
    found: list[Counted] = []
    async with tenant.server(tenant.reading()) as client:
        await client.call_tool("search_threat_events", {"category": ["Phishing"]})
        for what, tool, arguments, allowed in calls:
            tenant.log.clear()
            answer = await client.call_tool(tool, arguments)
            assert not answer.is_error, answer.content
            found.append(Counted(what, len(tenant.log), allowed))
    return found


async def measure() -> list[Counted]:
    """Count all of them, each group over a tenant of its own."""
    found: list[Counted] = []
    with TemporaryDirectory() as folder:
        for number, count in enumerate((count_changes, count_deletion)):
            tenant = Tenant(Path(folder) / str(number))
            found += await count(tenant, tenant.allowed(write_datasets=("*",), max_change=EVENTS))
        found += await count_reads(Tenant(Path(folder) / "reads"))
    return found


async def rows() -> list[str]:
    """Return a table of what was counted."""
    head = [f"| requests for {EVENTS} linked events | before | now | allowed |", "|---|--:|--:|--:|"]
    return head + [
        f"| {one.what} | {BEFORE.get(one.what, '-')} | {one.sent} | {one.allowed} |" for one in await measure()
    ]


if __name__ == "__main__":
    print("\n".join(anyio.run(rows)))
