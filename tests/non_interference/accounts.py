"""The compared tenants: built from contents, and grouped by the rule under which they must be indistinguishable."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import anyio
import httpx
from pydantic import JsonValue

from cf1_mcp.models import Tlp
from cf1_mcp.sandbox.storage.event_files import load_records
from cf1_mcp.sandbox.storage.event_links import add_reference, add_relationship
from cf1_mcp.sandbox.storage.event_writes import require_event_id
from cf1_mcp.sandbox.storage.query_tables import create_alert, create_query
from cf1_mcp.sandbox.storage.sandbox_database import SandboxDatabase
from cf1_mcp.sandbox.storage.vocabulary_tables import VocabularyIds
from cf1_mcp.settings import Settings
from tests.canned_answers import copy_event
from tests.conversations import ask
from tests.non_interference.contents import (
    ACTORS,
    CATALOGUED,
    COPIED,
    ELSEWHERE,
    FEW,
    LINKED,
    LINKED_ELSEWHERE,
    MANY,
    NOTHING,
    ODD_MARKINGS,
    ONLY_PARENTS,
    RED_ACTORS,
    RED_TAG,
    TAGGED,
    VENDOR,
    VISIBLE_LINKS,
    Content,
    dataset_of,
    event_id,
    visible_id,
    visible_records,
)
from tests.tenant import MINE, NOW, Tenant

QUERIES: Final = ("Lanterns", "All phishing", "Blocked lures", "Nightjar words", "Both datasets")
"""The saved queries that every tenant has; their ids are 1, 2, 3 ..."""


LISTED: Final[Mapping[str, object]] = {"read_datasets": (MINE, VENDOR)}
LINK_FAMILIES: Final = (
    "pages", "conditions on hasChildren", "graphql", "profiles", "relations", "exports", "removals", "reverts",
)  # fmt: skip
# Changes of events with copies elsewhere are refused, which tells a writer of them: SECURITY.md says so.
COPY_FAMILIES: Final = tuple(name for name in LINK_FAMILIES if name != "removals")
TAG_FAMILIES: Final = (
    "conditions on tags", "filters", "pages", "graphql", "profiles", "relations", "vocabularies", "completions",
    "exports", "removals",
)  # fmt: skip
ACTOR_FAMILIES: Final = ("conditions on attacker", "pages", "profiles", "vocabularies", "completions", "exports")


@dataclass(frozen=True)
class Rule:
    """One way to withhold: the settings that do, and what tenants hold that differ only in what these withhold.

    `families` are the calls to compare, by default all.
    """

    name: str
    settings: Mapping[str, object]
    contents: Mapping[str, Content]
    families: tuple[str, ...] = ()


RULES: Final = (
    Rule("ceiling", {}, {"nothing": NOTHING, "few": FEW, "many": MANY}),
    Rule("read list", LISTED, {"nothing": NOTHING, "elsewhere": ELSEWHERE}),
    Rule("links", LISTED, {"nothing": NOTHING, "marked": LINKED, "elsewhere": LINKED_ELSEWHERE}, LINK_FAMILIES),
    Rule("copies", LISTED, {"nothing": NOTHING, "copied": COPIED}, COPY_FAMILIES),
    Rule("only children", {}, {"nothing": NOTHING, "parents": ONLY_PARENTS}, LINK_FAMILIES),
    Rule("red tags", {}, {"nothing": NOTHING, "tagged": TAGGED}, TAG_FAMILIES),
    Rule("red actors", {}, {"nothing": NOTHING, "catalogued": CATALOGUED}, ACTOR_FAMILIES),
)


class MarkedTags(httpx.AsyncBaseTransport):
    """The sandbox with markings in its list of tags, which it does not have itself: RED_TAG is red."""

    def __init__(self, sandbox: httpx.AsyncBaseTransport) -> None:
        self._sandbox = sandbox

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        response = await self._sandbox.handle_async_request(request)
        if not request.url.path.endswith("/events/tags"):
            return response
        answer = json.loads(await response.aread())
        for tag in answer["result"]["tags"]:
            tag["tlp"] = "red" if tag["value"] == RED_TAG else ""
        headers = {name: value for name, value in response.headers.items() if name != "content-length"}
        body = httpx.ByteStream(json.dumps(answer).encode())
        return httpx.Response(response.status_code, headers=headers, stream=body)


class ComparedTenant(Tenant):
    """A tenant whose API also tells the markings of tags."""

    def connect(self) -> httpx.AsyncBaseTransport:
        return MarkedTags(super().connect())


async def build_tenant(folder: Path, content: Content) -> Tenant:
    """Return a tenant with the visible events and these. Visible events come first, so their row ids are the same."""
    await anyio.Path(folder).mkdir(parents=True)
    store = SandboxDatabase.open(clock=lambda: NOW)
    store.actors = [*ACTORS, *(RED_ACTORS if content.red_actors else ())]
    for name in (MINE, VENDOR):
        store.add_dataset(name)
    load_records(store, visible_records(content))
    for name in content.datasets:
        store.add_dataset(name)
    load_records(store, content.withheld)
    with store.transaction() as db:
        for link in (*VISIBLE_LINKS, *content.links):
            start, end = (require_event_id(db, _find_id(content, ref)) for ref in link[:2])
            if link[2]:
                add_relationship(db, start, end, link[2])
            else:
                add_reference(db, start, end)
    if content.odd:
        _respell_markings(store, content)
    tenant = ComparedTenant(folder, store=store)
    for number in content.copied:
        await copy_event(tenant, visible_id(number), dataset_of(number), content.datasets[-1])
    _add_queries(tenant, content)
    await _work(tenant, content)
    tenant.log.clear()
    return tenant


def settings_for(tenant: Tenant, rule: Rule, **changed: object) -> Settings:
    """The settings of a server that reads under a rule. It may change everything, so that changes can be previewed."""
    datasets: dict[str, object] = {"write_datasets": (MINE, VENDOR), "delete_datasets": (MINE, VENDOR)}
    return tenant.allowed(**{**datasets, **rule.settings, **changed})


def _find_id(content: Content, ref: str) -> str:
    if ref.startswith("v"):
        return visible_id(int(ref[1:]))
    return event_id(ref, next(one.dataset for one in content.withheld if one.ref == ref))


def _respell_markings(store: SandboxDatabase, content: Content) -> None:
    """Give every second withheld event a marking in an odd spelling, which the API's own checks would refuse."""
    with store.transaction() as db:
        terms = VocabularyIds(db)
        for number, record in enumerate(content.withheld):
            if number % 2:
                marking = terms.term_id("tlp", ODD_MARKINGS[number // 2 % len(ODD_MARKINGS)])
                row = require_event_id(db, event_id(record.ref, record.dataset))
                db.execute("UPDATE event SET tlp = ? WHERE id = ?", (marking, row))


def _add_queries(tenant: Tenant, content: Content) -> None:
    mine, vendor = tenant.dataset_id(MINE), tenant.dataset_id(VENDOR)
    searches: dict[str, tuple[list[str], list[tuple[str, str, str]]]] = {
        "Lanterns": ([mine], [("attacker", "equals", "COPPER LANTERN")]),
        "All phishing": (["all"], [("category", "equals", "Phishing")]),
        "Blocked lures": ([mine], [("event", "startsWith", "Invoice lure")]),
        "Nightjar words": ([mine], [("event", "contains", "nightjar")]),
        "Both datasets": ([mine, vendor], [("indicatorType", "equals", "domain")]),
    }
    assert tuple(searches) == QUERIES
    for name in content.datasets[-1:]:
        searches[f"Words of {name}"] = ([tenant.dataset_id(name)], [("event", "contains", "quarry")])
    with tenant.store.transaction() as db:
        for number, (name, (datasets, conditions)) in enumerate(searches.items(), 1):
            search = [{"field": field, "op": op, "value": value} for field, op, value in conditions]
            flags = {"alert_enabled": number % 2 == 1, "alert_rollup_enabled": False, "rule_enabled": number == 3}
            query_json = json.dumps({"datasetId": datasets, "search": search})
            create_query(db, {"name": name, "query_json": query_json, **flags}, tenant.store.now())
        for number in (1, 2, *range(len(QUERIES) + 1, len(searches) + 1)):
            create_alert(db, {"query_id": number, "frequency": "daily"}, tenant.store.now())


async def _work(tenant: Tenant, content: Content) -> None:
    """Fill the journal: changes of visible events, with changes of withheld ones by a colleague between them."""
    everything = tenant.allowed(max_tlp=Tlp.RED, write_datasets=("*",), delete_datasets=("*",))
    async with tenant.server(everything) as client:
        for number in (20, 21, 23):
            arguments: dict[str, JsonValue] = {
                "dataset_id": dataset_of(number),
                "event_ids": [visible_id(number)],
                "tags": ["reviewed"],
            }
            await ask(client, "tag_threat_events", **arguments)
            for record in content.withheld[number - 20 : content.worked_on : 3]:
                hidden: dict[str, JsonValue] = {
                    "dataset_id": record.dataset,
                    "event_ids": [event_id(record.ref, record.dataset)],
                }
                await ask(client, "tag_threat_events", **hidden, tags=[f"nightjar-{record.ref}"])
