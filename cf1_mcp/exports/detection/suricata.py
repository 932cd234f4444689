"""Rules for Suricata."""

import hashlib
import re
from collections.abc import Iterator, Sequence
from ipaddress import ip_network
from typing import ClassVar, Final
from urllib.parse import urlsplit

from cf1_mcp.exports.detection.detectable import detectable_value
from cf1_mcp.exports.export_file import ExportFile, FileHeading, Omission
from cf1_mcp.exports.markings import less_restrictive, tlp_label
from cf1_mcp.exports.observables import Observable, ObservableKind
from cf1_mcp.models import Event, Tlp
from cf1_mcp.text.defang import defang

# Numbers of rules: far above those that vendors and projects have published ranges for, and below 2^32. A value always
# has the same number, so that a newer file replaces the rules of an older one.
FIRST_SID: Final = 3_000_000_000
SID_COUNT: Final = 1_000_000_000
MAX_MESSAGE_LENGTH: Final = 200
REVIEW_NOTE: Final = (
    "Check the file with `suricata -T -S FILE` before it is loaded. Hashes are not in it: Suricata reads those from "
    "lists of their own. Rules for https URLs match decrypted traffic alone."
)
_KINDS: Final = frozenset(
    {ObservableKind.IP, ObservableKind.NETWORK, ObservableKind.DOMAIN, ObservableKind.URL, ObservableKind.JA3}
)
_PLAIN: Final = re.compile(r"[A-Za-z0-9._~/=&%@+,!*()'-]")
_NOT_IN_MESSAGE: Final = re.compile(r"[^A-Za-z0-9 .,:/\[\]()_@=&?%+*~-]")


class SuricataRules(ExportFile):
    """One or two rules for each distinct value, in order. A message names the least restrictive marking of the events
    with the value.
    """

    media_type: ClassVar[str] = "text/plain;charset=utf-8"
    suffix: ClassVar[str] = ".rules"

    def __init__(self, max_tlp: Tlp, heading: FileHeading) -> None:
        super().__init__(max_tlp, heading)
        self._values: Final = dict[Observable, Tlp]()

    def tail(self) -> Iterator[str]:
        yield f"# {self._provenance()}\n# {REVIEW_NOTE}\n"
        taken: set[int] = set()
        for value in sorted(self._values, key=lambda one: (one.kind, one.value)):
            for protocol, head, options in _describe_rules(value):
                sid = _choose_sid(protocol, value, taken)
                yield f"alert {head} ({self._message(value)} {options} {self._metadata(value)} sid:{sid}; rev:1;)\n"

    def notes(self) -> Sequence[str]:
        return (REVIEW_NOTE,)

    def _event(self, event: Event, level: Tlp) -> str | Omission:
        found = detectable_value(event)
        if isinstance(found, Omission):
            return found
        if found.kind not in _KINDS:
            return Omission("an indicator of a kind that a rule of Suricata cannot have")
        if not _describe_rules(found):
            return Omission("a URL of another scheme than http or https")
        self._values[found] = less_restrictive(level, self._values.get(found, level))
        return ""

    def _message(self, value: Observable) -> str:
        text = f"cf1-mcp {tlp_label(self._values[value])} {value.kind} {defang(value.value)}"
        # A backslash, a quote or a semicolon would end the message, and more than one line the rule.
        return f'msg:"{_NOT_IN_MESSAGE.sub("_", text)[:MAX_MESSAGE_LENGTH]}";'

    def _metadata(self, value: Observable) -> str:
        return f"metadata:tlp {self._values[value].value}, created_at {self.heading.created:%Y_%m_%d};"


def _describe_rules(value: Observable) -> list[tuple[str, str, str]]:
    """Return protocol, head and options of the rules for a value; none if it cannot be seen in traffic."""
    match value.kind:
        case ObservableKind.IP | ObservableKind.NETWORK:
            return [("ip", f"ip $HOME_NET any -> {ip_network(value.value)} any", "")]
        case ObservableKind.DOMAIN:
            name = f'dotprefix; content:"{escape_content("." + value.value)}"; nocase; endswith;'
            return [
                ("dns", "dns $HOME_NET any -> any any", f"dns.query; {name}"),
                ("tls", "tls $HOME_NET any -> any any", f"tls.sni; {name}"),
            ]
        case ObservableKind.JA3:
            return [("tls", "tls $HOME_NET any -> any any", f'ja3.hash; content:"{value.value}";')]
        case _:
            return _describe_url(value.value)


def _describe_url(url: str) -> list[tuple[str, str, str]]:
    try:
        parts = urlsplit(url)
        host = (parts.hostname or "").lower()
    except ValueError:
        return []
    if parts.scheme not in ("http", "https") or not host:
        return []
    path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    whole = "startswith; endswith;"
    options = (
        f'http.host; content:"{escape_content(host)}"; {whole} http.uri.raw; content:"{escape_content(path)}"; {whole}'
    )
    return [("http", "http $HOME_NET any -> any any", options)]


def escape_content(text: str) -> str:
    """Return a text for the content of a rule. Whatever may have a meaning there is written in hexadecimal."""
    return "".join(
        char if _PLAIN.fullmatch(char) else f"|{' '.join(f'{byte:02X}' for byte in char.encode())}|" for char in text
    ).replace("||", " ")


def _choose_sid(protocol: str, value: Observable, taken: set[int]) -> int:
    """Return the number of a rule, which follows from what it matches; the next free one if another rule has it."""
    digest = hashlib.sha256(f"{protocol} {value.kind} {value.value}".encode()).digest()
    place = int.from_bytes(digest[:8]) % SID_COUNT
    while FIRST_SID + place in taken:
        place = (place + 1) % SID_COUNT
    taken.add(FIRST_SID + place)
    return FIRST_SID + place
