"""Events found by their ids in lists of the API, and their copies in several datasets."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import Enum, auto
from functools import partial
from typing import Final

from cf1_mcp.api.client import ThreatEventsClient
from cf1_mcp.api.concurrency import gather
from cf1_mcp.api.lists.dataset_groups import MAX_DATASETS, split_datasets
from cf1_mcp.errors import BadArgument, MissingRoute, NotFound, UnexpectedAnswer
from cf1_mcp.events.listed_events import (
    INCOMPLETE,
    MAX_READ_SINGLY,
    UNLISTABLE,
    UNLISTED,
    ListedEvents,
    UnlistedCopies,
    list_by_ids,
    pick_from_all,
)
from cf1_mcp.models import Dataset, Event
from cf1_mcp.text.uuids import id_key

MAX_LOOKED_UP: Final = 5  # events that a list does not find, read by themselves before it is believed


Copies = Mapping[str, Sequence[Event]]
"""Events in every dataset that contains them, by their ids as `id_key` returns them."""


class Presence(Enum):
    """Whether a dataset contains an event. `ELSEWHERE`: the answer names another dataset. `UNCLEAR`: it names none, or
    comes from a list that is not whole.
    """

    HERE = auto()
    ABSENT = auto()
    ELSEWHERE = auto()
    UNCLEAR = auto()


async def find_events_in(client: ThreatEventsClient, dataset_id: str, event_ids: Sequence[str]) -> list[str]:
    """Return those of the events that a dataset contains now, in their order.

    Raises:
        ApiError: a read failed, or did not tell, so it is unknown.
    """
    found = await locate_events(client, dataset_id, event_ids)
    if unclear := [one for one in event_ids if found[one] is Presence.UNCLEAR]:
        raise UnexpectedAnswer(
            f"The API does not tell whether dataset {dataset_id} contains event {unclear[0]}"
            f"{f' and {len(unclear) - 1} others' if len(unclear) > 1 else ''}. "
            "Try again later. If this continues, tell the operator: the API may have changed."
        )
    return [one for one in event_ids if found[one] is Presence.HERE]


async def locate_events(client: ThreatEventsClient, dataset_id: str, event_ids: Sequence[str]) -> dict[str, Presence]:
    """Return of each of the events whether a dataset contains it now.

    Raises:
        ApiError: a read failed, so it is unknown.
    """
    listed = await _list_here(client, dataset_id, event_ids)
    there = {id_key(event.uuid) for event in listed.events} if listed else set[str]()
    missing = [one for one in event_ids if id_key(one) not in there]

    async def locate(event_id: str) -> Presence:
        try:
            event = await client.read_event(dataset_id, event_id)
        except MissingRoute:
            raise
        except NotFound:
            return Presence.ABSENT
        if not event.dataset_id.strip():
            return Presence.UNCLEAR
        return Presence.HERE if id_key(event.dataset_id) == id_key(dataset_id) else Presence.ELSEWHERE

    async def locate_all(ids: Sequence[str]) -> dict[str, Presence]:
        return dict(zip(ids, await gather(partial(locate, event_id) for event_id in ids), strict=True))

    # A list may lag behind. If it does not for some of the events, it does not for the others.
    found = await locate_all(missing if listed is None else missing[:MAX_LOOKED_UP])
    rest, seen = [one for one in missing if one not in found], {*found.values()}
    if Presence.HERE in seen:
        found |= await locate_all(rest)
    else:
        # What a list says of events that are not read by themselves is what it says of the others.
        is_whole = listed is not None and listed.is_whole
        by_list = Presence.ABSENT if is_whole and seen <= {Presence.ABSENT} else Presence.UNCLEAR
        found |= dict.fromkeys(rest, Presence.ELSEWHERE if seen == {Presence.ELSEWHERE} else by_list)
    return {event_id: found.get(event_id, Presence.HERE) for event_id in event_ids}


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
    client: ThreatEventsClient, known: Sequence[Dataset], event_ids: Sequence[str], *, must_be_all: bool = True
) -> dict[str, list[Event]]:
    """Return each event in every dataset that contains it. Unknown events are left out.

    `known` are all datasets of the account. The keys are ids as `id_key` returns them. For what is not a guard, without
    `must_be_all`, those are enough that an incomplete list has.

    Raises:
        UnlistedCopies: a list may lack some.
        ApiError: they could not be listed.
    """
    if not event_ids:
        return {}
    operational = [one.uuid for one in known if not one.is_analytics]
    # `all` includes datasets that are newer than the list, and leaves analytics datasets out, some of which take no
    # search by id, or none at all. Those of an unknown kind may be either.
    is_one_scope = len(operational) <= MAX_DATASETS
    scopes = [["all"]] if is_one_scope else split_datasets(operational)
    others = [one.uuid for one in known if one.is_analytics or (is_one_scope and one.is_analytics is None)]
    analytics = split_datasets(others) if others else [] if known else [["analytics"]]
    calls = [partial(_find_in, client, scope, event_ids, must_be_all=must_be_all) for scope in scopes]
    calls += [partial(_find_in_if_any, client, scope, event_ids, must_be_all=must_be_all) for scope in analytics]
    return _sort_copies(await gather(calls))


@dataclass
class CopyFinder:
    """Finds events in every dataset as `find_copies` does, each once, for what is not a guard."""

    client: ThreatEventsClient
    known: Sequence[Dataset]
    _asked: set[str] = field(default_factory=set[str])
    _found: dict[str, list[Event]] = field(default_factory=dict[str, list[Event]])

    async def find(self, event_ids: Sequence[str]) -> dict[str, list[Event]]:
        """Return the events by their folded ids. Raises the same as `find_copies`."""
        keys = sorted({id_key(one) for one in event_ids} - self._asked)
        self._found |= await find_copies(self.client, self.known, keys, must_be_all=False)
        self._asked.update(keys)
        return {key: self._found[key] for one in event_ids if (key := id_key(one)) in self._found}


async def find_listed(client: ThreatEventsClient, dataset_id: str, event_ids: Sequence[str]) -> Copies | None:
    """Return those of several events that a list of the dataset finds; None if there is no such list, or for a single
    event, which is better read by itself.
    """
    listed = await _list_here(client, dataset_id, event_ids)
    return None if listed is None else _sort_copies([listed.events])


async def _list_here(client: ThreatEventsClient, dataset_id: str, event_ids: Sequence[str]) -> ListedEvents | None:
    if len(event_ids) < 2:
        return None
    try:
        listed = await list_by_ids(client, [dataset_id], event_ids)
    except UNLISTABLE as error:
        if len(event_ids) <= MAX_READ_SINGLY:
            return None
        try:
            listed = ListedEvents(await pick_from_all(client, [dataset_id], event_ids, error))
        except UNLISTED:
            return None
    except UnexpectedAnswer:
        return None
    here = [event for event in listed.events if id_key(event.dataset_id) == id_key(dataset_id)]
    return replace(listed, events=here)


async def _find_in(
    client: ThreatEventsClient, scope: Sequence[str], event_ids: Sequence[str], *, must_be_all: bool
) -> list[Event]:
    """Return those of the events that are in a scope. A list that may lack some is not believed if `must_be_all`.

    Raises:
        ApiError: they could not be listed, or nobody knows whether all were.
    """
    try:
        listed = await list_by_ids(client, scope, event_ids)
    except UNLISTABLE as error:
        return await pick_from_all(client, scope, event_ids, error)
    if must_be_all and listed.is_short and not listed.is_incomplete:
        # What the total counts is not published, so it is compared with that of all events.
        return await pick_from_all(client, scope, event_ids, UnlistedCopies(INCOMPLETE))
    if must_be_all:
        listed.require_all()
    return listed.events


async def _find_in_if_any(
    client: ThreatEventsClient, scope: Sequence[str], event_ids: Sequence[str], *, must_be_all: bool
) -> list[Event]:
    """Return the same, nothing of datasets that take no search by id."""
    try:
        listed = await list_by_ids(client, scope, event_ids)
    except UNLISTED:
        return []
    if must_be_all:
        listed.require_all()
    return listed.events


def _sort_copies(pages: Sequence[Sequence[Event]]) -> dict[str, list[Event]]:
    copies: dict[str, dict[str, Event]] = {}
    for event in (event for page in pages for event in page):
        copies.setdefault(id_key(event.uuid), {}).setdefault(id_key(event.dataset_id), event)
    return {key: [*found.values()] for key, found in copies.items()}
