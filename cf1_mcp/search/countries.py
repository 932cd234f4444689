"""Countries as people name them. The API lists only the ISO 3166-1 codes and one name of each country."""

from collections.abc import Mapping, Sequence
from typing import Final

from cf1_mcp.models import Country

# Common names and abbreviations in addition to the official ones, by ISO 3166-1 alpha-2 code.
ALIASES: Final[Mapping[str, tuple[str, ...]]] = {
    "AE": ("uae", "emirates", "united arab emirates"),
    "BN": ("brunei",),
    "BO": ("bolivia",),
    "CD": ("drc", "dr congo", "democratic republic of the congo", "congo-kinshasa"),
    "CG": ("congo", "republic of the congo", "congo-brazzaville"),
    "CI": ("ivory coast", "cote d'ivoire", "côte d'ivoire"),
    "CN": ("china", "prc", "people's republic of china", "mainland china"),
    "CV": ("cape verde", "cabo verde"),
    "CZ": ("czech republic", "czechia"),
    "FM": ("micronesia",),
    "GB": ("uk", "united kingdom", "great britain", "britain", "england", "scotland", "wales", "northern ireland"),
    "HK": ("hong kong",),
    "IR": ("iran", "islamic republic of iran"),
    "KP": ("north korea", "dprk"),
    "KR": ("south korea", "korea", "republic of korea", "rok"),
    "LA": ("laos",),
    "MD": ("moldova",),
    "MK": ("macedonia", "north macedonia"),
    "MM": ("burma", "myanmar"),
    "MO": ("macau", "macao"),
    "NL": ("holland", "netherlands", "the netherlands"),
    "PS": ("palestine", "palestinian territories"),
    "RU": ("russia", "russian federation"),
    "SY": ("syria",),
    "SZ": ("swaziland", "eswatini"),
    "TL": ("east timor", "timor-leste"),
    "TR": ("turkey", "turkiye", "türkiye"),
    "TW": ("taiwan",),
    "TZ": ("tanzania",),
    "US": ("usa", "u.s.", "u.s.a.", "united states", "united states of america", "america"),
    "VA": ("vatican", "holy see"),
    "VE": ("venezuela",),
    "VN": ("vietnam", "viet nam"),
}
_BY_ALIAS: Final = {alias: code for code, aliases in ALIASES.items() for alias in aliases}


def country_code(text: str, known: Sequence[Country]) -> str | None:
    """Return the alpha-2 code of a country given by code, name or alias; None if the account does not know it."""
    name = " ".join(text.split()).casefold().removeprefix("the ")
    for country in known:
        if name in (country.alpha2.casefold(), country.alpha3.casefold(), country.name.casefold()):
            return country.alpha2
    code = _BY_ALIAS.get(name)
    return code if code in {country.alpha2 for country in known} else None
