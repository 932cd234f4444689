"""BENCHMARKS.md: each measurement replaces the section between its own two marks."""

from pathlib import Path

REPORT = Path(__file__).parent.parent / "BENCHMARKS.md"


def section(page: str, name: str) -> str:
    """Return the text between `<!-- name -->` and `<!-- /name -->`."""
    return _parts(page, name)[1]


def with_section(page: str, name: str, text: str) -> str:
    """Return the page with that section replaced.

    Raises:
        ValueError: the page does not have exactly one such section.
    """
    before, _, after = _parts(page, name)
    return f"{before}<!-- {name} -->\n{text}\n<!-- /{name} -->{after}"


def write_section(name: str, text: str) -> None:
    page = REPORT.read_text(encoding="utf-8")
    REPORT.write_text(with_section(page, name, text), encoding="utf-8")


def _parts(page: str, name: str) -> tuple[str, str, str]:
    before, rest = page.split(f"<!-- {name} -->\n")
    text, after = rest.split(f"\n<!-- /{name} -->")
    return before, text, after
