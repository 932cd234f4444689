"""Addresses that an operator configures: the base of the API."""

import re
from ipaddress import AddressValueError, IPv4Address
from typing import Final
from urllib.parse import SplitResult, urlsplit

# Names and addresses in their plain form. What only a resolver understands (127.1, 2130706433, %2e) is not read here
# in one way and there in another.
_HOST: Final = re.compile(r"[a-z0-9]([a-z0-9.-]*[a-z0-9])?|[0-9a-f:]+(\.[0-9]+){0,3}")
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
    return parts if is_base and _HOST.fullmatch(parts.hostname or "") else None


def is_loopback(host: str) -> bool:
    """Return whether a host, as it stands in an address, is this machine: `localhost`, `::1`, or in 127.0.0.0/8."""
    name = host.lower().removeprefix("[").removesuffix("]")
    try:
        return name in _LOCAL_NAMES or IPv4Address(name).is_loopback
    except AddressValueError:
        return False
