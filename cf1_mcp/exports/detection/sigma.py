"""Sigma rules: one for each kind of log that has the values."""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar, Final
from uuid import uuid5

from cf1_mcp.exports.detection.detectable import detectable_value
from cf1_mcp.exports.export_file import ExportFile, FileHeading, Omission
from cf1_mcp.exports.observables import Observable, ObservableKind
from cf1_mcp.exports.stix_vocabulary import NAMESPACE
from cf1_mcp.models import Event, Tlp

REVIEW_NOTE: Final = (
    "The rules use the field names of the Sigma taxonomy: convert them with a pipeline for your log source, and test "
    "them before they raise alarms. Values do not expire."
)
_HASHES: Final = (ObservableKind.MD5, ObservableKind.SHA1, ObservableKind.SHA256)


@dataclass(frozen=True)
class LogSource:
    """A kind of log: its name in a title, its category, and the conditions under which an event matches."""

    name: str
    category: str
    kinds: Sequence[ObservableKind]
    product: str = ""


_SOURCES: Final = (
    LogSource("DNS queries", "dns", (ObservableKind.DOMAIN,)),
    LogSource("connections", "firewall", (ObservableKind.IP, ObservableKind.NETWORK)),
    LogSource("web requests", "proxy", (ObservableKind.URL,)),
    LogSource("programs", "process_creation", _HASHES, "windows"),
)
_SOURCE_OF: Final = {kind: source for source in _SOURCES for kind in source.kinds}


class SigmaRules(ExportFile):
    """YAML documents, each a rule; the values of a rule are in order, and its id follows from source, name and log."""

    media_type: ClassVar[str] = "application/yaml"
    suffix: ClassVar[str] = ".yml"

    def __init__(self, max_tlp: Tlp, heading: FileHeading) -> None:
        super().__init__(max_tlp, heading)
        self._values: Final = set[Observable]()

    def tail(self) -> Iterator[str]:
        yield f"# {self._provenance()}\n"
        for source in _SOURCES:
            values = sorted((one for one in self._values if one.kind in source.kinds), key=lambda one: one.value)
            if values:
                yield f"---\n{self._rule(source, values)}"

    def notes(self) -> Sequence[str]:
        return (REVIEW_NOTE,)

    def _event(self, event: Event, level: Tlp) -> str | Omission:
        found = detectable_value(event)
        if isinstance(found, Omission):
            return found
        if found.kind not in _SOURCE_OF:
            return Omission("an indicator of a kind that Sigma has no field for")
        self._values.add(found)
        return ""

    def _rule(self, source: LogSource, values: Sequence[Observable]) -> str:
        key = json.dumps(["sigma", self.heading.source, self.heading.name, source.category])
        conditions = _conditions(source, values)
        head = [
            f"title: {_quote(f'{self._name()}: {source.name}')}",
            f"id: {uuid5(NAMESPACE, key)}",
            "status: experimental",
            f"description: {_quote(self._provenance())}",
            f"author: {_quote(self._source())}",
            f"date: {self.heading.created:%Y-%m-%d}",
            f"tags:\n  - tlp.{self.marking.value.replace('+', '-')}",
            f"logsource:\n  category: {source.category}",
            *([f"  product: {source.product}"] if source.product else []),
            "detection:",
        ]
        for name, (field, texts) in conditions.items():
            head += [f"  {name}:", f"    {field}:", *(f"      - {_quote(text)}" for text in texts)]
        head += [f"  condition: {' or '.join(conditions)}"]
        head += ["falsepositives:", '  - "Addresses and names that changed their owner"', "level: medium"]
        return "\n".join(head) + "\n"


def _conditions(source: LogSource, values: Sequence[Observable]) -> Mapping[str, tuple[str, list[str]]]:
    """Return the selections of a rule: each with a field and the values that it may have."""
    texts = {kind: [escape_wildcards(one.value) for one in values if one.kind is kind] for kind in source.kinds}
    match source.category:
        case "dns":
            names = texts[ObservableKind.DOMAIN]
            found = {"name": ("query", names), "below": ("query|endswith", [f".{name}" for name in names])}
        case "firewall":
            ranges = [one.value for one in values if one.kind is ObservableKind.NETWORK]
            found = {"address": ("dst_ip", texts[ObservableKind.IP]), "range": ("dst_ip|cidr", ranges)}
        case "proxy":
            found = {"url": ("c-uri", texts[ObservableKind.URL])}
        case _:
            digests = [f"{kind.upper()}={text}" for kind in source.kinds for text in texts[kind]]
            found = {"hash": ("Hashes|contains", digests)}
    return {name: (field, some) for name, (field, some) in found.items() if some}


def escape_wildcards(text: str) -> str:
    """Return a value that matches only itself: Sigma reads `*` and `?` as wildcards, and a backslash as an escape."""
    return text.replace("\\", "\\\\").replace("*", "\\*").replace("?", "\\?")


def _quote(text: str) -> str:
    """Return a text as a YAML scalar: JSON in ASCII is one, whatever the text contains."""
    return json.dumps(text, ensure_ascii=True)
