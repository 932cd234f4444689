"""What the compared tenants contain: the same visible events, and several sets of withheld ones beside them.

Withheld events share dates, indicators, categories, attackers and beginnings of texts with visible ones, and have words
of their own.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Final
from uuid import uuid5

from cf1_mcp.sandbox.invented import NAMESPACE
from cf1_mcp.sandbox.storage.event_files import EventRecord
from tests.tenant import MINE, NOW, YOURS

VENDOR: Final = "Vendor reports"
VISIBLE_COUNT: Final = 96

ATTACKERS: Final = ("COPPER LANTERN", "Velvet Heron", "Ashen Rook", "", "COPPER LANTERN")
CATEGORIES: Final = ("Phishing", "Command and Control", "Ransomware", "Phishing", "Malware Delivery")
COUNTRIES: Final = ("DE", "NL", "", "US", "AT", "JP")
INDUSTRIES: Final = ("Banking & Financial Services", "Energy & Utilities", "", "Healthcare")
MARKINGS: Final = ("green", "amber", "clear", "", "green", "green", "amber")
TEXTS: Final = (
    "Invoice lure from billing desk {}",
    "Beacon to relay node {}",
    "Files encrypted on server {}",
    "Credential page for webmail {}",
)
TAGS: Final[Sequence[Sequence[str]]] = (["invoice-lure"], ["kit-seven", "operation-heron"], [], ["relay"])

HIDDEN_TEXTS: Final = (
    "Invoice lure from nightjar ministry {}",
    "Beacon to quarry implant {}",
    "Zephyr vault opened by insider {}",
)
HIDDEN_ATTACKERS: Final = ("COPPER LATHE", "Obsidian Quill", "COPPER LANTERN", "Velvet Herald")
HIDDEN_CATEGORIES: Final = ("Phishing", "Deep Sabotage", "Insider Threat", "Ransomware")
HIDDEN_COUNTRIES: Final = ("DE", "KZ", "UY")
HIDDEN_INDUSTRIES: Final = ("Orbital Mining", "Banking & Financial Services", "Maritime")
HIDDEN_TAGS: Final[Sequence[Sequence[str]]] = (
    ["operation-nightjar"],
    ["invoice-lure", "quarry-implant"],
    ["kit-sevens"],
)
HIDDEN_MARKINGS: Final = ("red", "amber+strict", "purple", "red")
ODD_MARKINGS: Final = ("RED", "TLP:RED", "Amber+Strict", "secret", " red ", "TLP:AMBER+STRICT")
"""Spellings that the API may return, although the sandbox would not store them."""

Link = tuple[str, str, str]
"""The refs of two events, and the type of their relationship; without a type, a reference."""

VISIBLE_LINKS: Final[tuple[Link, ...]] = (
    ("v0", "v30", "related_to"),
    ("v10", "v11", "related_to"),
    ("v11", "v12", "caused_by"),
    ("v12", "v13", "attributed_to"),
    ("v14", "v15", ""),
    ("v15", "v16", ""),
)
HIDDEN_LINKS: Final[tuple[Link, ...]] = (
    ("v0", "w0", "related_to"),
    ("w0", "v1", "related_to"),
    ("w1", "v2", "caused_by"),
    ("v11", "w2", "attributed_to"),
    ("w3", "v13", "related_to"),
    ("v4", "w2", ""),
    ("w3", "v5", ""),
    ("v14", "w4", ""),
)
"""None makes a visible event a parent that is not one without them."""
ONLY_CHILDREN: Final[tuple[Link, ...]] = (("v6", "w0", "related_to"), ("v8", "w1", "caused_by"))
ACTORS: Final[Sequence[Mapping[str, object]]] = (
    {"value": "Velvet Heron", "aliases": ["Heron Hand", "Obsidian Quill"], "tlp": "green"},
    {"value": "Obsidian Quill", "aliases": ["Quill Hand"], "aliasGroupNames": ["Velvet Herald"], "tlp": "clear"},
)
"""The catalogue of actors of every tenant: it names attackers of visible and of withheld events."""
RED_ACTORS: Final[Sequence[Mapping[str, object]]] = (
    {"value": "Ashen Rook", "aliases": ["Rook Hand", "Heron Hand"], "tlp": "red", "description": "nightjar"},
    {"value": "Velvet Heron", "aliases": ["Quill Hand"], "originCountryISO": "KZ", "tlp": "purple"},
)
RED_TAG: Final = "operation-nightjar"
"""A tag that is marked red in the vocabulary, wherever it exists."""


@dataclass(frozen=True)
class Content:
    """What one tenant holds beside the visible events.

    `withheld` are further events. `evidence` is the text of the red raw data of visible events. With `odd`, withheld
    events have markings in spellings that the sandbox does not store. `datasets` are further datasets, the last one
    with a saved query and an alert. `worked_on` is how many withheld events a colleague has tagged with this server.
    `red_tags` are the numbers of visible events that have RED_TAG, with `red_actors` the catalogue of actors has
    RED_ACTORS, `copied` those of which there is a copy in the last
    of the further datasets.
    """

    withheld: Sequence[EventRecord] = ()
    links: Sequence[Link] = ()
    evidence: str = "packet capture"
    odd: bool = False
    datasets: Sequence[str] = ()
    worked_on: int = 0
    red_tags: Sequence[int] = ()
    red_actors: bool = False
    copied: Sequence[int] = ()


def event_id(ref: str, dataset: str = MINE) -> str:
    """The uuid that the loader gives a record."""
    return str(uuid5(NAMESPACE, f"event {dataset.lower()} {ref}"))


def dataset_id(name: str) -> str:
    """The uuid of a dataset."""
    return str(uuid5(NAMESPACE, f"dataset {name}"))


def dataset_of(number: int) -> str:
    """The dataset of a visible event."""
    return VENDOR if number % 4 == 3 else MINE


def visible_id(number: int) -> str:
    return event_id(f"v{number}", dataset_of(number))


def visible_records(content: Content) -> list[EventRecord]:
    """The visible events. Every ninth has raw evidence marked red."""
    return [
        _visible_record(number, content.evidence, [RED_TAG] if number in content.red_tags else [])
        for number in range(VISIBLE_COUNT)
    ]


def hidden_records(count: int, dataset: str = MINE, first: int = 0) -> list[EventRecord]:
    """Events that a rule withholds: by their marking, or in `dataset` by being there."""
    return [_hidden_record(number, dataset) for number in range(first, first + count)]


def indicators_of(number: int) -> list[tuple[str, str]]:
    """The values and types of the indicators of a visible event."""
    place = number % 24
    match number % 5:
        case 0:
            return [(f"mail{place}.harbour.example", "domain")]
        case 1:
            return [(f"198.51.100.{place}", "ip"), (f"http://relay{place}.example.net/a.php", "url")]
        case 2:
            return [(f"{place:02x}" * 32, "hash")]
        case 3:
            return [(f"desk{place}@billing.example", "email")]
        case _:
            return []


def hidden_indicators_of(number: int) -> list[tuple[str, str]]:
    """The same of a withheld event: one of a visible event, or one of its own."""
    if number % 3 == 0:
        return indicators_of(number)
    if number % 3 == 1:
        return [(f"nightjar{number % 40}.quarry.example", "domain"), (f"203.0.113.{number % 40}", "ip")]
    return [(f"CVE-2099-{10_000 + number % 40}", "cve"), (f"AS{64_500 + number % 40}", "asn")]


def _visible_record(number: int, evidence: str, more_tags: Sequence[str]) -> EventRecord:
    # Three events each have the same date; the newest ones were stored within the last hours.
    date = NOW - timedelta(hours=30 * (number // 3))
    has_red_evidence = number % 9 == 5
    raw: dict[str, object] = {"data": {"log": f"line {number}"}, "source": "sensor"}
    if has_red_evidence:
        raw = {"data": {"log": evidence, "host": f"{evidence} host"}, "source": evidence, "tlp": "red"}
    elif number % 9 == 2:
        raw["tlp"] = "green"
    return _record(
        f"v{number}",
        dataset_of(number),
        date.isoformat(),
        number,
        MARKINGS[number % len(MARKINGS)],
        raw,
        indicators_of(number),
        (TEXTS, ATTACKERS, CATEGORIES, COUNTRIES, INDUSTRIES, [[*tags, *more_tags] for tags in TAGS]),
    )


def _hidden_record(number: int, dataset: str) -> EventRecord:
    date = NOW - timedelta(hours=30 * (number % (VISIBLE_COUNT // 3)), minutes=20 * (number % 2))
    marking = HIDDEN_MARKINGS[number % len(HIDDEN_MARKINGS)] if dataset == MINE else MARKINGS[number % len(MARKINGS)]
    raw: dict[str, object] = {"data": {"log": f"nightjar {number}"}, "source": "nightjar desk", "tlp": "red"}
    return _record(
        f"w{number}",
        dataset,
        date.isoformat(),
        number,
        marking,
        raw,
        hidden_indicators_of(number),
        (HIDDEN_TEXTS, HIDDEN_ATTACKERS, HIDDEN_CATEGORIES, HIDDEN_COUNTRIES, HIDDEN_INDUSTRIES, HIDDEN_TAGS),
    )


Words = Sequence[str]


def _record(
    ref: str,
    dataset: str,
    date: str,
    number: int,
    marking: str,
    raw: dict[str, object],
    indicators: Sequence[tuple[str, str]],
    words: tuple[Words, Words, Words, Words, Words, Sequence[Sequence[str]]],
) -> EventRecord:
    texts, attackers, categories, countries, industries, tags = words
    body: dict[str, object] = {
        "category": categories[number % len(categories)],
        "date": date,
        "event": texts[number % len(texts)].format(number),
        "tlp": marking,
        "raw": raw,
        "attacker": attackers[number % len(attackers)],
        "attackerCountry": countries[(number + 1) % len(countries)],
        "targetCountry": countries[number % len(countries)],
        "targetIndustry": industries[number % len(industries)],
        "insight": f"Seen by {attackers[number % len(attackers)]} desk" if number % 6 == 0 else "",
        "indicators": [{"value": value, "indicatorType": kind} for value, kind in indicators],
        "tags": [*tags[number % len(tags)]],
    }
    return EventRecord(ref=ref, dataset=dataset, body=body)


NOTHING: Final = Content()
FEW: Final = Content(hidden_records(6), evidence="nightjar dump", odd=True, worked_on=2)
MANY: Final = Content(hidden_records(400, first=100), evidence="quarry", odd=True, worked_on=1)
LINKED: Final = Content(hidden_records(8), HIDDEN_LINKS)
ELSEWHERE: Final = Content(
    [*hidden_records(60, YOURS), *hidden_records(200, "Mine, archived", first=100)],
    datasets=("Vendor reports of 2019", "Mine, archived", YOURS),
    worked_on=1,
)
LINKED_ELSEWHERE: Final = Content(hidden_records(8, YOURS), HIDDEN_LINKS, datasets=(YOURS,))
ONLY_PARENTS: Final = Content(hidden_records(8), ONLY_CHILDREN)
COPIED: Final = Content(datasets=(YOURS,), copied=range(10))
TAGGED: Final = Content(red_tags=(0, 1, 2, 7, 40))
CATALOGUED: Final = Content(red_actors=True)
