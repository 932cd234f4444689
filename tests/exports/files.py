"""Events to export, and helpers that render whole files."""

import gzip
import json
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime

import httpx

from cf1_mcp.exports import ExportFile, FileHeading, FormatName, create_export_file
from cf1_mcp.models import Event, EventPage, Relationship, Tlp
from cf1_mcp.sandbox.app import create_sandbox_app
from cf1_mcp.sandbox.storage.database import SandboxDatabase
from tests.ports import REAL

HEADING = FileHeading(
    "Relays of autumn", "cf1-mcp sandbox, fictional events", datetime(2026, 11, 24, 12, 0, tzinfo=UTC)
)

EVENT = Event.model_validate(
    {
        "uuid": "11111111-1111-4111-8111-111111111111",
        "date": "2026-11-01T09:30:00Z",
        "event": "Beacon to a relay",
        "insight": "Seen twice",
        "dataset_id": "d1d1d1d1-1111-4111-8111-111111111111",
        "category": "Command and Control",
        "attacker": "COPPER LANTERN",
        "attacker_country": "RU",
        "indicator": "relay.example",
        "indicator_type": "domain",
        "kill_chain": 6,
        "mitre_attack": ["TA0011", "T1071.001"],
        "mitre_capec": ["98"],
        "tags": ["beacon", "T1090"],
        "target_country": "DE",
        "target_industry": "Energy & Utilities",
        "tlp": "green",
    }
)
BARE = Event.model_validate(
    {"uuid": "22222222-2222-4222-8222-222222222222", "date": "2026-11-02", "event": "A raid is planned", "tlp": "clear"}
)

HOSTILE = (
    "relay.example",
    "hxxps://relay[.]example/x",
    "it's \\ \" '] OR [x:y = '",
    "\u202e\x00\x1b[0m\n\t\u2028",
    "=cmd|' /C calc'!A0",
    "\t=1+1",
    " =1+1",
    "\uff1d1+1",
    "-1",
    "+49",
    "@SUM(1)",
    "![x](https://a.example/x)",
    "# a comment\n192.0.2.9",
    "b\u00fccher.example",
    "a_b.example",
    "-a.example",
    "a" * 64 + ".example",
    "a.",
    ".",
    "com",
    "co.uk",
    "x" * 10_000,
    "\u00fc" * 10_000 + ".example",
    "https://a.example/x?y=%20#z",
    "https://a.example/[x] {y}|%zz",
    "https://b\u00fccher.example/\u00fc",
    "http://127.0.0.1/",
    "http://[::1/",
    "javascript:alert(1)",
    "192.0.2.1",
    "10.0.0.1",
    "0.0.0.0/0",
    "192.0.2.0/24",
    "192.0.2.1:443",
    "192.0.2.999",
    "2001:db8::1",
    "2001:DB8::/32",
    "::ffff:127.0.0.1",
    "fe80::1%eth0",
    "a@b.example",
    '"a b"@c.example',
    "AS64496",
    "4294967296",
    "d" * 32,
    "D" * 40,
    "0" * 64,
    "f" * 128,
    "g" * 32,
    "CVE-2026-12345",
    "cve-2026-1",
    "T1059",
    "\U0001f4a5" * 40,
)
TYPES = (
    *("ip", "url", "hash", "email", "domain", "ja3", "cve", "asn", "cidr", "filename", "certificate", "wallet"),
    *("IP", "SHA-256", "", "weird 'type'"),
)


def make_event(uuid: str, **fields: object) -> Event:
    """The example event with other fields."""
    return EVENT.model_copy(update={"uuid": uuid, **fields})


def hostile_events(kind: str) -> list[Event]:
    """One event per hostile text, which is the value of all its fields."""
    texts = ("indicator", "event", "insight", "attacker", "category", "target_country", "target_industry")
    return [
        make_event(
            f"{kind} {place}",
            indicator_type=kind,
            kill_chain=place - 1,
            **dict.fromkeys(texts, text),
            **{name: [text, "T1059"] for name in ("tags", "mitre_attack", "mitre_capec")},
        )
        for place, text in enumerate(HOSTILE)
    ]


def empty_file(name: FormatName, level: Tlp = Tlp.RED, kind: str | None = None) -> ExportFile:
    """An empty file with the example heading."""
    return create_export_file(name, level, HEADING, kind)


def render_file(file: ExportFile, events: Iterable[Event], links: Sequence[tuple[str, str]] = ()) -> str:
    """The text of a file of these events, linked parent to child."""
    pieces = [file.head(), *(file.add(one) for one in events)]
    for parent, child in links:
        file.add_link(Relationship(parent_id=parent, child_id=child, relationship_type="attributed_to"))
    return "".join((*pieces, *file.tail()))


async def sample_events(store: SandboxDatabase) -> list[Event]:
    """All events of the sample tenant, as the API returns them."""
    base = f"http://sandbox/client/v4/accounts/{'a' * 32}/cloudforce-one"
    async with httpx.AsyncClient(transport=httpx.ASGITransport(create_sandbox_app(store)), base_url=base) as client:
        answer = await client.get("/events", params={"datasetId": "all", "pageSize": 25_000})
    return EventPage.model_validate(answer.json()).result


def real_events(every: int = 1) -> tuple[list[Event], list[tuple[str, str]]]:
    """Every n-th real event and their links; their refs are used as ids."""
    with gzip.open(REAL, "rt", encoding="utf-8") as lines:
        records = [json.loads(line) for place, line in enumerate(lines) if place % every == 0]
    events = [Event.model_validate({**record["body"], "uuid": record["ref"]}) for record in records]
    links = [(parent["ref"], record["ref"]) for record in records for parent in record.get("parents", ())]
    return events, links
