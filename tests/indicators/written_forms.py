"""Indicators as people write them: what stands around them, how they are spelt, and what they are read as."""

from collections.abc import Iterator
from typing import NamedTuple

IPV4, IPV6, NETWORK = "192.0.2.77", "2001:db8::77", "198.51.100.0/24"
NAME, IDN, URL = "login.evil.example", "xn--bcher-kva.example", "https://evil.example/a/b?c=d"
EMAIL, CVE, ASN = "jo.doe@evil.example", "CVE-2025-53770", "AS64496"
MD5, SHA1, SHA256, SHA512 = ("0123456789abcdef" * 8)[:32], ("fedcba9876543210" * 8)[:40], "0a" * 32, "0b" * 64
TYPES = {
    IPV4: "ip",
    IPV6: "ip",
    NETWORK: "cidr",
    NAME: "domain",
    IDN: "domain",
    URL: "url",
    EMAIL: "email",
    MD5: "hash",
    SHA1: "hash",
    SHA256: "hash",
    SHA512: "hash",
    CVE: "cve",
    ASN: "asn",
}
"""Every value, with the type that the accounts of these tests give it."""

AROUND = [
    "{}",
    "  {}\n",
    "{},",
    "{};",
    "{}.",
    "({})",
    "<{}>",
    '"{}"',
    "`{}`",
    "**{}**",
    "- {}",
    "* {}",
    "\u2022 {}",
    "1. {}",
    "23) {}",
    "({}).",
    "IOC: {}",
    "C2 = {}",
    "seen: {};",
    "1. Indicator: {},",
    "| {} |",
    "[ ] {}",
    "{}\\n",
    "\\t{}",
]
"""What stands around a value, in a list, a table, a mail or a log."""

OWN: dict[str, list[str]] = {
    IPV4: [
        "192[.]0[.]2[.]77",
        "192.0.2[.]77",
        "192&#46;0&#46;2&#46;77",
        "192%2E0%2E2%2E77",
        "192\u20240\u20242\u202477",
        "\uff11\uff19\uff12.0.2.77",
        "192 [.] 0 [.] 2 [.] 77",
        "192.0.2.77/32",
        "192.0.2.77:443",
        "192[.]0[.]2[.]77[:]443",
        "192.0.2.77.443",
        "192.0.2.77:53/udp",
        "::ffff:192.0.2.77",
        "IP: 192.0.2.77",
        "src=192.0.2.77",
        "IPv4 address: 192.0.2.77:8080",
        "192\u30020\u30022\u300277",
    ],
    IPV6: [
        "2001:DB8::77",
        "2001:0db8:0000:0000:0000:0000:0000:0077",
        "2001:db8::77/128",
        "[2001:db8::77]:443",
        "[2001:db8::77]",
        "2001[:]db8::77",
        "IPv6: 2001:db8::77",
    ],
    NETWORK: ["198.51.100.7/24", "198[.]51[.]100[.]0/24", "CIDR: 198.51.100.0/24"],
    NAME: [
        "LOGIN.Evil.Example",
        "login[.]evil[.]example",
        "login(.)evil(.)example",
        "login [dot] evil [dot] example",
        "login.evil.example.",
        "*.login.evil.example",
        "login[.]evil[.]example:8443",
        "login.evil.example:443",
        "login\u200b.evil.example",
        "login\uff0eevil\uff0eexample",
        "domain: login.evil.example",
        "FQDN=login.evil.example",
        "hostname:login.evil.example",
        "login\\u002eevil.example",
        "login\\x2eevil.example",
        "login&#46;evil&#46;example",
        "login%2Eevil%2Eexample",
        "login [.] evil [.] example",
    ],
    IDN: [
        "b\u00fccher.example",
        "B\u00dcCHER.Example",
        "bu\u0308cher.example",
        "b\u00fccher[.]example",
        "XN--BCHER-KVA.example",
        "b\\u00fccher.example",
        "*.b\u00fccher.example",
        "b\u00fccher.example.",
        "b\u00fccher\u3002example",
    ],
    URL: [
        "hxxps://evil[.]example/a/b?c=d",
        "hXXps[:]//evil[.]example/a/b?c=d",
        "HTTPS://EVIL.example/a/b?c=d",
        "https://evil.example./a/b?c=d",
        "https:\\/\\/evil.example\\/a\\/b?c=d",
        "URL: https://evil.example/a/b?c=d",
        "[here](https://evil.example/a/b?c=d)",
        "link=https://evil.example/a/b?c=d",
    ],
    EMAIL: [
        "Jo.Doe@Evil.Example",
        "jo.doe[at]evil[.]example",
        "jo.doe[@]evil.example",
        "mailto:jo.doe@evil.example",
        "mailto:jo.doe@evil.example?subject=x",
        "Email: jo.doe@evil.example",
        "jo.doe@evil.example.",
        "jo.doe%40evil.example",
        "jo.doe&commat;evil.example",
    ],
    MD5: [MD5.upper(), f"MD5: {MD5}", f"md5:{MD5}", f"MD5={MD5}", f"MD5 hash: {MD5}"],
    SHA1: [SHA1.upper(), f"SHA-1: {SHA1}", f"sha1:{SHA1}"],
    SHA256: [SHA256.upper(), f"SHA256: {SHA256}", f"sha256:{SHA256}", f"SHA-256 = {SHA256}", f"hash: {SHA256}"],
    SHA512: [SHA512.upper(), f"SHA-512: {SHA512}", f"sha512:{SHA512}"],
    CVE: ["cve-2025-53770", "CVE 2025-53770", "CVE\u20112025\u201153770", "CVE: CVE-2025-53770"],
    ASN: ["ASN 64496", "ASN64496", "asn:64496"],
}
"""Other spellings of each value."""


class WrittenForm(NamedTuple):
    """A text, and the value that it is read as."""

    text: str
    value: str


def written_forms() -> Iterator[WrittenForm]:
    """Yield every form of every value."""
    for value in TYPES:
        yield from (WrittenForm(around.format(value), value) for around in AROUND)
        yield from (WrittenForm(text, value) for text in OWN[value])
