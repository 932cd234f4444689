"""Placeholders for what a recording must not contain: ids, texts, indicators, names, secrets.

Everything is replaced unless it is known to be harmless (markings, ISO country codes, ATT&CK ids, dates, numbers,
booleans). Equal values get equal placeholders, so that an id in a path still fits the id in the answer. A placeholder
has the kind of what it replaces, and a text its class of length.
"""

import json
import re
from collections.abc import Mapping
from typing import Final, get_args

from pydantic import JsonValue

from cf1_mcp.models import SearchField, SearchOp, Tlp
from cf1_mcp.text.secrets import SecretMask
from cf1_mcp.text.uuids import parse_uuid

LENGTHS: Final = (10, 40, 160, 640, 2_000)
"""The classes of length of texts: up to so many characters. The last one stands for all that are longer."""
MAX_ROWS: Final = 25
"""How many elements of a list are kept."""
MAX_KEYS: Final = 100
MAX_DEPTH: Final = 40

# Keys whose numbers identify an account, a person or an object.
_ID_KEY: Final = re.compile(r"(?:^|_)ids?$|Ids?$")
_KEY: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,39}")
_COUNTER_KEY: Final = re.compile(r"num[A-Z]\w*|\w*[Cc]ount|total\w*|killChain|page|pageSize|per_page")
_COUNTER: Final = re.compile(r"\d{1,9}|true|false")
# Keys whose texts are JSON in a grammar of the API, so that the keys inside are the API's too.
_GRAMMARS: Final = frozenset({"search", "searchBranches", "query_json"})
_COMPACT: Final = re.compile("(event|indicator|tag):(.+)", re.DOTALL)
_DATE: Final = re.compile(r"\d{4}-\d\d-\d\d([T ]\d\d:\d\d(:\d\d(\.\d{1,9})?)?(Z|[+-]\d\d:?\d\d)?)?")
_HARMLESS: Final[Mapping[str, re.Pattern[str]]] = {
    "attackerCountry": re.compile("[A-Z]{2,3}|[a-z]{2,3}"),
    "targetCountry": re.compile("[A-Z]{2,3}|[a-z]{2,3}"),
    "attackerCountryAlpha3": re.compile("[A-Z]{3}"),
    "targetCountryAlpha3": re.compile("[A-Z]{3}"),
    "originCountryISO": re.compile("[A-Z]{2,3}"),
    "alpha2": re.compile("[A-Z]{2}"),
    "alpha3": re.compile("[A-Z]{3}"),
    "mitreAttack": re.compile(r"T\d{4}(\.\d{3})?"),
    "mitreCapec": re.compile(r"(CAPEC-)?\d{1,4}"),
}
_CHOICES: Final[Mapping[str, frozenset[str]]] = {
    "tlp": frozenset({*Tlp, "white", "amber-strict", "purple"}),
    "indicatorType": frozenset(
        {"asn", "certificate", "cidr", "cve", "domain", "email", "filename", "hash", "hostname", "ip", "ipv4", "ipv6"}
        | {"ja3", "ja4", "md5", "mutex", "sha1", "sha256", "sha512", "url", "user-agent", "wallet"}
    ),
    "field": frozenset({*map(str.lower, get_args(SearchField)), "value"}),
    "aggregateBy": frozenset(map(str.lower, get_args(SearchField))),
    "op": frozenset(map(str.lower, get_args(SearchOp))),
    "frequency": frozenset({"immediate", "daily"}),
    "notification_type": frozenset({"ans"}),
    "order": frozenset({"asc", "desc"}),
    "relationshipType": frozenset({"related_to", "caused_by", "attributed_to", "tagged_with", "appears_in"}),
    "type": frozenset({"event", "indicator", "tag"}),
    "sourceType": frozenset({"event", "indicator", "tag"}),
    "targetType": frozenset({"event", "indicator", "tag"}),
    "role": frozenset({"focal", "read", "write"}),
    "indicatorWriteMode": frozenset({"read_only", "create_only", "full"}),
}
_HASH: Final = re.compile("[0-9a-f]{32}|[0-9a-f]{40}|[0-9a-f]{64}|[0-9a-f]{128}", re.IGNORECASE)
_IPV4: Final = re.compile(r"\d{1,3}(\.\d{1,3}){3}(/\d{1,2})?")
_IPV6: Final = re.compile(r"[0-9a-f:]{2,39}(/\d{1,3})?", re.IGNORECASE)
_URL: Final = re.compile(r"[a-z][a-z0-9+.-]*://\S+", re.IGNORECASE)
_EMAIL: Final = re.compile(r"[^\s@]+@[^\s@]+\.[^\s@]+")
_DOMAIN: Final = re.compile(r"[a-z0-9_-]+(\.[a-z0-9_-]+)+", re.IGNORECASE)
_HEX: Final = "fedcba9876543210" * 8


class Placeholders:
    """The placeholders of one recording. A key that contains one of the secrets is replaced like a value."""

    def __init__(self, secrets: SecretMask) -> None:
        self._secrets = secrets
        self._found: dict[tuple[str, str], str] = {}
        self._counts: dict[str, int] = {}

    def replace(self, value: JsonValue, key: str = "", *, free: bool = False, depth: int = 0) -> JsonValue:
        """Return a JSON value without anything that identifies somebody. `key` is the key that it stands under; `free`
        says that the keys and numbers inside it were chosen by others too."""
        if depth > MAX_DEPTH:
            return None
        match value:
            case None | bool():
                return value
            case str():
                return self.text(value, key, free=free)
            case int() | float():
                return self._number(value, key, free)
            case list():
                return [self.replace(one, key, free=free, depth=depth + 1) for one in value[:MAX_ROWS]]
            case dict():
                return {
                    self.key(name, free=free): self.replace(inner, name, free=free or name == "data", depth=depth + 1)
                    for name, inner in list(value.items())[:MAX_KEYS]
                }

    def text(self, text: str, key: str = "", *, free: bool = False) -> str:
        """Return a text that says nothing: a harmless one as it is, any other as a placeholder of its kind."""
        if not text.strip() or _is_harmless(text, key):
            return text
        nested = _parse_container(text)
        if nested is not None:
            return json.dumps(self.replace(nested, key, free=free or key not in _GRAMMARS), separators=(",", ":"))
        if compact := _COMPACT.fullmatch(text):
            return f"{compact[1]}:{self.text(compact[2], 'id')}"
        if parse_uuid(text):
            return self._placeholder("uuid", text.lower())
        for kind, pattern in (("hash", _HASH), ("ipv4", _IPV4), ("url", _URL), ("email", _EMAIL)):
            if pattern.fullmatch(text):
                return self._placeholder(kind, text)
        if text.count(":") > 1 and _IPV6.fullmatch(text):
            return self._placeholder("ipv6", text)
        if _ID_KEY.search(key):
            return self._placeholder("number" if text.isdecimal() else "id", text)
        return self._placeholder("domain" if _DOMAIN.fullmatch(text) else "text", text)

    def key(self, name: str, *, free: bool = False) -> str:
        """Return the key of an object, or the name of a parameter or header, if it looks like one of the API."""
        plain = not free and _KEY.fullmatch(name) is not None
        return name if plain and not self.is_secret(name) else self._placeholder("key", name)

    def is_secret(self, text: str) -> bool:
        """Whether a text contains a secret."""
        return self._secrets.may_be_in(text.encode(errors="surrogatepass"))

    def _number(self, number: float, key: str, free: bool) -> float:
        if free:
            return 1
        return int(self._placeholder("number", str(number))) if _ID_KEY.search(key) else number

    def _placeholder(self, kind: str, text: str) -> str:
        place = (kind, text)
        if place not in self._found:
            number = self._counts[kind] = self._counts.get(kind, 0) + 1
            self._found[place] = _format(kind, number, text)
        return self._found[place]


def _is_harmless(text: str, key: str) -> bool:
    if _DATE.fullmatch(text) or (_COUNTER_KEY.fullmatch(key) and _COUNTER.fullmatch(text)):
        return True
    pattern = _HARMLESS.get(key)
    return text.lower() in _CHOICES.get(key, ()) or (pattern is not None and pattern.fullmatch(text) is not None)


def _parse_container(text: str) -> JsonValue:
    """Return the object or list that a text is the JSON of; None for any other text."""
    if text.lstrip()[:1] not in ("{", "["):
        return None
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return None


def _format(kind: str, number: int, text: str) -> str:
    match kind:
        case "uuid":
            return f"00000000-0000-4000-8000-{number:012d}"
        case "hash":
            return f"{number:x}{_HEX}"[: len(text)]
        case "ipv4":
            # The three documentation ranges in turn.
            return f"{('192.0.2', '198.51.100', '203.0.113')[number // 250 % 3]}.{number % 250 + 1}"
        case "ipv6":
            return f"2001:db8::{number:x}"
        case "domain":
            return f"host-{number}.example"
        case "url":
            return f"https://host-{number}.example/path"
        case "email":
            return f"person-{number}@example.com"
        case "id":
            return f"id{number}"
        case "key":
            return f"key_{number}"
        case "number":
            return str(number)
        case _:
            room = next((length for length in LENGTHS if len(text) <= length), LENGTHS[-1])
            return f"text {number}".ljust(room, "." if room > LENGTHS[0] else " ").rstrip()
