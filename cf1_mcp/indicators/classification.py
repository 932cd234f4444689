"""Classify one indicator that stands alone, without anything around it."""

import re
from collections.abc import Callable, Container, Sequence
from typing import Final

from cf1_mcp.indicators.dotted_words import read_fifth_number
from cf1_mcp.indicators.hosts import (
    MAX_HOST_LENGTH,
    is_top_level,
    normalize_dots,
    parse_address,
    parse_domain,
    parse_network,
)
from cf1_mcp.indicators.kinds import Indicator, Kind, parse_asn, parse_cve, parse_hash, parse_ja4
from cf1_mcp.indicators.patterns import INVISIBLE
from cf1_mcp.indicators.urls import MAX_URL_LENGTH, parse_host, parse_url, trim_end
from cf1_mcp.text.defang import refang_indicator

MAX_LOCAL_PART_LENGTH: Final = 64
# Of a URL that is stored as one. No browser takes it, but malware does.
MAX_STORED_LENGTH: Final = 8_192
# Names of malware's own name servers, and of hosts inside a network.
_ODD_NAME: Final = re.compile(r"(?:[a-z0-9_-]{1,63}\.)+[a-z](?:[a-z0-9-]{0,61}[a-z0-9])?", re.IGNORECASE | re.ASCII)
_NOT_LOCAL: Final = re.compile(r"[\s/:,;<>()\[\]\"\\]")
_QUOTES: Final = " \t\r\n<>\"'`\u201c\u201d\u2018\u2019\u00ab\u00bb"
MAX_PASSES: Final = 6
# The end of a line as program code and JSON write it.
LINE_END: Final = re.compile(r"(?:\\+[nrtfv0])+\Z")
_PORT: Final = re.compile(r":\d{1,5}(?:/(?:tcp|udp))?\Z", re.IGNORECASE | re.ASCII)
# Signs around a name that are no part of it: a wildcard, the dot of the root, a handle.
_AROUND_NAME: Final = re.compile(r"\A(?:(?:\*+\.)+|[@.])*|\.+\Z")
_LIST_OF_URLS: Final = re.compile(r"[,;]\s*[a-z][a-z0-9+.-]*://", re.IGNORECASE | re.ASCII)
# What stands before a name in the address of a page about it.
_NAME_WORDS: Final = frozenset({"domain", "domains", "hostname", "hostnames", "host", "domain-name", "fqdn", "whois"})
_NOT_A_PREFIX: Final = re.compile(r"\d{1,3}(?:\.\d{1,3}){3}/\d{1,3}", re.ASCII)
# A digest as certificates write it.
_FINGERPRINT: Final = re.compile(
    r"(?:[0-9A-Fa-f]{2}:){15}(?:(?:[0-9A-Fa-f]{2}:){4}|(?:[0-9A-Fa-f]{2}:){16})?[0-9A-Fa-f]{2}"
)
_DIGITS: Final = re.compile(r"\d{1,10}", re.ASCII)


def classify(text: str) -> Indicator | None:
    """Return a typed value as an indicator, refanged and normalised; None if it is not an indicator.

    A port after an address or a name is dropped. 32 hexadecimal digits count as an MD5, although a JA3 looks the same.
    A name that ends in a file extension counts as a domain if that extension is also a top-level domain: the user
    typed it as an indicator.
    """
    word = _plain(text)
    if _FINGERPRINT.fullmatch(word):
        word = word.replace(":", "")
    for parse in (parse_hash, parse_cve, parse_ja4, parse_asn, parse_address, parse_network, _host, _email, _url):
        if found := parse(word):
            return found
    return None


def classify_as(text: str, kinds: Container[Kind]) -> Indicator | None:
    """Return a value as one of the kinds that its type has; None if it is none of them.

    The type says what the value is meant to be, so a name needs no known top-level domain, and a number may be an ASN.
    """
    found = classify(text)
    if found and found.kind in kinds:
        return found
    word = _plain(text)
    readers: tuple[tuple[Kind, Callable[[str], Indicator | None]], ...] = (
        ("ja3", _ja3),
        ("asn", _asn),
        ("domain", _any_name),
        ("url", _any_url),
        ("email", _any_email),
    )
    return next((one for kind, read in readers if kind in kinds and (one := read(word))), None)


def classify_url(text: str) -> Indicator | None:
    """Return an absolute URL as an indicator; None if it is none."""
    found = classify(text)
    return found if found and "://" in text else None


def classify_subject(word: str) -> Indicator | None:
    """Return the indicator that a page is about, from one word of its address. A name is too often something else."""
    found = classify(word)
    return found if found and found.kind not in ("domain", "email", "url", "asn") else None


def classify_subjects(words: Sequence[str]) -> list[Indicator]:
    """Return the indicators that a page is about, from the words of its address; a name only if a word says it."""
    found: list[Indicator] = []
    for before, word in zip(("", *words), words, strict=False):
        one = classify(word) if before.lower() in _NAME_WORDS else classify_subject(word)
        if one and one.kind != "url":
            found.append(one)
    return found


def _plain(text: str) -> str:
    """Return a text without what hides or surrounds its value. What is removed may have hidden something of its own."""
    if len(text) > 2 * MAX_STORED_LENGTH:
        return ""
    word, before = text, ""
    for _ in range(MAX_PASSES):
        if word == before:
            break
        before, word = word, refang_indicator(INVISIBLE.sub("", word))
    return word


def _url_text(word: str) -> str:
    """Return a URL without the punctuation, quotes and brackets behind it."""
    before = ""
    while word != before:
        before, word = word, LINE_END.sub("", trim_end(word).rstrip(_QUOTES))
    return word


def _host(word: str) -> Indicator | None:
    found = _any_host(word)
    if found and found.kind == "domain" and not is_top_level(found.value.rpartition(".")[2]):
        return None
    return found


def _any_host(word: str) -> Indicator | None:
    word = normalize_dots(word)
    if found := parse_address(word):
        return found
    word = _PORT.sub("", word).strip("[]")
    labels = word.split(".")
    if len(labels) == 5 and "".join(labels).isdecimal() and word.isascii() and read_fifth_number(labels):
        return parse_address(".".join(labels[:4]))
    if ":" in word and (found := parse_address(word.rpartition(".")[0])):
        return found
    return parse_address(word) or parse_domain(_AROUND_NAME.sub("", word[: 2 * MAX_HOST_LENGTH]))


def _email(word: str) -> Indicator | None:
    local, _, name = word.rpartition("@")
    if not 0 < len(local) <= MAX_LOCAL_PART_LENGTH or _NOT_LOCAL.search(local):
        return None
    host = _host(name)
    return Indicator("email", f"{local.lower()}@{host.value}", host.reserved) if host else None


def _url(word: str) -> Indicator | None:
    parts = None if _is_not_url(word) else parse_url(_url_text(word))
    host = parse_host(parts.host) if parts else None
    if parts is None or host is None or (parts.user and not parts.scheme):
        return None
    if host.kind == "domain" and not is_top_level(host.value.rpartition(".")[2]):
        return None
    if not parts.scheme and parts.rest in ("", "/"):
        return host
    return Indicator("url", parts.with_host(host.value), host.reserved)


def _is_not_url(word: str) -> bool:
    if len(word) > MAX_URL_LENGTH or _NOT_A_PREFIX.fullmatch(word):
        return True
    return bool(re.search(r"\s", word) or _LIST_OF_URLS.search(word))


def _ja3(word: str) -> Indicator | None:
    found = parse_hash(word)
    return Indicator("ja3", found.value) if found and found.kind == "md5" else None


def _asn(word: str) -> Indicator | None:
    return parse_asn(f"AS{int(word)}") if _DIGITS.fullmatch(word) else None


def _any_name(word: str) -> Indicator | None:
    if (found := _any_host(word)) and found.kind == "domain":
        return found
    plain = _AROUND_NAME.sub("", _PORT.sub("", word)) if len(word) <= 2 * MAX_HOST_LENGTH else ""
    is_name = len(plain) <= MAX_HOST_LENGTH and _ODD_NAME.fullmatch(plain)
    return Indicator("domain", plain.lower()) if is_name else None


def _any_url(word: str) -> Indicator | None:
    # The path of a real URL may have blanks.
    parts = None if len(word) > MAX_STORED_LENGTH or _LIST_OF_URLS.search(word) else parse_url(_url_text(word))
    if parts is None or not parts.scheme or not word.isprintable() or " http" in word:
        return None
    host = parse_host(parts.host)
    if host:
        return Indicator("url", parts.with_host(host.value), host.reserved)
    # A name of one label, as inside a network.
    is_label = re.fullmatch(r"[A-Za-z0-9_](?:[A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?", parts.host)
    return Indicator("url", parts.with_host(parts.host.lower()), reserved=True) if is_label else None


def _any_email(word: str) -> Indicator | None:
    local, _, name = word.rpartition("@")
    host = _any_name(name)
    if host is None or not 0 < len(local) <= MAX_LOCAL_PART_LENGTH or _NOT_LOCAL.search(local):
        return None
    return Indicator("email", f"{local.lower()}@{host.value}", host.reserved)
