"""Fetch the events of a search and write them to a file page by page, so that no page stays in memory."""

from collections import Counter
from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from contextlib import aclosing
from dataclasses import dataclass, field
from functools import partial
from typing import Final

import anyio
from anyio.to_thread import run_sync

from cf1_mcp.api.client import ThreatEventsClient
from cf1_mcp.api.concurrency import MAX_CONCURRENT, gather
from cf1_mcp.api.lists.reading_report import ReadingReport
from cf1_mcp.errors import ThreatEventsError, Unavailable
from cf1_mcp.exports.export_file import ExportFile
from cf1_mcp.models import Event, EventSearch, Relationship, RelationshipType
from cf1_mcp.policy.conditions.reading_notes import check_reading
from cf1_mcp.policy.judged_events import JudgedEvents, judged_pages
from cf1_mcp.policy.read_policy import ReadPolicy
from cf1_mcp.store.export_drafts import ExportDraft, StoredExport
from cf1_mcp.store.export_files import ExportFolder
from cf1_mcp.text.plurals import plural

# Large enough for few requests, small enough for fast ones whose pages fit in memory.
PAGE_SIZE: Final = 2_000
# Seconds before the end of the call at which reading events, and then reading links, stops to leave time for writing.
RESERVED_AFTER_EVENTS: Final = 9.0
RESERVED_AFTER_LINKS: Final = 5.0
# Characters of one file.
MAX_FILE_SIZE: Final = 500_000_000
# The API returns the descendants of one event by one type of relationship per request. Events with a child that may be
# shown, and all that are looked at to find them.
MAX_PARENTS: Final = 100
MAX_CHECKED_PARENTS: Final = 200
MAX_CHILDREN: Final = 1_000
LINK_TYPES: Final[Sequence[RelationshipType]] = ("related_to", "caused_by", "attributed_to")

# The number of events read so far, the total if it is known, and a message.
ReportProgress = Callable[[float, float | None, str | None], Awaitable[None]]


@dataclass
class ExportResult:
    """The outcome of an export. `read` counts the events that may be shown, `withheld` the others by rule, if the
    operator has these counted.

    If the export was `cut`, `reached` is the date of the last event that was read. `stored` is empty if the file would
    contain no event.
    """

    read: int = 0
    withheld: Counter[str] = field(default_factory=Counter[str])
    cut: bool = False
    reached: str = ""
    notes: list[str] = field(default_factory=list[str])
    stored: list[StoredExport] = field(default_factory=list[StoredExport])
    report: ReadingReport = field(default_factory=ReadingReport)


async def export_events(
    client: ThreatEventsClient,
    search: EventSearch,
    policy: ReadPolicy,
    file: ExportFile,
    name: str,
    folder: ExportFolder,
    report_progress: ReportProgress,
) -> ExportResult:
    """Write the results of a search, newest first, to a file of the format `name`; no file is left if that fails.

    Raises:
        ApiError: a page of events could not be read.
        ExportError: the file could not be written.
    """
    draft = await run_sync(folder.create_draft, name, file.suffix)
    try:
        writer = _ExportWriter(client, policy, file, draft, report_progress)
        await writer.write_events(search)
        await writer.add_links()
        if file.event_count:
            writer.result.stored = await run_sync(_finish, draft, file, folder, name, writer.event_ids)
    finally:
        # No partial file stays, however the call ends; a file that was kept no longer has a draft.
        with anyio.CancelScope(shield=True):
            await run_sync(draft.discard)
    return writer.result


class _ExportWriter:
    """Writes events and links to the draft of one file, and keeps the result."""

    def __init__(
        self,
        client: ThreatEventsClient,
        policy: ReadPolicy,
        file: ExportFile,
        draft: ExportDraft,
        report_progress: ReportProgress,
    ) -> None:
        self.result = ExportResult()
        self._client = client
        self._policy = policy
        self._file = file
        self._draft = draft
        self._report_progress = report_progress
        self._deadline = anyio.current_effective_deadline()
        self.event_ids: list[str] = []
        """The ids of the events in the file."""
        # Events of the file that have children, each with its dataset.
        self._parents: dict[str, str] = {}
        # Events that were read and not returned yet, and whether the time to read more is over.
        self._rest: list[Event] = []
        self._is_late = False
        file.tells_children = policy.sees_everything

    async def write_events(self, search: EventSearch) -> None:
        """Write all events of a search that may be shown, as far as time and file size allow.

        Raises:
            UnexpectedAnswer: the API seems to ignore the search.
            Unavailable: the first page did not arrive in time.
        """
        await run_sync(self._draft.write, self._file.head())
        search = search.model_copy(update={"order_by": "date", "order": "desc", "page_size": PAGE_SIZE})
        async with aclosing(judged_pages(self._client, search, self._policy, report=self.result.report)) as pages:
            page: JudgedEvents | None = await self._fetch_page(pages)
            if not page and self._is_late:
                raise Unavailable("The API did not answer in time. Export a shorter period, or try again later.")
            while page:
                is_full = self._draft.characters >= MAX_FILE_SIZE
                # The next page is fetched while this one is written.
                _, following = await gather([partial(self._write_page, page), partial(self._fetch_page, pages)])
                await self._report_progress(self.result.read, None, f"{plural(self.result.read, 'event')} read")
                self.result.cut = self._is_late or (is_full and bool(following))
                page = None if is_full else following
        # What else is missing or too much cannot be known, and such a file may block the wrong things.
        check_reading(self.result.report, " No file was written.")

    async def add_links(self) -> None:
        """Add the links below the events to the file, as far as time allows; missing ones are noted.

        Events count only if they have a child that may be shown, so that the others do not take their places.
        """
        if not (self._file.supports_links and self.result.read):
            return
        await self._report_progress(self.result.read, None, "reading the links of the events")
        parents = [*self._parents.items()][:MAX_CHECKED_PARENTS]
        complete, problem = 0, ""
        with anyio.CancelScope(deadline=self._deadline - RESERVED_AFTER_LINKS) as scope:
            try:
                for start in range(0, len(parents), MAX_CONCURRENT):
                    some = parents[start : start + MAX_CONCURRENT]
                    for links in await gather(partial(self._read_links, *parent) for parent in some):
                        complete += bool(links)
                        for link in links if complete <= MAX_PARENTS else ():
                            self._file.add_link(link)
                    if complete > MAX_PARENTS:
                        break
            except ThreatEventsError as error:
                problem = f" {error.sentence}"
        if scope.cancelled_caught:
            problem = " The rest could not be read in time."
        if problem or complete > MAX_PARENTS or len(parents) < len(self._parents):
            self.result.notes.append(
                f"Only the links below {plural(min(complete, MAX_PARENTS), 'event')} are in the file.{problem}"
            )

    async def _read_links(self, parent: str, dataset: str) -> list[Relationship]:
        """Return the links of one event to its children that may be shown."""
        links: list[Relationship] = []
        for type_ in LINK_TYPES:
            async for children in self._client.children_pages(parent, dataset, type_, MAX_CHILDREN):
                links += [
                    Relationship(parent_id=parent, child_id=child.uuid, relationship_type=type_)
                    for child in children
                    if not self._policy.rule_against(child)
                ]
        return links

    async def _fetch_page(self, pages: AsyncGenerator[JudgedEvents]) -> JudgedEvents:
        """Return the next events, fewer than `PAGE_SIZE` only at the end of the list or of the time.

        The pages of the API are not used as they are: where they end may depend on withheld events.
        """
        shown, withheld = [*self._rest], list[Event]()
        with anyio.CancelScope(deadline=self._deadline - RESERVED_AFTER_EVENTS) as scope:
            while len(shown) < PAGE_SIZE and (more := await anext(pages, None)) is not None:
                shown += more.shown
                withheld += more.withheld
        self._is_late = self._is_late or scope.cancelled_caught
        self._rest = shown[PAGE_SIZE:]
        return JudgedEvents(shown[:PAGE_SIZE], withheld)

    async def _write_page(self, page: JudgedEvents) -> None:
        await run_sync(self._add_events, page.shown)
        self.result.read += len(page.shown)
        self.result.withheld.update(page.count_withheld(self._policy))

    def _add_events(self, events: Sequence[Event]) -> None:
        for event in events:
            before = self._file.event_count
            text = self._file.add(event)
            self._draft.write(text)
            if self._file.event_count == before:
                continue
            if event.uuid:
                self.event_ids.append(event.uuid)
            if text and event.has_children and self._file.supports_links:
                self._parents[event.uuid] = event.dataset_id
        if events:
            self.result.reached = events[-1].date


def _finish(
    draft: ExportDraft, file: ExportFile, folder: ExportFolder, name: str, event_ids: Sequence[str]
) -> list[StoredExport]:
    """Write the end of the file and its further files. None of them is kept before all are written."""
    drafts = [draft]
    try:
        for piece in file.tail():
            draft.write(piece)
        for text in file.further_files():
            drafts.append(folder.create_draft(name, file.suffix))
            drafts[-1].write(text)
        return [one.keep(event_ids) for one in drafts]
    finally:
        for one in drafts:
            one.discard()
