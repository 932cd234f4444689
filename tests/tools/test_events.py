"""Tools that read events: search, get, list related."""

import json
import tracemalloc
from dataclasses import replace
from pathlib import Path
from uuid import UUID

import pytest
from inline_snapshot import snapshot
from mcp import Client
from pydantic import JsonValue

from cf1_mcp.api.wire.transport import network
from cf1_mcp.server.mcp_server import build_server
from tests.conversations import ask, ask_for_text, column, refused, text_of
from tests.ports import settings_for
from tests.tenant import Tenant
from tests.upstreams import answer, upstream

pytestmark = pytest.mark.anyio

DEFAULT = "Cloudforce One Threat Events"
FLOOD: dict[str, JsonValue] = {"attacker": ["COPPER LANTERN"], "target_country": ["DE", "AT"], "since": "7d"}


@pytest.mark.both_moods
async def test_a_search_returns_rows_and_names_their_datasets(client: Client) -> None:
    assert await ask_for_text(client, "search_threat_events", **FLOOD, limit=3) == snapshot("""\
[sandbox: fictional data, not intelligence]
events: 3
more: true
next_cursor: c5e74~~2026-11-24T02:09:57Z.iibiltiq
<untrusted MARK>
datasets: Cloudforce One Threat Events, Cybercrime, DDoS Attacks, Compromised Devices, ACME Incident Response
rows_from: Cloudforce One Threat Events
read_as: since: 7d as 2026-11-17T12:00:00Z
uuid	date	attacker	category	indicator	target_country	target_industry	tlp	event
911b726d-f71b-545b-9243-98bb435ccb5d	2026-11-24 05:33	COPPER LANTERN	Account Takeover	198[.]51[.]100[.]43	AT	Banking & Financial Services	green	Reused passwords tried against customer accounts of a Banking & Financial Services organisation
80fc161b-d20a-5998-bbb9-efef9448a981	2026-11-24 04:14	COPPER LANTERN	Account Takeover	198[.]51[.]100[.]59	DE	Banking & Financial Services	green	Stolen session cookie replayed from a residential network
ff00e219-48e7-5b54-b0fc-17538fe06afa	2026-11-24 02:09	COPPER LANTERN	Phishing	lure[.]bait[.]example	DE	Banking & Financial Services	clear	A quiet line with a passenger\\U000e0063\\U000e0061\\U000e006c\\U000e006c\\U000e0020\\U000e0075… (+47 characters)
</untrusted MARK>\
""")


async def test_text_and_data_have_the_same_facts(client: Client) -> None:
    data = await ask(client, "search_threat_events", **FLOOD, fields=["date", "indicator", "tags"], limit=2)
    assert data == snapshot(
        {
            "source": "sandbox: fictional data, not intelligence",
            "events": 2,
            "more": True,
            "datasets": [
                "Cloudforce One Threat Events",
                "Cybercrime",
                "DDoS Attacks",
                "Compromised Devices",
                "ACME Incident Response",
            ],
            "next_cursor": "a0425~~2026-11-24T04:14:07Z.7srkagn7",
            "read_as": ["since: 7d as 2026-11-17T12:00:00Z"],
            "untrusted": ["datasets", "read_as", "rows"],
            "columns": ["date", "indicator", "tags"],
            "rows": [
                ["2026-11-24 05:33", "198.51.100.43", ["T1185", "NIGHTLEDGER", "ledger-frost"]],
                ["2026-11-24 04:14", "198.51.100.59", ["T1555.003", "COINWICK", "ledger-frost"]],
            ],
        }
    )


async def test_every_filter_reaches_the_api_as_a_condition(client: Client, sample: Tenant) -> None:
    await ask(
        client,
        "search_threat_events",
        attacker=["A", "B"],
        attacker_country="RU",
        target_country=["DE"],
        target_industry=["Insurance"],
        category=["Phishing"],
        indicator_type=["ip"],
        tlp=["white", "amber-strict"],
        text="relay",
        since="2026-11-01",
        until="2026-11",
        dataset_ids=["cybercrime", "DDoS Attacks"],
        order="asc",
    )
    assert sample.searches()[0].query == snapshot(
        [
            ("datasetId", "1845c219-708a-5742-ae10-15645f39ca69"),
            ("datasetId", "864ac67a-628a-5f92-95b2-aaadaff9397f"),
            (
                "search",
                '[{"field":"attacker","op":"in","value":["A","B"]},{"field":"attackerCountry","op":"in","value":["RU","RUS","rus","ru"]},{"field":"targetCountry","op":"in","value":["DE","DEU","deu","de"]},{"field":"targetIndustry","op":"equals","value":"Insurance"},{"field":"category","op":"equals","value":"Phishing"},{"field":"indicatorType","op":"equals","value":"ip"},{"field":"tlp","op":"in","value":["clear","white","CLEAR","WHITE","amber+strict","amber-strict","AMBER+STRICT","AMBER-STRICT"]},{"field":"event","op":"contains","value":"relay"},{"field":"date","op":"gte","value":"2026-11-01T00:00:00.000Z"},{"field":"date","op":"lte","value":"2026-11-30T23:59:59Z"}]',
            ),
            ("orderBy", "date"),
            ("order", "asc"),
            ("pageSize", "1000"),
        ]
    )


async def test_tags_techniques_indicators_and_raw_conditions_reach_the_api(client: Client, sample: Tenant) -> None:
    await ask(
        client,
        "search_threat_events",
        tags=["ledger-frost"],
        mitre_attack="T1566",
        indicator=["198.51.100.43"],
        conditions=[
            {"field": "killChain", "op": "gte", "value": "3"},
            {"field": "hasChildren", "value": ["false"]},
            {"field": "attacker", "op": "in", "value": ["A", "B"]},
        ],
    )
    assert [value for name, value in sample.searches()[0].query if name == "search"] == snapshot(
        [
            '[{"field":"indicator","op":"in","value":["198.51.100.43","198.51.100.43/32"]},{"field":"tags","op":"in","value":["ledger-frost"]},{"field":"mitreAttack","op":"in","value":["T1566"]},{"field":"killChain","op":"gte","value":3},{"field":"attacker","op":"in","value":["A","B"]},{"field":"tlp","op":"not","value":"amber+strict"},{"field":"tlp","op":"not","value":"amber-strict"},{"field":"tlp","op":"not","value":"red"}]'
        ]
    )


async def test_one_group_of_conditions_must_match_in_addition_to_those_without_group(
    client: Client, sample: Tenant
) -> None:
    data = await ask(
        client,
        "search_threat_events",
        conditions=[
            {"field": "attacker", "value": ["COPPER LANTERN"], "group": 1},
            {"field": "targetCountry", "value": ["AT"], "group": 1},
            {"field": "attacker", "value": ["VELOUR CICADA"], "group": "2"},
            {"field": "tlp", "op": "not", "value": ["green"]},
        ],
        dataset_ids=[DEFAULT],
        fields=["attacker", "target_country", "tlp"],
        limit=100,
    )
    assert sample.requests()[-1] == "POST /events"
    assert sample.log[-1].body == snapshot(
        {
            "datasetId": ["4c0157a5-9de0-5c1c-ae1c-4723e1a35b13"],
            "search": [
                {"field": "tlp", "op": "not", "value": "green"},
                {"field": "tlp", "op": "not", "value": "amber+strict"},
                {"field": "tlp", "op": "not", "value": "amber-strict"},
                {"field": "tlp", "op": "not", "value": "red"},
            ],
            "searchBranches": [
                [
                    {"field": "attacker", "op": "equals", "value": "COPPER LANTERN"},
                    {"field": "targetCountry", "op": "equals", "value": "AT"},
                ],
                [{"field": "attacker", "op": "equals", "value": "VELOUR CICADA"}],
            ],
            "orderBy": "date",
            "order": "desc",
            "pageSize": 101,
        }
    )
    attackers = column(data, "attacker")
    assert set(attackers) == {"COPPER LANTERN", "VELOUR CICADA"}
    countries = zip(attackers, column(data, "target_country"), strict=True)
    assert all(country == "AT" for attacker, country in countries if attacker == "COPPER LANTERN")
    assert "green" not in column(data, "tlp")


@pytest.mark.both_moods
async def test_pages_have_no_gaps_and_no_repetitions(client: Client) -> None:
    whole = await ask(client, "search_threat_events", **FLOOD, fields=["uuid"], limit=60)
    found: list[JsonValue] = []
    cursor: JsonValue = None
    for _ in range(3):
        page = await ask(client, "search_threat_events", **FLOOD, fields=["uuid"], limit=20, cursor=cursor)
        found += column(page, "uuid")
        cursor = page["next_cursor"]
    assert found == column(whole, "uuid")


async def test_the_cursor_continues_after_the_last_row_that_fits(client: Client) -> None:
    wide: list[JsonValue] = ["uuid", "event", "insight", "attacker", "tags", "mitre_attack", "indicator", "category"]
    seen: list[JsonValue] = []
    cursor: JsonValue = None
    notes: list[JsonValue] = []
    while cursor is not None or not notes:
        page = await ask(client, "search_threat_events", **FLOOD, fields=wide, limit=50, cursor=cursor)
        seen += column(page, "uuid")
        notes.append(page.get("notes"))
        cursor = page.get("next_cursor")
    everything = await ask(client, "search_threat_events", **FLOOD, fields=["uuid"], limit=400)
    assert seen == column(everything, "uuid")
    assert notes[0] == snapshot(
        ["32 of 50 fit: next_cursor continues after them, and fewer columns (fields) show more."]
    )


async def test_a_saved_query_runs_by_its_id_narrowed_by_filters(client: Client, sample: Tenant) -> None:
    data = await ask(
        client, "search_threat_events", query_id=1, category=["Phishing"], fields=["category", "target_country"]
    )
    assert (data["datasets"], set(column(data, "category"))) == ([DEFAULT], {"Phishing"})
    assert sample.requests() == snapshot(
        [
            "GET /events/dataset",
            "GET /events/tags",
            "GET /events/queries/1",
            "GET /events/categories/catalog",
            "GET /events",
            "GET /events",
            "GET /events",
            "GET /events",
        ]
    )


@pytest.mark.both_moods
async def test_an_empty_result_names_the_datasets_and_does_not_read_as_benign(client: Client) -> None:
    assert await ask_for_text(client, "search_threat_events", attacker=["NOBODY"]) == snapshot("""\
[sandbox: fictional data, not intelligence]
events: 0
<untrusted MARK>
datasets: Cloudforce One Threat Events, Cybercrime, DDoS Attacks, Compromised Devices, ACME Incident Response
unknown_words: attacker: NOBODY is unknown
</untrusted MARK>
Without attacker there are events: this filter alone removes all of them.
Events marked above TLP:AMBER are not searched (CF1_MAX_TLP).
Absence from these datasets does not show that something is benign.\
""")


@pytest.mark.both_moods
async def test_an_event_is_read_with_its_evidence_and_related_events(client: Client, sample: Tenant) -> None:
    found = await ask(client, "search_threat_events", **FLOOD, fields=["uuid"], limit=1)
    event = column(found, "uuid")[0]
    text = await ask_for_text(
        client, "get_threat_event", event_id=event, dataset_id=DEFAULT, include=["raw", "relationships"]
    )
    assert text == snapshot("""\
[sandbox: fictional data, not intelligence]
<untrusted MARK>
uuid: 911b726d-f71b-545b-9243-98bb435ccb5d
date: 2026-11-24T05:33:54Z
event: Reused passwords tried against customer accounts of a Banking & Financial Services organisation
dataset_id: 4c0157a5-9de0-5c1c-ae1c-4723e1a35b13
category: Account Takeover
attacker: COPPER LANTERN
attacker_country: RU
indicator: 198[.]51[.]100[.]43
indicator_type: ip
kill_chain: 7
mitre_attack: T1110.004, T1078
mitre_capec: 600, 49
tags: T1185, NIGHTLEDGER, ledger-frost
target_country: AT
target_industry: Banking & Financial Services
tlp: green
raw_id: raw1152
-- raw
source: sensors[.]example[.]net
tlp: green
created: 2026-11-24T07:40:38Z
data: {"observedAt":"2026-11-24T05:33:54Z","service":"mail","account":"***@example[.]org","sourceIp":"198[.]51[.]100[.]43","result":"success","mfa":"not asked","userAgent":"Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36","referrer":"hxxps://files[.]lantern-pay[.]test/"}
</untrusted MARK>
-- relationships
events: 2
<untrusted MARK>
uuid	date	category	indicator	event
1d93a965-20fc-5d4c-8f56-aafcef041d7f	2026-11-17 18:24	Intrusion Report		Ledger Frost: intrusion at Banking & Financial Services victim 4
6f57096f-483d-56f9-8cf9-4a901e5a1a2d	2026-11-17 14:24	Campaign		Operation Ledger Frost
</untrusted MARK>\
""")
    after = sample.requests().index("GET /events") + 1
    read = [line for line in sample.requests()[after:] if line != "GET /events"]
    # The event itself comes with the events around it.
    assert read[0] == f"GET /events/by-id/{event}/relationships" and "/raw/" in read[1]


async def test_an_event_without_a_dataset_is_read_by_the_deprecated_route(client: Client, sample: Tenant) -> None:
    found = await ask(client, "search_threat_events", dataset_ids=["Cybercrime"], fields=["uuid"])
    event = column(found, "uuid")[0]
    data = await ask(client, "get_threat_event", event_id=event, include=["raw"])
    assert (data["uuid"], sample.requests()[-2]) == (event, f"GET /events/{event}")


@pytest.mark.both_moods
async def test_related_events_lead_to_the_campaign(client: Client) -> None:
    found = await ask(
        client, "search_threat_events", tags=["ledger-frost"], category=["Domain Resolution"], fields=["uuid"], limit=1
    )
    data = await ask(
        client,
        "list_related_threat_events",
        event_id=column(found, "uuid")[0],
        direction="ancestors",
        fields=["category", "event"],
    )
    assert data == snapshot(
        {
            "source": "sandbox: fictional data, not intelligence",
            "events": 1,
            "datasets": ["Cloudforce One Threat Events"],
            "untrusted": ["datasets", "rows"],
            "columns": ["category", "event", "relationship"],
            "rows": [
                [
                    "Malware Sample",
                    "COINWICK dropper, signed with a certificate that was withdrawn later",
                    "related_to parent",
                ]
            ],
        }
    )


async def test_related_events_can_be_paged(client: Client) -> None:
    campaign = await ask(
        client, "search_threat_events", text="Operation Ledger Frost", category=["Campaign"], fields=["uuid"]
    )
    root = column(campaign, "uuid")[0]
    whole = await ask(
        client, "list_related_threat_events", event_id=root, dataset_id=DEFAULT, fields=["uuid"], limit=60
    )
    first = await ask(
        client, "list_related_threat_events", event_id=root, dataset_id=DEFAULT, fields=["uuid"], limit=30
    )
    second = await ask(
        client,
        "list_related_threat_events",
        event_id=root,
        dataset_id=DEFAULT,
        fields=["uuid"],
        limit=30,
        cursor=first["next_cursor"],
    )
    assert column(first, "uuid") + column(second, "uuid") == column(whole, "uuid")


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (
            {"atacker": ["X"]},
            snapshot(
                "search_threat_events has no argument 'atacker', did you mean 'attacker'? Valid arguments: attacker, attacker_country, category, conditions, created_since, cursor, dataset_ids, fields, indicator, indicator_type, limit, mitre_attack, mitre_capec, order, query_id, select, since, tags, target_country, target_industry, text, tlp, until."
            ),
        ),
        (
            {"since": "someday"},
            snapshot(
                "since: 'someday' is not a date. Use an ISO date or time (2026-11-24, 2026-11, 2026-W48, 2026-11-24T08:00Z), today, yesterday 08:00, last week, or a time ago (24h, 7d, 4w, 3mo, P7D, 30 days ago)."
            ),
        ),
        (
            {"until": "2026-02-30"},
            snapshot(
                "until: '2026-02-30' is not a date. Use an ISO date or time (2026-11-24, 2026-11, 2026-W48, 2026-11-24T08:00Z), today, yesterday 08:00, last week, or a time ago (24h, 7d, 4w, 3mo, P7D, 30 days ago)."
            ),
        ),
        ({"limit": -1}, snapshot("limit: Input should be greater than or equal to 1.")),
        ({"limit": "many"}, snapshot("limit: Input should be a valid integer, unable to parse string as an integer.")),
        (
            {"dataset_ids": ["Cybrcrime"]},
            snapshot(
                """\
dataset_ids: there is no dataset 'Cybrcrime', did you mean the first of these? Use one of these, or a uuid.
<untrusted MARK>
Cybercrime
Cloudforce One Threat Events
DDoS Attacks
Compromised Devices
ACME Incident Response
</untrusted MARK>\
"""
            ),
        ),
        (
            {"dataset_ids": ["all", "Cybercrime"]},
            snapshot(
                "dataset_ids: all cannot be combined with other datasets. Use one of all, operational or analytics, or a list of datasets."
            ),
        ),
        (
            {"dataset_ids": ["d0000000-0000-4000-8000-000000000009"]},
            snapshot(
                """\
The API refused the request (400). Correct what it names and call again.
<untrusted MARK>
The API said: "datasetId 'd0000000-0000-4000-8000-000000000009' is not a dataset; GET /events/dataset lists them"
</untrusted MARK>\
"""
            ),
        ),
        (
            {"fields": ["titel"]},
            snapshot(
                "fields: there is no field 'titel'. Use uuid, date, event, dataset_id, category, attacker, attacker_country, attacker_country_alpha3, indicator, indicator_type, indicator_type_id, insight, kill_chain, mitre_attack, mitre_capec, tags, target_country, target_country_alpha3, target_industry, tlp, raw_id, has_children, num_references, num_referenced, references, referenced, releasability_id or provenance."
            ),
        ),
        (
            {"tlp": ["pink"]},
            snapshot("tlp: 'pink' is not a TLP marking. Use clear, green, amber, amber+strict or red."),
        ),
        ({"order": "newest"}, snapshot("order: Input should be 'asc' or 'desc'. Use asc or desc.")),
        ({"indicator": [""]}, snapshot("indicator: a value has 0 characters. Use values of 1 to 512 characters.")),
        (
            {"indicator": ["x" * 513]},
            snapshot("indicator: a value has 513 characters. Use values of 1 to 512 characters."),
        ),
        (
            {"indicator": ["x"] * 101},
            snapshot("indicator: Value should have at most 100 items after validation, not 101."),
        ),
        (
            {"conditions": [{"field": "titel", "value": ["x"]}]},
            snapshot(
                "conditions.0.field: Input should be 'attacker', 'attackerCountry', 'category', 'createdAt', 'date', 'event', 'hasChildren', 'indicator', 'indicatorType', 'killChain', 'mitreAttack', 'mitreCapec', 'tags', 'targetCountry', 'targetIndustry', 'tlp' or 'uuid'."
            ),
        ),
        (
            {"conditions": [{"field": "killChain", "value": ["three"]}]},
            snapshot("conditions: killChain is a number, not 'three'. Use 1 to 7."),
        ),
        (
            {"conditions": [{"field": "hasChildren", "value": ["maybe"]}]},
            snapshot("conditions: hasChildren is a boolean, not 'maybe'. Use true or false."),
        ),
        (
            {"conditions": [{"field": "tlp", "value": ["red", "green"]}]},
            snapshot("conditions: tlp equals has 2 values. Use op in for several."),
        ),
        (
            {"conditions": [{"field": "tlp", "value": ["red"]}] * 11},
            snapshot(
                "conditions: there are 11 conditions, and the API accepts 10. Use at most 10 filters and conditions together."
            ),
        ),
        (
            {"conditions": [{"field": "indicator", "value": ["x"], "group": 1}]},
            snapshot(
                "conditions: a group cannot filter by indicator. Use the argument indicator, which takes many values."
            ),
        ),
        (
            {"conditions": [{"field": "tlp", "value": ["red"], "group": group} for group in range(9)]},
            snapshot(
                "conditions: there are too many groups, or too many conditions in one. Use at most 8 groups of 10 conditions."
            ),
        ),
        (
            {"conditions": [{"field": "tlp", "value": ["red"], "group": 3}] * 11},
            snapshot(
                "conditions: there are too many groups, or too many conditions in one. Use at most 8 groups of 10 conditions."
            ),
        ),
        (
            {"conditions": [{"field": "tlp", "value": ["red"], "group": "first"}]},
            snapshot("conditions.0.group: Input should be a valid integer, unable to parse string as an integer."),
        ),
        (
            {"query_id": 999},
            snapshot(
                """\
Not found on this account (404). Check the ids, or search again: it may have been moved or deleted, or the account lacks this feature.
<untrusted MARK>
The API said: "Event query not found: there is no query 999; GET /events/queries lists them"
</untrusted MARK>\
"""
            ),
        ),
        (
            {"cursor": "not a cursor"},
            snapshot(
                "cursor: this is not a cursor of this server, or it belongs to other arguments. Use the next_cursor of the last answer with the same arguments, or leave it out to start again."
            ),
        ),
        (
            {"cursor": "00000000-20-2-0", "attacker": ["X"]},
            snapshot(
                "cursor: this is not a cursor of this server, or it belongs to other arguments. Use the next_cursor of the last answer with the same arguments, or leave it out to start again."
            ),
        ),
    ],
)
async def test_an_invalid_search_is_refused_with_the_next_step(
    any_client: Client, arguments: dict[str, JsonValue], words: str
) -> None:
    assert await refused(any_client, "search_threat_events", **arguments) == words


@pytest.mark.parametrize("event_id", ["aggregate", "../queries", "queries", ""])
async def test_an_event_id_cannot_select_another_route(client: Client, sample: Tenant, event_id: str) -> None:
    words = await refused(client, "get_threat_event", event_id=event_id)
    assert words == "event_id: this is not an event uuid; take it from the uuid column of a search."
    assert sample.requests() == []


@pytest.mark.both_moods
async def test_an_event_that_does_not_exist_is_reported(client: Client) -> None:
    words = await refused(client, "get_threat_event", event_id="e0000000-0000-4000-8000-000000000001")
    assert words == snapshot(
        """\
Not found on this account (404). Check the ids, or search again: it may have been moved or deleted, or the account lacks this feature.
<untrusted MARK>
The API said: "Event not found: 'e0000000-0000-4000-8000-000000000001' does not exist; list events to find valid ids"
</untrusted MARK>\
"""
    )


@pytest.mark.parametrize("limit", [20, 100, 500])
async def test_no_answer_exceeds_its_size_limit_in_text_or_data(client: Client, limit: int) -> None:
    result = await client.call_tool("search_threat_events", {"limit": limit})
    allowed = 8_000 if limit <= 40 else min(40_000, limit * 200)
    assert len(text_of(result.content)) <= allowed
    assert len(json.dumps(result.structured_content)) <= allowed


async def test_a_cursor_is_refused_by_another_search(client: Client) -> None:
    page = await ask(client, "search_threat_events", **FLOOD, limit=5)
    words = await refused(
        client, "search_threat_events", attacker=["VELOUR CICADA"], limit=5, cursor=page["next_cursor"]
    )
    assert words == snapshot(
        "cursor: this is not a cursor of this server, or it belongs to other arguments. Use the next_cursor of the last answer with the same arguments, or leave it out to start again."
    )


async def test_lists_may_arrive_as_json_text_or_single_values(client: Client) -> None:
    as_list = await ask(client, "search_threat_events", attacker=["COPPER LANTERN"], limit=3)
    as_text = await ask(client, "search_threat_events", attacker='["COPPER LANTERN"]', limit=3)
    alone = await ask(client, "search_threat_events", attacker="COPPER LANTERN", limit="3")
    assert as_list == as_text == alone


async def test_hostile_text_stays_on_its_line_and_shows_invisible_characters(client: Client) -> None:
    data = await ask(
        client,
        "search_threat_events",
        tags=["hostile-sample"],
        fields=["attacker", "indicator", "event", "tags", "insight"],
        limit=100,
    )
    rows = data["rows"]
    assert isinstance(rows, list) and len(rows) >= 12
    assert all(str(cell).isprintable() for row in rows if isinstance(row, list) for cell in row)


async def test_a_page_of_25_000_rows_is_answered_in_bounded_memory(tmp_path: Path) -> None:
    row = {
        "uuid": "",
        "date": "2026-11-20T00:00:00Z",
        "event": "A lure, told at some length " * 8,
        "tlp": "green",
        "indicator": "a.example",
    }
    rows = [{**row, "uuid": str(UUID(int=number))} for number in range(25_000)]
    envelope = {"success": True, "errors": [], "messages": [], "result": rows, "result_info": {"cursor": None}}
    async with upstream(answer(envelope)) as server:
        server.routes["/events/dataset"] = answer([{"uuid": str(UUID(int=1)), "name": "Ours"}])
        settings = replace(settings_for(f"http://127.0.0.1:{server.port}/client/v4"), state_dir=tmp_path)
        async with Client(build_server(settings, lambda: network(settings.base_url))) as client:
            tracemalloc.start()
            data = await ask(client, "search_threat_events", limit=20)
            peak = tracemalloc.get_traced_memory()[1]
            tracemalloc.stop()
            second = await ask(client, "search_threat_events", limit=20, cursor=data["next_cursor"])
    assert (data["events"], second["events"]) == (20, 20)
    assert column(data, "uuid") + column(second, "uuid") == [str(UUID(int=number)) for number in range(40)]
    # The API's answer takes 11 MB; processing it must not need an unbounded multiple of that.
    assert peak < 150 * 1024 * 1024
