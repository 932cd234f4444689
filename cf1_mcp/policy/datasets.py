"""Identifies datasets. The uuid of a dataset is its identity; a name selects a dataset only if no other one has it.

Names are compared as people read them: without regard to case, width, ligatures, and the kind and number of blanks and
invisible characters. What is sent to the API is always the uuid of the dataset that was found.
"""

import re
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property, lru_cache
from typing import Final

from cf1_mcp.api.lists.dataset_groups import MAX_DATASETS
from cf1_mcp.errors import BadArgument, Withheld, unknown_word
from cf1_mcp.models import Dataset
from cf1_mcp.settings import EVERY_DATASET
from cf1_mcp.text.limits import MAX_NAME_LENGTH
from cf1_mcp.text.sanitize import clean, drop_invisible
from cf1_mcp.text.uuids import id_key, looks_like_uuid, parse_uuid

SEVERAL: Final = "is the name of more than one dataset"
EMPTY: Final = "is not found, because the API's list of datasets is empty"
DISGUISED: Final = "looks like a uuid, but is not written as one"
MAX_CACHED_NAMES: Final = 20_000
# Suggestions compare a name with every other one, and a list that is longer than this is not read anyway.
MAX_SUGGESTED_FROM: Final = 500
_BLANKS: Final = re.compile(r"\s+")


@lru_cache(maxsize=MAX_CACHED_NAMES)  # every call reads all names of the account
def dataset_key(name: str) -> str:
    """Return a name in the form in which names are compared."""
    if not (name.isascii() and name.isprintable()):
        name = unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", drop_invisible(name)).casefold())
    return _BLANKS.sub(" ", name.casefold()).strip()


@dataclass(frozen=True)
class UnclearDataset:
    """A text that does not identify a dataset. `problem` says why, `datasets` are those that it could mean."""

    problem: str
    datasets: tuple[Dataset, ...] = ()


@dataclass(frozen=True)
class DatasetGrant:
    """The datasets that an operator's list allows. `setting` is its name, `unclear` has its entries that allow none,
    each with the reason.
    """

    setting: str
    datasets: tuple[Dataset, ...]
    unclear: Mapping[str, str] = field(default_factory=dict[str, str])

    @cached_property
    def by_id(self) -> Mapping[str, Dataset]:
        return {id_key(dataset.uuid): dataset for dataset in self.datasets}

    @property
    def rule(self) -> str:
        """The setting, and which of its entries the operator has to correct."""
        if not self.unclear:
            return self.setting
        entries = "; ".join(f"{clean(name, MAX_NAME_LENGTH)!r} {why}" for name, why in self.unclear.items())
        return f"{self.setting} (an entry allows nothing until the operator replaces it by a uuid: {entries})"

    def includes(self, dataset_id: str) -> bool:
        """Whether the list allows a dataset, by its uuid."""
        return id_key(dataset_id) in self.by_id

    def refuse(self, name: str, argument: str, action: str) -> BadArgument | Withheld:
        """Return the error for a dataset that is not on the list.

        It is the same whether or not the account has such a dataset, so that nobody can find out by asking.
        """
        shown, names = clean(name, MAX_NAME_LENGTH), dataset_names(self.datasets)
        if not names:
            return Withheld(f"{argument}: dataset {shown!r}", self.rule)
        problem = f"dataset {shown!r} is not among those that may be {action}, and any other is withheld by {self.rule}"
        valid = "this one, or its uuid" if len(names) == 1 else "one of these, or its uuid"
        return unknown_word(argument, problem, name[:MAX_NAME_LENGTH], names[:MAX_SUGGESTED_FROM], valid)


@dataclass(frozen=True)
class DatasetIndex:
    """The datasets of an account, by uuid and by name. If not `is_whole`, the list had rows that cannot be read."""

    datasets: tuple[Dataset, ...] = ()
    is_whole: bool = True

    def find(self, text: str) -> Dataset | UnclearDataset | None:
        """Return the dataset of a uuid, or the only one with a name. A uuid is never read as a name."""
        if (uuid := parse_uuid(text)) is not None:
            return self._by_id.get(uuid)
        if looks_like_uuid(text):
            return UnclearDataset(DISGUISED)
        found = {id_key(dataset.uuid): dataset for dataset in self._by_name.get(dataset_key(text), ())}
        # An account may have ids of another form. They are compared like uuids, and must not be a name as well.
        if (other := self._by_id.get(id_key(text.strip()))) is not None:
            found[id_key(other.uuid)] = other
        if len(found) > 1:
            return UnclearDataset(SEVERAL, tuple(found.values()))
        return next(iter(found.values()), None)

    def grant(self, setting: str, listed: Sequence[str]) -> DatasetGrant:
        """Return the datasets that an operator's list allows. An entry that could mean several allows none."""
        if tuple(listed) == EVERY_DATASET:
            return DatasetGrant(setting, self.datasets)
        allowed: dict[str, Dataset] = {}
        unclear: dict[str, str] = {}
        for entry in listed:
            match self.find(entry):
                case Dataset() as dataset:
                    allowed[id_key(dataset.uuid)] = dataset
                case UnclearDataset(problem):
                    unclear[entry] = problem
                case None:
                    if all(one.name == one.uuid for one in self.datasets):
                        unclear[entry] = EMPTY
        # In the order of the account.
        return DatasetGrant(setting, tuple(one for one in self.datasets if id_key(one.uuid) in allowed), unclear)

    @cached_property
    def _by_id(self) -> Mapping[str, Dataset]:
        return {id_key(dataset.uuid): dataset for dataset in reversed(self.datasets)}

    @cached_property
    def _by_name(self) -> Mapping[str, Sequence[Dataset]]:
        names: dict[str, list[Dataset]] = {}
        for dataset in self.datasets:
            if key := dataset_key(dataset.name):
                names.setdefault(key, []).append(dataset)
        return names


def unknown_dataset(name: str, argument: str, readable: Sequence[Dataset]) -> BadArgument:
    """The error for a name that no dataset has, where every dataset may be read."""
    problem = f"there is no dataset {clean(name, MAX_NAME_LENGTH)!r}"
    names = dataset_names(readable[:MAX_SUGGESTED_FROM])
    return unknown_word(argument, problem, name[:MAX_NAME_LENGTH], names, "one of these, or a uuid")


def unclear_dataset(name: str, argument: str, problem: str) -> BadArgument:
    """The error for a text that could mean several datasets."""
    return BadArgument(argument, f"{clean(name, MAX_NAME_LENGTH)!r} {problem}", "the uuid (list_threat_datasets)")


def dataset_uuids(datasets: Sequence[Dataset]) -> tuple[str, ...]:
    return tuple(dataset.uuid for dataset in datasets)


def dataset_names(datasets: Sequence[Dataset]) -> tuple[str, ...]:
    """The names of the datasets, cleaned."""
    return tuple(clean(dataset.name, MAX_NAME_LENGTH) for dataset in datasets)


def scope_ids(account: DatasetIndex, word: str = "all") -> tuple[str, ...]:
    """Return what to ask the API for to reach all datasets of an account under a scope word.

    The API's `all` and `operational` leave analytics datasets out, and no word reaches more than 50 datasets; then the
    datasets are named, which takes no more requests. So they are where the kind of one is unknown, which a word may
    leave out. Where there may be datasets that are unknown themselves, both kinds are asked for by their words.
    """
    inside = [one for one in account.datasets if one.may_be_in(word)]
    if word == "all" and (not inside or (not account.is_whole and len(inside) <= MAX_DATASETS)):
        return ("all", "analytics")
    is_sure = all(one.is_analytics is (word == "analytics") for one in inside)
    return (word,) if is_sure and len(inside) <= MAX_DATASETS else dataset_uuids(inside)
