"""Counting under the filters of a search, and by day, week or month."""

from collections import Counter
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest
from inline_snapshot import snapshot
from mcp import Client
from pydantic import JsonValue

from cf1_mcp.models import Tlp
from cf1_mcp.search import counted_pages
from cf1_mcp.search.counted_groups import Period, name_period
from tests.conversations import ask, ask_for_text, column
from tests.tenant import Tenant

pytestmark = pytest.mark.anyio

AGGREGATE = "aggregate_threat_events"
FILTERS: dict[str, dict[str, JsonValue]] = {
    "an actor": {"attacker": ["copper lantern"]},
    "an industry by its meaning": {"target_industry": ["Banking & Financial Services"]},
    "a country by its name": {"target_country": ["Germany"]},
    "two filters": {"category": ["phishing", "ransomware"], "tlp": ["green"]},
    "a tag": {"tags": ["T1566.001"]},
    "a technique": {"mitre_attack": ["T1566"]},
    "an indicator type": {"indicator_type": ["ip"]},
    "words": {"text": "portal sign-in"},
    "a word and an actor": {"text": "the", "attacker": ["COPPER LANTERN"]},
}


async def listed_days(client: Client, **filters: JsonValue) -> list[str]:
    """Return the days of all events that a search finds."""
    days: list[str] = []
    cursor: JsonValue = None
    while True:
        page = await ask(client, "search_threat_events", fields=["date"], limit=500, cursor=cursor, **filters)
        days += [str(day)[:10] for day in column(page, "date")] if page["events"] else []
        cursor = page.get("next_cursor")
        if not cursor:
            return days


@pytest.mark.parametrize("name", FILTERS)
async def test_a_count_under_filters_is_that_of_the_search(client: Client, name: str) -> None:
    call: dict[str, JsonValue] = {**FILTERS[name], "since": "2026-11-01"}
    days = await listed_days(client, **call)
    for by, length in (("day", 10), ("month", 7)):
        counted = await ask(client, AGGREGATE, by=by, limit=1000, **call)
        rows = dict(zip(column(counted, by), column(counted, "count"), strict=True)) if days else {}
        assert rows == Counter(day[:length] for day in days)
        assert counted["events"] == len(days)


async def test_a_count_by_a_column_under_a_filter_reads_no_events(client: Client, sample: Tenant) -> None:
    text = await ask_for_text(client, AGGREGATE, columns=["attacker"], target_industry=["banks"], limit=2)
    assert text == snapshot("""\
[sandbox: fictional data, not intelligence]
groups: 0
events: 0
<untrusted MARK>
datasets: Cloudforce One Threat Events, Cybercrime, DDoS Attacks, Compromised Devices, ACME Incident Response
unknown_words: target_industry: banks is unknown, the nearest is Banking & Financial Services
</untrusted MARK>
Without target_industry there are events: this filter alone removes all of them.
Events marked above TLP:AMBER are not searched (CF1_MAX_TLP).
Absence from these datasets does not show that something is benign.\
""")
    text = await ask_for_text(
        client, AGGREGATE, columns=["attacker"], target_industry=["banking & financial services"], limit=2
    )
    assert text == snapshot("""\
[sandbox: fictional data, not intelligence]
groups: 2
events: 309
shown: 270 of 309 events
<untrusted MARK>
datasets: Cloudforce One Threat Events, Cybercrime, DDoS Attacks, Compromised Devices, ACME Incident Response
read_as: target_industry: banking & financial services as Banking & Financial Services
attacker	count
COPPER LANTERN	196
	74
</untrusted MARK>
Only the largest groups are shown: raise limit, or use a shorter period or fewer columns.
Events marked above TLP:AMBER are not searched (CF1_MAX_TLP).\
""")
    assert [request for request in sample.requests() if "GET" in request and "/events?" in request] == []


async def test_weeks_are_those_of_iso_and_add_up_to_the_events(client: Client) -> None:
    text = await ask_for_text(client, AGGREGATE, by="week", since="2026-10-28", until="2026-11-20")
    assert text == snapshot("""\
[sandbox: fictional data, not intelligence]
groups: 4
events: 553
<untrusted MARK>
datasets: Cloudforce One Threat Events, Cybercrime, DDoS Attacks, Compromised Devices, ACME Incident Response
read_as: since: 2026-10-28 as 2026-10-28T00:00:00Z, until: 2026-11-20 as 2026-11-20T23:59:59Z
week	count
2026-W44	66
2026-W45	107
2026-W46	171
2026-W47	209
</untrusted MARK>
The first and the last week are counted only as far as since and until reach.
Events marked above TLP:AMBER are not searched (CF1_MAX_TLP).\
""")


async def test_a_year_by_day_keeps_the_newest_and_names_what_is_cut(client: Client) -> None:
    counted = await ask(client, AGGREGATE, columns=["category"], by="day", since="365d", limit=1000)
    days = [str(day) for day in column(counted, "day")]
    assert days == sorted(days) and days[-1] == "2026-11-24"
    assert {name: counted[name] for name in ("groups", "events", "shown", "notes")} == snapshot(
        {
            "groups": 977,
            "events": 3241,
            "shown": "1723 of 3241 events",
            "notes": [
                "Only the newest days fit, from 2026-08-02 on: raise limit for a larger answer, or use a shorter period or fewer columns.",
                "Events marked above TLP:AMBER are not searched (CF1_MAX_TLP).",
            ],
        }
    )
    # The oldest day that is shown has all its groups.
    whole = await ask(client, AGGREGATE, columns=["category"], by="day", since=days[0], until=days[0], limit=1000)
    assert days.count(days[0]) == whole["groups"]


async def test_by_month_nothing_is_cut_and_the_rows_add_up(client: Client) -> None:
    counted = await ask(client, AGGREGATE, columns=["category"], by="month", since="365d", limit=1000)
    assert "shown" not in counted
    assert sum(int(str(count)) for count in column(counted, "count")) == counted["events"]
    assert "Only the" not in str(counted.get("notes"))


@pytest.mark.parametrize("ceiling", [Tlp.AMBER, Tlp.RED])
async def test_a_limit_of_exactly_the_groups_cuts_nothing(sample: Tenant, ceiling: Tlp) -> None:
    async with sample.server(sample.allowed(max_tlp=ceiling)) as client:
        everything = await ask(client, AGGREGATE, columns=["attacker", "targetIndustry"], limit=1000)
        groups = int(str(everything["groups"]))
        exact = await ask(client, AGGREGATE, columns=["attacker", "targetIndustry"], limit=groups)
        less = await ask(client, AGGREGATE, columns=["attacker", "targetIndustry"], limit=groups - 1)
    assert "Only the largest groups" not in str(everything.get("notes")) + str(exact.get("notes"))
    assert "Only the largest groups" in str(less["notes"])
    # Without a ceiling the API is asked for one group more than is shown, so that the rest of the total is not known.
    assert str(less["events"]).removeprefix("at least ") == str(everything["events"])
    assert less["shown"] == f"{int(str(everything['events'])) - 1} of {less['events']} events"


async def test_an_unknown_word_is_said_and_the_filter_that_removes_all_is_named(client: Client) -> None:
    assert await ask_for_text(client, AGGREGATE, by="month", target_industry=["hospitals", "zzqq"]) == snapshot("""\
[sandbox: fictional data, not intelligence]
groups: 0
events: 0
<untrusted MARK>
datasets: Cloudforce One Threat Events, Cybercrime, DDoS Attacks, Compromised Devices, ACME Incident Response
unknown_words: target_industry: hospitals is unknown, the nearest is Healthcare, target_industry: zzqq is unknown; list_threat_vocabulary lists the industries
</untrusted MARK>
Without target_industry there are events: this filter alone removes all of them.
Events marked above TLP:AMBER are not searched (CF1_MAX_TLP).
Absence from these datasets does not show that something is benign.\
""")


async def test_a_period_without_events_names_the_argument(client: Client) -> None:
    assert await ask_for_text(client, AGGREGATE, columns=["tlp"], until="2019") == snapshot("""\
[sandbox: fictional data, not intelligence]
groups: 0
events: 0
<untrusted MARK>
datasets: Cloudforce One Threat Events, Cybercrime, DDoS Attacks, Compromised Devices, ACME Incident Response
read_as: until: 2019 as 2019-12-31T23:59:59Z
</untrusted MARK>
Without until there are events: this filter alone removes all of them.
Events marked above TLP:AMBER are not searched (CF1_MAX_TLP).
Absence from these datasets does not show that something is benign.\
""")


async def test_the_newest_events_are_counted_where_there_are_more_than_can_be_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(counted_pages, "MAX_COUNTED", 4)
    monkeypatch.setattr(counted_pages, "PAGE_SIZE", 3)
    tenant = Tenant(tmp_path)
    for number in range(7):
        await tenant.add(f"seen {number}", date=f"2026-11-{10 + number}T00:00:00Z")
    async with tenant.server(tenant.reading()) as client:
        assert await ask_for_text(client, AGGREGATE, by="day", text="seen") == snapshot("""\
[sandbox: fictional data, not intelligence]
groups: 4
events: at least 4
<untrusted MARK>
datasets: Cloudforce One Threat Events, Mine, Yours
day	count
2026-11-13	1
2026-11-14	1
2026-11-15	1
2026-11-16	1
</untrusted MARK>
Counted here: 4 events, the newest, because the API does not count as needed. There are more: use a shorter period for exact counts.
Of 2026-11-13 only a part is counted, and nothing before it.
Events marked above TLP:AMBER are not searched (CF1_MAX_TLP).\
""")


async def test_an_event_with_several_values_is_counted_for_each_and_that_is_said(client: Client) -> None:
    counted = await ask(client, AGGREGATE, columns=["mitreAttack"], since="7d", limit=1000)
    assert "An event with several values is counted once for each of them, in events too." in str(counted["notes"])


@pytest.mark.parametrize("by", ["day", "week", "month"])
def test_periods_sort_by_time(by: Period) -> None:
    days = [date(2024, 12, 20) + timedelta(days=number) for number in range(800)]
    names = [name_period(day.isoformat(), by) for day in days]
    assert names == sorted(names)
    assert len(set(names)) == {"day": 800, "week": 115, "month": 27}[by]


def test_a_date_that_is_none_is_a_period_of_its_own() -> None:
    assert [name_period(text, "week") for text in ("", "unknown", "2026-13-01")] == ["", "unknown", "2026-13-01"]
    assert name_period(datetime(2027, 1, 2, tzinfo=UTC).isoformat(), "week") == "2026-W53"
