"""Find datasets by uuid or name, ignoring case and padding."""

import re
from collections.abc import Sequence
from typing import Final

from cf1_mcp.errors import BadArgument, unknown_word
from cf1_mcp.models import Dataset
from cf1_mcp.settings import EVERY_DATASET
from cf1_mcp.text.limits import MAX_NAME_LENGTH
from cf1_mcp.text.sanitize import clean

_UUID: Final = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE)


def dataset_key(name: str) -> str:
    """Return a uuid or name in the form in which it is compared."""
    return name.strip().casefold()


def is_uuid(name: str) -> bool:
    return _UUID.fullmatch(dataset_key(name)) is not None


def find_dataset(name: str, datasets: Sequence[Dataset]) -> Dataset | None:
    """The first dataset with this uuid or name."""
    key = dataset_key(name)
    return next((one for one in datasets if key in (dataset_key(one.uuid), dataset_key(one.name))), None)


def select_datasets(listed: Sequence[str], datasets: Sequence[Dataset]) -> list[Dataset]:
    """The datasets that an operator's list contains, by uuid or name."""
    if tuple(listed) == EVERY_DATASET:
        return list(datasets)
    keys = {dataset_key(name) for name in listed}
    return [one for one in datasets if {dataset_key(one.uuid), dataset_key(one.name)} & keys]


def unknown_dataset(name: str, argument: str, readable: Sequence[Dataset]) -> BadArgument:
    """The error for a name that no dataset has. It proposes readable datasets only."""
    problem = f"there is no dataset {clean(name, MAX_NAME_LENGTH)!r}"
    return unknown_word(argument, problem, name, dataset_names(readable), "one of these, or a uuid")


def dataset_uuids(datasets: Sequence[Dataset]) -> tuple[str, ...]:
    return tuple(dataset.uuid for dataset in datasets)


def dataset_names(datasets: Sequence[Dataset]) -> tuple[str, ...]:
    """The names of the datasets, cleaned."""
    return tuple(clean(dataset.name, MAX_NAME_LENGTH) for dataset in datasets)
