"""Which datasets a call reads."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Final

from mcp.server.mcpserver import Resolve

from cf1_mcp.context import KnownWords
from cf1_mcp.errors import BadArgument, choices, nearest
from cf1_mcp.models import Dataset
from cf1_mcp.queries import Saved
from cf1_mcp.text import clean

SCOPE_WORDS: Final = ("all", "operational", "analytics")
LONGEST_NAME: Final = 80
_UUID: Final = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE)


@dataclass(frozen=True)
class Scope:
    """The datasets of a call: `ids` as the API takes them (uuids, or one scope word), `names` as people know them.

    `counted` are the names that a count covers: under `all` the API leaves analytics datasets out of counts.
    """

    ids: tuple[str, ...]
    names: tuple[str, ...]
    counted: tuple[str, ...]


async def _read_scope(words: KnownWords, dataset_ids: list[str] | None) -> Scope:
    return _scope(dataset_ids or ["all"], await words.datasets())


async def _search_scope(words: KnownWords, saved: Saved, dataset_ids: list[str] | None) -> Scope:
    return _scope(dataset_ids or saved.dataset_id or ["all"], await words.datasets())


async def _known_dataset(words: KnownWords, dataset_id: str | None) -> Dataset | None:
    return _dataset(dataset_id, await words.datasets(), "dataset_id") if dataset_id else None


def _scope(asked: Sequence[str], known: Sequence[Dataset]) -> Scope:
    scope = [word for word in asked if word.strip().lower() in (*SCOPE_WORDS, "*")]
    if not scope:
        chosen = [_dataset(name, known, "dataset_ids") for name in asked]
        return Scope(tuple(dataset.uuid for dataset in chosen), _names(chosen), _names(chosen))
    if len(asked) > 1:
        raise BadArgument(
            "dataset_ids", f"{scope[0]} stands alone", f"one of {choices(SCOPE_WORDS)}, or a list of datasets"
        )
    word = scope[0].strip().lower().replace("*", "all")
    inside = [dataset for dataset in known if word == "all" or dataset.is_analytics == (word == "analytics")]
    counted = [dataset for dataset in inside if word == "analytics" or not dataset.is_analytics]
    return Scope((word,), _names(inside), _names(counted))


def _dataset(name: str, known: Sequence[Dataset], argument: str) -> Dataset:
    """The dataset of a uuid or a name, whatever its case."""
    wanted = name.strip().casefold()
    for dataset in known:
        if wanted in (dataset.uuid.casefold(), dataset.name.casefold()):
            return dataset
    if _UUID.fullmatch(wanted):
        # The API decides: a dataset shared with the account may be missing from its list.
        return Dataset(uuid=wanted, name=wanted)
    names = _names(known)
    meant = nearest(name, names)
    problem = f"there is no dataset {clean(name, LONGEST_NAME)!r}" + (f", did you mean {meant!r}?" if meant else "")
    raise BadArgument(argument, problem, f"{choices(names)}, or a uuid")


def _names(datasets: Sequence[Dataset]) -> tuple[str, ...]:
    return tuple(clean(dataset.name, LONGEST_NAME) for dataset in datasets)


SearchScope = Annotated[Scope, Resolve(_search_scope)]
ReadScope = Annotated[Scope, Resolve(_read_scope)]
KnownDataset = Annotated[Dataset | None, Resolve(_known_dataset)]
