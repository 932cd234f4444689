"""MISP's warning lists: what reports name by mistake, such as resolvers, large sites and hashes of harmless files.

They come from the package `pymispwarninglists`, the extra `cf1-mcp[warninglists]`, which carries them: nothing is
downloaded. Without it there are no lists.
"""

import json
import re
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from importlib.resources import files
from importlib.resources.abc import Traversable
from ipaddress import ip_address, ip_network
from typing import Final, cast
from urllib.parse import urlsplit

from cf1_mcp.exports.export_file import WARNED
from cf1_mcp.exports.observables import Observable, ObservableKind
from cf1_mcp.text.sanitize import clean

PACKAGE: Final = "pymispwarninglists"
MAX_NAME_LENGTH: Final = 80
# The million most visited sites hold tunnels and hosting of malware too, and would fill the memory. The first ten
# thousand are on other lists. Reserved ranges and names have rules of their own (`blockable`), and exercises use those
# of documentation.
_UNUSED: Final = frozenset(
    {"tranco", "google-chrome-crux-1million", "rfc1918", "rfc3849", "rfc5735", "rfc6598", "rfc6761"}
    | {"multicast", "ipv6-linklocal", "tlds", "second-level-tlds", "phone_numbers"}
)
_NOT_A_NAME: Final = re.compile(r"[^a-z0-9.-]")
_HASHES: Final = frozenset(
    {ObservableKind.MD5, ObservableKind.SHA1, ObservableKind.SHA256, ObservableKind.SHA512, ObservableKind.CERTIFICATE}
)


@dataclass
class WarningIndex:
    """The entries of all lists, each with the name of the list: exact values, names with what is below them, ranges by
    version and length of prefix, and parts of a value.
    """

    exact: dict[str, str] = field(default_factory=dict[str, str])
    names: dict[str, str] = field(default_factory=dict[str, str])
    ranges: dict[tuple[int, int], dict[int, str]] = field(default_factory=lambda: defaultdict(dict))
    parts: dict[str, str] = field(default_factory=dict[str, str])
    count: int = 0

    def add(self, kind: str, name: str, entries: Sequence[str]) -> None:
        self.count += 1
        for entry in entries:
            word = entry.strip().lower().rstrip(".")
            if kind == "cidr":
                self._add_range(word, name)
            elif kind == "hostname":
                self.names.setdefault(_host_of(word).lstrip("."), name)
            elif kind == "substring":
                self.parts.setdefault(word.lstrip("."), name)
            elif kind == "string":
                self.exact.setdefault(word, name)

    def find(self, found: Observable) -> str | None:
        """Return the name of the first list that has the value, or the host of the URL or mail address."""
        value = found.value.lower()
        if found.kind in _HASHES:
            return self.exact.get(value)
        if found.kind in (ObservableKind.IP, ObservableKind.NETWORK):
            return self._find_range(value)
        if known := self.exact.get(value):
            return known
        if found.kind not in (ObservableKind.DOMAIN, ObservableKind.URL, ObservableKind.EMAIL):
            return None
        host = value.rpartition("@")[2] if found.kind is ObservableKind.EMAIL else _host_of(value)
        try:
            return self._find_range(str(ip_address(host.strip("[]"))))
        except ValueError:
            return self._find_name(host, whole=found.kind is ObservableKind.DOMAIN)

    def _find_name(self, host: str, *, whole: bool) -> str | None:
        if not whole and (known := self.exact.get(host)):
            return known
        labels = host.split(".")
        for start in range(len(labels) - 1):
            below = ".".join(labels[start:])
            if known := self.names.get(below) or self.parts.get(below):
                return known
        return None

    def _add_range(self, word: str, name: str) -> None:
        if "/" not in word and ":" not in word:
            self.exact.setdefault(word, name)  # one IPv4 address: most entries are, and parsing them takes seconds
            return
        try:
            network = ip_network(word, strict=False)
        except ValueError:
            return
        key = (network.version, network.prefixlen)
        self.ranges[key].setdefault(int(network.network_address), name)

    def _find_range(self, value: str) -> str | None:
        if known := self.exact.get(value):
            return known
        network = ip_network(value, strict=False)
        first = int(network.network_address)
        for (number, length), known in self.ranges.items():
            if number == network.version and length <= network.prefixlen:
                shift = network.max_prefixlen - length
                if name := known.get(first >> shift << shift):
                    return name
        return None


def find_warning(found: Observable) -> str | None:
    """Return the reason why a value must not be blocked, if it stands on a warning list."""
    index = load_index()
    name = index.find(found) if index else None
    return f"{WARNED}{name}" if name else None


def describe_lists() -> str | None:
    """Return which lists values are compared with, None if they are not installed."""
    index = load_index()
    return f"{index.count} MISP warning lists ({PACKAGE} {version(PACKAGE)})" if index else None


@cache
def load_index() -> WarningIndex | None:
    """Return the lists of the installed package, None if it is not installed. The first call takes about a second."""
    try:
        version(PACKAGE)
        folder = files(PACKAGE) / "data" / "misp-warninglists" / "lists"
    except (PackageNotFoundError, ModuleNotFoundError):
        return None
    index = WarningIndex()
    for kind, name, entries in _read_lists(folder):
        index.add(kind, name, entries)
    return index


def _read_lists(folder: Traversable) -> Iterator[tuple[str, str, list[str]]]:
    """Yield type, name and entries of each list, in the order of their folders."""
    for one in sorted(folder.iterdir(), key=lambda path: path.name):
        path = one / "list.json"
        if one.name in _UNUSED or not path.is_file():
            continue
        with path.open(encoding="utf-8") as file:
            found = json.load(file)
        if isinstance(found, dict):
            known = cast("dict[str, object]", found)
            entries = known.get("list")
            texts = [text for text in cast("list[object]", entries) if isinstance(text, str)] if entries else []
            yield str(known.get("type")), clean(str(known.get("name")), MAX_NAME_LENGTH), texts


def _host_of(text: str) -> str:
    if not _NOT_A_NAME.search(text):
        return text
    try:
        return urlsplit(text if "://" in text else f"//{text}").hostname or text
    except ValueError:
        return text
