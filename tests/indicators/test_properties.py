"""Properties that hold for all indicators in all prose, and for all text."""

import re

from hypothesis import given
from hypothesis import strategies as st

from cf1_mcp.indicators import classify, extract, registered_domain
from cf1_mcp.indicators.extraction import MAX_TEXT_LENGTH
from cf1_mcp.text.defang import refang

HEX = "0123456789abcdef"
TOPS = ["example", "com", "net", "co.uk", "de", "top"]
# A name that starts like a Java package is taken for one.
PACKAGES = {"com", "org", "net", "io", "edu", "gov", "java", "javax"}
label = st.from_regex(r"[a-z]([a-z0-9-]{0,10}[a-z0-9])?", fullmatch=True).filter(lambda word: word not in PACKAGES)
names = st.lists(label, min_size=1, max_size=3).map(".".join)
domain = st.builds("{}.{}".format, names, st.sampled_from(TOPS)).filter(
    lambda name: registered_domain(name) is not None
)
ipv4 = st.ip_addresses(v=4).map(str).filter(lambda value: not value.startswith("0."))
# An address without a digit may be program code.
ipv6 = st.ip_addresses(v=6).map(str).filter(lambda value: re.search("[1-9]", value) and "::ffff:" not in value)
path = st.from_regex(r"(/[a-z0-9]{1,8}){1,3}(\.php)?(\?[a-z]=[0-9]{1,3})?", fullmatch=True)
url = st.builds("{}://{}{}".format, st.sampled_from(["http", "https", "ftp"]), domain | ipv4, path)
local = st.from_regex(r"[a-z][a-z0-9]{0,8}([.+-][a-z0-9]{1,6})?", fullmatch=True)
email = st.builds("{}@{}".format, local, domain)
digest = st.sampled_from([32, 40, 64]).flatmap(lambda length: st.text(HEX, min_size=length, max_size=length))
cve = st.builds("CVE-{}-{}".format, st.integers(1999, 2030), st.integers(1000, 9_999_999))
asn = st.integers(1, 2**32 - 1).map("AS{}".format)
indicators = st.one_of(domain, ipv4, ipv6, url, email, digest, cve, asn)

DOTS = ["[.]", "(.)", "{.}", "[dot]", " [dot] ", "\\.", "\\[.\\]", "<.>"]
AT = ["[@]", "[at]", " (at) ", "(@)", "\\[@\\]"]
SCHEMES = {"http": ["hxxp", "hXXp", "h**p"], "https": ["hxxps", "hXXps"], "ftp": ["fxp", "ftp"]}
SLASHES = ["://", "[:]//", "[://]", "(:)//", ":[//]"]
BEFORE = ["the loader calls", "and", "which resolves to", "as seen (in May),", "-", "|", "\n*", "C2:", "\u2014"]


@st.composite
def defanged(draw: st.DrawFn) -> tuple[str, str]:
    """An indicator, and one of the ways in which authors defang it."""
    value = draw(indicators)
    kind = classify(value)
    assert kind is not None
    if kind.kind == "ipv6":
        return value, value.replace(":", draw(st.sampled_from([":", "[:]"])))
    scheme, _, rest = value.rpartition("://")
    if kind.kind in ("domain", "ipv4", "email", "url"):
        # Authors defang each dot or a single one; the last dot of the host is the one that matters.
        host, slash, behind = rest.partition("/")
        dot = draw(st.sampled_from(DOTS))
        parts = host.replace("@", draw(st.sampled_from(AT))).split(".")
        host = dot.join(parts) if draw(st.booleans()) else ".".join(parts[:-1]) + dot + parts[-1]
        rest = f"{host}{slash}{behind}"
    if scheme:
        rest = f"{draw(st.sampled_from(SCHEMES[scheme]))}{draw(st.sampled_from(SLASHES))}{rest}"
    return value, rest


@given(st.lists(defanged(), min_size=1, max_size=6), st.data())
def test_defanged_indicators_in_prose_are_found_exactly(written: list[tuple[str, str]], data: st.DataObject) -> None:
    words = [f"{data.draw(st.sampled_from(BEFORE))} {form}" for _, form in written]
    text = f"{' '.join(words)} afterwards."
    found = extract(text)
    expected = list(dict.fromkeys(str(classified.value) for value, _ in written if (classified := classify(value))))
    assert ([one.indicator.value for one in found.indicators], found.ambiguous, found.references) == (expected, (), ())
    assert [one.indicator.value for one in extract(refang(text)).indicators] == expected


@given(st.text(max_size=300) | st.text(".:/@[]()\\-_+%hxtp0aA1\u3002\u200b\u202e \n", max_size=300))
def test_any_text_is_read_and_every_offset_is_inside_it(text: str) -> None:
    found = extract(text)
    every = [*found.indicators, *found.ambiguous, *found.references]
    assert all(0 <= one.offset < len(text) and one.count > 0 for one in every)
    assert [one.offset for one in found.indicators] == sorted(one.offset for one in found.indicators)
    assert len({one.indicator for one in every}) == len(every)
    assert all(len(one.indicator.value) <= MAX_TEXT_LENGTH for one in every)
