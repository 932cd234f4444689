"""Hygiene of untrusted text. Event text is written by attackers; whatever is shown of it passes through here.

`clean` makes a text harmless wherever it is rendered. `defang` and `refang` write indicators so that nothing links
them, and back. Every pattern here takes time linear in the text.
"""

import re
from itertools import groupby
from typing import Final

# Letters and marks that Unicode calls printable although nothing is seen of them: fillers, joiners, selectors.
_UNSEEN = re.compile(
    "[\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180f\u2800\u3164\ufe00-\ufe0f\uffa0\U000e0100-\U000e01ef]"
)
_NAMED = {"\t": "\\t", "\n": "\\n", "\r": "\\r"}

# What a renderer acts on: images, links and their definitions, HTML and autolinks, fences, bare addresses.
_MARKS = r"(?P<image>!(?=\[))|(?P<link>\](?=[(\[:]))|(?P<html><(?=[A-Za-z/!?|<]))|(?P<fence>`{3,}|~{3,})"
_MARKUP = re.compile(_MARKS)
# Most texts hold nothing of the kind, and one look tells that.
_SUSPECT = re.compile("[.@!<\\]`~\u3002\uff0e\uff61]|://")
_ARMED = re.compile(_MARKS + r"|(?P<scheme>h(?:tt|xx)ps?)?(?P<slashes>://)|(?P<www>\bwww\.)", re.IGNORECASE)
_NAME = re.compile(r"(?<![\w.+-])(?P<name>[\w.+-]+)(?=@(?P<domain>[\w-]+(?:\.[\w-]+)+))")
# How far past its cut a text is looked at, so that an address across the cut is still seen as one.
MAX_ADDRESS_LENGTH: Final = 320
# How many unseen characters in a row are shown by their codes.
MAX_CODES: Final = 8

_DOTTED = re.compile(r"[\w-]+(?:[.\u3002\uff0e\uff61][\w-]+)+")
_DOTS = re.compile(r"[.\u3002\uff0e\uff61]")
_WEB = re.compile(r"\bhttp(?=s?://)", re.IGNORECASE)
_AT = re.compile(r"(?<=\w)@(?=\w)")

# The ways in which reports write what must not be clicked. Markdown escapes the brackets in turn: `\[.\]`. One class of
# first characters stands before all else, and each way looks back at its own: so most of a text is passed over quickly.
_OPENED, _CLOSE = r"(?:(?<=[\[({])|(?<=\\)[\[({])\s?", r"\s?\\?[\])}]"
_SPACED = rf"(?:(?<= )\\?[\[({{]\s?|{_OPENED})"
_SLASH = r"(?:\\?/|\[/\])"
_SLASHES = rf"(?:\[\s?://\s?\]|(?:\\?[\[({{]\s?:{_CLOSE}|:)(?:{_SLASH}{{2}}|\[//\]))"
DEFANGED: Final = re.compile(
    rf"[hHfF:\[({{ <\\.](?i:(?<=h)(?<!\w.)(?P<web>(?:xx|\*\*|__|tt|x{{3,}})p(?P<secure>s?){_SLASHES})"
    rf"|(?<=f)(?<!\w.)(?P<file>xp(?P<shielded>s?){_SLASHES})"
    rf"|(?P<slashes>(?<=\[)\s?://\s?\]|(?:{_OPENED}:{_CLOSE}|(?<=:))(?:{_SLASH}{{2}}|\[//\]))"
    rf"|(?P<dot>{_SPACED}(?:\.|dot|punkt){_CLOSE} ?|(?<=<)\.>|(?<=\\)\.|(?<=\[)\.(?=\w)|(?<=\w\.)\])"
    rf"|(?P<at>{_SPACED}(?:@|at){_CLOSE} ?)"
    r"|(?:(?<=\[)|(?<=\\)\[)(?P<other>[:/])\\?\])"
)
_WRAPPING: Final = " \t\r\n<>\"'`\u201c\u201d\u2018\u2019\u00ab\u00bb"

FORMULA: Final = ("=", "+", "-", "@")


def clean(text: str, most: int, *, keep: str = "", value: bool = False) -> str:
    """One line of harmless text of at most `most` characters; what is cut is counted.

    Unseen characters are shown by their codes; Markdown images and links, HTML, fences and live addresses are disarmed;
    e-mail addresses of people are masked, save `keep`. A `value` (an indicator, a query) stays true: of it only
    unseen characters are shown and the length is held, and `defang` comes when it is shown as text.
    """
    shown = visible(text[: most + MAX_ADDRESS_LENGTH])
    if not value:
        shown = masked(disarmed(shown), keep)
    if len(text) <= most and len(shown) <= most:
        return shown
    kept = shown[: most - 1]
    return f"{kept}… (+{max(len(text), len(shown)) - len(kept)} characters)"


def visible(text: str) -> str:
    """The text on one line, with a code for each character that would not be seen."""
    if text.isprintable() and (text.isascii() or not _UNSEEN.search(text)):
        return text
    shown: list[str] = []
    for seen, run in groupby(text, key=_is_seen):
        chars = "".join(run)
        # Whole messages are hidden in characters that nobody sees; a few codes tell that as well as all of them.
        kept = chars if seen else chars[:MAX_CODES]
        shown += [_visible(char) for char in kept]
        shown += [f"(+{len(chars) - len(kept)} unseen)"] if len(kept) < len(chars) else []
    return "".join(shown)


def disarmed(text: str, *, links: bool = True) -> str:
    """The text without what a renderer would load, link, run or take for the end of a block.

    With `links` off, bare addresses stay as they are.
    """
    if not _SUSPECT.search(text):
        return text
    return (_ARMED if links else _MARKUP).sub(_harmless, text)


def masked(text: str, keep: str = "") -> str:
    """The text without the names in e-mail addresses; `keep` is an address that stays."""
    if "@" not in text:
        return text
    return _NAME.sub(lambda found: found[0] if f"{found[0]}@{found['domain']}" == keep else "***", text)


def defang(text: str) -> str:
    """The text with its addresses written so that nothing links them: `hxxps://mail[.]example[.]com`."""
    if _SUSPECT.search(text):
        return _AT.sub("[@]", _DOTTED.sub(_undotted, _WEB.sub("hxxp", text)))
    return text


def refang(text: str) -> str:
    """The text with its addresses as they are used, from any of the ways in which reports defang them."""
    return DEFANGED.sub(plain, text)


def plain(found: re.Match[str]) -> str:
    """What stands for a match of DEFANGED in an address as it is used."""
    match found.lastgroup:
        case "web":
            return f"http{found['secure'].lower()}://"
        case "file":
            return f"ftp{found['shielded'].lower()}://"
        case "slashes":
            return "://"
        case "dot":
            return "."
        case "at":
            return "@"
        case _:
            return found["other"]


def typed_indicator(text: str) -> str:
    """An indicator as it is used, from one as people type or paste it: defanged, quoted, between angle brackets."""
    return refang(text.strip(_WRAPPING)).strip(_WRAPPING)


def cell(text: str) -> str:
    """A cell that no spreadsheet takes for a formula."""
    return f"'{text}" if text.startswith(FORMULA) else text


def _is_seen(char: str) -> bool:
    return char.isprintable() and not _UNSEEN.match(char)


def _visible(char: str) -> str:
    if char.isprintable() and not _UNSEEN.match(char):
        return char
    if char.isspace() and char not in "\t\n\r\v\f\x1c\x1d\x1e\x1f\x85\u2028\u2029":
        return " "
    return _NAMED.get(char) or (f"\\u{ord(char):04x}" if ord(char) < 0x10000 else f"\\U{ord(char):08x}")


def _harmless(found: re.Match[str]) -> str:
    match found.lastgroup:
        case "fence":
            return found[0][:3].replace("`", "'").replace("~", "-")
        case "www":
            return f"{found[0][:-1]}[.]"
        case "slashes":
            scheme = found["scheme"]
            return f"{scheme.lower().replace('tt', 'xx')}://" if scheme else "[:]//"
        case _:
            # A space parts what only works together: `! [`, `] (`, `< img`.
            return f"{found[0]} "


def _undotted(found: re.Match[str]) -> str:
    """Host names and IPv4 addresses; numbers such as 1.5 and techniques such as T1566.002 are neither."""
    labels = _DOTS.split(found[0])
    address = len(labels) >= 4 and all(label.isdecimal() for label in labels)
    host = any(len(label) > 1 and not label[-1].isdecimal() for label in labels[1:])
    return "[.]".join(labels) if address or host else found[0]
