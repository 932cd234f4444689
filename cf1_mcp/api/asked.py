"""Answers are held to the question: one about another object than the one asked about is refused.

What was asked for is what the rules allowed, what the preview showed and what the journal names.
"""

from collections.abc import Iterable
from typing import cast

from cf1_mcp.errors import UnexpectedAnswer, UnknownOutcome
from cf1_mcp.models import Done, Event, Raw

REREAD = (
    "Search for it again. If this continues, tell the operator: something between here and the API mixes answers up."
)
LOOK = "It is unknown what was changed."


def is_same_id(one: str | int, other: str | int) -> bool:
    """Return whether two ids are the same. They compare without regard to case."""
    return str(one).strip().casefold() == str(other).strip().casefold()


def require_same(found: str | int, asked: str | int, what: str, *, changed: bool = False) -> None:
    """Refuse an answer about another object. `changed` says that a change was requested, not a read.

    Raises:
        UnexpectedAnswer: the ids differ. An `UnknownOutcome` if a change was requested.
    """
    if is_same_id(found, asked):
        return
    problem = f"The API answered about another {what} than the one asked for."
    if changed:
        raise UnknownOutcome(f"{problem} {LOOK}", asked=what, beyond=True)
    raise UnexpectedAnswer(f"{problem} {REREAD}")


def hold_event(event: Event, asked: str, dataset_id: str = "", *, changed: bool = False) -> Event:
    """Return an event under the id that was asked for. Raises the same as `require_same`."""
    require_same(event.uuid, asked, "event", changed=changed)
    if dataset_id and event.dataset_id and changed:
        require_same(event.dataset_id, dataset_id, "dataset", changed=changed)
    return event if event.uuid == asked else event.model_copy(update={"uuid": asked})


def hold_raw(raw: Raw, asked: str, *, changed: bool = False) -> Raw:
    """Return raw evidence if it has the id that was asked for, or a number, which some routes return instead.

    Raises the same as `require_same`.
    """
    if asked and not raw.id.isdecimal():
        require_same(raw.id, asked, "piece of evidence", changed=changed)
    return raw


def require_count(count: int, most: int, what: str) -> int:
    """Return a number of changed objects.

    Raises:
        UnknownOutcome: it is negative, or larger than the number asked for.
    """
    if not 0 <= count <= most:
        problem = f"The API reports another number of {what} than is possible."
        raise UnknownOutcome(f"{problem} {LOOK}", asked=what, beyond=count > most)
    return count


def require_done(answer: Done, what: str) -> Done:
    """Return an answer that says that something was done.

    Raises:
        UnknownOutcome: it says so. It is `denied` then, which a look can confirm.
    """
    if not answer.success:
        raise UnknownOutcome(f"The API answered that it did not change the {what}.", asked=what, denied=True)
    return answer


def require_acknowledged(answer: object, what: str) -> None:
    """Refuse an answer whose body is not published, and which does not report success by itself.

    Raises:
        UnknownOutcome: it is neither an envelope, which would report that, nor a result that does so itself.
    """
    envelope = cast("dict[str, object]", answer) if isinstance(answer, dict) else {}
    result = envelope.get("result")
    parts = [cast("dict[str, object]", one) for one in (envelope, result) if isinstance(one, dict)]
    words = [one["success"] for one in parts if "success" in one]
    # A failure in an envelope is an error already.
    if not words or words[-1] is False:
        raise UnknownOutcome(f"The API answered without saying whether the {what} was deleted.", asked=what)


def names_object(answer: object, uuid: str) -> bool:
    """Return whether an answer, or the result in it, has the uuid of an object."""
    envelope = cast("dict[str, object]", answer) if isinstance(answer, dict) else {}
    parts = [cast("dict[str, object]", one) for one in (envelope, envelope.get("result")) if isinstance(one, dict)]
    return any(isinstance(found := part.get("uuid"), str) and is_same_id(found, uuid) for part in parts)


def drop_other_datasets(events: Iterable[Event], dataset_ids: Iterable[str]) -> list[Event]:
    """Return the events of the datasets that were asked for, by uuid. An event without a dataset is kept."""
    asked = {one.strip().casefold() for one in dataset_ids}
    return [event for event in events if not event.dataset_id or event.dataset_id.strip().casefold() in asked]
