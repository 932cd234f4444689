"""Words near a number that say what it is: a version, a JA3 fingerprint or an MD5."""

import re
from typing import Final

# How far such words reach, in characters: from a word to a version, from one version of a list to the next, and from a
# heading to the first JA3 fingerprint or from one fingerprint to the next.
_VERSION_REACH: Final = 40
_LIST_REACH: Final = 12
_JA3_REACH: Final = 200
_VERSION_WORDS: Final = frozenset(
    [
        "build",
        "firmware",
        "patch",
        "release",
        "releases",
        "rev",
        "revision",
        "update",
        "v",
        "ver",
        "version",
        "versions",
    ]
)
_FILLER_WORDS: Final = frozenset(["before", "below", "from", "is", "number", "of", "than", "through", "to"])
_PUNCTUATION: Final = ".,:;=(\"'-"
_LIST_SEPARATOR: Final = re.compile(r"[\s,;&/-]*(?:and|or|to|through|until|before)?\s*", re.IGNORECASE)

# What is around an address in the output of tcpdump.
_FLOW_AFTER: Final = re.compile(r":?[ \t]*>|:(?=\s|\Z)")
_SERVICES: Final = frozenset(
    """bootpc bootps domain ftp http http-alt https https-alt imap imaps isakmp kerberos ldap ldaps mdns microsoft-ds
    ms-sql-s ms-wbt-server mysql netbios-dgm netbios-ns netbios-ssn ntp pop3 pop3s postgresql rdp sip smtp smtps snmp
    socks ssh submission syslog telnet tftp webcache""".split()  # noqa: SIM905
)
# Names between slashes, as a resolver's configuration lists them.
_LISTED: Final = re.compile(r"\b(?:address|server|local|ipset|nftset|rebind-domain-ok)=/(?:[\w.-]{1,253}/){0,3}\Z")
_FLOW_BEFORE: Final = re.compile(r">[ \t]?\Z|\bIP6?[ \t]\Z")


class SurroundingWords:
    """Tracks, from left to right, which words were last seen in a text."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._ja3_until = -1
        self._version_end = -1

    def note_hash_word(self, word: str, end: int) -> None:
        """Record a word that distinguishes a JA3 from an MD5."""
        self._ja3_until = end + _JA3_REACH if word.lower().startswith("ja3") else -1

    def is_ja3(self, start: int, end: int) -> bool:
        """Whether the words before 32 hexadecimal digits call them a JA3."""
        if start > self._ja3_until:
            return False
        self._ja3_until = end + _JA3_REACH
        return True

    def is_version(self, start: int, end: int) -> bool:
        """Whether four numbers are a version: `version 1.2.3.4`, `Chrome/1.2.3.4`, and the rest of such a list."""
        if not self._continues_list(start) and not _ends_with_version_word(
            self._text[max(0, start - _VERSION_REACH) : start]
        ):
            return False
        self._version_end = end
        return True

    def is_flow(self, start: int, end: int) -> bool:
        """Whether an address and its port stand as tcpdump writes them."""
        before = _FLOW_BEFORE.search(self._text[max(0, start - 4) : start])
        return bool(before or _FLOW_AFTER.match(self._text, end))

    def without_service(self, word: str, start: int) -> str:
        """Return a name or an address without the name of a port, as tcpdump writes it: `192.0.2.1.https >`."""
        host, _, service = word.rpartition(".")
        is_port = service in _SERVICES and "." in host and self.is_flow(start, start + len(word))
        return host if is_port else word

    def is_listed(self, start: int) -> bool:
        """Whether a name stands between slashes in a resolver's configuration: `address=/evil.example/0.0.0.0`."""
        return self._text[start - 1 : start] == "/" and bool(_LISTED.search(self._text[max(0, start - 300) : start]))

    def _continues_list(self, start: int) -> bool:
        if self._version_end < 0 or start - self._version_end > _LIST_REACH:
            return False
        return _LIST_SEPARATOR.fullmatch(self._text, self._version_end, start) is not None


def _ends_with_version_word(before: str) -> bool:
    words = before.lower().split()
    if not words:
        return False
    if before.endswith("/"):
        return words[-1][:-1].isalpha()
    last = words[-1].strip(_PUNCTUATION)
    if last in _FILLER_WORDS and len(words) > 1:
        last = words[-2].strip(_PUNCTUATION)
    return last in _VERSION_WORDS
