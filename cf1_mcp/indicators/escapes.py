"""Text inside text: escapes of JSON and program code in logs, and quoted-printable of mails, decoded with positions."""

import re
import unicodedata
from typing import Final

from cf1_mcp.indicators.encodings import (
    decode_encoded_words,
    decode_entities,
    decode_percent,
    decode_terminal,
    decode_wide,
    join_hashes,
    separate,
)
from cf1_mcp.indicators.patterns import BIDI_CONTROL, INVISIBLE
from cf1_mcp.indicators.text_mapping import MappedText
from cf1_mcp.text.defang import DEFANGED, refang_match

# Escapes that a reader sees as a break or a character. A word that follows `\n` does not begin with n.
# Paths have backslashes of their own, and are left as they are.
_ESCAPED: Final = re.compile(
    r"(?P<path>(?:(?<![\w\\])(?:[A-Za-z]:|%\w{1,40}%|HK[A-Z_]{2,24})|(?<!\S)\\(?=\\[\w.-]))\\[^\s\"'<>|*?,;]*+)"
    r"|(?<!\\)\\++(?:(?P<break>[ntrbfv0](?=[A-Za-z0-9\\\[({]))|x(?P<byte>[0-9A-Fa-f]{2})|u(?P<code>[0-9A-Fa-f]{4}))"
)
# Octets of quoted-printable, and the soft breaks of its lines.
_QUOTED: Final = re.compile(r"(?:=[0-9A-F]{2})+|=[ \t]*\r?\n")
_SOFT_BREAK: Final = re.compile(r"=[ \t]*\r?\n")
_QUOTED_HEADER: Final = re.compile(r"quoted-printable", re.IGNORECASE)
# A single space that was quoted, between words. `host=20bad.example` and `dst=203.0.113.7` are fields of a log.
_QUOTED_SPACE: Final = re.compile(r"(?<![\w.=/?&%:-])(?P<word>[A-Za-z]{1,30})(?P<space>=20|=09|=0D=0A|=0A)(?=[A-Za-z])")
_FIELD_NAMES: Final = frozenset(
    """addr address answer callback client cs_host daddr destination dest dhost dns domain dst dstip fqdn from host
    hostname http_host id indicator ioc ip ip_dst ip_src link mail md5 name peer qname query referer referrer remote
    remotehost rhost rcpt request saddr sender server server_name sha1 sha256 shost site sni source src srcip target to
    uri url user value""".split()  # noqa: SIM905
)
# An address whose sign was quoted. `host=40bad.example` is a field of a log.
_QUOTED_AT: Final = re.compile(r"(?<![\w.=/?&%:+-])(?P<word>[A-Za-z0-9][\w.+-]{0,63}+)=40(?=[A-Za-z0-9][\w-]*+\.)")
# What is left or right of a dot between spaces that belongs to a name: `evil [.] example [.] com`.
_CONNECTING: Final = r"(?:or|and|in|is|for|to|not|instead|oder|und|with|as)"
_DOT_BEFORE: Final = re.compile(
    rf"(?:[\[({{]\s?(?:\.|dot)\s?[\])}}]\s?|\w\.)(?!{_CONNECTING}\Z)[\w-]{{1,63}}\Z", re.IGNORECASE
)
_DOT_AFTER: Final = re.compile(
    rf"(?!{_CONNECTING}\s)(?:[\w-]{{1,63}}(?:\s?[\[({{]\s?(?:\.|dot)\s?[\])}}]|\.\w)"
    r"|(?:com|net|org|info|biz|example)(?![\w-]))",
    re.IGNORECASE,
)
_COMBINING: Final = re.compile(r"\w[\u0300-\u036f]+")


class ReadableText:
    """A text as a reader sees it: decoded, without invisible characters, and refanged. Positions are those of `text`.

    `text` is read; `original_position` returns where something is in the text that it was made of.
    """

    def __init__(self, original: str) -> None:
        layers = decode_all(original)
        self._refanged = MappedText.replace(layers[-1].text, DEFANGED, _refang)
        self.text = self._refanged.text
        # From the last change of the text to the first.
        self._layers = [one for one in (self._refanged, *reversed(layers)) if one.starts]

    def original_position(self, position: int) -> int:
        """Return where a position of the text is in the original."""
        for layer in self._layers:
            position = layer.original_position(position)
        return position

    def is_defanged(self, start: int, end: int) -> bool:
        """Whether anything between two positions was written defanged."""
        return self._refanged.has_replacement(start, end)


def _refang(found: re.Match[str]) -> str:
    # In "Dots are written [.] here" the brackets are the subject of the sentence.
    is_alone = found[0][0] == found[0][-1] == " " and found["dot"] and "." in found[0]
    if is_alone and not _DOT_AFTER.match(found.string, found.end()):
        before = found.string[max(0, found.start() - 80) : found.start()]
        return "." if _DOT_BEFORE.search(before) and found.string[found.end() : found.end() + 1].isalnum() else found[0]
    return refang_match(found)


def decode_all(text: str) -> list[MappedText]:
    """Return the steps from a text to the one that a reader sees, which is the last: decoded, nothing invisible."""
    layers: list[MappedText] = []
    for decode in _STEPS:
        layers.append(decode(layers[-1].text if layers else text))
    return layers


def decode_escapes(text: str) -> MappedText:
    """Return the text with the escapes of program code decoded."""
    if "\\" not in text:
        return MappedText(text)
    return MappedText.replace(text, _ESCAPED, _decode_escape)


def decode_quoted_printable(text: str) -> MappedText:
    """Return the text with quoted-printable decoded, if it is a text of that kind."""
    if "=" not in text:
        return MappedText(text)
    if "=3D" in text or _QUOTED_HEADER.search(text) or (_SOFT_BREAK.search(text) and "=20" in text):
        return MappedText.replace(text, _QUOTED, _decode_octets)
    spaced = MappedText.replace(text, _QUOTED_SPACE, _decode_space)
    return spaced if spaced.starts else MappedText.replace(text, _QUOTED_AT, _decode_at)


def compose(text: str) -> MappedText:
    """Return the text with letters and the accents behind them as one character."""
    if text.isascii():
        return MappedText(text)
    return MappedText.replace(text, _COMBINING, lambda found: unicodedata.normalize("NFC", found[0]))


def _decode_escape(found: re.Match[str]) -> str:
    if found["path"] is not None:
        return found[0]
    if found["break"]:
        return " "
    char = chr(int(found["byte"] or found["code"], 16))
    # Neither half a character nor a control character is part of an indicator. An invisible one may be inside of it.
    is_inside = char.isprintable() or (INVISIBLE.match(char) and not BIDI_CONTROL.match(char))
    return char if is_inside else " "


def _decode_octets(found: re.Match[str]) -> str:
    if found[0].endswith("\n"):
        return ""
    octets = bytes.fromhex(found[0].replace("=", ""))
    return octets.decode("utf-8", "replace")


def _decode_at(found: re.Match[str]) -> str:
    return found[0] if found["word"].lower() in _FIELD_NAMES else f"{found['word']}@"


def _remove_invisible(text: str) -> MappedText:
    return MappedText.replace(text, INVISIBLE, lambda _: "")


def _decode_space(found: re.Match[str]) -> str:
    return found[0] if found["word"].lower() in _FIELD_NAMES else f"{found['word']} "


_STEPS: Final = (
    decode_terminal,
    decode_encoded_words,
    decode_quoted_printable,
    decode_escapes,
    decode_entities,
    compose,
    decode_wide,
    decode_percent,
    _remove_invisible,
    join_hashes,
    separate,
)
