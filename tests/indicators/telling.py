"""An extraction in a few lines that a person can check."""

from cf1_mcp.indicators import Found, extract


def told(text: str) -> list[str]:
    """What a text holds, a line each: where it stands first, what it is, and what is to be said of it."""
    found = extract(text)
    lists = (("", found.indicators), ("ambiguous ", found.ambiguous), ("reference ", found.references))
    lines = [f"{_said(one)}" if not name else f"{name}{_said(one)}" for name, some in lists for one in some]
    return [*lines, *(f"rejected: {count} {reason}" for reason, count in found.rejected.items())]


def values(text: str) -> list[str]:
    """The certain indicators of a text."""
    return [one.indicator.value for one in extract(text).indicators]


def _said(one: Found) -> str:
    parts = [
        f"{one.offset}: {one.indicator.kind} {one.indicator.value}",
        f"x{one.count}" if one.count > 1 else "",
        "defanged" if one.defanged else "",
        f"ports {', '.join(map(str, one.ports))}" if one.ports else "",
        "reserved" if one.indicator.reserved else "",
        f"({one.ambiguous})" if one.ambiguous else "",
    ]
    return " ".join(part for part in parts if part)
