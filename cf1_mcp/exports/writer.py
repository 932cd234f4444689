"""Fetch the events of a search and write them to a file page by page, so that no page stays in memory."""

from collections import Counter
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Final

import anyio
from anyio.to_thread import run_sync

from cf1_mcp.api.client import ThreatEventsClient
from cf1_mcp.api.concurrency import gather
from cf1_mcp.api.paging import search_after
from cf1_mcp.errors import ThreatEventsError, Unavailable
from cf1_mcp.exports.export_file import ExportFile
from cf1_mcp.models import Event, EventPage, EventSearch, Relationship, RelationshipType
from cf1_mcp.policy.read_policy import ReadPolicy
from cf1_mcp.store.export_files import ExportDraft, ExportFolder, StoredExport
from cf1_mcp.text.plurals import plural

# Large enough for few requests, small enough for fast ones whose pages fit in memory.
PAGE_SIZE: Final = 2_000
# Seconds before the end of the call at which reading events, and then reading links, stops to leave time for writing.
RESERVED_AFTER_EVENTS: Final = 9.0
RESERVED_AFTER_LINKS: Final = 5.0
# Characters of one file.
MAX_FILE_SIZE: Final = 500_000_000
# The API returns the descendants of one event by one type of relationship per request.
MAX_PARENTS: Final = 100
MAX_CHILDREN: Final = 1_000
LINK_TYPES: Final[Sequence[RelationshipType]] = ("related_to", "caused_by", "attributed_to")

# The number of events read so far, the total if it is known, and a message.
ReportProgress = Callable[[float, float | None, str | None], Awaitable[None]]


@dataclass
class ExportResult:
    """The outcome of an export. `read` counts the events from the API, `withheld` those that a rule excludes, by rule.

    If the export was `cut`, `reached` is the date of the last event that was read; empty if no event may be shown.
    `stored` is empty if the file would contain no event.
    """

    read: int = 0
    withheld: Counter[str] = field(default_factory=Counter[str])
    cut: bool = False
    reached: str = ""
    notes: list[str] = field(default_factory=list[str])
    stored: list[StoredExport] = field(default_factory=list[StoredExport])


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
            writer.result.stored = await run_sync(_finish, draft, file, folder, name)
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
        # Events of the file that have descendants, each with its dataset.
        self._parents: dict[str, str] = {}

    async def write_events(self, search: EventSearch) -> None:
        """Write all pages of a search, as far as time and file size allow.

        Raises:
            Unavailable: the first page did not arrive in time.
        """
        await run_sync(self._draft.write, self._file.head())
        search = search.model_copy(update={"order_by": "date", "order": "desc", "page_size": PAGE_SIZE})
        page = await self._fetch_page(search)
        if page is None:
            raise Unavailable("The API did not answer in time. Export a shorter period, or try again later.")
        while page is not None:
            following = search_after(search, page)
            if following and self._draft.characters >= MAX_FILE_SIZE:
                following, self.result.cut = None, True
            # The next page is fetched while this one is written.
            _, page = await gather([partial(self._write_page, page), partial(self._fetch_page, following)])
            read = self.result.read
            await self._report_progress(read, None, f"{plural(read, 'event')} read")
            if following:
                search, self.result.cut = following, page is None

    async def add_links(self) -> None:
        """Add the links below the events to the file, as far as time allows; missing ones are noted."""
        if not self._parents:
            return
        parents = [*self._parents.items()][:MAX_PARENTS]
        complete_types = Counter[str]()
        problem = ""

        async def add_children(parent: str, dataset: str, type_: RelationshipType) -> None:
            children = await self._client.list_relationships(
                parent, dataset, "descendants", 1, [type_], False, 1, MAX_CHILDREN
            )
            for child in children:
                self._file.add_link(Relationship(parent_id=parent, child_id=child.uuid, relationship_type=type_))
            complete_types[parent] += len(children) < MAX_CHILDREN

        await self._report_progress(self.result.read, None, f"reading the links of {plural(len(parents), 'event')}")
        with anyio.CancelScope(deadline=self._deadline - RESERVED_AFTER_LINKS) as scope:
            try:
                await gather(partial(add_children, *parent, type_) for parent in parents for type_ in LINK_TYPES)
            except ThreatEventsError as error:
                problem = f" {error.sentence}"
        if scope.cancelled_caught:
            problem = " The rest could not be read in time."
        complete = sum(count == len(LINK_TYPES) for count in complete_types.values())
        if complete < len(self._parents):
            total = plural(len(self._parents), "event")
            self.result.notes.append(f"Links are complete for {complete:,} of {total} with descendants.{problem}")

    async def _fetch_page(self, search: EventSearch | None) -> EventPage | None:
        """Return a page of the search; None if there is no search or no more time."""
        with anyio.CancelScope(deadline=self._deadline - RESERVED_AFTER_EVENTS):
            return await self._client.list_events(search) if search else None

    async def _write_page(self, page: EventPage) -> None:
        admitted, withheld = self._policy.admit(page.result)
        await run_sync(self._add_events, admitted)
        self.result.read += len(page.result)
        self.result.withheld.update(withheld)

    def _add_events(self, events: Sequence[Event]) -> None:
        for event in events:
            text = self._file.add(event)
            self._draft.write(text)
            if text and event.has_children and self._file.supports_links:
                self._parents[event.uuid] = event.dataset_id
        if events:
            self.result.reached = events[-1].date


def _finish(draft: ExportDraft, file: ExportFile, folder: ExportFolder, name: str) -> list[StoredExport]:
    """Write the end of the file and its further files. None of them is kept before all are written."""
    drafts = [draft]
    try:
        for piece in file.tail():
            draft.write(piece)
        for text in file.further_files():
            drafts.append(folder.create_draft(name, file.suffix))
            drafts[-1].write(text)
        return [one.keep() for one in drafts]
    finally:
        for one in drafts:
            one.discard()
