"""An event as it arrives, checked and put into one form before it is stored.

The checks are plain functions rather than a model, because a load runs them for every one of 120,000 records.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TypeGuard

from cf1_mcp.models import Tlp
from cf1_mcp.sandbox.catalog import country
from cf1_mcp.sandbox.errors import BadRequest
from cf1_mcp.sandbox.timestamps import exact

Json = Mapping[str, object]
PURPLE = "purple"
MARKINGS = ", ".join([*Tlp, PURPLE])


@dataclass(slots=True)
class RawInput:
    """Raw evidence: `data` is JSON text."""

    data: str
    source: str = ""
    tlp: str = ""


@dataclass(slots=True)
class EventInput:
    """An event to be stored: dates in the store's form, countries as alpha-2, indicators as (value, type)."""

    category: str
    date: str
    event: str
    tlp: str
    raw: RawInput | None
    attacker: str = ""
    attacker_country: str = ""
    target_country: str = ""
    target_industry: str = ""
    insight: str = ""
    indicators: list[tuple[str, str]] = field(default_factory=list[tuple[str, str]])
    tags: list[str] = field(default_factory=list[str])


def draft(body: object) -> EventInput:
    """The event that a request or a record describes; BadRequest names the first field that is wrong."""
    if not is_object(body):
        raise BadRequest("an event must be a JSON object with category, date, event, raw and tlp")
    for name in ("category", "date", "event", "raw", "tlp"):
        if name not in body:
            raise BadRequest(f"{name} is missing; an event needs category, date, event, raw and tlp")
    return EventInput(
        category=required_text(body, "category"),
        date=exact(body["date"], "date"),
        event=required_text(body, "event"),
        tlp=marking(body["tlp"], "tlp"),
        raw=raw_draft(body["raw"]),
        attacker=text(body, "attacker"),
        attacker_country=country_code(body, "attackerCountry"),
        target_country=country_code(body, "targetCountry"),
        target_industry=text(body, "targetIndustry"),
        insight=text(body, "insight"),
        indicators=_indicators(body),
        tags=words(body.get("tags"), "tags"),
    )


def text(body: Json, name: str) -> str:
    """A text field that may be missing or null, which are the same as empty."""
    value = body.get(name)
    if value is None:
        return ""
    if not isinstance(value, str):
        raise BadRequest(f"{name} must be text, not {value!r}")
    return value


def required_text(body: Json, name: str) -> str:
    """A text field that must say something."""
    value = text(body, name)
    if not value.strip():
        raise BadRequest(f"{name} must not be empty")
    return value


def country_code(body: Json, name: str) -> str:
    """The alpha-2 code of a country field given as code or name; empty for none."""
    value = text(body, name)
    if not value.strip():
        return ""
    found = country(value)
    if found is None:
        raise BadRequest(f"{name} {value!r} is no country; write an ISO 3166-1 code such as US, or an English name")
    return found.alpha2


def marking(value: object, name: str) -> str:
    """A TLP marking in its one form, whatever its spelling; empty for an event that is not marked."""
    if value == "":
        return ""
    if isinstance(value, str):
        level = Tlp.parse(value)
        if level is not None:
            return level.value
        if value.strip().lower() == PURPLE:
            return PURPLE
    raise BadRequest(f"{name} {value!r} is no TLP marking; valid are {MARKINGS}")


def words(value: object, name: str) -> list[str]:
    """Distinct, non-blank texts in the order they came."""
    if value is None:
        return []
    if not is_array(value):
        raise BadRequest(f"{name} must be a list of texts")
    found: dict[str, None] = {}
    for word in value:
        if not isinstance(word, str):
            raise BadRequest(f"{name} must hold texts, not {word!r}")
        if word.strip():
            found[word.strip()] = None
    return list(found)


def raw_draft(raw: object) -> RawInput:
    """Raw evidence of a new event: `data` is an object or null."""
    if not is_object(raw) or "data" not in raw:
        raise BadRequest('raw must be an object with data, such as {"data": null}')
    return RawInput(raw_data(raw["data"]), text(raw, "source"), optional_marking(raw, "tlp"))


def raw_data(data: object) -> str:
    """Raw data as JSON text."""
    if data is not None and not is_object(data):
        raise BadRequest("raw.data must be an object or null")
    return json.dumps(data, ensure_ascii=False, separators=(",", ":"))


def optional_marking(body: Json, name: str) -> str:
    """A TLP marking that may be missing, null or empty."""
    value = body.get(name)
    return marking(value, f"raw.{name}") if value else ""


def _indicators(body: Json) -> list[tuple[str, str]]:
    found: dict[tuple[str, str], None] = {}
    single = text(body, "indicator").strip()
    if single:
        found[(single, text(body, "indicatorType").strip())] = None
    several = body.get("indicators")
    if several is not None:
        if not is_array(several):
            raise BadRequest("indicators must be a list of {value, indicatorType}")
        for item in several:
            if not is_object(item):
                raise BadRequest("indicators must hold objects {value, indicatorType}")
            found[(required_text(item, "value").strip(), required_text(item, "indicatorType").strip())] = None
    return list(found)


def is_object(value: object) -> TypeGuard[dict[str, object]]:
    """JSON objects have text keys only."""
    return isinstance(value, dict)


def is_array(value: object) -> TypeGuard[list[object]]:
    return isinstance(value, list)
