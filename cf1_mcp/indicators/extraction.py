"""Extract indicators from a text, such as a vendor's report.

One pass from left to right, in time linear in the text: no pattern backtracks, and none starts again inside what was
already rejected.
"""

import re
from typing import Final
from urllib.parse import unquote

from cf1_mcp.errors import BadArgument
from cf1_mcp.indicators import kinds, urls
from cf1_mcp.indicators.classification import MAX_LOCAL_PART_LENGTH, classify_subjects, classify_url
from cf1_mcp.indicators.collector import Extraction, IndicatorCollector
from cf1_mcp.indicators.dotted_words import (
    IMPOSSIBLE,
    MAYBE_PATH,
    MAYBE_VERSION,
    NO_SUFFIX,
    TOO_LONG,
    interpret_word,
    may_be_ipv6,
    pattern_of_parts,
)
from cf1_mcp.indicators.escapes import ReadableText
from cf1_mcp.indicators.hosts import MAX_HOST_LENGTH, parse_address, parse_network
from cf1_mcp.indicators.kinds import HASHES, Indicator
from cf1_mcp.indicators.patterns import (
    BIDI_CONTROL,
    BRACKETED_PORT,
    CANDIDATE,
    NAME_PART,
    PATH,
    PORT,
    PREFIX_LENGTH,
)
from cf1_mcp.indicators.surrounding_words import SurroundingWords
from cf1_mcp.indicators.wrapped_links import inner_urls, is_reference_site, path_words

# Characters. A little more than a million, so that either meaning of "1 MB" works.
MAX_TEXT_LENGTH: Final = 2**20
HAS_BIDI_CONTROL: Final = "contains a character that changes the direction of the text"
MAYBE_CODE: Final = "may be program code: an IPv6 address without a digit"
OTHER_LENGTH: Final = "hexadecimal of unknown length"


def extract(text: str) -> Extraction:
    """Return the indicators of a text of at most a megabyte.

    Raises:
        BadArgument: the text is longer, or contains more than 10,000 different indicators.
    """
    if len(text) > MAX_TEXT_LENGTH:
        raise BadArgument(
            "text", f"{len(text):,} characters are too many", f"at most 1 MB ({MAX_TEXT_LENGTH:,} characters)"
        )
    return _Extractor(text).extract()


class _Extractor:
    """Extracts the indicators of one text. Positions are those of the refanged text unless they are called offsets.

    The methods that read a candidate return the position at which to continue.
    """

    def __init__(self, text: str) -> None:
        self._original = text
        self._readable = ReadableText(text)
        self._text = self._readable.text
        self._has_bidi_control = BIDI_CONTROL.search(text) is not None
        self._collector = IndicatorCollector()
        self._words = SurroundingWords(self._text)

    def extract(self) -> Extraction:
        position = 0
        while found := CANDIDATE.search(self._text, position):
            position = self._read(found)
        return self._collector.extraction()

    def _read(self, found: re.Match[str]) -> int:
        kind = found.lastgroup or ""
        word, (start, end) = found[kind], found.span(kind)
        match kind:
            case "name":
                return self._read_name(found)
            case "url":
                self._read_url(word, start)
            case "v6":
                return self._read_ipv6(word, start)
            case "hex":
                self._read_hash(word, start)
            case "hash_word":
                self._words.note_hash_word(word, end)
            case "cve":
                self._add(kinds.parse_cve(word), start, end)
            case "asn":
                self._add(kinds.parse_asn(word), start, end)
            case _:
                self._add(kinds.parse_ja4(word), start, end)
        return end

    def _add(
        self,
        indicator: Indicator | None,
        start: int,
        end: int,
        port: str | None = None,
        doubt: str = "",
        *,
        is_reference: bool = False,
    ) -> None:
        if indicator is None:
            return
        offset = self._readable.original_position(start)
        if (
            self._has_bidi_control
            and not doubt
            and BIDI_CONTROL.search(self._original, offset, self._readable.original_position(end - 1))
        ):
            doubt = HAS_BIDI_CONTROL
        valid_port = int(port) if port and int(port) <= urls.MAX_PORT else None
        defanged = self._readable.is_defanged(start, end)
        self._collector.add(
            indicator, offset, defanged=defanged, port=valid_port, doubt=doubt, is_reference=is_reference
        )

    def _read_hash(self, word: str, start: int) -> None:
        end = start + len(word)
        if len(word) not in HASHES:
            return self._collector.reject(OTHER_LENGTH)
        if len(word) == 32 and self._words.is_ja3(start, end):
            return self._add(Indicator("ja3", word.lower()), start, end)
        return self._add(kinds.parse_hash(word), start, end)

    def _read_ipv6(self, word: str, start: int) -> int:
        end = start + len(word)
        text = self._text
        if text[end : end + 1].isalnum():
            # The last part is the start of another word, as in `cc:bcc:evil.example`.
            return start + word.rindex(":") + 1
        core = word if word.endswith("::") else word.rstrip(":")
        found = parse_address(core) if may_be_ipv6(core) else None
        address, _, port = core.rpartition(".")
        if found is None and ":" in address and may_be_ipv6(address):
            # As tcpdump writes ports.
            self._add(parse_address(address), start, start + len(core), port)
            return end
        if found is None:
            return end
        close = start + len(core)
        prefix = PREFIX_LENGTH.match(text, close)
        if prefix:
            network = parse_network(core + prefix[0])
            self._add(network, start, prefix.end())
            self._collector.reject("" if network else IMPOSSIBLE)
            return prefix.end()
        port = BRACKETED_PORT.match(text, close) if text[start - 1 : start] == "[" else None
        is_code = not any(char.isdigit() for char in core) and not self._readable.is_defanged(start, close)
        self._add(found, start, close, port and port[1], MAYBE_CODE if is_code else "")
        return port.end() if port else end

    def _read_url(self, word: str, start: int) -> None:
        url = urls.trim_url(word)
        parts = urls.parse_url(url) if len(url) <= urls.MAX_URL_LENGTH else None
        if parts is None:
            return self._collector.reject(TOO_LONG if len(url) > urls.MAX_URL_LENGTH else "")
        end = start + len(url)
        if parts.host.lower() == "localhost":
            return self._add(Indicator("url", parts.with_host("localhost"), reserved=True), start, end)
        written = unquote(parts.host).rstrip(".") if ":" not in parts.host else parts.host
        name = interpret_word(written, deliberate=True)
        host = parse_address(parts.host) if ":" in parts.host else name.indicator
        if host is None or not name.whole or name.port:
            return self._collector.reject(name.doubt or NO_SUFFIX)
        doubt = name.doubt if host.kind == "domain" else ""
        if doubt and not self._readable.is_defanged(start, end):
            return self._collector.reject(NO_SUFFIX)
        return self._add_url(Indicator("url", parts.with_host(host.value), host.reserved), start, end, doubt)

    def _add_url(self, url: Indicator, start: int, end: int, doubt: str) -> None:
        """Add a link, the addresses inside of it, and the indicator that it is a page about."""
        parts = urls.parse_url(url.value)
        is_reference = parts is not None and is_reference_site(parts.host)
        self._add(url, start, end, doubt=doubt, is_reference=is_reference)
        for inner in inner_urls(url.value):
            self._add(classify_url(urls.trim_url(inner)), start, end)
        if parts is not None and is_reference:
            for subject in classify_subjects(path_words(parts.rest)):
                self._add(subject, start, end)

    def _read_name(self, found: re.Match[str]) -> int:
        word, start, end = found["name"], found.start("name"), found.end()
        if mail := found["mail"] or found["mail_only"]:
            return self._read_email(word[: -len(mail)], mail[1:], start)
        if self._text[start - 1 : start] == "%":
            # Skip the two digits of an escape such as %2F.
            word, start = word[2:], start + 2
        if "+" not in word and ".." not in word:
            return self._read_dotted_word(word, start)
        for part in NAME_PART.finditer(word):
            end = self._read_dotted_word(part[0], start + part.start())
        return max(end, found.end())

    def _read_email(self, local: str, host: str, start: int) -> int:
        end = start + len(local) + 1 + len(host)
        host = host.rstrip("._-")
        close = start + len(local) + 1 + len(host)
        name = interpret_word(host, deliberate=True)
        indicator = name.indicator
        if indicator is None or len(local) > MAX_LOCAL_PART_LENGTH or local == "git":
            self._collector.reject(name.doubt)
        elif indicator.kind == "ipv4" or not local.strip("._"):
            # A login on a host, as for ssh, or a sign around a name.
            self._add(indicator, close - len(host), close)
        elif not name.doubt or self._readable.is_defanged(start, close):
            value = f"{local.strip('._').lower()}@{indicator.value}"
            self._add(Indicator("email", value, indicator.reserved), start, close, doubt=name.doubt)
        else:
            self._collector.reject(NO_SUFFIX)
        return end

    def _read_dotted_word(self, word: str, start: int, *, split: bool = True) -> int:
        end = start + len(word)
        core = word.lstrip("-.")
        begin = end - len(core)
        core = core.rstrip("-.")
        if core.endswith("_"):
            core, begin = core.strip("_"), begin + len(core) - len(core.lstrip("_"))
        core = self._words.without_service(core, begin)
        close = begin + len(core)
        name = interpret_word(core, self._readable.is_defanged(begin, close))
        parts = pattern_of_parts(core, name) if split else None
        if parts is not None:
            for part in parts.finditer(core):
                self._read_dotted_word(part[0], begin + part.start(), split=False)
            return end
        if name.indicator and name.port:
            is_flow = self._words.is_flow(begin, close) or self._readable.is_defanged(begin, close)
            self._add(name.indicator, begin, close, name.port, "" if is_flow else name.doubt)
        elif name.indicator is None:
            self._reject_word(core, begin, name.doubt)
        elif name.whole and close == end:
            return self._add_with_suffix(name.indicator, name.doubt, begin, close)
        else:
            self._add_host(name.indicator, name.doubt, begin, close)
        return end

    def _reject_word(self, core: str, begin: int, reason: str) -> None:
        if found := kinds.parse_hash(core.partition(".")[0]):
            # A file that is named by its hash, or a sentence that starts directly after one.
            self._read_hash(found.value, begin)
        elif self._text[begin - 1 : begin] != "\\":
            self._collector.reject(TOO_LONG if len(core) > MAX_HOST_LENGTH else reason)

    def _add_with_suffix(self, found: Indicator, doubt: str, begin: int, close: int) -> int:
        """Add a name or address together with what directly follows it: a prefix length, a port, a path."""
        text = self._text
        prefix = PREFIX_LENGTH.match(text, close) if found.kind == "ipv4" else None
        if prefix and (network := parse_network(found.value + prefix[0])):
            self._add(network, begin, prefix.end())
            return prefix.end()
        if prefix:
            self._collector.reject(IMPOSSIBLE)
            return prefix.end()
        port = PORT.match(text, close)
        after = port.end() if port else close
        path = None if port and "/" in port[0] else PATH.match(text, after)
        tail = urls.trim_url(path[0]) if path and (not doubt or self._readable.is_defanged(begin, after)) else ""
        if len(tail) < 2 or self._is_name(tail[1:]) or self._words.is_listed(begin):
            self._add_host(found, doubt, begin, close, port and port[1])
            return after
        if len(tail) > urls.MAX_URL_LENGTH:
            self._collector.reject(TOO_LONG)
        else:
            url = Indicator("url", f"{found.value}{text[close:after]}{tail}", found.reserved)
            self._add_url(url, begin, after + len(tail), doubt if found.kind == "domain" else "")
        return path.end() if path else after

    def _add_host(self, found: Indicator, doubt: str, begin: int, close: int, port: str | None = None) -> None:
        if found.kind == "ipv4":
            if port or self._readable.is_defanged(begin, close):
                doubt = ""
            elif self._words.is_version(begin, close):
                doubt = MAYBE_VERSION
        elif self._text[begin - 1 : begin] == "\\" and not self._readable.is_defanged(begin, close):
            # The host of a share is a name.
            doubt = doubt or ("" if self._text[begin - 2 : begin] == "\\\\" else MAYBE_PATH)
        self._add(found, begin, close, port, doubt)

    def _is_name(self, word: str) -> bool:
        """Whether the path after a name is another name: `a.example/b.example`."""
        if "/" in word or len(word) > MAX_HOST_LENGTH:
            return False
        name = interpret_word(word, deliberate=False)
        return name.indicator is not None and (not name.doubt or name.indicator.kind == "ipv4")
