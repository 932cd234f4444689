"""Regular expressions for text that looks like an indicator. None of them backtracks, so matching takes linear time."""

import re
from typing import Final

from cf1_mcp.indicators.hosts import OTHER_DOTS
from cf1_mcp.indicators.kinds import ASN, CVE, JA4
from cf1_mcp.indicators.urls import TAIL, URL

# Invisible characters, which a human reader does not notice; and the backslash with which JSON may escape a slash.
INVISIBLE: Final = re.compile(
    r"[\u00ad\u034f\u061c\u200b-\u200f\u202a-\u202e\u2060-\u2064\u2066-\u2069\ufeff]+|\\(?=/)"
)
BIDI_CONTROL: Final = re.compile(r"[\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]")

_DOT: Final = rf"[.{OTHER_DOTS}]"
_RUN: Final = rf"[\w+.{OTHER_DOTS}-]"
_ALONE: Final = rf"(?![\w-]*+{_DOT}\w)"
_MAIL: Final = rf"@[\w.{OTHER_DOTS}-]++"
_NAME: Final = rf"[\w+-]++(?:{_DOT}++[\w+-]{_RUN}*+(?P<mail>{_MAIL})?+|(?P<mail_only>{_MAIL}))"
_V6: Final = r"(?=[0-9A-Fa-f]{0,4}:[0-9A-Fa-f]{0,4}:)[0-9A-Fa-f:]++(?:\.\d{1,5}){0,3}+"
# A match starts only where a run of such characters starts, so each run is tried once.
CANDIDATE: Final = re.compile(
    rf"(?<!{_RUN})[+.{OTHER_DOTS}-]*+(?:(?P<url>{URL})|(?P<hash_word>(?i:ja3s?|md5)(?![0-9A-Za-z]){_ALONE})"
    rf"|(?P<cve>{CVE}(?!\w){_ALONE})|(?P<asn>{ASN}(?![\w-]){_ALONE})|(?P<ja4>{JA4}(?!\w))"
    rf"|(?P<hex>[0-9A-Fa-f]{{32,}}+(?![\w-]){_ALONE})|(?P<v6>{_V6})|(?P<name>{_NAME}))"
)

# The parts of a run that contains characters or empty labels that no name has.
NAME_PART: Final = re.compile(r"[^+.]++(?:\.[^+.]++)++")
# An ASCII letter next to a letter of a script that puts no spaces between words.
UNSPACED_SCRIPT: Final = re.compile(r"[A-Za-z0-9][\u2e80-\u2fff\u3040-\ud7ff]|[\u2e80-\u2fff\u3040-\ud7ff][A-Za-z0-9]")
ASCII_NAME: Final = re.compile(r"[A-Za-z0-9_-]++(?:\.[A-Za-z0-9_-]++)++")
# Addresses joined by a hyphen.
ADDRESS_RANGE: Final = re.compile(r"\d++(?:\.\d++){3}+(?=-|\Z)")

# What may directly follow a name or an address.
PREFIX_LENGTH: Final = re.compile(r"/\d{1,3}(?![\w./])")
PORT: Final = re.compile(r":(\d{1,5})(?!\d)(?:/(?:tcp|udp)\b)?", re.IGNORECASE)
PATH: Final = re.compile(rf"/{TAIL}")
BRACKETED_PORT: Final = re.compile(r"\]:(\d{1,5})(?!\d)")

# A hardware address of eight octets (EUI-64), which looks like an IPv6 address.
EUI64: Final = re.compile(r"[0-9A-Fa-f]{2}(?::[0-9A-Fa-f]{2}){7}")
