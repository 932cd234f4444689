"""The one function that reads indicators as people write them: in a list, a filter, a field, a cell or an argument.

What is equal here finds each other. A text of one indicator may have a label, a list mark, punctuation or a port around
it; a text of several is all of them; a link that contains another address is both.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final, Literal

from cf1_mcp.errors import BadArgument
from cf1_mcp.indicators.classification import LINE_END, classify, classify_as, classify_subject, classify_subjects
from cf1_mcp.indicators.encodings import decode_entities
from cf1_mcp.indicators.escapes import decode_all
from cf1_mcp.indicators.extraction import extract
from cf1_mcp.indicators.hosts import parse_range
from cf1_mcp.indicators.kinds import HASHES, Indicator, Kind
from cf1_mcp.indicators.patterns import INVISIBLE
from cf1_mcp.indicators.spellings import other_spellings
from cf1_mcp.indicators.type_names import type_meaning
from cf1_mcp.indicators.urls import MAX_URL_LENGTH, parse_url, trim_end, trim_url
from cf1_mcp.indicators.wrapped_links import inner_urls, is_reference_site, path_words
from cf1_mcp.text.defang import refang_indicator

MAX_UNDRESSINGS: Final = 12
# Of a text that is read as a list of indicators. A longer one is a text, for `extract`.
MAX_LENGTH: Final = 20_000
# What may stand around one indicator.
_OPENING: Final = " \t\r\n\"'`\u201c\u201d\u2018\u2019\u00ab\u00bb<({[|,;*_~"
_CLOSING: Final = _OPENING + ">)}].!?:\\\u2026\u3002\uff0c"
_LIST_MARK: Final = re.compile(
    r"(?:[-+*#>\u2022\u2023\u25e6\u2013\u2014\u00b7]+|\(?\d{1,4}[.)]|\(?[a-zA-Z][.)])\s+|\[[ xX]?\]\s*"
)
_LABEL: Final = re.compile(r"(?P<label>[^\W\d_][\w /()-]{0,40}?)\s*(?P<mark>::?|=>?|->|\u2192)(?P<blank>\s*)")
# Digests that no kind of its own is for: SHA-224, SHA-384, and those of fuzzy hashing.
_OTHER_HASH: Final = re.compile(r"[0-9A-Fa-f]{16,128}|[0-9A-Za-z+/:]{20,160}")
_ADDRESS: Final = re.compile(r"(?:https?|hxxps?|ftp)\[?:", re.IGNORECASE | re.ASCII)
_PORT_WORD: Final = re.compile(r"\s+(?:on\s+)?port\s+\d{1,5}\Z|(?<=[0-9\]])\s+\d{1,5}/(?:tcp|udp)\Z", re.IGNORECASE)
_MARKDOWN: Final = re.compile(r"!?\[(?P<text>[^\[\]]*)\]\(\s*<?(?P<target>[^\s<>]*?)>?(?:\s+[\"'(].*)?\s*\)")
_MAILTO: Final = re.compile(r"mailto:(?P<address>[^?]+)(?:\?.*)?", re.IGNORECASE | re.DOTALL)
_RANGE: Final = re.compile(r"([0-9A-Fa-f.:]{2,45})\s*[-\u2013]\s*([0-9A-Fa-f.:]{2,45})")
_ITEMS: Final = re.compile(r"\s*[,;|\t\r\n]+\s*")
_CONNECTED: Final = re.compile(r"[,;](?=\s*[A-Za-z][A-Za-z0-9+.-]*(?:\[?:\]?//|\[://\]))")
_MARKUP: Final = re.compile(r"[{}()<>\"^=|]")
# What an encoding of a text in ASCII begins with, or the end of a line inside of a hash.
_ENCODED: Final = re.compile(r"[\\=&%\x1b^\n]")
_WORDS: Final = re.compile(r"[\s,;|]+")
_CONNECTING: Final = frozenset("& + - -> / = => > and et or oder und y \u2013 \u2014 \u2192".split())  # noqa: SIM905
# Labels that may stand directly before a value. A label that a space follows may be any word.
_LABELS: Final = frozenset(
    """attacker callback c2 c2s cc cnc command contact dest destination dst from indicator indicators ioc iocs local
    malware name observable origin peer phishing remote resolves source src to value victim website""".split()  # noqa: SIM905
)


@dataclass(frozen=True, slots=True)
class ReadIndicator:
    """One indicator of a text.

    `kind` is `other` for a value of no known kind, such as a mutex or a wallet, which is kept as written without what
    stands around it. `written` is the text that it was read from. `spellings` are other forms that a server may have
    stored, the written one among them. `is_inner` is an address inside of another one, and `is_reference` a page about
    an indicator.
    """

    kind: Kind | Literal["other"]
    value: str
    written: str
    spellings: tuple[str, ...] = ()
    is_inner: bool = False
    is_reference: bool = False

    @property
    def indicator(self) -> Indicator | None:
        return None if self.kind == "other" else Indicator(self.kind, self.value)


def read_indicator(text: str, type_name: str = "") -> ReadIndicator | None:
    """Return the one indicator of a text; None if it has several, or none of the kinds that its type has.

    A type that may have any text as a value, or that only the account knows, keeps the text as it is.
    """
    meaning = type_meaning(type_name) if type_name.strip() else None
    if type_name.strip() and (meaning is None or not meaning.kinds):
        plain = refang_indicator(text)
        return ReadIndicator("other", plain, text.strip()) if plain else None
    if meaning:
        for form in _forms(text):
            if found := classify_as(form, meaning.kinds):
                return _read(found, text)
        if len(meaning.kinds) == len(HASHES) and _OTHER_HASH.fullmatch(plain := refang_indicator(text)):
            return ReadIndicator("other", plain, text.strip())
    outer = [one for one in read_indicators(text) if not one.is_inner]
    is_one = len(outer) == 1 and (meaning is None or outer[0].kind in meaning.kinds)
    return outer[0] if is_one else None


def read_indicators(text: str) -> tuple[ReadIndicator, ...]:
    """Return every indicator of a text, each once. What is not one is of the kind `other`; only blanks are nothing."""
    found = dict.fromkeys(_read_text(text)) if len(text) <= MAX_LENGTH else {_other(text): None}
    return tuple(one for one in found if one.value)


def _read_text(text: str) -> list[ReadIndicator]:
    if "://" not in text and (listed := _read_listed(text)):
        return listed
    if whole := _read_whole(text):
        return whole
    decoded = _decode(text)
    items = [item for part in _CONNECTED.split(decoded) for item in _ITEMS.split(part) if item.strip(_CLOSING)]
    if len(items) > 1:
        return [one for item in items for one in _read_item(item)]
    return _read_item(decoded) if items else [_other(text)]


def _read_listed(text: str) -> list[ReadIndicator]:
    """Return the indicators of a list without blanks, which may look like one path; nothing if it is not a list."""
    items = [_read_whole(item) for item in _ITEMS.split(text) if item]
    return [one for item in items for one in item] if len(items) > 1 and all(items) else []


def _read_item(item: str) -> list[ReadIndicator]:
    if whole := _read_whole(item):
        return whole
    words = [word for word in _WORDS.split(item) if word]
    found: list[ReadIndicator] = []
    if len(words) > 1:
        for word in words:
            one = _read_whole(word)
            if not one and not _is_connecting(word):
                return _find_in_prose(item) or [_other(item)]
            found += one
    elif _MARKUP.search(item):
        found = _find_in_prose(item)
    return found or [_other(item)]


def _read_whole(text: str) -> list[ReadIndicator]:
    """Return the indicator that a text is, and those inside of it; nothing if it is not a single one."""
    if ends := _RANGE.fullmatch(text.strip(_CLOSING)):
        return [_read(one, one.value) for one in parse_range(*ends.groups())]
    if link := _MARKDOWN.fullmatch(text.strip(" \t\r\n*_-")):
        target = _read_whole(link["target"])
        shown = _read_whole(link["text"])
        return [*target, *(one for one in shown if one.value not in {two.value for two in target})]
    for form in _forms(text):
        if found := classify(form):
            return [*_with_inner(found, text)]
    return []


def _forms(text: str) -> Iterable[str]:
    """Yield a text, decoded and with less and less around it."""
    word = trim_end(LINE_END.sub("", decode_entities(text).text.strip()))
    tried: set[str] = set()
    for _ in range(MAX_UNDRESSINGS):
        if word and word not in tried:
            tried.add(word)
            yield word
        shorter = _undress(word)
        if shorter == word:
            break
        word = shorter


def _undress(text: str) -> str:
    """Return a text without the outermost thing that is around it."""
    word = _decode(text).strip()
    word = _PORT_WORD.sub("", trim_end(LINE_END.sub("", word)))
    if mail := _MAILTO.fullmatch(word):
        return mail["address"]
    if mark := _LIST_MARK.match(word):
        return word[mark.end() :]
    if label := _LABEL.match(word):
        rest = word[label.end() :]
        if rest and (
            label["blank"]
            or _ADDRESS.match(rest)
            or _is_label(label["label"])
            or classify_subject(rest.strip(_CLOSING))
        ):
            return rest
    if word.startswith("[") and "]:" in word:
        return word
    if word.startswith("//"):
        return word.removeprefix("//")
    if "://" in word:
        trimmed = trim_url(word.lstrip(_OPENING)).rstrip("\"'`>]|\u201d\u2019\u00bb\\")
        return trimmed if trimmed != word else word
    # A mark of one kind after the other, so that a bracket around a value with a mark is found too.
    stripped = word.lstrip(_OPENING).rstrip(_CLOSING)
    return stripped or word


def _is_label(label: str) -> bool:
    words = label.lower().replace("/", " ").split()
    return any(word in _LABELS or type_meaning(word) for word in words) or type_meaning(label) is not None


def _is_connecting(word: str) -> bool:
    return word.lower() in _CONNECTING or not word.strip(_CLOSING + "-") or _is_label(word.rstrip(":="))


def _decode(text: str) -> str:
    return text if text.isascii() and not _ENCODED.search(text) else decode_all(text)[-1].text


def _find_in_prose(text: str) -> list[ReadIndicator]:
    """Return the indicators of a text with other words, which say what they are."""
    try:
        found = extract(text)
    except BadArgument:
        return []
    return [_read(one.indicator, one.indicator.value) for one in found.indicators]


def _with_inner(found: Indicator, text: str) -> Iterable[ReadIndicator]:
    if found.kind != "url":
        yield _read(found, text)
        return
    parts = parse_url(found.value)
    is_reference = parts is not None and is_reference_site(parts.host)
    subjects = classify_subjects(path_words(parts.rest)) if parts and is_reference else []
    yield _read(found, text, is_reference=is_reference and any(subjects))
    inner = [classify(trim_url(url)) for url in inner_urls(found.value)]
    for one in dict.fromkeys([*inner, *subjects]):
        if one and one != found:
            yield _read(one, one.value, is_inner=True)


def _read(found: Indicator, text: str, *, is_inner: bool = False, is_reference: bool = False) -> ReadIndicator:
    written = text.strip()
    # A server may have the value as it was written, but not with its label or list mark.
    plain = refang_indicator(INVISIBLE.sub("", text)).rstrip(".,;")
    own = [plain] if plain != found.value and len(plain) <= MAX_URL_LENGTH and classify(plain) == found else []
    spellings = tuple(dict.fromkeys([*own, *other_spellings(found)]))
    return ReadIndicator(found.kind, found.value, written, spellings, is_inner, is_reference)


def _other(text: str) -> ReadIndicator:
    plain = refang_indicator(text)
    return ReadIndicator("other", plain, text.strip())
