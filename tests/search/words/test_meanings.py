"""Words of closed vocabularies by what they mean."""

import pytest

from cf1_mcp.sandbox.vocabulary_catalog import CATEGORIES, INDUSTRIES
from cf1_mcp.search.words.meanings import find_by_meaning

INDUSTRY_WORDS = {
    "Banking & Financial Services": "banks|finance|Banken|fintechs|banques|payment providers",
    "Defense & Aerospace": "military|defence contractors|weapons",
    "Education": "universities|schools|Hochschulen|colleges",
    "Energy & Utilities": "power grid|electric utilities|water",
    "Government": "ministries|Behörden|public sector|embassies",
    "Healthcare": "hospitals|clinics|Krankenhäuser|medical practices",
    "Legal Services": "law firms|lawyers",
    "Maritime": "ports|vessels",
    "Non-Governmental Organizations": "NGOs|charities|human rights groups",
    "Semiconductors": "chip makers",
    "Technology": "tech companies|software|SaaS",
    "Telecommunications": "telcos|ISPs|Telekom",
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
