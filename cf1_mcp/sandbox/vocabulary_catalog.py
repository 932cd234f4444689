"""The catalog: countries, categories, industries and indicator types.

Countries are those of ISO 3166-1. The other three lists are invented; see invented.py.
"""

import unicodedata
from uuid import NAMESPACE_URL, uuid5

from cf1_mcp.models import Category, Country

# name | killChain | mitreAttack | mitreCapec | shortname
_CATEGORIES = """
Reconnaissance | 1 | TA0043 T1595 | 169 224 | recon
Infrastructure Setup | 2 | TA0042 T1583 | | setup
Brand Impersonation | 2 | T1583.001 T1656 | 89 | brand
Phishing | 3 | T1566 | 98 163 | phish
Business Email Compromise | 3 | T1566 T1534 | 98 | bec
Malware Delivery | 3 | T1105 T1204 | | delivery
Malvertising | 3 | T1583.008 T1189 | | malvert
Initial Access | 3 | TA0001 T1078 | | access
Supply Chain Compromise | 3 | T1195 | 439 | supply
Vulnerability Exploitation | 4 | T1190 T1203 | 242 | exploit
WAF Attack | 4 | T1190 | 66 63 | waf
Execution | 4 | TA0002 T1059 | | exec
Malware Sample | 5 | T1204.002 T1587.001 | | sample
Persistence & Evasion | 5 | TA0003 TA0005 | | persist
Domain Resolution | 6 | T1071.004 | | dns
Command and Control | 6 | TA0011 T1071 | | c2
Residential Proxy | 6 | T1090.002 | | resproxy
Compromised Device | 6 | T1584.005 T1584.008 | | device
Account Takeover | 7 | T1110.004 T1078 | 600 49 | ato
Credential Access & Discovery | 7 | TA0006 TA0007 | | creds
Lateral Movement & Collection | 7 | TA0008 TA0009 | | lateral
Exfiltration & Impact | 7 | TA0010 TA0040 | | exfil
DDoS | 7 | T1498 T1499 | 125 469 | ddos
Ransomware | 7 | T1486 T1657 | | ransom
Data Leak | 7 | T1567 | | leak
Insider Threat | 7 | T1078 T1052 | | insider
Cryptomining | 7 | T1496 | | mining
Campaign | 7 | | | campaign
Intrusion Report | 7 | | | report
Targeting | 7 | | | target
"""


def _parse_category(line: str) -> Category:
    name, kill_chain, attack, capec, shortname = (cell.strip() for cell in line.split("|"))
    return Category(
        uuid=str(uuid5(NAMESPACE_URL, f"https://sandbox.example/categories/{shortname}")),
        name=name,
        kill_chain=int(kill_chain),
        mitre_attack=attack.split(),
        mitre_capec=capec.split(),
        shortname=shortname,
    )


CATEGORIES: tuple[Category, ...] = tuple(_parse_category(line) for line in _CATEGORIES.strip().splitlines())
"""Every category; its uuid derives from the short name and never changes."""

INDUSTRIES: tuple[str, ...] = (
    "Agriculture",
    "Automotive",
    "Banking & Financial Services",
    "Construction",
    "Consulting",
    "Cryptocurrency",
    "Defense & Aerospace",
    "Education",
    "Energy & Utilities",
    "Food & Beverage",
    "Gambling",
    "Gaming",
    "Government",
    "Healthcare",
    "Hospitality",
    "IT Services",
    "Insurance",
    "Legal Services",
    "Manufacturing",
    "Maritime",
    "Media",
    "Mining",
    "Non-Governmental Organizations",
    "Oil & Gas",
    "Pharmaceuticals",
    "Real Estate",
    "Retail",
    "Semiconductors",
    "Technology",
    "Telecommunications",
    "Transportation & Logistics",
)

INDICATOR_TYPES: tuple[str, ...] = (
    "ip", "url", "hash", "email", "domain", "ja3", "cve", "asn", "cidr", "filename", "certificate", "wallet",
)  # fmt: skip
"""The id of a type is its position, counted from 1."""

_COUNTRIES = """
AD AND Andorra; AE ARE United Arab Emirates; AF AFG Afghanistan; AG ATG Antigua and Barbuda; AI AIA Anguilla;
AL ALB Albania; AM ARM Armenia; AO AGO Angola; AQ ATA Antarctica; AR ARG Argentina; AS ASM American Samoa;
AT AUT Austria; AU AUS Australia; AW ABW Aruba; AX ALA Aland Islands; AZ AZE Azerbaijan;
BA BIH Bosnia and Herzegovina; BB BRB Barbados; BD BGD Bangladesh; BE BEL Belgium; BF BFA Burkina Faso;
BG BGR Bulgaria; BH BHR Bahrain; BI BDI Burundi; BJ BEN Benin; BL BLM Saint Barthelemy; BM BMU Bermuda;
BN BRN Brunei; BO BOL Bolivia; BQ BES Bonaire, Sint Eustatius and Saba; BR BRA Brazil; BS BHS Bahamas; BT BTN Bhutan;
BV BVT Bouvet Island; BW BWA Botswana; BY BLR Belarus; BZ BLZ Belize; CA CAN Canada; CC CCK Cocos Islands;
CD COD Democratic Republic of the Congo; CF CAF Central African Republic; CG COG Republic of the Congo;
CH CHE Switzerland; CI CIV Cote d'Ivoire; CK COK Cook Islands; CL CHL Chile; CM CMR Cameroon; CN CHN China;
CO COL Colombia; CR CRI Costa Rica; CU CUB Cuba; CV CPV Cabo Verde; CW CUW Curacao; CX CXR Christmas Island;
CY CYP Cyprus; CZ CZE Czechia; DE DEU Germany; DJ DJI Djibouti; DK DNK Denmark; DM DMA Dominica;
DO DOM Dominican Republic; DZ DZA Algeria; EC ECU Ecuador; EE EST Estonia; EG EGY Egypt; EH ESH Western Sahara;
ER ERI Eritrea; ES ESP Spain; ET ETH Ethiopia; FI FIN Finland; FJ FJI Fiji; FK FLK Falkland Islands;
FM FSM Micronesia; FO FRO Faroe Islands; FR FRA France; GA GAB Gabon; GB GBR United Kingdom; GD GRD Grenada;
GE GEO Georgia; GF GUF French Guiana; GG GGY Guernsey; GH GHA Ghana; GI GIB Gibraltar; GL GRL Greenland;
GM GMB Gambia; GN GIN Guinea; GP GLP Guadeloupe; GQ GNQ Equatorial Guinea; GR GRC Greece;
GS SGS South Georgia and the South Sandwich Islands; GT GTM Guatemala; GU GUM Guam; GW GNB Guinea-Bissau;
GY GUY Guyana; HK HKG Hong Kong; HM HMD Heard Island and McDonald Islands; HN HND Honduras; HR HRV Croatia;
HT HTI Haiti; HU HUN Hungary; ID IDN Indonesia; IE IRL Ireland; IL ISR Israel; IM IMN Isle of Man; IN IND India;
IO IOT British Indian Ocean Territory; IQ IRQ Iraq; IR IRN Iran; IS ISL Iceland; IT ITA Italy; JE JEY Jersey;
JM JAM Jamaica; JO JOR Jordan; JP JPN Japan; KE KEN Kenya; KG KGZ Kyrgyzstan; KH KHM Cambodia; KI KIR Kiribati;
KM COM Comoros; KN KNA Saint Kitts and Nevis; KP PRK North Korea; KR KOR South Korea; KW KWT Kuwait;
KY CYM Cayman Islands; KZ KAZ Kazakhstan; LA LAO Laos; LB LBN Lebanon; LC LCA Saint Lucia; LI LIE Liechtenstein;
LK LKA Sri Lanka; LR LBR Liberia; LS LSO Lesotho; LT LTU Lithuania; LU LUX Luxembourg; LV LVA Latvia; LY LBY Libya;
MA MAR Morocco; MC MCO Monaco; MD MDA Moldova; ME MNE Montenegro; MF MAF Saint Martin; MG MDG Madagascar;
MH MHL Marshall Islands; MK MKD North Macedonia; ML MLI Mali; MM MMR Myanmar; MN MNG Mongolia; MO MAC Macao;
MP MNP Northern Mariana Islands; MQ MTQ Martinique; MR MRT Mauritania; MS MSR Montserrat; MT MLT Malta;
MU MUS Mauritius; MV MDV Maldives; MW MWI Malawi; MX MEX Mexico; MY MYS Malaysia; MZ MOZ Mozambique; NA NAM Namibia;
NC NCL New Caledonia; NE NER Niger; NF NFK Norfolk Island; NG NGA Nigeria; NI NIC Nicaragua; NL NLD Netherlands;
NO NOR Norway; NP NPL Nepal; NR NRU Nauru; NU NIU Niue; NZ NZL New Zealand; OM OMN Oman; PA PAN Panama; PE PER Peru;
PF PYF French Polynesia; PG PNG Papua New Guinea; PH PHL Philippines; PK PAK Pakistan; PL POL Poland;
PM SPM Saint Pierre and Miquelon; PN PCN Pitcairn; PR PRI Puerto Rico; PS PSE Palestine; PT PRT Portugal;
PW PLW Palau; PY PRY Paraguay; QA QAT Qatar; RE REU Reunion; RO ROU Romania; RS SRB Serbia; RU RUS Russia;
RW RWA Rwanda; SA SAU Saudi Arabia; SB SLB Solomon Islands; SC SYC Seychelles; SD SDN Sudan; SE SWE Sweden;
SG SGP Singapore; SH SHN Saint Helena, Ascension and Tristan da Cunha; SI SVN Slovenia;
SJ SJM Svalbard and Jan Mayen; SK SVK Slovakia; SL SLE Sierra Leone; SM SMR San Marino; SN SEN Senegal;
SO SOM Somalia; SR SUR Suriname; SS SSD South Sudan; ST STP Sao Tome and Principe; SV SLV El Salvador;
SX SXM Sint Maarten; SY SYR Syria; SZ SWZ Eswatini; TC TCA Turks and Caicos Islands; TD TCD Chad;
TF ATF French Southern Territories; TG TGO Togo; TH THA Thailand; TJ TJK Tajikistan; TK TKL Tokelau;
TL TLS Timor-Leste; TM TKM Turkmenistan; TN TUN Tunisia; TO TON Tonga; TR TUR Turkiye; TT TTO Trinidad and Tobago;
TV TUV Tuvalu; TW TWN Taiwan; TZ TZA Tanzania; UA UKR Ukraine; UG UGA Uganda;
UM UMI United States Minor Outlying Islands; US USA United States; UY URY Uruguay; UZ UZB Uzbekistan;
VA VAT Vatican City; VC VCT Saint Vincent and the Grenadines; VE VEN Venezuela; VG VGB British Virgin Islands;
VI VIR United States Virgin Islands; VN VNM Vietnam; VU VUT Vanuatu; WF WLF Wallis and Futuna; WS WSM Samoa;
YE YEM Yemen; YT MYT Mayotte; ZA ZAF South Africa; ZM ZMB Zambia; ZW ZWE Zimbabwe
"""

# Other common names.
_OTHER_NAMES = {
    "america": "US",
    "bolivarian republic of venezuela": "VE",
    "britain": "GB",
    "brunei darussalam": "BN",
    "burma": "MM",
    "cape verde": "CV",
    "czech republic": "CZ",
    "dprk": "KP",
    "drc": "CD",
    "east timor": "TL",
    "great britain": "GB",
    "holland": "NL",
    "holy see": "VA",
    "iran, islamic republic of": "IR",
    "islamic republic of iran": "IR",
    "ivory coast": "CI",
    "korea": "KR",
    "korea, democratic people's republic of": "KP",
    "korea, republic of": "KR",
    "lao people's democratic republic": "LA",
    "macau": "MO",
    "macedonia": "MK",
    "people's republic of china": "CN",
    "republic of korea": "KR",
    "russian federation": "RU",
    "swaziland": "SZ",
    "syrian arab republic": "SY",
    "taiwan, province of china": "TW",
    "the netherlands": "NL",
    "turkey": "TR",
    "uae": "AE",
    "uk": "GB",
    "united states of america": "US",
    "viet nam": "VN",
}


def _parse_country(row: str) -> Country:
    alpha2, alpha3, name = row.strip().split(" ", 2)
    return Country(name=name, alpha2=alpha2, alpha3=alpha3)


COUNTRIES: tuple[Country, ...] = tuple(_parse_country(row) for row in _COUNTRIES.replace("\n", " ").split(";"))
"""Every country of ISO 3166-1, ordered by alpha-2 code; names are short English names without accents."""

ALPHA3: dict[str, str] = {country.alpha2: country.alpha3 for country in COUNTRIES}
"""Alpha-3 codes by alpha-2 code."""

_BY_TEXT = {text.lower(): country for country in COUNTRIES for text in (country.name, country.alpha3, country.alpha2)}


def find_country(text: str) -> Country | None:
    """Return the country of an alpha-2 code, alpha-3 code or English name, ignoring case and accents."""
    decomposed = unicodedata.normalize("NFKD", text.strip())
    word = "".join(letter for letter in decomposed if not unicodedata.combining(letter)).lower()
    return _BY_TEXT.get(_OTHER_NAMES.get(word, word).lower())
