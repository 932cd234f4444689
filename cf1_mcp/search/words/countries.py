"""Countries as people name them: by a code, or by their usual or official name in the large languages.

The API lists only the ISO 3166-1 codes and one English name of each country. The names in other languages are those of
CLDR, which the library babel ships.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from difflib import SequenceMatcher
from functools import cache
from typing import Final

from cf1_mcp.errors import similar_words
from cf1_mcp.models import Country
from cf1_mcp.search.words.country_groups import GROUPS
from cf1_mcp.text.accents import fold_letters
from cf1_mcp.text.country_codes import read_country_code


def _words(text: str) -> tuple[str, ...]:
    return tuple(text.split())


# Those of the large languages, and of the countries that events name most.
LANGUAGES: Final = _words(
    "en ar bg bn cs da de el es et fa fi fr he hi hr hu id it ja ko lt lv ms nb nl pl pt ro ru sk sl sr sv th tr "
    "uk ur vi zh zh_Hant"
)
# Those whose names are sorted in lists by their main word: "Guinea, Equatorial".
_INVERTED: Final = frozenset(_words("en de fr es it pt"))
# Names that CLDR does not have: abbreviations, parts of countries, older names, and official names that differ from the
# usual one in more than the form of the state.
ALIASES: Final[Mapping[str, tuple[str, ...]]] = {
    "AE": ("uae", "emirates", "emiraten"),
    "AU": ("aus",),
    "BN": ("brunei darussalam",),
    "BY": ("weissrussland", "byelorussia"),
    "BQ": ("bonaire sint eustatius and saba", "bonaire"),
    "CC": ("cocos islands",),
    "CD": (
        "drc",
        "dr congo",
        "democratic republic of the congo",
        "demokratische republik kongo",
        "republique democratique du congo",
        "republica democratica del congo",
        "congo kinshasa",
        "zaire",
    ),
    "CG": ("congo", "republic of the congo", "republik kongo", "republique du congo", "congo brazzaville"),
    "CH": ("swiss confederation",),
    "CI": ("ivory coast", "elfenbeinkuste", "cote d'ivoire"),
    "CN": (
        "prc",
        "people's republic of china",
        "volksrepublik china",
        "republique populaire de chine",
        "republica popular china",
        "republica popular de china",
        "mainland china",
    ),
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
    "HK": ("hong kong", "hong kong sar"),
    "IR": ("persia",),
    "KP": ("dprk", "democratic people's republic of korea", "demokratische volksrepublik korea"),
    "KR": (
        "korea",
        "한국",
        "republic of korea",
        "republik korea",
        "republique de coree",
        "republica de corea",
        "repubblica di corea",
        "rok",
    ),
    "LA": ("lao", "lao people's democratic republic"),
    "MF": ("saint martin", "saint martin french part"),
    "MK": ("macedonia", "the former yugoslav republic of macedonia"),
    "MM": ("burma", "myanmar"),
    "MO": ("macau", "macao", "macao sar", "macau sar"),
    "NL": ("holland", "holanda"),
    "PS": ("palestine", "state of palestine", "occupied palestinian territory"),
    "RU": ("russian federation", "russische foderation", "federation de russie"),
    "SA": ("ksa", "السعودية"),
    "SH": ("saint helena", "saint helena ascension and tristan da cunha"),
    "SK": ("slovak republic",),
    "SY": ("syrian arab republic",),
    "SZ": ("swaziland",),
    "TL": ("east timor", "timor leste"),
    "TR": ("turkey", "turkiye"),
    "TW": ("taiwan", "republic of china", "republik china", "chinese taipei", "taiwan province of china"),
    "US": ("usa", "u s", "u s a", "united states of america", "america", "vereinigte staaten von amerika"),
    "VA": ("holy see", "vatican"),
    "VG": ("british virgin islands",),
    "VI": ("us virgin islands", "united states virgin islands", "virgin islands u s"),
    "VN": ("viet nam",),
    "XK": ("xkx", "republic of kosovo"),
}
# Words of official names that say what kind of state it is.
_FORMS: Final = _words(
    "republic kingdom state states federal federated federation federative democratic people peoples s socialist "
    "islamic arab bolivarian plurinational united principality sultanate grand duchy commonwealth union "
    "cooperative co operative independent hashemite eastern oriental of and the republik bundesrepublik republique "
    "republica repubblica konigreich royaume reino regno de du des del di der da do"
)
# Words that lists of countries shorten.
_SHORTENED: Final[Mapping[str, str]] = {
    "st": "saint",
    "rep": "republic",
    "dem": "democratic",
    "fed": "federal",
    "peoples": "people s",
}
_LEFT_OUT: Final = frozenset({"of", "and"})
# Parts of a list that are one name: "Bonaire, Sint Eustatius, and Saba".
_MAX_PARTS: Final = 3
# Of a misspelled name to the right one. Names of regions are less like those of any country.
_MIN_SIMILARITY: Final = 0.8
_MIN_PART_LENGTH: Final = 4
# Without the form of the state these could be either of two.
_AMBIGUOUS: Final = frozenset(_words("congo kongo korea corea coree coreia china chine cina kina"))


def country_code(text: str, known: Sequence[Country]) -> str | None:
    """Return the alpha-2 code of a country given by code, name or alias; None if the account does not know it."""
    name = _fold(text)
    for country in known:
        if name in (_fold(country.alpha2), _fold(country.alpha3), _fold(country.name)):
            return country.alpha2
    code = find_country(text)
    return code if code in {country.alpha2 for country in known} else None


def find_country(text: str) -> str | None:
    """Return the alpha-2 code of a country given by its name or code, whether an account lists it or not."""
    # "Falkland Islands (Malvinas)" is read with and without the addition.
    names = dict.fromkeys((_fold(text), _fold(re.sub(r"\(.*?\)", " ", text))))
    return next((code for name in names for code in (_find_exactly(name), _find_core(name)) if code), None)


def split_countries(text: str) -> list[str]:
    """Return the countries of a list, separated by commas. A name that has a comma itself remains whole."""
    parts = [part for one in text.split(",") if (part := one.strip())]
    found: list[str] = []
    while parts:
        for count in range(min(_MAX_PARTS, len(parts)), 0, -1):
            if count == 1 or _is_one_name(parts[:count]):
                found.append(", ".join(parts[:count]))
                del parts[:count]
                break
    return found


def list_members(text: str) -> tuple[str, ...]:
    """Return the alpha-2 codes of the members of a group of countries, empty if it is not a known group."""
    name = " ".join(word for word in _fold(text).split() if word not in _LEFT_OUT and word != "countries")
    return GROUPS.get(name) or GROUPS.get(name.removesuffix(" region").removesuffix(" states"), ())


def nearest_countries(text: str, known: Sequence[str], count: int) -> list[str]:
    """Return the names of countries that a text probably means: those that have its words, or else its spelling."""
    name = _fold(text)
    if not _core(name) or len(name) < _MIN_PART_LENGTH:
        return []
    containing = [one for one in known if f" {name}" in f" {_fold(one)}"]
    close = (one for one in similar_words(text.strip(), known, count) if _similarity(name, one) >= _MIN_SIMILARITY)
    return containing[:count] or [*close]


def _similarity(name: str, other: str) -> float:
    return SequenceMatcher(None, name, _fold(other)).ratio()


def _is_one_name(parts: Sequence[str]) -> bool:
    """Whether the parts of a list are a single name, such as "Korea" and "Republic of"."""
    text = ", ".join(parts)
    name = _fold(text)
    if _find_exactly(name) or list_members(text):
        return True
    # Without the forms of states, "Germany, United States" is Germany.
    return not all(map(_is_country_or_group, parts)) and bool(_find_core(name))


def _is_country_or_group(text: str) -> bool:
    return bool(find_country(text) or read_country_code(text) or list_members(text))


def _find_exactly(name: str) -> str | None:
    """Return the code of a country by all words of its name, in any order."""
    index = _index_names()
    return (index.get(name) or index.get(_sort_words(name))) if name else None


def _find_core(name: str) -> str | None:
    """Return the code of a country by its name without the form of the state."""
    core = _core(name)
    return None if core in _AMBIGUOUS else _index_names().get(core)


def _core(name: str) -> str:
    return " ".join(word for word in name.split() if word not in _FORMS)


@cache
def _index_names() -> Mapping[str, str]:
    """Return the codes of all countries by code and folded name, and by the sorted words of names that are inverted."""
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
                    if language in _INVERTED and " " in spelled:
                        index.setdefault(_sort_words(spelled), set()).add(code)
    found = {name: next(iter(codes)) for name, codes in index.items() if name and len(codes) == 1}
    for code, names in ALIASES.items():
        for name in map(_fold, names):
            found[name] = code
            if " " in name:
                found[_sort_words(name)] = code
    # Last, because in some language a name may be as short as the code of another country.
    return found | {code.lower(): code for codes in index.values() for code in codes}


def _is_country(code: str) -> bool:
    return len(code) == 2 and code.isalpha() and code not in ("EU", "EZ", "QO", "UN", "XA", "XB", "ZZ")


def _split_name(name: str) -> Iterator[str]:
    """Yield the parts of a name such as "Myanmar (Burma)" or "Hong Kong SAR China"."""
    if found := re.fullmatch(r"(.+?)\s*\((.+)\)", name):
        yield from found.groups()


def _sort_words(name: str) -> str:
    """Return the words of a name in one order, so that "Korea, Republic of" is "Republic of Korea"."""
    return f"={' '.join(sorted(word for word in name.split() if word not in _LEFT_OUT))}"


def _fold(text: str) -> str:
    """Return a name without case, accents, punctuation and articles, its words separated by single blanks."""
    plain = "".join(letter if letter.isalnum() else " " for letter in fold_letters(text))
    words = [_SHORTENED.get(word, word) for word in plain.split() if word != "the"]
    return " ".join(words)
