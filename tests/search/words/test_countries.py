"""Countries by every name that people and ISO write."""

import pytest

from cf1_mcp.models import Country
from cf1_mcp.sandbox.vocabulary_catalog import COUNTRIES
from cf1_mcp.search.words.countries import (
    country_code,
    find_country,
    list_members,
    nearest_countries,
    split_countries,
)
from cf1_mcp.search.words.country_groups import GROUPS
from cf1_mcp.text.country_codes import read_country_code

NAMES = {
    "AE": "UAE|United Arab Emirates|Emirates",
    "BO": "Bolivia (Plurinational State of)|Plurinational State of Bolivia",
    "CD": "DRC|Congo, The Democratic Republic of the|Democratic Republic of the Congo|Congo-Kinshasa|Congo, Dem. Rep.",
    "CG": "Congo|Republic of the Congo|Congo (Brazzaville)",
    "CI": "Ivory Coast|Côte d'Ivoire|Elfenbeinküste",
    "CN": "China|PRC|People's Republic of China|China, People's Republic of|中国|Chine",
    "CW": "Curaçao|Curacao",
    "DE": "Deutschland|Germany|deu|DE|Federal Republic of Germany|Allemagne|Alemania|德国",
    "FK": "Falkland Islands (Malvinas)",
    "FM": "Micronesia (Federated States of)",
    "EH": "Sahara, Western",
    "GB": "UK|U.K.|Großbritannien|Great Britain|Northern Ireland|England|Royaume-Uni",
    "GQ": "Guinea, Equatorial",
    "HK": "Hong Kong SAR China|hong kong|China, Hong Kong SAR",
    "IE": "Ireland|Republic of Ireland",
    "IR": "Iran|Iran (Islamic Republic of)|Iran, Islamic Republic of|Islamic Republic of Iran|ایران",
    "KP": "North Korea|Korea, Democratic People's Republic of|DPRK|Nordkorea|Korea, Dem. People's Rep.|Korea, North",
    "KR": "South Korea|Korea (the Republic of)|Korea, Republic of|대한민국|한국|Republik Korea|Korea, Rep.",
    "LA": "Lao People's Democratic Republic",
    "LC": "St. Lucia|Saint Lucia",
    "MK": "Macedonia (the former Yugoslav Republic of)",
    "MM": "Myanmar (Burma)|Burma",
    "NL": "the Netherlands|Holland|Netherlands (Kingdom of the)|Pays-Bas",
    "PS": "Palestine, State of|State of Palestine",
    "RU": "Russian Federation|Russland|Россия",
    "SA": "KSA|السعودية|Kingdom of Saudi Arabia",
    "TR": "Türkiye|Turkey|Türkei",
    "TW": "Taiwan (Province of China)|Republic of China|Chinese Taipei",
    "TZ": "Tanzania, United Republic of",
    "US": "USA|U.S.A.|United States of America|Estados Unidos|États-Unis|アメリカ合衆国",
    "VE": "Venezuela (Bolivarian Republic of)",
    "VG": "Virgin Islands, British",
    "VI": "Virgin Islands (U.S.)|Virgin Islands, U.S.",
    "VN": "Viet Nam|Vietnam",
}
WRITTEN = [(name, code) for code, names in NAMES.items() for name in names.split("|")]


@pytest.mark.parametrize(("name", "code"), WRITTEN, ids=[name for name, _ in WRITTEN])
def test_a_country_is_found_by_each_of_its_names(name: str, code: str) -> None:
    assert country_code(name, COUNTRIES) == code


@pytest.mark.parametrize("country", COUNTRIES, ids=[country.alpha2 for country in COUNTRIES])
def test_every_listed_country_is_found_by_its_codes_and_its_name(country: Country) -> None:
    found = {country_code(text, COUNTRIES) for text in (country.alpha2, country.alpha3.lower(), country.name.upper())}
    assert found == {country.alpha2}


@pytest.mark.parametrize("text", ["", ",", "Republic", "Republic of", "EU", "Atlantis", "Chinese"])
def test_what_is_not_a_country_gives_none(text: str) -> None:
    assert (country_code(text, COUNTRIES), find_country(text)) == (None, None)


@pytest.mark.parametrize("text", ["Kosovo", "XK", "xk"])
def test_a_country_that_the_account_does_not_list_is_still_read(text: str) -> None:
    assert (country_code(text, COUNTRIES), find_country(text)) == (None, "XK")


@pytest.mark.parametrize(
    "name",
    [
        "Korea, Democratic People's Republic of",
        "Korea, Democratic People\u2019s Republic of",
        "Congo, The Democratic Republic of the",
        "Virgin Islands, U.S.",
        "Hong Kong SAR, China",
        "Guinea, Equatorial",
        "Iran, Islamic Rep.",
        "Bolivia, Plurinational State of",
        "Taiwan, Province of China",
        "Bahamas, The",
        "Saint Helena, Ascension and Tristan da Cunha",
        "Europe, Middle East, Africa",
    ],
)
def test_a_name_with_a_comma_is_one_country_also_within_a_list(name: str) -> None:
    assert split_countries(name) == [name]
    assert split_countries(f"Germany, {name} ,AT") == ["Germany", name, "AT"]


@pytest.mark.parametrize(
    "names",
    [
        "DE|AT",
        "Germany|Austria",
        "Germany|United States",
        "United Kingdom|France",
        "Oman|United Arab Emirates",
        "China|Taiwan",
        "Guinea|Guinea-Bissau",
        "Sudan|South Africa",
        "Germany|Atlantis",
        "EU|US",
    ],
)
def test_a_list_of_countries_is_split_at_its_commas(names: str) -> None:
    assert split_countries(f" {names.replace('|', ', ')},") == names.split("|")


@pytest.mark.parametrize("country", COUNTRIES, ids=[country.alpha2 for country in COUNTRIES])
def test_a_country_is_never_joined_with_another(country: Country) -> None:
    for other in COUNTRIES:
        assert split_countries(f"{country.name},{other.name}") == [country.name, other.name]


@pytest.mark.parametrize(
    "text", ["Bavaria", "California", "Texas", "Tibet", "Republic of", "Islamic Republic of", "ab"]
)
def test_a_region_has_no_country_as_its_neighbour(text: str) -> None:
    assert nearest_countries(text, [country.name for country in COUNTRIES], 3) == []


@pytest.mark.parametrize(
    ("text", "near"), [("Germny", "Germany"), ("Phillipines", "Philippines"), ("Swizerland", "Switzerland")]
)
def test_a_misspelled_country_has_the_right_one_as_its_neighbour(text: str, near: str) -> None:
    assert nearest_countries(text, [country.name for country in COUNTRIES], 3) == [near]


def test_the_members_of_groups_are_countries() -> None:
    codes = {country.alpha2 for country in COUNTRIES}
    for name, members in GROUPS.items():
        assert members and len(members) == len({*members})
        assert {*members} <= codes | {"XK"}, name
        assert find_country(name) is None and (len(name) == 2 or read_country_code(name) is None)


MEMBERS = {
    "APAC": "AU",
    "Africa": "KE",
    "Asia": "JP",
    "Balkans": "RS",
    "CIS": "KZ",
    "DACH": "CH",
    "EMEA": "ZA",
    "EU": "DE",
    "European Union": "PL",
    "GCC": "SA",
    "Germany": "",
    "Gulf states": "QA",
    "LATAM": "BR",
    "Middle East & Africa": "EG",
    "NATO": "US",
    "Nordic countries": "SE",
    "U.S.S.R.": "UA",
}


@pytest.mark.parametrize(("group", "some"), MEMBERS.items())
def test_a_group_is_read_as_its_members(group: str, some: str) -> None:
    assert (some in list_members(group)) is bool(some)
