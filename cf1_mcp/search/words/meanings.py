"""Words that mean the same as words of a closed vocabulary, although they are spelled otherwise.

By spelling, "hospitals" is closest to Hospitality, and "banks" to nothing. A vocabulary differs from account to
account, so a meaning connects what people write with the beginnings of the words that a vocabulary may have for it.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from cf1_mcp.models import VocabularyKind
from cf1_mcp.text.accents import fold_letters


@dataclass(frozen=True)
class Meaning:
    """`written` and `listed` are beginnings of words, of the caller and of the vocabulary; with "=" whole words."""

    written: tuple[str, ...]
    listed: tuple[str, ...]


def _meaning(written: str, listed: str) -> Meaning:
    return Meaning(*(tuple(part.strip() for part in parts.split(",")) for parts in (written, listed)))


_INDUSTRIES: Final = (
    _meaning(
        "bank, banq, banc, financ, finanz, fintech, credit, payment, broker, sparkasse, stock exchange", "bank, financ"
    ),
    _meaning("insur, versicher, assuranc, seguro, reinsur", "insur"),
    _meaning(
        "hospital, clinic, klinik, krankenh, health, medic, gesundheit, salud, sante, patient, doctor", "health, medic"
    ),
    _meaning("pharm, drug, biotech, life science, vaccin", "pharm, biotech, life science"),
    _meaning(
        "govern, regierung, gobierno, gouvern, minist, public sector, public admin, federal, municipal, behord, "
        "parliament, embass, diplomat, =state, election, law enforcement, =police",
        "govern, public",
    ),
    _meaning("defen, milit, =army, =navy, aerospace, weapon, rustung, armed forces", "defen, milit, aerospace"),
    _meaning("energ, electric, utilit, power, =grid, nuclear, =water, strom, stadtwerk", "energ, utilit, power, water"),
    _meaning("=oil, =gas, petrol, pipeline, refiner", "oil, gas, petrol, energ"),
    _meaning(
        "school, schule, hochschul, universit, educat, college, academ, student, bildung", "educat, academ, school"
    ),
    _meaning("telco, telecom, telekom, =isp, =isps, mobile operator, carrier", "telecom"),
    _meaning(
        "tech, software, saas, =it, cloud, comput, hosting, =msp, =msps, informatik", "technolog, it services, software"
    ),
    _meaning(
        "shop, retail, e-commerce, ecommerce, supermarket, einzelhandel, handel, consumer goods",
        "retail, commerce, consumer",
    ),
    _meaning(
        "transport, logisti, airline, airport, aviation, rail, freight, trucking, shipping, luftfahrt, spedition",
        "transport, logisti, aviation, maritim",
    ),
    _meaning("ship, =port, =ports, maritim, vessel, seaport", "maritim, shipping"),
    _meaning(
        "factor, manufactur, industrial, fabrik, machin, chemical, hersteller, produktion",
        "manufactur, industrial, chemical",
    ),
    _meaning("=car, =cars, auto, vehicle, automak", "automot, vehicle"),
    _meaning("=news, newspaper, journalis, =press, medi, =tv, broadcast, publish, entertain", "media, entertain, news"),
    _meaning("=law, lawyer, legal, attorney, court, notar, rechtsanw, kanzlei", "legal, law"),
    _meaning(
        "ngo, non-profit, nonprofit, charit, think tank, civil society, human rights, activis",
        "non-gov, ngo, nonprofit, non-profit, civil",
    ),
    _meaning("crypto, bitcoin, blockchain, defi, web3, coin exchange", "crypto, blockchain"),
    _meaning("casino, betting, lotter, gambl", "gambl, casino"),
    _meaning("game, gaming, esport", "gaming, game"),
    _meaning("hotel, travel, touris, restaurant, airbnb, gastro", "hospitality, travel, touris"),
    _meaning("farm, agri, crop, landwirt", "agri, farm"),
    _meaning("food, beverage, drink, dairy, grocer, brewer", "food, beverage"),
    _meaning("real estate, propert, housing, immobili", "real estate, propert"),
    _meaning("build, construct, bauwes, architect, civil engineer", "construct, engineer"),
    _meaning("mine, mining, miner, metal, steel, bergbau", "mining, metal"),
    _meaning("chip, semicond, foundr, electronic, halbleiter", "semicond, electronic"),
    _meaning("consult, professional service, account, audit, beratung", "consult, professional"),
)
_CATEGORIES: Final = (
    _meaning("=c2, =c&c, =cnc, =cc, command, beacon, botnet", "command and control, command & control, c2, botnet"),
    _meaning("phish, spearphish, spear-phish, smish, vish, credential harvest", "phish"),
    _meaning("=bec, ceo fraud, invoice fraud, business email", "business email, bec, fraud"),
    _meaning("ransom, extort, encryptor, locker", "ransom, extort"),
    _meaning("ddos, =dos, denial, flood, booter, stresser", "ddos, denial"),
    _meaning("exploit, =cve, =cves, vuln, zero-day, zero day, 0day, 0-day, =rce", "vulnerab, exploit"),
    _meaning("supply chain, dependency confusion, third party", "supply"),
    _meaning("leak, breach, =dump, =dumps, data theft, stolen data, exfil", "data leak, leak, breach, exfil"),
    _meaning("malware, trojan, virus, loader, stealer, infostealer, dropper, payload, worm, =rat", "malware"),
    _meaning("brute, stuffing, account takeover, =ato, hijack", "account takeover, credential"),
    _meaning("credential, password", "credential, account takeover"),
    _meaning("scan, recon, prob", "recon, scan"),
    _meaning("proxy, proxies, =vpn, residential", "residential proxy, proxy"),
    _meaning("cryptojack, coinmin, miner, cryptomin, =mining", "cryptomin, mining"),
    _meaning("backdoor, persist, evasion, rootkit, web shell, webshell", "persist"),
    _meaning("lateral, pivoting, collection", "lateral"),
    _meaning("insider", "insider"),
    _meaning("wiper, destruct, sabotage, impact, defac", "impact, exfiltration & impact"),
    _meaning("=dns, resolution", "domain resol, dns"),
    _meaning("malvert, =ads, adware, watering hole, drive-by", "malvert"),
    _meaning("infra, registration, =hosting, staging", "infrastruct"),
    _meaning("typosquat, lookalike, look-alike, imperson, spoof, brand abuse", "brand, imperson"),
    _meaning("=waf, sqli, sql injection, xss, web attack", "waf"),
    _meaning("bot, compromised, infected, zombie, =iot", "compromised, botnet"),
)
MEANINGS: Final[Mapping[VocabularyKind, Sequence[Meaning]]] = {"industries": _INDUSTRIES, "categories": _CATEGORIES}


def find_by_meaning(typed: str, kind: VocabularyKind, known: Sequence[str]) -> list[str]:
    """Return the known words of a vocabulary that mean what a caller wrote, those of the first meaning first."""
    text = fold_letters(typed.strip())
    found: dict[str, None] = {}
    for meaning in MEANINGS.get(kind, ()):
        if any(_occurs(part, text) for part in meaning.written):
            for part in meaning.listed:
                found |= dict.fromkeys(word for word in known if _occurs(part, fold_letters(word)))
    return [*found]


def _occurs(part: str, text: str) -> bool:
    """Whether a word of a text begins with a part, or is it where the part begins with "="."""
    if part.startswith("="):
        return f" {part[1:]} " in f" {text} "
    return any(text.startswith(part, place) for place in _word_starts(text))


def _word_starts(text: str) -> Iterator[int]:
    yield 0
    for place in range(1, len(text)):
        if text[place].isalnum() and not text[place - 1].isalnum():
            yield place
