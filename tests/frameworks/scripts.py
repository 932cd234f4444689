"""Conversations of a model with the tools, written once for all frameworks.

A script yields calls and receives each answer as its framework's model sees it. It returns its final message to the
user.
"""

import re
from collections.abc import Callable, Generator
from dataclasses import dataclass
from typing import Any

import pytest

from tests.frameworks.conftest import DATASET
from tests.frameworks.reading import column, read

Turns = Generator["Call", str, str]
Conversation = Callable[[], Turns]


@dataclass(frozen=True)
class Call:
    """A tool call of the model."""

    tool: str
    arguments: dict[str, Any]


class Script:
    """The model's side of one conversation."""

    def __init__(self, turns: Turns) -> None:
        self._turns = turns

    def turn(self, seen: str | None) -> Call | str:
        """Return the next call or the final message. `seen` is the answer to the previous call; None begins."""
        try:
            return next(self._turns) if seen is None else self._turns.send(seen)
        except StopIteration as end:
            return end.value


# As reports print them.
REPORTED = ["198[.]51[.]100[.]35", "sso[.]ledger-sync[.]example", "CVE-2099-10020", "hxxps://unknown[.]example/a"]
ENRICH = Call("lookup_indicators", {"indicators": REPORTED})


def triage() -> Turns:
    """Investigate one address: find it, read the newest event with its evidence, follow its relationships."""
    found = read(
        (yield Call("search_threat_events", {"indicator": ["198[.]51[.]100[.]36"], "fields": ["uuid", "tlp"]}))
    )
    newest = {"event_id": column(found, "uuid")[0]}
    event = read((yield Call("get_threat_event", {**newest, "include": ["raw"]})))
    around = read((yield Call("list_related_threat_events", {**newest, "direction": "ancestors"})))
    source = event["raw"]["source"].replace("[.]", ".")
    return f"{event['attacker']}: {event['event']}. Seen by {source}. Part of {column(around, 'event')[-1]}."


TRIAGED = (
    "COPPER LANTERN: Stolen session cookie replayed from a residential network. Seen by sensors.example.net. "
    "Part of Operation Ledger Frost."
)


def enrichment() -> Turns:
    """Find the actors behind a report's indicators, and count their events."""
    matches = read((yield ENRICH))
    behind = sorted({name for names in column(matches, "attackers") for name in names.split(",") if name})
    counts = read((yield Call("aggregate_threat_events", {"columns": ["attacker"], "limit": 100})))
    events = dict(zip(column(counts, "attacker"), column(counts, "count"), strict=True))
    return ", ".join(f"{attacker} ({events[attacker]} events)" for attacker in behind)


ENRICHED = "COPPER LANTERN (311 events), VELOUR CICADA (65 events)"


def deletion() -> Turns:
    """Delete a false positive with the code of its preview, and check that it is gone."""
    where = {"dataset_ids": [DATASET], "indicator": ["go0.last-post.example"], "fields": ["uuid", "tlp"]}
    wrong = column(read((yield Call("search_threat_events", where))), "uuid")
    change = {"dataset_id": DATASET, "event_ids": wrong}
    preview = read((yield Call("delete_threat_events", change)))
    done = read((yield Call("delete_threat_events", {**change, "confirm": preview["code"]})))
    left = read((yield Call("search_threat_events", where)))
    return f"{preview['status']}, {done['status']}, {left['events']} left of {len(wrong)}"


DELETED = "confirmation_required, done, 0 left of 1"


def correction() -> Turns:
    """Correct a misspelt argument with the suggestion in the error."""
    refusal = yield Call("search_threat_events", {"attackers": ["GLASS HERON"]})
    right = re.search(r"did you mean '(\w+)'\?", refusal)
    assert right, refusal
    found = read((yield Call("search_threat_events", {right[1]: ["GLASS HERON"], "tlp": ["green"], "limit": 3})))
    return f"{right[1]}: {', '.join(column(found, 'attacker'))}"


CORRECTED = "attacker: GLASS HERON, GLASS HERON, GLASS HERON"

CONVERSATIONS = pytest.mark.parametrize(
    ("conversation", "expected"),
    [
        pytest.param(triage, TRIAGED, id="triage"),
        pytest.param(enrichment, ENRICHED, id="enrichment"),
        pytest.param(deletion, DELETED, id="deletion"),
        pytest.param(correction, CORRECTED, id="correction"),
    ],
)
