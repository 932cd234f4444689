"""Events as the API returns them: 29 fields, read for a whole page in one statement."""

import json
import sqlite3
from collections.abc import Sequence
from typing import Final

from cf1_mcp.sandbox.invented import RAW_ID_PREFIX, RELEASABILITY_ID
from cf1_mcp.sandbox.timestamps import format_wire
from cf1_mcp.sandbox.vocabulary_catalog import ALPHA3

WireEvent = dict[str, object]

_QUERY: Final = """
SELECT e.uuid, d.uuid, e.date, e.event, e.insight, e.indicator, e.indicator_type, it.name,
    a.value, ac.value, tc.value, ti.value, tlp.value, c.name, c.kill_chain, c.mitre_attack, c.mitre_capec, raw.id,
    EXISTS (SELECT 1 FROM relationship r WHERE r.parent = e.id),
    (SELECT json_group_array(value) FROM
        (SELECT t.value FROM event_tag x JOIN tag t ON t.id = x.tag WHERE x.event = e.id ORDER BY x.id)),
    (SELECT json_group_array(json_array(o.id, o.uuid)) FROM event_reference r JOIN event o ON o.id = r.target
        WHERE r.event = e.id),
    (SELECT json_group_array(json_array(o.id, o.uuid)) FROM event_reference r JOIN event o ON o.id = r.event
        WHERE r.target = e.id)
FROM json_each(?) page CROSS JOIN event e ON e.id = page.value
JOIN dataset d ON d.id = e.dataset
JOIN category c ON c.id = e.category
LEFT JOIN indicator_type it ON it.id = e.indicator_type
LEFT JOIN term a ON a.id = e.attacker
LEFT JOIN term ac ON ac.id = e.attacker_country
LEFT JOIN term tc ON tc.id = e.target_country
LEFT JOIN term ti ON ti.id = e.target_industry
LEFT JOIN term tlp ON tlp.id = e.tlp
LEFT JOIN raw ON raw.event = e.id
ORDER BY page.key
"""


def render_events(db: sqlite3.Connection, row_ids: Sequence[int]) -> list[WireEvent]:
    """Return the events with these row ids, in this order; row ids without an event are skipped."""
    return [
        {
            "uuid": uuid,
            "datasetId": dataset,
            "date": format_wire(date),
            "event": event,
            "insight": insight or "",
            "indicator": indicator or "",
            "indicatorType": indicator_type or "",
            "indicatorTypeId": indicator_type_id or 0,
            "attacker": attacker or "",
            "attackerCountry": attacker_country or "",
            "attackerCountryAlpha3": ALPHA3.get(attacker_country, ""),
            "targetCountry": target_country or "",
            "targetCountryAlpha3": ALPHA3.get(target_country, ""),
            "targetIndustry": target_industry or "",
            "tlp": tlp or "",
            "category": category,
            "killChain": to_json_number(kill_chain),
            "mitreAttack": json.loads(attack),
            "mitreCapec": json.loads(capec),
            "rawId": "" if raw is None else format_raw_id(raw),
            "hasChildren": bool(has_children),
            "tags": json.loads(tags),
            "references": (references := _split_references(refers_to))[0],
            "referencesIds": references[1],
            "numReferences": len(references[0]),
            "referenced": (referenced := _split_references(referred_by))[0],
            "referencedIds": referenced[1],
            "numReferenced": len(referenced[0]),
            "releasabilityId": RELEASABILITY_ID,
        }
        for (
            uuid, dataset, date, event, insight, indicator, indicator_type_id, indicator_type, attacker,
            attacker_country, target_country, target_industry, tlp, category, kill_chain, attack, capec, raw,
            has_children, tags, refers_to, referred_by,
        ) in db.execute(_QUERY, (str(list(row_ids)),))
    ]  # fmt: skip


def render_event(db: sqlite3.Connection, row_id: int) -> WireEvent:
    """Return one event, which must exist, with the article that it was taken from."""
    event = render_events(db, [row_id])[0]
    row = db.execute("SELECT source FROM event_source WHERE uuid = ?", (event["uuid"],)).fetchone()
    return event if row is None else {**event, "source": json.loads(row[0])}


def format_raw_id(row_id: int) -> str:
    """Return the `rawId` of raw evidence."""
    return f"{RAW_ID_PREFIX}{row_id}"


def to_json_number(number: float) -> float:
    """Return a number as JSON should show it: an integer where there is no fraction."""
    return int(number) if number.is_integer() else number


def _split_references(events: str) -> tuple[list[str], list[int]]:
    """Return the uuids and the row ids of `[[row id, uuid], ...]`."""
    pairs: list[tuple[int, str]] = json.loads(events)
    return [uuid for _, uuid in pairs], [row_id for row_id, _ in pairs]
