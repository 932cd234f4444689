"""Words of closed vocabularies by what they mean."""

import pytest

from cf1_mcp.sandbox.vocabulary_catalog import CATEGORIES, INDUSTRIES
from cf1_mcp.search.words.meanings import find_by_meaning

INDUSTRY_WORDS = {
    "Banking & Financial Services": "banks|finance|Banken|fintechs|banques|payment providers"
    "|銀行|地方銀行|银行|金融机构|банки|банк|финансы|bancos|banche|banques privées|Kreditinstitute",
    "Defense & Aerospace": "military|defence contractors|weapons"
    "|Verteidigung|Bundeswehr|défense|defensa|difesa|defesa|forces armées|ejército|оборона|国防|防衛産業|军队",
    "Education": "universities|schools|Hochschulen|colleges"
    "|escuelas|écoles|scuole|escolas|Schulen|universidades|università|школы|университеты|学校|大学|教育機関|edu",
    "Energy & Utilities": "power grid|electric utilities|water"
    "|énergie|energía|elettricità|Kraftwerke|Stromversorger|энергетика|電力会社|能源|エネルギー",
    "Government": "ministries|Behörden|public sector|embassies"
    "|gov|政府|Verwaltung|gobiernos|gouvernement|governo|secteur public|правительство|министерства|地方自治体|Polizei",
    "Healthcare": "hospitals|clinics|Krankenhäuser|medical practices"
    "|hôpitaux|hospitales|ospedali|hospitais|saúde|santé|sanità|больницы|здравоохранение|病院|医院|医疗|Ärzte",
    "Legal Services": "law firms|lawyers",
    "Maritime": "ports|vessels",
    "Non-Governmental Organizations": "NGOs|charities|human rights groups",
    "Retail": "Supermärkte|supermarchés|supermercados|Einzelhändler|Onlinehandel|comercio minorista|магазины|超市|小売業"
    "|スーパーマーケット|e-commerce",
    "Semiconductors": "chip makers",
    "Technology": "tech companies|software|SaaS",
    "Telecommunications": "telcos|ISPs|Telekom"
    "|télécoms|Mobilfunk|telecomunicaciones|телеком|операторы связи|通信事業者|电信",
    "Transportation & Logistics": "airlines|freight",
}
CATEGORY_WORDS = {
    "Command and Control": "C2|C&C|command & control|beacons",
    "Compromised Device": "infected devices",
    "DDoS": "DoS|denial of service",
    "Data Leak": "breach|dumps|leaks",
    "Malware Delivery": "trojan|loaders|infostealers",
    "Phishing": "spear phishing|spearphish|smishing",
    "Ransomware": "ransom|extortion",
    "Reconnaissance": "scanning|recon",
    "Vulnerability Exploitation": "exploits|CVEs|0day|zero-day",
}
INDUSTRY_CASES = [(word, meant) for meant, words in INDUSTRY_WORDS.items() for word in words.split("|")]
CATEGORY_CASES = [(word, meant) for meant, words in CATEGORY_WORDS.items() for word in words.split("|")]


@pytest.mark.parametrize(("word", "meant"), INDUSTRY_CASES, ids=[word for word, _ in INDUSTRY_CASES])
def test_an_industry_is_found_by_what_a_word_means(word: str, meant: str) -> None:
    assert find_by_meaning(word, "industries", INDUSTRIES)[:1] == [meant]


@pytest.mark.parametrize(("word", "meant"), CATEGORY_CASES, ids=[word for word, _ in CATEGORY_CASES])
def test_a_category_is_found_by_what_a_word_means(word: str, meant: str) -> None:
    assert meant in find_by_meaning(word, "categories", [category.name for category in CATEGORIES])


@pytest.mark.parametrize("word", ["", "zzqq", "hospitality management", "&"])
def test_a_word_without_a_known_meaning_does_not_mislead(word: str) -> None:
    assert find_by_meaning(word, "categories", INDUSTRIES) == []


def test_a_vocabulary_of_other_words_is_read_by_the_same_meanings() -> None:
    assert find_by_meaning("hospitals", "industries", ["Medical", "Hospitality", "Public health"]) == [
        "Public health",
        "Medical",
    ]
