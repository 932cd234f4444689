"""Expressions for rules of Cloudflare's Web Application Firewall."""

from collections.abc import Iterable, Iterator, Sequence
from typing import ClassVar, Final

from cf1_mcp.exports.blocklist import ListKind, describe_filter, list_value, sort_key
from cf1_mcp.exports.export_file import ExportFile, FileHeading, Omission
from cf1_mcp.exports.observables import Observable
from cf1_mcp.models import Event, Tlp
from cf1_mcp.text.sanitize import escape_invisible

MAX_EXPRESSION_LENGTH: Final = 4_096
"""Characters that Cloudflare accepts in the expression of one rule."""
# A longer text is not the name of an attacker.
MAX_ATTACKER_LENGTH: Final = 200

DEPLOYMENT_NOTE: Final = (
    "Deploy each rule with the action Log first, review its matches, and only then use Block or Managed Challenge."
)
ATTACKER_NOTES: Final = (
    "The cf.intel.ip.* fields cover the last seven days: an address that was quiet for longer no longer matches.",
    "They are flattened per address: two conditions in one rule can match two different events.",
    "Attacker names are case-sensitive.",
)
ADDRESS_NOTE: Final = "Addresses in a rule do not expire: remove them from the rule when they are outdated."


class WafExpressions(ExportFile):
    """One rule expression per line: by the attackers of the events, or by address for events without an attacker."""

    media_type: ClassVar[str] = "text/plain;charset=utf-8"
    suffix: ClassVar[str] = ".txt"

    def __init__(self, max_tlp: Tlp, heading: FileHeading) -> None:
        super().__init__(max_tlp, heading)
        self._attackers: Final = set[str]()
        self._addresses: Final = set[Observable]()

    def tail(self) -> Iterator[str]:
        attackers = (f"any(cf.intel.ip.attacker_names[*] == {_quote(name)})" for name in sorted(self._attackers))
        addresses = (one.value for one in sorted(self._addresses, key=sort_key))
        expressions = [*_join(attackers, "", " or ", ""), *_join(addresses, "ip.src in {", " ", "}")]
        yield from (f"# {line}\n" for line in (self._provenance(), *self.notes()))
        for number, expression in enumerate(expressions, 1):
            yield f"# Expression {number} of {len(expressions)}\n{expression}\n"

    def notes(self) -> Sequence[str]:
        attacker_notes = ATTACKER_NOTES if self._attackers else ()
        return (DEPLOYMENT_NOTE, *attacker_notes, *([f"{ADDRESS_NOTE} {describe_filter()}"] if self._addresses else []))

    def _event(self, event: Event, level: Tlp) -> str | Omission:
        name = event.attacker.strip()
        if not name:
            found = list_value(event, ListKind.IP)
            if isinstance(found, Omission):
                reason = found.reason if found.named else f"no attacker, and {found.reason}"
                return Omission(reason, found.named)
            self._addresses.add(found)
        elif escape_invisible(name) != name or len(name) > MAX_ATTACKER_LENGTH:
            return Omission("an attacker name that a rule cannot contain")
        else:
            self._attackers.add(name)
        return ""


def _join(parts: Iterable[str], start: str, separator: str, end: str) -> Iterator[str]:
    """Join the parts to as few expressions as the maximum length allows."""
    expression = ""
    for part in parts:
        longer = f"{expression}{separator}{part}" if expression else f"{start}{part}"
        if len(longer) + len(end) > MAX_EXPRESSION_LENGTH:
            yield expression + end
            longer = f"{start}{part}"
        expression = longer
    if expression:
        yield expression + end


def _quote(text: str) -> str:
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'
