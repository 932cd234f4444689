"""What was found in a text: gathered as it is read, told apart once all of it is known."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Final

from cf1_mcp.errors import BadArgument
from cf1_mcp.indicators.hosts import registered_domain
from cf1_mcp.indicators.kinds import Indicator
from cf1_mcp.indicators.names import FILE_NAME, MAYBE_FILE
from cf1_mcp.indicators.urls import host_of

MAX_INDICATORS: Final = 10_000


@dataclass(frozen=True)
class Found:
    """One indicator of a text, however often it stands there.

    `offset` is where it first stands, in characters. `defanged`: its author wrote it so that nothing links it.
    `ports` are those written beside it. `ambiguous` says why it may be something else; empty when it is certain.
    """

    indicator: Indicator
    offset: int
    count: int
    defanged: bool
    ports: tuple[int, ...] = ()
    ambiguous: str = ""


@dataclass(frozen=True)
class Extraction:
    """What a text holds, each list in the order of first appearance.

    `ambiguous` may be something else, each says why. `references` are live links of a report that defangs its
    indicators, and what else is live on their domains. `rejected` counts what only looked like an indicator, by reason.
    """

    indicators: tuple[Found, ...]
    ambiguous: tuple[Found, ...]
    references: tuple[Found, ...]
    rejected: dict[str, int]


@dataclass
class _Sightings:
    """One indicator while the text is still being read."""

    indicator: Indicator
    offset: int
    doubt: str
    count: int = 0
    defanged: bool = False
    ports: dict[int, None] = field(default_factory=dict[int, None])

    def found(self) -> Found:
        return Found(self.indicator, self.offset, self.count, self.defanged, tuple(self.ports), self.doubt)

    def hosts(self) -> set[str]:
        """The host that it names or stands on, and the registered domain of that."""
        value = self.indicator.value
        match self.indicator.kind:
            case "url":
                host = host_of(value) or ""
            case "email":
                host = value.rpartition("@")[2]
            case "domain" | "ipv4" | "ipv6":
                host = value
            case _:
                return set()
        return {host, registered_domain(host) or host}


class Findings:
    """Gathers what is found in one text."""

    def __init__(self) -> None:
        self._seen: dict[Indicator, _Sightings] = {}
        self._rejected: Counter[str] = Counter()

    def add(self, indicator: Indicator, offset: int, *, defanged: bool, port: int | None, doubt: str) -> None:
        """Note an indicator. One sighting beyond doubt settles the doubts about others.

        Raises:
            BadArgument: there are more indicators than one call takes.
        """
        seen = self._seen.get(indicator)
        if seen is None:
            if len(self._seen) == MAX_INDICATORS:
                problem = f"it holds more than {MAX_INDICATORS:,} different indicators"
                raise BadArgument("text", problem, "a part of it at a time")
            seen = self._seen[indicator] = _Sightings(indicator, offset, doubt)
        seen.count += 1
        seen.defanged |= defanged
        seen.doubt = seen.doubt and doubt
        if port is not None:
            seen.ports[port] = None

    def reject(self, reason: str) -> None:
        """Note something that only looked like an indicator; without a reason it is not worth a note."""
        if reason:
            self._rejected[reason] += 1

    def extraction(self) -> Extraction:
        """All of it, told apart."""
        every = list(self._seen.values())
        # An author who hides an e-mail address hides it from spam; that says nothing of the links beside it.
        defanged = [one for one in every if one.defanged and one.indicator.kind != "email"]
        rejected = self._rejected.copy()
        references: list[_Sightings] = []
        if defanged:
            files = [one for one in every if one.doubt == MAYBE_FILE]
            rejected[FILE_NAME] += sum(one.count for one in files)
            references = _references(every, _hosts(defanged))
            every = _without(every, [*files, *references])
        doubtful = [one for one in every if one.doubt]
        return Extraction(
            tuple(one.found() for one in _without(every, doubtful)),
            tuple(one.found() for one in doubtful),
            tuple(one.found() for one in references),
            {reason: count for reason, count in sorted(rejected.items()) if count},
        )


def _references(every: Iterable[_Sightings], suspects: set[str]) -> list[_Sightings]:
    live = [
        (one, hosts)
        for one in every
        if not one.defanged and not one.doubt and (hosts := one.hosts()) and not hosts & suspects
    ]
    # Nobody refers the reader to a bare address.
    links = [(one, hosts) for one, hosts in live if one.indicator.kind == "url" and _is_link(one, hosts)]
    own = {host for _, hosts in links for host in hosts}
    others = [one for one, hosts in live if one.indicator.kind in ("domain", "email") and hosts & own]
    return sorted([*(one for one, _ in links), *others], key=lambda one: one.offset)


def _is_link(one: _Sightings, hosts: set[str]) -> bool:
    scheme, separator, _ = one.indicator.value.partition("://")
    return (not separator or scheme in ("http", "https")) and any(registered_domain(host) for host in hosts)


def _hosts(some: Iterable[_Sightings]) -> set[str]:
    return {host for one in some for host in one.hosts()}


def _without(every: Iterable[_Sightings], some: Iterable[_Sightings]) -> list[_Sightings]:
    left_out = {one.indicator for one in some}
    return [one for one in every if one.indicator not in left_out]
