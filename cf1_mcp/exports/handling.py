"""What may go into a file: its handling level, by the Traffic Light Protocol 2.0."""

from dataclasses import dataclass

from cf1_mcp.models import Tlp


@dataclass(frozen=True)
class Handling:
    """The level that a file is made for. What lies above it stays out; unmarked events count as amber."""

    level: Tlp

    def admits(self, marking: str) -> bool:
        """Whether an event with this marking may go into the file."""
        return Tlp.of(marking).rank <= self.level.rank


def label(level: Tlp) -> str:
    """The level as FIRST writes it: `TLP:AMBER+STRICT`."""
    return f"TLP:{level.upper()}"


def stricter(one: Tlp, other: Tlp) -> Tlp:
    """The more restrictive of two levels."""
    return one if one.rank > other.rank else other


def milder(one: Tlp, other: Tlp) -> Tlp:
    """The less restrictive of two levels."""
    return one if one.rank < other.rank else other
