"""The catalog of countries, categories, industries and indicator types."""

import gzip
import json
import re
from uuid import UUID

import pytest
from inline_snapshot import snapshot

from cf1_mcp.sandbox.vocabulary_catalog import CATEGORIES, COUNTRIES, INDICATOR_TYPES, INDUSTRIES, find_country
from tests.ports import REAL

needs_real_events = pytest.mark.skipif(not REAL.exists(), reason="the real events are not part of the repository")


def test_the_catalog_contains_every_country_of_iso_3166_once() -> None:
    assert len(COUNTRIES) == 249
    assert len({place.alpha2 for place in COUNTRIES}) == len({place.alpha3 for place in COUNTRIES}) == 249
    assert all(re.fullmatch("[A-Z]{2} [A-Z]{3}", f"{place.alpha2} {place.alpha3}") for place in COUNTRIES)
    assert len({place.name for place in COUNTRIES}) == 249


@pytest.mark.parametrize(
    ("text", "alpha2"),
    [
        ("at", "AT"),
        ("AUT", "AT"),
        (" Austria ", "AT"),
        ("usa", "US"),
        ("uk", "GB"),
        ("T\u00fcrkiye", "TR"),
        ("Turkey", "TR"),
        ("C\u00f4te d'Ivoire", "CI"),
        ("iran", "IR"),
        ("Russian Federation", "RU"),
        ("South Korea", "KR"),
    ],
)
def test_a_country_is_found_by_code_or_name(text: str, alpha2: str) -> None:
    found = find_country(text)
    assert found is not None
    assert found.alpha2 == alpha2


@pytest.mark.parametrize("text", ["", "XX", "Atlantis", "EUR"])
def test_an_unknown_country_is_not_found(text: str) -> None:
    assert find_country(text) is None


def test_every_country_is_found_by_its_codes_and_name() -> None:
    for place in COUNTRIES:
        assert (
            find_country(place.alpha2.lower())
            == find_country(place.alpha3)
            == find_country(place.name.upper())
            == place
        )


def test_categories_have_unique_names_and_ids() -> None:
    assert len({category.name for category in CATEGORIES}) == len(CATEGORIES)
    assert len({category.shortname for category in CATEGORIES}) == len(CATEGORIES)
    assert len({UUID(category.uuid) for category in CATEGORIES}) == len(CATEGORIES)
    assert all(category.kill_chain in range(1, 8) for category in CATEGORIES)


def test_a_category_keeps_its_uuid() -> None:
    phishing = next(category for category in CATEGORIES if category.name == "Phishing")
    assert phishing.model_dump() == snapshot(
        {
            "uuid": "2541576a-f146-5734-a4f1-39d57662838d",
            "name": "Phishing",
            "kill_chain": 3.0,
            "mitre_attack": ["T1566"],
            "mitre_capec": ["98", "163"],
            "shortname": "phish",
        }
    )


def test_the_indicator_type_domain_has_its_published_id() -> None:
    assert INDICATOR_TYPES[5 - 1] == "domain"
    assert all(name == name.lower() for name in INDICATOR_TYPES)
    assert len(set(INDICATOR_TYPES)) == len(INDICATOR_TYPES)


def test_the_sorted_industries_contain_the_published_ones() -> None:
    published = {
        "Agriculture",
        "Automotive",
        "Banking & Financial Services",
        "Cryptocurrency",
        "Insurance",
        "Telecommunications",
    }
    assert published <= set(INDUSTRIES)
    assert list(INDUSTRIES) == sorted(INDUSTRIES)


@needs_real_events
def test_real_events_use_only_values_of_the_catalog() -> None:
    with gzip.open(REAL, "rt", encoding="utf-8") as lines:
        bodies = [json.loads(line)["body"] for line in lines]
    assert {body["targetIndustry"] for body in bodies if "targetIndustry" in body} <= set(INDUSTRIES)
    assert {body["indicatorType"] for body in bodies if "indicatorType" in body} <= set(INDICATOR_TYPES)
    assert {body["category"] for body in bodies} <= {category.name for category in CATEGORIES}
    assert all(find_country(body["targetCountry"]) for body in bodies if "targetCountry" in body)


@needs_real_events
def test_real_categories_have_the_kill_chain_numbers_of_the_catalog() -> None:
    catalog = {category.name: category for category in CATEGORIES}
    for real in json.loads(REAL.with_name("categories.json").read_text(encoding="utf-8")):
        assert catalog[real["name"]].kill_chain == real["killChain"]
        assert set(real["mitreAttack"]) <= set(catalog[real["name"]].mitre_attack)
