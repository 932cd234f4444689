"""Conversations about many indicators at once."""

from collections import Counter
from collections.abc import AsyncGenerator, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import replace
from pathlib import Path

import anyio
import pytest
from inline_snapshot import snapshot
from mcp import Client
from pydantic import JsonValue

from cf1_mcp.api.wire.transport import network
from cf1_mcp.contracts import tool as tool_runs
from cf1_mcp.models import Tlp
from cf1_mcp.sandbox.storage.sandbox_database import SandboxDatabase
from cf1_mcp.server.mcp_server import build_server
from cf1_mcp.settings import Settings
from tests.conversations import ask, ask_for_text, column, refused
from tests.ports import settings_for
from tests.tenant import NOW, Tenant
from tests.upstreams import Act, Scripted, answer, failed, upstream

pytestmark = pytest.mark.anyio

TOOL = "lookup_indicators"
REPORT = """\
BRASS LANTERN returns - https://blog.vendor.example/2026/brass-lantern

The lure invoice.pdf was sent from billing[@]kit.example[.]com and led to hxxps://cdn.kit.example[.]com/pay/index.php?id=7,
hosted on 198[.]51[.]100[.]7:8443 (also 198[.]51[.]100[.]7). The loader (SHA-256
9F86D081884C7D659A2FEAA0C55AD015A3BF4F1B2B0B822CD15D6C15B0F00A08) is version 1.2.3.4; it also tried 999.1[.]2.3 and
CVE-2025-12345.
"""


class Home:
    """A small tenant of this test, and a server connected to it."""

    def __init__(self, folder: Path, read_datasets: tuple[str, ...] = ("*",), max_tlp: Tlp = Tlp.AMBER) -> None:
        self.tenant = Tenant(folder, ("Home", "Away"))
        self.settings = Settings(state_dir=folder, read_datasets=read_datasets, max_tlp=max_tlp)

    async def add(self, *indicators: str, dataset: str = "Home", **fields: JsonValue) -> str:
        """Create an event of these indicators, which shows the first of them, and return its uuid."""
        values: list[JsonValue] = [{"value": value, "indicatorType": "any"} for value in indicators]
        defaults: dict[str, JsonValue] = {"date": "2026-11-20T08:00:00Z", "raw": {"data": {}}, "indicators": values}
        return (await self.tenant.add("A lure was sent", dataset, **(defaults | fields))).uuid

    def client(self) -> AbstractAsyncContextManager[Client]:
        return self.tenant.server(self.settings)


def hosts(count: int) -> list[JsonValue]:
    return [f"host-{number}.example" for number in range(count)]


def rows(data: dict[str, JsonValue]) -> list[dict[str, JsonValue]]:
    """Return the rows as mappings, without empty cells."""
    columns, found = data.get("columns", []), data.get("rows", [])
    assert isinstance(columns, list) and isinstance(found, list)
    return [
        {str(name): value for name, value in zip(columns, row, strict=True) if value != ""}
        for row in found
        if isinstance(row, list)
    ]


async def all_rows(client: Client, **arguments: JsonValue) -> list[dict[str, JsonValue]]:
    """Return the rows of all pages of a look-up."""
    pages = [await ask(client, TOOL, **arguments)]
    while cursor := pages[-1].get("next_cursor"):
        pages.append(await ask(client, TOOL, **arguments, cursor=cursor))
    return pages


@pytest.mark.both_moods
async def test_a_list_is_answered_row_by_row_with_known_indicators_first(client: Client) -> None:
    indicators: list[JsonValue] = ["nothing.example.org", "198[.]51[.]100[.]43", "hxxp://192.0.2.9/gate", "192.0.2.9"]
    assert await ask_for_text(client, TOOL, indicators=indicators) == snapshot("""\
[sandbox: fictional data, not intelligence]
indicators: 4
shown: 4
counts: {"known":3,"unknown":1}
<untrusted MARK>
read_as: 2 refanged
datasets: Cloudforce One Threat Events, Cybercrime, DDoS Attacks, Compromised Devices, ACME Incident Response
indicator	kind	status	events	first_seen	last_seen	attackers	categories	tlp	matched_as	event_ids
198[.]51[.]100[.]43	ipv4	known	3	2026-11-22 15:14	2026-11-24 05:33	COPPER LANTERN	Account Takeover,Command and Control,Credential Access & Discovery	amber		911b726d-f71b-545b-9243-98bb435ccb5d,bf910031-b316-5a51-963e-7ca8eb2da35d
hxxp://192[.]0[.]2[.]9/gate	url	known	14	2025-11-03 14:40	2026-11-12 15:36	STATIC FINCH,CINDER OTTER	DDoS,Account Takeover,Compromised Device,Residential Proxy	amber	host 192[.]0[.]2[.]9	60ce92e5-2cb8-5faf-8ea2-444bcba01cf2,0f99b59c-ef9f-5dd3-ad4f-bc723c5c75df
192[.]0[.]2[.]9	ipv4	known	14	2025-11-03 14:40	2026-11-12 15:36	STATIC FINCH,CINDER OTTER	DDoS,Account Takeover,Compromised Device,Residential Proxy	amber		60ce92e5-2cb8-5faf-8ea2-444bcba01cf2,0f99b59c-ef9f-5dd3-ad4f-bc723c5c75df
nothing[.]example[.]org	domain	unknown								
</untrusted MARK>
matched_as: only this part is known, not the indicator itself, and a shared host serves many unrelated sites.
event_ids has the newest 2 of an indicator's events: search_threat_events lists all, with their datasets.
Events marked above TLP:AMBER are not searched (CF1_MAX_TLP).
Absence from these datasets does not show that something is benign.\
""")


async def test_the_data_contains_the_same_facts_as_the_text(client: Client) -> None:
    data = await ask(client, TOOL, indicators=["198[.]51[.]100[.]43"], fields=["indicator", "events", "datasets"])
    assert data == snapshot(
        {
            "source": "sandbox: fictional data, not intelligence",
            "indicators": 1,
            "shown": 1,
            "counts": {"known": 1, "unknown": 0},
            "read_as": "1 refanged",
            "datasets": [
                "Cloudforce One Threat Events",
                "Cybercrime",
                "DDoS Attacks",
                "Compromised Devices",
                "ACME Incident Response",
            ],
            "untrusted": ["read_as", "datasets", "rows"],
            "columns": ["indicator", "events", "datasets"],
            "rows": [["198.51.100.43", 3, ["Cloudforce One Threat Events"]]],
            "notes": [
                "event_ids has the newest 2 of an indicator's events: search_threat_events lists all, with their datasets."
            ],
        }
    )


async def test_every_indicator_of_a_report_is_looked_up(client: Client) -> None:
    assert await ask_for_text(client, TOOL, text=REPORT) == snapshot("""\
[sandbox: fictional data, not intelligence]
indicators: 6
shown: 6
counts: {"known":1,"ambiguous":1,"unknown":4}
rejected: file name (1), impossible address (1)
<untrusted MARK>
read_as: 3 refanged, 1 repeated
datasets: Cloudforce One Threat Events, Cybercrime, DDoS Attacks, Compromised Devices, ACME Incident Response
references: hxxps://blog[.]vendor[.]example/2026/brass-lantern
indicator	kind	status	events	first_seen	last_seen	attackers	categories	tlp	why	event_ids
198[.]51[.]100[.]7	ipv4	known	3	2026-01-09 23:47	2026-06-06 01:02	GLASS HERON	Command and Control,Credential Access & Discovery,Reconnaissance	amber		db01a178-7405-5c33-b583-69f57c57e8de,05bbe97f-9d52-5f35-bdc9-091cec82f7be
1[.]2[.]3[.]4	ipv4	ambiguous							may be a version number	
billing[@]kit[.]example[.]com	email	unknown								
hxxps://cdn[.]kit[.]example[.]com/pay/index[.]php?id=7	url	unknown								
9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08	sha256	unknown								
CVE-2025-12345	cve	unknown								
</untrusted MARK>
event_ids has the newest 2 of an indicator's events: search_threat_events lists all, with their datasets.
Events marked above TLP:AMBER are not searched (CF1_MAX_TLP).
Absence from these datasets does not show that something is benign.\
""")


async def test_500_indicators_take_ten_requests_and_two_for_the_rules(client: Client, sample: Tenant) -> None:
    data = await ask(client, TOOL, indicators=hosts(500), limit=1)
    assert data["counts"] == {"known": 0, "unknown": 500}
    assert Counter(sample.requests()) == snapshot(
        Counter({"GET /events/dataset": 1, "GET /events/tags": 1, "GET /events/indicators": 5, "GET /events": 5})
    )


async def test_10_000_indicators_take_two_hundred_requests_and_two_for_the_rules(
    client: Client, sample: Tenant
) -> None:
    data = await ask(client, TOOL, indicators=hosts(10_000), limit=1)
    assert data["counts"] == {"known": 0, "unknown": 10_000}
    assert Counter(sample.requests()) == snapshot(
        Counter({"GET /events/dataset": 1, "GET /events/tags": 1, "GET /events/indicators": 100, "GET /events": 100})
    )


async def test_known_indicators_take_few_requests_more(client: Client, sample: Tenant) -> None:
    """One more to find out that the API heeds the search, and some for events that may turn out to be withheld."""
    pages = [await ask(client, "search_threat_events", limit=500, fields=["indicator"])]
    while (cursor := pages[-1].get("next_cursor")) and len(pages) < 10:
        pages.append(await ask(client, "search_threat_events", limit=500, fields=["indicator"], cursor=cursor))
    known = list[JsonValue](dict.fromkeys(str(value) for page in pages for value in column(page, "indicator")))[:500]
    sample.log.clear()
    data = await ask(client, TOOL, indicators=known, limit=1)
    assert (len(known), data["counts"], Counter(sample.requests())) == snapshot(
        (500, {"known": 498, "unknown": 1}, Counter({"GET /events/indicators": 6, "GET /events": 4, "POST /events": 4}))
    )


async def test_the_pages_together_list_each_indicator_once(client: Client, sample_database: SandboxDatabase) -> None:
    found = await ask(client, "search_threat_events", limit=200, fields=["indicator"])
    some = list(dict.fromkeys(column(found, "indicator")))[:60]
    indicators = [value for pair in zip(some, hosts(60), strict=False) for value in pair]
    pages = await all_rows(client, indicators=indicators, limit=25)
    listed = [str(value) for page in pages for value in column(page, "indicator")]
    statuses = [value for page in pages for value in column(page, "status")]
    assert len(listed) == len(set(listed)) == pages[0]["indicators"]
    assert statuses == sorted(statuses, key=lambda status: status == "unknown")
    assert {str(page["counts"]) for page in pages} == {str(pages[0]["counts"])}


async def test_a_later_page_looks_up_only_what_it_shows(client: Client, sample: Tenant) -> None:
    first = await ask(client, TOOL, indicators=hosts(2_000), limit=100)
    sample.log.clear()
    second = await ask(client, TOOL, indicators=hosts(2_000), limit=100, cursor=first["next_cursor"])
    assert (first["counts"], second["counts"]) == ({"known": 0, "unknown": 2_000},) * 2
    assert column(first, "indicator") + column(second, "indicator") == hosts(200)
    assert len(sample.log) == 12


async def test_with_only_known_the_unknown_are_counted_but_not_listed(client: Client) -> None:
    data = await ask(client, TOOL, indicators=[*hosts(300), "198.51.100.43"], only="known")
    assert (data["counts"], column(data, "indicator"), "next_cursor" in data) == (
        {"known": 1, "unknown": 300},
        ["198.51.100.43"],
        False,
    )


async def withheld_home(folder: Path, *, tell_withheld: bool = False) -> Home:
    home = Home(folder, max_tlp=Tlp.GREEN)
    home.settings = replace(home.settings, tell_withheld=tell_withheld)
    await home.add("a.example.com", tlp="amber", attacker="SECRET")
    await home.add("b.example.com", tlp="amber", attacker="SECRET")
    await home.add("b.example.com", attacker="OPEN")
    return home


async def test_an_indicator_that_only_withheld_events_have_is_unknown(tmp_path: Path) -> None:
    home = await withheld_home(tmp_path)
    async with home.client() as client:
        data = await ask(client, TOOL, indicators=["a.example.com", "b.example.com", "nobody.example.com"])
    assert (data["counts"], "withheld" in data, data["notes"]) == snapshot(
        (
            {"known": 1, "unknown": 2},
            False,
            [
                "Events marked above TLP:GREEN are not searched (CF1_MAX_TLP).",
                "Absence from these datasets does not show that something is benign.",
            ],
        )
    )
    assert [{**row, "event_ids": 1} if "event_ids" in row else row for row in rows(data)] == snapshot(
        [
            {
                "indicator": "b.example.com",
                "kind": "domain",
                "status": "known",
                "events": 1,
                "first_seen": "2026-11-20 08:00",
                "last_seen": "2026-11-20 08:00",
                "attackers": ["OPEN"],
                "categories": ["Phishing"],
                "tlp": "green",
                "event_ids": 1,
            },
            {"indicator": "a.example.com", "kind": "domain", "status": "unknown"},
            {"indicator": "nobody.example.com", "kind": "domain", "status": "unknown"},
        ]
    )


async def test_an_operator_can_have_the_withheld_indicators_told(tmp_path: Path) -> None:
    home = await withheld_home(tmp_path, tell_withheld=True)
    async with home.client() as client:
        data = await ask(
            client,
            TOOL,
            indicators=["a.example.com", "b.example.com", "nobody.example.com"],
            fields=["indicator", "status", "events", "attackers"],
        )
    assert (data["counts"], data["withheld"], rows(data)) == snapshot(
        (
            {"known": 1, "withheld": 1, "unknown": 1},
            ["2 by CF1_MAX_TLP (green)"],
            [
                {"indicator": "b.example.com", "status": "known", "events": 1, "attackers": ["OPEN"]},
                {"indicator": "a.example.com", "status": "withheld"},
                {"indicator": "nobody.example.com", "status": "unknown"},
            ],
        )
    )


async def test_a_dataset_that_may_not_be_read_is_not_searched(tmp_path: Path) -> None:
    home = Home(tmp_path, read_datasets=("Home",))
    await home.add("a.example.com", dataset="Away")
    async with home.client() as client:
        data = await ask(client, TOOL, indicators=["a.example.com"])
        words = await refused(client, TOOL, indicators=["a.example.com"], dataset_ids=["Away"])
    assert (data["datasets"], data["counts"]) == (["Home"], {"known": 0, "unknown": 1})
    assert words == snapshot(
        """\
dataset_ids: dataset 'Away' is not among those that may be read, and any other is withheld by CF1_READ_DATASETS. Use this one, or its uuid.
<untrusted MARK>
Home
</untrusted MARK>\
"""
    )


async def test_a_url_found_by_its_host_or_domain_is_marked_as_such(tmp_path: Path) -> None:
    home = Home(tmp_path)
    await home.add("cdn.evil.example.com")
    await home.add("bad.co.uk")
    await home.add("https://x.bad.co.uk/exact")
    urls: list[JsonValue] = [
        "https://cdn.evil.example.com/a",
        "https://deep.bad.co.uk/b",
        "https://x.bad.co.uk/exact",
        "https://www.other.org/",
    ]
    async with home.client() as client:
        data = await ask(client, TOOL, indicators=urls, fields=["indicator", "status", "events", "matched_as"])
    assert (rows(data), data["notes"]) == snapshot(
        (
            [
                {
                    "indicator": "https://cdn.evil.example.com/a",
                    "status": "known",
                    "events": 1,
                    "matched_as": "host cdn.evil.example.com",
                },
                {
                    "indicator": "https://deep.bad.co.uk/b",
                    "status": "known",
                    "events": 1,
                    "matched_as": "domain bad.co.uk",
                },
                {"indicator": "https://x.bad.co.uk/exact", "status": "known", "events": 1},
                {"indicator": "https://www.other.org/", "status": "unknown"},
            ],
            [
                "matched_as: only this part is known, not the indicator itself, and a shared host serves many unrelated sites.",
                "Events marked above TLP:AMBER are not searched (CF1_MAX_TLP).",
                "Absence from these datasets does not show that something is benign.",
            ],
        )
    )


async def test_several_spellings_of_one_indicator_are_one_indicator(tmp_path: Path) -> None:
    home = Home(tmp_path)
    await home.add("Kit.Example.com")
    await home.add("2001:0db8:0000:0000:0000:0000:0000:0007")
    await home.add("D41D8CD98F00B204E9800998ECF8427E")
    await home.add("https://kit.example.com/")
    typed: list[JsonValue] = [
        "KIT[.]EXAMPLE[.]com",
        "kit.example.com",
        "2001:db8::7",
        "2001:DB8:0:0::7",
        "d41d8cd98f00b204e9800998ecf8427e",
        "hxxps://kit.example[.]com",
        "",
    ]
    async with home.client() as client:
        data = await ask(client, TOOL, indicators=typed, fields=["indicator", "kind", "events"])
    assert (data["read_as"], data["rejected"], rows(data)) == snapshot(
        (
            "2 refanged, 2 repeated; '2001:DB8:0:0::7' as 2001:db8::7",
            ["empty (1)"],
            [
                {"indicator": "kit.example.com", "kind": "domain", "events": 1},
                {"indicator": "2001:db8::7", "kind": "ipv6", "events": 1},
                {"indicator": "d41d8cd98f00b204e9800998ecf8427e", "kind": "md5", "events": 1},
                {"indicator": "https://kit.example.com", "kind": "url", "events": 1},
            ],
        )
    )


async def test_the_path_of_a_url_keeps_its_case(tmp_path: Path) -> None:
    home = Home(tmp_path)
    await home.add("https://kit.example.com/Pay")
    typed: list[JsonValue] = ["https://kit.example.com/pay", "https://KIT.example.com/Pay"]
    async with home.client() as client:
        data = await ask(client, TOOL, indicators=typed, fields=["indicator", "status"])
    assert rows(data) == snapshot(
        [
            {"indicator": "https://kit.example.com/Pay", "status": "known"},
            {"indicator": "https://kit.example.com/pay", "status": "unknown"},
        ]
    )


async def test_an_event_that_shows_one_indicator_counts_for_all_of_its_indicators(tmp_path: Path) -> None:
    home = Home(tmp_path)
    await home.add("192.0.2.1", "192.0.2.2", "192.0.2.3")
    await home.add("192.0.2.2")
    async with home.client() as client:
        few = await ask(
            client, TOOL, indicators=["192.0.2.1", "192.0.2.2", "192.0.2.3"], fields=["indicator", "events"]
        )
        home.tenant.log.clear()
        many = await ask(client, TOOL, indicators=["192.0.2.3", *hosts(150)], only="known", fields=["events"])
    assert rows(few) == snapshot(
        [
            {"indicator": "192.0.2.1", "events": 1},
            {"indicator": "192.0.2.2", "events": 2},
            {"indicator": "192.0.2.3", "events": 1},
        ]
    )
    assert (rows(many), sorted(home.tenant.requests())) == (
        [{"events": 1}],
        # One of them asks for what cannot exist: some events do not show the indicator that was searched for.
        ["GET /events", "GET /events", "GET /events", "GET /events/indicators", "GET /events/indicators"],
    )


async def test_since_excludes_older_events(tmp_path: Path) -> None:
    home = Home(tmp_path)
    await home.add("192.0.2.1", date="2026-01-01T00:00:00Z")
    await home.add("192.0.2.2")
    async with home.client() as client:
        data = await ask(
            client, TOOL, indicators=["192.0.2.1", "192.0.2.2"], since="30d", fields=["indicator", "status"]
        )
    assert rows(data) == snapshot(
        [{"indicator": "192.0.2.2", "status": "known"}, {"indicator": "192.0.2.1", "status": "unknown"}]
    )


async def test_rare_indicators_are_found_in_a_group_with_more_events_than_are_read() -> None:
    pages = [_page_of("192.0.2.1", number) for number in range(10)]
    rare = [{"uuid": "rare", "indicator": "192.0.2.2", "date": "2026-01-01T00:00:00Z"}]
    async with _served(*_vocabulary(), *pages, _events(rare)) as (server, client):
        data = await ask(client, TOOL, indicators=["192.0.2.1", "192.0.2.2"], fields=["indicator", "events"])
    assert (rows(data), data["notes"], len(server.requests)) == snapshot(
        (
            [{"indicator": "192.0.2.1", "events": "9999+"}, {"indicator": "192.0.2.2", "events": 1}],
            [
                "events with + were not all counted, and first_seen may be earlier.",
                "event_ids has the newest 2 of an indicator's events: search_threat_events lists all, with their datasets.",
            ],
            14,
        )
    )


@pytest.mark.parametrize("told", [False, True])
async def test_pages_of_withheld_events_hide_no_event_that_may_be_shown(told: bool) -> None:
    """The API may return what it was asked to leave out, here markings that it does not know."""
    shown = [{"uuid": "rare", "indicator": "192.0.2.2", "date": "2026-01-01T00:00:00Z", "tlp": "green"}]
    pages = [_page_of("192.0.2.1", number, tlp="crimson") for number in range(10)]
    async with _served(*_vocabulary(), *pages, _events(shown), tell_withheld=told) as (_, client):
        data = await ask(client, TOOL, indicators=["192.0.2.1", "192.0.2.2"], fields=["indicator", "status", "events"])
    assert rows(data) == [
        {"indicator": "192.0.2.2", "status": "known", "events": 1},
        {"indicator": "192.0.2.1", "status": "withheld" if told else "unknown"},
    ]


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({}, snapshot("indicators, text: neither is given. Use one of the two.")),
        (
            {"indicators": ["a.example"], "text": "a.example"},
            snapshot("indicators, text: both are given. Use one of the two."),
        ),
        ({"indicators": []}, snapshot("indicators: the list is empty. Use 1 to 10,000 values.")),
        ({"indicators": ["", " "]}, snapshot("indicators: the list is empty. Use 1 to 10,000 values.")),
        (
            {"indicators": hosts(10_001)},
            snapshot("indicators: it has a list of 10,001 values. Use at most 10,000 in one list, and 25,000 in all."),
        ),
        ({"text": " \n"}, snapshot("text: it is empty. Use a text that contains indicators.")),
        (
            {"text": "x" * 5_000_000},
            snapshot("text: 5,000,000 characters are too many. Use at most 1 MB (1,048,576 characters)."),
        ),
        (
            {"indicators": ["a.example"], "fields": ["atacker"]},
            snapshot(
                "fields: there is no field 'atacker', did you mean 'attackers'? Use indicator, kind, status, events, first_seen, last_seen, attackers, categories, tlp, matched_as, why, event_ids or datasets."
            ),
        ),
        (
            {"indicators": ["a.example"], "since": "soon"},
            snapshot(
                "since: 'soon' is not a date. Use an ISO date or time (2026-11-24, 2026-11, 2026-W48, 2026-11-24T08:00Z), today, yesterday 08:00, last week, or a time ago (24h, 7d, 4w, 3mo, P7D, 30 days ago)."
            ),
        ),
        (
            {"indicators": ["a.example"], "cursor": "12345678-1-1-1"},
            snapshot(
                "cursor: this is not a cursor of this server, or it belongs to other arguments. Use the next_cursor of the last answer with the same arguments, or leave it out to start again."
            ),
        ),
    ],
    ids=["neither", "both", "no", "blank", "10,001", "empty text", "5 MB", "field", "since", "cursor"],
)
async def test_invalid_input_is_refused_with_the_reason(
    client: Client, arguments: dict[str, JsonValue], words: str
) -> None:
    assert await refused(client, TOOL, **arguments) == words


async def test_a_forged_cursor_is_refused(client: Client) -> None:
    first = await ask(client, TOOL, indicators=hosts(3), limit=1)
    forged = str(first["next_cursor"]).rsplit("-", 1)[0]
    assert await refused(client, TOOL, indicators=hosts(3), limit=1, cursor=forged) == snapshot(
        "cursor: this is not a cursor of this server, or it belongs to other arguments. Use the next_cursor of the last answer with the same arguments, or leave it out to start again."
    )


async def test_ten_thousand_dots_contain_no_indicator(client: Client, sample: Tenant) -> None:
    data = await ask(client, TOOL, text="." * 10_000)
    assert (data["indicators"], data["notes"]) == snapshot((0, ["Nothing in it has the form of an indicator."]))
    assert sample.searches() == []


async def test_a_text_of_defanged_addresses_is_a_list_of_addresses(client: Client) -> None:
    text = "\n".join(f"user{number}[@]mail{number}[.]example[.]org" for number in range(50))
    data = await ask(client, TOOL, text=text, fields=["kind"], limit=50)
    assert (data["indicators"], data["read_as"], column(data, "kind")) == (50, "50 refanged", ["email"] * 50)


async def test_an_indicator_too_long_for_the_api_is_reported_and_the_others_are_looked_up(client: Client) -> None:
    long = f"https://kit.example.com/{'a' * 600}"
    data = await ask(client, TOOL, indicators=["x" * 600, long, "198.51.100.43"], fields=["kind", "status", "why"])
    assert (rows(data), data["counts"]) == snapshot(
        (
            [
                {"kind": "ipv4", "status": "known"},
                {
                    "kind": "other",
                    "status": "not_looked_up",
                    "why": "longer than the 512 characters that the API accepts",
                },
                {
                    "kind": "url",
                    "status": "not_looked_up",
                    "why": "longer than the 512 characters that the API accepts",
                },
            ],
            {"known": 1, "unknown": 0, "not_looked_up": 2},
        )
    )


async def test_a_failed_group_is_reported_and_the_others_are_answered() -> None:
    async with _served(*_vocabulary(), failed("400 Bad Request", "no such thing"), _events([])) as (_, client):
        data = await ask(client, TOOL, indicators=hosts(250), limit=1)
    counts = data["counts"]
    assert isinstance(counts, dict) and sorted(counts.values(), key=str) in ([0, 100, 150], [0, 200, 50])
    assert rows(data)[0]["why"] == snapshot(
        'The API refused the request (400). Correct what it names and call again. (The API said: "no such thing")'
    )


async def test_a_failure_of_everything_is_an_error() -> None:
    async with _served(*_vocabulary(), failed("400 Bad Request", "no such thing")) as (_, client):
        assert await refused(client, TOOL, indicators=hosts(250)) == snapshot(
            """\
The API refused the request (400). Correct what it names and call again.
<untrusted MARK>
The API said: "no such thing"
</untrusted MARK>\
"""
        )


async def test_after_a_rate_limit_the_cursor_continues_where_the_look_up_stopped() -> None:
    limited = failed("429 Too Many Requests", "slow down", "Retry-After: 300\r\n")
    async with _served(*_vocabulary(), *[_events([])] * 2, limited) as (server, client):
        data = await ask(client, TOOL, indicators=hosts(10_000), limit=1)
    assert "next_cursor" in data and len(server.requests) <= 2 + 2 * 6
    assert data["notes"] == snapshot(
        [
            "The API's rate limit is reached (429) and requires a wait of 300 s, longer than one call may take. Call again after 300 s. next_cursor continues with the rest.",
            "The list is long, so each value was looked up in one spelling only. Look unknown ones up again, a hundred a call, to find other stored forms: wildcards, a trailing dot, /32.",
            "Events marked above TLP:AMBER are not searched (CF1_MAX_TLP).",
            "Absence from these datasets does not show that something is benign.",
        ]
    )


async def test_without_the_list_of_indicators_uncertain_results_are_ambiguous() -> None:
    other = [{"uuid": "u", "indicator": "192.0.2.9", "date": "2026-11-20T00:00:00Z"}]
    missing = failed("404 Not Found", "no route")
    async with _served(*_vocabulary(), _events(other), _events([]), indicators=missing) as (_, client):
        data = await ask(client, TOOL, indicators=["192.0.2.1", "192.0.2.2"])
    assert rows(data) == snapshot(
        [
            {
                "indicator": "192.0.2.1",
                "kind": "ipv4",
                "status": "ambiguous",
                "why": "an event found with it shows another indicator: look it up alone",
            },
            {
                "indicator": "192.0.2.2",
                "kind": "ipv4",
                "status": "ambiguous",
                "why": "an event found with it shows another indicator: look it up alone",
            },
        ]
    )


async def test_what_does_not_fit_into_the_time_is_left_to_the_next_call(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tool_runs, "MAX_CALL_SECONDS", 4.0)
    async with _served(*_vocabulary(), _events([]), Act.HANG) as (server, client):
        data = await ask(client, TOOL, indicators=hosts(1_000), limit=200)
        again = {"indicators": hosts(1_000), "limit": 200, "cursor": data["next_cursor"]}
        monkeypatch.setattr(server, "script", [_events([])])
        rest = await ask(client, TOOL, **again)
    assert (data["counts"], data["shown"], data["notes"]) == snapshot(
        (
            {"known": 0, "unknown": 100, "not_looked_up": 900},
            0,
            [
                "The API was too slow to look up everything in one call. next_cursor continues with the rest.",
                "The list is long, so each value was looked up in one spelling only. Look unknown ones up again, a hundred a call, to find other stored forms: wildcards, a trailing dot, /32.",
                "Events marked above TLP:AMBER are not searched (CF1_MAX_TLP).",
                "Absence from these datasets does not show that something is benign.",
            ],
        )
    )
    assert rest["shown"] == 200


async def test_progress_is_reported(any_client: Client) -> None:
    heard: list[tuple[float, float | None, str | None]] = []

    async def hear(progress: float, total: float | None, message: str | None) -> None:
        heard.append((progress, total, message))

    await any_client.call_tool(TOOL, {"indicators": hosts(250)}, progress_callback=hear)
    assert sorted(heard)[-1] == (250, 250, "250 of 250 values looked up")
    assert len(heard) == 3


async def test_a_cancelled_look_up_sends_no_more_requests(any_client: Client, sample: Tenant) -> None:
    with anyio.CancelScope() as scope:

        async def cancel(progress: float, total: float | None, message: str | None) -> None:
            scope.cancel()

        await any_client.call_tool(TOOL, {"indicators": hosts(10_000)}, progress_callback=cancel)
    for _ in range(3):
        await any_client.list_tools()
    sent = len(sample.log)
    for _ in range(3):
        await any_client.list_tools()
    assert scope.cancelled_caught and sent == len(sample.log) < 60


def _vocabulary() -> tuple[bytes, bytes]:
    """The datasets and the tags, which the rules for reading need."""
    datasets: list[JsonValue] = [{"uuid": "d" * 8, "name": "Home"}]
    return answer({"success": True, "result": datasets}), answer({"success": True, "result": {"tags": []}})


def _indicators(*indicators: dict[str, JsonValue], **more: JsonValue) -> bytes:
    result: dict[str, JsonValue] = {"indicators": [*indicators], "pagination": {"has_more": False}, **more}
    return answer({"success": True, "result": result})


def _events(events: Sequence[dict[str, str]]) -> bytes:
    return answer({"success": True, "result": events, "result_info": {"cursor": None}})


def _page_of(indicator: str, number: int, **fields: str) -> bytes:
    """A full page of events with an indicator, without paging details."""
    date = "2026-11-20T00:00:00Z"
    events = [{"uuid": f"u{number}-{one}", "indicator": indicator, "date": date, **fields} for one in range(1_000)]
    return answer({"success": True, "result": events})


@asynccontextmanager
async def _served(
    *script: bytes | Act, tell_withheld: bool = False, indicators: bytes | Act | None = None
) -> AsyncGenerator[tuple[Scripted, Client]]:
    """A server connected to an upstream that plays the script, and has a list of indicators, by default an empty one."""
    async with upstream(*script) as scripted:
        scripted.routes["/events/indicators"] = indicators or _indicators()
        base = f"http://127.0.0.1:{scripted.port}/client/v4"
        settings = replace(settings_for(base), tell_withheld=tell_withheld)
        async with Client(build_server(settings, lambda: network(base), clock=lambda: NOW)) as client:
            yield scripted, client


async def test_a_group_that_is_too_long_for_a_url_is_halved_where_no_body_is_read() -> None:
    urls: list[JsonValue] = [f"https://{'x' * 60}.{'y' * 60}.example/{'z' * 60}/{number}" for number in range(90)]
    async with _served(_events([])) as (scripted, client):
        datasets, tags = _vocabulary()
        scripted.routes |= {"/events/dataset": datasets, "/events/tags": tags}
        scripted.routes["POST /events"] = failed("405 Method Not Allowed", "no")
        data = await ask(client, TOOL, indicators=urls, limit=1)
    searches = [line for line in scripted.requests if line.startswith("GET") and "search=" in line]
    assert data["counts"] == {"known": 0, "unknown": 90}
    assert len(searches) > 1 and max(map(len, searches)) < 16_000
