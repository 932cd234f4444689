"""One typed indicator: its kind, its host and its registered domain."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cf1_mcp.indicators import KINDS, Indicator, classify, registered_domain, url_host


@pytest.mark.parametrize(
    ("typed", "kind", "value", "reserved"),
    [
        ("Evil[.]example", "domain", "evil.example", True),
        (" *.evil.co.uk. ", "domain", "evil.co.uk", False),
        ("setup.py", "domain", "setup.py", False),
        ("b\u00fccher.example", "domain", "xn--bcher-kva.example", True),
        ("evil\u200b[.]example:8080", "domain", "evil.example", True),
        ("192[.]0[.]2[.]1:443", "ipv4", "192.0.2.1", True),
        ("::ffff:9.9.9.9", "ipv4", "9.9.9.9", False),
        ("[2001:DB8::0:1]:443", "ipv6", "2001:db8::1", True),
        ("fe80::1%eth0", "ipv6", "fe80::1", True),
        ("192.0.2.7/24", "cidr", "192.0.2.0/24", True),
        ("hXXps[:]//Evil[.]example/A", "url", "https://evil.example/A", True),
        ("evil.co.uk/a", "url", "evil.co.uk/a", False),
        ("evil.co.uk/", "domain", "evil.co.uk", False),
        ("Jo.Doe[at]evil[.]example", "email", "jo.doe@evil.example", True),
        ("D41D8CD98F00B204E9800998ECF8427E", "md5", "d41d8cd98f00b204e9800998ecf8427e", False),
        ("a" * 40, "sha1", "a" * 40, False),
        ("a" * 64, "sha256", "a" * 64, False),
        ("t13d1516h2_8daaf6152771_b186095e22b6", "ja4", "t13d1516h2_8daaf6152771_b186095e22b6", False),
        ("cve-2025-53770", "cve", "CVE-2025-53770", False),
        ("ASN 64496", "asn", "AS64496", False),
    ],
)
def test_a_typed_indicator_has_a_kind_and_a_canonical_value(typed: str, kind: str, value: str, reserved: bool) -> None:
    found = classify(typed)
    assert found is not None
    assert (found.kind, found.value, found.reserved) == (kind, value, reserved)


@pytest.mark.parametrize(
    "typed",
    [
        "",
        "  ",
        "x",
        "two evil.example",
        "invoice.pdf",
        "evil.nosuch",
        "999.1.1.1",
        "1.2.3",
        "AS0",
        "a" * 33,
        "http://",
        "http://[::1",
        "a@",
        "http://evil.example:99999/",
        f"http://evil.example/{'a' * 2048}",
        "9" * 5000,
    ],
)
def test_text_that_is_not_an_indicator_is_none(typed: str) -> None:
    assert classify(typed) is None


@given(st.text(max_size=60) | st.from_regex(r"[a-z0-9.:/@\[\]%-]{0,40}"))
def test_classifying_a_classified_value_changes_nothing(typed: str) -> None:
    found = classify(typed)
    assert found is None or (found.kind in KINDS and classify(found.value) == found)


@pytest.mark.parametrize(
    ("url", "host"),
    [
        ("https://u:p@Shop.Evil.co.uk:80/x?y=@z", "shop.evil.co.uk"),
        ("evil.example/x", "evil.example"),
        ("http://[2001:db8::1]/", "2001:db8::1"),
        ("http://192.0.2.1", "192.0.2.1"),
        ("http://localhost/", None),
        ("", None),
    ],
)
def test_the_host_of_a_url_is_canonical(url: str, host: str | None) -> None:
    assert url_host(url) == host


@pytest.mark.parametrize(
    ("host", "registered"),
    [
        ("a.shop.evil.co.uk", "evil.co.uk"),
        ("a.b.example", "b.example"),
        ("page.github.io", "page.github.io"),
        ("co.uk", None),
        ("192.0.2.1", None),
    ],
)
def test_a_host_belongs_to_its_registered_domain(host: str, registered: str | None) -> None:
    assert registered_domain(host) == registered


def test_indicators_are_equal_by_value() -> None:
    assert classify("EVIL[.]example") == Indicator("domain", "evil.example", reserved=True)
