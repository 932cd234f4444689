"""What an event is, with all that hangs on it: what a preview shows and undo needs."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import Final, get_args

from pydantic import JsonValue

from cf1_mcp.api.client import ThreatEventsClient
from cf1_mcp.api.concurrency import gather
from cf1_mcp.errors import BadArgument, NotFound
from cf1_mcp.models import Condition, Dataset, Direction, Event, EventSearch, Raw, RelationshipType, SearchValue
from cf1_mcp.policy.writing import Writing

# How many values the API takes in one condition, and how many copies of them one page may hold.
MAX_VALUES: Final = 100
MAX_COPIES: Final = 1000
TYPES: Final[tuple[RelationshipType, ...]] = get_args(RelationshipType)
DIRECTIONS: Final[tuple[Direction, ...]] = ("ancestors", "descendants")


@dataclass(frozen=True)
class Link:
    """A typed relationship of the event: the other end stands above it (ancestor) or below."""

    type: RelationshipType
    other: str
    other_dataset: str
    above: bool


@dataclass(frozen=True)
class Image:
    """One event as it stands."""

    event: Event
    raw: Raw | None
    links: tuple[Link, ...]

    def as_json(self) -> JsonValue:
        """For the journal."""
        links: list[JsonValue] = [
            {"type": link.type, "other": link.other, "other_dataset": link.other_dataset, "above": link.above}
            for link in self.links
        ]
        raw = self.raw.model_dump(mode="json", by_alias=True) if self.raw else None
        return {"event": self.event.model_dump(mode="json", by_alias=True), "raw": raw, "links": links}


async def images_of(
    client: ThreatEventsClient, writing: Writing, dataset: Dataset, event_ids: Sequence[str]
) -> list[Image]:
    """The events as they stand, read a few at a time.

    Raises:
        Withheld: one of them may not be seen.
        BadArgument: one of them is in another dataset.
        NotFound: one of them does not exist.
    """
    return await gather(partial(_image, client, writing, dataset, event_id) for event_id in event_ids)


async def _image(client: ThreatEventsClient, writing: Writing, dataset: Dataset, event_id: str) -> Image:
    event = writing.at_home(await client.read_event(dataset.uuid, event_id), dataset, "event_ids")
    return Image(event, await _raw(client, dataset, event), await _links(client, dataset, event))


async def _raw(client: ThreatEventsClient, dataset: Dataset, event: Event) -> Raw | None:
    try:
        return await client.read_dataset_raw(dataset.uuid, event.uuid)
    except NotFound:
        return None


async def _links(client: ThreatEventsClient, dataset: Dataset, event: Event) -> tuple[Link, ...]:
    """The API tells related events but not by which link, so each type and direction is asked for where any exist."""
    near = await client.list_relationships(event.uuid, dataset.uuid, "both", 1, include_parent=False)
    if not near:
        return ()
    links: list[Link] = []
    for kind in TYPES:
        for direction in DIRECTIONS:
            found = await client.list_relationships(event.uuid, dataset.uuid, direction, 1, [kind], False)
            links += [Link(kind, other.uuid, other.dataset_id, direction == "ancestors") for other in found]
    return tuple(links)


async def events_of(
    client: ThreatEventsClient, writing: Writing, dataset: Dataset, event_ids: Sequence[str], argument: str
) -> list[Event]:
    """The events alone, without what hangs on them, held to the same rules and read a few at a time."""

    async def read(event_id: str) -> Event:
        return writing.at_home(await client.read_event(dataset.uuid, event_id), dataset, argument)

    return await gather(partial(read, event_id) for event_id in event_ids)


async def without_copies(
    client: ThreatEventsClient, event_ids: Sequence[str], named: Sequence[Dataset], argument: str
) -> None:
    """For routes that name an event without its dataset: the API could take a copy that is in another one.

    Raises:
        BadArgument: an event has a copy in a dataset that was not named.
    """
    allowed = {dataset.uuid.casefold() for dataset in named}
    for event_id, homes in (await homes_of(client, event_ids)).items():
        if event_id in event_ids and any(home.casefold() not in allowed for home in homes):
            raise BadArgument(
                argument,
                f"event {event_id} has a copy in a dataset that was not named, and the API might take that one",
                "events without such copies",
            )


async def homes_of(client: ThreatEventsClient, event_ids: Sequence[str]) -> dict[str, set[str]]:
    """The datasets in which events are, for those that are in any: one, or more where there are copies."""
    homes: dict[str, set[str]] = {}
    for start in range(0, len(event_ids), MAX_VALUES):
        group = list[SearchValue](event_ids[start : start + MAX_VALUES])
        asked = Condition(field="uuid", op="in", value=group)
        page = await client.list_events(EventSearch(dataset_id=["all"], search=[asked], page_size=MAX_COPIES))
        for event in page.result:
            homes.setdefault(event.uuid, set()).add(event.dataset_id)
    return homes
