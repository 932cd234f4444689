"""Whom a name means, by the account's own vocabulary."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from pydantic import JsonValue

from cf1_mcp.errors import BadArgument
from cf1_mcp.profiles.facts import Facts, short
from cf1_mcp.search.spelling import AccountSpelling, ReadValue

MAX_NAMES: Final = 12


@dataclass(frozen=True)
class Actor:
    """An actor under the `argument` that names it. `aliases` are the names that tags know beside those that events
    carry; None where the tags could not be read.
    """

    argument: str
    read: ReadValue
    aliases: Sequence[str] | None

    @property
    def names(self) -> tuple[str, ...]:
        """The names that events are searched for."""
        return self.read.meant

    def told(self) -> Facts:
        """Whom it is taken for: strangers' words."""
        facts: Facts = {self.argument: _listed(self.names)}
        if self.aliases:
            facts[f"{self.argument}_aliases"] = _listed(self.aliases)
        return facts

    def near(self) -> list[JsonValue]:
        """What a name that is unknown may have meant."""
        names = ", ".join(short(name) for name in self.read.near)
        return [f"{self.argument}: {short(self.read.typed)} is unknown, the nearest are {names}"] if names else []

    def unread(self) -> list[str]:
        return [f"aliases of {self.argument} could not be read."] if self.aliases is None else []


def actor(spelling: AccountSpelling, typed: str, argument: str) -> Actor:
    """The actor whom a name means.

    Raises:
        BadArgument: there is no name.
    """
    if not typed.strip():
        raise BadArgument(argument, "it is empty", "the name or an alias of an actor")
    read = spelling.read("attacker", typed)
    searched = {name.strip().casefold() for name in read.meant}
    known = dict.fromkeys(name for one in (typed, *read.meant) for name in spelling.aliases_of(one))
    aliases = [name for name in known if name.strip().casefold() not in searched]
    return Actor(argument, read, None if spelling.aliases is None else aliases)


def read_as(*actors: Actor) -> Facts:
    """How names were read, where that is not as they were typed."""
    said: list[JsonValue] = [
        f"{one.argument}: {short(one.read.typed)} as {' or '.join(short(name) for name in one.names[:MAX_NAMES])}"
        for one in actors
        if one.names != (one.read.typed,)
    ]
    return {"read_as": said} if said else {}


def did_you_mean(*actors: Actor) -> Facts:
    """The nearest known names of those that are unknown."""
    near = [sentence for one in actors for sentence in one.near()]
    return {"did_you_mean": near} if near else {}


def _listed(names: Sequence[str]) -> list[JsonValue]:
    more = [f"and {len(names) - MAX_NAMES} more"] if len(names) > MAX_NAMES else []
    return [*(short(name) for name in names[:MAX_NAMES]), *more]
