"""The words of a saved query: read as those of a search, or refused; and what it finds when it is saved."""

import json

import pytest
from inline_snapshot import snapshot
from mcp import Client
from pydantic import JsonValue

from cf1_mcp.models import Tlp
from tests.conversations import ask, refused
from tests.tenant import MINE, Tenant

pytestmark = pytest.mark.anyio

ACTOR = "COPPER LANTERN"


async def fill(tenant: Tenant) -> None:
    for number in range(3):
        await tenant.add(f"recent {number}", attacker=ACTOR, target_industry="Healthcare", target_country="DE")
    await tenant.add("old", attacker=ACTOR, date="2026-08-01T00:00:00Z")
    await tenant.add("hidden", attacker=ACTOR, tlp="red")
    await tenant.add("another", attacker="APT32", category="Phishing")


def search(*conditions: tuple[str, str, JsonValue]) -> str:
    """Return the text of a query over one dataset."""
    parts = [{"field": field, "op": op, "value": value} for field, op, value in conditions]
    return json.dumps({"datasetId": [MINE], "search": parts})


async def saved(tenant: Tenant) -> list[JsonValue]:
    return [json.loads(query.query_json).get("search") for query in await tenant.api().list_queries()]


async def create(client: Client, *conditions: tuple[str, str, JsonValue]) -> dict[str, JsonValue]:
    made = await ask(client, "create_saved_query", name="Watch", query_json=search(*conditions))
    kept = ("status", "matches_now", "matches_in_30_days", "read_as", "unknown_words")
    return {name: made[name] for name in kept if name in made}


@pytest.mark.parametrize(
    ("condition", "answer", "stored"),
    [
        (
            ("attacker", "equals", "copper lantern"),
            snapshot(
                {
                    "status": "done",
                    "matches_now": "4",
                    "matches_in_30_days": "3",
                    "read_as": ["attacker: copper lantern as COPPER LANTERN"],
                }
            ),
            snapshot([[{"field": "attacker", "op": "equals", "value": "COPPER LANTERN"}]]),
        ),
        (
            ("attacker", "equals", "apt 32"),
            snapshot(
                {
                    "status": "done",
                    "matches_now": "1",
                    "matches_in_30_days": "1",
                    "read_as": ["attacker: apt 32 as APT32"],
                }
            ),
            snapshot([[{"field": "attacker", "op": "equals", "value": "APT32"}]]),
        ),
        (
            ("targetIndustry", "in", ["healthcare"]),
            snapshot(
                {
                    "status": "done",
                    "matches_now": "3",
                    "matches_in_30_days": "3",
                    "read_as": ["target_industry: healthcare as Healthcare"],
                }
            ),
            snapshot([[{"field": "targetIndustry", "op": "in", "value": ["Healthcare"]}]]),
        ),
        (
            ("targetCountry", "equals", "Deutschland"),
            snapshot(
                {
                    "status": "done",
                    "matches_now": "3",
                    "matches_in_30_days": "3",
                    "read_as": ["target_country: Deutschland as DE"],
                }
            ),
            snapshot([[{"field": "targetCountry", "op": "equals", "value": "DE"}]]),
        ),
        (
            ("category", "not", "phishing"),
            snapshot(
                {
                    "status": "done",
                    "matches_now": "0",
                    "matches_in_30_days": "0",
                    "read_as": ["category: phishing as Phishing"],
                }
            ),
            snapshot([[{"field": "category", "op": "not", "value": "Phishing"}]]),
        ),
        (
            ("attacker", "equals", "NEW NEBULA"),
            snapshot(
                {
                    "status": "done",
                    "matches_now": "0",
                    "matches_in_30_days": "0",
                    "unknown_words": [
                        "attacker: NEW NEBULA is unknown, all known ones are APT32, COPPER LANTERN, Amber Sleet, Ledger Spider, NIGHTLEDGER crew"
                    ],
                }
            ),
            snapshot([[{"field": "attacker", "op": "equals", "value": "NEW NEBULA"}]]),
        ),
        (
            ("tags", "in", ["new tag"]),
            snapshot({"status": "done", "matches_now": "0", "matches_in_30_days": "0"}),
            snapshot([[{"field": "tags", "op": "in", "value": ["new tag"]}]]),
        ),
        (
            ("targetCountry", "equals", "Kosovo"),
            snapshot(
                {
                    "status": "done",
                    "matches_now": "0",
                    "matches_in_30_days": "0",
                    "read_as": ["target_country: Kosovo as XK"],
                    "unknown_words": ["target_country: Kosovo (XK) is not among the account's countries"],
                }
            ),
            snapshot([[{"field": "targetCountry", "op": "equals", "value": "XK"}]]),
        ),
        (
            ("event", "contains", "recent"),
            snapshot({"status": "done", "matches_now": "3", "matches_in_30_days": "3"}),
            snapshot([[{"field": "event", "op": "contains", "value": "recent"}]]),
        ),
    ],
)
async def test_words_are_read_as_in_a_search_and_told(
    tenant: Tenant, condition: tuple[str, str, JsonValue], answer: JsonValue, stored: JsonValue
) -> None:
    await fill(tenant)
    async with tenant.server(tenant.allowed(mode="write")) as client:
        assert await create(client, condition) == answer
    assert await saved(tenant) == stored


@pytest.mark.parametrize(
    ("condition", "words"),
    [
        (
            ("targetIndustry", "equals", "banks"),
            snapshot("""\
query_json: the account does not know 'banks' as target_industry. Use one of these.
<untrusted MARK>
Healthcare
</untrusted MARK>\
"""),
        ),
        (
            ("targetIndustry", "in", ["Healthcare", "hospitals"]),
            snapshot("""\
query_json: the account does not know 'hospitals' as target_industry, did you mean the first of these? Use one of these.
<untrusted MARK>
Healthcare
</untrusted MARK>\
"""),
        ),
        (
            ("category", "equals", "C2"),
            snapshot("""\
query_json: the account does not know 'C2' as category. Use one of these.
<untrusted MARK>
Phishing
</untrusted MARK>\
"""),
        ),
        (
            ("targetCountry", "equals", "EU"),
            snapshot("""\
query_json: 'EU' is a group of countries. Use its countries, with op in.
<untrusted MARK>
AT
BE
BG
CY
CZ
DE
DK
EE
ES
FI
FR
GR
HR
HU
IE
IT
LT
LU
LV
MT
NL
PL
PT
RO
SE
SI
SK
</untrusted MARK>\
"""),
        ),
        (
            ("attackerCountry", "in", ["DE", "Ruritania"]),
            snapshot("""\
query_json: the account does not know 'Ruritania' as attacker_country, did you mean the first of these? Use one of these.
<untrusted MARK>
Mauritania
</untrusted MARK>\
"""),
        ),
        (
            ("targetIndustry", "equals", "zzqq"),
            snapshot("""\
query_json: the account does not know 'zzqq' as target_industry. Use one of these.
<untrusted MARK>
Healthcare
</untrusted MARK>\
"""),
        ),
    ],
)
async def test_a_word_that_no_event_can_have_is_refused_with_the_nearest(
    tenant: Tenant, condition: tuple[str, str, JsonValue], words: str
) -> None:
    await fill(tenant)
    async with tenant.server(tenant.allowed(mode="write")) as client:
        assert await refused(client, "create_saved_query", name="Watch", query_json=search(condition)) == words
        await ask(client, "create_saved_query", name="Watch", query_json=search(("attacker", "equals", ACTOR)))
        changed = {"query_id": 1, "query_json": search(condition)}
        assert await refused(client, "update_saved_query", **changed) == words


async def test_a_change_of_the_text_is_read_and_counted_too(tenant: Tenant) -> None:
    await fill(tenant)
    async with tenant.server(tenant.allowed(mode="write")) as client:
        await create(client, ("attacker", "equals", "APT-32"))
        text = search(("attacker", "equals", "copper lantern"))
        changed = await ask(client, "update_saved_query", query_id=1, query_json=text)
        renamed = await ask(client, "update_saved_query", query_id=1, name="Other")
    assert [changed[name] for name in ("matches_now", "matches_in_30_days", "changed", "read_as")] == [
        "4",
        "3",
        ["query_json"],
        ["attacker: copper lantern as COPPER LANTERN"],
    ]
    assert "matches_now" not in renamed
    assert await saved(tenant) == [[{"field": "attacker", "op": "equals", "value": ACTOR}]]


async def test_words_in_groups_are_read_as_well(tenant: Tenant) -> None:
    await fill(tenant)
    branches: JsonValue = [[{"field": "attacker", "op": "equals", "value": "apt 32"}]]
    text = json.dumps({"datasetId": [MINE], "searchBranches": branches})
    async with tenant.server(tenant.allowed(mode="write")) as client:
        made = await ask(client, "create_saved_query", name="Watch", query_json=text)
    assert (made["read_as"], made["matches_now"]) == (["attacker: apt 32 as APT32"], "1")


@pytest.mark.parametrize("ceiling", [Tlp.AMBER, Tlp.RED])
async def test_only_events_that_may_be_shown_are_counted(tenant: Tenant, ceiling: Tlp) -> None:
    await fill(tenant)
    async with tenant.server(tenant.allowed(mode="write", max_tlp=ceiling)) as client:
        made = await create(client, ("attacker", "equals", ACTOR))
    shown = 4 if ceiling is Tlp.AMBER else 5
    assert (made["matches_now"], made["matches_in_30_days"]) == (f"{shown}", f"{shown - 1}")


async def test_an_industry_of_withheld_events_alone_is_accepted_as_if_it_had_none(tenant: Tenant) -> None:
    await tenant.add("hidden", target_industry="Gambling", tlp="red")
    await tenant.add("seen", target_industry="Healthcare")
    async with tenant.server(tenant.allowed(mode="write")) as client:
        made = await create(client, ("targetIndustry", "equals", "Gambling"))
    assert made == {"status": "done", "matches_now": "0", "matches_in_30_days": "0"}
