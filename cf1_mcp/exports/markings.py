"""Levels of the Traffic Light Protocol 2.0: how they are written and compared."""

from cf1_mcp.models import Tlp


def tlp_label(level: Tlp) -> str:
    """Return the level as FIRST writes it: `TLP:AMBER+STRICT`."""
    return f"TLP:{level.upper()}"


def more_restrictive(one: Tlp, other: Tlp) -> Tlp:
    """Return the more restrictive of two levels."""
    return one if one.rank > other.rank else other


def less_restrictive(one: Tlp, other: Tlp) -> Tlp:
    """Return the less restrictive of two levels."""
    return one if one.rank < other.rank else other
