"""What events say of one indicator, gathered as they come."""

from collections import Counter
from dataclasses import dataclass, field
from typing import Final

from cf1_mcp.models import Event, Tlp

# The newest events of an indicator: enough to go on with.
MAX_IDS: Final = 2


@dataclass
class Sightings:
    """`events` may be shown and were counted; `first` and `last` are their dates, `newest` the ids of the newest.

    `withheld` counts those that may not be shown. `more`: there are further events, which were not read.
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
        return [uuid for _, uuid in self._newest]

    def add(self, event: Event, rule: str | None) -> None:
        """Count an event, once; one that a rule withholds leaves nothing but its number."""
        if event.uuid in self._seen:
            return
        self._seen.add(event.uuid)
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
