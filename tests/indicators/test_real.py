"""Real indicators are found again in prose. They are live, so no test prints or resolves them."""

import gzip
import json
from collections import Counter
from collections.abc import Iterator

import pytest
from inline_snapshot import snapshot

from cf1_mcp.indicators import classify, extract
from tests.ports import REAL

pytestmark = pytest.mark.skipif(not REAL.exists(), reason="the real events are not part of the repository")
TYPES = ("domain", "ip", "url", "hash", "cve")
FORMS = ("[.]", "(.)", "[dot]", "\\.")


def real() -> Iterator[tuple[str, str]]:
    with gzip.open(REAL, "rt", encoding="utf-8") as lines:
        for line in lines:
            body = json.loads(line)["body"]
            pairs = [(body.get("indicatorType"), body.get("indicator"))]
            pairs += [(one.get("indicatorType"), one.get("value")) for one in body.get("indicators", [])]
            yield from ((kind, value) for kind, value in pairs if kind in TYPES and value)


def outcome(value: str, number: int) -> str:
    plain = value.replace("http", "hxxp", 1) if value.startswith("http") else value
    written = plain.replace(".", FORMS[number % len(FORMS)])
    found = extract(f"The sample talks to {written}, as seen in May. (Also {written})")
    expected = classify(value)
    if expected is None:
        return "not what it is labelled"
    return "found" if [(one.indicator, one.count) for one in found.indicators] == [(expected, 2)] else "missed"


def test_every_real_indicator_is_found_again_in_prose() -> None:
    outcomes = Counter((kind, outcome(value, number)) for number, (kind, value) in enumerate(real()))
    # Eighty "domains" are file names such as a DLL's. Two URLs contain invalid characters: a space, brackets.
    assert {f"{kind}, {what}": count for (kind, what), count in sorted(outcomes.items())} == snapshot(
        {
            "cve, found": 562,
            "domain, found": 780,
            "domain, not what it is labelled": 80,
            "hash, found": 1557,
            "ip, found": 483,
            "url, found": 138,
            "url, missed": 1,
            "url, not what it is labelled": 1,
        }
    )
