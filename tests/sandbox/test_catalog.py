import gzip
import json
import re
from pathlib import Path
from uuid import UUID

import pytest
from inline_snapshot import snapshot

from cf1_mcp.sandbox.catalog import CATEGORIES, COUNTRIES, INDICATOR_TYPES, INDUSTRIES, country

REAL = Path(__file__).parents[3] / "shared" / "data" / "real"


def test_every_country_of_the_standard_is_there_once() -> None:
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
def test_a_country_is_found_by_code_name_or_common_name(text: str, alpha2: str) -> None:
    found = country(text)
    assert found is not None
    assert found.alpha2 == alpha2


@pytest.mark.parametrize("text", ["", "XX", "Atlantis", "EUR"])
def test_what_is_no_country_is_none(text: str) -> None:
    assert country(text) is None


def test_every_country_finds_itself_by_each_of_its_texts() -> None:
    for place in COUNTRIES:
        assert country(place.alpha2.lower()) == country(place.alpha3) == country(place.name.upper()) == place


def test_categories_have_names_and_ids_of_their_own() -> None:
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


def test_the_one_published_indicator_type_id_holds() -> None:
    assert INDICATOR_TYPES[5 - 1] == "domain"
    assert all(name == name.lower() for name in INDICATOR_TYPES)
    assert len(set(INDICATOR_TYPES)) == len(INDICATOR_TYPES)


def test_the_published_industries_are_in_the_sorted_list() -> None:
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


@pytest.mark.skipif(not REAL.exists(), reason="the real events are not part of the repository")
def test_the_real_events_use_only_what_the_catalogs_hold() -> None:
    with gzip.open(REAL / "events.jsonl.gz", "rt", encoding="utf-8") as lines:
        bodies = [json.loads(line)["body"] for line in lines]
    assert {body["targetIndustry"] for body in bodies if "targetIndustry" in body} <= set(INDUSTRIES)
    assert {body["indicatorType"] for body in bodies if "indicatorType" in body} <= set(INDICATOR_TYPES)
    assert {body["category"] for body in bodies} <= {category.name for category in CATEGORIES}
    assert all(country(body["targetCountry"]) for body in bodies if "targetCountry" in body)


@pytest.mark.skipif(not REAL.exists(), reason="the real events are not part of the repository")
def test_categories_of_the_real_events_have_the_same_kill_chain_number() -> None:
    ours = {category.name: category for category in CATEGORIES}
    for theirs in json.loads((REAL / "categories.json").read_text(encoding="utf-8")):
        assert ours[theirs["name"]].kill_chain == theirs["killChain"]
        assert set(theirs["mitreAttack"]) <= set(ours[theirs["name"]].mitre_attack)
