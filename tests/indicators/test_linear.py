"""Extraction takes linear time: twice the text takes about twice as long, even if it was written to be slow."""

from time import process_time

import pytest

from cf1_mcp.indicators import extract

SIZE = 60_000
# Linear is 2; a pattern that backtracks gives 4 and more. The margin is for the noise of a busy machine.
MAX_RATIO = 3.0
TRIES = 6
UNITS = {
    "dots": ".",
    "labels": "a.",
    "long labels": f"{'a' * 63}.",
    "labels beyond what is allowed": f"{'a' * 64}.",
    "defanged dots": "[.]",
    "defanged labels": "x[.]",
    "slashes": "://",
    "schemes": "http://",
    "schemes in a list": "http://a,",
    "at signs": "@",
    "addresses in addresses": "a@a.com",
    "pluses": "a+",
    "hyphens": "a-",
    "underscores": "_a._",
    "percent signs": "%2F",
    "hexadecimal": "a",
    "hexadecimal with dots": f"{'0123456789abcdef' * 2}.",
    "opening brackets": "[",
    "closing brackets": "]",
    "nested brackets": "[(",
    "h": "h",
    "hx": "hx",
    "spaces": " ",
    "backslashes": "\\",
    "colons": "a:",
    "IPv6": "2001:db8::1 ",
    "addresses": "1.2.3.4 ",
    "addresses in a row": "1.2.3.4.",
    "addresses with hyphens": "1.2.3.4-",
    "versions": "version 1.2.3.4, ",
    "names and paths": "a.com/",
    "name after name": "a.com/a ",
    "sentences": "a.Bb.",
    "ideographic dots": "a\u3002",
    "ideographs": "\u57dfa.",
    "invisible characters": "a\u200b",
    "bidi controls": "a.co\u202em ",
    "escaped slashes": "\\/",
    "escapes": "\\n",
    "escapes before letters": "\\na",
    "escaped characters": "\\x41\\u0041",
    "paths": "C:\\a ",
    "paths in paths": "C:\\",
    "shares": " \\\\a",
    "quoted octets": "=3D",
    "quoted spaces": "a=20",
    "soft breaks": "=\n=20",
    "accents": "u\u0308",
    "links in links": "http://a.com/?url=",
    "addresses with dotted ports": "1.2.3.4.5 > ",
    "words that distinguish hashes": "ja3-",
    "CVE": "CVE-",
    "JA4": "t13d1516h2_",
}


@pytest.mark.parametrize("unit", UNITS.values(), ids=UNITS.keys())
def test_twice_the_text_takes_about_twice_as_long(unit: str) -> None:
    text = unit * (SIZE // len(unit))
    assert _ratio(text, text + text) < MAX_RATIO


@pytest.mark.parametrize("opened", ["(", "[", "{", "<"])
def test_unbalanced_brackets_take_linear_time(opened: str) -> None:
    closed = {"(": ")", "[": "]", "{": "}", "<": ">"}[opened]
    texts = [f"http://a.com/{opened * size}{closed * size * 2}" for size in (SIZE // 3, SIZE * 2 // 3)]
    assert _ratio(*texts) < MAX_RATIO


def test_a_megabyte_of_names_of_maximum_length_is_read() -> None:
    name = ".".join(["a" * 49] * 5)
    found = extract(f"{name[:-4]}.top " * 4000)
    assert [one.count for one in found.indicators] == [4000]


def _ratio(once: str, twice: str) -> float:
    """The lowest ratio of several tries, because noise disturbs only some of them."""
    extract("warm.example")
    best = float("inf")
    for _ in range(TRIES):
        best = min(best, _seconds(twice) / max(_seconds(once), 1e-9))
        if best < MAX_RATIO:
            break
    return best


def _seconds(text: str) -> float:
    # Processor time, because other processes use the machine too.
    start = process_time()
    extract(text)
    return process_time() - start
