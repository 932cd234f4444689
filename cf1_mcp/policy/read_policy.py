"""What the operator lets a model read: which datasets, up to which marking.

The rules are applied to what a call requests and again to what the API returns, because an answer may contain more than
was requested.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Annotated, Final

from mcp.server.mcpserver import Resolve

from cf1_mcp.api.vocabulary import EVERYWHERE, Kind, Vocabulary
from cf1_mcp.context import AccountVocabulary, OperatorSettings
from cf1_mcp.errors import Withheld
from cf1_mcp.models import Dataset, Event, Raw, Tlp
from cf1_mcp.policy.datasets import DatasetGrant, DatasetIndex, UnclearDataset, dataset_uuids
from cf1_mcp.settings import EVERY_DATASET
from cf1_mcp.text.uuids import parse_uuid

DATASET_RULE: Final = "CF1_READ_DATASETS"


@dataclass(frozen=True)
class ReadPolicy:
    """The operator's rules for reading.

    `datasets` are those of the account that may be read; `restricted` says whether there may be others. `account` has
    all datasets of the account, and `unclear` the entries of the operator's list that allow none, with the reasons.
    """

    datasets: tuple[Dataset, ...]
    restricted: bool
    ceiling: Tlp
    account: DatasetIndex = field(default_factory=DatasetIndex, kw_only=True)
    unclear: Mapping[str, str] = field(default_factory=dict[str, str], kw_only=True)

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
        if not self.may_read(event.dataset_id):
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

    def require_raw_readable(self, event: Event, raw: Raw) -> Raw:
        """Return the raw evidence of an event.

        Raises:
            Withheld: its marking is above the ceiling.
        """
        if not raw.is_empty and self.raw_marking(event, raw).rank > self.ceiling.rank:
            raise Withheld("The raw evidence of this event", self.tlp_rule)
        return raw

    def may_read(self, dataset_id: str) -> bool:
        """Whether a dataset, by its uuid, may be read."""
        return not self.restricted or self.grant.includes(dataset_id)

    def may_tell(self, unclear: UnclearDataset) -> bool:
        """Whether an error may tell that a text is unclear: not if it could mean only datasets that may not be read."""
        return not unclear.datasets or any(self.may_read(dataset.uuid) for dataset in unclear.datasets)

    @cached_property
    def grant(self) -> DatasetGrant:
        """The datasets that the operator's list allows."""
        return DatasetGrant(DATASET_RULE, self.datasets, self.unclear)


async def load_read_policy(vocabulary: AccountVocabulary, settings: OperatorSettings) -> ReadPolicy:
    """The rules for reading, over the account's current datasets."""
    account = DatasetIndex(tuple(await vocabulary.datasets()))
    if settings.read_datasets == EVERY_DATASET:
        return ReadPolicy(account.datasets, False, settings.max_tlp, account=account)
    # A dataset that is shared with the account may be missing from its list, so an unknown uuid is its own name.
    named = dict.fromkeys(uuid for entry in settings.read_datasets if (uuid := parse_uuid(entry)))
    unlisted = [Dataset(uuid=uuid, name=uuid) for uuid in named if account.find(uuid) is None]
    account = DatasetIndex((*account.datasets, *unlisted))
    granted = account.grant(DATASET_RULE, settings.read_datasets)
    return ReadPolicy(granted.datasets, True, settings.max_tlp, account=account, unclear=granted.unclear)


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
