"""URLs, with their scheme or without it."""

import re
from dataclasses import dataclass
from typing import Final

from cf1_mcp.indicators.hosts import address, domain

# What malware and those who write about it use. Links of a report itself are http or https.
SCHEMES: Final = r"(?i:https?|ftps?|sftp|wss?|tcp|udp|tls|ssh|ldaps?|rmi|smb|irc|socks[45]?h?)"
WEB: Final = ("http://", "https://")
# Neither space nor quotes, brackets that enclose, nor the punctuation of East Asian prose.
_STOPS: Final = r"\s<>\"'`{}|\\^\[\]\u201c\u201d\u2018\u2019\u00ab\u00bb\u3001\u3002\uff0c\uff08\uff09\u300a-\u3011"
# A list of URLs may have no spaces between them; a URL in a URL's query begins after `=`.
TAIL: Final = rf"(?:[^{_STOPS},;]++|[,;](?!{SCHEMES}://))*+"
URL: Final = rf"{SCHEMES}://(?:\[[0-9A-Fa-f:.]++(?:%\w++)?\])?+{TAIL}"
# What browsers and mail programs take.
MAX_URL_LENGTH: Final = 2048
MAX_PORT: Final = 65535

_PARTS: Final = re.compile(
    r"(?:(?P<scheme>[a-z][a-z0-9+.-]*+)://)?(?:(?P<user>[^/?#]*)@)?(?P<host>\[[^\]/?#]*\]|[^/?#:\[\]]*)"
    r"(?::(?P<port>\d{0,5}))?(?P<rest>[/?#].*)?",
    re.IGNORECASE | re.DOTALL,
)


@dataclass(frozen=True, slots=True)
class Url:
    """The parts of a URL as they were written; `port` holds its colon, `host` no brackets."""

    scheme: str
    user: str
    host: str
    port: str
    rest: str

    def normalised(self, host: str) -> str:
        """The URL with its scheme in lower case and its host as it is asked for; the rest is the server's own."""
        place = f"[{host}]" if ":" in host else host
        return f"{self.scheme}{self.user}{place}{self.port}{self.rest}"


def parts_of(url: str) -> Url | None:
    """The parts of a URL; None for what is no URL."""
    found = _PARTS.fullmatch(url)
    if found is None or not found["host"]:
        return None
    scheme, user, port = found["scheme"], found["user"], found["port"]
    if port and int(port) > MAX_PORT:
        return None
    return Url(
        f"{scheme.lower()}://" if scheme else "",
        f"{user}@" if user is not None else "",
        found["host"].strip("[]"),
        f":{port}" if port else "",
        found["rest"] or "",
    )


def host_of(url: str) -> str | None:
    """The host of a URL, as it is asked for."""
    parts = parts_of(url)
    found = parts and (address(parts.host) or domain(parts.host))
    return found.value if found else None


def trimmed(url: str) -> str:
    """A URL without the punctuation of the sentence that it stands in; brackets that it opened itself stay."""
    end = len(url)
    unopened = url.count(")") - url.count("(")
    while end and (url[end - 1] in ".,;:!?*_~" or (url[end - 1] == ")" and unopened > 0)):
        end -= 1
        unopened -= url[end] == ")"
    return url[:end]
