"""The forms in which a server may have stored an indicator. How the live API compares values is not documented."""

from ipaddress import ip_address
from typing import Final

from cf1_mcp.indicators.hosts import unicode_name
from cf1_mcp.indicators.kinds import Indicator
from cf1_mcp.indicators.urls import parse_url

# Of one indicator, without its canonical form.
MAX_SPELLINGS: Final = 4


def other_spellings(found: Indicator) -> tuple[str, ...]:
    """Return other forms of an indicator than its canonical one, the most probable first."""
    every = dict.fromkeys(_spell(found))
    return tuple(one for one in every if one != found.value)[:MAX_SPELLINGS]


def _spell(found: Indicator) -> list[str]:
    value = found.value
    match found.kind:
        case "ipv4":
            return [f"{value}/32"]
        case "ipv6":
            return [f"{value}/128", ip_address(value).exploded]
        case "domain":
            return [unicode_name(value), f"*.{value}", f"{value}."]
        case "email":
            local, _, host = value.rpartition("@")
            return [f"{local}@{unicode_name(host)}"]
        case "url":
            return _spell_url(value)
        case "md5" | "sha1" | "sha256" | "sha512" | "ja3":
            return [value.upper()]
        case "cve":
            return [value.lower()]
        case "asn":
            return [value.removeprefix("AS")]
        case _:
            return []


def _spell_url(value: str) -> list[str]:
    parts = parse_url(value)
    if parts is None:
        return []
    forms = [value]
    # RFC 3986: an empty path is equivalent to `/`.
    if parts.scheme and parts.rest in ("", "/"):
        forms.append(value.removesuffix("/") if parts.rest else f"{value}/")
    readable = unicode_name(parts.host)
    return [*forms, *(parse.with_host(readable) for one in forms if (parse := parse_url(one)))]
