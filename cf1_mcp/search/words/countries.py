"""Countries as people name them: by a code, or by their usual or official name in the large languages.

The API lists only the ISO 3166-1 codes and one English name of each country. The names in other languages are those of
CLDR, which the library babel ships.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from typing import Final

from cf1_mcp.models import Country
from cf1_mcp.text.accents import fold_letters


def _words(text: str) -> tuple[str, ...]:
    return tuple(text.split())


# Those of the large languages, and of the countries that events name most.
LANGUAGES: Final = _words(
    "en ar bg bn cs da de el es et fa fi fr he hi hr hu id it ja ko lt lv ms nb nl pl pt ro ru sk sl sr sv th tr "
    "uk ur vi zh zh_Hant"
)
# Names that CLDR does not have: abbreviations, parts of countries, older names, and official names that differ from the
# usual one in more than the form of the state.
ALIASES: Final[Mapping[str, tuple[str, ...]]] = {
    "AE": ("uae", "emirates", "emiraten"),
    "AU": ("aus",),
    "BN": ("brunei darussalam",),
    "BY": ("weissrussland", "byelorussia"),
    "BQ": ("bonaire sint eustatius and saba", "bonaire"),
    "CC": ("cocos islands",),
    "CD": ("drc", "dr congo", "democratic republic of the congo", "congo kinshasa", "zaire"),
    "CG": ("congo", "republic of the congo", "congo brazzaville"),
    "CH": ("swiss confederation",),
    "CI": ("ivory coast", "elfenbeinkuste", "cote d'ivoire"),
    "CN": ("prc", "people's republic of china", "mainland china"),
    "CV": ("cape verde", "cabo verde"),
    "CZ": ("czech republic", "tschechische republik"),
    "DE": ("brd",),
    "GB": (
        "uk",
        "u k",
        "united kingdom of great britain and northern ireland",
        "great britain",
        "britain",
        "england",
        "scotland",
        "wales",
        "northern ireland",
        "grossbritannien",
        "grande bretagne",
        "gran bretana",
        "gran bretagna",
    ),
    "GR": ("hellenic republic", "hellas"),
    "HK": ("hong kong",),
    "IR": ("persia",),
    "KP": ("dprk", "democratic people's republic of korea"),
    "KR": ("korea", "한국", "republic of korea", "rok"),
    "LA": ("lao", "lao people's democratic republic"),
    "MF": ("saint martin", "saint martin french part"),
    "MK": ("macedonia", "the former yugoslav republic of macedonia"),
    "MM": ("burma", "myanmar"),
    "MO": ("macau", "macao"),
    "NL": ("holland", "holanda"),
    "PS": ("palestine", "state of palestine", "occupied palestinian territory"),
    "RU": ("russian federation", "russische foderation", "federation de russie"),
    "SK": ("slovak republic",),
    "SY": ("syrian arab republic",),
    "SZ": ("swaziland",),
    "TL": ("east timor", "timor leste"),
    "TR": ("turkey", "turkiye"),
    "TW": ("taiwan", "republic of china", "taiwan province of china"),
    "US": ("usa", "u s", "u s a", "united states of america", "america", "vereinigte staaten von amerika"),
    "VA": ("holy see", "vatican"),
    "VG": ("british virgin islands",),
    "VI": ("us virgin islands", "united states virgin islands", "virgin islands u s"),
    "VN": ("viet nam",),
}
# Groups are not countries. Asking for one is answered with its members.
_EU: Final = _words("AT BE BG CY CZ DE DK EE ES FI FR GR HR HU IE IT LT LU LV MT NL PL PT RO SE SI SK")
GROUPS: Final[Mapping[str, tuple[str, ...]]] = {
    "eu": _EU,
    "european union": _EU,
    "europe": (*_EU, "CH", "GB", "NO", "UA"),
    "eea": (*_EU, "IS", "LI", "NO"),
    "dach": ("AT", "CH", "DE"),
    "benelux": ("BE", "LU", "NL"),
    "baltics": ("EE", "LT", "LV"),
    "nordics": ("DK", "FI", "IS", "NO", "SE"),
    "scandinavia": ("DK", "NO", "SE"),
    "g7": ("CA", "DE", "FR", "GB", "IT", "JP", "US"),
    "brics": ("BR", "CN", "IN", "RU", "ZA"),
    "five eyes": ("AU", "CA", "GB", "NZ", "US"),
    "north america": ("CA", "MX", "US"),
    "middle east": ("AE", "BH", "IL", "IQ", "IR", "JO", "KW", "LB", "OM", "PS", "QA", "SA", "SY", "TR", "YE"),
}
# Words of official names that say what kind of state it is.
_FORMS: Final = _words(
    "republic kingdom state states federal federated federation federative democratic people peoples s socialist "
    "islamic arab bolivarian plurinational united principality sultanate grand duchy commonwealth union "
    "cooperative co operative independent hashemite eastern oriental of and the"
)
# Without the form of the state these could be either of two.
_AMBIGUOUS: Final = frozenset({"congo", "korea", "china"})


def country_code(text: str, known: Sequence[Country]) -> str | None:
    """Return the alpha-2 code of a country given by code, name or alias; None if the account does not know it."""
    name = _fold(text)
    for country in known:
        if name in (_fold(country.alpha2), _fold(country.alpha3), _fold(country.name)):
            return country.alpha2
    code = find_country(text)
    return code if code in {country.alpha2 for country in known} else None


def find_country(text: str) -> str | None:
    """Return the alpha-2 code of a country given by its name, whether an account lists it or not."""
    index = _index_names()
    # "Falkland Islands (Malvinas)" is read with and without the addition.
    for name in dict.fromkeys((_fold(text), _fold(re.sub(r"\(.*?\)", " ", text)))):
        core = " ".join(word for word in name.split() if word not in _FORMS)
        for spelled in (name, _sort_words(name), "" if core in _AMBIGUOUS else core):
            if spelled and (code := index.get(spelled)):
                return code
    return None


def list_members(text: str) -> tuple[str, ...]:
    """Return the alpha-2 codes of the members of a group of countries, empty if it is not a known group."""
    return GROUPS.get(_fold(text).replace("countries", "").strip(), ())


@cache
def _index_names() -> Mapping[str, str]:
    """Return the codes of all countries by their folded names, and by the sorted words of those in English."""
    # Here, because few calls need its data, and a start over stdio should not load it.
    from babel import Locale

    index: dict[str, set[str]] = {}
    for language in LANGUAGES:
        for code, name in dict[str, str](Locale.parse(language).territories).items():
            if _is_country(code):
                # Elsewhere the addition may be the state that a territory belongs to.
                parts = _split_name(name) if language == "en" else ()
                for spelled in map(_fold, (name, *parts)):
                    index.setdefault(spelled, set()).add(code)
    found = {name: codes.pop() for name, codes in index.items() if name and len(codes) == 1}
    for code, names in ALIASES.items():
        for name in map(_fold, names):
            found[name] = code
            if " " in name:
                found[_sort_words(name)] = code
    return found


def _is_country(code: str) -> bool:
    return len(code) == 2 and code.isalpha() and code not in ("EU", "EZ", "QO", "UN", "XA", "XB", "ZZ")


def _split_name(name: str) -> Iterator[str]:
    """Yield the parts of a name such as "Myanmar (Burma)" or "Hong Kong SAR China"."""
    if found := re.fullmatch(r"(.+?)\s*\((.+)\)", name):
        yield from found.groups()


def _sort_words(name: str) -> str:
    """Return the words of a name in one order, so that "Korea, Republic of" is "Republic of Korea"."""
    return f"={' '.join(sorted(name.split()))}"


def _fold(text: str) -> str:
    """Return a name without case, accents, punctuation and articles, its words separated by single blanks."""
    plain = "".join(letter if letter.isalnum() else " " for letter in fold_letters(text))
    words = ["saint" if word == "st" else word for word in plain.split() if word != "the"]
    return " ".join(words)
