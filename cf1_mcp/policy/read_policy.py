"""What the operator lets a model read: which datasets, up to which marking.

The rules are applied to what a call requests and again to what the API returns, because an answer may contain more than
was requested.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Annotated, Final

from mcp.server.mcpserver import Resolve

from cf1_mcp.api.vocabulary import EVERYWHERE, Kind, Vocabulary
from cf1_mcp.context import AccountVocabulary, OperatorSettings
from cf1_mcp.errors import Withheld
from cf1_mcp.models import Dataset, Event, Raw, Tlp
from cf1_mcp.policy.datasets import dataset_key, dataset_uuids, is_uuid, select_datasets
from cf1_mcp.settings import EVERY_DATASET

DATASET_RULE: Final = "CF1_READ_DATASETS"


@dataclass(frozen=True)
class ReadPolicy:
    """The operator's rules for reading.

    `datasets` are those of the account that may be read; `restricted` says whether there may be others.
    """

    datasets: tuple[Dataset, ...]
    restricted: bool
    ceiling: Tlp

    @property
    def tlp_rule(self) -> str:
        return f"CF1_MAX_TLP ({self.ceiling.value})"

    def is_above_ceiling(self, *markings: str) -> bool:
        """Whether any of the markings is above the ceiling. An empty marking counts as amber."""
        return any(Tlp.of(marking).rank > self.ceiling.rank for marking in markings)

    @staticmethod
    def raw_marking(event: Event, raw: Raw) -> Tlp:
        """The marking of an event's raw evidence: its own; without one, the higher of amber and that of the event."""
        own = (raw.tlp,) if raw.tlp.strip() else ("", event.tlp)
        return max(map(Tlp.of, own), key=lambda level: level.rank)

    def rule_against(self, event: Event) -> str | None:
        """The rule that withholds an event, or None."""
        if self.restricted and dataset_key(event.dataset_id) not in self._dataset_keys:
            return DATASET_RULE
        return self.tlp_rule if self.is_above_ceiling(event.tlp) else None

    def admit(self, events: Sequence[Event]) -> tuple[list[Event], dict[str, int]]:
        """The events that may be shown, and how many are withheld by each rule."""
        rules = [self.rule_against(event) for event in events]
        withheld = Counter(rule for rule in rules if rule)
        return [event for event, rule in zip(events, rules, strict=True) if not rule], dict(withheld)

    def require_readable(self, event: Event) -> Event:
        """Return the event.

        Raises:
            Withheld: a rule forbids showing it.
        """
        if rule := self.rule_against(event):
            raise Withheld("This event", rule)
        return event

    @cached_property
    def _dataset_keys(self) -> frozenset[str]:
        return frozenset(dataset_key(dataset.uuid) for dataset in self.datasets)


async def load_read_policy(vocabulary: AccountVocabulary, settings: OperatorSettings) -> ReadPolicy:
    """The rules for reading, over the account's current datasets."""
    known = await vocabulary.datasets()
    if settings.read_datasets == EVERY_DATASET:
        return ReadPolicy(tuple(known), False, settings.max_tlp)
    listed = select_datasets(settings.read_datasets, known)
    # A dataset that is shared with the account may be missing from its list, so an unknown uuid is its own name.
    missing = {dataset_key(name) for name in settings.read_datasets} - {dataset_key(one.uuid) for one in listed}
    unlisted = [Dataset(uuid=name, name=name) for name in sorted(missing) if is_uuid(name)]
    return ReadPolicy((*listed, *unlisted), True, settings.max_tlp)


CurrentReadPolicy = Annotated[ReadPolicy, Resolve(load_read_policy)]


async def readable_words(vocabulary: Vocabulary, policy: ReadPolicy, kind: Kind) -> list[str]:
    """All values of one vocabulary that may be shown, in the API's order and spelling."""
    readable = dataset_uuids(policy.datasets) if policy.restricted else EVERYWHERE
    match kind:
        case "attackers":
            return await vocabulary.attackers(readable) if readable else []
        case "indicator_types":
            return await vocabulary.indicator_types(readable) if readable else []
        case "categories":
            return await vocabulary.categories()
        case "countries":
            return await vocabulary.countries()
        case "datasets":
            return [dataset.name for dataset in policy.datasets]
        case "industries":
            return await vocabulary.industries()
        case "tags":
            return [tag.value for tag in await vocabulary.tags() if not policy.is_above_ceiling(tag.tlp)]
