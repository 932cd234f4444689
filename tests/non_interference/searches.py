"""Calls of search_threat_events: every field with every operator that it allows, typed filters, pages and periods."""

from collections.abc import Iterator
from typing import Final

from pydantic import JsonValue

from cf1_mcp.models import SearchField
from cf1_mcp.models.fields import COLUMNS, FILTERS, SEARCHABLE
from tests.non_interference.accounts import QUERIES
from tests.non_interference.calls import ToolCall
from tests.non_interference.contents import VENDOR, event_id, visible_id
from tests.tenant import MINE

SEARCH: Final = "search_threat_events"
WHOLE: Final = ("equals", "not", "in")
PARTIAL: Final = ("contains", "startsWith", "endsWith", "find", "like")

Values = tuple[str, str, str]
WHOLE_VALUES: Final[dict[SearchField, Values]] = {
    "attacker": ("COPPER LANTERN", "Obsidian Quill", "Obsidian Quil"),
    "attackerCountry": ("NL", "KZ", "Kazakstan"),
    "category": ("Ransomware", "Deep Sabotage", "Deep Sabotag"),
    "createdAt": ("2026-11-24T12:00:00Z", "2026-11-24T11:40:00Z", "2026-11-23T00:00:00Z"),
    "date": ("2026-11-23T06:00:00Z", "2026-11-23T05:40:00Z", "2026-11-23T00:00:00Z"),
    "event": ("Invoice lure from billing desk 0", "Invoice lure from nightjar ministry 0", "Zephyr vault"),
    "hasChildren": ("true", "false", "1"),
    "indicator": ("mail0.harbour.example", "nightjar1.quarry.example", "nightjar1.quarri.example"),
    "indicatorType": ("domain", "asn", "asnn"),
    "killChain": ("3", "7", "0"),
    "mitreAttack": ("T1566", "T1052", "T9999"),
    "mitreCapec": ("98", "439", "1"),
    "tags": ("invoice-lure", "operation-nightjar", "operation-nightjer"),
    "targetCountry": ("DE", "UY", "Uruguai"),
    "targetIndustry": ("Healthcare", "Orbital Mining", "Orbital Minin"),
    "tlp": ("green", "red", "amber+strict"),
    "uuid": (visible_id(1), visible_id(4), visible_id(3)),
}
"""For each field: a value of visible events, one that only withheld events have, and a misspelt or unknown one.

The uuids are those of visible events: whoever asks for one withheld event may be told the rule that withholds it.
"""

PARTS: Final[dict[SearchField, Values]] = {
    "attacker": ("COPPER L", "Quill", "COPPER LATH"),
    "attackerCountry": ("Nether", "Kaz", "KAZ"),
    "category": ("Ransom", "Deep", "Sabot"),
    "createdAt": ("2026-11-2", "2026-11-24T11:40", "T11:40:00Z"),
    "date": ("2026-11-1", "2026-11-23T05:4", ":40:00Z"),
    "event": ("Invoice lure from", "Invoice lure from n", "implant 1"),
    "indicator": ("harbour.example", "nightjar", "quarry.example"),
    "indicatorType": ("dom", "as", "cv"),
    "mitreAttack": ("T15", "T1052", "TA0"),
    "mitreCapec": ("9", "43", "16"),
    "tags": ("lure", "operation-", "operation-night"),
    "targetCountry": ("Ger", "Uru", "URY"),
    "targetIndustry": ("Health", "Orbital", "Marit"),
    "tlp": ("gre", "re", "strict"),
    "uuid": (visible_id(1)[:4], event_id("w0")[:6], event_id("w100")[:8]),
}
GROUPS: Final[tuple[tuple[tuple[SearchField, str, str], ...], ...]] = (
    (("attacker", "equals", "Obsidian Quill"), ("category", "equals", "Ransomware")),
    (("event", "startsWith", "Zephyr"), ("event", "startsWith", "Files")),
    (("tags", "equals", "operation-nightjar"), ("targetIndustry", "equals", "Orbital Mining")),
    (("tags", "startsWith", "operation-n"), ("targetCountry", "contains", "zz")),
    (("tags", "startsWith", "operation-n"), ("targetCountry", "contains", "DE")),
    (("tags", "endsWith", "nightjar"), ("tags", "endsWith", "heron")),
    (("tlp", "equals", "red"), ("tlp", "equals", "green")),
    (("tlp", "not", "green"), ("event", "contains", "nightjar")),
)
PERIODS: Final[tuple[dict[str, JsonValue], ...]] = (
    {"since": "2d"},
    {"since": "24h", "until": "1h"},
    {"until": "2026-11-10"},
    {"since": "2020-01-01", "until": "2020-02-01"},
    {"since": "2026-11-23T05:30:00Z", "until": "2026-11-23T05:50:00Z"},
    {"created_since": "2d"},
    {"created_since": "2026-11-24T11:30:00Z"},
    {"created_since": "2026-11-24T11:59:00Z"},
)


def condition_searches(name: SearchField) -> Iterator[ToolCall]:
    """A field with every operator that it allows, over up to three values each."""
    operators = SEARCHABLE[name].operators
    for place, op in enumerate(operators):
        values = PARTS[name] if op in PARTIAL else WHOLE_VALUES[name]
        for value in values if op in (*WHOLE, "contains", "startsWith") else values[1:2]:
            written = f"%{value}%" if op == "like" else value
            limit = (20, 50, 100)[place % 3]
            yield _search(conditions=[{"field": name, "op": op, "value": [written]}], limit=limit)
    if "in" in operators:
        yield _search(conditions=[{"field": name, "op": "in", "value": [*WHOLE_VALUES[name]]}], limit=100)


def filter_searches() -> Iterator[ToolCall]:
    """Every typed filter, alone and with another one."""
    for field in FILTERS:
        visible, withheld, unknown = next(WHOLE_VALUES[name] for name, one in SEARCHABLE.items() if one is field)
        alone: list[list[JsonValue]] = [[visible], [withheld], [unknown], [visible, withheld], [withheld, unknown]]
        for values in alone:
            yield _search(**{field.name: values})
        both: dict[str, JsonValue] = {field.name: [withheld], "text": "Invoice lure", "since": "30d"}
        yield _search(**both)
        tagged: dict[str, JsonValue] = {"tags": ["operation-nightjar"], field.name: [visible], "limit": 100}
        yield _search(**tagged)


def text_searches() -> Iterator[ToolCall]:
    """Words of the description: those of visible events, and those of withheld ones letter by letter."""
    for text in ("Invoice lure from billing", "invoice", "webmail", "nothing like it"):
        yield _search(text=text, limit=50)
    secret = "Invoice lure from nightjar ministry"
    for length in range(len("Invoice lure from "), len(secret) + 1, 3):
        yield _search(text=secret[:length])
        yield _search(conditions=[{"field": "event", "op": "startsWith", "value": [secret[:length]]}], tlp=["red"])


def page_searches() -> Iterator[ToolCall]:
    """All events and some, in pages of several sizes to the last one, in both orders and with all columns."""
    for limit, order in ((9, "desc"), (20, "asc"), (25, "desc"), (100, "asc"), (500, "desc")):
        yield _search(limit=limit, order=order)
    yield _search(limit=1, attacker=["Velvet Heron"])
    for name in ("Quill Hand", "Rook Hand", "Heron Hand", "heron hanb"):
        yield _search(limit=3, attacker=[name])
    yield _search(limit=2, indicator=["mail0.harbour.example"])
    yield _search(limit=50, fields=[*COLUMNS])
    yield _search(limit=500, fields=["uuid", "tlp"])
    yield _search(limit=3, tlp=["amber"], fields=["event", "references", "referenced", "has_children"])
    for scope in ("all", "operational", MINE, VENDOR):
        yield _search(limit=40, dataset_ids=[scope])
    for name in (*range(1, len(QUERIES) + 1), *QUERIES, "Nightjar wordz", "Words of", 99):
        yield _search(limit=30, query_id=name)
    for name in QUERIES[:3]:
        yield _search(limit=30, query_id=name, tlp=["red"])
    for period in PERIODS:
        yield _search(**period)
    for clauses in GROUPS:
        grouped: list[JsonValue] = [
            {"field": field, "op": op, "value": [value], "group": group}
            for group, (field, op, value) in enumerate(clauses)
        ]
        yield _search(conditions=grouped, limit=60)
        yield _search(conditions=grouped, attacker=["COPPER LANTERN"], since="60d")


def _search(**arguments: JsonValue) -> ToolCall:
    return ToolCall(SEARCH, arguments)
