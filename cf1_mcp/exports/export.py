"""An export as it is made: page after page of events goes through the format into its file; none stays in memory."""

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
from cf1_mcp.exports import Format
from cf1_mcp.models import Event, EventPage, EventSearch, Relationship, RelationshipType
from cf1_mcp.policy.read_policy import ReadPolicy
from cf1_mcp.store.export_files import ExportDraft, ExportFolder, StoredExport

# Large enough that requests do not count, small enough that one is quick and a page fits memory many times.
PAGE_SIZE: Final = 2_000
# Seconds before the end of the call at which no more events, and then no more links, are read: the rest is for writing.
RESERVED_AFTER_EVENTS: Final = 9.0
RESERVED_AFTER_LINKS: Final = 5.0
# Characters of one file.
MAX_FILE_SIZE: Final = 500_000_000
# The API tells what lies below one event and link type a request.
MAX_PARENTS: Final = 100
MAX_CHILDREN: Final = 1_000
LINKS: Final[Sequence[RelationshipType]] = ("related_to", "caused_by", "attributed_to")

# How many events were read so far, of how many, and in words: the progress of a call.
Progress = Callable[[float, float | None, str | None], Awaitable[None]]


@dataclass
class Export:
    """What came of an export. `read` counts the events that the API told, `withheld` those that a rule keeps back.

    Where the export is `cut`, `reached` is the date of the last event that was read, empty if none may be told. Without
    an event in it there is no file, so nothing is `stored`.
    """

    read: int = 0
    withheld: Counter[str] = field(default_factory=Counter[str])
    cut: bool = False
    reached: str = ""
    parents: dict[str, str] = field(default_factory=dict[str, str])
    notes: list[str] = field(default_factory=list[str])
    stored: list[StoredExport] = field(default_factory=list[StoredExport])


async def export_events(
    client: ThreatEventsClient,
    search: EventSearch,
    reading: ReadPolicy,
    file: Format,
    name: str,
    folder: ExportFolder,
    progress: Progress,
) -> Export:
    """Write what a search finds, newest first, as a file of the format `name`: a whole one, or none where it fails.

    Raises:
        ApiError: a page of events could not be read.
        ExportError: the file cannot be written.
    """
    export = Export()
    draft = await run_sync(folder.draft, name, file.suffix)
    try:
        await _write_events(client, search, reading, file, draft, export, progress)
        if export.parents:
            await _relate(client, file, export, progress)
        if file.written:
            export.stored = await run_sync(_finished, draft, file, folder, name)
    finally:
        # Nothing half done stays, however the call ends; a file that was kept has no draft any more.
        with anyio.CancelScope(shield=True):
            await run_sync(draft.discard)
    return export


async def _write_events(
    client: ThreatEventsClient,
    search: EventSearch,
    reading: ReadPolicy,
    file: Format,
    draft: ExportDraft,
    export: Export,
    progress: Progress,
) -> None:
    until = anyio.current_effective_deadline() - RESERVED_AFTER_EVENTS
    await run_sync(draft.write, file.head())
    search = search.model_copy(update={"order_by": "date", "order": "desc", "page_size": PAGE_SIZE})
    page = await _page(client, search, until)
    if page is None:
        raise Unavailable("The API did not answer in time. Export a shorter period, or try again later.")
    while page is not None:
        following = search_after(search, page)
        if following and draft.characters >= MAX_FILE_SIZE:
            following, export.cut = None, True
        # The next page comes while this one is written.
        _, page = await gather(
            [partial(_write, page, reading, file, draft, export), partial(_page, client, following, until)]
        )
        await progress(export.read, None, f"{export.read:,} events read")
        if following:
            search, export.cut = following, page is None


async def _page(client: ThreatEventsClient, search: EventSearch | None, until: float) -> EventPage | None:
    """A page of the search; None where there is no more time."""
    with anyio.CancelScope(deadline=until):
        return await client.list_events(search) if search else None


async def _write(page: EventPage, reading: ReadPolicy, file: Format, draft: ExportDraft, export: Export) -> None:
    admitted, withheld = reading.admit(page.result)
    await run_sync(_add, admitted, file, draft, export)
    export.read += len(page.result)
    export.withheld.update(withheld)


def _add(events: Sequence[Event], file: Format, draft: ExportDraft, export: Export) -> None:
    for event in events:
        text = file.add(event)
        draft.write(text)
        if text and event.has_children and file.tells_links:
            export.parents[event.uuid] = event.dataset_id
    export.reached = events[-1].date if events else export.reached


async def _relate(client: ThreatEventsClient, file: Format, export: Export, progress: Progress) -> None:
    """Tell the file the links below its events, as far as the API answers in time; what is missing is noted."""
    asked = [*export.parents.items()][:MAX_PARENTS]
    answered = Counter[str]()
    problem = ""

    async def below(parent: str, dataset: str, kind: RelationshipType) -> None:
        children = await client.list_relationships(parent, dataset, "descendants", 1, [kind], False, 1, MAX_CHILDREN)
        for child in children:
            file.relate(Relationship(parent_id=parent, child_id=child.uuid, relationship_type=kind))
        answered[parent] += len(children) < MAX_CHILDREN

    await progress(export.read, None, f"reading the links of {len(asked)} events")
    with anyio.CancelScope(deadline=anyio.current_effective_deadline() - RESERVED_AFTER_LINKS) as scope:
        try:
            await gather(partial(below, *parent, kind) for parent in asked for kind in LINKS)
        except ThreatEventsError as error:
            problem = f" {error}"
    if scope.cancelled_caught:
        problem = " There was no more time."
    whole = sum(count == len(LINKS) for count in answered.values())
    if whole < len(export.parents):
        export.notes.append(
            f"Links are complete for {whole} of {len(export.parents)} events that have any below them.{problem}"
        )


def _finished(draft: ExportDraft, file: Format, folder: ExportFolder, name: str) -> list[StoredExport]:
    """The whole file, and those beside it where the format splits what is long. None is kept before all are written."""
    drafts = [draft]
    try:
        for piece in file.tail():
            draft.write(piece)
        for text in file.further_files():
            drafts.append(folder.draft(name, file.suffix))
            drafts[-1].write(text)
        return [one.keep() for one in drafts]
    finally:
        for one in drafts:
            one.discard()
