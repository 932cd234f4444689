"""What the operator lets a model read: which datasets, up to which marking.

The rules are applied to what a call requests and again to what the API returns, because an answer may contain more than
was requested. An answer depends only on what may be shown: what is withheld is not counted, and leaves no trace in
cursors, notes or suggestions. The operator may have it counted (`tell_withheld`).
"""

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Annotated, Final

from mcp.server.mcpserver import Resolve
from pydantic import JsonValue

from cf1_mcp.api.remarks import remark
from cf1_mcp.api.vocabulary import Vocabulary
from cf1_mcp.context import AccountVocabulary, OperatorSettings
from cf1_mcp.errors import ApiError, Withheld
from cf1_mcp.models import Dataset, Event, Raw, Tlp
from cf1_mcp.policy.datasets import DatasetGrant, DatasetIndex, UnclearDataset, dataset_uuids, scope_ids
from cf1_mcp.settings import EVERY_DATASET
from cf1_mcp.text.uuids import parse_uuid

# Between tags that come as one text.
_SEPARATORS: Final = re.compile(r"[,;|\n]")
DATASET_RULE: Final = "CF1_READ_DATASETS"
NO_TAGS: Final = "The tags of the account could not be read, so no tags are shown."


@dataclass(frozen=True)
class ReadPolicy:
    """The operator's rules for reading.

    `datasets` are those of the account that may be read; `restricted` says whether there may be others. `account` has
    all datasets of the account, and `unclear` the entries of the operator's list that allow none, with the reasons.
    `withheld_tags` are the folded tags whose own marking is above the ceiling; None if they are unknown, and then no
    tag is shown.
    """

    datasets: tuple[Dataset, ...]
    restricted: bool
    ceiling: Tlp
    withheld_tags: frozenset[str] | None = frozenset()
    tell_withheld: bool = False
    account: DatasetIndex = field(default_factory=DatasetIndex, kw_only=True)
    unclear: Mapping[str, str] = field(default_factory=dict[str, str], kw_only=True)

    @property
    def tlp_rule(self) -> str:
        return f"CF1_MAX_TLP ({self.ceiling.value})"

    @property
    def sees_everything(self) -> bool:
        """Whether nothing is ever withheld."""
        return not self.restricted and self.ceiling is Tlp.RED

    @property
    def notes(self) -> list[str]:
        """Return a sentence for each rule that withholds something, whether or not there is something to withhold."""
        above = f"Events marked above TLP:{self.ceiling.value.upper()} are not searched (CF1_MAX_TLP)."
        lists = f"Only the listed datasets are searched ({DATASET_RULE})."
        return [*([above] if self.ceiling is not Tlp.RED else []), *([lists] if self.restricted else [])]

    def is_above_ceiling(self, *markings: str) -> bool:
        """Whether any of the markings is above the ceiling. An empty marking counts as amber."""
        return any(Tlp.of(marking).rank > self.ceiling.rank for marking in markings)

    def rule_against(self, event: Event) -> str | None:
        """The rule that withholds an event, or None."""
        if not self.may_read(event.dataset_id):
            return DATASET_RULE
        return self.tlp_rule if self.is_above_ceiling(event.tlp) else None

    def may_show(self, event: Event) -> bool:
        """Whether no rule withholds an event."""
        return self.rule_against(event) is None

    def admit(self, events: Sequence[Event]) -> tuple[list[Event], dict[str, int]]:
        """The events that may be shown, as they may be shown, and how many are withheld by each rule."""
        rules = [self.rule_against(event) for event in events]
        withheld = Counter(rule for rule in rules if rule)
        return [self.visible(one) for one, rule in zip(events, rules, strict=True) if not rule], dict(withheld)

    def visible(self, event: Event) -> Event:
        """Return an event without the tags that are withheld."""
        if self.withheld_tags is None:
            return event.model_copy(update={"tags": []}) if event.tags else event
        if not self.withheld_tags or not event.tags:
            return event
        kept = [tag for tag in event.tags if self._may_show_tag(tag, self.withheld_tags)]
        return event.model_copy(update={"tags": kept}) if len(kept) < len(event.tags) else event

    def names_withheld_tag(self, value: JsonValue) -> bool:
        """Whether a JSON value is, or has anywhere in it, a text that is a withheld tag."""
        match value:
            case str():
                return value.strip().casefold() in (self.withheld_tags or ())
            case list():
                return any(map(self.names_withheld_tag, value))
            case dict():
                return any(self.names_withheld_tag(part) for pair in value.items() for part in pair)
            case _:
                return False

    @staticmethod
    def _may_show_tag(tag: str, withheld: frozenset[str]) -> bool:
        """Whether a tag may be shown. An API that sends tags as one text joins them in one of several ways."""
        parts = _SEPARATORS.split(tag) if _SEPARATORS.search(tag) else ()
        return not any(part.strip().casefold() in withheld for part in (tag, *parts))

    def require_readable(self, event: Event) -> Event:
        """Return the event.

        Raises:
            Withheld: a rule forbids showing it.
        """
        if rule := self.rule_against(event):
            raise Withheld("This event", rule)
        return event

    @staticmethod
    def raw_marking(event: Event, raw: Raw) -> Tlp:
        """Return the marking of raw evidence: its own; without one, the higher of amber and that of its event."""
        if raw.tlp.strip():
            return Tlp.of(raw.tlp)
        return max(Tlp.AMBER, Tlp.of(event.tlp), key=lambda level: level.rank)

    def require_raw_readable(self, event: Event, raw: Raw) -> Raw:
        """Return the raw evidence of an event.

        Raises:
            Withheld: its marking is above the ceiling.
        """
        if not raw.is_empty and self.raw_marking(event, raw).rank > self.ceiling.rank:
            raise Withheld("The raw evidence of this event", self.tlp_rule)
        return raw

    def counts(self, withheld: Mapping[str, int]) -> dict[str, JsonValue]:
        """Return the fact `withheld`, how much each rule withholds, if the operator has it told."""
        counted: list[JsonValue] = [f"{count} by {rule}" for rule, count in withheld.items() if count]
        return {"withheld": counted} if self.tell_withheld and counted else {}

    @cached_property
    def reach(self) -> tuple[str, ...]:
        """What to ask the API for to reach every dataset that may be read; empty if none may."""
        return dataset_uuids(self.datasets) if self.restricted else scope_ids(self.account)

    @cached_property
    def account_reach(self) -> tuple[str, ...]:
        """The same for every dataset of the account, for guards, which must not miss a copy of an event."""
        return scope_ids(self.account)

    def may_read(self, dataset_id: str) -> bool:
        """Whether a dataset, by its uuid, may be read."""
        return not self.restricted or self.grant.includes(dataset_id)

    def allows_name(self, text: str) -> bool:
        """Whether a uuid, or a name, selects a dataset that may be read."""
        found = self.account.find(text)
        return isinstance(found, Dataset) and self.may_read(found.uuid)

    def may_tell(self, unclear: UnclearDataset) -> bool:
        """Whether an error may tell that a text is unclear: not if it could mean only datasets that may not be read."""
        return not unclear.datasets or any(self.may_read(dataset.uuid) for dataset in unclear.datasets)

    @cached_property
    def grant(self) -> DatasetGrant:
        """The datasets that the operator's list allows."""
        return DatasetGrant(DATASET_RULE, self.datasets, self.unclear)


async def load_read_policy(vocabulary: AccountVocabulary, settings: OperatorSettings) -> ReadPolicy:
    """The rules for reading, over the account's current datasets."""
    account = DatasetIndex(tuple(await vocabulary.datasets()), vocabulary.knows_all_datasets)
    ceiling, tell = settings.max_tlp, settings.tell_withheld
    tags = await _load_withheld_tags(vocabulary, ceiling)
    if settings.read_datasets == EVERY_DATASET:
        return ReadPolicy(account.datasets, False, ceiling, tags, tell, account=account)
    # A dataset that is shared with the account may be missing from its list, so an unknown uuid is its own name.
    named = dict.fromkeys(uuid for entry in settings.read_datasets if (uuid := parse_uuid(entry)))
    # Of what kind it is makes no difference: it is always asked for by its uuid.
    unlisted = [Dataset(uuid=uuid, name=uuid, is_analytics=False) for uuid in named if account.find(uuid) is None]
    account = DatasetIndex((*account.datasets, *unlisted), account.is_whole)
    granted = account.grant(DATASET_RULE, settings.read_datasets)
    return ReadPolicy(granted.datasets, True, ceiling, tags, tell, account=account, unclear=granted.unclear)


CurrentReadPolicy = Annotated[ReadPolicy, Resolve(load_read_policy)]


async def _load_withheld_tags(vocabulary: Vocabulary, ceiling: Tlp) -> frozenset[str] | None:
    """Return the folded tags of the account's list that are marked above the ceiling. A tag without a marking is not
    marked: unlike an event it is a word, and most accounts mark none.
    """
    if ceiling is Tlp.RED:
        return frozenset()
    try:
        tags = await vocabulary.tags()
    except ApiError:
        remark(NO_TAGS)
        return None
    marked = (tag for tag in tags if tag.tlp.strip() and Tlp.of(tag.tlp).rank > ceiling.rank)
    return frozenset(tag.value.strip().casefold() for tag in marked)
