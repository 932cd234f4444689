"""URLs, with or without a scheme."""

import re
from dataclasses import dataclass
from typing import Final
from urllib.parse import unquote

from cf1_mcp.indicators.hosts import normalize_dots, parse_address, parse_domain
from cf1_mcp.indicators.kinds import Indicator

# Schemes that malware and reports about it use. The links of a report itself are http or https.
SCHEMES: Final = r"(?ai:https?|ftps?|sftp|wss?|tcp|udp|tls|ssh|ldaps?|rmi|smb|irc|socks[45]?h?)"
WEB: Final = ("http://", "https://")
# Characters that end a URL: spaces, quotes, enclosing brackets and the punctuation of East Asian prose.
_STOPS: Final = r"\s<>\"'`{}|\\^\[\]\u201c\u201d\u2018\u2019\u00ab\u00bb\u3001\u3002\uff0c\uff08\uff09\u300a-\u3011"
# A list of URLs may have no spaces; a URL inside the query of another one begins after `=`.
TAIL: Final = rf"(?:[^{_STOPS},;]++|[,;](?!{SCHEMES}://))*+"
URL: Final = rf"{SCHEMES}://(?:\[[0-9A-Fa-f:.]++(?:%\w++)?\])?+{TAIL}"
# The limit of common browsers and mail programs.
MAX_URL_LENGTH: Final = 2048
MAX_PORT: Final = 65535

_PARTS: Final = re.compile(
    r"(?:(?P<scheme>[a-z][a-z0-9+-]*+)://)?(?:(?P<user>[^/?#]*)@)?(?P<host>\[[^\]/?#]*\]|[^/?#:\[\]]*)"
    r"(?::(?P<port>\d{0,5}))?(?P<rest>[/?#].*)?",
    re.IGNORECASE | re.DOTALL | re.ASCII,
)


@dataclass(frozen=True, slots=True)
class UrlParts:
    """The parts of a URL as written. `scheme`, `user` and `port` include their separators; `host` has no brackets."""

    scheme: str
    user: str
    host: str
    port: str
    rest: str

    def with_host(self, host: str) -> str:
        """Return the URL with another form of its host; the rest is kept, because its meaning is up to the server."""
        place = f"[{host}]" if ":" in host else host
        return f"{self.scheme}{self.user}{place}{self.port}{self.rest}"


def parse_url(url: str) -> UrlParts | None:
    """Return the parts of a URL; None if it is not a URL."""
    found = _PARTS.fullmatch(url)
    if found is None or not found["host"]:
        return None
    scheme, user, port = found["scheme"], found["user"], found["port"]
    if port and int(port) > MAX_PORT:
        return None
    return UrlParts(
        f"{scheme.lower()}://" if scheme else "",
        f"{user}@" if user is not None else "",
        found["host"].strip("[]"),
        f":{port}" if port else "",
        found["rest"] or "",
    )


def url_host(url: str) -> str | None:
    """Return the host of a URL in its canonical form."""
    parts = parse_url(url)
    found = parse_host(parts.host) if parts else None
    return found.value if found else None


def parse_host(text: str) -> Indicator | None:
    """Return the host of a URL: it may be percent-encoded, and end in a dot."""
    name = unquote(text) if "%" in text and ":" not in text else text
    return parse_address(name) or parse_domain(normalize_dots(name).rstrip("."))


def trim_url(url: str) -> str:
    """Remove the punctuation of the surrounding sentence; closing brackets that the URL itself opened stay."""
    end = len(url)
    unopened = url.count(")") - url.count("(")
    while end and (url[end - 1] in ".,;:!?*_~" or (url[end - 1] == ")" and unopened > 0)):
        end -= 1
        unopened -= url[end] == ")"
    return url[:end]


def trim_end(text: str) -> str:
    """Remove the punctuation behind a value that stood in a list or a sentence, but no character that ends a URL."""
    end = len(text)
    unopened = text.count(")") - text.count("(")
    while end and (text[end - 1] in ".,;!?:" or (text[end - 1] == ")" and unopened > 0)):
        end -= 1
        unopened -= text[end] == ")"
    return text[:end]
