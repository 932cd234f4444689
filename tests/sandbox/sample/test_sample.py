"""The sample tenant: size, dates, structure, vocabulary and its investigations."""

import json
import re
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from datetime import datetime, timedelta, timezone
from hashlib import sha256
from ipaddress import ip_address, ip_network

import pytest
from inline_snapshot import snapshot

from cf1_mcp.models import Tlp
from cf1_mcp.sandbox.sample import SAMPLE_DATASETS, sample_alerts, sample_queries, sample_records
from cf1_mcp.sandbox.vocabulary_catalog import CATEGORIES, INDICATOR_TYPES, INDUSTRIES, find_country
from tests.sandbox.sample.sample_rows import NOW, Row

ISO_DATE = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ")


def _texts(value: object) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for key, inner in value.items():  # pyright: ignore[reportUnknownVariableType]
            yield str(key)  # pyright: ignore[reportUnknownArgumentType]
            yield from _texts(inner)  # pyright: ignore[reportUnknownArgumentType]
    elif isinstance(value, list):
        for inner in value:  # pyright: ignore[reportUnknownVariableType]
            yield from _texts(inner)  # pyright: ignore[reportUnknownArgumentType]


def test_the_sample_has_thousands_of_events_in_five_datasets(rows: list[Row]) -> None:
    assert Counter(row.dataset for row in rows) == snapshot(
        Counter(
            {
                "Cloudforce One Threat Events": 1442,
                "Cybercrime": 1022,
                "ACME Incident Response": 83,
                "DDoS Attacks": 553,
                "Compromised Devices": 510,
            }
        )
    )
    assert {row.dataset for row in rows} == {name for name, _, _ in SAMPLE_DATASETS}
    assert 3_000 <= len(rows) <= 4_000


def test_the_sample_is_the_same_on_every_machine() -> None:
    digest = sha256("\n".join(json.dumps(record) for record in sample_records(NOW)).encode()).hexdigest()
    assert digest == snapshot("89802fad681a8de5692ca322fd5cef4903b91c71982186955042061b047a40e1")


@pytest.mark.parametrize(
    "later",
    [
        timedelta(days=1),
        timedelta(days=-700, hours=5, seconds=7),
        timedelta(days=463, hours=14, minutes=29, seconds=45),
    ],
)
def test_another_time_shifts_every_date_and_changes_nothing_else(later: timedelta) -> None:
    def moved(date: re.Match[str]) -> str:
        return f"{datetime.fromisoformat(date[0]) + later:%Y-%m-%dT%H:%M:%SZ}"

    for before, after in zip(sample_records(NOW), sample_records(NOW + later), strict=True):
        assert ISO_DATE.sub(moved, json.dumps(before)) == json.dumps(after)


def test_the_time_zone_of_the_clock_does_not_matter() -> None:
    tokyo = NOW.astimezone(timezone(timedelta(hours=9)))
    assert list(sample_records(tokyo)) == list(sample_records(NOW))


def test_every_event_is_created_after_it_happened_and_before_now(rows: list[Row]) -> None:
    for row in rows:
        assert row.date <= row.body.created_at <= NOW, row.ref
        assert row.date > NOW - timedelta(days=401), row.ref


def test_events_were_created_on_each_of_the_last_30_days(rows: list[Row]) -> None:
    ages = Counter((NOW - row.body.created_at).days for row in rows)
    assert min(ages[day] for day in range(30)) >= 5
    calendar = Counter(row.body.created_at.date() for row in rows)
    assert min(calendar[NOW.date() - timedelta(days=day)] for day in range(1, 31)) >= 5


def test_parents_and_references_are_earlier_records(rows: list[Row]) -> None:
    earlier: dict[str, str] = {}
    for row in rows:
        assert row.ref not in earlier
        assert all(earlier[parent.ref] == row.dataset for parent in row.parents), row.ref
        assert set(row.references) <= set(earlier), row.ref
        earlier[row.ref] = row.dataset
    across = [row.ref for row in rows if any(earlier[cited] != row.dataset for cited in row.references)]
    assert len(across) > 20


def test_campaigns_are_trees_of_up_to_four_levels_with_every_relationship_type(rows: list[Row]) -> None:
    above = {row.ref: row.parents[0].ref for row in rows if row.parents}

    def level(ref: str) -> int:
        return 1 + level(above[ref]) if ref in above else 1

    assert Counter(level(ref) for ref in above) == snapshot(Counter({2: 399, 3: 628, 4: 176}))
    assert Counter(parent.type for row in rows for parent in row.parents) == snapshot(
        Counter({"attributed_to": 161, "related_to": 802, "caused_by": 240})
    )
    campaigns = [row for row in rows if row.body.category == "Campaign"]
    assert len(campaigns) == 26
    assert all(row.body.insight and row.ref in above.values() for row in campaigns)


def test_every_marking_exists_in_standard_and_other_spellings_and_some_are_missing(rows: list[Row]) -> None:
    markings = Counter(row.body.tlp for row in rows)
    assert min(markings[level] for level in Tlp) > 30
    assert {"white", "TLP:GREEN", "AMBER", "amber-strict", "RED", ""} < set(markings)
    assert all(Tlp.parse(marking) for marking in markings if marking)


def test_some_evidence_is_marked_stricter_than_its_event(rows: list[Row]) -> None:
    levels = list(Tlp)
    pairs = [(Tlp.parse(row.body.tlp), Tlp.parse(row.body.raw.tlp or "")) for row in rows if row.body.tlp]
    order = [(levels.index(own), levels.index(raw)) for own, raw in pairs if own and raw]
    assert len(order) == len(pairs)
    assert sum(raw > own for own, raw in order) > 30
    assert not [1 for own, raw in order if raw < own]


def test_events_use_only_values_of_the_catalog(rows: list[Row]) -> None:
    categories = {category.name for category in CATEGORIES}
    for row in rows:
        body = row.body
        assert body.category in categories
        assert body.target_industry is None or body.target_industry in INDUSTRIES
        assert {kind for kind, _ in body.typed_indicators} <= set(INDICATOR_TYPES)
        for code in (body.attacker_country, body.target_country):
            assert code is None or find_country(code)


def test_some_events_have_several_indicators_and_some_lack_optional_fields(rows: list[Row]) -> None:
    sizes = Counter(min(len(row.body.typed_indicators), 2) for row in rows)
    assert sizes[2] > 1_000
    assert sizes[1] > 1_000
    assert sizes[0] > 50
    assert all(len(set(row.body.typed_indicators)) == len(row.body.typed_indicators) for row in rows)
    assert sum(row.body.target_country is None for row in rows) > 100
    assert sum(row.body.target_industry is None for row in rows) > 100
    assert all(row.body.raw.data and row.body.raw.data["observedAt"] == row.body.date for row in rows)


RESERVED_NAMES = re.compile(r"(?:^|\.)(?:example|test|invalid|example\.(?:com|net|org))$")
RESERVED_NETWORKS = [ip_network(net) for net in ("192.0.2.0/24", "198.51.100.0/24", "203.0.113.0/24", "2001:db8::/32")]
# Extensions of file names and parts of code; none of them is a top-level domain.
NOT_DOMAINS = {"exe", "dll", "docm", "lnk", "iso", "xlsm", "php", "png", "cookie", "tnemetats"}


def test_all_domains_and_addresses_are_reserved() -> None:
    names: set[str] = set()
    addresses: set[str] = set()
    for text in _texts([*sample_records(NOW), *sample_queries(), *sample_alerts()]):
        names.update(re.findall(r"(?:[\w-]+\.)+[^\W\d_][\w-]+", text.lower()))
        addresses.update(re.findall(r"\d+(?:\.\d+){3}|[0-9a-f:]*::[0-9a-f]*", text.lower()))
    assert len(names) > 500
    assert [name for name in names if not RESERVED_NAMES.search(name) and name.split(".")[-1] not in NOT_DOMAINS] == []
    assert len(addresses) > 500
    assert [one for one in addresses if not any(ip_address(one) in network for network in RESERVED_NETWORKS)] == []


def test_vulnerabilities_and_networks_are_fictional(rows: list[Row]) -> None:
    everything = json.dumps(list(sample_records(NOW)))
    assert set(re.findall(r"CVE-(\d+)-", everything)) == {"2099"}
    numbers = {int(number) for number in re.findall(r'[aA]sn": (\d+)', everything)}
    assert numbers == set(range(64_496, 64_512))
    assert {len(value) for row in rows for kind, value in row.body.typed_indicators if kind == "hash"} == {32, 40, 64}


def test_the_last_week_contains_a_wave_against_german_and_austrian_banks(rows: list[Row]) -> None:
    weeks = Counter(
        (NOW - row.date).days // 7
        for row in rows
        if row.body.attacker == "COPPER LANTERN"
        and row.body.target_industry == "Banking & Financial Services"
        and row.body.target_country in ("DE", "AT")
    )
    assert weeks[0] > 10 * max(weeks[1], weeks[2], weeks[3])


def test_one_actor_is_new_and_one_has_stopped(rows: list[Row]) -> None:
    new = [NOW - row.date for row in rows if row.body.attacker == "VELOUR CICADA"]
    assert len(new) > 50
    assert max(new) < timedelta(days=10)
    quiet = [NOW - row.date for row in rows if row.body.attacker == "HOLLOW KESTREL"]
    assert len(quiet) > 150
    assert min(quiet) > timedelta(days=90)


def test_actors_and_incidents_share_addresses_that_connect_them(rows: list[Row]) -> None:
    def seen(start: str, attacker: str = "") -> set[str]:
        chosen = [row.body for row in rows if row.ref.startswith(start) and attacker in (row.body.attacker or "")]
        return {value for body in chosen for kind, value in body.typed_indicators if kind in ("ip", "domain")}

    assert seen("campaign:", "COPPER LANTERN") & seen("campaign:", "BRASS TORTOISE") == snapshot(
        {"192.0.2.240", "192.0.2.241", "192.0.2.242", "gate.harbor-relay.example", "pay.harbor-relay.example"}
    )
    assert len(seen("acme:INC-2301") & seen("campaign:ledger-frost")) > 10
    assert len(seen("ddos:") & seen("device:")) > 50


def test_the_sample_is_built_with_the_standard_library_only() -> None:
    heavy = {"pydantic", "httpx", "starlette", "anyio"}
    code = f"import sys, cf1_mcp.sandbox.sample; print({heavy} & set(sys.modules))"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, check=True, text=True).stdout == "set()\n"
