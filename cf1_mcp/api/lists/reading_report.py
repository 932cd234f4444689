"""What a caller of a list learns beside its events: what was not searched, and which rows did not fit the question."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Final, NamedTuple

from cf1_mcp.errors import ApiError

# That no API makes its largest pages smaller than this is a guess. Where it is wrong, a list may end early.
MIN_MAXIMUM: Final = 10


class Misfit(NamedTuple):
    """An event that may be shown and does not fit the question: how many events that fit came before it, and the
    fields of the conditions that it does not meet.
    """

    place: int
    fields: frozenset[str]


@dataclass
class ReadingReport:
    """What happened while the pages of one search were read.

    `missed` are the datasets that could not be searched, each by its uuid or a scope word, with the failure. With
    `is_repeated` the API answered a further page with events that it had returned before, so the list may go on.
    `is_unordered`: the events did not come in the order of the question. `fits` counts those that fit it, and
    `is_stopped` says that so many did not that the rest was not read. `unproved` are fields of conditions of which
    nobody knows whether the API heeds them: events that do not show that they meet them are misfits. With
    `lacks_rows` the API says that there are events, and returned none.
    """

    missed: dict[str, ApiError] = field(default_factory=dict[str, ApiError])
    is_repeated: bool = False
    is_unordered: bool = False
    misfits: list[Misfit] = field(default_factory=list[Misfit])
    fits: int = 0
    is_stopped: bool = False
    unproved: set[str] = field(default_factory=set[str])
    lacks_rows: bool = False

    def list_misfits(self, used: int | None = None) -> list[Misfit]:
        """Return the misfits, or those before the last of the first `used` events.

        Where a page ends may depend on events that may not be shown, so whoever uses a part of the events counts the
        misfits of that part.
        """
        return self.misfits if used is None else [one for one in self.misfits if one.place < used]

    def seems_ignored(self, used: int | None = None) -> bool:
        """Whether the API seems to ignore the search: most of the events do not fit."""
        return len(self.list_misfits(used)) > (self.fits if used is None else used)

    def is_unproved(self, used: int | None = None) -> bool:
        """Whether events were left out because nobody knows whether they fit."""
        return any(self.unproved & one.fields for one in self.list_misfits(used))


def merge_reports(reports: Iterable[ReadingReport]) -> ReadingReport:
    """Return one report of several searches that are told together."""
    merged = ReadingReport()
    for report in reports:
        merged.missed |= report.missed
        merged.is_repeated |= report.is_repeated
        merged.is_unordered |= report.is_unordered
        merged.misfits += report.misfits
        merged.fits += report.fits
        merged.is_stopped |= report.is_stopped
        merged.unproved |= report.unproved
        merged.lacks_rows |= report.lacks_rows
    return merged


@dataclass
class PagingTrust:
    """What the pages of an API have shown of its paging details.

    `maximum` is the least number of rows that its largest pages may have, and `tells_more` says that it has told of a
    list that it goes on. Before that, nobody knows whether it tells the end of a list or nothing at all.
    """

    maximum: int = MIN_MAXIMUM
    tells_more: bool = False

    def note_page(self, rows: int, tells_more: bool) -> None:
        self.maximum = max(self.maximum, rows)
        self.tells_more = self.tells_more or tells_more

    def note_end(self, rows: int) -> None:
        """Note that nothing came after a page that could have been as large as the API makes any. A round number may
        be its maximum all the same, and the list have just as many rows.
        """
        is_round = rows % 5 == 0 or rows & (rows - 1) == 0
        self.maximum = max(self.maximum, rows if is_round else rows + 1)

    def may_be_cut(self, rows: int, page_size: int) -> bool:
        """Whether a page of fewer rows than were asked for may be as large as the API makes any, and not the last."""
        return self.maximum <= rows < page_size and not self.tells_more


@dataclass
class SearchTrust:
    """What was found out about how an API searches.

    `needs_body`: it ignores a search in the URL and heeds one in a body. That is not tried again before `retry_body`,
    a monotonic time. `heeded` says for a field, an operator, and whether in the URL, until when it is known that such
    conditions are heeded or not. `no_indicators` is why the list of indicators could not be read, which is not tried
    again before `retry_indicators`. `paging` and `indicator_paging` are what its pages have
    shown.
    """

    needs_body: bool = False
    retry_body: float = float("-inf")
    heeded: dict[tuple[str, str, bool], tuple[bool, float]] = field(
        default_factory=dict[tuple[str, str, bool], tuple[bool, float]]
    )
    no_indicators: ApiError | None = None
    retry_indicators: float = float("-inf")
    paging: PagingTrust = field(default_factory=PagingTrust)
    indicator_paging: PagingTrust = field(default_factory=PagingTrust)
