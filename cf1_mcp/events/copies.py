"""Events found by their ids in lists of the API, and their copies in several datasets."""

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Final

from cf1_mcp.api.client import ThreatEventsClient
from cf1_mcp.api.concurrency import gather
from cf1_mcp.api.lists.dataset_groups import MAX_DATASETS, split_datasets
from cf1_mcp.errors import BadArgument, Forbidden, NotFound, Refused, UnexpectedAnswer
from cf1_mcp.models import Condition, Dataset, Event, EventSearch, SearchValue
from cf1_mcp.policy.conditions.reading_notes import IGNORED
from cf1_mcp.text.uuids import id_key

MAX_VALUES: Final = 100  # values that the API takes in one condition
MAX_COPIES: Final = 1000  # events that one page may hold
MAX_LOOKED_UP: Final = 5  # events that a list does not find, read by themselves before it is believed

# What the API answers if it cannot list events by their ids.
UNLISTED: Final = (Refused, Forbidden, NotFound, UnexpectedAnswer)

Copies = Mapping[str, Sequence[Event]]
"""Events in every dataset that contains them, by their ids as `id_key` returns them."""


async def find_events_in(client: ThreatEventsClient, dataset_id: str, event_ids: Sequence[str]) -> list[str]:
    """Return those of the events that a dataset contains now, in their order.

    Raises:
        ApiError: a read failed, so it is unknown.
    """
    listed = await find_listed(client, dataset_id, event_ids)
    missing = [one for one in event_ids if listed is None or id_key(one) not in listed]

    async def contains(event_id: str) -> bool:
        try:
            event = await client.read_event(dataset_id, event_id)
        except NotFound:
            return False
        return id_key(event.dataset_id) == id_key(dataset_id)

    # A list may lag behind. If it does not for some of the events, it does not for the others.
    first = missing if listed is None else missing[:MAX_LOOKED_UP]
    found = dict(zip(first, await gather(partial(contains, event_id) for event_id in first), strict=True))
    if any(found.values()):
        rest = [one for one in missing if one not in found]
        found |= dict(zip(rest, await gather(partial(contains, event_id) for event_id in rest), strict=True))
    return [event_id for event_id in event_ids if found.get(event_id, event_id not in missing)]


async def refuse_copies(
    client: ThreatEventsClient,
    known: Sequence[Dataset],
    event_ids: Sequence[str],
    named: Sequence[Dataset],
    argument: str,
) -> None:
    """Refuse events with copies in other datasets, for routes that name an event without its dataset.

    `known` are all datasets of the account, `named` those in which the caller has the right to do what the route does.

    Raises:
        BadArgument: an event has a copy in a dataset that was not named.
    """
    allowed = {id_key(dataset.uuid) for dataset in named}
    copies = await find_copies(client, known, event_ids)
    for event_id in event_ids:
        if not {id_key(one.dataset_id) for one in copies.get(id_key(event_id), ())} <= allowed:
            raise BadArgument(
                argument,
                f"event {event_id} has a copy in a dataset that was not named, and the API might take that one",
                "events without such copies",
            )


async def find_copies(
    client: ThreatEventsClient, known: Sequence[Dataset], event_ids: Sequence[str]
) -> dict[str, list[Event]]:
    """Return each event in every dataset that contains it. Unknown events are left out.

    `known` are all datasets of the account. The keys are ids as `id_key` returns them.

    Raises:
        ApiError: they could not be listed.
    """
    operational = [one.uuid for one in known if not one.is_analytics]
    # `all` includes datasets that are newer than the list, and leaves analytics datasets out, some of which take no
    # search by id, or none at all. Those of an unknown kind may be either.
    is_one_scope = len(operational) <= MAX_DATASETS
    scopes = [["all"]] if is_one_scope else split_datasets(operational)
    others = [one.uuid for one in known if one.is_analytics or (is_one_scope and one.is_analytics is None)]
    analytics = split_datasets(others) if others else [] if known else [["analytics"]]
    calls = [partial(_find_events, client, scope, some) for scope in scopes for some in _spell(event_ids)]
    calls += [partial(_find_events_if_any, client, scope, some) for scope in analytics for some in _spell(event_ids)]
    return _sort_copies(await gather(calls))


async def find_listed(client: ThreatEventsClient, dataset_id: str, event_ids: Sequence[str]) -> Copies | None:
    """Return those of several events that a list of the dataset finds; None if there is no such list, or for a single
    event, which is better read by itself.
    """
    if len(event_ids) < 2:
        return None
    try:
        pages = await gather(partial(_find_events, client, [dataset_id], some) for some in _spell(event_ids))
    except UNLISTED:
        return None
    here = [[event for event in page if id_key(event.dataset_id) == id_key(dataset_id)] for page in pages]
    return _sort_copies(here)


async def _find_events(client: ThreatEventsClient, scope: Sequence[str], event_ids: Sequence[str]) -> list[Event]:
    asked = set(map(id_key, event_ids))
    among = Condition(field="uuid", op="in", value=list[SearchValue](event_ids))
    search = EventSearch(dataset_id=[*scope], search=[among], page_size=MAX_COPIES)
    found: list[Event] = []
    async for page in client.event_pages(search):
        if any(id_key(event.uuid) not in asked for event in page.result):
            # Its pages would be those of the whole account.
            raise UnexpectedAnswer(IGNORED)
        found += page.result
    return found


async def _find_events_if_any(
    client: ThreatEventsClient, scope: Sequence[str], event_ids: Sequence[str]
) -> list[Event]:
    try:
        return await _find_events(client, scope, event_ids)
    except UNLISTED:
        return []


def _spell(event_ids: Sequence[str]) -> list[list[str]]:
    """Return groups of ids as typed and in lower case, because the API may store an id in another case."""
    return _split([*dict.fromkeys(text for one in event_ids for text in (one, id_key(one)))], MAX_VALUES)


def _split(texts: Sequence[str], size: int) -> list[list[str]]:
    return [[*texts[start : start + size]] for start in range(0, len(texts), size)]


def _sort_copies(pages: Sequence[Sequence[Event]]) -> dict[str, list[Event]]:
    copies: dict[str, dict[str, Event]] = {}
    for event in (event for page in pages for event in page):
        copies.setdefault(id_key(event.uuid), {}).setdefault(id_key(event.dataset_id), event)
    return {key: [*found.values()] for key, found in copies.items()}
