"""Defanging: writing indicators so that nothing links them, and reading them back. All patterns take linear time."""

import re
from typing import Final

# What defanging changes. Most texts contain none of it, which one search detects.
_LINKABLE = re.compile("[.@\u3002\uff0e\uff61]|://")
_DOTTED = re.compile(r"[\w-]+(?:[.\u3002\uff0e\uff61][\w-]+)+")
# Seconds with decimals, as the end of a time: 10:00:15.812Z.
_SECONDS = re.compile(r"\d\d\.\d{1,9}[zZ]?")
_BEFORE_SECONDS = re.compile(r"\d\d:\d\d:")
_DOTS = re.compile(r"[.\u3002\uff0e\uff61]")
_WEB = re.compile(r"\bhttp(?=s?://)", re.IGNORECASE)
_AT = re.compile(r"(?<=\w)@(?=\w)")

# The ways in which reports defang. Markdown escapes the brackets in turn: `\[.\]`. The class of first characters and
# the look-behinds for each of them let the search pass over most of a text quickly.
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


def defang(text: str) -> str:
    """Return the text with its addresses defanged: `hxxps://mail[.]example[.]com`."""
    if not _LINKABLE.search(text):
        return text
    return _AT.sub("[@]", _DOTTED.sub(_defang_dots, _WEB.sub("hxxp", text)))


def refang(text: str) -> str:
    """Return the text with its true addresses, from any of the ways in which reports defang them."""
    return DEFANGED.sub(refang_match, text)


def refang_match(found: re.Match[str]) -> str:
    """Return the true text for a match of DEFANGED."""
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


def refang_indicator(text: str) -> str:
    """Return the true indicator from one that a person typed or pasted: defanged, quoted, between angle brackets."""
    return refang(text.strip(_WRAPPING)).strip(_WRAPPING)


def _defang_dots(found: re.Match[str]) -> str:
    """Defang host names and IPv4 addresses, but not numbers such as 1.5, techniques such as T1566.002 or times."""
    before = found.string[max(found.start() - 6, 0) : found.start()]
    if _SECONDS.fullmatch(found[0]) and _BEFORE_SECONDS.fullmatch(before):
        return found[0]
    labels = _DOTS.split(found[0])
    is_address = len(labels) >= 4 and all(label.isdecimal() for label in labels)
    is_host = any(len(label) > 1 and not label[-1].isdecimal() for label in labels[1:])
    return "[.]".join(labels) if is_address or is_host else found[0]
