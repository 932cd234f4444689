"""Indicators in a text, in each form in which authors write them."""

import pytest
from inline_snapshot import snapshot

from cf1_mcp.errors import BadArgument
from cf1_mcp.indicators import extract
from tests.indicators.summaries import certain_values, summarize

MD5, SHA1, SHA256 = "0123456789abcdef" * 2, "0123456789abcdef0123" * 2, "0123456789abcdef" * 4
JA4 = "t13d1516h2_8daaf6152771_b186095e22b6"
BIDI = "\u202e"


@pytest.mark.parametrize(
    "written",
    [
        "evil[.]example",
        "evil(.)example",
        "evil{.}example",
        "evil [.]example",
        "evil[dot]example",
        "evil (dot) example",
        "evil\\.example",
        "evil\\[.\\]example",
        "evil<.>example",
        "evil[.example",
        "evil.]example",
        "EVIL[.]Example",
        "evil\u200b.example",
        "evil\u3002example",
        "evil\uff0eexample",
        "*.evil.example",
        "@evil.example",
        "-evil.example",
        "(evil.example)",
        "**evil.example**",
        "_evil.example_",
        "evil.example,",
        "evil.example.",
        "evil[.]example.The",
        "evil.example.The",
        "evil.example\u3002\u7136\u540e",
        "\u57df\u540devil.example\u88ab",
        "a=evil.example&b",
        "%2Fevil.example",
    ],
)
def test_a_domain_is_found_however_it_is_written(written: str) -> None:
    assert certain_values(f"It resolves {written} first") == ["evil.example"]


@pytest.mark.parametrize(
    ("written", "url"),
    [
        ("hxxp://evil[.]example/a", "http://evil.example/a"),
        ("hXXps[:]//evil[.]example/a", "https://evil.example/a"),
        ("hxxp[://]evil.example/a", "http://evil.example/a"),
        ("h**p://evil[.]example/a", "http://evil.example/a"),
        ("http[:]//evil[.]example/a[.]php", "http://evil.example/a.php"),
        ("fxp://evil[.]example/a", "ftp://evil.example/a"),
        ("https:\\/\\/evil.example\\/a", "https://evil.example/a"),
        ("(see https://evil.example/a_(b)).", "https://evil.example/a_(b)"),
        ("<https://evil.example/a>", "https://evil.example/a"),
        ("[here](https://evil.example/a)", "https://evil.example/a"),
        ("evil[.]example/a", "evil.example/a"),
        ("evil[.]example[:]8080/a", "evil.example:8080/a"),
        ("192.0.2[.]7/a", "192.0.2.7/a"),
        ("http://[2001:db8::1]:80/a", "http://[2001:db8::1]:80/a"),
        ("HTTP://User@EVIL.example:80/A?q=http://b.example/", "http://User@evil.example:80/A?q=http://b.example/"),
        ("ldap://evil.example:1389/a", "ldap://evil.example:1389/a"),
        ("https://evil.bücher.example/a", "https://evil.xn--bcher-kva.example/a"),
    ],
)
def test_a_url_is_found_in_full(written: str, url: str) -> None:
    assert certain_values(f"It loads {written} next") == [url]


def test_urls_in_a_list_without_spaces_are_separate() -> None:
    assert certain_values("http://a.example/x,https://b.example/y;ftp://c.example") == [
        "http://a.example/x",
        "https://b.example/y",
        "ftp://c.example",
    ]


def test_names_on_both_sides_of_a_slash_are_separate() -> None:
    assert certain_values("a.example/b.example") == ["a.example", "b.example"]


def test_addresses_keep_their_ports_and_ranges() -> None:
    text = (
        "192.0.2[.]1:443, 192.0.2.1[:]8080, 192.0.2.0/24, 198.51.100.7:53/udp, 203.0.113.1-203.0.113.9, "
        "[2001:db8::1]:8443, 2001[:]db8::2, 2001:DB8:0:0::/32, ::ffff:192.0.2.1, evil.example:80, 192.0.2.2:99999"
    )
    assert summarize(text) == snapshot(
        [
            "0: ipv4 192.0.2.1 x3 defanged ports 443, 8080 reserved",
            "35: cidr 192.0.2.0/24 reserved",
            "49: ipv4 198.51.100.7 ports 53 reserved",
            "70: ipv4 203.0.113.1 reserved",
            "82: ipv4 203.0.113.9 reserved",
            "96: ipv6 2001:db8::1 ports 8443 reserved",
            "115: ipv6 2001:db8::2 defanged reserved",
            "130: cidr 2001:db8::/32 reserved",
            "167: domain evil.example ports 80 reserved",
            "184: ipv4 192.0.2.2 reserved",
        ]
    )


@pytest.mark.parametrize(
    "text",
    [
        "12:30:45",
        "00:11:22:33:44:55",
        "00:11:22:33:44:55:66:77",
        "std::string",
        "::",
        "1.5",
        "10.0.19045",
        "1.3.6.1.4.1.311",
        "e.g. this",
        "a.m.",
        "end.Next",
        "123e4567-e89b-12d3-a456-426614174000",
        "AS0",
        "as 500 victims",
        "CVE-2025-1",
        "T1566.002",
        "jo.doe@",
        "git@github.com",
        "TCP/IP and/or",
        "\\Users\\x.exe",
        "Dots are written [.] here",
        "",
        "No indicator in it.",
    ],
)
def test_text_that_only_looks_like_an_indicator_is_ignored(text: str) -> None:
    found = extract(text)
    assert (found.indicators, found.ambiguous, found.references) == ((), (), ())


def test_rejected_text_is_counted_by_reason() -> None:
    text = (
        f"invoice.pdf run.exe 999.1.1.1 http://300.1.1.1/ com.vendor.app ASP.NET foo.bar.nosuch co.uk end.Next {'a' * 33} "
        f"{'label.' * 50}example jo@evil.nosuch"
    )
    assert summarize(text) == snapshot(
        [
            "rejected: 1 end of one sentence and start of the next",
            "rejected: 2 file name",
            "rejected: 1 hexadecimal of unknown length",
            "rejected: 2 impossible address",
            "rejected: 2 no such top-level domain",
            "rejected: 2 package or product name",
            "rejected: 1 public suffix alone",
            "rejected: 1 too long",
        ]
    )


def test_hashes_are_distinguished_by_length_and_surrounding_words() -> None:
    text = (
        f"MD5 {MD5.upper()}, SHA1={SHA1}; {SHA256}.exe dropped. JA3: {MD5} and {'f' * 32}. JA4: {JA4}. "
        f"{SHA1}.The rest: md5 {'e' * 32}, {'d' * 41}, {MD5}.evil.example"
    )
    assert summarize(text) == snapshot(
        [
            "4: md5 0123456789abcdef0123456789abcdef",
            "43: sha1 0123456789abcdef01230123456789abcdef0123 x2",
            "85: sha256 0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef",
            "168: ja3 0123456789abcdef0123456789abcdef",
            "205: ja3 ffffffffffffffffffffffffffffffff",
            "244: ja4 t13d1516h2_8daaf6152771_b186095e22b6",
            "337: md5 eeeeeeeeeeeeeeeeeeeeeeeeeeeeeeee",
            "414: domain 0123456789abcdef0123456789abcdef.evil.example reserved",
            "rejected: 1 hexadecimal of unknown length",
        ]
    )


def test_a_ja3_heading_applies_to_its_own_list_only() -> None:
    later = "The dropper was written in a hurry and has been seen in several places since. " * 3
    lines = [f"JA3 fingerprints\n{MD5}\n{'a' * 32}\n", later, f"{'b' * 32}"]
    kinds = [one.indicator.kind for one in extract("".join(lines)).indicators]
    assert kinds == ["ja3", "ja3", "md5"]


def test_cve_and_asn_have_one_canonical_form() -> None:
    assert summarize("cve-2025-53770 CVE\u20112025\u201153770 AS64496, ASN 64496 and ASN: 64511") == snapshot(
        ["0: cve CVE-2025-53770 x2", "30: asn AS64496 x2", "53: asn AS64511"]
    )


def test_an_email_address_is_one_indicator() -> None:
    text = "jo.doe+x[at]evil[.]example, <billing@evil.example>, mailto:a_b@EVIL.example; root@192.0.2.7"
    assert summarize(text) == snapshot(
        [
            "0: email jo.doe+x@evil.example defanged reserved",
            "29: email billing@evil.example reserved",
            "59: email a_b@evil.example reserved",
            "82: ipv4 192.0.2.7 reserved",
        ]
    )


def test_a_version_number_is_ambiguous() -> None:
    text = (
        "version 1.2.3.4, 1.2.3.5 and 1.2.3.6; v2.0.0.1; Chrome/120.0.0.0; before build 9.9.9.9. It calls 198.51.100.7"
    )
    assert summarize(text) == snapshot(
        [
            "97: ipv4 198.51.100.7 reserved",
            "ambiguous 8: ipv4 1.2.3.4 (may be a version number)",
            "ambiguous 17: ipv4 1.2.3.5 (may be a version number)",
            "ambiguous 29: ipv4 1.2.3.6 (may be a version number)",
            "ambiguous 38: ipv4 2.0.0.1 (may be a version number)",
            "ambiguous 55: ipv4 120.0.0.0 (may be a version number)",
            "ambiguous 79: ipv4 9.9.9.9 (may be a version number)",
        ]
    )


def test_a_defanged_address_is_not_a_version() -> None:
    assert summarize("version 192.0.2[.]4 and version 192.0.2.5:443") == snapshot(
        ["8: ipv4 192.0.2.4 defanged reserved", "32: ipv4 192.0.2.5 ports 443 reserved"]
    )


def test_an_extension_that_is_a_top_level_domain_is_ambiguous_unless_defanged() -> None:
    assert summarize("setup.py deploy.sh x.bank.co.uk y.vercel.app") == snapshot(
        [
            "19: domain x.bank.co.uk",
            "32: domain y.vercel.app",
            "ambiguous 0: domain setup.py (may be a file name: its ending is a file extension and a top-level domain)",
            "ambiguous 9: domain deploy.sh (may be a file name: its ending is a file extension and a top-level domain)",
        ]
    )
    assert summarize("evil[.]zip and setup.py") == snapshot(["0: domain evil.zip defanged", "rejected: 1 file name"])


def test_a_defanged_name_with_an_unknown_top_level_domain_is_ambiguous() -> None:
    assert summarize("evil[.]bazar, invoice[.]pdf, abcdef[.]onion") == snapshot(
        [
            "29: domain abcdef.onion defanged",
            "ambiguous 0: domain evil.bazar defanged (written as an indicator, but no such top-level domain is known)",
            "ambiguous 14: domain invoice.pdf defanged (written as an indicator, but no such top-level domain is known)",
        ]
    )


def test_code_that_reads_as_an_ipv6_address_is_ambiguous() -> None:
    assert summarize("dead::beef 2001:db8::1") == snapshot(
        [
            "11: ipv6 2001:db8::1 reserved",
            "ambiguous 0: ipv6 dead::beef (may be program code: an IPv6 address without a digit)",
        ]
    )


def test_a_bidi_control_inside_a_name_makes_it_ambiguous() -> None:
    assert summarize(f"evil{BIDI}.example and {BIDI}good.example") == snapshot(
        [
            "19: domain good.example reserved",
            "ambiguous 0: domain evil.example reserved (contains a character that changes the direction of the text)",
        ]
    )


def test_international_names_are_returned_in_ascii() -> None:
    assert certain_values("\u0430pple.example xn--pple-43d.example b\u00fccher.example") == [
        "xn--pple-43d.example",
        "xn--bcher-kva.example",
    ]


def test_duplicates_are_counted_at_the_first_offset() -> None:
    assert summarize("Evil[.]example, evil.EXAMPLE and evil.example:80; 1.2.3.4, version 1.2.3.4") == snapshot(
        ["0: domain evil.example x3 defanged ports 80 reserved", "50: ipv4 1.2.3.4 x2"]
    )


def test_live_links_of_a_report_that_defangs_are_references() -> None:
    text = (
        "From https://blog.vendor.example/post and vendor.example/iocs (intel@vendor.example, www.vendor.example): "
        "evil[.]example, https://drop.evil.example/x, http://192.0.2.1/y and other.example."
    )
    assert summarize(text) == snapshot(
        [
            "106: domain evil.example defanged reserved",
            "122: url https://drop.evil.example/x reserved",
            "151: url http://192.0.2.1/y reserved",
            "174: domain other.example reserved",
            "reference 5: url https://blog.vendor.example/post reserved",
            "reference 42: url vendor.example/iocs reserved",
            "reference 63: email intel@vendor.example reserved",
            "reference 85: domain www.vendor.example reserved",
        ]
    )


def test_live_links_of_a_text_that_defangs_only_mail_are_indicators() -> None:
    assert certain_values("https://evil.example/x, write to jo[at]vendor[.]example") == [
        "https://evil.example/x",
        "jo@vendor.example",
    ]


def test_offsets_are_positions_in_the_original_text() -> None:
    text = "hxxps[:]//a[.]example/x \u200b\u200b b[.]example \ufeff and c [dot] example 192.0.2[.]1"
    offsets = {one.indicator.value: text[one.offset :][:4] for one in extract(text).indicators}
    assert offsets == {"https://a.example/x": "hxxp", "b.example": "b[.]", "c.example": "c [d", "192.0.2.1": "192."}


def test_a_text_over_a_megabyte_is_refused() -> None:
    with pytest.raises(BadArgument) as refused:
        extract("x" * 5_000_000)
    assert str(refused.value) == snapshot(
        "text: 5,000,000 characters are too many. Use at most 1 MB (1,048,576 characters)."
    )


def test_ten_thousand_indicators_are_accepted_and_one_more_is_refused() -> None:
    hosts = [f"h{number}.example" for number in range(10_001)]
    assert len(extract(" ".join(hosts[:-1])).indicators) == 10_000
    with pytest.raises(BadArgument) as refused:
        extract(" ".join(hosts))
    assert str(refused.value) == snapshot(
        "text: it contains more than 10,000 different indicators. Use one part of it at a time."
    )
