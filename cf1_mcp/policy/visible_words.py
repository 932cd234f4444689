"""The words of the account's vocabularies that may be shown: those of events that may be shown.

The API lists the words of all events. A word that occurs only on withheld events would tell of them, so the words are
searched for, many at once, and only those are kept that an event has which may be shown.
"""

from collections.abc import Sequence
from functools import partial
from typing import Final

from cf1_mcp.api.client import ThreatEventsClient
from cf1_mcp.api.concurrency import gather
from cf1_mcp.api.lists.reading_report import ReadingReport
from cf1_mcp.api.vocabulary import EVERYWHERE, Kind, Vocabulary
from cf1_mcp.models import Condition, Event, EventSearch, SearchField, SearchValue
from cf1_mcp.models.fields import SEARCHABLE
from cf1_mcp.policy.datasets import dataset_uuids
from cf1_mcp.policy.read_policy import ReadPolicy
from cf1_mcp.policy.visible_events import first_visible

# Values of one condition and characters of one, by the API.
GROUP_SIZE: Final = 100
MAX_VALUE_LENGTH: Final = 512
# Events of one page: most words of a group are among its newest events.
PAGE_SIZE: Final = 500
FIELDS: Final[dict[Kind, SearchField]] = {
    "attackers": "attacker",
    "categories": "category",
    "indicator_types": "indicatorType",
    "industries": "targetIndustry",
    "tags": "tags",
}


async def readable_words(vocabulary: Vocabulary, policy: ReadPolicy, kind: Kind) -> list[str]:
    """Return all words of one vocabulary that may be shown, in the API's order and spelling.

    Raises:
        ApiError: the vocabulary, or the events that have its words, could not be read.
    """
    if kind == "datasets":
        return [dataset.name for dataset in policy.datasets]
    field = FIELDS.get(kind)
    if field is None or policy.sees_everything:
        return await account_words(vocabulary, policy, kind)

    async def read() -> list[str]:
        return await visible_words(vocabulary.client, policy, field, await account_words(vocabulary, policy, kind))

    scope = policy.reach
    return await vocabulary.derived((kind, policy.ceiling.value, *scope), read)


async def account_words(vocabulary: Vocabulary, policy: ReadPolicy, kind: Kind) -> list[str]:
    """Return all words of one vocabulary in the datasets that may be read, those of withheld events included.

    They may be compared with what a caller wrote, but not shown. Raises the same as `readable_words`.
    """
    scope = dataset_uuids(policy.datasets) if policy.restricted else EVERYWHERE
    match kind:
        case "attackers":
            return await vocabulary.attackers(scope) if scope else []
        case "indicator_types":
            return await vocabulary.indicator_types(scope) if scope else []
        case "categories":
            return await vocabulary.categories()
        case "countries":
            return await vocabulary.countries()
        case "datasets":
            return [dataset.name for dataset in policy.datasets]
        case "industries":
            return await vocabulary.industries()
        case "tags":
            tags, withheld = await vocabulary.tags(), policy.withheld_tags
            return [tag.value for tag in tags if withheld is not None and fold(tag.value) not in withheld]


async def visible_words(
    client: ThreatEventsClient, policy: ReadPolicy, field: SearchField, words: Sequence[str]
) -> list[str]:
    """Return those of the words that an event has which may be shown, in their order.

    Raises:
        ApiError: the events could not be read.
    """
    if policy.restricted and not policy.datasets:
        return []
    searched = [word for word in dict.fromkeys(words) if 0 < len(word) <= MAX_VALUE_LENGTH]
    groups = [searched[start : start + GROUP_SIZE] for start in range(0, len(searched), GROUP_SIZE)]
    found = await gather(partial(_find_words, client, policy, field, group) for group in groups)
    visible = {word for group in found for word in group}
    return [word for word in searched if word in visible]


def fold(word: str) -> str:
    """Return a word in the form in which it is compared."""
    return word.strip().casefold()


async def _find_words(
    client: ThreatEventsClient, policy: ReadPolicy, field: SearchField, words: Sequence[str]
) -> set[str]:
    found: set[str] = set()
    left = [*words]
    while left:
        events = await _read_events(client, policy, field, left)
        if not events:
            return found
        # Exactly: another spelling may be that of a withheld event.
        shown = {value for event in events for value in _values(event, field)}
        seen = [word for word in left if word in shown]
        if not seen and len(left) == 1:
            # An event may have a type that the API does not show, as that of a further indicator. Other words that are
            # not shown are spelled otherwise in these events.
            return found | {*left} if field == "indicatorType" else found
        if not seen:
            middle = len(left) // 2
            halves = [await _find_words(client, policy, field, half) for half in (left[:middle], left[middle:])]
            return found.union(*halves)
        found |= {*seen}
        left = [word for word in left if word not in found]
    return found


async def _read_events(
    client: ThreatEventsClient, policy: ReadPolicy, field: SearchField, words: Sequence[str]
) -> list[Event]:
    scope = policy.reach
    condition = Condition(field=field, op="in", value=list[SearchValue](words))
    search = EventSearch(dataset_id=[*scope], search=[condition], order_by="date", order="desc", page_size=PAGE_SIZE)
    # Only words of events that fit are taken, so an API that ignores the search shows no others.
    return await first_visible(client, search, policy, PAGE_SIZE, report=ReadingReport())


def _values(event: Event, field: SearchField) -> Sequence[str]:
    value = getattr(event, SEARCHABLE[field].name)
    return value if isinstance(value, list) else [str(value)]  # pyright: ignore[reportUnknownVariableType]
