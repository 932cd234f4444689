"""Look-ups, profiles and exports of two tenants that differ only in what is withheld: the answers are the same."""

import re
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest
from mcp import Client
from mcp.shared.exceptions import MCPError
from pydantic import JsonValue

from cf1_mcp.models import Event, RelationshipType, Tlp
from cf1_mcp.settings import Settings
from tests.conversations import ask, same_mark, text_of
from tests.tenant import Tenant

pytestmark = pytest.mark.anyio

OPEN, HIDDEN = "Open", "Hidden"
BASE_EVENTS = 12
Json = dict[str, JsonValue]
Plant = Callable[[Tenant, list[Event]], Awaitable[None]]

MANY: list[JsonValue] = [f"{name}-{number}.example" for number in range(80) for name in ("shown", "secret")]
STRANGE: list[JsonValue] = [f"x{number}.example" for number in range(150)]
LOOKUPS: list[Json] = [
    {"indicators": ["shown-1.example", "secret-1.example", "nobody.example"]},
    {"indicators": ["shown-1.example", "secret-1.example", "nobody.example"], "only": "known"},
    {"indicators": ["secret-1.example"]},
    {"indicators": MANY, "limit": 7},
    {"text": "https://secret-1.example/a and https://shown-2.example/b", "since": "30d"},
    {"indicators": ["second-1.example", "secret-1.example"]},
    {"indicators": [*STRANGE, "secret-2.example", "shown-3.example"]},
]
PROFILES: list[Json] = [
    {"attacker": "MOLE"},
    {"attacker": "MOLE", "since": "300d", "until": "2026-11-15"},
    {"attacker": "SECRET OWL"},
    {"attacker": "SECRET OW"},
    {"attacker": "secret owl"},
    {"attacker": "MOLE", "compare": "WOLF"},
    {"attacker": "MOLE", "compare": "SECRET OWL"},
    {"attacker": "HALF SEEN"},
]
FILES: list[Json] = [
    {"format": "stix2"},
    {"format": "taxii"},
    {"format": "misp"},
    {"format": "csv"},
    {"format": "navigator"},
    {"format": "waf"},
    {"format": "blocklist", "kind": "domain"},
    {"format": "gateway", "kind": "domain"},
]
FILTERS: list[Json] = [{"handling": "amber"}, {"attacker": ["SECRET OWL"]}, {"since": "10d"}, {"text": "secret"}]
EXPORTS: list[Json] = [file | filters for file in FILES for filters in FILTERS]


async def relate(tenant: Tenant, parent: Event, child: Event, type_: RelationshipType = "related_to") -> None:
    async with tenant.api() as api:
        await api.create_relationships(parent.dataset_id, parent.uuid, [child.uuid], type_)


async def fill(tenant: Tenant) -> list[Event]:
    """Create what may be shown, the same in every tenant."""
    events: list[Event] = []
    for number in range(BASE_EVENTS):
        two: JsonValue = [
            {"value": f"{name}-{number}.example", "indicatorType": "domain"} for name in ("shown", "second")
        ]
        events.append(
            await tenant.add(
                f"seen {number}",
                OPEN,
                date=f"2026-{8 + number % 4:02}-{10 + number % 10}T00:00:00Z",
                attacker="MOLE" if number % 3 else "WOLF",
                tlp=("clear", "green", "amber")[number % 3],
                indicators=two,
                tags=["t1566.001", "seen"],
                targetIndustry="Media",
            )
        )
    await relate(tenant, events[1], events[2])
    await relate(tenant, events[4], events[5], "caused_by")
    await tenant.add("edge", OPEN, attacker="HALF SEEN")
    return events


async def no_secrets(tenant: Tenant, events: list[Event]) -> None:
    """Leave the tenant as it is."""


async def few_secrets(tenant: Tenant, events: list[Event]) -> None:
    await _hide(tenant, events, 1)


async def many_secrets(tenant: Tenant, events: list[Event]) -> None:
    await _hide(tenant, events, 40)


async def _hide(tenant: Tenant, events: list[Event], count: int) -> None:
    for number in range(count):
        for marking, dataset in (("red", OPEN), ("amber+strict", OPEN), ("clear", HIDDEN)):
            hidden = await tenant.add(
                f"secret {number}",
                dataset,
                date=f"2026-{1 + number % 11:02}-{10 + number % 15}T00:00:00Z",
                attacker=("SECRET OWL", "MOLE", "HALF SEEN", "WOLF")[number % 4],
                tlp=marking,
                indicator=f"secret-{number}.example" if number % 2 else f"shown-{number % BASE_EVENTS}.example",
                indicatorType="domain",
                tags=["t1059", f"secret-{number}"],
                targetCountry="DE",
            )
            if dataset == OPEN:
                await relate(tenant, events[number % BASE_EVENTS], hidden)
                await relate(tenant, hidden, events[(number + 1) % BASE_EVENTS], "attributed_to")


def normalize(text: str) -> str:
    """Replace what is random: ids of events and exports, the marks around untrusted text, sealed cursors."""
    text = re.sub(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", "UUID", same_mark(text))
    text = re.sub(r"\b[a-z2-7]{16}\b", "EXPORT", text)
    return re.sub(r"\.[a-z2-7]{8}\b", ".SEAL", text)


async def converse(client: Client, tool: str, arguments: Json) -> list[str]:
    """Return the whole conversation of a call: its progress, every page, and the file of an export."""
    heard: list[str] = []

    async def hear(progress: float, total: float | None, message: str | None) -> None:
        heard.append(f"{progress} {total} {message}")

    answers: list[str] = []
    result = await client.call_tool(tool, arguments, progress_callback=hear)
    data: Json = dict(result.structured_content or {})
    answers += [f"{text_of(result.content)}\n{data}", *sorted(heard)]
    while cursor := data.get("next_cursor"):
        result = await client.call_tool(tool, {**arguments, "cursor": cursor})
        data = dict(result.structured_content or {})
        answers.append(f"{text_of(result.content)}\n{data}")
    if export_id := data.get("export_id"):
        answers.append(str((await ask(client, tool, export_id=export_id))["content"]))
    return [normalize(one) for one in answers]


async def transcript(folder: Path, plant: Plant, settings: Callable[[Path], Settings]) -> dict[str, list[str]]:
    tenant = Tenant(folder, (OPEN, HIDDEN))
    await plant(tenant, await fill(tenant))
    found: dict[str, list[str]] = {}
    async with tenant.server(settings(folder)) as client:
        for tool, calls in (
            ("lookup_indicators", LOOKUPS),
            ("profile_attacker", PROFILES),
            ("export_threat_events", EXPORTS),
        ):
            for number, arguments in enumerate(calls):
                found[f"{tool} {number}"] = await converse(client, tool, arguments)
        with pytest.raises(MCPError):
            await client.read_resource("cf1://exports/" + "a" * 16)
    return found


@pytest.mark.parametrize("ceiling", [Tlp.AMBER, Tlp.GREEN], ids=str)
@pytest.mark.parametrize("plant", [few_secrets, many_secrets])
async def test_what_is_withheld_changes_no_answer(tmp_path: Path, plant: Plant, ceiling: Tlp) -> None:
    def settings(folder: Path) -> Settings:
        return Settings(state_dir=folder, read_datasets=(OPEN,), max_tlp=ceiling)

    without = await transcript(tmp_path / "without", no_secrets, settings)
    with_secrets = await transcript(tmp_path / "with", plant, settings)
    assert [name for name, answers in without.items() if answers != with_secrets[name]] == []
    assert len(without) == len(LOOKUPS) + len(PROFILES) + len(EXPORTS)
    shown = "\n".join(answer for answers in without.values() for answer in answers)
    assert "shown-1" in shown and "MOLE" in shown
