"""Encodings around indicators, decoded with positions: of web pages, mails, terminals, requests and other scripts."""

import binascii
import html
import re
from base64 import b64decode
from typing import Final
from urllib.parse import unquote

from cf1_mcp.indicators.kinds import ASN, CVE, HASHES
from cf1_mcp.indicators.text_mapping import MappedText

# Of encodings inside each other, as `%253A`.
MAX_DECODINGS: Final = 3
# Colours and moves of the cursor, as a terminal gets them, and as logs and program code write the escape character.
_TERMINAL: Final = re.compile(
    r"(?:\x1b|\\x1[bB]|\\u001[bB]|\\033|\\e|\^\[)(?:\[[0-9;?]{0,20}(?P<sign>[A-Za-z])|\]8;[^;\s]{0,99};|\\(?=\s|\Z|\w))"
)
_MARKS_OF_TERMINAL: Final = ("\x1b", "\\x1b", "\\x1B", "\\u001", "\\033", "\\e", "^[")
# A word of a mail's header (RFC 2047). Blanks between two of them do not belong to the text.
_ENCODED_WORD: Final = re.compile(
    r"=\?(?P<charset>[\w-]{1,40})(?:\*[\w-]{1,20})?\?(?P<form>[qQbB])\?(?P<text>[^?\s]{0,200})\?=(?:\s+(?==\?[\w-]))?"
)
_ENTITY: Final = re.compile(
    r"&(?:amp;)*(?:amp;|(?P<name>#[0-9]{1,7}|#[xX][0-9A-Fa-f]{1,6}|period|commat|colon|sol|quot|apos|lt|gt|nbsp|lbrack"
    r"|rbrack|lsqb|rsqb|hyphen|dash|lowbar|equals|quest|num|semi|comma|shy|zwj|zwnj|lpar|rpar|bsol|Tab|NewLine);)"
)
# Letters and digits of full width, mathematical digits, and dots that look like a full stop.
_WIDE: Final = re.compile(r"[\uff10-\uff19\uff21-\uff3a\uff41-\uff5a\U0001d7ce-\U0001d7ff\u2024\ufe52]+")
# What is in an address of its own is a part of it.
_PERCENT: Final = re.compile(
    r"(?P<whole>(?<!\w)[A-Za-z][A-Za-z0-9+-]{1,9}\[?:\]?//\S*+|(?<![\w.-])(?=[\w-]*+\.)[\w.-]++/\S*+)"
    r"|(?<![A-Za-z0-9])(?:https?|hxxps?|ftp)%(?:25)*3A(?:%(?:25)*2F){2}[^\s&\"'<>;,]++"
    r"|(?<![\w.%+-])[\w.+-]++(?:%(?:2[DE]|40)[\w.+-]++)++",
    re.IGNORECASE,
)
# Digits of a hash on more than one line. Two lines of 32 are two MD5 unless a word before them says otherwise.
_WRAPPED_HASH: Final = re.compile(
    r"(?:(?<!\w)sha[-_ ]?(?P<bits>1|256|512)[\s:=|\"'()*`-]{1,10}+)?(?<![\w.-])(?P<digest>[0-9A-Fa-f]{16,127}+"
    r"(?:[ \t]*+\r?\n[ \t]*+[0-9A-Fa-f]{8,127}+(?![\w.-]))++)",
    re.IGNORECASE,
)
_DIGITS_OF_BITS: Final = {"1": 40, "256": 64, "512": 128}
_BLANKS: Final = re.compile(r"\s+")
# Scripts without spaces between words: what is not a name cannot be told from the words around it otherwise.
_UNSPACED: Final = r"[\u0e00-\u0eff\u2e80-\u2fff\u3040-\ud7ff\uf900-\ufaff]"
_TOUCHING: Final = re.compile(
    rf"(?:(?<={_UNSPACED})|(?<![\w.+-]))(?:[0-9A-Fa-f]{{32,128}}+|{CVE}|{ASN})(?:(?={_UNSPACED})|(?![\w.-]))"
    rf"|(?<={_UNSPACED})(?P<scheme>https?|hxxps?|ftp)(?=\[?:\]?//)"
)


def decode_terminal(text: str) -> MappedText:
    """Return the text without the colours of a terminal; a move of the cursor is a space."""
    if not any(mark in text for mark in _MARKS_OF_TERMINAL):
        return MappedText(text)
    return MappedText.replace(text, _TERMINAL, lambda found: "" if found["sign"] in ("m", "K") else " ")


def decode_encoded_words(text: str) -> MappedText:
    """Return the text with the encoded words of mail headers decoded."""
    return MappedText.replace(text, _ENCODED_WORD, _decode_word) if "=?" in text else MappedText(text)


def decode_entities(text: str) -> MappedText:
    """Return the text with the character references of HTML decoded that may be in or around an indicator."""
    return MappedText.replace(text, _ENTITY, _decode_entity) if "&" in text else MappedText(text)


def decode_wide(text: str) -> MappedText:
    """Return the text with letters, digits and dots of other widths in ASCII."""
    import unicodedata

    if text.isascii():
        return MappedText(text)
    return MappedText.replace(text, _WIDE, lambda found: unicodedata.normalize("NFKC", found[0]))


def decode_percent(text: str) -> MappedText:
    """Return the text with percent-encoded addresses and names decoded, except inside of another address."""
    return MappedText.replace(text, _PERCENT, _decode_percent) if "%" in text else MappedText(text)


def join_hashes(text: str) -> MappedText:
    """Return the text with each hash on one line."""
    return MappedText.replace(text, _WRAPPED_HASH, _join_hash) if "\n" in text else MappedText(text)


def separate(text: str) -> MappedText:
    """Return the text with spaces around what touches a word of a script without spaces."""
    return MappedText(text) if text.isascii() else MappedText.replace(text, _TOUCHING, _separate)


def _decode_word(found: re.Match[str]) -> str:
    encoded = found["text"]
    try:
        if found["form"] in "bB":
            octets = b64decode(encoded + "=" * (-len(encoded) % 4))
        else:
            octets = binascii.a2b_qp(encoded.encode(), header=True)
        return _printable(octets.decode(found["charset"], "replace"))
    except (ValueError, LookupError):
        return " "


def _decode_entity(found: re.Match[str]) -> str:
    return _printable(html.unescape(f"&{found['name']};")) if found["name"] else "&"


def _decode_percent(found: re.Match[str]) -> str:
    text = found[0]
    if found["whole"]:
        return text
    for _ in range(MAX_DECODINGS):
        text = unquote(text)
    # The next parameter does not belong to an address that was one.
    return _printable(text) + " " * ("://" in text)


def _join_hash(found: re.Match[str]) -> str:
    parts = _BLANKS.split(found["digest"])
    joined = "".join(parts)
    if bits := found["bits"]:
        is_one = len(joined) == _DIGITS_OF_BITS[bits]
    else:
        is_one = len(joined) in HASHES and len(parts) == 2 and len(parts[1]) not in HASHES
    return found[0].replace(found["digest"], joined) if is_one else found[0]


def _separate(found: re.Match[str]) -> str:
    if found["scheme"]:
        return f" {found[0]}"
    around = found.string[max(0, found.start() - 1) : found.start()] + found.string[found.end() : found.end() + 1]
    return f" {found[0]} " if re.search(_UNSPACED, around) else found[0]


def _printable(text: str) -> str:
    """Return a text with spaces for what cannot be in an indicator, except for soft hyphens and the like."""
    return "".join(char if char.isprintable() or char in "\u00ad\u200b\u200c\u200d" else " " for char in text)
