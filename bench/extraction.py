"""Extraction of indicators from a report, compared with the two most used libraries: `pip install 'cf1-mcp[bench]'`.

The text is small enough for iocextract, which took 40 seconds for one report of 45 kB.
"""

import random
from collections.abc import Callable, Iterable
from importlib import import_module
from typing import Final

from bench.timing import Ratio, time_pairs
from cf1_mcp.indicators import extract

SIZE: Final = 200_000
ROUNDS: Final = 2
# The libraries, each with the function that finds and refangs all kinds of indicators.
LIBRARIES: Final = (("ioc-finder", "ioc_finder", "find_iocs"), ("iocextract", "iocextract", "extract_iocs"))
ALLOWED: Final = 1.0
SENTENCES: Final = (
    "The loader {file} then resolves {domain} and sends what it has collected to {ip}:8443 within the hour.",
    "A second stage was fetched from {url}, which answered with a script that the first had not mentioned.",
    "Victims received a message from {mail} with the attachment {file}; its SHA-256 is {sha256}.",
    "We have seen the same key in version 4.2.1 of the tool, and in samples such as {md5} and {sha1}.",
    "Nothing in this part of the campaign points to another actor, although the tooling overlaps (see the appendix).",
    "It exploits {cve} on servers that were not updated, as described in https://blog.vendor.example/{number}.",
)


def report(size: int = SIZE) -> str:
    """Return a fictional report with reserved names, always the same."""
    chance = random.Random(11)
    parts: list[str] = []
    length = 0
    while length < size:
        number = chance.randrange(10**6)
        sentence = chance.choice(SENTENCES).format(
            number=number,
            file=f"update-{number}.exe",
            domain=f"c{number}.paper-heron[.]example",
            ip=f"203.0.113[.]{number % 256}",
            url=f"hxxps://cdn{number}.paper-heron[.]example/gate.php?id={number}",
            mail=f"billing{number}[@]portal[.]example",
            md5=f"{chance.getrandbits(128):032x}",
            sha1=f"{chance.getrandbits(160):040x}",
            sha256=f"{chance.getrandbits(256):064x}",
            cve=f"CVE-2025-{1000 + number % 9000}",
        )
        parts.append(sentence)
        length += len(sentence) + 1
    return "\n".join(parts)


async def rows() -> list[str]:
    """Return a row for each library: megabytes per second, ours first."""
    text = report()
    return [_row(name, text, await _measure(module, function, text)) for name, module, function in LIBRARIES]


async def _measure(module: str, function: str, text: str) -> Ratio | None:
    try:
        find: Callable[[str], Iterable[object]] = getattr(import_module(module), function)
    except ModuleNotFoundError:
        return None

    async def ours() -> None:
        assert extract(text).indicators

    async def other() -> None:
        # A dictionary, or a lazy generator.
        assert list(find(text))

    return await time_pairs(ours, other, ROUNDS)


def _row(name: str, text: str, found: Ratio | None) -> str:
    what = f"| indicators out of a report of {len(text) / 1000:.0f} kB"
    if found is None:
        return f"{what} | - | {name}, not installed | - | {ALLOWED} |"
    ours, other = (f"{len(text) / 1000 / milliseconds:.2f} MB/s" for milliseconds in (found.ours, found.other))
    return f"{what} | {ours} | {name}, {other} | {found.ratio:.3f} | {ALLOWED} |"
