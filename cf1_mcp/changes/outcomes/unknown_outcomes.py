"""Changes of which no answer tells whether they were made: what a look at the API finds, and how that is reported.

Finding a change made is conclusive. Finding that it was not is so only where the API says the same: what it accepts it
may do later, or show later than it answers.
"""

from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import Final

from pydantic import JsonValue

from cf1_mcp.changes.outcomes.change_results import Result
from cf1_mcp.errors import LOOK_FIRST, ApiError, ThreatEventsError, UnknownOutcome, may_have_been_made
from cf1_mcp.store.journal_records import Outcome

VERIFIED: Final = "The answer did not tell whether it was done; a look at the API right after it found it done."
NOT_SEEN: Final = "A look at the API right after it did not find it done, or not all of it. That may still come."
BEYOND: Final = "A look at the API right after it found this. Whether anything else was changed is unknown."
NOT_TOLD: Final = "A look at the API right after it did not show whether it was done, or not of all of it."
NOT_LOOKED: Final = "A look at the API right after it failed."


def describe_unknown(error: ThreatEventsError, found: Result | None = None, look: str = "") -> Result:
    """Return the result of a change that ended with an error after which it may have been made, and what was found."""
    facts: dict[str, JsonValue] = {"next": LOOK_FIRST, "reason": error.sentence.replace(LOOK_FIRST, "").strip()}
    if look:
        facts["look"] = look
    untrusted: dict[str, JsonValue] = {"said": [*error.words]} if error.words else {}
    if found is None:
        return Result("unknown", facts, untrusted)
    return Result("unknown", {**facts, **found.facts}, {**untrusted, **found.untrusted})


async def find_out(error: ApiError, look: Callable[[], Awaitable[Result]]) -> Result:
    """Return what a look finds after a request that ended with an error.

    `look` returns `done` if it finds everything done, `failed` if nothing, `unknown` if it cannot tell, and `partial`
    otherwise.

    Raises:
        ApiError: the error itself, if it means that nothing was done.
    """
    if not may_have_been_made(error):
        raise error
    try:
        found = await look()
    except ApiError as failure:
        return describe_unknown(error, Result("unknown", {}, {"look_failed": str(failure)}), NOT_LOOKED)
    if isinstance(error, UnknownOutcome) and error.beyond:
        return describe_unknown(error, found, BEYOND)
    if found.status == "done":
        return replace(found, facts={**found.facts, "verified": VERIFIED})
    if found.status == "failed" and isinstance(error, UnknownOutcome) and error.denied:
        return found
    return describe_unknown(error, found, NOT_TOLD if found.status == "unknown" else NOT_SEEN)


async def hold_to_look(answered: Result, problem: str, look: Callable[[], Awaitable[Result]]) -> Result:
    """Return what a look finds after an answer by which less was done than was asked for, or something else.

    `answered` is what the answer says, `problem` the sentence for it, and `look` the same as for `find_out`. Known is
    what a look finds done, and what it finds as the answer says: what both name is the same.
    """
    unclear = UnknownOutcome(problem)
    try:
        found = await look()
    except ApiError as failure:
        untrusted = {**answered.untrusted, "look_failed": str(failure)}
        return describe_unknown(unclear, replace(answered, untrusted=untrusted), NOT_LOOKED)
    if found.status == "done":
        return replace(found, facts={**found.facts, "verified": VERIFIED})
    said, seen = ({**one.facts, **one.untrusted} for one in (answered, found))
    both = replace(
        answered, facts={**answered.facts, **found.facts}, untrusted={**answered.untrusted, **found.untrusted}
    )
    if found.status == "unknown":
        return describe_unknown(unclear, both, NOT_TOLD)
    if all(said.get(name, value) == value for name, value in seen.items()):
        return both
    return describe_unknown(unclear, both, NOT_SEEN)


def combine(*, is_any_done: bool, is_any_open: bool, is_any_unknown: bool) -> Outcome:
    """Return the outcome of a change of several parts: unknown if that of any part is, so that none is repeated."""
    if is_any_unknown:
        return "unknown"
    return ("partial" if is_any_done else "failed") if is_any_open else "done"
