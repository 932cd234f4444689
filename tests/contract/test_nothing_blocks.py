"""Whatever an argument or an upstream holds, the server goes on answering other calls while it works on one.

The measure is not the duration of a call but how much this process computes between two turns of a heartbeat, in CPU
time relative to a fixed piece of work: neither other processes nor the machine change it much. Work in a thread does
not count, unless it keeps the loop from running (as one long match of a regular expression does).
"""

import json
from collections.abc import AsyncGenerator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from time import process_time
from typing import Any, Final

import anyio
import pytest
from mcp import Client
from pydantic import JsonValue

from cf1_mcp.api.wire.transport import network
from cf1_mcp.models import Tlp
from cf1_mcp.server.mcp_server import build_server
from cf1_mcp.settings import Credentials, Settings
from tests.conversations import text_of
from tests.upstreams import ACCOUNT, TOKEN, answer, upstream

pytestmark = pytest.mark.anyio

# The longest that one call may keep others waiting, in units: 1.8 s on a machine where a unit is 40 ms. Most calls need
# 1 to 5; answers with hundreds of thousands of values are parsed and validated in one piece.
MAX_HELD: Final = 45.0
MAX_ATTEMPTS: Final = 3
HOME = "d0000000-0000-4000-8000-000000000000"
EVENT = "e0000000-0000-4000-8000-000000000000"
OTHER = "e0000000-0000-4000-8000-000000000001"
MEGABYTE = 1_000_000


@dataclass
class Heartbeat:
    """How long the loop computed at a time, at most."""

    held: float = 0.0
    beats: int = 0
    last: float = field(default_factory=process_time)

    async def run(self) -> None:
        while True:
            now = process_time()
            self.held = max(self.held, now - self.last)
            self.last = now
            self.beats += 1
            await anyio.sleep(0.005)


@asynccontextmanager
async def heartbeat() -> AsyncGenerator[Heartbeat]:
    heart = Heartbeat()
    async with anyio.create_task_group() as group:
        group.start_soon(heart.run)
        await anyio.sleep(0.02)
        heart.held = 0.0
        yield heart
        await anyio.sleep(0.01)
        group.cancel_scope.cancel()


def work_for_one_unit() -> int:
    """Compute for as long as others may wait without notice."""
    return sum(number * number % 7 for number in range(600_000))


@cache
def unit() -> float:
    """The CPU seconds of one unit on this machine."""
    measured: list[float] = []
    for _ in range(5):
        start = process_time()
        work_for_one_unit()
        measured.append(process_time() - start)
    return min(measured)


def uuid(kind: str, number: int) -> str:
    return f"{kind}0000000-0000-4000-8000-{number:012x}"


def ok(result: object) -> bytes:
    return answer({"success": True, "errors": [], "messages": [], "result": result})


def event(number: int = 0, **fields: JsonValue) -> dict[str, JsonValue]:
    return {
        "uuid": uuid("e", number),
        "datasetId": HOME,
        "date": "2026-11-20T00:00:00Z",
        "createdAt": "2026-11-20T00:00:00Z",
        "event": f"event {number} " + "about something that happened " * 6,
        "attacker": f"Actor {number % 3_000}",
        "tlp": "green",
        "category": "Phishing",
        "tags": [f"tag {number}", "common"],
        "indicator": f"host{number}.example",
        "indicatorType": "domain",
        **fields,
    }


STRINGS: list[JsonValue] = [f"a short string {number}" for number in range(40_000)]
"""Case 16 of the guards: the evidence of one event."""
WORDS = "some words that are told about an event, "
LONG_TEXT = WORDS * (MEGABYTE // len(WORDS))
# What the pieces of patterns for hosts, addresses, dates and markup begin with.
HOSTILE_TEXT = (
    "a." * 20_000 + "@" * 20_000 + "[" * 20_000 + "hxxp" * 10_000 + "1." * 20_000 + "-" * 20_000 + "`~" * 10_000
) * 4

VOCABULARY: Final[Mapping[str, bytes]] = {
    "/events/dataset": ok(
        [{"uuid": uuid("d", number), "name": f"Dataset {number}" if number else "Home"} for number in range(1_000)]
    ),
    "/events/attackers": ok([f"Actor {number}" for number in range(5_000)]),
    "/events/categories/catalog": ok(
        [{"uuid": uuid("c", n), "name": f"Category {n}"} for n in range(3_000)] + [{"name": "Phishing"}]
    ),
    "/events/countries": ok([{"name": f"Country {n}", "alpha2": f"{n:x}", "alpha3": f"{n:x}"} for n in range(3_000)]),
    "/events/targetIndustries/catalog": ok([f"Industry {n}" for n in range(5_000)]),
    "/events/indicator-types": ok([*(f"type {n}" for n in range(5_000)), "domain"]),
    "/events/tags": ok(
        {
            "tags": [
                {"uuid": uuid("a", n), "value": f"tag {n}", "aliasGroupNames": [f"Alias {n} {m}" for m in range(5)]}
                for n in range(5_000)
            ],
            "pagination": {"totalCount": 5_000, "page": 1, "pageSize": 5_000},
        }
    ),
}
RED_TAGS = ok({"tags": [{"value": "red tag", "tlp": "red"}]})
# Of one request: more are asked in groups, each of which would get the same large answer.
FEW_DATASETS = ok([{"uuid": uuid("d", number), "name": f"Dataset {number}"} for number in range(40)])
PAGE = ok([event(number) for number in range(500)])
EVENTS: Final[Mapping[str, bytes]] = {
    "/events": PAGE,
    f"/events/{EVENT}": ok(event()),
    f"/events/{OTHER}": ok(event(1)),
    f"/events/dataset/{HOME}/events/{EVENT}": ok(event()),
    f"/events/dataset/{HOME}/events/{OTHER}": ok(event(1)),
    f"/events/datasets/{HOME}/events/{EVENT}/raw": ok({"id": "1", "data": {"a": STRINGS}, "tlp": "green"}),
    "/events/create": ok(event(7)),
    "/events/queries": ok([{"id": n, "name": f"query {n}", "query_json": "{}"} for n in range(3_000)]),
    "/events/queries/alerts": ok([]),
    "/events/indicators": ok({"indicators": [], "pagination": {"totalCount": 0, "page": 1, "pageSize": 25}}),
    "/events/aggregate": ok({"aggregations": [], "total": 0}),
}


@asynccontextmanager
async def server(tmp_path: Path, changed: Mapping[str, bytes], max_tlp: Tlp = Tlp.RED) -> AsyncGenerator[Client]:
    """A client of a server that may do everything, over an account with very many datasets, tags and names."""
    async with upstream(ok([])) as api:
        api.routes |= {**VOCABULARY, **EVENTS, **changed}
        base = f"http://127.0.0.1:{api.port}/client/v4"
        settings = Settings(
            credentials=Credentials(ACCOUNT, TOKEN),
            base_url=base,
            mode="full",
            max_tlp=max_tlp,
            write_datasets=("*",),
            delete_datasets=("*",),
            confirm_key=b"k" * 32,
            state_dir=tmp_path,
        )
        async with Client(build_server(settings, lambda: network(base))) as client:
            yield client


async def hold(client: Client, tool: str, arguments: Mapping[str, Any]) -> float:
    """Return for how many units a call kept others waiting, at most. It may succeed or be refused, but not time out.

    A call that needs too long is measured again, twice at most: a busy neighbour slows memory down only now and then.
    """
    held: list[float] = []
    while len(held) < MAX_ATTEMPTS and (not held or held[-1] > MAX_HELD):
        async with heartbeat() as heart:
            result = await client.call_tool(tool, dict(arguments))
        assert f"{tool} took longer than" not in text_of(result.content)
        held.append(round(heart.held / unit(), 1))
    return held[-1]


NEW: dict[str, JsonValue] = {"dataset_id": HOME, "category": "Phishing", "date": "1h", "event": "x", "tlp": "green"}
ROW = {name: value for name, value in NEW.items() if name != "dataset_id"}
UNKNOWN: list[JsonValue] = [f"tga {number} " + "ab" * 100 for number in range(100)]
GRAPHQL_FIELDS = "query { " + "a " * 4_900 + "}"
GRAPHQL_FRAGMENTS = "query { ...f0 } " + " ".join(
    f"fragment f{n} on Q {{ ...f{n + 1} ...f{n + 2} }}" for n in range(200)
)
GRAPHQL_ALIASES = "query { " + " ".join(f"a{n}: threatEvents(filter: [{{}}]) {{ x }}" for n in range(250)) + "}"

VARIABLES_AND_ALIASES: Final[Mapping[str, Any]] = {
    "query": "query ($v: [X!]) { " + " ".join(f"a{n}: threatEvents(filter: $v) {{ x }}" for n in range(200)) + " }",
    "variables": {"v": [{"field": "tlp", "op": "in", "value": ["green"]}] * 2_000},
}


def stix(*patterns: str) -> str:
    """Return a bundle with an indicator for each pattern."""
    number = "indicator--00000000-0000-4000-8000-{:012x}"
    indicators = [
        {"type": "indicator", "id": number.format(place), "pattern_type": "stix", "pattern": pattern}
        for place, pattern in enumerate(patterns)
    ]
    return json.dumps({"type": "bundle", "objects": indicators})


CALLS: Final[Mapping[str, tuple[str, Mapping[str, Any]]]] = {
    "40,000 strings as evidence": ("create_threat_event", {**NEW, "raw_data": {"a": STRINGS}}),
    "evidence of one long text": ("create_threat_event", {**NEW, "raw_data": {"a": LONG_TEXT[:900_000]}}),
    "a long text as title": ("create_threat_event", {**NEW, "event": LONG_TEXT}),
    "a hostile text as title": ("create_threat_event", {**NEW, "event": HOSTILE_TEXT}),
    "a long text as category": ("create_threat_event", {**NEW, "category": LONG_TEXT}),
    "a hostile indicator": ("create_threat_event", {**NEW, "indicator": HOSTILE_TEXT}),
    "a long date": ("create_threat_event", {**NEW, "date": "1" * MEGABYTE}),
    "a long marking": ("create_threat_event", {**NEW, "tlp": LONG_TEXT}),
    "a long name of an argument": ("search_threat_events", {LONG_TEXT: 1}),
    "a long column": ("search_threat_events", {"fields": ["x" * 200_000]}),
    "100 long columns": ("search_threat_events", {"fields": [f"{n}" + "ab" * 10_000 for n in range(100)]}),
    "unknown words in every filter": (
        "search_threat_events",
        dict.fromkeys(("attacker", "tags", "category", "target_industry", "attacker_country"), UNKNOWN),
    ),
    "conditions with unknown words": (
        "search_threat_events",
        {"conditions": [{"field": "tags", "op": "in", "value": UNKNOWN}] * 50},
    ),
    "long words in filters": ("search_threat_events", {"attacker": [LONG_TEXT], "tags": [HOSTILE_TEXT]}),
    "hostile indicators in a filter": ("search_threat_events", {"indicator": [HOSTILE_TEXT]}),
    "100 unknown datasets": ("search_threat_events", {"dataset_ids": [f"Datset {n}" + "x" * 500 for n in range(100)]}),
    "100 known datasets": ("search_threat_events", {"dataset_ids": [f"dataset {n}" for n in range(900, 1_000)]}),
    "a long name of a dataset": ("search_threat_events", {"dataset_ids": [LONG_TEXT]}),
    "a long cursor": ("search_threat_events", {"cursor": "A" * MEGABYTE}),
    "a long date of a search": ("search_threat_events", {"since": "1" * MEGABYTE}),
    "500 events": ("search_threat_events", {"limit": 500}),
    "a long id": ("get_threat_event", {"event_id": LONG_TEXT}),
    "evidence from upstream": ("get_threat_event", {"event_id": EVENT, "dataset_id": HOME, "include": ["raw"]}),
    "1,000 datasets": ("list_threat_datasets", {}),
    "5,000 tags": ("list_threat_vocabulary", {"kind": "tags", "limit": 500}),
    "a long part of a word": ("list_threat_vocabulary", {"kind": "tags", "contains": HOSTILE_TEXT}),
    "an unknown part of a word": ("list_threat_vocabulary", {"kind": "attackers", "contains": "actro 1777x"}),
    "GraphQL with many fields": ("query_threat_graphql", {"query": GRAPHQL_FIELDS}),
    "GraphQL with many fragments": ("query_threat_graphql", {"query": GRAPHQL_FRAGMENTS[:9_990]}),
    "GraphQL with many aliases": ("query_threat_graphql", {"query": GRAPHQL_ALIASES[:9_990]}),
    "GraphQL with large variables": (
        "query_threat_graphql",
        {"query": "query ($v: [String]) { threatEvents(datasetIds: $v) { x } }", "variables": {"v": STRINGS}},
    ),
    "GraphQL that uses large variables often": ("query_threat_graphql", VARIABLES_AND_ALIASES),
    "a hostile text to look up": ("lookup_indicators", {"text": HOSTILE_TEXT}),
    "a long text to look up": ("lookup_indicators", {"text": LONG_TEXT}),
    "40,000 indicators": ("lookup_indicators", {"indicators": [f"h{n}.example" for n in range(40_000)]}),
    "a long actor": ("profile_attacker", {"attacker": "Actro 1" * 10}),
    "a long file of CSV": ("import_threat_events", {"dataset_id": HOME, "content": "event,date\n" + "x,1h\n" * 100_000}),
    "a long file of JSON": ("import_threat_events", {"dataset_id": HOME, "content": json.dumps([{"event": x} for x in STRINGS])}),
    "a long line": ("import_threat_events", {"dataset_id": HOME, "content": HOSTILE_TEXT}),
    "500 rows in another case": ("import_threat_events", {"dataset_id": HOME, "rows": [{**ROW, "event": f"row {n}", "category": "PHISHING", "attacker": "ACTOR 4999", "target_industry": "INDUSTRY 4999"} for n in range(500)]}),
    "500 rows with an unknown word": ("import_threat_events", {"dataset_id": HOME, "rows": [{**ROW, "event": f"row {n}", "category": f"phshing {n}"} for n in range(500)]}),
    "STIX patterns without an end": ("import_threat_events", {"dataset_id": HOME, "format": "stix2", "content": stix(*["a" * 99_000] * 9)}),
    "other STIX patterns": ("import_threat_events", {"dataset_id": HOME, "format": "stix2", "content": stix("a:" + "a" * 90_000, "a:b IN ('" + "x','" * 20_000, "[a:b" + " " * 90_000, "a:b='" * 15_000, "[" * 90_000, "a-" * 45_000, "a:a'" * 20_000)}),
    "300,000 values of a wrong type": ("search_threat_events", {"attacker": [{"a": 1}] * 300_000}),
    "the same as a text": ("search_threat_events", {"attacker": json.dumps([{"a": 1}] * 300_000)}),
    "wrong types in a condition": ("search_threat_events", {"conditions": [{"field": "event", "op": "in", "value": [[{"a": 1}]] * 200_000}]}),
    "wrong types in rows": ("import_threat_events", {"dataset_id": HOME, "rows": [{**ROW, "parents": [{"x": n}] * 500} for n in range(500)]}),
    "unknown keys of a query": ("create_saved_query", {"name": "x", "query_json": json.dumps({"search": [{f"k{n}": n for n in range(200_000)}]})}),
    "wrong values of a query": ("create_saved_query", {"name": "x", "query_json": {"search": [{"field": "event", "op": "in", "value": [{"a": 1}] * 200_000}]}}),
    "branches of a query": ("create_saved_query", {"name": "x", "query_json": json.dumps({"searchBranches": [[{}] * 3] * 30_000})}),
    "a chain of 500 rows": ("import_threat_events", {"dataset_id": HOME, "rows": [{**ROW, "event": f"row {n}", "ref": f"r{n}", "parents": [{"ref": f"r{n + 1}"}]} for n in range(500)]}),
    "500 rows of unknown parents": ("import_threat_events", {"dataset_id": HOME, "rows": [{**ROW, "event": f"row {n}", "ref": f"r{n}", "parents": [{"ref": "q" * 80 + str(m)} for m in range(50)]} for n in range(500)]}),
    "500 long rows": ("import_threat_events", {"dataset_id": HOME, "rows": [{**ROW, "event": HOSTILE_TEXT[:20_000]} for _ in range(500)]}),
    "a full file of CSV": ("import_threat_events", {"dataset_id": HOME, "content": "event,date,category,tlp\n" + "x,1h,phishing,green\n" * 49_000}),
    "a full file of lines": ("import_threat_events", {"dataset_id": HOME, "content": (json.dumps({**ROW}) + "\n") * 10_000}),
    "1,000 rows": ("import_threat_events", {"dataset_id": HOME, "rows": [{**NEW, "event": f"row {n}", "category": "phishing"} for n in range(1_000)]}),
    "40,000 tags": ("tag_threat_events", {"dataset_id": HOME, "event_ids": [EVENT], "tags": STRINGS}),
    "100 long tags": ("tag_threat_events", {"dataset_id": HOME, "event_ids": [EVENT], "tags": [f"{n}" + "x" * 500 for n in range(100)]}),
    "unknown tags to remove": ("untag_threat_events", {"dataset_id": HOME, "event_ids": [EVENT], "tags": UNKNOWN}),
    "40,000 ids": ("delete_threat_events", {"dataset_id": HOME, "event_ids": [uuid("e", n) for n in range(40_000)]}),
    "a long saved query": ("create_saved_query", {"name": LONG_TEXT, "query_json": json.dumps({"datasetId": ["all"], "search": STRINGS})}),
    "an unknown saved query": ("list_saved_queries", {"query_id": LONG_TEXT}),
    "a long id of a change": ("list_changes", {"change_id": LONG_TEXT}),
}  # fmt: skip


async def test_no_argument_keeps_others_waiting(tmp_path: Path) -> None:
    held: dict[str, float] = {}
    async with server(tmp_path, {}) as client:
        # The vocabularies are read, and the texts of 500 events are remembered, once for all calls.
        await client.call_tool("search_threat_events", {"limit": 500})
        for name, (tool, arguments) in CALLS.items():
            held[name] = await hold(client, tool, arguments)
    assert {name: units for name, units in held.items() if units > MAX_HELD} == {}


async def test_no_query_keeps_others_waiting_while_it_is_checked(tmp_path: Path) -> None:
    async with server(tmp_path, {}, Tlp.AMBER) as client:
        queries = [arguments for tool, arguments in CALLS.values() if tool == "query_threat_graphql"]
        held = [await hold(client, "query_threat_graphql", arguments) for arguments in queries]
    assert len(held) > 3 and max(held) <= MAX_HELD


def nested(depth: int) -> str:
    return "[" * depth + "]" * depth


GREEN = ["clear", "green", "amber"]
COUNT = f'query {{ threatEvents(datasetIds: ["all"], filter: [{{field: tlp, op: in, value: {json.dumps(GREEN)}}}]) {{ x }} }}'
RAW = f"/events/datasets/{HOME}/events/{EVENT}/raw"
GET_RAW = {"event_id": EVENT, "dataset_id": HOME, "include": ["raw"]}
RELATED = f"/events/by-id/{EVENT}/relationships"

# A pattern that matches almost, in as many ways as possible.
TAG_PATTERN = {
    "conditions": [
        {"field": "tags", "op": "like", "value": ["%_" * 20 + "!"], "group": 0},
        {"field": "event", "op": "startsWith", "value": ["event"], "group": 1},
    ]
}
LISTS: list[JsonValue] = [[] for _ in range(140_000)]

UPSTREAMS: Final[Mapping[str, tuple[str, Mapping[str, Any], str, bytes]]] = {
    "a page of long texts": ("search_threat_events", {"limit": 500, "fields": ["event"]}, "/events", ok([event(n, event=HOSTILE_TEXT[:150_000]) for n in range(100)])),
    "one text of 20 MB": ("search_threat_events", {}, "/events", ok([event(event=LONG_TEXT * 20)])),
    "one text of 20 MB of blanks": ("search_threat_events", {}, "/events", ok([event(event=" " * 20 * MEGABYTE)])),
    "one invisible text": ("search_threat_events", {}, "/events", ok([event(event="\u200b" * 3 * MEGABYTE)])),
    "an event of long fields": ("get_threat_event", {"event_id": EVENT, "dataset_id": HOME}, f"/events/dataset/{HOME}/events/{EVENT}", ok(event(event=HOSTILE_TEXT, attacker=HOSTILE_TEXT, insight=LONG_TEXT * 5, tags=STRINGS))),
    "events of 40,000 tags": ("search_threat_events", {"fields": ["tags"]}, "/events", ok([event(n, tags=STRINGS) for n in range(20)])),
    "a text of brackets": ("search_threat_events", {"fields": ["event"]}, "/events", ok([event(event='[{"\\' * 900_000)])),
    "a tag and a pattern": ("search_threat_events", TAG_PATTERN, "/events", ok([event(tags=["red tag", "campaign-of-the-north-wind-2026-of-long-ago"])])),
    "140,000 lists": ("get_threat_event", GET_RAW, RAW, ok({"id": "1", "data": {"a": LISTS}})),
    "990,000 numbers": ("get_threat_event", GET_RAW, RAW, ok({"id": "1", "data": {"a": [0] * 990_000}})),
    "too many values": ("get_threat_event", GET_RAW, RAW, ok({"id": "1", "data": {"a": ["x"] * 2_000_000}})),
    "500,000 words": ("get_threat_event", GET_RAW, RAW, ok({"id": "1", "data": {"a": ["x"] * 500_000}})),
    "200,000 keys": ("get_threat_event", GET_RAW, RAW, ok({"id": "1", "data": {f"k{n}": n for n in range(200_000)}})),
    "a long text as evidence": ("get_threat_event", GET_RAW, RAW, ok({"id": "1", "data": {"a": HOSTILE_TEXT * 5}})),
    "evidence as text": ("get_threat_event", GET_RAW, RAW, ok({"id": "1", "data": nested(50_000)})),
    "deep evidence": ("get_threat_event", GET_RAW, RAW, ok(None).replace(b"null", b'{"id": "1", "data": {"a": ' + nested(900).encode() + b"}}")),
    "deeper evidence": ("get_threat_event", GET_RAW, RAW, ok(None).replace(b"null", nested(10_000).encode())),
    "GraphQL data of 140,000 objects": ("query_threat_graphql", {"query": COUNT}, "/v2/events/graphql", answer({"data": {"threatEvents": [{"a": 1}] * 140_000}})),
    "a GraphQL error of 12 MB": ("query_threat_graphql", {"query": COUNT}, "/v2/events/graphql", answer({"errors": [{"message": HOSTILE_TEXT * 20}], "data": None})),
    "100,000 GraphQL errors": ("query_threat_graphql", {"query": COUNT}, "/v2/events/graphql", answer({"errors": [{"message": "no"}] * 100_000, "data": None})),
    "an error of 12 MB": ("search_threat_events", {}, "/events", answer({"success": False, "errors": [{"message": HOSTILE_TEXT * 20}]}, "400 No")),
    "100,000 errors": ("search_threat_events", {}, "/events", answer({"success": False, "errors": [{"message": "no"}] * 100_000}, "400 No")),
    "10,000 names of datasets": ("search_threat_events", {"dataset_ids": ["nowhere at all"]}, "/events/dataset", ok([{"uuid": uuid("d", n), "name": f"somewhere at {n}" * 8} for n in range(10_000)])),
    "long names of actors": ("search_threat_events", {"attacker": ["nobody"]}, "/events/attackers", ok([f"somebody {n}" * 500 for n in range(5_000)])),
    "one actor of 50,000 names": ("search_threat_events", {"attacker": ["alias 77"]}, "/events/tags", ok({"tags": [{"value": "x", "aliasGroupNames": [f"alias {n}" for n in range(50_000)]}]})),
    "20,000 tags": ("list_threat_vocabulary", {"kind": "tags"}, "/events/tags", ok({"tags": [{"value": f"tag {n}"} for n in range(20_000)]})),
    "50,000 words": ("list_threat_vocabulary", {"kind": "attackers", "contains": "nothing of all this"}, "/events/attackers", ok([f"nothing of this {n}" for n in range(50_000)])),
    "20,000 saved queries": ("list_saved_queries", {}, "/events/queries", ok([{"id": n, "name": f"query {n}", "query_json": json.dumps({"datasetId": ["all"], "search": []})} for n in range(20_000)])),
    "a saved query of 1 MB": ("list_saved_queries", {}, "/events/queries", ok([{"id": 1, "name": "q", "query_json": json.dumps({"datasetId": STRINGS, "search": []})}])),
    "50,000 related events": ("list_related_threat_events", {"event_id": EVENT, "dataset_id": HOME}, RELATED, ok([event(n) for n in range(10_000)])),
    "60,000 groups": ("aggregate_threat_events", {"columns": ["attacker"]}, "/events/aggregate", ok({"aggregations": [{"value": f"Actor {n}", "count": n} for n in range(60_000)], "total": 60_000})),
}  # fmt: skip


@pytest.mark.parametrize("name", UPSTREAMS)
async def test_no_upstream_keeps_others_waiting(tmp_path: Path, name: str) -> None:
    tool, arguments, path, body = UPSTREAMS[name]
    changed, max_tlp = {"/events/dataset": FEW_DATASETS, path: body}, Tlp.RED
    if arguments is TAG_PATTERN:
        changed, max_tlp = {**changed, "/events/tags": RED_TAGS}, Tlp.AMBER
    async with server(tmp_path, changed, max_tlp) as client:
        assert await hold(client, tool, arguments) <= MAX_HELD


async def test_the_heartbeat_notices_work_on_the_loop() -> None:
    async with heartbeat() as heart:
        work_for_one_unit()
        await anyio.sleep(0.01)
    assert heart.held > unit() / 2
