"""Looks at the datasets and categories of an account after a change of them whose answer does not tell whether it was
made. Each takes one request, for the list of all of them.

A new one is found by its name, which none had before: the plan of the change refuses a name that is taken.
"""

from collections.abc import Callable, Sequence
from typing import TypeVar

from cf1_mcp.api.client import ThreatEventsClient
from cf1_mcp.changes.outcomes.change_results import Result
from cf1_mcp.events.certainty import read_whole
from cf1_mcp.models import Category, Dataset
from cf1_mcp.text.uuids import id_key

T = TypeVar("T", Dataset, Category)


async def look_for_dataset(client: ThreatEventsClient, name: str, report: Callable[[Dataset], Result]) -> Result:
    """Find the dataset that has the name of a new one, and report it."""
    return _report_only(await _list_present(client), name, report)


async def look_at_dataset(client: ThreatEventsClient, dataset_id: str, report: Callable[[Dataset], Result]) -> Result:
    """Find a dataset by its uuid, and report it."""
    found = [one for one in await _list_present(client) if id_key(one.uuid) == id_key(dataset_id)]
    return report(found[0]) if found else Result("failed")


async def look_at_dataset_deletion(client: ThreatEventsClient, dataset_id: str) -> Result:
    """Find out whether a dataset is no longer there.

    A list that is not whole does not tell, nor does an empty one, because every account has datasets.
    """
    listed, is_whole = await read_whole(_list_present(client))
    is_left = any(id_key(one.uuid) == id_key(dataset_id) for one in listed)
    return Result("failed" if is_left else "done" if is_whole and listed else "unknown", {"dataset_id": dataset_id})


async def look_for_category(client: ThreatEventsClient, name: str, report: Callable[[Category], Result]) -> Result:
    """Find the category that has the name of a new one, and report it.

    Only the catalog has every category: the older list has those of one dataset, which need not be readable here.
    """
    return _report_only(await client.list_category_catalog(), name, report)


async def _list_present(client: ThreatEventsClient) -> list[Dataset]:
    return [one for one in await client.list_datasets() if one.deleted_at is None]


def _report_only(listed: Sequence[T], name: str, report: Callable[[T], Result]) -> Result:
    found = [one for one in listed if one.name.strip() == name.strip()]
    return report(found[0]) if len(found) == 1 else Result("failed")
