"""Addresses that an operator configures: the base of the API."""

import re
from ipaddress import AddressValueError, IPv4Address, ip_address
from typing import Final
from urllib.parse import SplitResult, urlsplit

# Names in their plain form. What only a resolver understands (127.1, 2130706433, %2e) is not read here in one way and
# there in another.
_LABEL: Final = re.compile("[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?", re.IGNORECASE)
MAX_HOST_LENGTH: Final = 253
IPV6: Final = 6
_LOCAL_NAMES: Final = ("localhost", "::1")


def split_base(text: str) -> SplitResult | None:
    """Return the parts of an http or https address that paths can be added to; None if it is not one.

    It has no user name, query, fragment, blank or backslash, which parsers of addresses read in different ways.
    """
    if not text.isascii() or not text.isprintable() or any(char in text for char in " \\?#@"):
        return None
    try:
        parts = urlsplit(text)
        is_base = parts.port != 0 and parts.scheme in ("http", "https")
    except ValueError:
        return None
    is_bracketed = "[" in parts.netloc
    return parts if is_base and is_host(parts.hostname or "", is_bracketed=is_bracketed) else None


def is_host(host: str, *, is_bracketed: bool | None = None) -> bool:
    """Return whether a host, as it stands in an address, is a name or an address in its plain form.

    `is_bracketed` says whether it stands in brackets, as an IPv6 address must and nothing else may; None if unknown.
    """
    try:
        address = ip_address(host)
    except ValueError:
        labels = host.removesuffix(".").split(".")
        # A name that ends in a number would be an IPv4 address, and is none.
        is_name = len(host) <= MAX_HOST_LENGTH and not labels[-1].isdigit() and all(map(_LABEL.fullmatch, labels))
        return is_name and not is_bracketed
    is_right_form = is_bracketed is None or is_bracketed == (address.version == IPV6)
    return is_right_form and "%" not in host


def is_loopback(host: str) -> bool:
    """Return whether a host, as it stands in an address, is this machine: `localhost`, `::1`, or in 127.0.0.0/8."""
    name = host.lower().removeprefix("[").removesuffix("]")
    try:
        return name in _LOCAL_NAMES or IPv4Address(name).is_loopback
    except AddressValueError:
        return False
