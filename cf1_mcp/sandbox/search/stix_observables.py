"""Indicators as STIX 2.1 observables and pattern comparisons."""

import re
from dataclasses import dataclass
from ipaddress import ip_interface
from typing import Final

StixObject = dict[str, object]

HASHES: Final = {32: "MD5", 40: "SHA-1", 64: "SHA-256", 128: "SHA-512"}
"""Hash algorithms by the number of hexadecimal digits."""

_DOMAIN: Final = re.compile(r"(?=.{1,253}\Z)((?!..--)[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?(\.(?!\Z)|\Z))+", re.IGNORECASE)
_URI: Final = re.compile(r"[a-z][a-z0-9+.-]*:([a-z0-9._~:/?#@!$&'()*+,;=-]|%[0-9a-f]{2})+", re.IGNORECASE)
_EMAIL: Final = re.compile(r"[a-z0-9_.+-]+@[a-z0-9-]+\.[a-z0-9.-]+", re.IGNORECASE)


@dataclass(frozen=True)
class StixObservable:
    """An indicator in STIX terms. `is_valid` is false where STIX accepts the value only in a pattern."""

    type: str
    properties: StixObject
    comparison: str
    is_valid: bool = True


def parse_observable(kind: str, value: str) -> StixObservable | None:
    """Return an indicator as STIX describes it, or None where it cannot. `kind` is the indicatorType in lower case."""
    match kind if value else "":
        case "domain" | "hostname":
            return _build_valued("domain-name", value, _DOMAIN.fullmatch(value) is not None)
        case "url":
            return _build_valued("url", value, _URI.fullmatch(value) is not None)
        case "email":
            return _build_valued("email-addr", value, _EMAIL.fullmatch(value) is not None)
        case "ip" | "ipv4" | "ipv6" | "cidr":
            return _parse_address(value)
        case "hash" | "md5" | "sha1" | "sha256" | "sha512":
            return _parse_hash("file", value)
        case "certificate":
            return _parse_hash("x509-certificate", value)
        case "filename":
            return StixObservable("file", {"name": value}, f"file:name = {_quote(value)}")
        case "asn" if re.fullmatch(r"(AS)?\d{1,10}", value, re.ASCII | re.IGNORECASE):
            number = int(value.upper().removeprefix("AS"))
            return StixObservable("autonomous-system", {"number": number}, f"autonomous-system:number = {number}")
        case _:
            return None


def _build_valued(kind: str, value: str, is_valid: bool = True, comparison: str = "=") -> StixObservable:
    return StixObservable(kind, {"value": value}, f"{kind}:value {comparison} {_quote(value)}", is_valid)


def _parse_address(value: str) -> StixObservable | None:
    try:
        address = ip_interface(value)
    except ValueError:
        return None
    if "%" in value:
        return None
    kind = f"ipv{address.version}-addr"
    if "/" in value:
        return _build_valued(kind, str(address.network), comparison="ISSUBSET")
    return _build_valued(kind, str(address.ip))


def _parse_hash(kind: str, value: str) -> StixObservable | None:
    name = HASHES.get(len(value))
    if name is None or re.fullmatch("[0-9a-fA-F]+", value) is None:
        return None
    digest = value.lower()
    return StixObservable(kind, {"hashes": {name: digest}}, f"{kind}:hashes.'{name}' = '{digest}'")


def _quote(text: str) -> str:
    return "'" + text.replace("\\", "\\\\").replace("'", "\\'") + "'"
