"""Invalid fields of an event are refused with the valid values, and nothing is sent."""

import json

import pytest
from inline_snapshot import snapshot
from pydantic import JsonValue

from tests.conversations import ask, refused
from tests.tenant import MINE, YOURS, Tenant

pytestmark = pytest.mark.anyio

LEAST: dict[str, JsonValue] = {
    "dataset_id": MINE,
    "category": "Phishing",
    "date": "2026-11-20",
    "event": "A lure",
    "tlp": "green",
}


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        (
            {"category": "Fishing"},
            snapshot("""\
category: the account does not know 'Fishing', did you mean the first of these? Use one of these.
<untrusted MARK>
Phishing
</untrusted MARK>\
"""),
        ),
        ({"category": " "}, snapshot("category: it is empty. Use a text that is not blank.")),
        ({"event": ""}, snapshot("event: it is empty. Use a text that is not blank.")),
        (
            {"attacker_country": "Germoney"},
            snapshot(
                """\
attacker_country: the account does not know 'Germoney', did you mean the first of these? Use an ISO code of two letters such as US, or a name.
<untrusted MARK>
Germany
</untrusted MARK>\
"""
            ),
        ),
        (
            {"target_country": "XX"},
            snapshot(
                "target_country: the account does not know 'XX'. Use an ISO code of two letters such as US, or a name."
            ),
        ),
        (
            {"target_industry": "Goverment"},
            snapshot("target_industry: the account does not know 'Goverment'. Use a word that the account knows."),
        ),
        (
            {"indicator": "x.example", "indicator_type": "domian"},
            snapshot("""\
indicator_type: the account does not know 'domian', did you mean the first of these? Use one of these.
<untrusted MARK>
domain
</untrusted MARK>\
"""),
        ),
        (
            {"indicator_type": "domain"},
            snapshot("indicator_type: there is no indicator of this type. Use indicator as well, or neither."),
        ),
        (
            {"indicator": "x.example\u200b", "indicator_type": "domain"},
            snapshot(
                "indicator: 'x.example\\\\u200b' contains line breaks or invisible characters. Use one line of visible text."
            ),
        ),
        (
            {"attacker": "APT\nExample"},
            snapshot(
                "attacker: 'APT\\\\nExample' contains line breaks or invisible characters. Use one line of visible text."
            ),
        ),
        (
            {"tlp": "purple"},
            snapshot("tlp: 'purple' is not a TLP marking. Use clear, green, amber, amber+strict or red."),
        ),
        ({"tlp": ""}, snapshot("tlp: '' is not a TLP marking. Use clear, green, amber, amber+strict or red.")),
        (
            {"date": "yesterdayish"},
            snapshot(
                "date: 'yesterdayish' is not a date. Use an ISO date or time (2026-11-24, 2026-11, 2026-W48, 2026-11-24T08:00Z), today, yesterday 08:00, last week, or a time ago (24h, 7d, 4w, 3mo, P7D, 30 days ago)."
            ),
        ),
        (
            {"date": "2026-11-24T12:00:01Z"},
            snapshot("date: 2026-11-24T12:00:01Z is in the future. Use a time up to now (2026-11-24T12:00Z)."),
        ),
        (
            {"date": "2027"},
            snapshot("date: 2027-01-01T00:00:00Z is in the future. Use a time up to now (2026-11-24T12:00Z)."),
        ),
        (
            {"date": "2026-11-24T13:00+00:30"},
            snapshot("date: 2026-11-24T12:30:00Z is in the future. Use a time up to now (2026-11-24T12:00Z)."),
        ),
        ({"tags": ["fine", " "]}, snapshot("tags: a tag has 0 characters. Use tags of 1 to 512 characters.")),
        (
            {"tags": ["two\nlines"]},
            snapshot(
                "tags: 'two\\\\nlines' contains line breaks or invisible characters. Use one line of visible text."
            ),
        ),
        ({"tags": ["x" * 513]}, snapshot("tags: a tag has 513 characters. Use tags of 1 to 512 characters.")),
        (
            {"raw_data": {"body": "x" * 5_000_000}},
            snapshot("raw_data: it has 5,000,011 bytes. Use at most 1,000,000 bytes of JSON text."),
        ),
        (
            {"raw_data": {"body": "ü" * 500_000}},
            snapshot("raw_data: it has 1,000,011 bytes. Use at most 1,000,000 bytes of JSON text."),
        ),
        (
            {"raw_data": '{"number": NaN}'},
            snapshot("raw_data: this cannot be written as JSON. Use plain JSON without NaN or Infinity."),
        ),
        (
            {"insight": "half \ud800"},
            snapshot("insight: it contains half a character (a lone surrogate). Use whole characters."),
        ),
        (
            {"raw_source": "half \ud800"},
            snapshot("raw_source: it contains half a character (a lone surrogate). Use whole characters."),
        ),
        (
            {"raw_data": {"half": "\ud800"}},
            snapshot("raw_data: this cannot be written as JSON. Use plain JSON without NaN or Infinity."),
        ),
        ({"raw_data": "no JSON"}, snapshot("raw_data: Input should be a valid dictionary.")),
        ({"raw_data": "[1]"}, snapshot("raw_data: Input should be a valid dictionary.")),
        (
            {"colour": "red"},
            snapshot(
                "create_threat_event has no argument 'colour'. Valid arguments: attacker, attacker_country, category, confirm, dataset_id, date, event, indicator, indicator_type, insight, raw_data, raw_source, raw_tlp, source_article, tags, target_country, target_industry, tlp."
            ),
        ),
    ],
)
async def test_an_invalid_value_is_refused_and_nothing_is_sent(
    tenant: Tenant, wrong: dict[str, JsonValue], words: str
) -> None:
    await tenant.add("tells a type", indicator="a.example", indicatorType="domain")
    async with tenant.server(tenant.allowed()) as client:
        assert await refused(client, "create_threat_event", **(LEAST | wrong)) == words
    assert tenant.changes_sent() == []


@pytest.mark.parametrize("value", ["https://a.example.com/x", "www.example.com", "somebody@example.com"])
async def test_an_indicator_that_is_an_address_is_sent_unchanged(tenant: Tenant, value: str) -> None:
    async with tenant.server(tenant.allowed()) as client:
        done = await ask(client, "create_threat_event", **LEAST, indicator=value, indicator_type="any")
    assert done["status"] == "done"
    [created] = [one for one in tenant.log if one.method == "POST"]
    assert f'"indicator": "{value}"' in json.dumps(created.body)


async def test_indicator_types_of_unreadable_datasets_are_not_suggested(tenant: Tenant) -> None:
    await tenant.add("mine", indicator="a.example", indicatorType="domain")
    await tenant.add("yours", YOURS, indicator="b", indicatorType="secret-type")
    async with tenant.server(tenant.allowed(read_datasets=(MINE,))) as client:
        words = await refused(client, "create_threat_event", **LEAST, indicator="b", indicator_type="secret-typo")
    assert "secret-type" not in words and "\ndomain\n" in words


async def test_raw_data_of_the_maximum_size_is_sent(tenant: Tenant) -> None:
    async with tenant.server(tenant.allowed()) as client:
        done = await ask(client, "create_threat_event", **LEAST, raw_data={"body": "x" * (1_000_000 - 11)})
    assert done["status"] == "done"


@pytest.mark.parametrize(
    ("date", "sent"),
    [
        ("today", "2026-11-24T00:00:00Z"),
        ("2026-11-24T13:00+01:00", "2026-11-24T12:00:00Z"),
        ("0999", "0999-01-01T00:00:00Z"),
    ],
)
async def test_a_date_as_people_type_it_is_sent_in_utc(tenant: Tenant, date: str, sent: str) -> None:
    async with tenant.server(tenant.allowed()) as client:
        done = await ask(client, "create_threat_event", **(LEAST | {"date": date}))
        listed = await ask(client, "list_changes", change_id=done["change_id"])
    arguments = listed["arguments"]
    assert isinstance(arguments, dict) and arguments["date"] == sent


async def test_an_account_without_indicator_types_accepts_any(tenant: Tenant) -> None:
    async with tenant.server(tenant.allowed()) as client:
        done = await ask(client, "create_threat_event", **LEAST, indicator="a.example", indicator_type="domain")
    assert done["status"] == "done"


async def test_vocabularies_are_not_read_if_no_field_needs_them(tenant: Tenant) -> None:
    event = await tenant.add("plain")
    async with tenant.server(tenant.allowed()) as client:
        await ask(client, "update_threat_event", dataset_id=MINE, event_id=event.uuid, insight="New")
    assert not [line for line in tenant.requests() if "categories" in line or "indicator" in line]
