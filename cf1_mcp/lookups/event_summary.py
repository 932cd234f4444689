"""A summary of the events that contain one indicator."""

from collections import Counter
from dataclasses import dataclass, field
from typing import Final

from cf1_mcp.models import Event, ListedIndicator, Tlp
from cf1_mcp.text.uuids import id_key

# Ids of the newest events: enough to continue an investigation with.
MAX_IDS: Final = 2


@dataclass
class EventSummary:
    """The events of one indicator, added one by one.

    `events` is the number of events that may be shown; all other fields except `withheld` describe these. `withheld` is
    the number of events that may not be shown. `more`: there are further events, which were not read.
    """

    events: int = 0
    withheld: int = 0
    first: str = ""
    last: str = ""
    tlp: Tlp = Tlp.CLEAR
    attackers: Counter[str] = field(default_factory=Counter[str])
    categories: Counter[str] = field(default_factory=Counter[str])
    datasets: Counter[str] = field(default_factory=Counter[str])
    more: bool = False
    _newest: list[tuple[str, str]] = field(default_factory=list[tuple[str, str]])
    _seen: set[str] = field(default_factory=set[str])

    @property
    def newest(self) -> list[str]:
        """The ids of the newest events."""
        return [uuid for _, uuid in self._newest]

    def has(self, event_id: str) -> bool:
        """Whether an event was added, by its id."""
        return id_key(event_id) in self._seen

    def add_indicator(self, indicator: ListedIndicator) -> None:
        """Add the marking and the dataset of an indicator that is known without an event."""
        self.tlp = max(self.tlp, Tlp.of(indicator.tlp), key=lambda level: level.rank)
        self.datasets[indicator.dataset_id] += 1

    def add(self, event: Event, rule: str | None) -> None:
        """Add an event, unless it was added before. Of an event that a rule withholds only the number is kept."""
        if self.has(event.uuid):
            return
        self._seen.add(id_key(event.uuid))
        if rule:
            self.withheld += 1
            return
        self.events += 1
        self.first = min(self.first or event.date, event.date)
        self.last = max(self.last, event.date)
        self.tlp = max(self.tlp, Tlp.of(event.tlp), key=lambda level: level.rank)
        self.datasets[event.dataset_id] += 1
        for names, name in ((self.attackers, event.attacker), (self.categories, event.category)):
            if name.strip():
                names[name] += 1
        self._newest = sorted([*self._newest, (event.date, event.uuid)], reverse=True)[:MAX_IDS]
