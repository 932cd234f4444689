"""The shared catalogue of actors: in profiles, and in finding the account's name for an actor."""

import json
from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import asynccontextmanager

import anyio
import httpx
import pytest
from inline_snapshot import snapshot
from mcp import Client
from pydantic import JsonValue
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Receive, Scope, Send

from cf1_mcp.api import vocabulary
from cf1_mcp.models import Tlp
from cf1_mcp.sandbox.app import create_sandbox_app
from cf1_mcp.server.mcp_server import build_server
from cf1_mcp.settings import Settings
from tests.conversations import ask, ask_for_text, column
from tests.tenant import NOW, Tenant

pytestmark = pytest.mark.anyio

CATALOG = "/events/tags/categories/actors"
NO_ROUTE: JsonValue = {"success": False, "errors": [{"code": 7003, "message": "no route"}], "result": None}
DENIED: JsonValue = {"success": False, "errors": [{"message": "An error occurred."}], "result": {}}


@asynccontextmanager
async def answering(tenant: Tenant, settings: Settings, answer: JsonValue, status: int = 200) -> AsyncGenerator[Client]:
    """A client of a server whose API answers this to every request for the catalogue."""
    app: ASGIApp = create_sandbox_app(tenant.store)

    async def answer_catalog(scope: Scope, receive: Receive, send: Send) -> None:
        if str(scope["path"]).endswith(CATALOG):
            tenant.log.append(scope["path"])
            await JSONResponse(answer, status)(scope, receive, send)
        else:
            await app(scope, receive, send)

    async with Client(build_server(settings, lambda: httpx.ASGITransport(answer_catalog), clock=lambda: NOW)) as client:
        yield client


def set_catalog(tenant: Tenant, *actors: Mapping[str, object]) -> None:
    """Make these the only entries of the catalogue, marked green unless they have a marking."""
    tenant.store.actors = [{"tlp": "green", **actor} for actor in actors]


async def find_events(client: Client, attacker: str) -> tuple[JsonValue, Sequence[JsonValue]]:
    """Return how the name of an attacker was read, and its events."""
    found = await ask(client, "search_threat_events", attacker=[attacker], fields=["event"])
    return found.get("read_as"), column(found, "event") if "rows" in found else []


# -- resolving names


@pytest.mark.both_moods
async def test_a_name_of_the_catalogue_finds_the_events_of_the_accounts_name(tenant: Tenant) -> None:
    set_catalog(tenant, {"value": "APT29", "aliases": ["Midnight Blizzard"], "aliasGroupNames": ["Cozy Bear"]})
    await tenant.add("one", attacker="Cozy Bear")
    await tenant.add("two", attacker="Other")
    async with tenant.server(tenant.reading()) as client:
        assert await find_events(client, "midnight blizzard") == snapshot(
            (["attacker: midnight blizzard as Cozy Bear"], ["one"])
        )
        profile = await ask(client, "profile_attacker", attacker="Midnight Blizzard")
        assert (profile["attacker"], profile["attacker_aliases"]) == (["Cozy Bear"], ["APT29", "Midnight Blizzard"])
        export = await ask(client, "export_threat_events", format="csv", attacker=["MIDNIGHT BLIZZARD"])
        assert export["events"] == 1
        listed = await ask(client, "list_threat_vocabulary", kind="attackers", contains="Midnight Blizzard")
        assert listed["near"] == ["Cozy Bear"]


async def test_names_are_compared_whole(tenant: Tenant) -> None:
    set_catalog(tenant, {"value": "A", "aliases": ["apt280"]}, {"value": "B", "aliases": ["apt28"]})
    await tenant.add("of A", attacker="A")
    await tenant.add("of B", attacker="B")
    async with tenant.server(tenant.reading()) as client:
        assert await find_events(client, "APT28") == snapshot((["attacker: APT28 as B"], ["of B"]))
        assert await find_events(client, "apt2") == (None, [])


async def test_an_own_name_counts_more_than_an_alias_of_another_actor(tenant: Tenant) -> None:
    set_catalog(
        tenant, {"value": "Tide"}, {"value": "Orca", "aliases": ["Tide", "Wave"]}, {"value": "W", "aliases": ["Wave"]}
    )
    for name in ("Tide", "Orca", "W"):
        await tenant.add(f"of {name}", attacker=name)
    async with tenant.server(tenant.reading()) as client:
        assert await find_events(client, "tide") == snapshot((["attacker: tide as Tide"], ["of Tide"]))
        read_as, events = await find_events(client, "wave")
        assert (read_as, sorted(map(str, events))) == snapshot(
            (["attacker: wave is a name of several actors, and was searched for as typed: choose one of Orca, W"], [])
        )


async def test_a_name_of_the_account_is_searched_for_alone(tenant: Tenant) -> None:
    set_catalog(
        tenant,
        {"value": "APT29", "aliases": ["Bear"]},
        {"value": "apt280", "aliases": ["Bear", "Midnight Blizzard"]},
        {"value": "Cloud", "aliases": ["Rain"]},
    )
    for name in ("Bear", "APT29", "apt280", "Cloud", "Rain"):
        await tenant.add(f"of {name}", attacker=name)
    async with tenant.server(tenant.reading()) as client:
        found = {name: await find_events(client, name) for name in ("Bear", "APT29", "midnight blizzard", "rain")}
        profile = await ask(client, "profile_attacker", attacker="Bear")
        export = await ask(client, "export_threat_events", format="csv", attacker=["Bear"])
    assert found == snapshot(
        {
            "Bear": (None, ["of Bear"]),
            "APT29": (None, ["of APT29"]),
            "midnight blizzard": (["attacker: midnight blizzard as apt280"], ["of apt280"]),
            "rain": (["attacker: rain alone; events call the actor Cloud as well"], ["of Rain"]),
        }
    )
    assert (profile["attacker"], profile.get("attacker_aliases"), export["events"]) == (["Bear"], None, 1)


@pytest.mark.parametrize("name", ["N/A", "-", "unknown", "None", " n/a ", "Unattributed", "(unknown)", "???", "—"])
async def test_a_placeholder_joins_no_actors(tenant: Tenant, name: str) -> None:
    set_catalog(
        tenant, {"value": "APT29", "aliases": [name, "Cozy"]}, {"value": "Fancy", "aliasGroupNames": [name, "Cosy"]}
    )
    for attacker in ("APT29", "Fancy"):
        await tenant.add(f"of {attacker}", attacker=attacker)
    async with tenant.server(tenant.reading()) as client:
        assert await find_events(client, name) == (None, [])
        assert await find_events(client, "cozy") == (["attacker: cozy as APT29"], ["of APT29"])
        profile = await ask(client, "profile_attacker", attacker="cosy")
    assert (profile["attacker"], profile["attacker_aliases"]) == (["Fancy"], ["Cosy"])


async def test_an_alias_is_not_followed_to_the_aliases_of_another_actor(tenant: Tenant) -> None:
    set_catalog(
        tenant,
        {"value": "One", "aliases": ["Typed", "Middle"]},
        {"value": "Two", "aliases": ["Middle", "Last"]},
        {"value": "Three", "aliases": ["Last"]},
    )
    for attacker in ("One", "Middle", "Two", "Last", "Three"):
        await tenant.add(f"of {attacker}", attacker=attacker)
    async with tenant.server(tenant.reading()) as client:
        assert await find_events(client, "typed") == (["attacker: typed as One"], ["of One"])


async def test_names_in_one_text_and_rows_with_a_name_are_read(tenant: Tenant) -> None:
    rows: list[JsonValue] = [
        {"name": "APT29", "aliases": "Midnight Blizzard, Cozy Bear; Dukes", "tlp": "green"},
        {"value": "APT28", "aliases": ["Fancy, Bear"], "tlp": "green"},
    ]
    for attacker in ("APT29", "APT28"):
        await tenant.add(f"of {attacker}", attacker=attacker)
    async with answering(tenant, tenant.reading(), {"success": True, "result": rows}) as client:
        for name in ("midnight blizzard", "cozy bear", "dukes"):
            assert await find_events(client, name) == ([f"attacker: {name} as APT29"], ["of APT29"])
        # A list is taken as it is.
        assert await find_events(client, "fancy, bear") == (["attacker: fancy, bear as APT28"], ["of APT28"])
        assert await find_events(client, "fancy") == (None, [])


async def test_a_marking_of_names_in_one_text_withholds_each(tenant: Tenant) -> None:
    names = "Midnight Blizzard, Cozy Bear"
    set_catalog(tenant, {"value": "APT29", "aliases": names, "aliases_annotated": [{"value": names, "tlp": "red"}]})
    await tenant.add("one", attacker="APT29")
    async with tenant.server(tenant.reading()) as client:
        assert await find_events(client, "cozy bear") == (None, [])
        assert "Cozy" not in await ask_for_text(client, "profile_attacker", attacker="APT29")


async def test_a_similar_name_of_a_known_actor_is_suggested(tenant: Tenant) -> None:
    set_catalog(
        tenant, {"value": "APT29", "aliases": ["Midnight Blizzard"]}, {"value": "X", "aliases": ["Midnight Blizard"]}
    )
    await tenant.add("one", attacker="APT29")
    async with tenant.server(tenant.reading()) as client:
        found = await ask(client, "search_threat_events", attacker=["Midnite Blizzard"])
        assert found["unknown_words"] == snapshot(
            ["attacker: Midnite Blizzard is unknown, the nearest is Midnight Blizzard"]
        )


async def test_the_catalogue_costs_one_request_in_five_minutes(tenant: Tenant) -> None:
    await tenant.add("one", attacker="COPPER LANTERN")
    async with tenant.server(tenant.reading()) as client:
        await find_events(client, "Amber Sleet")
        tenant.log.clear()
        await find_events(client, "Ledger Spider")
        assert tenant.requests() == ["GET /events"]


# -- profiles


async def test_a_profile_shows_the_entry_without_links(client: Client) -> None:
    profile = await ask(client, "profile_attacker", attacker="Vault Weevil")
    assert (profile["attacker"], profile["highest_tlp"], profile["catalog"]) == snapshot(
        (
            ["BRASS TORTOISE"],
            "amber",
            {
                "untrusted": ["rows"],
                "columns": [
                    "name",
                    "alias_groups",
                    "origin",
                    "discovered",
                    "confidence",
                    "tlp",
                    "references",
                    "description",
                ],
                "rows": [
                    [
                        "BRASS TORTOISE",
                        ["Vault Weevil"],
                        ["BY"],
                        "2025-01-08",
                        "high",
                        "clear",
                        ["Fictional reports hxxps://reports.example/brass-tortoise"],
                        "Encrypts hospitals.",
                    ]
                ],
            },
        )
    )


async def test_an_actor_without_events_is_known_from_the_catalogue(client: Client) -> None:
    assert await ask_for_text(client, "profile_attacker", attacker="parcel thieves") == snapshot("""\
[sandbox: fictional data, not intelligence]
events: 0
highest_tlp: green
<untrusted MARK>
datasets: Cloudforce One Threat Events, Cybercrime, DDoS Attacks, Compromised Devices, ACME Incident Response
attacker: parcel thieves
attacker_aliases: IVORY LYNX, Snow Parcel
-- catalog
name	alias_groups	origin	discovered	confidence	tlp	references	description
IVORY LYNX	Snow Parcel	SE	2022-02-22	low	green	Fictional reports hxxps://reports[.]example/ivory-lynx	Not seen by the accounts of this sandbox.
</untrusted MARK>
No event of any date that may be shown names this actor.
Events marked above TLP:AMBER are not searched (CF1_MAX_TLP).
Absence from these datasets does not show that something is benign.\
""")


async def test_an_alias_of_two_actors_shows_both_and_profiles_neither(client: Client) -> None:
    profile = await ask(client, "profile_attacker", attacker="Folding Tide")
    catalog = profile["catalog"]
    assert isinstance(catalog, dict)
    assert column(catalog, "name") == ["PAPER ORCA", "SAFFRON MOLE"]
    assert (profile["attacker"], profile.get("attacker_aliases"), profile["events"]) == (["Folding Tide"], None, 0)
    assert profile["did_you_mean"] == snapshot(
        ["attacker: Folding Tide is a name of several actors: PAPER ORCA, SAFFRON MOLE"]
    )


# -- what is withheld


@pytest.mark.parametrize(
    ("ceiling", "tlp", "is_shown"),
    [
        (Tlp.AMBER, "red", False),
        (Tlp.AMBER, "AMBER-STRICT", False),
        (Tlp.AMBER, "purple", False),
        (Tlp.AMBER, ["green"], False),
        (Tlp.AMBER, "", True),
        (Tlp.GREEN, None, False),
        (Tlp.GREEN, "amber", False),
        (Tlp.RED, "red", True),
    ],
)
async def test_an_entry_above_the_ceiling_is_neither_shown_nor_followed(
    tenant: Tenant, ceiling: Tlp, tlp: object, is_shown: bool
) -> None:
    await tenant.add("one", attacker="APT29")
    settings = tenant.allowed(max_tlp=ceiling)
    set_catalog(tenant, {"value": "APT29", "aliases": ["Blizzard"], "description": "told", "tlp": tlp})
    async with tenant.server(settings) as client:
        found = await ask_for_text(client, "search_threat_events", attacker=["blizzard"])
        profiles = [await ask_for_text(client, "profile_attacker", attacker=name) for name in ("blizzard", "apt29")]
    assert [("as APT29" in found), *("told" in profile for profile in profiles)] == [is_shown] * 3
    set_catalog(tenant)
    async with tenant.server(settings) as client:
        same = [await ask_for_text(client, "profile_attacker", attacker=name) for name in ("blizzard", "apt29")]
        assert ((await ask_for_text(client, "search_threat_events", attacker=["blizzard"])) == found) is not is_shown
        assert (same == profiles) is not is_shown


async def test_a_value_above_the_ceiling_is_left_out_of_its_entry(tenant: Tenant) -> None:
    reference = {"source_name": "partner", "url": "https://partner.example/x"}
    set_catalog(
        tenant,
        {
            "value": "APT29",
            "aliases": ["Blizzard", "Secret Name"],
            "aliases_annotated": [{"value": "Secret Name", "tlp": "red"}, {"value": "Blizzard", "tlp": "clear"}],
            "externalReferences": [reference, "https://open.example"],
            "externalReferences_annotated": [{"value": reference, "tlp": "amber+strict"}],
            "originCountryISO": "RU",
            "originCountryISO_annotated": {"tlp": "red"},
        },
    )
    await tenant.add("one", attacker="APT29")
    async with tenant.server(tenant.reading()) as client:
        profile = await ask(client, "profile_attacker", attacker="blizzard")
        assert (profile["attacker_aliases"], profile["catalog"]) == snapshot(
            (
                ["Blizzard"],
                {
                    "untrusted": ["rows"],
                    "columns": [
                        "name",
                        "alias_groups",
                        "origin",
                        "discovered",
                        "confidence",
                        "tlp",
                        "references",
                        "description",
                    ],
                    "rows": [["APT29", [], [], "", "", "green", ["hxxps://open.example"], ""]],
                },
            )
        )
        assert await find_events(client, "secret name") == (None, [])


async def test_a_withheld_tag_is_not_told_as_a_name(tenant: Tenant) -> None:
    tag: dict[str, JsonValue] = {"uuid": "1", "value": "Operation Quiet", "tlp": "red"}
    set_catalog(tenant, {"value": "APT29", "aliases": ["operation quiet", "Blizzard"]})
    await tenant.add("one", attacker="APT29")
    app: ASGIApp = create_sandbox_app(tenant.store)

    async def with_tag(scope: Scope, receive: Receive, send: Send) -> None:
        if str(scope["path"]).endswith("/events/tags"):
            await JSONResponse({"tags": [tag]})(scope, receive, send)
        else:
            await app(scope, receive, send)

    server = build_server(tenant.reading(), lambda: httpx.ASGITransport(with_tag), clock=lambda: NOW)
    async with Client(server) as client:
        profile = await ask(client, "profile_attacker", attacker="Blizzard")
        assert profile["attacker_aliases"] == ["Blizzard"]
        assert await find_events(client, "operation quiet") == (None, [])


async def test_an_attacker_of_withheld_events_is_not_told_by_the_catalogue(tenant: Tenant) -> None:
    set_catalog(tenant, {"value": "APT29", "aliases": ["Blizzard"]})
    await tenant.add("open", attacker="Other")
    calls: list[tuple[str, dict[str, JsonValue]]] = [
        ("search_threat_events", {"attacker": ["blizzard"]}),
        ("search_threat_events", {"attacker": ["blizzzard"]}),
        ("profile_attacker", {"attacker": "blizzard"}),
        ("list_threat_vocabulary", {"kind": "attackers", "contains": "blizzard"}),
    ]

    async def answers() -> list[str]:
        async with tenant.server(tenant.reading()) as client:
            return [await ask_for_text(client, tool, **arguments) for tool, arguments in calls]

    before = await answers()
    await tenant.add("secret", attacker="APT29", tlp="red")
    assert await answers() == before


# -- accounts without it, and odd answers


@pytest.mark.parametrize(
    ("status", "answer"),
    [
        (400, NO_ROUTE),
        (404, NO_ROUTE),
        (404, DENIED),
        (405, DENIED),
        (403, DENIED),
        (400, DENIED),
        (500, DENIED),
        (200, {"success": True, "result": {"odd": 1}}),
        (200, None),
    ],
)
async def test_an_account_without_the_catalogue_says_so_once(tenant: Tenant, status: int, answer: JsonValue) -> None:
    await tenant.add("one", attacker="APT29")
    async with answering(tenant, tenant.reading(), answer, status) as client:
        assert await find_events(client, "apt29") == (["attacker: apt29 as APT29"], ["one"])
        notes = (await ask(client, "profile_attacker", attacker="apt29"))["notes"]
        both = (await ask(client, "profile_attacker", attacker="apt29", compare="nobody"))["notes"]
        assert isinstance(notes, list) and isinstance(both, list)
        assert [sum("catalogue of actors" in str(note) for note in each) for each in (notes, both)] == [1, 1]
    # With the second try where a size of pages may be what is refused.
    assert len(tenant.log) == (2 if status == 400 and answer is DENIED else 1)


async def test_a_slow_catalogue_holds_up_one_search(tenant: Tenant, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(vocabulary, "MAX_CATALOG_SECONDS", 0.2)
    await tenant.add("one", attacker="APT29")
    app: ASGIApp = create_sandbox_app(tenant.store)

    async def never_answer_catalog(scope: Scope, receive: Receive, send: Send) -> None:
        if str(scope["path"]).endswith(CATALOG):
            tenant.log.append(scope["path"])
            await anyio.sleep_forever()
        await app(scope, receive, send)

    server = build_server(tenant.reading(), lambda: httpx.ASGITransport(never_answer_catalog), clock=lambda: NOW)
    async with Client(server) as client:
        for _ in range(2):
            assert await find_events(client, "apt29") == (["attacker: apt29 as APT29"], ["one"])
    assert len(tenant.log) == 1


@pytest.mark.parametrize("wrap", ["bare", "actors", "tags", "enveloped"])
async def test_the_catalogue_is_read_in_several_forms(tenant: Tenant, wrap: str) -> None:
    rows: list[JsonValue] = [
        {"value": None},
        "odd",
        {"value": "Odd", "aliases": 7, "externalReferences": {"a": {}}, "confidence": [], "description": False},
        {"value": "APT29", "aliases": '["Blizzard", null]', "properties": {"dateOfDiscovery": "2020-01-01T00:00:00Z"}},
    ]
    forms: dict[str, JsonValue] = {
        "bare": rows,
        "actors": {"actors": rows},
        "tags": {"tags": rows, "pagination": {"totalPages": 1}},
        "enveloped": {"success": True, "result": rows},
    }
    await tenant.add("one", attacker="APT29")
    async with answering(tenant, tenant.reading(), forms[wrap]) as client:
        assert await find_events(client, "blizzard") == (["attacker: blizzard as APT29"], ["one"])
        catalog = (await ask(client, "profile_attacker", attacker="apt29"))["catalog"]
        assert isinstance(catalog, dict) and column(catalog, "discovered") == ["2020-01-01"]


async def test_every_page_of_the_catalogue_is_read(tenant: Tenant) -> None:
    set_catalog(tenant, *({"value": f"Actor {number}"} for number in range(1_500)), {"value": "Z", "aliases": ["Last"]})
    await tenant.add("one", attacker="Z")
    async with tenant.server(tenant.reading()) as client:
        assert await find_events(client, "last") == (["attacker: last as Z"], ["one"])
    assert [json.dumps(one.query) for one in tenant.log if one.path.endswith(CATALOG)] == snapshot(
        ['[["page", "1"], ["pageSize", "1000"]]', '[["page", "2"], ["pageSize", "1000"]]']
    )
