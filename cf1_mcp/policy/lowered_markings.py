"""Markings that a change of an event and its raw evidence would set or lower.

`new` has the new fields of the event by their names, `new_raw` the new parts of its evidence.
"""

from collections.abc import Mapping

from pydantic import JsonValue

from cf1_mcp.errors import Withheld
from cf1_mcp.models import Event, Raw, Tlp
from cf1_mcp.policy.read_policy import ReadPolicy


def with_new_values(
    event: Event, new: Mapping[str, str], raw: Raw, new_raw: Mapping[str, JsonValue]
) -> tuple[Event, Raw]:
    """Return the event and its evidence with their new values."""
    return event.model_copy(update={**new}), raw.model_copy(update={**new_raw})


def check_new_markings(
    read_policy: ReadPolicy,
    event: Event,
    new: Mapping[str, str],
    raw: Raw | None,
    new_raw: Mapping[str, JsonValue],
) -> None:
    """Refuse new markings above the ceiling: what may not be seen may not be created.

    Raises:
        Withheld: the event, or its raw evidence, would have a marking above the ceiling.
    """
    levels = [Tlp.of(new["tlp"])] if "tlp" in new else []
    if raw is not None and new_raw:
        levels.append(read_policy.raw_marking(*with_new_values(event, new, raw, new_raw)))
    for level in levels:
        if level.rank > read_policy.ceiling.rank:
            raise Withheld(f"Marking something {level.value}", read_policy.tlp_rule)


def describe_lowered_markings(
    event: Event, new: Mapping[str, str], raw: Raw | None, new_raw: Mapping[str, JsonValue]
) -> list[str]:
    """Return a sentence for each lowered marking. That of unmarked evidence follows the marking of its event."""
    sentences: list[str] = []
    old, now = Tlp.of(event.tlp), Tlp.of(new.get("tlp", event.tlp))
    if now.rank < old.rank:
        sentences.append(f"This lowers the event's marking from {old} to {now}.")
    if raw is not None and ("tlp" in new_raw or not raw.is_empty):
        old, now = (
            ReadPolicy.raw_marking(event, raw),
            ReadPolicy.raw_marking(*with_new_values(event, new, raw, new_raw)),
        )
        if now.rank < old.rank:
            sentences.append(f"This lowers the raw evidence's marking from {old} to {now}.")
    return sentences
