"""One call of every tool, and a small tenant for which every call has a meaningful answer."""

import json
from collections.abc import AsyncGenerator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path

from mcp import Client
from mcp.types import CallToolResult
from pydantic import JsonValue

from cf1_mcp.models import Event, QueryAlertFields, SavedQueryFields
from tests.conversations import ask, text_of
from tests.tenant import Generation, Tenant

# Words in capitals are placeholders for values of the tenant.
MANY: list[JsonValue] = [
    {"category": "Phishing", "date": f"{hours}h", "event": "WORDS", "tlp": "green"} for hours in range(1, 27)
]
CALLS: Mapping[str, dict[str, JsonValue]] = {
    "search_threat_events": {"fields": ["uuid", "attacker", "indicator", "insight", "tags", "event"]},
    "get_threat_event": {"event_id": "FIRST", "include": ["raw", "relationships"]},
    "list_related_threat_events": {"event_id": "FIRST"},
    "aggregate_threat_events": {"columns": ["attacker", "indicatorType"]},
    "query_threat_graphql": {"query": 'query { threatEvents(groupBy: [attacker], datasetIds: ["all"], filter: [{field: tlp, op: in, value: ["clear", "green", "amber"]}]) { groups { attacker count } } }'},
    "list_threat_datasets": {},
    "list_threat_vocabulary": {"kind": "attackers"},
    "lookup_indicators": {"indicators": ["INDICATOR", "nothing.example.org"]},
    "profile_attacker": {"attacker": "ACTOR"},
    "export_threat_events": {"format": "stix2", "handling": "amber", "since": "30d"},
    "create_threat_event": {"dataset_id": "HOME", "category": "phishing", "date": "1h", "event": "WORDS", "tlp": "green"},
    "import_threat_events": {"dataset_id": "HOME", "rows": MANY},
    "update_threat_event": {"dataset_id": "HOME", "event_id": "FIRST", "tlp": "clear", "event": "new WORDS"},
    "tag_threat_events": {"dataset_id": "HOME", "event_ids": ["FIRST"], "tags": ["x TAG"]},
    "untag_threat_events": {"dataset_id": "HOME", "event_ids": ["SECOND"], "tags": ["TAG"]},
    "relate_threat_events": {"dataset_id": "HOME", "event_id": "FIRST", "related_ids": ["SECOND"]},
    "unrelate_threat_events": {"dataset_id": "HOME", "event_id": "SECOND", "related_ids": ["FIRST"]},
    "move_threat_events": {"dataset_id": "HOME", "destination_dataset_id": "AWAY", "event_ids": ["FIRST"]},
    "copy_threat_events": {"dataset_id": "HOME", "destination_dataset_id": "AWAY", "event_ids": ["FIRST"], "keep_raw_data": True},
    "delete_threat_events": {"dataset_id": "HOME", "event_ids": ["FIRST"]},
    "list_duplicate_events": {"dataset_id": "HOME", "by": "title"},
    "merge_duplicate_events": {"dataset_id": "HOME", "keep": "FIRST", "event_ids": ["SECOND"]},
    "create_threat_dataset": {"name": "New collection"},
    "update_threat_dataset": {"dataset_id": "HOME", "name": "Renamed collection"},
    "create_threat_category": {"name": "Weather balloon", "kill_chain": 1, "mitre_attack": ["T1595"]},
    "revert_threat_dataset": {"dataset_id": "HOME", "minutes_ago": 60},
    "list_saved_queries": {},
    "create_saved_query": {"name": "Another query", "query_json": '{"datasetId": ["HOME"], "search": []}', "rule_enabled": True},
    "update_saved_query": {"query_id": 1, "rule_enabled": True},
    "delete_saved_query": {"query_id": 1},
    "list_query_alerts": {},
    "create_query_alert": {"query_id": 2},
    "update_query_alert": {"alert_id": 1, "enabled": False},
    "delete_query_alert": {"alert_id": 1},
    "list_changes": {"change_id": "LAST"},
    "undo_change": {"change_id": "LAST"},
}  # fmt: skip


class PlantedTenant(Tenant):
    """A tenant of two related events and a saved query with an alert, in which every text is `words`.

    `settings` allow a server to do everything.
    """

    def __init__(self, folder: Path, words: str, tag: str, indicator: str) -> None:
        self.home_name, away_name = f"Home {words[:60]}", f"Away {words[:60]}"
        super().__init__(folder, (self.home_name, away_name))
        self.words, self.tag, self.indicator = words, tag, indicator
        self.home, self.away = self.dataset_id(self.home_name), self.dataset_id(away_name)
        self.settings = self.allowed(write_datasets=("*",), delete_datasets=("*",))

    async def plant(self, **fields: JsonValue) -> Event:
        """Create an event with `words` in every text field."""
        planted: dict[str, JsonValue] = {
            "event": self.words,
            "tlp": "amber",
            "attacker": f"Actor {self.words}",
            "insight": self.words,
            "tags": [f"tag {self.words}", self.tag],
            "indicator": self.indicator,
            "indicatorType": "url",
            "raw": {"data": {self.words: self.words, "nested": [{"deep": self.words}]}, "source": self.words},
        }
        return await self.add(self.words, self.home_name, **(planted | fields))

    @asynccontextmanager
    async def connected(self, mode: Generation = "auto") -> AsyncGenerator[tuple[Client, dict[str, JsonValue]]]:
        """A client of a server for this tenant, and the values of the placeholders."""
        # The API also sorts by time of creation.
        self.wait(-60)
        first = await self.plant(event=f"first {self.words}")
        self.wait(60)
        second = await self.plant(event=f"second {self.words}", date="2026-11-21T00:00:00Z")
        async with self.api() as api:
            await api.relate_event(second.uuid, [first.uuid])
            await api.create_relationships(self.home, first.uuid, [second.uuid], "related_to")
            watched, silent = [await api.create_query(self._saved_query(name)) for name in ("Watched", "Silent")]
            alert = await api.create_alert(QueryAlertFields(query_id=watched.id, enabled=True, frequency="daily"))
        assert (watched.id, silent.id, alert.id) == (1, 2, 1)
        names: dict[str, JsonValue] = {
            "FIRST": first.uuid,
            "SECOND": second.uuid,
            "HOME": self.home,
            "AWAY": self.away,
            "ACTOR": f"Actor {self.words}",
            "WORDS": self.words,
            "new WORDS": f"new {self.words}",
            "INDICATOR": self.indicator,
            "TAG": self.tag,
            "x TAG": f"x {self.tag}",
        }
        async with self.server(self.settings, mode=mode) as client:
            yield client, names

    def _saved_query(self, name: str) -> SavedQueryFields:
        search = {"datasetId": [self.home], "search": [{"field": "event", "op": "contains", "value": self.words}]}
        return SavedQueryFields(
            name=f"{name} {self.words}",
            query_json=json.dumps(search),
            alert_enabled=name == "Watched",
            alert_rollup_enabled=False,
            rule_enabled=False,
        )

    async def answers(self, tool: str, mode: Generation = "auto") -> list[CallToolResult]:
        """Return the answers of a tool: the preview and then the change if it requires a code."""
        async with self.connected(mode) as (client, names):
            if "LAST" in CALLS[tool].values():
                tagging: dict[str, JsonValue] = {
                    "dataset_id": self.home,
                    "event_ids": [names["FIRST"]],
                    "tags": [f"x {self.tag}"],
                }
                names["LAST"] = (await ask(client, "tag_threat_events", **tagging))["change_id"]
            first = await call(client, tool, names)
            data: dict[str, JsonValue] = dict(first.structured_content or {})
            code = data.get("code")
            return [first, *([await call(client, tool, names, confirm=code)] if isinstance(code, str) else [])]


async def call(client: Client, tool: str, names: Mapping[str, JsonValue], **more: JsonValue) -> CallToolResult:
    """Make the call of a tool in CALLS, which must succeed."""
    arguments = fill_in(CALLS[tool], names)
    assert isinstance(arguments, dict)
    result = await client.call_tool(tool, {**arguments, **more})
    assert not result.is_error, text_of(result.content)
    return result


def fill_in(value: JsonValue, names: Mapping[str, JsonValue]) -> JsonValue:
    """Replace the placeholders in capitals by their values."""
    match value:
        case str():
            text = value.replace('["HOME"]', json.dumps([names["HOME"]]))
            return names.get(text, text)
        case list():
            return [fill_in(item, names) for item in value]
        case dict():
            return {key: fill_in(item, names) for key, item in value.items()}
        case _:
            return value
