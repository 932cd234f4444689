"""Words that mean the same as words of a closed vocabulary, although they are spelled otherwise.

By spelling, "hospitals" is closest to Hospitality, and "banks" to nothing. A vocabulary differs from account to
account, so a meaning connects what people write with the beginnings of the words that a vocabulary may have for it.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from cf1_mcp.models import VocabularyKind
from cf1_mcp.text.accents import fold_letters

# Of the blocks of Chinese and Japanese characters.
_FIRST_UNSEPARATED: Final = "\u2e80"


@dataclass(frozen=True)
class Meaning:
    """`written` and `listed` are beginnings of words, of the caller and of the vocabulary; with "=" whole words.

    Chinese and Japanese do not separate words, so their parts are found anywhere. All are compared without accents.
    """

    written: tuple[str, ...]
    listed: tuple[str, ...]


def _meaning(written: str, listed: str) -> Meaning:
    return Meaning(*(tuple(fold_letters(part.strip()) for part in parts.split(",")) for parts in (written, listed)))


_INDUSTRIES: Final = (
    _meaning(
        "bank, banq, banc, financ, finanz, fintech, credit, kredit, payment, broker, sparkasse, stock exchange, "
        "=börse, =börsen, =bourse, =borsa, zahlungs, paiement, pagos, pagamento, банк, финанс, кредит, платеж, "
        "銀行, 银行, 金融, 証券, 证券, 決済, 支付",
        "bank, financ",
    ),
    _meaning("insur, versicher, assuranc, assicura, seguro, reinsur, страхов, 保険, 保险", "insur"),
    _meaning(
        "hospital, hospitais, hopit, ospedal, clinic, cliniq, klinik, krankenh, health, medic, médec, medizin, "
        "gesundheit, ärzte, =arzt, salud, saúde, sante, sanità, sanita, patient, doctor, больни, клиник, "
        "здравоохр, медицин, 医療, 医疗, 病院, 医院, 卫生, 衛生",
        "health, medic",
    ),
    _meaning(
        "pharm, farmac, фармац, 製薬, 制药, 医薬, drug, biotech, life science, vaccin", "pharm, biotech, life science"
    ),
    _meaning(
        "gov, правител, министер, государ, муницип, 政府, 官公庁, 省庁, 行政, 自治体, 政务, verwaltung, "
        "öffentlicher dienst, polizei, botschaft, kommunen, ambassad, embajad, administration publi, "
        "administración públi, administração públi, pubblica amministraz, secteur publi, sector públi, "
        "setor públi, settore pubbli, regierung, gobierno, gouvern, minist, public sector, public admin, federal, "
        "municipal, behord, parliament, embass, diplomat, =state, election, law enforcement, =police",
        "govern, public",
    ),
    _meaning(
        "defen, defes, difes, milit, =mil, =army, =navy, aerospace, weapon, rüstung, armed forces, verteidig, "
        "bundeswehr, streitkr, =armee, ejército, esercito, exército, forces armées, fuerzas armadas, оборон, "
        "военн, =армия, 国防, 防衛, 軍, 军, 航空宇宙",
        "defen, milit, aerospace",
    ),
    _meaning(
        "energ, énerg, electri, elettric, elétric, elektri, utilit, power, =grid, nuclear, nucléa, =water, "
        "wasserv, strom, stadtwerk, versorger, kraftwerk, kernkraft, энерг, электр, водоснаб, エネルギー, 電力, "
        "电力, 能源, 発電, 发电, 原子力, 核电, 水道",
        "energ, utilit, power, water",
    ),
    _meaning(
        "=oil, =gas, =gaz, petrol, pétrol, erdöl, erdgas, mineralöl, pipeline, refiner, raffin, нефт, =газ, газов, "
        "石油, 天然",
        "oil, gas, petrol, energ",
    ),
    _meaning(
        "school, schul, hochschul, universi, université, edu, éduc, college, academ, akadem, student, bildung, "
        "école, enseign, lycée, escuel, escola, scuol, istruzione, школ, универс, образован, =вуз, =вузы, 学校, "
        "大学, 教育, 高校, 学院",
        "educat, academ, school",
    ),
    _meaning(
        "telco, telecom, télécom, telekom, telefon, téléphon, =isp, =isps, mobile operator, carrier, mobilfunk, "
        "netzbetreib, телеком, =связь, связи, 通信, 电信, 電信, 運営商, 运营商",
        "telecom",
    ),
    _meaning(
        "tech, software, saas, =it, cloud, comput, hosting, =msp, =msps, informati, 科技, 软件, ソフト",
        "technolog, it services, software",
    ),
    _meaning(
        "shop, retail, e-commerce, ecommerce, supermark, supermarch, supermerc, einzelhand, einzelhänd, "
        "onlinehand, handel, händler, kaufh, commerce, comerc, comérc, commerci, =minorista, =minoristas, varej, "
        "magasin, tienda, negozi, grande distribution, consumer goods, рознич, торгов, магазин, супермарк, 小売, "
        "零售, 超市, スーパー, 百貨, 百货, 电商",
        "retail, commerce, consumer",
    ),
    _meaning(
        "transport, logisti, airline, airport, aviation, rail, freight, trucking, shipping, luftfahrt, spedition, "
        "verkehr, =bahn, trasport, транспорт, логист, 運輸, 运输, 物流, 航空",
        "transport, logisti, aviation, maritim",
    ),
    _meaning("ship, =port, =ports, maritim, vessel, seaport", "maritim, shipping"),
    _meaning(
        "factor, manufactur, industrial, fabrik, machin, chemical, hersteller, produktion, "
        "промышл, производ, 製造, 制造",
        "manufactur, industrial, chemical",
    ),
    _meaning("=car, =cars, auto, vehicle, automak", "automot, vehicle"),
    _meaning(
        "=news, newspaper, journalis, =press, medi, =tv, broadcast, publish, entertain, =сми, газет, 媒体, "
        "メディア, 新聞",
        "media, entertain, news",
    ),
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
    if part and part[0] >= _FIRST_UNSEPARATED:
        return part in text
    return any(text.startswith(part, place) for place in _word_starts(text))


def _word_starts(text: str) -> Iterator[int]:
    yield 0
    for place in range(1, len(text)):
        if text[place].isalnum() and not text[place - 1].isalnum():
            yield place
