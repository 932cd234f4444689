"""Events as requests and files contain them, checked and brought into one form before they are stored.

The checks are plain functions instead of a pydantic model because loading a file runs them for each of 120,000 records.
"""

import json
import re
from dataclasses import dataclass, field
from typing import Final

from cf1_mcp.sandbox.errors import BadRequest
from cf1_mcp.sandbox.json_values import JsonMapping, is_array, is_object
from cf1_mcp.sandbox.request_fields import (
    parse_marking,
    read_country,
    read_distinct_texts,
    read_optional_marking,
    read_optional_text,
    read_text,
)
from cf1_mcp.sandbox.timestamps import parse_event_date

_UUID: Final = re.compile("[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE)


@dataclass(slots=True)
class RawInput:
    """Raw evidence to be stored; `data` is JSON text."""

    data: str
    source: str = ""
    tlp: str = ""


@dataclass(slots=True)
class EventInput:
    """An event to be stored: dates as the database stores them, countries as alpha-2, indicators as (value, type)."""

    category: str
    date: str
    event: str
    tlp: str
    raw: RawInput
    attacker: str = ""
    attacker_country: str = ""
    target_country: str = ""
    target_industry: str = ""
    insight: str = ""
    indicators: list[tuple[str, str]] = field(default_factory=list[tuple[str, str]])
    tags: list[str] = field(default_factory=list[str])


def parse_event(body: object) -> EventInput:
    """Return the event that a request body or a record describes.

    Raises:
        BadRequest: a field is missing or wrong; the message names the first one.
    """
    if not is_object(body):
        raise BadRequest("an event must be a JSON object with category, date, event, raw and tlp")
    for name in ("category", "date", "event", "raw", "tlp"):
        if name not in body:
            raise BadRequest(f"{name} is missing; an event needs category, date, event, raw and tlp")
    return EventInput(
        category=read_text(body, "category"),
        date=parse_event_date(body["date"], "date"),
        event=read_text(body, "event"),
        tlp=parse_marking(body["tlp"], "tlp"),
        raw=_parse_raw(body["raw"]),
        attacker=read_optional_text(body, "attacker"),
        attacker_country=read_country(body, "attackerCountry"),
        target_country=read_country(body, "targetCountry"),
        target_industry=read_optional_text(body, "targetIndustry"),
        insight=read_optional_text(body, "insight"),
        indicators=_parse_indicators(body),
        tags=read_distinct_texts(body.get("tags"), "tags"),
    )


def parse_source(source: object) -> dict[str, object] | None:
    """Return where an event is taken from: an article of Threat Signals, None if nothing is given."""
    if source is None:
        return None
    if not is_object(source) or (source.get("system"), source.get("resourceType")) != ("threat-signals", "article"):
        raise BadRequest("source must be an object with system threat-signals, resourceType article, and resourceId")
    if _UUID.fullmatch(read_text(source, "resourceId")) is None:
        raise BadRequest("source.resourceId must be a uuid")
    return {name: source.get(name) for name in ("system", "resourceType", "resourceId", "title")}


def encode_raw_data(data: object) -> str:
    """Return the data of raw evidence, an object or null, as JSON text."""
    if data is not None and not is_object(data):
        raise BadRequest("raw.data must be an object or null")
    return json.dumps(data, ensure_ascii=False, separators=(",", ":"))


def _parse_raw(raw: object) -> RawInput:
    if not is_object(raw) or "data" not in raw:
        raise BadRequest('raw must be an object with data, such as {"data": null}')
    return RawInput(encode_raw_data(raw["data"]), read_optional_text(raw, "source"), read_optional_marking(raw, "tlp"))


def _parse_indicators(body: JsonMapping) -> list[tuple[str, str]]:
    found: dict[tuple[str, str], None] = {}
    single = read_optional_text(body, "indicator").strip()
    if single:
        found[(single, read_optional_text(body, "indicatorType").strip())] = None
    several = body.get("indicators")
    if several is not None:
        if not is_array(several):
            raise BadRequest("indicators must be a list of {value, indicatorType}")
        for item in several:
            if not is_object(item):
                raise BadRequest("indicators must contain objects {value, indicatorType}")
            found[(read_text(item, "value").strip(), read_text(item, "indicatorType").strip())] = None
    return list(found)
