"""What creating or renaming a dataset may do to the operator's lists, which may name datasets.

A list must allow the same before and after. Otherwise a name that a model chooses could give it rights, or take an
entry its meaning.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from cf1_mcp.errors import BadArgument, Withheld
from cf1_mcp.models import Dataset
from cf1_mcp.policy.dataset_scope import is_scope_word
from cf1_mcp.policy.datasets import DatasetIndex, dataset_key
from cf1_mcp.policy.read_policy import DATASET_RULE
from cf1_mcp.policy.write_policy import DELETE_RULE, WRITE_RULE, WritePolicy
from cf1_mcp.settings import EVERY_DATASET, Settings
from cf1_mcp.text.sanitize import clean, escape_invisible
from cf1_mcp.text.uuids import looks_like_uuid

MAX_DATASET_NAME_LENGTH: Final = 120
LINE: Final = "a short line of visible text"
NEW: Final = Dataset(uuid="00000000-0000-0000-0000-000000000000", name="")


@dataclass(frozen=True)
class DatasetNames:
    """The datasets of the account as they are now, deleted ones left out, and the rules for their names."""

    policy: WritePolicy
    datasets: Sequence[Dataset]

    def require_creatable(self) -> None:
        """Refuse a new dataset where the lists name the datasets that may be read and written: it is not among them.

        Raises:
            Withheld: one of these lists is not `*`.
        """
        if self.policy.read_policy.restricted:
            raise Withheld("A new dataset, which could not be read here,", DATASET_RULE)
        require_every_dataset(self.policy, "A new dataset, as every dataset that is not listed,")

    def require_renamable(self) -> None:
        """Refuse to rename where some datasets may not be read, because their names must not be told.

        Raises:
            Withheld: CF1_READ_DATASETS is not `*`.
        """
        if self.policy.read_policy.restricted:
            raise Withheld("Renaming a dataset, which must not take the name of another one,", DATASET_RULE)

    def check_name(self, text: str, argument: str, dataset: Dataset = NEW) -> str:
        """Return the name that a dataset may get: the new one, or one of the account.

        Raises:
            BadArgument: it is not a name, or another dataset could be meant by it.
            Withheld: it would change what a list of the operator allows.
        """
        name = text.strip()
        _check_form(name, argument)
        others = DatasetIndex(tuple(one for one in self.datasets if one.uuid != dataset.uuid))
        if others.find(name) is not None:
            problem = f"{clean(name, MAX_DATASET_NAME_LENGTH)!r} is the name of another dataset, or reads like it"
            raise BadArgument(argument, problem, "a name that no dataset has (list_threat_datasets)")
        if dataset.name and name == dataset.name:
            raise BadArgument(argument, "the dataset has this name already", "another name")
        before = DatasetIndex(tuple(self.datasets))
        after = DatasetIndex((*others.datasets, replace_name(dataset, name)))
        if changed := _find_changed_list(self.policy.settings, before, after):
            what = f"{argument}: a name that would change which datasets an entry of the list means"
            raise Withheld(what, f"{changed} (the operator can list the uuid instead)")
        return name


def replace_name(dataset: Dataset, name: str) -> Dataset:
    return dataset.model_copy(update={"name": name})


def require_every_dataset(policy: WritePolicy, what: str) -> None:
    """Refuse what concerns every dataset where a list names those that may be written.

    Raises:
        Withheld: CF1_WRITE_DATASETS is not `*`.
    """
    if policy.settings.write_datasets != EVERY_DATASET:
        raise Withheld(what, WRITE_RULE)


def check_line(name: str, argument: str) -> None:
    """Refuse a name that is not a short line of visible text."""
    if not dataset_key(name):
        raise BadArgument(argument, "it is empty", LINE)
    if len(name) > MAX_DATASET_NAME_LENGTH:
        raise BadArgument(argument, f"it has {len(name):,} characters", f"at most {MAX_DATASET_NAME_LENGTH}")
    if escape_invisible(name) != name:
        raise BadArgument(argument, "it contains line breaks or invisible characters", LINE)


def _check_form(name: str, argument: str) -> None:
    check_line(name, argument)
    if looks_like_uuid(name):
        raise BadArgument(argument, "it looks like a uuid, which would be taken for another dataset", LINE)
    if is_scope_word(name):
        raise BadArgument(argument, f"{name!r} stands for several datasets", LINE)


def _find_changed_list(settings: Settings, before: DatasetIndex, after: DatasetIndex) -> str | None:
    """Return the list that would allow other datasets, or that would have other unclear entries; None if none would.

    `*` allows every dataset, whatever its name.
    """
    lists: Mapping[str, Sequence[str]] = {
        DATASET_RULE: settings.read_datasets,
        WRITE_RULE: settings.write_datasets,
        DELETE_RULE: settings.delete_datasets,
    }
    for setting, listed in lists.items():
        if tuple(listed) != EVERY_DATASET and _meaning(before, setting, listed) != _meaning(after, setting, listed):
            return setting
    return None


def _meaning(index: DatasetIndex, setting: str, listed: Sequence[str]) -> tuple[frozenset[str], frozenset[str]]:
    grant = index.grant(setting, listed)
    return frozenset(grant.by_id), frozenset(grant.unclear)
