"""Texts inside other texts: of terminals, mails, web pages, requests and scripts without spaces."""

import pytest

from cf1_mcp.indicators import extract, read_indicators

MD5, SHA256 = "a1b2c3d4" * 4, "0123456789abcdef" * 4
HALVES = SHA256[:30], SHA256[30:]


def values(text: str) -> list[str]:
    found = extract(text)
    return [one.indicator.value for one in (*found.indicators, *found.ambiguous)]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("\x1b[31mevil.example\x1b[0m", ["evil.example"]),
        ("ev\x1b[01;31m\x1b[Kil\x1b[m\x1b[K.example", ["evil.example"]),
        ("\\u001b[1mevil.example\\u001b[0m", ["evil.example"]),
        ("\\033[1;32m192.0.2.1\\033[0m", ["192.0.2.1"]),
        ("^[[31mevil.example^[[0m", ["evil.example"]),
        ("=?utf-8?Q?x=40evil.example?=", ["x@evil.example"]),
        ("=?UTF-8?B?eEBldmlsLmV4YW1wbGU=?=", ["x@evil.example"]),
        ("=?utf-8?q?x=40ev?=\n =?utf-8?q?il=2Eexample?=", ["x@evil.example"]),
        ("=?no-such?Q?x=40evil.example?=", []),
        ("sent by x=40evil.example today", ["x@evil.example"]),
        ("host=40evil.example", ["40evil.example"]),
        ("_@evil.example", ["evil.example"]),
        ("evil&#46;example&#x2e;com", ["evil.example.com"]),
        ("x&commat;evil&period;example", ["x@evil.example"]),
        ("http://evil.example/a?b=1&amp;c=2", ["http://evil.example/a?b=1&c=2"]),
        ("&lt;http://evil.example/a&gt;&nbsp;", ["http://evil.example/a"]),
        ("192\u20240\u20242\u20241", ["192.0.2.1"]),
        ("\uff11\uff19\uff12.0.2.\uff11", ["192.0.2.1"]),
        ("192%2E0%2e2%2E1", ["192.0.2.1"]),
        ("x%40evil.example", ["x@evil.example"]),
        ("redirect=https%3A%2F%2Fevil.example%2Fa&ip=192%2E0%2E2%2E1", ["https://evil.example/a", "192.0.2.1"]),
        ("GET /r?u=https%253A%252F%252Fevil.example%252Fa HTTP/1.1", ["https://evil.example/a"]),
        ("evil [.] example [.] com", ["evil.example.com"]),
        ("192 [.] 0 [.] 2 [.] 1", ["192.0.2.1"]),
        ("Dots are written [.] here, or [.] and (.) there", []),
        (f"\u54c8\u5e0c{MD5}\u5b8c", [MD5]),
        ("\u6f0f\u6d1eCVE-2025-53770\u88ab", ["CVE-2025-53770"]),
        ("\u8bbf\u95eehttp://evil.example/a", ["http://evil.example/a"]),
        ("IP 192.0.2.1.https > 192.0.2.5.51234: Flags", ["192.0.2.1", "192.0.2.5"]),
        ("IP 192.0.2.5.51234 > evil.example.domain: 1+ A? (33)", ["192.0.2.5", "evil.example"]),
        ("address=/evil.example/", ["evil.example"]),
        ("server=/evil.example/more.example/#", ["evil.example", "more.example"]),
        ("address=/evil.example/0.0.0.0", ["evil.example", "0.0.0.0"]),  # noqa: S104
        (f"{SHA256[:40]}\n{SHA256[40:]}", [SHA256]),
        (f"SHA-256: {SHA256[:32]}\r\n    {SHA256[32:]}", [SHA256]),
        (f"SHA256 = {SHA256[:20]}\n{SHA256[20:40]}\n{SHA256[40:]}", [SHA256]),
        (f"{MD5}\n{MD5[::-1]}", [MD5, MD5[::-1]]),
    ],
)
def test_what_a_reader_sees_is_found(text: str, expected: list[str]) -> None:
    assert values(text) == expected


@pytest.mark.parametrize("text", ["192.0.2.1/33", "2001:db8::/129", "192.0.2.1/443"])
def test_an_address_with_an_impossible_prefix_length_is_counted_and_not_a_url(text: str) -> None:
    found = extract(f"seen {text} there")
    assert (found.indicators, found.ambiguous, found.rejected) == ((), (), {"impossible address": 1})
    assert [one.kind for one in read_indicators(text)] == ["other"]


@pytest.mark.parametrize("path", ["gui/domain/evil.example/details", "gui/ip-address/192.0.2.1", f"gui/file/{MD5}"])
def test_a_page_about_an_indicator_is_a_reference_and_its_subject_is_found(path: str) -> None:
    found = extract(f"see https://www.virustotal.com/{path}")
    assert [one.indicator.value for one in found.indicators] == [path.split("/")[2]]
    assert [one.indicator.value for one in found.references] == [f"https://www.virustotal.com/{path}"]


@pytest.mark.parametrize(
    "text",
    ["&#4", "=?a?q?", "\x1b[", "%41", "x%40", "a=40b", "[.] ", "0123456789abcdef\n", "sha256: ab", "\u8bbf" + MD5],
)
def test_decoding_takes_linear_time(text: str) -> None:
    extract(text * (200_000 // len(text)))


@pytest.mark.parametrize("octets", [16, 20, 32])
def test_a_digest_with_colons_is_a_hash(octets: int) -> None:
    written = ":".join(["A1"] * octets)
    assert [one.value for one in read_indicators(f"SHA Fingerprint={written}")] == ["a1" * octets]
