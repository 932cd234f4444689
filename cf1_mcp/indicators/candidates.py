"""What has the looks of an indicator. Every pattern takes linear time: none gives back what it has taken."""

import re
from typing import Final

from cf1_mcp.indicators.hosts import OTHER_DOTS
from cf1_mcp.indicators.kinds import ASN, CVE, JA4
from cf1_mcp.indicators.urls import TAIL, URL

# Nothing is seen of these, so a reader reads on across them; JSON may escape a slash.
UNSEEN: Final = re.compile(r"[\u00ad\u034f\u061c\u200b-\u200f\u202a-\u202e\u2060-\u2064\u2066-\u2069\ufeff]+|\\(?=/)")
TURNING: Final = re.compile(r"[\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]")

_DOT: Final = rf"[.{OTHER_DOTS}]"
_RUN: Final = rf"[\w+.{OTHER_DOTS}-]"
_ALONE: Final = rf"(?![\w-]*+{_DOT}\w)"
_MAIL: Final = rf"@[\w.{OTHER_DOTS}-]++"
_NAME: Final = rf"[\w+-]++(?:{_DOT}++[\w+-]{_RUN}*+(?P<mail>{_MAIL})?+|(?P<mail_too>{_MAIL}))"
_V6: Final = r"(?=[0-9A-Fa-f]{0,4}:[0-9A-Fa-f]{0,4}:)[0-9A-Fa-f:]++(?:\.\d{1,3}){0,3}+"
# A match begins only where a run of such characters begins, hence each run is tried once.
CANDIDATE: Final = re.compile(
    rf"(?<!{_RUN})[+.{OTHER_DOTS}-]*+(?:(?P<url>{URL})|(?P<said>(?i:ja3s?|md5)(?![0-9A-Za-z]){_ALONE})"
    rf"|(?P<cve>{CVE}(?!\w){_ALONE})|(?P<asn>{ASN}(?![\w-]){_ALONE})|(?P<ja4>{JA4}(?!\w))"
    rf"|(?P<hex>[0-9A-Fa-f]{{32,}}+(?![\w-]){_ALONE})|(?P<v6>{_V6})|(?P<name>{_NAME}))"
)

# Parts of a name's run, where it holds what no name does.
PIECE: Final = re.compile(r"[^+.]++(?:\.[^+.]++)++")
# Letters beside those of a script that puts no spaces between words; addresses joined by a hyphen.
UNSPACED: Final = re.compile(r"[A-Za-z0-9][\u2e80-\u2fff\u3040-\ud7ff]|[\u2e80-\u2fff\u3040-\ud7ff][A-Za-z0-9]")
ASCII_NAME: Final = re.compile(r"[A-Za-z0-9_-]++(?:\.[A-Za-z0-9_-]++)++")
JOINED: Final = re.compile(r"\d++(?:\.\d++){3}+(?=-|\Z)")

# What may follow at once.
PREFIX: Final = re.compile(r"/\d{1,3}(?![\w./])")
PORT: Final = re.compile(r":(\d{1,5})(?!\d)(?:/(?:tcp|udp)\b)?", re.IGNORECASE)
PATH: Final = re.compile(rf"/{TAIL}")
BRACKETED_PORT: Final = re.compile(r"\]:(\d{1,5})(?!\d)")

# A hardware address of eight octets, in the form of an IPv6 address.
OCTETS: Final = re.compile(r"[0-9A-Fa-f]{2}(?::[0-9A-Fa-f]{2}){7}")
