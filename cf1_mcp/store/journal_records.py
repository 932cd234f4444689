"""What the journal records, and what it returns."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any, Final, Literal, NotRequired, TypedDict

from pydantic import JsonValue

from cf1_mcp.models import Tlp
from cf1_mcp.settings import SANDBOX_ACCOUNT, Settings
from cf1_mcp.store.database import StoreError

Outcome = Literal["done", "partial", "failed", "unknown"]
# In place of a base address: the embedded sandbox is not reached by one.
EMBEDDED: Final = "embedded sandbox"
# Saved queries and alerts have no marking, and the entries of their changes hold no events.
_UNMARKED_NOUNS: Final = ("saved_query", "query_alert")


class JournalError(StoreError):
    """The journal cannot be written or read, or does not contain what was requested."""


@dataclass(frozen=True)
class ChangeOrigin:
    """Who made a change, and against which API.

    `identity` is empty over stdio. `client` is the name and version that the client states. `sandbox` says that the
    API's data is fictional.
    """

    account: str
    base_url: str
    identity: str = ""
    client: str = ""
    sandbox: bool = False

    @classmethod
    def of(cls, settings: Settings, *, client: str = "", sandbox: bool = False, identity: str = "") -> "ChangeOrigin":
        """Return the origin of a change under these settings. Without credentials it is the embedded sandbox."""
        if settings.credentials is None:
            return cls(SANDBOX_ACCOUNT, EMBEDDED, identity, client, True)
        return cls(settings.credentials.account_id, settings.base_url, identity, client, sandbox)

    def is_of(self, other: "ChangeOrigin") -> bool:
        """Whether both are of one account at one base address, and of one identity."""
        return (self.account, self.base_url, self.identity) == (other.account, other.base_url, other.identity)


@dataclass(frozen=True)
class Intent:
    """A change before it is made. `arguments` contain neither a code nor a secret; `before` is what an undo needs.

    `marking` is the highest marking of all that the entry holds: events and raw evidence, before and after. Entries of
    releases before 0.3 have no `origin`, and no `marking` either: it is computed when they are read.
    """

    tool: str
    arguments: Mapping[str, JsonValue]
    datasets: tuple[str, ...]
    summary: str
    before: JsonValue
    undoes: str | None = None
    origin: ChangeOrigin | None = None
    marking: Tlp | None = None


@dataclass(frozen=True)
class Change:
    """An intent with its outcome. Without a recorded outcome it is `unknown` and has no `finished_at`.

    `undone_by` is the newest change that undoes this one and has not failed; it may itself be partial or unknown.
    """

    id: str
    at: datetime
    intent: Intent
    outcome: Outcome
    result: JsonValue
    finished_at: datetime | None
    undone_by: str | None


class IntentContent(TypedDict):
    """The content of an intent's entry. The pre-image is stored in a column of its own."""

    at: str
    tool: str
    arguments: dict[str, JsonValue]
    datasets: list[str]
    summary: str
    origin: NotRequired[dict[str, Any]]
    marking: NotRequired[str]


class OutcomeContent(TypedDict):
    """The content of an outcome's entry."""

    at: str
    result: JsonValue


def describe_intent(intent: Intent, at: str) -> IntentContent:
    """Return the content of an intent's entry."""
    content: IntentContent = {
        "at": at,
        "tool": intent.tool,
        "arguments": dict(intent.arguments),
        "datasets": list(intent.datasets),
        "summary": intent.summary,
    }
    if intent.origin is not None:
        content["origin"] = asdict(intent.origin)
    if intent.marking is not None:
        content["marking"] = raise_marking(intent.marking, content["arguments"], intent.before)
    return content


def restore_intent(content: IntentContent, undoes: str | None, before: JsonValue) -> Intent:
    """Return the intent of an entry."""
    marking, origin = content.get("marking"), content.get("origin")
    return Intent(
        tool=content["tool"],
        arguments=content["arguments"],
        datasets=tuple(content["datasets"]),
        summary=content["summary"],
        before=before,
        undoes=undoes,
        origin=ChangeOrigin(**origin) if origin is not None else None,
        marking=Tlp.of(marking) if marking else compute_marking(content["tool"], content["arguments"], before),
    )


def dump_canonical(value: JsonValue | IntentContent | OutcomeContent) -> str:
    """Return JSON in one form: sorted keys, no spaces, ASCII. Any text is read back unchanged."""
    try:
        return json.dumps(value, sort_keys=True, separators=(",", ":"))
    except (ValueError, RecursionError) as error:
        raise JournalError(
            "its arguments or what it changes cannot be written as JSON, as they are nested too deeply or too large. "
            "Request a smaller change."
        ) from error


def raise_marking(marking: Tlp, *held: JsonValue) -> Tlp:
    """Return the marking, or a higher one that what the entry holds has: a plan may have forgotten a part."""
    stated = [Tlp.of(text) for text in _find_markings(held) if text.strip()]
    return max([marking, *stated], key=lambda level: level.rank)


def compute_marking(tool: str, *held: JsonValue) -> Tlp:
    """Return the marking of an entry that states none, from what it holds.

    An event or raw evidence without a marking counts as amber, and so does an entry that only names events.
    """
    if tool.endswith(_UNMARKED_NOUNS):
        return Tlp.CLEAR
    found = [Tlp.of(text) for text in _find_markings(held)]
    return max(found, key=lambda level: level.rank, default=Tlp.AMBER)


def _find_markings(held: tuple[JsonValue, ...]) -> Iterator[str]:
    """Yield the markings in stored JSON, and an empty text for each event or raw evidence without one."""
    # A list of parts instead of recursion: stored JSON may be nested deeply.
    parts: list[tuple[str, JsonValue]] = [("", one) for one in held]
    while parts:
        name, part = parts.pop()
        if isinstance(part, list):
            parts += [(name, one) for one in part]
        elif isinstance(part, dict):
            if "tlp" in part:
                yield str(part["tlp"] or "")
            elif name == "event" or isinstance(part.get("event"), str) or (name == "raw" and any(part.values())):
                yield ""
            # The data of evidence is what somebody else wrote: a marking in it is not that of the evidence.
            parts += [(key, one) for key, one in part.items() if key != "data"]
