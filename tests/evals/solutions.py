"""How each task can be solved with the tools that it offers: scripts for a model that does right."""

import json
from collections import Counter
from collections.abc import Sequence
from typing import Any, Final

from pydantic import JsonValue

from evals.models.scripted import Script
from evals.toolbox import Toolbox, text_of

ACME: Final = "ACME Incident Response"
FROST: Final = "Operation Ledger Frost"
SAMPLE: Final = ["198.51.100.35", "sso.ledger-sync.example", "192.0.2.1", "203.0.113.254", "nobody-knows-this.example", "CVE-2099-10020"]  # fmt: skip


async def ask(tools: Toolbox, tool: str, **arguments: Any) -> dict[str, JsonValue]:  # noqa: ANN401 - of any tool
    """Call a tool that must succeed, once more with its code if it asks for that, and return its data."""
    result = await tools.call(tool, arguments)
    data = dict(result.structured_content or {})
    if data.get("status") == "confirmation_required":
        result = await tools.call(tool, arguments | {"confirm": data["code"]})
        data = dict(result.structured_content or {})
    assert not result.is_error, text_of(result)
    return data


def cells(data: dict[str, JsonValue], *names: str) -> list[tuple[str, ...]]:
    columns, rows = data.get("columns", []), data.get("rows", [])
    assert isinstance(columns, list) and isinstance(rows, list)
    found = [dict(zip(map(str, columns), row, strict=True)) for row in rows if isinstance(row, list)]
    return [tuple(_text(row.get(name)) for name in names) for row in found]


def column(data: dict[str, JsonValue], name: str) -> list[str]:
    return [value for (value,) in cells(data, name)]


def _text(value: JsonValue) -> str:
    return ", ".join(map(str, value)) if isinstance(value, list) else "" if value is None else str(value)


async def everything(tools: Toolbox, tool: str, **arguments: Any) -> list[dict[str, JsonValue]]:  # noqa: ANN401
    """Return all pages of a list."""
    pages = [await ask(tools, tool, **arguments)]
    while cursor := pages[-1].get("next_cursor"):
        pages.append(await ask(tools, tool, **arguments, cursor=cursor))
    return pages


async def count(tools: Toolbox, **filters: Any) -> list[str]:  # noqa: ANN401
    """Count events that a search finds, page by page."""
    pages = await everything(tools, "search_threat_events", **filters, fields=["uuid"], limit=500)
    return [str(sum(len(cells(page, "uuid")) for page in pages))]


async def attackers_of(tools: Toolbox, *indicators: str) -> list[str]:
    found = await ask(tools, "search_threat_events", indicator=[*indicators], fields=["attacker"], limit=500)
    return [name for name in dict.fromkeys(column(found, "attacker")) if name]


async def one_attacker(tools: Toolbox) -> list[str]:
    return await attackers_of(tools, "198[.]51[.]100[.]35")


async def host_attacker(tools: Toolbox) -> list[str]:
    found = await ask(tools, "lookup_indicators", indicators=["hxxps://sso[.]ledger-sync[.]example/session?id=7"])
    return column(found, "attackers")


async def evidence_source(tools: Toolbox) -> list[str]:
    found = await ask(tools, "search_threat_events", indicator=["198.51.100.36"], fields=["uuid"], limit=1)
    event = await ask(tools, "get_threat_event", event_id=column(found, "uuid")[0], include=["raw"])
    raw = event["raw"]
    assert isinstance(raw, dict)
    return [str(raw["source"])]


async def known_of_report(tools: Toolbox) -> list[str]:
    return column(await ask(tools, "lookup_indicators", indicators=SAMPLE, only="known"), "indicator")


async def known_of_firewall(tools: Toolbox) -> list[str]:
    seen = [f"198.51.100.{number}" for number in range(31, 91)]
    found = await ask(tools, "lookup_indicators", indicators=seen, limit=100, fields=["indicator", "status"])
    return [str(column(found, "status").count("known"))]


async def volume(tools: Toolbox) -> list[str]:
    counts = await ask(tools, "aggregate_threat_events", columns=["attacker"], limit=100)
    return [number for name, number in cells(counts, "attacker", "count") if name == "COPPER LANTERN"]


async def spelling(tools: Toolbox) -> list[str]:
    found = await ask(tools, "list_threat_vocabulary", kind="attackers", contains="cicad")
    return [value for row in cells(found, *map(str, _list(found["columns"]))) for value in row[:1]]


def _list(value: JsonValue) -> list[JsonValue]:
    assert isinstance(value, list)
    return value


async def campaign(tools: Toolbox) -> list[tuple[str, ...]]:
    found = await ask(
        tools, "search_threat_events", text=FROST, fields=["uuid", "event", "attacker", "attacker_country"]
    )
    return [row for row in cells(found, "uuid", "event", "attacker", "attacker_country") if row[1] == FROST]


async def children(tools: Toolbox) -> list[str]:
    event = (await campaign(tools))[0][0]
    found = await everything(
        tools,
        "list_related_threat_events",
        event_id=event,
        direction="descendants",
        max_depth=1,
        limit=100,
        fields=["uuid"],
    )
    return [str(sum(1 for page in found for uuid in column(page, "uuid") if uuid != event))]


async def sharing_actors(tools: Toolbox) -> list[str]:
    return await attackers_of(tools, "pay.harbor-relay.example")


async def other_actors(tools: Toolbox) -> list[str]:
    return [name for name in await attackers_of(tools, "192.0.2.240") if name != "COPPER LANTERN"]


async def technique(tools: Toolbox) -> list[str]:
    banks = ["Banking & Financial Services"]
    return await count(tools, mitre_attack=["T1566"], target_industry=banks, since="2026-08-26")


async def weekly(tools: Toolbox) -> list[str]:
    counts = await ask(tools, "aggregate_threat_events", columns=["attacker", "targetIndustry"], since="7d", limit=500)
    rows = cells(counts, "attacker", "targetIndustry", "count")
    return next([name] for name, industry, _ in rows if name and industry.startswith("Banking"))


async def sankey(tools: Toolbox) -> list[str]:
    columns = ["attackerCountry", "targetCountry"]
    counts = await ask(tools, "aggregate_threat_events", columns=columns, limit=500)
    return next([*pair] for pair in cells(counts, *columns) if all(pair))


async def trend(tools: Toolbox) -> list[str]:
    return column(await ask(tools, "aggregate_threat_events", columns=["category"], since="30d"), "category")[:1]


async def created(tools: Toolbox) -> list[str]:
    return await count(tools, attacker=["COPPER LANTERN"], created_since="2026-11-23T08:00:00Z")


async def watch(tools: Toolbox) -> list[str]:
    datasets = cells(await ask(tools, "list_threat_datasets"), "uuid", "name")
    [own] = [uuid for uuid, name in datasets if name == ACME]
    condition = {"field": "attacker", "op": "equals", "value": "GLASS HERON"}
    query = json.dumps({"datasetId": [own], "search": [condition]})
    await ask(tools, "create_saved_query", name="Glass Heron watch", query_json=query)
    queries = cells(await ask(tools, "list_saved_queries"), "id", "name")
    [number] = [int(one) for one, name in queries if name == "Glass Heron watch"]
    await ask(tools, "create_query_alert", query_id=number, frequency="daily")
    return ["done"]


async def silent(tools: Toolbox) -> list[str]:
    queries = cells(await ask(tools, "list_saved_queries"), "id", "name")
    watched = column(await ask(tools, "list_query_alerts"), "query_id")
    return [name for number, name in queries if number not in watched]


async def ingest(tools: Toolbox) -> list[str]:
    values = ["one.report-77.example", "two.report-77.example", "203.0.113.77"]
    rows = [
        {"category": "Phishing", "date": "2026-11-23", "event": f"reported {value}", "tlp": "green", "indicator": value}
        for value in values
    ]
    await ask(tools, "import_threat_events", dataset_id=ACME, rows=rows)
    return ["done"]


async def incident(tools: Toolbox) -> list[str]:
    await ask(
        tools,
        "create_threat_event",
        dataset_id=ACME,
        category="Account Takeover",
        date="2026-11-24T09:30:00Z",
        event="Session of the payroll clerk replayed",
        tlp="amber",
        indicator="203.0.113.91",
    )
    return ["done"]


async def correct(tools: Toolbox) -> list[str]:
    where = {"indicator": ["agenda.lnk"], "dataset_ids": [ACME], "fields": ["uuid"]}
    events = column(await ask(tools, "search_threat_events", **where), "uuid")
    await ask(tools, "update_threat_event", dataset_id=ACME, event_ids=events, attacker="SAFFRON MOLE")
    return ["done"]


async def repeated(tools: Toolbox) -> list[str]:
    return await count(tools, dataset_ids=[ACME], indicator=["sso.ledger-sync.example"])


async def quarantine(tools: Toolbox) -> list[str]:
    where = {"indicator": ["go0.last-post.example"], "dataset_ids": [ACME], "fields": ["uuid"]}
    events = column(await ask(tools, "search_threat_events", **where), "uuid")
    await ask(tools, "move_threat_events", dataset_id=ACME, destination_dataset_id="Cybercrime", event_ids=events)
    return ["done"]


async def undo(tools: Toolbox) -> list[str]:
    changes = await ask(tools, "list_changes", limit=1)
    await ask(tools, "undo_change", change_id=column(changes, "change_id")[0])
    return ["done"]


async def block_list(tools: Toolbox, kind: str, handling: str, attackers: list[str], since: str) -> list[str]:
    wanted = {"format": "blocklist", "kind": kind, "handling": handling, "attacker": attackers, "since": since}
    made = await ask(tools, "export_threat_events", **wanted)
    read = await ask(tools, "export_threat_events", format="blocklist", export_id=made["export_id"])
    lines = str(read["content"]).splitlines()
    return [line.split()[0] for line in lines if line.strip() and not line.startswith("#")]


async def shared_list(tools: Toolbox) -> list[str]:
    return [str(len(await block_list(tools, "ip", "green", ["COPPER LANTERN"], "14d")))]


async def domains(tools: Toolbox) -> list[str]:
    return await block_list(tools, "domain", "amber", ["TIN MAGPIE", "OPAL FERRET"], "30d")


async def kinds(tools: Toolbox) -> list[str]:
    counts = await ask(tools, "aggregate_threat_events", columns=["attacker", "category"], limit=500)
    return next([category] for name, category in cells(counts, "attacker", "category") if name == "GLASS HERON")


async def likely(tools: Toolbox) -> list[str]:
    seen = ["198.51.100.39", "198.51.100.49", "198.51.100.57", "sso.ledger-sync.example"]
    found = await ask(tools, "search_threat_events", indicator=seen, fields=["attacker"], limit=500)
    return [Counter(column(found, "attacker")).most_common(1)[0][0]]


async def vulnerability(tools: Toolbox) -> list[str]:
    return await attackers_of(tools, "CVE-2099-10020")


async def page(tools: Toolbox) -> Sequence[str]:
    return (await campaign(tools))[0][2:]


async def clear(tools: Toolbox) -> list[str]:
    return await count(tools, attacker=["COPPER LANTERN"], tlp=["clear"])


async def audit(tools: Toolbox) -> list[str]:
    return column(await ask(tools, "list_changes", limit=1), "tool")


SOLUTIONS: Final[dict[str, Script]] = {
    "address-attacker": one_attacker,
    "url-attacker": host_attacker,
    "evidence-source": evidence_source,
    "report-known": known_of_report,
    "firewall-count": known_of_firewall,
    "actor-volume": volume,
    "actor-name": spelling,
    "campaign-phases": children,
    "pivot-actors": sharing_actors,
    "shared-infrastructure": other_actors,
    "technique-sector": technique,
    "weekly-brief": weekly,
    "who-attacks-whom": sankey,
    "trend": trend,
    "new-since-yesterday": created,
    "standing-watch": watch,
    "silent-queries": silent,
    "ingest-report": ingest,
    "own-incident": incident,
    "attribution": correct,
    "duplicates": repeated,
    "quarantine": quarantine,
    "bad-import": undo,
    "export-green": shared_list,
    "block-list": domains,
    "actor-category": kinds,
    "likely-actor": likely,
    "vulnerability": vulnerability,
    "incident-page": page,
    "share-clear": clear,
    "audit": audit,
}
