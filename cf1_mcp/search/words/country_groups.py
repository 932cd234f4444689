"""Groups of countries. They are not countries: asking for one is answered with its members.

Where a region has no agreed members, these are those that reports usually mean.
"""

from collections.abc import Mapping
from typing import Final


def _codes(text: str) -> tuple[str, ...]:
    return tuple(text.split())


def _join(*groups: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(sorted({code for group in groups for code in group}))


_EU: Final = _codes("AT BE BG CY CZ DE DK EE ES FI FR GR HR HU IE IT LT LU LV MT NL PL PT RO SE SI SK")
_EUROPE: Final = (*_EU, "CH", "GB", "NO", "UA")
_BALKANS: Final = _codes("AL BA BG GR HR ME MK RO RS SI XK")
_BALTICS: Final = _codes("EE LT LV")
_NORDICS: Final = _codes("DK FI IS NO SE")
_EASTERN_EUROPE: Final = _codes("BG BY CZ HU MD PL RO RU SK UA")
_NORTH_AMERICA: Final = _codes("CA MX US")
_CENTRAL_AMERICA: Final = _codes("BZ CR GT HN NI PA SV")
_SOUTH_AMERICA: Final = _codes("AR BO BR CL CO EC GY PE PY SR UY VE")
_CARIBBEAN: Final = _codes("AG BB BS CU DM DO GD HT JM KN LC TT VC")
_LATIN_AMERICA: Final = _join(_SOUTH_AMERICA, _CENTRAL_AMERICA, _codes("CU DO HT MX PR"))
_MIDDLE_EAST: Final = _codes("AE BH IL IQ IR JO KW LB OM PS QA SA SY TR YE")
_GULF: Final = _codes("AE BH KW OM QA SA")
_NORTH_AFRICA: Final = _codes("DZ EG LY MA SD TN")
_SUB_SAHARAN: Final = _codes(
    "AO BF BI BJ BW CD CF CG CI CM CV DJ ER ET GA GH GM GN GQ GW KE KM LR LS MG ML MR MU MW MZ NA NE NG RW SC SL SN SO "
    "SS ST SZ TD TG TZ UG ZA ZM ZW"
)
_AFRICA: Final = _join(_NORTH_AFRICA, _SUB_SAHARAN)
_CENTRAL_ASIA: Final = _codes("KG KZ TJ TM UZ")
_EAST_ASIA: Final = _codes("CN HK JP KP KR MN MO TW")
_SOUTH_ASIA: Final = _codes("AF BD BT IN LK MV NP PK")
_ASEAN: Final = _codes("BN ID KH LA MM MY PH SG TH VN")
_SOUTH_EAST_ASIA: Final = (*_ASEAN, "TL")
_OCEANIA: Final = _codes("AU FJ FM KI MH NR NZ PG PW SB TO TV VU WS")
_CAUCASUS: Final = _codes("AM AZ GE")
_CIS: Final = _codes("AM AZ BY KG KZ MD RU TJ UZ")
_USSR: Final = _join(_CIS, _BALTICS, _codes("GE TM UA"))
_NATO: Final = _codes("AL BE BG CA CZ DE DK EE ES FI FR GB GR HR HU IS IT LT LU LV ME MK NL NO PL PT RO SE SI SK TR US")
_EMEA: Final = _join(_EUROPE, _BALKANS, _NORDICS, _MIDDLE_EAST, _AFRICA)
_APAC: Final = _join(_EAST_ASIA, _SOUTH_ASIA, _SOUTH_EAST_ASIA, _OCEANIA)
_BY_NAMES: Final[Mapping[str, tuple[str, ...]]] = {
    "eu|european union|europaische union|union europeenne|union europea": _EU,
    "europe|europa": _EUROPE,
    "western europe|west europe|westeuropa": _codes("AT BE CH DE FR GB IE LU NL"),
    "eastern europe|east europe|osteuropa": _EASTERN_EUROPE,
    "central and eastern europe|cee": _join(_EASTERN_EUROPE, _BALTICS, _codes("HR SI")),
    "southern europe|south europe": _codes("CY ES GR IT MT PT"),
    "northern europe": _join(_NORDICS, _BALTICS),
    "eea|european economic area": (*_EU, "IS", "LI", "NO"),
    "dach": _codes("AT CH DE"),
    "benelux": _codes("BE LU NL"),
    "balkans|balkan|western balkans": _BALKANS,
    "baltics|baltic": _BALTICS,
    "nordics|nordic": _NORDICS,
    "scandinavia": _codes("DK NO SE"),
    "g7": _codes("CA DE FR GB IT JP US"),
    "g20": _codes("AR AU BR CA CN DE FR GB ID IN IT JP KR MX RU SA TR US ZA"),
    "brics": _codes("BR CN IN RU ZA"),
    "five eyes|fvey": _codes("AU CA GB NZ US"),
    "aukus": _codes("AU GB US"),
    "quad": _codes("AU IN JP US"),
    "nato|north atlantic treaty organization|otan": _NATO,
    "north america|northern america": _NORTH_AMERICA,
    "central america": _CENTRAL_AMERICA,
    "south america|sudamerika|suramerica": _SOUTH_AMERICA,
    "caribbean": _CARIBBEAN,
    "latam|latin america|lateinamerika|amerique latine|america latina": _LATIN_AMERICA,
    "lac|latin america and caribbean": _join(_LATIN_AMERICA, _CARIBBEAN),
    "americas|amer": _join(_NORTH_AMERICA, _LATIN_AMERICA, _CARIBBEAN),
    "middle east|near east|naher osten|moyen orient|medio oriente": _MIDDLE_EAST,
    "mena|middle east and north africa": _join(_MIDDLE_EAST, _NORTH_AFRICA),
    "gcc|gulf|gulf cooperation council|persian gulf": _GULF,
    "levant": _codes("IL JO LB PS SY"),
    "africa|afrika|afrique": _AFRICA,
    "north africa|northern africa|maghreb": _NORTH_AFRICA,
    "sub saharan africa|subsaharan africa": _SUB_SAHARAN,
    "west africa|western africa|ecowas": _codes("BF BJ CI CV GH GM GN GW LR ML NE NG SL SN TG"),
    "east africa|eastern africa": _codes("BI DJ ER ET KE RW SO SS TZ UG"),
    "southern africa": _codes("AO BW LS MW MZ NA SZ ZA ZM ZW"),
    "asia|asien|asie": _join(_CENTRAL_ASIA, _EAST_ASIA, _SOUTH_ASIA, _SOUTH_EAST_ASIA, _MIDDLE_EAST, _CAUCASUS),
    "central asia": _CENTRAL_ASIA,
    "east asia|eastern asia|far east": _EAST_ASIA,
    "south asia|southern asia": _SOUTH_ASIA,
    "southeast asia|south east asia|southeastern asia|sea": _SOUTH_EAST_ASIA,
    "asean": _ASEAN,
    "apac|asia pacific|apj|asiapac": _APAC,
    "indo pacific": _join(_APAC, ("US",)),
    "oceania|pacific": _OCEANIA,
    "anz": _codes("AU NZ"),
    "middle east and africa|mea": _join(_MIDDLE_EAST, _AFRICA),
    "emea|europe middle east and africa": _EMEA,
    "caucasus|south caucasus": _CAUCASUS,
    "cis|commonwealth of independent states": _CIS,
    "ussr|u s s r|soviet union|former soviet union|former ussr|post soviet": _USSR,
    "yugoslavia|former yugoslavia": _codes("BA HR ME MK RS SI XK"),
}
# By names without "and" and "of", which many leave out.
GROUPS: Final[Mapping[str, tuple[str, ...]]] = {
    name.replace(" and ", " ").replace(" of ", " "): members
    for names, members in _BY_NAMES.items()
    for name in names.split("|")
}
