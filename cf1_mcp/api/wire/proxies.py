"""The proxy between this machine and the API, from the environment or the settings of the platform.

The token is in a header of every request. Over https a proxy is asked for a tunnel (CONNECT) and sees only that the
tunnel is encrypted; over http it would read the header, so such requests go to no proxy.
"""

from ipaddress import ip_address, ip_network
from typing import Final
from urllib.parse import urlsplit
from urllib.request import getproxies, getproxies_environment, proxy_bypass

import httpx

from cf1_mcp.errors import SettingsError
from cf1_mcp.text.web_addresses import is_host, is_loopback

HTTPS_PORT: Final = 443
MAX_PORT: Final = 65_535


def find_proxy(base: httpx.URL) -> str | None:
    """Return the proxy for requests below `base`, or None for direct connections.

    Raises:
        SettingsError: HTTPS_PROXY is not the address of a proxy that can be used.
    """
    if base.scheme != "https" or is_loopback(base.host) or _is_exempt(base):
        return None
    proxy = getproxies().get("https")
    if not proxy:
        return None
    address = proxy if "://" in proxy else f"http://{proxy}"
    if not _is_usable(address):
        # It is not repeated, because it may contain a password.
        raise SettingsError("HTTPS_PROXY is not a proxy that can be used. Set it to http://HOST:PORT, or unset it.")
    return address


def _is_usable(address: str) -> bool:
    """Whether this is the address of an http or https proxy, which has a host and no port that cannot be."""
    try:
        url, parts = httpx.URL(address), urlsplit(address)
        is_port = parts.port is None or 1 <= parts.port <= MAX_PORT
    except (httpx.InvalidURL, ValueError):
        return False
    return is_port and url.scheme in ("http", "https") and is_host(url.host)


def _is_exempt(base: httpx.URL) -> bool:
    """Whether NO_PROXY, or else the platform, exempts a host from the proxy."""
    listed = getproxies_environment().get("no")
    if listed is None:
        return bool(proxy_bypass(base.host))
    return any(_matches(entry.strip().lower(), base) for entry in listed.split(","))


def _matches(entry: str, base: httpx.URL) -> bool:
    """Whether an entry of NO_PROXY covers a host: `*`, a name (with its subdomains), an address, a network; a port."""
    if entry in ("", "*"):
        return entry == "*"
    host = base.host.lower().rstrip(".")
    try:
        return ip_address(host) in ip_network(entry.strip("[]"), strict=False)
    except ValueError:
        pass
    name, colon, port = entry.rpartition(":")
    if colon and port.isdecimal():
        if int(port[:6]) != (base.port or HTTPS_PORT):
            return False
        entry = name
    domain = entry.removeprefix("*").strip("[].")
    return bool(domain) and (host == domain or host.endswith(f".{domain}"))
