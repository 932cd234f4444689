"""Classify one indicator as a person or a model types it."""

import re
from typing import Final

from cf1_mcp.indicators.extraction import MAX_LOCAL_PART_LENGTH
from cf1_mcp.indicators.hosts import is_top_level, parse_address, parse_domain, parse_network
from cf1_mcp.indicators.kinds import Indicator, parse_asn, parse_cve, parse_hash, parse_ja4
from cf1_mcp.indicators.patterns import INVISIBLE
from cf1_mcp.indicators.urls import MAX_URL_LENGTH, parse_url
from cf1_mcp.text.defang import refang_indicator

_PORT: Final = re.compile(r":\d{1,5}\Z")


def classify(text: str) -> Indicator | None:
    """Return a typed value as an indicator, refanged and normalised; None if it is not an indicator.

    A port after an address or a name is dropped. 32 hexadecimal digits count as an MD5, although a JA3 looks the same.
    A name that ends in a file extension counts as a domain if that extension is also a top-level domain: the user
    typed it as an indicator.
    """
    word = refang_indicator(INVISIBLE.sub("", text)) if len(text) <= 2 * MAX_URL_LENGTH else ""
    for parse in (parse_hash, parse_cve, parse_ja4, parse_asn, parse_address, parse_network, _host, _email, _url):
        if found := parse(word):
            return found
    return None


def _host(word: str) -> Indicator | None:
    if found := parse_address(word):
        return found
    word = _PORT.sub("", word).strip("[]")
    found = parse_address(word) or parse_domain(word.strip("@*."))
    if found and found.kind == "domain" and not is_top_level(found.value.rpartition(".")[2]):
        return None
    return found


def _email(word: str) -> Indicator | None:
    local, _, name = word.rpartition("@")
    if not 0 < len(local) <= MAX_LOCAL_PART_LENGTH or re.search(r"[\s/:]", local):
        return None
    host = _host(name)
    return Indicator("email", f"{local.lower()}@{host.value}", host.reserved) if host else None


def _url(word: str) -> Indicator | None:
    parts = None if len(word) > MAX_URL_LENGTH or re.search(r"\s", word) else parse_url(word)
    host = _host(parts.host) if parts else None
    if parts is None or host is None or (parts.user and not parts.scheme):
        return None
    if not parts.scheme and parts.rest in ("", "/"):
        return host
    return Indicator("url", parts.with_host(host.value), host.reserved)
