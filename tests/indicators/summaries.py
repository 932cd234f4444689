"""An extraction as a few lines that a person can check."""

from cf1_mcp.indicators import ExtractedIndicator, extract


def summarize(text: str) -> list[str]:
    """Return one line for each indicator of a text (offset, kind, value, details) and for each reason of rejection."""
    found = extract(text)
    lists = (("", found.indicators), ("ambiguous ", found.ambiguous), ("reference ", found.references))
    lines = [f"{prefix}{_line(one)}" for prefix, indicators in lists for one in indicators]
    return [*lines, *(f"rejected: {count} {reason}" for reason, count in found.rejected.items())]


def certain_values(text: str) -> list[str]:
    """Return the values of the certain indicators of a text."""
    return [one.indicator.value for one in extract(text).indicators]


def _line(one: ExtractedIndicator) -> str:
    parts = [
        f"{one.offset}: {one.indicator.kind} {one.indicator.value}",
        f"x{one.count}" if one.count > 1 else "",
        "defanged" if one.defanged else "",
        f"ports {', '.join(map(str, one.ports))}" if one.ports else "",
        "reserved" if one.indicator.reserved else "",
        f"({one.ambiguous})" if one.ambiguous else "",
    ]
    return " ".join(part for part in parts if part)
