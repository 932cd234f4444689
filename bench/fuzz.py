"""A long run of the readers of indicators with texts that a fuzzer makes: `python -m bench.fuzz [SECONDS]`.

With the extra `[fuzz]` it is guided by coverage (atheris, on Linux and macOS); without, texts are put together at
random from pieces that confuse readers. Either ends at the first text that is a fault: one that raises anything but a
refusal, or whose canonical form is not read as itself. The suite has a short run of the same in tests/indicators.
"""

import random
import sys
import time
from importlib import import_module
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from cf1_mcp.lookups.targets import LookupInput

DEFAULT_SECONDS: Final = 60
TYPES: Final = (
    "",
    "ip",
    "ipv4",
    "domain",
    "url",
    "email",
    "hash",
    "sha256",
    "cidr",
    "asn",
    "cve",
    "ja3",
    "filename",
    "x",
)
PIECES: Final = (
    *(".", "..", "[.]", ":", "://", "/", "\\", "\\n", "\\u0065", "\\x2e", "=20", "=3D", "=\n", "%2F", "@", "*."),
    *(",", ";", "(", ")", "[", "]", "](", "<", ">", "|", "- ", "1. ", "IP: ", "mailto:", "?url=", "/v3/__", "__;"),
    *("https%3A%2F%2F", "\u200b", "\u202e", "\u3002", "\u0308", "\u0130", "\ufb01", "\U0001d7d8", "\ud800", "xn--"),
    *("\xdf", "\u2488", "256", "192.0.2.1", "2001:db8::1", "evil.example", "co.uk", "https://evil.example/a", "hxxp"),
    *("a@b.example", "0a" * 16, "C:\\", "\\\\", "http:", "urldefense.proofpoint.com/v2/url?u=", ".translate.goog"),
    *("virustotal.com/", "/32", "!!", "AS1", "CVE-2025-53770", "443", ".443", " > ", "Win", " ", "\n", "\t", "and "),
    *("-", "--", "_", "+", "~", "a", "0"),
)


def check(text: str) -> None:
    """Read a text by every reader.

    Raises:
        AssertionError: a canonical form is not read as itself.
    """
    # Imported late: the fuzzer follows what is imported after it has begun.
    from cf1_mcp.errors import BadArgument
    from cf1_mcp.events.indicator_fields import read_event_indicator
    from cf1_mcp.indicators import extract, read_indicators
    from cf1_mcp.lookups.targets import read_text
    from cf1_mcp.lookups.value_groups import ValueGroups
    from cf1_mcp.search.typed_values import read_indicator_values

    extract(text)
    for read in (read_text, _read_alone):
        try:
            ValueGroups(read(text).targets)
        except BadArgument:
            continue
    read_indicator_values([text])
    for one in read_indicators(text):
        again = [two for two in read_indicators(one.value) if not two.is_inner]
        if one.kind != "other" and [(two.kind, two.value) for two in again] != [(one.kind, one.value)]:
            raise AssertionError(f"{text!r} is read as {one.value!r}, and that as {again}")
    for type_name in TYPES:
        try:
            read_event_indicator(text, type_name)
        except BadArgument:
            continue


def _read_alone(text: str) -> "LookupInput":
    from cf1_mcp.lookups.targets import read_list

    return read_list([text])


def main() -> None:
    """Run for a number of seconds."""
    seconds = int(sys.argv[1]) if len(sys.argv) > 1 else DEFAULT_SECONDS
    if find_spec("atheris"):
        # It has no types, and is not in the developers' environment.
        run_guided(import_module("atheris"), seconds)
    else:
        print("atheris is not installed (pip install 'cf1-mcp[fuzz]'): random texts instead")
        print(f"{run_random(seconds):,} texts without a fault")


def run_guided(atheris: Any, seconds: int) -> None:  # noqa: ANN401 - a module without types
    """Run the fuzzer, which ends the process itself."""
    with atheris.instrument_imports(include=["cf1_mcp.indicators"]):
        check("evil.example")

    def read(content: bytes) -> None:
        check(atheris.FuzzedDataProvider(content).ConsumeUnicode(400))

    atheris.Setup([sys.argv[0], f"-max_total_time={seconds}"], read)
    atheris.Fuzz()


def run_random(seconds: int) -> int:
    """Read texts that are put together at random, and return their number."""
    chosen, count, end = random.Random(0), 0, time.monotonic() + seconds
    while time.monotonic() < end:
        check("".join(chosen.choices(PIECES, k=chosen.randint(1, 12))))
        count += 1
    return count


if __name__ == "__main__":
    main()
