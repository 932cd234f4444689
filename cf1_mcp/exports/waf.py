"""Expressions for rules of Cloudflare's Web Application Firewall."""

from collections.abc import Iterable, Iterator, Sequence
from typing import ClassVar, Final

from cf1_mcp.exports.blocking import NOT_FILTERED, order
from cf1_mcp.exports.blocklist import ListKind, blockable
from cf1_mcp.exports.format import Format, Heading, LeftOut
from cf1_mcp.exports.handling import Handling
from cf1_mcp.exports.observables import Observable
from cf1_mcp.models import Event, Tlp
from cf1_mcp.text.sanitize import escape_invisible

MAX_EXPRESSION_LENGTH: Final = 4_096
"""Characters that Cloudflare takes as the expression of one rule."""
# An attacker's name of more characters is none.
MAX_ATTACKER_LENGTH: Final = 200

WARNINGS: Final = (
    "Deploy each rule with the action Log first, look through its matches, and only then Block or Managed Challenge.",
    "The cf.intel.ip.* fields hold what an address did in the last seven days; an address ages out without notice.",
    "They are flattened per address: two conditions in one rule may be met by two different events.",
    "Names of attackers are compared with regard to case.",
)
IP_WARNING: Final = "A list of addresses does not age out: take them from the rule when they are old. " + NOT_FILTERED


class WafExpressions(Format):
    """One rule expression a line: by the attackers of the events, and for events that name none by their addresses."""

    media_type: ClassVar[str] = "text/plain;charset=utf-8"
    suffix: ClassVar[str] = ".txt"

    def __init__(self, handling: Handling, heading: Heading) -> None:
        super().__init__(handling, heading)
        self._attackers: Final = set[str]()
        self._addresses: Final = set[Observable]()

    def tail(self) -> Iterator[str]:
        attackers = (f"any(cf.intel.ip.attacker_names[*] == {_quoted(name)})" for name in sorted(self._attackers))
        addresses = (one.value for one in sorted(self._addresses, key=order))
        expressions = [*_joined(attackers, "", " or ", ""), *_joined(addresses, "ip.src in {", " ", "}")]
        yield from (f"# {line}\n" for line in (self._provenance(), *self.notes()))
        for number, expression in enumerate(expressions, 1):
            yield f"# Expression {number} of {len(expressions)}\n{expression}\n"

    def notes(self) -> Sequence[str]:
        return (*(WARNINGS if self._attackers else WARNINGS[:1]), *([IP_WARNING] if self._addresses else []))

    def _event(self, event: Event, level: Tlp) -> str | LeftOut:
        name = event.attacker.strip()
        if not name:
            found = blockable(event, ListKind.IP)
            if isinstance(found, LeftOut):
                return LeftOut(f"no attacker, and {found.reason}")
            self._addresses.add(found)
        elif escape_invisible(name) != name or len(name) > MAX_ATTACKER_LENGTH:
            return LeftOut("an attacker's name that no rule can hold")
        else:
            self._attackers.add(name)
        return ""


def _joined(parts: Iterable[str], start: str, between: str, end: str) -> Iterator[str]:
    """The parts in as few expressions as their length allows."""
    expression = ""
    for part in parts:
        longer = f"{expression}{between}{part}" if expression else f"{start}{part}"
        if len(longer) + len(end) > MAX_EXPRESSION_LENGTH:
            yield expression + end
            longer = f"{start}{part}"
        expression = longer
    if expression:
        yield expression + end


def _quoted(text: str) -> str:
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'
