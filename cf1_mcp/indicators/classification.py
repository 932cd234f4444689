"""One indicator as a person or a model types it."""

import re
from typing import Final

from cf1_mcp.indicators.candidates import UNSEEN
from cf1_mcp.indicators.extraction import MAX_LOCAL_PART_LENGTH
from cf1_mcp.indicators.hosts import address, domain, is_top_level, network
from cf1_mcp.indicators.kinds import Indicator, autonomous_system, digest, fingerprint, vulnerability
from cf1_mcp.indicators.urls import MAX_URL_LENGTH, parts_of
from cf1_mcp.text.defang import refang_indicator

_PORT: Final = re.compile(r":\d{1,5}\Z")


def classify(text: str) -> Indicator | None:
    """What a typed value is, refanged and normalised; None for what is no indicator.

    A port beside an address or a name is dropped. 32 hexadecimal digits count as an MD5, although a JA3 looks the same.
    A name that ends in a file extension counts as a domain where that is a top-level domain too, for it was typed to be
    asked about.
    """
    word = refang_indicator(UNSEEN.sub("", text)) if len(text) <= 2 * MAX_URL_LENGTH else ""
    for read in (digest, vulnerability, fingerprint, autonomous_system, address, network, _host, _email, _url):
        if found := read(word):
            return found
    return None


def _host(word: str) -> Indicator | None:
    found = address(word) or address(word := _PORT.sub("", word).strip("[]")) or domain(word.strip("@*."))
    if found and found.kind == "domain" and not is_top_level(found.value.rpartition(".")[2]):
        return None
    return found


def _email(word: str) -> Indicator | None:
    local, _, name = word.rpartition("@")
    host = _host(name) if 0 < len(local) <= MAX_LOCAL_PART_LENGTH and not re.search(r"[\s/:]", local) else None
    return Indicator("email", f"{local.lower()}@{host.value}", host.reserved) if host else None


def _url(word: str) -> Indicator | None:
    parts = None if len(word) > MAX_URL_LENGTH or re.search(r"\s", word) else parts_of(word)
    host = _host(parts.host) if parts else None
    if parts is None or host is None or (parts.user and not parts.scheme):
        return None
    return (
        host
        if not parts.scheme and parts.rest in ("", "/")
        else Indicator("url", parts.normalised(host.value), host.reserved)
    )
