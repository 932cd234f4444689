"""Every written form of an indicator at every entrance: what is equal finds each other."""

from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path
from typing import Final, cast

import pytest
from mcp import Client
from mcp.types import TextContent
from pydantic import JsonValue

from cf1_mcp.sandbox.options import SandboxOptions
from cf1_mcp.text.defang import refang
from tests.conversations import ask, column, confirmed, refused
from tests.indicators.written_forms import SHA256, TYPES, WrittenForm, written_forms
from tests.tenant import MINE, YOURS, Tenant

pytestmark = pytest.mark.anyio

Read = Callable[[Client, Tenant, str], Awaitable[list[JsonValue]]]
FORMS: Final[Sequence[WrittenForm]] = [*written_forms()]
VALUES: Final = dict(FORMS)
EVENT: Final[dict[str, JsonValue]] = {"category": "Phishing", "date": "2026-11-20", "event": "seen", "tlp": "green"}


def known_values(data: dict[str, JsonValue]) -> list[JsonValue]:
    pairs = zip(column(data, "indicator"), column(data, "status"), strict=True)
    return [value for value, status in pairs if status == "known"]


async def in_a_list(client: Client, tenant: Tenant, text: str) -> list[JsonValue]:
    data = await ask(client, "lookup_indicators", indicators=[text], fields=["indicator", "status"])
    return [
        value
        for value, status in zip(column(data, "indicator"), column(data, "status"), strict=True)
        if status == "known"
    ]


async def in_a_report(client: Client, tenant: Tenant, text: str) -> list[JsonValue]:
    report = f"It was reported that {text} was seen there."
    data = await ask(client, "lookup_indicators", text=report, fields=["indicator", "status"])
    return [
        value
        for value, status in zip(column(data, "indicator"), column(data, "status"), strict=True)
        if status == "known"
    ]


async def in_a_filter(client: Client, tenant: Tenant, text: str) -> list[JsonValue]:
    data = await ask(client, "search_threat_events", indicator=[text], dataset_ids=[YOURS], fields=["indicator"])
    return column(data, "indicator")


async def in_a_new_event(client: Client, tenant: Tenant, text: str) -> list[JsonValue]:
    await ask(client, "create_threat_event", dataset_id=MINE, **EVENT, indicator=text)
    return [last_sent(tenant)["indicator"], last_sent(tenant)["indicatorType"]]


async def in_a_typed_event(client: Client, tenant: Tenant, text: str) -> list[JsonValue]:
    kind = TYPES[VALUES[text]]
    await ask(client, "create_threat_event", dataset_id=MINE, **EVENT, indicator=text, indicator_type=kind)
    return [last_sent(tenant)["indicator"], last_sent(tenant)["indicatorType"]]


async def in_a_playbook(client: Client, tenant: Tenant, text: str) -> list[JsonValue]:
    prompt = await client.get_prompt("triage_indicator", {"indicator": text})
    content = prompt.messages[0].content
    assert isinstance(content, TextContent)
    return [refang(content.text.partition("knows about `")[2].partition("`, for")[0])]


def last_sent(tenant: Tenant) -> dict[str, JsonValue]:
    """The body of the last request that created something."""
    bodies = [one.body for one in tenant.log if one.method == "POST" and one.path.endswith("/create")]
    assert isinstance(bodies[-1], dict)
    return cast("dict[str, JsonValue]", bodies[-1])


ENTRANCES: Final[dict[str, Read]] = {
    "list": in_a_list,
    "report": in_a_report,
    "filter": in_a_filter,
    "new event": in_a_new_event,
    "typed event": in_a_typed_event,
    "playbook": in_a_playbook,
}
# Five numbers in prose may be a version.
AMBIGUOUS: Final = {("report", "192.0.2.77.443")}
TYPED_ENTRANCES: Final = ("new event", "typed event")
# Nothing invisible is stored, and nobody sees that it was left out.
INVISIBLE: Final = "\u200b"


def test_the_table_has_many_pairs_of_a_form_and_an_entrance() -> None:
    pairs = len(FORMS) * (len(ENTRANCES) + 1)
    assert (len(FORMS), len(ENTRANCES) + 1, pairs >= 600) == (406, 7, True)


@pytest.mark.parametrize("entrance", ENTRANCES)
async def test_every_form_is_read_as_its_value(tenant: Tenant, entrance: str) -> None:
    for value, kind in TYPES.items():
        await tenant.add("known", YOURS, indicator=value, indicatorType=kind)
    wrong: dict[str, list[JsonValue]] = {}
    async with tenant.server(tenant.allowed()) as client:
        for text, value in FORMS:
            if INVISIBLE in text and entrance in TYPED_ENTRANCES:
                assert "invisible" in await refused(
                    client, "create_threat_event", dataset_id=MINE, **EVENT, indicator=text
                )
                continue
            if INVISIBLE in text and entrance == "playbook":
                continue  # its characters are shown, and read when the value is used
            found = await ENTRANCES[entrance](client, tenant, text)
            expected = [value, TYPES[value]] if entrance in TYPED_ENTRANCES else [value]
            if found != expected and (entrance, text) not in AMBIGUOUS:
                wrong[text] = found
            tenant.log.clear()
    assert wrong == {}


async def test_every_form_is_imported_as_its_value(tenant: Tenant) -> None:
    for value, kind in TYPES.items():
        await tenant.add("known", YOURS, indicator=value, indicatorType=kind)
    async with tenant.server(tenant.allowed()) as client:
        visible = [form for form in FORMS if INVISIBLE not in form.text]
        for start in range(0, len(visible), 90):
            some = visible[start : start + 90]
            rows: list[JsonValue] = [
                {**EVENT, "event": f"seen {start + number}", "indicator": form.text} for number, form in enumerate(some)
            ]
            await confirmed(client, "import_threat_events", dataset_id=MINE, rows=rows)
            [sending] = [one.body for one in tenant.log if one.path.endswith("/create/bulk")]
            tenant.log.clear()
            body = cast("dict[str, list[dict[str, JsonValue]]]", sending)
            sent = [(one["indicator"], one["indicatorType"]) for one in body["data"]]
            assert sent == [(form.value, TYPES[form.value]) for form in some]


# What an account may have stored, what is asked for, and how.
STORED: Final = [
    ("192.0.2.9/32", "192.0.2.9"),
    ("192.0.2.9", "192.0.2.9/32"),
    ("2001:db8::9/128", "2001:DB8::9"),
    ("2001:0db8:0000:0000:0000:0000:0000:0009", "2001:db8::9"),
    ("b\u00fccher.example.com", "xn--bcher-kva.example.com"),
    ("xn--bcher-kva.example.com", "b\u00fccher.example.com"),
    ("b\u00fccher.example.com", "B\u00dcCHER.example.com"),
    ("evil.example.", "evil.example"),
    ("*.evil.example", "evil.example"),
    ("evil.example", "*.evil.example"),
    ("evil.example:8443", "evil.example:8443"),
    ("https://evil.example/", "hxxps://evil[.]example"),
    ("https://b\u00fccher.example/a", "https://xn--bcher-kva.example/a"),
    (SHA256.upper(), SHA256),
    ("cve-2025-53770", "CVE-2025-53770"),
]


@pytest.mark.parametrize("like_live", [False, True])
@pytest.mark.parametrize(("stored", "asked"), STORED)
async def test_what_is_equal_is_found_in_either_form(tmp_path: Path, stored: str, asked: str, like_live: bool) -> None:
    tenant = Tenant(tmp_path, options=SandboxOptions(like_live=like_live))
    await tenant.add("known", YOURS, indicator=stored, indicatorType="any")
    # Indicators of new events appear late.
    tenant.wait(3_600)
    async with tenant.server(tenant.reading()) as client:
        listed = await ask(client, "lookup_indicators", indicators=[asked], fields=["status"])
        searched = await ask(client, "search_threat_events", indicator=[asked], fields=["event"])
    assert (column(listed, "status"), column(searched, "event")) == (["known"], ["known"])
