"""Calls of the reading tools other than search, of resources, completions and prompts."""

import json
from collections.abc import Iterator, Sequence
from itertools import combinations
from typing import Final

from mcp.types import PromptReference, ResourceTemplateReference
from pydantic import JsonValue

from cf1_mcp.api.vocabulary import KINDS
from cf1_mcp.exports import FORMATS
from cf1_mcp.server.resources import DATASETS_ADDRESS, EVENT_ADDRESS, GUIDE_ADDRESS
from tests.non_interference.calls import (
    Call,
    CompletionCall,
    EveryChange,
    ExportCall,
    Listings,
    PromptCall,
    ResourceRead,
    ToolCall,
)
from tests.non_interference.contents import (
    VENDOR,
    dataset_id,
    dataset_of,
    hidden_indicators_of,
    indicators_of,
    visible_id,
)
from tests.tenant import MINE

COLUMNS: Final = (
    "attacker", "attackerCountry", "category", "indicatorType", "killChain", "targetCountry", "targetIndustry", "tlp",
)  # fmt: skip
WORDS: Final = ("COPPER LANTERN", "Velvet Heron", "Obsidian Quill", "COPPER LATHE", "Obsidian Quil", "Velvet Her", "x")
VISIBLE_INDICATORS: Final = [value for number in range(20) for value, _ in indicators_of(number)]
HIDDEN_INDICATORS: Final = [value for number in range(1, 30) for value, _ in hidden_indicators_of(number)]
UNKNOWN_INDICATORS: Final = [f"host{number}.unknown.example" for number in range(150)]
TEXT: Final = (
    "The mail came from mail0[.]harbour[.]example and nightjar1[.]quarry[.]example, with 198.51.100[.]1 behind it, "
    "and hxxp://relay6[.]example[.]net/a.php. See CVE-2099-10002 and desk3@billing.example."
)
MARKED: Final = '{field: tlp, op: in, value: ["clear", "green", "amber"]}'


def aggregates() -> Iterator[Call]:
    """Every column, pairs of columns, each period, filters and limits."""
    for column in (*COLUMNS, "attacker_country", "mitreAttack"):
        yield _aggregate([column])
        yield _aggregate([column], since="20d", limit=2)
    for pair in combinations(COLUMNS, 2):
        yield _aggregate([*pair], limit=30)
    yield _aggregate(["attacker", "category", "targetCountry"], limit=500)
    yield _aggregate(["category"], since="2020-01-01", until="2020-02-01")
    yield _aggregate(["category"], until="30d", limit=1)
    for column in ("category", "tlp", "attacker"):
        yield _aggregate([column], by="day")
        yield _aggregate([column], by="day", since="7d", limit=3)
        yield _aggregate([column], by="month", target_industry=["banks", "Energy & Utilities"])
    for by in ("day", "week", "month"):
        yield _aggregate([], by=by)
        yield _aggregate([], by=by, since="60d", until="3d", tlp=["green", "red"])
        yield _aggregate(["category"], by=by, text="login", limit=4)
    narrowing: list[dict[str, JsonValue]] = [
        {"attacker": ["copper lantern", "zzqq"]},
        {"tags": ["ransomware", "T1566.001"]},
        {"indicator": ["192.0.2.1"]},
        {"indicator_type": ["ip"], "category": ["phishing"]},
        {"mitre_attack": ["T1566"], "target_country": ["Germany", "EU"]},
        {"text": "the"},
    ]
    for filters in narrowing:
        yield _aggregate(["attacker"], **filters)
        yield _aggregate(["tlp"], since="30d", **filters)
    for scope in ("operational", "analytics", MINE, VENDOR):
        yield _aggregate(["attacker"], dataset_ids=[scope])


def graphql() -> Iterator[Call]:
    """Counts with and without the condition on markings, other conditions, introspection, lists and mistakes."""
    scope = f"datasetIds: {json.dumps([dataset_id(MINE), dataset_id(VENDOR)])}"
    for column in (
        "attacker",
        "category",
        "tags",
        "tlp",
        "targetIndustry",
        "datasetId",
        "indicatorType",
        "mitreAttack",
    ):
        groups = f"total groups {{ {column} count }}"
        yield _graphql(f"threatEvents(groupBy: [{column}], {scope}, filter: [{MARKED}]) {{ {groups} }}")
    for condition in (
        '{field: event, op: startsWith, value: ["Invoice lure from n"]}',
        '{field: attacker, value: ["Obsidian Quill"]}',
        '{field: indicator, op: contains, value: ["nightjar"]}',
        '{field: tags, value: ["operation-nightjar"]}',
        '{field: hasChildren, value: ["true"]}',
    ):
        arguments = f"groupBy: [category], {scope}, limit: 3"
        yield _graphql(
            f"threatEvents({arguments}, filter: [{MARKED}, {condition}]) {{ total groups {{ category count }} }}"
        )
        yield _graphql(f"threatEvents({arguments}, filter: [{condition}]) {{ total }}")
    yield _graphql(f"threatEvents(groupBy: [attacker], {scope}, daily: true, filter: [{MARKED}]) {{ total }}")
    yield _graphql(f"threatEvents(groupBy: [attacker], filter: [{MARKED}]) {{ total }}")
    yield _graphql(f'threatEvents(groupBy: [attacker], datasetIds: ["nothing"], filter: [{MARKED}]) {{ total }}')
    yield _graphql("datasets { uuid name }")
    yield _graphql("__schema { queryType { fields { name args { name } } } }")
    yield _graphql('__type(name: "Column") { enumValues { name } }')
    yield _graphql("nothing { here }")


def lookups() -> Iterator[Call]:
    """Indicators of visible, of withheld and of no events: one, some, many, in a text, by pages and columns."""
    for values in (VISIBLE_INDICATORS[:1], HIDDEN_INDICATORS[:1], UNKNOWN_INDICATORS[:1], HIDDEN_INDICATORS[:6]):
        yield _lookup(indicators=[*values])
    mixed: list[JsonValue] = [*VISIBLE_INDICATORS, *HIDDEN_INDICATORS, *UNKNOWN_INDICATORS[:10]]
    many: list[JsonValue] = [*mixed, *UNKNOWN_INDICATORS]
    yield _lookup(indicators=mixed)
    yield _lookup(indicators=mixed, limit=10, fields=["indicator", "status", "events", "event_ids", "datasets"])
    yield _lookup(indicators=many, limit=100)
    for only in ("known", "all"):
        yield _lookup(indicators=mixed, only=only, since="10d")
        yield _lookup(indicators=many, only=only, since="10d", limit=30)
        yield _lookup(text=TEXT, only=only)
    yield _lookup(text=TEXT, dataset_ids=[VENDOR])
    yield _lookup(indicators=["quarry.example", "http://nightjar1.quarry.example/x", "203.0.113.0/24", "AS64502"])
    yield _lookup(indicators=["http://mail0.harbour.example/pay", "198.51.100.0/24"])


def profiles() -> Iterator[Call]:
    """Visible, withheld and misspelt names, over several periods, alone and compared."""
    for name in WORDS:
        for period in ({}, {"since": "30d"}, {"since": "2026-10-01", "until": "2026-10-20"}):
            yield ToolCall("profile_attacker", {"attacker": name, **period})
        yield ToolCall("profile_attacker", {"attacker": "Ashen Rook", "compare": name})
    yield ToolCall("profile_attacker", {"attacker": "Ashen Rook", "dataset_ids": [VENDOR]})
    for name in ACTOR_NAMES:
        yield ToolCall("profile_attacker", {"attacker": name, "since": "30d"})


ACTOR_NAMES: Final = ("Quill Hand", "Rook Hand", "Heron Hand", "heron hanb")
"""Names that only the catalogue of actors has, of visible and of withheld entries and attackers."""


def relations() -> Iterator[Call]:
    """Visible events, linked and not, with everything around them."""
    for number in (0, 1, 2, 4, 5, 10, 11, 12, 13, 14, 15, 50):
        named: dict[str, JsonValue] = {"event_id": visible_id(number), "dataset_id": dataset_of(number)}
        for direction in ("ancestors", "descendants", "both"):
            for depth in (1, 2, 5):
                arguments: dict[str, JsonValue] = {"direction": direction, "max_depth": depth, "limit": 2}
                yield ToolCall("list_related_threat_events", {**named, **arguments})
        yield ToolCall("list_related_threat_events", {"event_id": visible_id(number)})
        yield ToolCall("list_related_threat_events", {**named, "relationship_types": ["related_to"], "limit": 100})
        yield ToolCall("get_threat_event", {**named, "include": ["raw", "relationships"]})
        yield ToolCall("get_threat_event", {"event_id": visible_id(number)})
        yield ResourceRead(f"cf1://events/{str(named['dataset_id']).replace(' ', '%20')}/{named['event_id']}")


def vocabularies() -> Iterator[Call]:
    """Every vocabulary, whole, in pages and by parts of words; the datasets, saved queries, alerts and the guide."""
    for kind in (*KINDS, "search_guide"):
        yield ToolCall("list_threat_vocabulary", {"kind": kind})
        yield ToolCall("list_threat_vocabulary", {"kind": kind, "limit": 2})
        for part in ("nightjar", "a", "Obsidian Q", "Orbital Minin", "Deep", "Yours", "as", "vendor rep"):
            yield ToolCall("list_threat_vocabulary", {"kind": kind, "contains": part})
    for address in (DATASETS_ADDRESS, GUIDE_ADDRESS):
        yield ResourceRead(address)
    yield ToolCall("list_threat_datasets")
    yield Listings()


def watches() -> Iterator[Call]:
    """Saved queries and alerts, in lists and one by one."""
    for noun in ("saved_queries", "query_alerts"):
        yield ToolCall(f"list_{noun}")
        for number in (1, 2, 99):
            argument = "query_id" if noun == "saved_queries" else "alert_id"
            yield ToolCall(f"list_{noun}", {argument: number})


def journals() -> Iterator[Call]:
    """The changes, in pages of several sizes."""
    for limit in (1, 2, 20):
        yield EveryChange(limit)
    yield ToolCall("list_changes", {"change_id": "c-00000-00000"})
    yield ToolCall("undo_change", {"change_id": "c-00000-00000"})


def completions() -> Iterator[Call]:
    """Beginnings of visible and withheld words, for every argument that has completions."""
    event = ResourceTemplateReference(uri=EVENT_ADDRESS)
    prompts = {"profile_attacker": "attacker", "curate_dataset": "dataset", "weekly_brief": "target"}
    arguments = [(PromptReference(name=prompt), argument) for prompt, argument in prompts.items()]
    for name in ("tag", "category", "country", "indicator_type"):
        arguments.append((PromptReference(name="profile_attacker"), name))
    for reference, argument in [*arguments, (event, "dataset_id"), (event, "event_id")]:
        for typed in ("", "o", "Obsidian", "COPPER LA", "Orbital", "nightjar", "Deep Sa", "Yo", "Mine", "vendor"):
            yield CompletionCall(reference, argument, typed)
    for prompt, argument in prompts.items():
        for word in ("Obsidian Quill", "Yours"):
            yield PromptCall(prompt, {argument: word, **({"goal": "tidy"} if argument == "dataset" else {})})


def exports() -> Iterator[Call]:
    """Every format, of everything, of withheld words, by saved queries and up to several markings."""
    for name in FORMATS:
        kinds: Sequence[JsonValue] = ("domain", "ip") if name in ("blocklist", "gateway") else (None,)
        for kind in kinds:
            chosen: dict[str, JsonValue] = {"format": name, "kind": kind}
            yield ExportCall({**chosen, "handling": "amber"})
            yield ExportCall({**chosen, "attacker": ["Obsidian Quill"], "handling": "amber"})
            yield ExportCall({**chosen, "query_id": "Nightjar words", "handling": "amber"})
    yield ExportCall({"format": "csv", "query_id": 2, "handling": "amber", "tags": ["operation-nightjar"]})
    yield ExportCall({"format": "csv", "since": "20d", "category": ["Phishing"]})
    yield ExportCall({"format": "csv", "text": "nightjar", "handling": "red"})
    yield ExportCall({"format": "stix2", "dataset_ids": [VENDOR], "handling": "amber"})


def _aggregate(columns: list[JsonValue], **arguments: JsonValue) -> Call:
    return ToolCall("aggregate_threat_events", {"columns": columns, **arguments})


def _graphql(fields: str) -> Call:
    return ToolCall("query_threat_graphql", {"query": f"{{ {fields} }}"})


def _lookup(**arguments: JsonValue) -> Call:
    return ToolCall("lookup_indicators", arguments)
