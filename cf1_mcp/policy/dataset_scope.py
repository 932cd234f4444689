"""The datasets that a call reads: those that it names, or a scope word of the API."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from typing import Annotated, Final

from mcp.server.mcpserver import Resolve

from cf1_mcp.api.lists.dataset_groups import SCOPE_WORDS as API_SCOPE_WORDS
from cf1_mcp.errors import BadArgument, Withheld, choices
from cf1_mcp.models import Dataset
from cf1_mcp.policy.datasets import (
    UnclearDataset,
    dataset_key,
    dataset_names,
    dataset_uuids,
    scope_ids,
    unclear_dataset,
    unknown_dataset,
)
from cf1_mcp.policy.read_policy import CurrentReadPolicy, ReadPolicy
from cf1_mcp.text.uuids import id_key, parse_uuid

SCOPE_WORDS: Final = ("all", "operational", "analytics")
# Invented: a search that names no dataset, such as that of a saved query, is one of the default dataset of event lists,
# which has this name. If an account calls it otherwise, such a query is run only over datasets that the caller names.
DEFAULT_DATASET: Final = "Cloudforce One Threat Events"


def is_scope_word(name: str) -> bool:
    return dataset_key(name) in (*SCOPE_WORDS, "*")


@dataclass(frozen=True)
class DatasetScope:
    """The datasets of a call: `ids` as the API takes them (scope words, uuids), `names` as people know them.

    The ids may be more than one request takes: `api/lists/dataset_groups.py` splits them. `left_out` are the names of
    datasets that the caller asked for and that the API does not search in this way. `notes` are what to know of the
    scope.
    """

    ids: tuple[str, ...]
    names: tuple[str, ...]
    policy: ReadPolicy
    left_out: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()

    @property
    def counted(self) -> tuple[str, ...]:
        """The names of the datasets that a count covers."""
        return self.names

    def list_missed(self, missed: Collection[str]) -> tuple[str, ...]:
        """Return the names of the datasets that were not searched. `missed` are ids of which the search failed."""
        words = {one for one in missed if one in API_SCOPE_WORDS}
        missed_ids = {id_key(one) for one in missed if one not in words}
        known = [*self.policy.datasets, *(Dataset(uuid=one, name=one) for one in self.ids if parse_uuid(one))]
        named = {id_key(one.uuid): one for one in reversed(known)}
        found = [one for one in reversed(named.values()) if id_key(one.uuid) in missed_ids or _is_of_words(one, words)]
        return (*self.left_out, *dataset_names(found))

    def list_searched(self, missed: Collection[str]) -> tuple[str, ...]:
        """Return the names of the datasets that were searched."""
        not_searched = {*self.list_missed(missed)}
        return tuple(name for name in self.names if name not in not_searched)

    def without_analytics(self) -> "DatasetScope":
        """Return the scope for a search with groups of conditions, which the API refuses on analytics datasets, so that
        none may be among those asked for. One of analytics datasets alone stays as it is: the API may have learnt it.
        """
        analytics = {id_key(one.uuid): one for one in self.policy.datasets if one.may_be_in("analytics")}
        kept = tuple(one for one in self.ids if one != "analytics" and id_key(one) not in analytics)
        if not kept and self.ids == self.policy.reach and not self.policy.restricted:
            kept = ("operational",)  # the API knows which these are
        if not kept:
            return self
        left_out = {*dataset_names([*analytics.values()])}
        return replace(
            self,
            # Some releases of the API read `all` as every dataset.
            ids=tuple("operational" if one == "all" else one for one in kept),
            names=tuple(name for name in self.names if name not in left_out),
            left_out=tuple(name for name in self.names if name in left_out),
        )


def resolve_scope(requested: Sequence[str], policy: ReadPolicy) -> DatasetScope:
    """The scope of names, uuids or one scope word.

    Raises:
        Withheld: no dataset may be read.
        BadArgument: one of the datasets may not be read or does not exist, a name is not unique, or a scope word is
            combined with others.
    """
    words = [word for word in requested if is_scope_word(word)]
    if not words:
        found = [_resolve_dataset(name, policy, "dataset_ids") for name in requested]
        chosen = [*{id_key(dataset.uuid): dataset for dataset in found}.values()]
        return DatasetScope(dataset_uuids(chosen), dataset_names(chosen), policy)
    if len(requested) > 1:
        raise BadArgument(
            "dataset_ids",
            f"{words[0]} cannot be combined with other datasets",
            f"one of {choices(SCOPE_WORDS)}, or a list of datasets",
        )
    word = dataset_key(words[0]).replace("*", "all")
    inside = [one for one in policy.datasets if one.may_be_in(word)]
    if not policy.restricted:
        return DatasetScope(scope_ids(policy.account, word), dataset_names(inside), policy)
    if not inside:
        raise Withheld(f"Every dataset under {word!r}", policy.grant.rule)
    # The API would read a scope word as every dataset of the account, so the allowed ones are named instead.
    return DatasetScope(dataset_uuids(inside), dataset_names(inside), policy)


def find_default_dataset(policy: ReadPolicy) -> Dataset | None:
    """Return the dataset of searches that name none; None if it is unclear which that is, or if it may not be read."""
    default = policy.account.find(DEFAULT_DATASET)
    return default if isinstance(default, Dataset) and policy.may_read(default.uuid) else None


def _is_of_words(dataset: Dataset, words: Collection[str]) -> bool:
    """Whether a dataset is one that only these scope words cover, or may be."""
    if dataset.is_analytics is None:
        return bool(words)
    return "analytics" in words if dataset.is_analytics else bool({*words} - {"analytics"})


def _resolve_dataset(name: str, policy: ReadPolicy, argument: str) -> Dataset:
    """The dataset of a uuid or a name, if it may be read."""
    found = policy.account.find(name)
    if isinstance(found, Dataset) and policy.may_read(found.uuid):
        return found
    if isinstance(found, UnclearDataset) and policy.may_tell(found):
        raise unclear_dataset(name, argument, found.problem)
    if policy.restricted:
        raise policy.grant.refuse(name, argument, "read")
    if uuid := parse_uuid(name):
        # The API decides: a dataset shared with the account may be missing from its list.
        return Dataset(uuid=uuid, name=uuid)
    raise unknown_dataset(name, argument, policy.datasets)


def require_readable_dataset(name: str, policy: ReadPolicy, argument: str) -> Dataset:
    """The dataset of a uuid or a name, whose events may be read.

    Raises:
        Withheld: CF1_READ_DATASETS does not contain it.
        BadArgument: there is no such dataset, or the name is not unique.
    """
    return _resolve_dataset(name, policy, argument)


async def _read_scope(policy: CurrentReadPolicy, dataset_ids: list[str] | None) -> DatasetScope:
    return resolve_scope(dataset_ids or ["all"], policy)


async def _known_dataset(policy: CurrentReadPolicy, dataset_id: str | None) -> Dataset | None:
    return _resolve_dataset(dataset_id, policy, "dataset_id") if dataset_id else None


ReadScope = Annotated[DatasetScope, Resolve(_read_scope)]
KnownDataset = Annotated[Dataset | None, Resolve(_known_dataset)]
