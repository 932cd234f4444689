"""Indicators out of a text, such as a vendor's report.

One pass from left to right, in time linear in the text: no pattern here gives back what it has taken, and none begins
anew inside what it has refused.
"""

import re
from typing import Final

from cf1_mcp.errors import BadArgument
from cf1_mcp.indicators import kinds, urls
from cf1_mcp.indicators.candidates import (
    ASCII_NAME,
    BRACKETED_PORT,
    CANDIDATE,
    JOINED,
    OCTETS,
    PATH,
    PIECE,
    PORT,
    PREFIX,
    TURNING,
    UNSEEN,
    UNSPACED,
)
from cf1_mcp.indicators.findings import Extraction, Findings
from cf1_mcp.indicators.hosts import MAX_NAME_LENGTH, address, network
from cf1_mcp.indicators.kinds import HASHES, Indicator
from cf1_mcp.indicators.names import MAYBE_VERSION, NO_SUFFIX, TOO_LONG, Reading, read_name
from cf1_mcp.indicators.rewriting import Rewritten
from cf1_mcp.indicators.wording import Wording
from cf1_mcp.text.defang import DEFANGED, refang_match

# Characters. Whoever takes 2**20 for a megabyte is right too.
MAX_TEXT_LENGTH: Final = 2**20
MAX_LOCAL_PART_LENGTH: Final = 64
HIDDEN: Final = "a character that turns the direction of writing stands inside it"
MAYBE_CODE: Final = "may be program code: an IPv6 address without a digit"
OTHER_LENGTH: Final = "hexadecimal of another length"


def extract(text: str) -> Extraction:
    """The indicators of a text of at most a megabyte.

    Raises:
        BadArgument: the text is longer, or holds more than 10,000 different indicators.
    """
    if len(text) > MAX_TEXT_LENGTH:
        raise BadArgument(
            "text", f"{len(text):,} characters are too many", f"at most 1 MB ({MAX_TEXT_LENGTH:,} characters)"
        )
    return _Scan(text).extraction()


def _as_read(found: re.Match[str]) -> str:
    # "Dots are written [.] here" speaks of the brackets themselves.
    aside = found[0][0] == found[0][-1] == " " and found["dot"] and "." in found[0]
    return found[0] if aside else refang_match(found)


class _Scan:
    """One reading of one text."""

    def __init__(self, text: str) -> None:
        self._original = text
        self._seen = Rewritten.of(text, UNSEEN, lambda _: "")
        self._fanged = Rewritten.of(self._seen.text, DEFANGED, _as_read)
        self._text = self._fanged.text
        self._turns = TURNING.search(text) is not None
        self._readings: dict[tuple[str, bool], Reading] = {}
        self._addresses: dict[str, Indicator | None] = {}
        self._findings = Findings()
        self._wording = Wording(self._text)

    def extraction(self) -> Extraction:
        position = 0
        while found := CANDIDATE.search(self._text, position):
            position = self._read(found)
        return self._findings.extraction()

    def _read(self, found: re.Match[str]) -> int:
        """Take in what a match is, and say where to read on."""
        kind = found.lastgroup or ""
        word, (start, end) = found[kind], found.span(kind)
        match kind:
            case "name":
                return self._name(found)
            case "url":
                self._url(word, start)
            case "v6":
                return self._ipv6(word, start)
            case "hex":
                self._hash(word, start)
            case "said":
                self._wording.says(word, end)
            case "cve":
                self._add(kinds.vulnerability(word), start, end)
            case "asn":
                self._add(kinds.autonomous_system(word), start, end)
            case _:
                self._add(kinds.fingerprint(word), start, end)
        return end

    def _add(self, indicator: Indicator | None, start: int, end: int, port: str | None = None, doubt: str = "") -> None:
        if indicator is None:
            return
        begin = self._origin(start)
        if self._turns and not doubt and TURNING.search(self._original, begin, self._origin(end - 1)):
            doubt = HIDDEN
        known_port = int(port) if port and int(port) <= urls.MAX_PORT else None
        defanged = self._fanged.touched(start, end)
        self._findings.add(indicator, begin, defanged=defanged, port=known_port, doubt=doubt)

    def _origin(self, position: int) -> int:
        return self._seen.origin(self._fanged.origin(position))

    def _hash(self, word: str, start: int) -> None:
        end = start + len(word)
        if len(word) not in HASHES:
            return self._findings.reject(OTHER_LENGTH)
        if len(word) == 32 and self._wording.is_ja3(start, end):
            return self._add(Indicator("ja3", word.lower()), start, end)
        return self._add(kinds.digest(word), start, end)

    def _ipv6(self, word: str, start: int) -> int:
        end = start + len(word)
        text = self._text
        if text[end : end + 1].isalnum():
            # The last part begins something else, as in `cc:bcc:evil.example`.
            return start + word.rindex(":") + 1
        core = word if word.endswith("::") else word.rstrip(":")
        found = self._address(core) if _is_whole(core) else None
        if found is None:
            return end
        close = start + len(core)
        prefix = PREFIX.match(text, close)
        if prefix and (ranged := network(core + prefix[0])):
            self._add(ranged, start, prefix.end())
            return prefix.end()
        port = BRACKETED_PORT.match(text, close) if text[start - 1 : start] == "[" else None
        code = not any(char.isdigit() for char in core) and not self._fanged.touched(start, close)
        self._add(found, start, close, port and port[1], MAYBE_CODE if code else "")
        return port.end() if port else end

    def _url(self, word: str, start: int) -> None:
        url = urls.trimmed(word)
        parts = urls.parts_of(url) if len(url) <= urls.MAX_URL_LENGTH else None
        if parts is None:
            return self._findings.reject(TOO_LONG if len(url) > urls.MAX_URL_LENGTH else "")
        end = start + len(url)
        if parts.host.lower() == "localhost":
            return self._add(Indicator("url", parts.normalised("localhost"), reserved=True), start, end)
        reading = self._reading(parts.host, deliberate=True)
        host = self._address(parts.host) if ":" in parts.host else reading.indicator
        if host is None or not reading.whole:
            return self._findings.reject(reading.doubt or NO_SUFFIX)
        doubt = reading.doubt if host.kind == "domain" else ""
        if doubt and not self._fanged.touched(start, end):
            return self._findings.reject(NO_SUFFIX)
        return self._add(Indicator("url", parts.normalised(host.value), host.reserved), start, end, doubt=doubt)

    def _name(self, found: re.Match[str]) -> int:
        word, start, end = found["name"], found.start("name"), found.end()
        if mail := found["mail"] or found["mail_too"]:
            return self._mail(word[: -len(mail)], mail[1:], start)
        if self._text[start - 1 : start] == "%":
            # What is left of an escape such as %2F.
            word, start = word[2:], start + 2
        if "+" not in word and ".." not in word:
            return self._dotted(word, start)
        for piece in PIECE.finditer(word):
            end = self._dotted(piece[0], start + piece.start())
        return max(end, found.end())

    def _mail(self, local: str, host: str, start: int) -> int:
        end = start + len(local) + 1 + len(host)
        host = host.rstrip("._-")
        close = start + len(local) + 1 + len(host)
        reading = self._reading(host, deliberate=True)
        where = reading.indicator
        if where is None or len(local) > MAX_LOCAL_PART_LENGTH or local == "git":
            self._findings.reject(reading.doubt)
        elif where.kind == "ipv4":
            # A login on a machine, as ssh writes it.
            self._add(where, close - len(host), close)
        elif not reading.doubt or self._fanged.touched(start, close):
            value = f"{local.strip('._').lower()}@{where.value}"
            self._add(Indicator("email", value, where.reserved), start, close, doubt=reading.doubt)
        else:
            self._findings.reject(NO_SUFFIX)
        return end

    def _dotted(self, word: str, start: int, *, again: bool = True) -> int:
        """Take in a word with dots, and say where to read on."""
        end = start + len(word)
        core = word.lstrip("-.")
        begin = end - len(core)
        core = core.rstrip("-.")
        if core.endswith("_"):
            core, begin = core.strip("_"), begin + len(core) - len(core.lstrip("_"))
        close = begin + len(core)
        defanged = self._fanged.touched(begin, close)
        reading = self._reading(core, defanged)
        others = _others(core, reading) if again else None
        if others is not None:
            for other in others.finditer(core):
                self._dotted(other[0], begin + other.start(), again=False)
            return end
        if reading.indicator is None:
            self._refused(core, begin, reading.doubt)
        elif reading.whole and close == end:
            return self._with_tail(reading.indicator, reading.doubt, begin, close)
        else:
            self._add_name(reading.indicator, reading.doubt, begin, close)
        return end

    def _refused(self, core: str, begin: int, reason: str) -> None:
        if found := kinds.digest(core.partition(".")[0]):
            # A file named by its hash, or a sentence that begins right behind one.
            self._hash(found.value, begin)
        elif self._text[begin - 1 : begin] != "\\":
            self._findings.reject(TOO_LONG if len(core) > MAX_NAME_LENGTH else reason)

    def _with_tail(self, found: Indicator, doubt: str, begin: int, close: int) -> int:
        """Take in a name or address with what follows it at once: the length of a range, a port, a path."""
        text = self._text
        prefix = PREFIX.match(text, close) if found.kind == "ipv4" else None
        if prefix and (ranged := network(found.value + prefix[0])):
            self._add(ranged, begin, prefix.end())
            return prefix.end()
        port = PORT.match(text, close)
        behind = port.end() if port else close
        path = None if port and "/" in port[0] else PATH.match(text, behind)
        tail = urls.trimmed(path[0]) if path and (not doubt or self._fanged.touched(begin, behind)) else ""
        if len(tail) < 2 or self._is_name(tail[1:]):
            self._add_name(found, doubt, begin, close, port and port[1])
            return behind
        if len(tail) > urls.MAX_URL_LENGTH:
            self._findings.reject(TOO_LONG)
        else:
            url = Indicator("url", f"{found.value}{text[close:behind]}{tail}", found.reserved)
            self._add(url, begin, behind + len(tail), doubt=doubt if found.kind == "domain" else "")
        return path.end() if path else behind

    def _add_name(self, found: Indicator, doubt: str, begin: int, close: int, port: str | None = None) -> None:
        if found.kind == "ipv4":
            if port or self._fanged.touched(begin, close):
                doubt = ""
            elif self._wording.is_version(begin, close):
                doubt = MAYBE_VERSION
        self._add(found, begin, close, port, doubt)

    def _is_name(self, word: str) -> bool:
        """`a.example/b.example` are two names."""
        if "/" in word or len(word) > MAX_NAME_LENGTH:
            return False
        reading = self._reading(word, deliberate=False)
        return reading.indicator is not None and not reading.doubt

    def _address(self, word: str) -> Indicator | None:
        if word not in self._addresses:
            self._addresses[word] = address(word)
        return self._addresses[word]

    def _reading(self, word: str, deliberate: bool) -> Reading:
        known = self._readings.get((word, deliberate))
        if known is None:
            known = self._readings[word, deliberate] = read_name(word, deliberate)
        return known


def _is_whole(word: str) -> bool:
    """Whether hexadecimal parts suffice for an IPv6 address; times of day and hardware addresses are none."""
    full = word.count(":") == (6 if "." in word else 7)
    return len(word) > 2 and ("::" in word or full) and not OCTETS.fullmatch(word)


def _others(word: str, reading: Reading) -> re.Pattern[str] | None:
    """How to look for names inside a word that is none as a whole."""
    if not word.isascii() and (reading.indicator is None or UNSPACED.search(word)):
        return ASCII_NAME
    if reading.indicator is None and "-" in word and JOINED.match(word):
        return JOINED
    return None
