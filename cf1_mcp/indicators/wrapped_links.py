"""Links that contain another address: of mail filters, search engines and redirectors, and of sites about indicators.

The inner address is decoded from the link itself. Nothing is resolved.
"""

import re
from base64 import urlsafe_b64decode
from collections.abc import Iterator
from typing import Final
from urllib.parse import unquote

from cf1_mcp.indicators.urls import SCHEMES, UrlParts, parse_url
from cf1_mcp.text.defang import refang

# Of links inside links.
MAX_DEPTH: Final = 4
# Names of parameters that hold the address to go to.
_PARAMETERS: Final = frozenset(
    """a adurl dest destination goto href link location next out page redir redirect redirect_to redirect_uri
    redirect_url redirecturl return return_to returnurl site target targeturl to u uri url""".split()  # noqa: SIM905
)
# `q` is the address only where a search engine or a video site forwards to it; elsewhere it is a query.
_FORWARDS: Final = re.compile(r"/(?:url|redirect|interstitial)/?", re.IGNORECASE)
_ABSOLUTE: Final = re.compile(rf"{SCHEMES}://[^\s/?#]")
_IN_PATH: Final = re.compile(rf"/(?:{SCHEMES})(?::|%3A)(?://?|%2F%2F)[^/]", re.IGNORECASE)
_URLDEFENSE: Final = re.compile(r"(?:.+\.)?urldefense(?:\.proofpoint)?\.com")
_URLDEFENSE_3: Final = re.compile(r"/v3/__(?P<url>.+?)__;(?P<codes>[A-Za-z0-9_=-]*)!", re.DOTALL)
_STARS: Final = re.compile(r"\*(?:\*(?P<run>[A-Za-z0-9_-]))?")
_RUNS: Final = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
_TRANSLATED: Final = ".translate.goog"

# Sites whose pages are about an indicator, which is a part of their address. The pages themselves are references.
_REFERENCE_SITES: Final = frozenset(
    """abuseipdb.com any.run bazaar.abuse.ch censys.io cve.org cvedetails.com filescan.io hybrid-analysis.com
    intezer.com joesandbox.com malshare.com nvd.nist.gov otx.alienvault.com polyswarm.network shodan.io
    threatfox.abuse.ch tria.ge unpac.me urlhaus.abuse.ch urlscan.io virustotal.com virusshare.com vx-underground.org
    yaraify.abuse.ch""".split()  # noqa: SIM905
)
_SEGMENT: Final = re.compile(r"[^/?#&=]+")


def inner_urls(url: str) -> list[str]:
    """Return the addresses inside a link, outermost first; none of a link that is not a wrapper."""
    found: list[str] = []
    left = url
    while len(found) < MAX_DEPTH:
        parts = parse_url(left)
        inner = next(_inner_of(parts), None) if parts else None
        if inner is None or inner in found or inner == url:
            break
        found.append(inner)
        left = inner
    return found


def is_reference_site(host: str) -> bool:
    """Whether a host is that of a site about indicators."""
    labels = host.split(".")
    return any(".".join(labels[start:]) in _REFERENCE_SITES for start in range(len(labels) - 1))


def path_words(rest: str) -> list[str]:
    """Return the words of the path, query and fragment of a link, decoded."""
    return [unquote(word) for word in _SEGMENT.findall(rest)]


def _inner_of(parts: UrlParts) -> Iterator[str]:
    host, rest = parts.host.lower(), parts.rest
    if _URLDEFENSE.fullmatch(host):
        if found := _URLDEFENSE_3.match(rest):
            yield from _absolute(_restore_stars(found["url"], found["codes"]))
        if rest.lower().startswith("/v2/"):
            for name, value in _parameters(rest):
                if name == "u":
                    yield from _absolute(unquote(value.replace("-", "%").replace("_", "/")))
            return
    if host.endswith(_TRANSLATED):
        name = host.removesuffix(_TRANSLATED).replace("--", "\0").replace("-", ".").replace("\0", "-")
        yield f"{parts.scheme}{name}{rest}"
    path = re.split("[?#]", rest, maxsplit=1)[0]
    for name, value in _parameters(rest):
        if name in _PARAMETERS or (name == "q" and _FORWARDS.fullmatch(path)):
            yield from _absolute(unquote(value))
    if inside := _IN_PATH.search(path):
        # What follows a query in the outer address belongs to the inner one, as of an archive.
        yield from _absolute(_with_slashes(unquote(rest[inside.start() + 1 :])))


def _parameters(rest: str) -> Iterator[tuple[str, str]]:
    for part in re.split("[?#&;]", rest)[1:]:
        name, separator, value = part.partition("=")
        if separator and value:
            yield name.removeprefix("amp;").lower(), value


def _absolute(text: str) -> Iterator[str]:
    """Yield a text if it is an absolute address. It may be encoded or defanged once more."""
    for form in dict.fromkeys((text, unquote(text))):
        plain = refang(form).strip()
        if _ABSOLUTE.match(plain):
            yield plain
            return


def _with_slashes(text: str) -> str:
    """Return an address in a path with both of its slashes: servers merge them."""
    return re.sub(r"\A([a-z0-9]+):/(?!/)", r"\1://", text, flags=re.IGNORECASE)


def _restore_stars(text: str, codes: str) -> str:
    """Return the address of a link that replaces characters by stars, and lists them in base64 behind it."""
    try:
        characters = urlsafe_b64decode(codes + "=" * (-len(codes) % 4)).decode()
    except (ValueError, UnicodeError):
        return text
    place = 0

    def restore(found: re.Match[str]) -> str:
        nonlocal place
        count = _RUNS.index(found["run"]) + 2 if found["run"] else 1
        part = characters[place : place + count]
        place += count
        return part or found[0]

    return _STARS.sub(restore, text)
