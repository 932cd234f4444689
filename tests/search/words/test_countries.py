"""Countries by every name that people and ISO write."""

import pytest

from cf1_mcp.models import Country
from cf1_mcp.sandbox.vocabulary_catalog import COUNTRIES
from cf1_mcp.search.words.countries import country_code, find_country, list_members

NAMES = {
    "AE": "UAE|United Arab Emirates|Emirates",
    "BO": "Bolivia (Plurinational State of)|Plurinational State of Bolivia",
    "CD": "DRC|Congo, The Democratic Republic of the|Democratic Republic of the Congo|Congo-Kinshasa",
    "CG": "Congo|Republic of the Congo|Congo (Brazzaville)",
    "CI": "Ivory Coast|Côte d'Ivoire|Elfenbeinküste",
    "CN": "China|PRC|People's Republic of China|China, People's Republic of|中国|Chine",
    "CW": "Curaçao|Curacao",
    "DE": "Deutschland|Germany|deu|DE|Federal Republic of Germany|Allemagne|Alemania|德国",
    "FK": "Falkland Islands (Malvinas)",
    "FM": "Micronesia (Federated States of)",
    "GB": "UK|U.K.|Großbritannien|Great Britain|Northern Ireland|England|Royaume-Uni",
    "HK": "Hong Kong SAR China|hong kong",
    "IE": "Ireland|Republic of Ireland",
    "IR": "Iran|Iran (Islamic Republic of)|Iran, Islamic Republic of|Islamic Republic of Iran|ایران",
    "KP": "North Korea|Korea, Democratic People's Republic of|DPRK|Nordkorea",
    "KR": "South Korea|Korea (the Republic of)|Korea, Republic of|대한민국|한국",
    "LA": "Lao People's Democratic Republic",
    "LC": "St. Lucia|Saint Lucia",
    "MK": "Macedonia (the former Yugoslav Republic of)",
    "MM": "Myanmar (Burma)|Burma",
    "NL": "the Netherlands|Holland|Netherlands (Kingdom of the)|Pays-Bas",
    "PS": "Palestine, State of|State of Palestine",
    "RU": "Russian Federation|Russland|Россия",
    "TR": "Türkiye|Turkey|Türkei",
    "TW": "Taiwan (Province of China)|Republic of China",
    "TZ": "Tanzania, United Republic of",
    "US": "USA|U.S.A.|United States of America|Estados Unidos|États-Unis|アメリカ合衆国",
    "VE": "Venezuela (Bolivarian Republic of)",
    "VI": "Virgin Islands (U.S.)",
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


def test_a_country_that_the_account_does_not_list_is_still_read() -> None:
    assert (country_code("Kosovo", COUNTRIES), find_country("Kosovo")) == (None, "XK")


@pytest.mark.parametrize(
    ("group", "some"),
    [("EU", "DE"), ("European Union", "PL"), ("Nordic countries", ""), ("DACH", "CH"), ("Germany", "")],
)
def test_a_group_is_read_as_its_members(group: str, some: str) -> None:
    assert (some in list_members(group)) is bool(some)
