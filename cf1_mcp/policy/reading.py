"""What the operator lets a model read: which datasets, up to which marking.

A dataset is named by uuid or name, whatever its case and padding. The rules hold on what is asked and again on what
comes back, because an answer may hold more than was asked for.
"""

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Final

from mcp.server.mcpserver import Resolve

from cf1_mcp.api.vocabulary import EVERYWHERE, Kind, Vocabulary
from cf1_mcp.context import AccountVocabulary, OperatorSettings
from cf1_mcp.errors import BadArgument, Withheld, choices, nearest
from cf1_mcp.models import Dataset, Event, Tlp
from cf1_mcp.settings import EVERY_DATASET
from cf1_mcp.text.limits import MAX_NAME_LENGTH
from cf1_mcp.text.sanitize import clean

SCOPE_WORDS: Final = ("all", "operational", "analytics")
DATASET_RULE: Final = "CF1_READ_DATASETS"
_UUID: Final = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE)


@dataclass(frozen=True)
class Reading:
    """The operator's rules for reading. `datasets` are those of the account that may be read."""

    datasets: tuple[Dataset, ...]
    restricted: bool
    ceiling: Tlp

    @property
    def tlp_rule(self) -> str:
        return f"CF1_MAX_TLP ({self.ceiling.value})"

    def rule_against(self, event: Event) -> str | None:
        """The rule that withholds an event, if one does."""
        if self.restricted and _plain(event.dataset_id) not in {_plain(dataset.uuid) for dataset in self.datasets}:
            return DATASET_RULE
        return self.tlp_rule if self.above(event.tlp) else None

    def above(self, *markings: str) -> bool:
        """Whether any of the markings lies above the ceiling. No marking counts as amber."""
        return any(Tlp.of(marking).rank > self.ceiling.rank for marking in markings)

    def admit(self, events: Sequence[Event]) -> tuple[list[Event], dict[str, int]]:
        """The events that may be shown, and how many may not by which rule."""
        rules = [self.rule_against(event) for event in events]
        withheld = Counter(rule for rule in rules if rule)
        return [event for event, rule in zip(events, rules, strict=True) if not rule], dict(withheld)

    def admit_one(self, event: Event) -> Event:
        """The event.

        Raises:
            Withheld: a rule forbids to show it.
        """
        if rule := self.rule_against(event):
            raise Withheld("This event", rule)
        return event


@dataclass(frozen=True)
class Scope:
    """The datasets of a call: `ids` as the API takes them (uuids, or one scope word), `names` as people know them.

    `counted` are the names that a count covers: under `all` the API leaves analytics datasets out of counts.
    """

    ids: tuple[str, ...]
    names: tuple[str, ...]
    counted: tuple[str, ...]
    reading: Reading


async def reading_rules(words: AccountVocabulary, operator: OperatorSettings) -> Reading:
    """The rules for reading as they stand for the datasets that the account has now."""
    known = await words.datasets()
    wanted = {_plain(word) for word in operator.read_datasets}
    if operator.read_datasets == EVERY_DATASET:
        return Reading(tuple(known), False, operator.max_tlp)
    listed = [dataset for dataset in known if {_plain(dataset.uuid), _plain(dataset.name)} & wanted]
    # A dataset that is shared with the account may be missing from its list; its uuid stands for itself.
    missing = wanted - {_plain(dataset.uuid) for dataset in listed}
    unlisted = [Dataset(uuid=word, name=word) for word in sorted(missing) if _UUID.fullmatch(word)]
    return Reading((*listed, *unlisted), True, operator.max_tlp)


Reader = Annotated[Reading, Resolve(reading_rules)]


async def readable_words(words: Vocabulary, reading: Reading, kind: Kind) -> list[str]:
    """All values of one kind that may be told, in the API's order and as it writes them."""
    readable = tuple(dataset.uuid for dataset in reading.datasets) if reading.restricted else EVERYWHERE
    match kind:
        case "attackers":
            return await words.attackers(readable) if readable else []
        case "indicator_types":
            return await words.indicator_types(readable) if readable else []
        case "categories":
            return await words.categories()
        case "countries":
            return await words.countries()
        case "datasets":
            return [dataset.name for dataset in reading.datasets]
        case "industries":
            return await words.industries()
        case "tags":
            return [tag.value for tag in await words.tags() if not reading.above(tag.tlp)]


async def _read_scope(words: AccountVocabulary, reading: Reader, dataset_ids: list[str] | None) -> Scope:
    return resolve_scope(dataset_ids or ["all"], await words.datasets(), reading)


async def _known_dataset(words: AccountVocabulary, reading: Reader, dataset_id: str | None) -> Dataset | None:
    return _dataset(dataset_id, await words.datasets(), reading, "dataset_id") if dataset_id else None


ReadScope = Annotated[Scope, Resolve(_read_scope)]
KnownDataset = Annotated[Dataset | None, Resolve(_known_dataset)]


def resolve_scope(asked: Sequence[str], known: Sequence[Dataset], reading: Reading) -> Scope:
    """The datasets of the names, uuids or one scope word that a call gives.

    Raises:
        Withheld: one of them may not be read.
        BadArgument: there is no such dataset, or a scope word does not stand alone.
    """
    words = [word for word in asked if _plain(word) in (*SCOPE_WORDS, "*")]
    if not words:
        chosen = [_dataset(name, known, reading, "dataset_ids") for name in asked]
        return Scope(_uuids(chosen), _names(chosen), _names(chosen), reading)
    if len(asked) > 1:
        raise BadArgument(
            "dataset_ids", f"{words[0]} stands alone", f"one of {choices(SCOPE_WORDS)}, or a list of datasets"
        )
    word = _plain(words[0]).replace("*", "all")
    inside = [one for one in reading.datasets if word == "all" or one.is_analytics == (word == "analytics")]
    if not reading.restricted:
        counted = [dataset for dataset in inside if word == "analytics" or not dataset.is_analytics]
        return Scope((word,), _names(inside), _names(counted), reading)
    if not inside:
        raise Withheld(f"Every dataset under {word!r}", DATASET_RULE)
    # The API would read a scope word as every dataset of the account, so the allowed ones are named instead.
    return Scope(_uuids(inside), _names(inside), _names(inside), reading)


def _dataset(name: str, known: Sequence[Dataset], reading: Reading, argument: str) -> Dataset:
    """The dataset of a uuid or a name, if it may be read."""
    wanted = _plain(name)
    for dataset in reading.datasets:
        if wanted in (_plain(dataset.uuid), _plain(dataset.name)):
            return dataset
    exists = any(wanted in (_plain(dataset.uuid), _plain(dataset.name)) for dataset in known)
    if exists or (reading.restricted and _UUID.fullmatch(wanted)):
        raise Withheld(f"{argument}: dataset {clean(name, MAX_NAME_LENGTH)!r}", DATASET_RULE)
    if _UUID.fullmatch(wanted):
        # The API decides: a dataset shared with the account may be missing from its list.
        return Dataset(uuid=wanted, name=wanted)
    names = _names(reading.datasets)
    meant = nearest(name, names)
    problem = f"there is no dataset {clean(name, MAX_NAME_LENGTH)!r}" + (f", did you mean {meant!r}?" if meant else "")
    raise BadArgument(argument, problem, f"{choices(names)}, or a uuid")


def _plain(name: str) -> str:
    return name.strip().casefold()


def _uuids(datasets: Sequence[Dataset]) -> tuple[str, ...]:
    return tuple(dataset.uuid for dataset in datasets)


def _names(datasets: Sequence[Dataset]) -> tuple[str, ...]:
    return tuple(clean(dataset.name, MAX_NAME_LENGTH) for dataset in datasets)
