"""Collect the indicators of a text, and sort them into certain, ambiguous and references once all are known."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Final

from cf1_mcp.errors import BadArgument
from cf1_mcp.indicators.dotted_words import FILE_NAME, MAYBE_FILE
from cf1_mcp.indicators.hosts import registered_domain
from cf1_mcp.indicators.kinds import Indicator
from cf1_mcp.indicators.urls import url_host

MAX_INDICATORS: Final = 10_000


@dataclass(frozen=True)
class ExtractedIndicator:
    """One distinct indicator of a text.

    `offset` is the position of its first occurrence, in characters; `count` the number of occurrences. `defanged`: at
    least one occurrence was written so that nothing turns it into a link. `ports` are the ports written after it.
    `ambiguous` is the reason why it may be something else; empty if it is certain.
    """

    indicator: Indicator
    offset: int
    count: int
    defanged: bool
    ports: tuple[int, ...] = ()
    ambiguous: str = ""


@dataclass(frozen=True)
class Extraction:
    """The indicators of a text, each list in the order of first occurrence.

    `ambiguous` may be something else; each entry has the reason. `references` are the live links of a report that
    defangs its indicators, and other live names on the domains of those links. `rejected` counts text that only looked
    like an indicator, by reason.
    """

    indicators: tuple[ExtractedIndicator, ...]
    ambiguous: tuple[ExtractedIndicator, ...]
    references: tuple[ExtractedIndicator, ...]
    rejected: dict[str, int]


@dataclass
class _Entry:
    """One indicator while the text is still being read."""

    indicator: Indicator
    offset: int
    doubt: str
    count: int = 0
    defanged: bool = False
    ports: dict[int, None] = field(default_factory=dict[int, None])
    is_reference: bool = False

    def freeze(self) -> ExtractedIndicator:
        return ExtractedIndicator(self.indicator, self.offset, self.count, self.defanged, tuple(self.ports), self.doubt)

    def hosts(self) -> set[str]:
        """The host of the indicator, and the registered domain of that host."""
        value = self.indicator.value
        match self.indicator.kind:
            case "url":
                host = url_host(value) or ""
            case "email":
                host = value.rpartition("@")[2]
            case "domain" | "ipv4" | "ipv6":
                host = value
            case _:
                return set()
        return {host, registered_domain(host) or host}


class IndicatorCollector:
    """Collects the indicators of one text."""

    def __init__(self) -> None:
        self._entries: dict[Indicator, _Entry] = {}
        self._rejected: Counter[str] = Counter()

    def add(
        self,
        indicator: Indicator,
        offset: int,
        *,
        defanged: bool,
        port: int | None,
        doubt: str,
        is_reference: bool = False,
    ) -> None:
        """Record an occurrence. One occurrence without a doubt makes the indicator certain, and a defanged one makes a
        reference an indicator.

        Raises:
            BadArgument: the text has more indicators than one call accepts.
        """
        entry = self._entries.get(indicator)
        if entry is None:
            if len(self._entries) == MAX_INDICATORS:
                problem = f"it contains more than {MAX_INDICATORS:,} different indicators"
                raise BadArgument("text", problem, "one part of it at a time")
            entry = self._entries[indicator] = _Entry(indicator, offset, doubt)
        entry.count += 1
        entry.defanged |= defanged
        entry.doubt = entry.doubt and doubt
        entry.is_reference |= is_reference
        if port is not None:
            entry.ports[port] = None

    def reject(self, reason: str) -> None:
        """Count text that only looked like an indicator. Text without a reason is not worth reporting."""
        if reason:
            self._rejected[reason] += 1

    def extraction(self) -> Extraction:
        """Return everything that was collected, sorted into its lists."""
        entries = list(self._entries.values())
        # Authors hide e-mail addresses from spammers too, so a defanged one says nothing about links in the same text.
        defanged = [entry for entry in entries if entry.defanged and entry.indicator.kind != "email"]
        rejected = self._rejected.copy()
        references = [entry for entry in entries if entry.is_reference and not entry.defanged]
        entries = _without(entries, references)
        if defanged:
            files = [entry for entry in entries if entry.doubt == MAYBE_FILE]
            rejected[FILE_NAME] += sum(entry.count for entry in files)
            live = _references(entries, _hosts(defanged))
            entries = _without(entries, [*files, *live])
            references = sorted([*references, *live], key=lambda entry: entry.offset)
        ambiguous = [entry for entry in entries if entry.doubt]
        return Extraction(
            tuple(entry.freeze() for entry in _without(entries, ambiguous)),
            tuple(entry.freeze() for entry in ambiguous),
            tuple(entry.freeze() for entry in references),
            {reason: count for reason, count in sorted(rejected.items()) if count},
        )


def _references(entries: Iterable[_Entry], suspects: set[str]) -> list[_Entry]:
    """Return the live links whose hosts are not suspects, and live names and addresses on the same hosts."""
    live = [
        (entry, hosts)
        for entry in entries
        if not entry.defanged and not entry.doubt and (hosts := entry.hosts()) and not hosts & suspects
    ]
    # Nobody refers a reader to a bare IP address.
    links = [(entry, hosts) for entry, hosts in live if entry.indicator.kind == "url" and _is_link(entry, hosts)]
    link_hosts = {host for _, hosts in links for host in hosts}
    same_hosts = [entry for entry, hosts in live if entry.indicator.kind in ("domain", "email") and hosts & link_hosts]
    return sorted([*(entry for entry, _ in links), *same_hosts], key=lambda entry: entry.offset)


def _is_link(entry: _Entry, hosts: set[str]) -> bool:
    scheme, separator, _ = entry.indicator.value.partition("://")
    return (not separator or scheme in ("http", "https")) and any(registered_domain(host) for host in hosts)


def _hosts(entries: Iterable[_Entry]) -> set[str]:
    return {host for entry in entries for host in entry.hosts()}


def _without(entries: Iterable[_Entry], excluded: Iterable[_Entry]) -> list[_Entry]:
    indicators = {entry.indicator for entry in excluded}
    return [entry for entry in entries if entry.indicator not in indicators]
