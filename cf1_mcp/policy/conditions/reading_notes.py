"""What can be concluded from a list of events, and what a caller must know about it."""

from typing import Final

from cf1_mcp.api.lists.reading_report import ReadingReport
from cf1_mcp.errors import UnexpectedAnswer
from cf1_mcp.text.plurals import plural

IGNORED: Final = (
    "The API seems to ignore the search: most of the events that it returned do not fit the question. Nothing can be "
    "concluded from its answer. Tell the operator: the API, or something in front of it, drops the filters."
)
NO_ROWS: Final = (
    "The API says that there are events, and returned none of them: that nothing was found shows nothing. Try again "
    "later."
)
UNPROVED: Final = (
    "Whether the API heeds the search cannot be told: it returned events that do not show whether they fit, and gave "
    "no clear answer to a question that no event can fit. Nothing can be concluded from its answer. Try again later."
)
# After which an empty list shows nothing.
INCONCLUSIVE: Final = (IGNORED, UNPROVED, NO_ROWS)


def check_reading(report: ReadingReport, ending: str = "") -> None:
    """Raise an error if nothing can be concluded from a list, with an `ending` that says what that means.

    Raises:
        UnexpectedAnswer: the API seems to ignore the search, nobody knows whether it heeds it, or
            it returned no rows although it says that there are some.
    """
    if report.lacks_rows and not report.fits:
        raise UnexpectedAnswer(f"{NO_ROWS}{ending}")
    if report.is_unproved():
        raise UnexpectedAnswer(f"{UNPROVED}{ending}")
    if report.seems_ignored():
        raise UnexpectedAnswer(f"{IGNORED}{ending}")


def describe_reading(report: ReadingReport, used: int | None = None) -> list[str]:
    """Return what a caller must know about a list of which the first `used` events were used, or all."""
    misfits = report.list_misfits(used)
    notes: list[str] = []
    if report.is_unproved(used):
        them = "event that the API returned was", "events that the API returned were"
        fields = ", ".join(sorted(report.unproved))
        notes.append(f"{UNPROVED} {plural(len(misfits), *them)} left out. Asked about: {fields}.")
    elif report.seems_ignored(used):
        fields = ", ".join(sorted({field for one in misfits for field in one.fields}))
        returned = len(misfits) + (report.fits if used is None else used)
        notes.append(
            f"{IGNORED} {len(misfits)} of {plural(returned, 'event')} were left out. They do not fit in: {fields}."
        )
    elif misfits:
        them = "event that the API returned does", "events that the API returned do"
        were = "was" if len(misfits) == 1 else "were"
        notes.append(f"{plural(len(misfits), *them)} not fit the question and {were} left out.")
    if report.lacks_rows and not report.fits:
        notes.append(NO_ROWS)
    if report.is_repeated:
        notes.append("The API answered a further page with the same events, so there may be more than were read.")
    if report.is_unordered:
        notes.append("The API did not keep the order: events were sorted here, as far as they were read.")
    return notes
