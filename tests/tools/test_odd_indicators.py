"""What analysts paste that is not simply a value: each found, named or refused, never lost and never invented."""

from collections.abc import Mapping
from typing import Final

import pytest
from inline_snapshot import snapshot
from mcp import Client
from pydantic import JsonValue

from tests.conversations import ask, column, refused
from tests.tenant import MINE, YOURS, Tenant

pytestmark = pytest.mark.anyio
TOOL: Final = "lookup_indicators"
SHA256: Final = "0a" * 32
EVENT: Final[dict[str, JsonValue]] = {"category": "Phishing", "date": "2026-11-20", "event": "seen", "tlp": "green"}


async def looked_up(client: Client, **arguments: JsonValue) -> dict[str, JsonValue]:
    """Return the values that were looked up with their kinds, and what else the answer says of the reading."""
    data = await ask(client, TOOL, **arguments, fields=["indicator", "kind", "why"], limit=100)
    found: list[JsonValue] = []
    if "rows" in data:
        found = [*zip(column(data, "indicator"), column(data, "kind"), strict=True)]  # pyright: ignore
    told: Mapping[str, JsonValue] = {name: data[name] for name in ("read_as", "rejected", "references") if name in data}
    return {"found": [f"{kind} {value}" for value, kind in found], **told}  # pyright: ignore


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("see go.example.org/Win", ["url go.example.org/Win"]),
        ("a.b/C", []),
        ('{"ip":"192.0.2.1"}', ["ipv4 192.0.2.1"]),
        ('["evil.example"]', ["domain evil.example"]),
        ("null", []),
        ('msg "C2:\\nevil.example\\n192.0.2.1"', ["domain evil.example", "ipv4 192.0.2.1"]),
        ("a\\tb.example \\x62ad.example \\u0062est.example", ["domain b.example", "domain bad.example", "domain best.example"]),
        ('{"m":"{\\"q\\":\\"x\\\\nevil.example\\"}"}', ["domain evil.example"]),
        ("see=20bad.example", ["domain bad.example"]),
        ("host=20bad.example dst=203.0.113.7", ["domain 20bad.example", "ipv4 203.0.113.7"]),
        ("IP 192.0.2.1.443 > 192.0.2.5.51234:", ["ipv4 192.0.2.1", "ipv4 192.0.2.5"]),
        (f"sha512 {'0b' * 64}", [f"sha512 {'0b' * 64}"]),
    ],
)  # fmt: skip
async def test_a_text_is_read_as_it_is_meant(client: Client, text: str, found: list[str]) -> None:
    # Known ones come first.
    read = (await looked_up(client, text=text))["found"]
    assert isinstance(read, list) and sorted(map(str, read)) == sorted(found)


@pytest.mark.parametrize(
    ("link", "inner"),
    [
        ("https://wrap.safelinks.example/?url=https%3A%2F%2Fevil.example", "https://evil.example"),
        ("https://eur01.safelinks.protection.outlook.com/?url=https%3A%2F%2Fevil.example%2Fa%3Fb%3Dc&data=x", "https://evil.example/a?b=c"),
        ("https://urldefense.proofpoint.com/v2/url?u=https-3A__evil.example_a-3Fb-3Dc&d=DwM", "https://evil.example/a?b=c"),
        ("https://urldefense.proofpoint.com/v1/url?u=http://evil.example/a&k=x", "http://evil.example/a"),
        ("https://urldefense.com/v3/__https://evil.example/a__;!!x!y$", "https://evil.example/a"),
        ("https://urldefense.com/v3/__https://evil.example/a*b__;Iw!!x!y$", "https://evil.example/a#b"),
        ("https://www.google.com/url?sa=t&q=https://evil.example/x&v=1", "https://evil.example/x"),
        ("https://linkprotect.cudasvc.com/url?a=https%3a%2f%2fevil.example%2fa&c=E", "https://evil.example/a"),
        ("https://secure-web.cisco.com/1abc/https%3A%2F%2Fevil.example%2Fa", "https://evil.example/a"),
        ("https://web.archive.org/web/2020/http://evil.example/a", "http://evil.example/a"),
        ("https://l.facebook.com/l.php?u=https%3A%2F%2Fevil.example%2F&h=x", "https://evil.example/"),
        ("https://evil-example.translate.goog/a", "https://evil.example/a"),
    ],
)  # fmt: skip
async def test_a_wrapped_link_is_looked_up_with_the_address_inside(client: Client, link: str, inner: str) -> None:
    expected = [f"url {link}", f"url {inner}"]
    in_text = await looked_up(client, text=f"It led to {link} then")
    in_list = await looked_up(client, indicators=[link])
    assert (in_text["found"], in_list["found"]) == (expected, expected)


async def test_a_page_about_an_indicator_is_a_reference_to_it(client: Client) -> None:
    link = f"https://www.virustotal.com/gui/file/{SHA256}"
    in_text = await looked_up(client, text=f"See {link}")
    in_list = await looked_up(client, indicators=[link])
    assert (in_text, in_list) == snapshot(
        (
            {
                "found": ["sha256 0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a"],
                "references": [
                    "hxxps://www[.]virustotal.com/gui/file/0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a"
                ],
            },
            {
                "found": ["sha256 0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a"],
                "read_as": "'hxxps://www[.]virustotal.com/gui/file/0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0… (+23 characters)' as 0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a",
                "references": [
                    "hxxps://www[.]virustotal.com/gui/file/0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a"
                ],
            },
        )
    )


async def test_every_value_of_a_text_is_looked_up_and_how_it_was_read_is_said(client: Client) -> None:
    typed: list[JsonValue] = [
        "192.0.2.1, 192.0.2.5",
        "evil.example and bad.example",
        "a mutex",
        "Global\\evil.example",
        " ",
        "192.0.2.0-192.0.2.255",
        "seen evil.example on Monday",
    ]
    assert await looked_up(client, indicators=typed) == snapshot(
        {
            "found": [
                "ipv4 192.0.2.1",
                "ipv4 192.0.2.5",
                "domain evil.example",
                "domain bad.example",
                "other a mutex",
                "other Global\\evil.example",
                "cidr 192.0.2.0/24",
            ],
            "read_as": "1 repeated; '192.0.2.1, 192.0.2.5' as 192.0.2.1 and 192.0.2.5; 'evil.example and bad.example' as evil.example and bad.example; '192.0.2.0-192.0.2.255' as 192.0.2.0/24; 'seen evil.example on Monday' as evil.example",
            "rejected": ["empty (1)"],
        }
    )


async def test_a_name_behind_a_backslash_is_not_invented(client: Client) -> None:
    data = await ask(client, TOOL, text="C:\\new\\nevil.example", fields=["indicator", "why"])
    assert data.get("rows") == snapshot([["nevil.example", "may be part of a file path: it follows a backslash"]])


async def test_an_unknown_host_is_known_by_its_registered_domain_and_a_url_without_its_query(tenant: Tenant) -> None:
    await tenant.add("seen", YOURS, indicator="known-domain.example", indicatorType="domain")
    await tenant.add("seen", YOURS, indicator="https://other.example/a", indicatorType="url")
    asked: list[JsonValue] = [
        "login.known-domain.example",
        "https://other.example/a?session=2",
        "https://x.known-domain.example/a",
        "b.other.example",
    ]
    async with tenant.server(tenant.reading()) as client:
        data = await ask(client, TOOL, indicators=asked, fields=["indicator", "status", "matched_as"])
    assert data["rows"] == snapshot(
        [
            ["login.known-domain.example", "known", "domain known-domain.example"],
            ["https://other.example/a?session=2", "known", "URL hxxps://other.example/a"],
            ["https://x.known-domain.example/a", "known", "domain known-domain.example"],
            ["b.other.example", "unknown", ""],
        ]
    )


@pytest.mark.parametrize("asked", ["https://known.example/x", "x.known.example"])
async def test_a_search_that_finds_nothing_says_what_to_ask_instead(tenant: Tenant, asked: str) -> None:
    await tenant.add("seen", YOURS, indicator="known.example", indicatorType="domain")
    async with tenant.server(tenant.reading()) as client:
        found = await ask(client, "search_threat_events", indicator=[asked])
        none = await ask(client, "search_threat_events", indicator=[asked.replace("known", "unknown")])
    notes, of_unknown = found["notes"], none["notes"]
    assert isinstance(notes, list) and isinstance(of_unknown, list)
    hints = [note for note in notes if str(note).startswith("indicator: ")]
    assert (len(hints), hints) == (1, [note for note in of_unknown if str(note).startswith("indicator: ")])


@pytest.mark.parametrize(
    ("indicator", "kind"),
    [
        ("not an ip", "ip"),
        ("evil.example", "ipv4"),
        ("0123456789abcdef" * 2, "sha256"),
        ("evil.example", "url"),
        ("192.0.2.1", "email"),
        ("CVE-2025", "cve"),
    ],
)
async def test_a_value_that_its_type_cannot_have_is_refused(tenant: Tenant, indicator: str, kind: str) -> None:
    typed = {"indicator": indicator, **({"indicator_type": kind} if kind else {})}
    async with tenant.server(tenant.allowed()) as client:
        words = await refused(client, "create_threat_event", dataset_id=MINE, **EVENT, **typed)
        in_rows = await refused(client, "import_threat_events", dataset_id=MINE, rows=[{**EVENT, **typed}])
    assert words.startswith("indicator: ") and "indicator: " in in_rows and tenant.changes_sent() == []


@pytest.mark.parametrize(
    ("typed", "sent"),
    [("ipv4", "ip"), ("IP address", "ip"), ("SHA-256", "hash"), ("hostname", "domain"), ("FQDN", "domain"), ("URI", "url")],
)  # fmt: skip
async def test_other_names_of_a_type_are_taken_as_the_word_of_the_account(
    tenant: Tenant, typed: str, sent: str
) -> None:
    values = {"ip": "192.0.2.1", "hash": SHA256, "domain": "evil.example", "url": "https://evil.example/a"}
    for kind, value in values.items():
        await tenant.add("seen", YOURS, indicator=value, indicatorType=kind)
    async with tenant.server(tenant.allowed()) as client:
        answer = await ask(
            client, "create_threat_event", dataset_id=MINE, **EVENT, indicator=values[sent], indicator_type=typed
        )
        found = await ask(
            client, "search_threat_events", indicator_type=[typed], dataset_ids=[YOURS], fields=["indicator"]
        )
    told = f"indicator_type: {typed} as {sent}"
    made = answer["read_as"]
    assert isinstance(made, list) and told in made
    assert (found["read_as"], column(found, "indicator")) == ([told], [values[sent]])


async def test_a_word_that_is_not_a_type_is_refused_with_the_valid_ones(tenant: Tenant) -> None:
    await tenant.add("seen", YOURS, indicator="192.0.2.1", indicatorType="ip")
    async with tenant.server(tenant.allowed()) as client:
        words = await refused(
            client, "create_threat_event", dataset_id=MINE, **EVENT, indicator="192.0.2.1", indicator_type="C2"
        )
    assert words == snapshot("""\
indicator_type: the account does not know 'C2'. Use one of these.
<untrusted MARK>
ip
</untrusted MARK>\
""")


async def test_an_update_holds_the_indicator_and_its_type_together(tenant: Tenant) -> None:
    event = await tenant.add("seen", MINE, indicator="192.0.2.1", indicatorType="ip")
    await tenant.add("seen", YOURS, indicator="evil.example", indicatorType="domain")
    change: dict[str, JsonValue] = {"dataset_id": MINE, "event_id": event.uuid}
    async with tenant.server(tenant.allowed()) as client:
        words = [
            await refused(client, "update_threat_event", **change, indicator="evil.example"),
            await refused(client, "update_threat_event", **change, indicator_type="domain"),
        ]
        done = await ask(
            client, "update_threat_event", **change, indicator="evil[.]example:80", indicator_type="hostname"
        )
    assert (words, done["read_as"]) == snapshot(
        (
            [
                "indicator: it does not fit the indicator_type that the event has. Use indicator_type as well.",
                "indicator_type: it does not fit the indicator that the event has. Use indicator as well.",
            ],
            ["indicator: evil[.]example:80 as evil.example", "indicator_type: hostname as domain"],
        )
    )


async def test_a_text_argument_keeps_its_text_even_if_it_is_json(tenant: Tenant) -> None:
    await tenant.add("nothing else", YOURS)
    async with tenant.server(tenant.reading()) as client:
        by_text = await ask(client, "search_threat_events", text="null")
        by_list = await ask(client, "search_threat_events", attacker="null")
        as_json = await ask(client, "search_threat_events", indicator='["192.0.2.1"]')
    assert [data.get("rows", []) for data in (by_text, by_list, as_json)] == [[], [], []]
    sent = [str(one.query) + str(one.body) for one in tenant.searches()]
    assert any('"null"' in one for one in sent) and not any('[\\"192' in one for one in sent)


@pytest.mark.parametrize("indicator", ["a.example, b.example", "a.example b.example"])
async def test_several_indicators_are_refused_in_a_field_of_one_and_imported_as_those_of_one_event(
    tenant: Tenant, indicator: str
) -> None:
    typed = {**EVENT, "indicator": indicator, "indicator_type": "domain"}
    async with tenant.server(tenant.allowed()) as client:
        assert await refused(client, "create_threat_event", dataset_id=MINE, **typed) == snapshot(
            "indicator: it has 2 values, and this field has one. Use one value; import_threat_events takes an event for each."
        )
        done = await ask(client, "import_threat_events", dataset_id=MINE, rows=[typed])
    sent = str([one.body for one in tenant.log])
    assert done["events"] == 1 and "'a.example'" in sent and "'b.example'" in sent
