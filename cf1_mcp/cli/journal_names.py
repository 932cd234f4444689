"""The names in the filters of the commands for auditors: those of datasets, by what the journal says, and of tools."""

import re
import sys
from ast import literal_eval
from dataclasses import replace
from typing import Final

from cf1_mcp.cli.journal_filters import JournalFilter
from cf1_mcp.errors import BadArgument, choices, did_you_mean, unknown_word
from cf1_mcp.policy.tool_effect import ToolEffect
from cf1_mcp.store.journal_records import Change
from cf1_mcp.store.stores import Stores
from cf1_mcp.text.limits import MAX_NAME_LENGTH
from cf1_mcp.text.sanitize import clean
from cf1_mcp.text.uuids import id_key, looks_like_uuid

MAX_NAMES: Final = 30
_QUOTED: Final = r"""(?:'(?:[^'\\]|\\.)*'|"(?:[^"\\]|\\.)*")"""
# "from dataset 'A' to 'B'": a summary names datasets, and an entry has their ids.
_DATASETS: Final = re.compile(rf"\bdatasets? ({_QUOTED}(?:(?:, | and | to | to events of ){_QUOTED})*)")


async def resolve_dataset(stores: Stores, filters: JournalFilter) -> JournalFilter:
    """Return the filter with what the journal knows of its dataset: which changes name it, and which ids it has.

    A dataset that was renamed is found by both names. An id is known only from entries that name one dataset alone.
    """
    name = filters.dataset.casefold()
    if not name or looks_like_uuid(filters.dataset):
        return filters
    changes, ids = set[str](), set[str]()
    for change in await _list_changes(stores):
        named = [one.casefold() for one in list_named_datasets(change)]
        if name in named:
            changes.add(change.id)
            if len(named) == 1 == len(change.intent.datasets):
                ids.add(id_key(change.intent.datasets[0]))
    return replace(filters, naming=frozenset(changes), dataset_ids=frozenset(ids))


def list_named_datasets(change: Change) -> list[str]:
    """Return the names of datasets in the summary of a change, each once."""
    found = [one for part in _DATASETS.findall(change.intent.summary) for one in re.findall(_QUOTED, part)]
    return list(dict.fromkeys(_unquote(one) for one in found))


def _unquote(text: str) -> str:
    try:
        return str(literal_eval(text))
    except (SyntaxError, ValueError):
        return text[1:-1]


async def check_names(stores: Stores, filters: JournalFilter, *, changes: bool) -> None:
    """Refuse the tool or the dataset of a filter that nothing fits, if it is none. Of changes, or else of calls.

    Raises:
        BadArgument: there is no such tool, or the journal and the log of calls have no dataset of that name.
    """
    if filters.tool:
        _check_tool(filters.tool, changes=changes)
    if not filters.dataset or looks_like_uuid(filters.dataset):
        return
    journaled = await _list_changes(stores)
    logged = await stores.reads.calls(sys.maxsize)
    only = JournalFilter(dataset=filters.dataset, dataset_ids=filters.dataset_ids, naming=filters.naming)
    if not (journaled or logged) or any(map(only.matches_change, journaled)) or any(map(only.matches_call, logged)):
        return
    names = [name for change in journaled for name in list_named_datasets(change)]
    names += [name for call in logged for name in call.datasets if not looks_like_uuid(name)]
    shown = [clean(name, MAX_NAME_LENGTH) for name in dict.fromkeys(names)][:MAX_NAMES]
    raise unknown_word(
        "--dataset",
        f"no entry names a dataset {clean(filters.dataset, MAX_NAME_LENGTH)!r}",
        filters.dataset,
        shown,
        "a uuid, or one of these" if shown else "a uuid",
    )


def _check_tool(name: str, *, changes: bool) -> None:
    # Here, because most commands do not need the tools, which take long to load.
    from cf1_mcp.tools import ALL_TOOLS

    if name in (known := [one.name for one in ALL_TOOLS]):
        return
    valid = [one.name for one in ALL_TOOLS if not changes or one.effect is not ToolEffect.READ]
    raise BadArgument("--tool", f"{name!r} is not a tool{did_you_mean(name, known)}", choices(valid, most=len(valid)))


async def _list_changes(stores: Stores) -> list[Change]:
    return await stores.journal.changes(sys.maxsize, pre_images=False)
