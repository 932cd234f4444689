"""Words with dots in them: which are domain names or addresses, and why the others are not."""

import re
from dataclasses import dataclass
from typing import Final

from cf1_mcp.indicators.hosts import address, domain, is_top_level, suffix_of, with_dots
from cf1_mcp.indicators.kinds import Indicator

# Why something with the looks of an indicator is not listed as one.
FILE_NAME: Final = "file name"
IMPOSSIBLE: Final = "impossible address"
NO_SUFFIX: Final = "no such top-level domain"
PACKAGE: Final = "package or product name"
PUBLIC_SUFFIX: Final = "public suffix alone"
SENTENCES: Final = "end of one sentence and start of the next"
TOO_LONG: Final = "too long"

# Why something is listed apart, for a person to decide.
MAYBE_FILE: Final = "may be a file name: its ending is a file extension and a top-level domain"
MAYBE_VERSION: Final = "may be a version number"
UNKNOWN_SUFFIX: Final = "written as an indicator, but no such top-level domain is known"

# Extensions that are top-level domains too. Without another sign such a word is a file.
_ALSO_SUFFIXES: Final = frozenset("app cab cat dot java la map md mm mov one pl pm ps pub py rs sh so zip".split())  # noqa: SIM905
_EXTENSIONS: Final = frozenset(
    """7z apk asp aspx avi bak bat bin bmp bz2 c cer cfg chm class conf config cpl cpp cs csv dat db deb dll dmg doc
    docm docx dotm drv dylib elf eml exe gif gz h hta htm html ico img ini ipa iso jar jpeg jpg js jse json jsp key kt
    lnk lock log lua mp3 mp4 msg msi msix o ocx odt ost out pcap pcapng pdb pdf pem pfx php plist png ppt pptm pptx
    ps1 psd1 psm1 pst pyc pyd rar rb reg rpm rtf scr sct sql svg swf swift sys tar tgz tmp ts tsv txt url vba vbe vbs
    vhd vhdx vmdk wav webp wsf xll xls xlsb xlsm xlsx xml xz yaml yar yara yml""".split()  # noqa: SIM905
)
# Java and Android write names the other way round; .NET and the like write them with capitals.
_REVERSED: Final = frozenset({"com", "org", "net", "io", "edu", "gov", "java", "javax"})
_PLAIN_SUFFIXES: Final = frozenset({"com", "net", "org"})
_PRODUCTS: Final = frozenset("ado.net asp.net java.io java.net socket.io system.io system.net vb.net".split())  # noqa: SIM905
_VERSION: Final = re.compile(r"[vV]\d+(?:\.\d+)+")


@dataclass(frozen=True, slots=True)
class Reading:
    """What a word was taken for.

    Without an indicator, `doubt` says why it is none (empty: it has not even the looks of one); with one, why it is not
    certain (empty: it is). `whole` is False when the word went on beyond the indicator.
    """

    indicator: Indicator | None = None
    doubt: str = ""
    whole: bool = True


def read_name(word: str, deliberate: bool) -> Reading:
    """What a word with dots is. `deliberate`: its author wrote it as an indicator, defanged or in a URL."""
    word = with_dots(word)
    labels = word.split(".")
    if word.isascii() and "".join(labels).isdigit():
        return _read_number(labels, word, deliberate)
    if _VERSION.fullmatch(word):
        number = _read_number(word[1:].split("."), word[1:], deliberate)
        return Reading(number.indicator, MAYBE_VERSION) if number.indicator else Reading()
    return _deliberate(word) if deliberate else _in_prose(word, labels)


def _read_number(labels: list[str], word: str, deliberate: bool) -> Reading:
    # Parts of four digits are those of a version; nobody mistypes an address so.
    longest = max(map(len, labels))
    if len(labels) != 4 or (longest > 3 and not deliberate):
        return Reading()
    found = address(word) if longest <= 3 and max(map(int, labels)) <= 255 else None
    if found is None:
        return Reading(None, IMPOSSIBLE)
    return Reading(found, MAYBE_VERSION if labels[0] == "0" else "")


def _deliberate(word: str) -> Reading:
    found = domain(word)
    if found is None or is_top_level(_top(found)):
        return Reading(found)
    # The next sentence may follow without a space.
    before = word.rpartition(".")[0]
    shorter = (address(before) or domain(before)) if "." in before else None
    if shorter and (shorter.kind == "ipv4" or is_top_level(_top(shorter))):
        return Reading(shorter, whole=False)
    return Reading(found, UNKNOWN_SUFFIX)


def _in_prose(word: str, labels: list[str]) -> Reading:
    if _starts_sentence(labels):
        before = read_name(".".join(labels[:-1]), deliberate=False) if len(labels) > 2 else Reading(None, SENTENCES)
        return Reading(before.indicator, before.doubt, whole=False)
    last = labels[-1].lower()
    if last in _EXTENSIONS:
        return Reading(None, FILE_NAME)
    if last.isascii() and not is_top_level(last):
        return Reading(None, NO_SUFFIX)
    found = domain(word)
    if found is None:
        return Reading()
    top = _top(found)
    if not is_top_level(top):
        return Reading(None, NO_SUFFIX)
    if found.value in _PRODUCTS or (top not in _PLAIN_SUFFIXES and _is_package(labels)):
        return Reading(None, PACKAGE)
    suffix = suffix_of(found.value)
    # `co.uk`, but not a company's such as `x0.com`: that one may be somebody's name too.
    if suffix == found.value and len(top) == 2:
        return Reading(None, PUBLIC_SUFFIX)
    return Reading(found, MAYBE_FILE if suffix in _ALSO_SUFFIXES else "")


def _top(name: Indicator) -> str:
    return name.value.rpartition(".")[2]


def _starts_sentence(labels: list[str]) -> bool:
    """`end.Next`, `192.0.2.1.Then`: a word with a capital after one without."""
    return labels[-1][:1].isupper() and labels[-1][1:].islower() and labels[-2] == labels[-2].lower()


def _is_package(labels: list[str]) -> bool:
    """`com.vendor.app`, `Vendor.Product.Tools`."""
    if len(labels) < 3:
        return False
    return labels[0] in _REVERSED or all(label[:1].isupper() and not label.isupper() for label in labels)
