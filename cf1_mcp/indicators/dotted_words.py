"""Words that contain dots: which are domain names or addresses, and why the others are not."""

import re
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

from cf1_mcp.indicators.hosts import is_top_level, normalize_dots, parse_address, parse_domain, public_suffix
from cf1_mcp.indicators.kinds import Indicator
from cf1_mcp.indicators.patterns import ADDRESS_RANGE, ASCII_NAME, EUI64, UNSPACED_SCRIPT

# Reasons why a word that looks like an indicator is rejected.
FILE_NAME: Final = "file name"
IMPOSSIBLE: Final = "impossible address"
NO_SUFFIX: Final = "no such top-level domain"
PACKAGE: Final = "package or product name"
PUBLIC_SUFFIX: Final = "public suffix alone"
SENTENCES: Final = "end of one sentence and start of the next"
TOO_LONG: Final = "too long"

# Reasons why a word is listed as ambiguous, for a person to decide.
MAYBE_FILE: Final = "may be a file name: its ending is a file extension and a top-level domain"
MAYBE_PATH: Final = "may be part of a file path: it follows a backslash"
MAYBE_VERSION: Final = "may be a version number"
UNKNOWN_SUFFIX: Final = "written as an indicator, but no such top-level domain is known"

# File extensions that are also top-level domains. Unless it is defanged, such a word may be a file.
_EXTENSION_DOMAINS: Final = frozenset("app cab cat dot java la map md mm mov one pl pm ps pub py rs sh so zip".split())  # noqa: SIM905
_EXTENSIONS: Final = frozenset(
    """7z apk asp aspx avi bak bat bin bmp bz2 c cer cfg chm class conf config cpl cpp cs csv dat db deb dll dmg doc
    docm docx dotm drv dylib elf eml exe gif gz h hta htm html ico img ini ipa iso jar jpeg jpg js jse json jsp key kt
    lnk lock log lua mp3 mp4 msg msi msix o ocx odt ost out pcap pcapng pdb pdf pem pfx php plist png ppt pptm pptx
    ps1 psd1 psm1 pst pyc pyd rar rb reg rpm rtf scr sct sql svg swf swift sys tar tgz tmp ts tsv txt url vba vbe vbs
    vhd vhdx vmdk wav webp wsf xll xls xlsb xlsm xlsx xml xz yaml yar yara yml""".split()  # noqa: SIM905
)
# Java and Android package names are reversed domains; .NET and similar names are capitalised.
_PACKAGE_PREFIXES: Final = frozenset({"com", "org", "net", "io", "edu", "gov", "java", "javax"})
_COMMON_SUFFIXES: Final = frozenset({"com", "net", "org"})
_PRODUCTS: Final = frozenset("ado.net asp.net java.io java.net socket.io system.io system.net vb.net".split())  # noqa: SIM905
MAX_PORT: Final = 65535
_PORT_NUMBER: Final = re.compile(r"[1-9][0-9]{0,4}")
_VERSION: Final = re.compile(r"[vV]\d+(?:\.\d+)+")


@dataclass(frozen=True, slots=True)
class Interpretation:
    """The indicator that a word is, if any.

    Without an indicator, `doubt` is the reason for the rejection (empty: the word does not even look like one); with an
    indicator, the reason why it is ambiguous (empty: it is certain). `whole` is False if the word continues after the
    indicator. `port` is a fifth number, as tcpdump writes ports.
    """

    indicator: Indicator | None = None
    doubt: str = ""
    whole: bool = True
    port: str = ""


@lru_cache(maxsize=16_384)
def interpret_word(word: str, deliberate: bool) -> Interpretation:
    """Interpret a word with dots. `deliberate`: its author wrote it as an indicator, defanged or in a URL."""
    word = normalize_dots(word)
    labels = word.split(".")
    if word.isascii() and "".join(labels).isdigit():
        return _interpret_numbers(labels, word, deliberate)
    if _VERSION.fullmatch(word):
        number = _interpret_numbers(word[1:].split("."), word[1:], deliberate)
        return Interpretation(number.indicator, MAYBE_VERSION) if number.indicator else Interpretation()
    return _interpret_deliberate(word) if deliberate else _interpret_prose(word, labels)


def _interpret_numbers(labels: list[str], word: str, deliberate: bool) -> Interpretation:
    # Parts of four digits belong to a version number, not to a mistyped address.
    longest = max(map(len, labels))
    if not all(labels):
        return Interpretation()
    if len(labels) == 5 and (port := read_fifth_number(labels)):
        return Interpretation(parse_address(".".join(labels[:4])), MAYBE_VERSION, port=port)
    if len(labels) != 4 or (longest > 3 and not deliberate):
        return Interpretation()
    found = parse_address(word) if longest <= 3 and max(map(int, labels)) <= 255 else None
    if found is None:
        return Interpretation(None, IMPOSSIBLE)
    return Interpretation(found, MAYBE_VERSION if labels[0] == "0" else "")


def read_fifth_number(labels: list[str]) -> str:
    """Return the last of five numbers if the others are an address and it can be a port; else an empty text."""
    port = labels[-1]
    is_port = _PORT_NUMBER.fullmatch(port) is not None and int(port) <= MAX_PORT
    return port if is_port and parse_address(".".join(labels[:-1])) else ""


def _interpret_deliberate(word: str) -> Interpretation:
    found = parse_domain(word)
    if found is None or is_top_level(_top_level(found)):
        return Interpretation(found)
    # The next sentence may start without a space.
    before = word.rpartition(".")[0]
    shorter = (parse_address(before) or parse_domain(before)) if "." in before else None
    if shorter and (shorter.kind == "ipv4" or is_top_level(_top_level(shorter))):
        return Interpretation(shorter, whole=False)
    return Interpretation(found, UNKNOWN_SUFFIX)


def _interpret_prose(word: str, labels: list[str]) -> Interpretation:
    if _starts_sentence(labels):
        if len(labels) == 2:
            return Interpretation(None, SENTENCES, whole=False)
        before = interpret_word(".".join(labels[:-1]), deliberate=False)
        return Interpretation(before.indicator, before.doubt, whole=False)
    last = labels[-1].lower()
    if last in _EXTENSIONS:
        return Interpretation(None, FILE_NAME)
    if last.isascii() and not is_top_level(last):
        return Interpretation(None, NO_SUFFIX)
    found = parse_domain(word)
    if found is None:
        return Interpretation()
    top = _top_level(found)
    if not is_top_level(top):
        return Interpretation(None, NO_SUFFIX)
    if found.value in _PRODUCTS or (top not in _COMMON_SUFFIXES and _is_package(labels)):
        return Interpretation(None, PACKAGE)
    suffix = public_suffix(found.value)
    # `co.uk`, but not a company's suffix such as `x0.com`, which may also be a registered name.
    if suffix == found.value and len(top) == 2:
        return Interpretation(None, PUBLIC_SUFFIX)
    return Interpretation(found, MAYBE_FILE if suffix in _EXTENSION_DOMAINS else "")


def _top_level(name: Indicator) -> str:
    return name.value.rpartition(".")[2]


def _starts_sentence(labels: list[str]) -> bool:
    """Whether a capitalised word follows one without capitals: `end.Next`, `192.0.2.1.Then`."""
    last = labels[-1]
    return len(labels) > 1 and last[:1].isupper() and last[1:].islower() and labels[-2] == labels[-2].lower()


def _is_package(labels: list[str]) -> bool:
    """Whether this looks like a package: `com.vendor.app`, `Vendor.Product.Tools`."""
    if len(labels) < 3:
        return False
    return labels[0] in _PACKAGE_PREFIXES or all(label[:1].isupper() and not label.isupper() for label in labels)


def may_be_ipv6(word: str) -> bool:
    """Whether there are enough parts for an IPv6 address; times of day and hardware addresses are not addresses."""
    full = word.count(":") == (6 if "." in word else 7)
    return len(word) > 2 and ("::" in word or full) and not EUI64.fullmatch(word)


def pattern_of_parts(word: str, name: Interpretation) -> re.Pattern[str] | None:
    """Return the pattern that finds names inside a word that is not a name as a whole; None to keep the word whole."""
    if not word.isascii() and (name.indicator is None or UNSPACED_SCRIPT.search(word)):
        return ASCII_NAME
    if name.indicator is None and "-" in word and ADDRESS_RANGE.match(word):
        return ADDRESS_RANGE
    return None
