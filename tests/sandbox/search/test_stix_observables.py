"""Indicators as STIX observables."""

import pytest

from cf1_mcp.sandbox.search.stix_observables import parse_observable


@pytest.mark.parametrize(
    ("kind", "value", "expected"),
    [
        ("domain", "relay.example", "[domain-name:value = 'relay.example']"),
        ("DOMAIN", "it's\\", "[domain-name:value = 'it\\'s\\\\']"),
        ("ip", "192.0.2.1", "[ipv4-addr:value = '192.0.2.1']"),
        ("ip", "2001:DB8::1", "[ipv6-addr:value = '2001:db8::1']"),
        ("cidr", "192.0.2.0/24", "[ipv4-addr:value ISSUBSET '192.0.2.0/24']"),
        ("url", "https://a.example/?q='", "[url:value = 'https://a.example/?q=\\'']"),
        ("hash", "d" * 32, f"[file:hashes.'MD5' = '{'d' * 32}']"),
        ("hash", "D" * 40, f"[file:hashes.'SHA-1' = '{'d' * 40}']"),
        ("hash", "0" * 64, f"[file:hashes.'SHA-256' = '{'0' * 64}']"),
        ("hash", "f" * 128, f"[file:hashes.'SHA-512' = '{'f' * 128}']"),
        ("certificate", "0" * 64, f"[x509-certificate:hashes.'SHA-256' = '{'0' * 64}']"),
        ("email", "a@b.example", "[email-addr:value = 'a@b.example']"),
        ("filename", "x.exe", "[file:name = 'x.exe']"),
        ("asn", "AS64496", "[autonomous-system:number = 64496]"),
        ("hash", "abc", None),
        ("ip", "192.0.2.999", None),
        ("cve", "CVE-2026-12345", None),
        ("ja3", "d" * 32, None),
    ],
)
def test_the_comparison_depends_on_the_indicator_type(kind: str, value: str, expected: str | None) -> None:
    observable = parse_observable(kind.lower(), value)
    assert (observable and f"[{observable.comparison}]") == expected
