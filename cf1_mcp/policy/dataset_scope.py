"""The datasets that a call reads: those that it names, or a scope word of the API."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Final

from mcp.server.mcpserver import Resolve

from cf1_mcp.errors import BadArgument, Withheld, choices
from cf1_mcp.models import Dataset
from cf1_mcp.policy.datasets import (
    UnclearDataset,
    dataset_key,
    dataset_names,
    dataset_uuids,
    unclear_dataset,
    unknown_dataset,
)
from cf1_mcp.policy.read_policy import CurrentReadPolicy, ReadPolicy
from cf1_mcp.text.uuids import id_key, parse_uuid

SCOPE_WORDS: Final = ("all", "operational", "analytics")


def is_scope_word(name: str) -> bool:
    return dataset_key(name) in (*SCOPE_WORDS, "*")


@dataclass(frozen=True)
class DatasetScope:
    """The datasets of a call: `ids` as the API takes them (uuids, or one scope word), `names` as people know them.

    `counted` are the names that a count covers: under `all` the API leaves analytics datasets out of counts.
    """

    ids: tuple[str, ...]
    names: tuple[str, ...]
    counted: tuple[str, ...]
    policy: ReadPolicy


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
        return DatasetScope(dataset_uuids(chosen), dataset_names(chosen), dataset_names(chosen), policy)
    if len(requested) > 1:
        raise BadArgument(
            "dataset_ids",
            f"{words[0]} cannot be combined with other datasets",
            f"one of {choices(SCOPE_WORDS)}, or a list of datasets",
        )
    word = dataset_key(words[0]).replace("*", "all")
    inside = [one for one in policy.datasets if word == "all" or one.is_analytics == (word == "analytics")]
    if not policy.restricted:
        counted = [dataset for dataset in inside if word == "analytics" or not dataset.is_analytics]
        return DatasetScope((word,), dataset_names(inside), dataset_names(counted), policy)
    if not inside:
        raise Withheld(f"Every dataset under {word!r}", policy.grant.rule)
    # The API would read a scope word as every dataset of the account, so the allowed ones are named instead.
    return DatasetScope(dataset_uuids(inside), dataset_names(inside), dataset_names(inside), policy)


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
