"""Pages of stored exports. Before a file is shown, its events are looked at again, under the current rules.

A marking may have been raised, or an event moved or deleted, since the file was written. Then the file is not shown.
"""

import csv
import re
from collections.abc import Iterator, Sequence
from datetime import timedelta
from functools import partial
from typing import Final

from anyio.to_thread import run_sync
from pydantic import JsonValue

from cf1_mcp.api.client import ThreatEventsClient
from cf1_mcp.api.concurrency import gather
from cf1_mcp.errors import BadArgument
from cf1_mcp.exports.csv_rows import COLUMNS
from cf1_mcp.models import Condition, EventSearch, SearchValue
from cf1_mcp.models.fields import FREE_TEXTS
from cf1_mcp.policy.datasets import dataset_uuids
from cf1_mcp.policy.read_policy import ReadPolicy
from cf1_mcp.policy.visible_events import PAGE_SIZE, visible_pages
from cf1_mcp.store.export_files import ExportFolder, StoredPage

# Ids in one request, of the API.
MAX_VALUES: Final = 100
# Events that are looked at again, in up to a hundred requests. A larger file can be read shortly after it was written.
MAX_CHECKED: Final = 10_000
UNCHECKED_LIFETIME: Final = timedelta(minutes=10)
# How long a look at more than one request of events counts: a file is usually read page after page.
CHECK_LIFETIME: Final = timedelta(minutes=1)
# A value of JSON that is an id and nothing else, with the type of its object in STIX. Quotes in a text are escaped.
_ID_VALUE: Final = re.compile(r'"(?:[a-z-]+--)?[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}"', re.IGNORECASE)


def describe_rules(policy: ReadPolicy) -> JsonValue:
    """Return the rules for reading, with the datasets by their identity: a dataset may get the name of another."""
    datasets: list[JsonValue] = [*sorted({uuid.casefold() for uuid in dataset_uuids(policy.datasets)})]
    tags = policy.withheld_tags
    return {
        "datasets": datasets if policy.restricted else None,
        "ceiling": policy.ceiling.value,
        "withheld_tags": None if tags is None else [*sorted(tags)],
    }


async def read_export_page(
    client: ThreatEventsClient, policy: ReadPolicy, folder: ExportFolder, export_id: str, offset: int
) -> StoredPage:
    """Return a page of an export.

    Raises:
        BadArgument: there is no such export, an event in it may no longer be shown, or no page begins at `offset`.
        ApiError: the events in it could not be looked at.
        ExportError: the file cannot be read.
    """
    event_ids = await run_sync(folder.read_event_ids, export_id)
    if not policy.sees_everything:
        await _require_readable(client, policy, folder, export_id, event_ids)
    return await run_sync(folder.read_page, export_id, offset)


def list_free_texts(page: StoredPage) -> Iterator[tuple[str, str]]:
    """Return the texts in a page that the reporters of events wrote, with the id of their event or an empty id.

    Values that are ids are left out: every file has those of its events and datasets, and nobody wrote them as text.
    """
    if page.export.format != "csv":
        yield "", _ID_VALUE.sub('""', page.text)
        return
    try:
        rows = [*csv.reader(page.text.split("\r\n"))]
    except csv.Error:  # the page begins or ends inside of a very long row
        rows = [[page.text]]
    for row in rows:
        if len(row) != len(COLUMNS):
            yield "", "\n".join(row)
            continue
        cells: dict[str, str] = dict(zip(COLUMNS, row, strict=True))
        yield from ((cells["uuid"], text) for name in FREE_TEXTS if (text := cells.get(name)))


async def _require_readable(
    client: ThreatEventsClient, policy: ReadPolicy, folder: ExportFolder, export_id: str, event_ids: Sequence[str]
) -> None:
    """Look at the events of an export again, unless that was done a moment ago.

    Raises:
        BadArgument: one of them may no longer be shown, or there are too many to look at.
        ApiError: they could not be read.
    """
    if len(event_ids) > MAX_CHECKED:
        if folder.age(await run_sync(folder.find, export_id)) > UNCHECKED_LIFETIME:
            raise BadArgument(
                "export_id",
                f"this export has {len(event_ids):,} events, too many to check again whether they may still be shown",
                f"it within {UNCHECKED_LIFETIME // timedelta(minutes=1)} minutes, or export again",
            )
        return
    age = folder.age_of_check(export_id)
    if len(event_ids) > MAX_VALUES and age is not None and age < CHECK_LIFETIME:
        return
    groups = [event_ids[start : start + MAX_VALUES] for start in range(0, len(event_ids), MAX_VALUES)]
    await gather(partial(_require_group, client, policy, group) for group in groups)
    folder.record_check(export_id)


async def _require_group(client: ThreatEventsClient, policy: ReadPolicy, event_ids: Sequence[str]) -> None:
    scope = [*policy.reach]
    among = Condition(field="uuid", op="in", value=list[SearchValue](event_ids))
    search = EventSearch(dataset_id=scope, search=[among], page_size=PAGE_SIZE)
    missing = {event_id.casefold() for event_id in event_ids}
    async for page in visible_pages(client, search, policy):
        missing -= {event.uuid.casefold() for event in page}
        if not missing:
            return
    raise BadArgument(
        "export_id",
        "an event in this export was deleted, moved or re-marked since, so the file is not shown",
        "the same filters to export again",
    )
