"""Creating a dataset. The undo deletes it while it is empty."""

from functools import partial
from typing import Final

from pydantic import JsonValue

from cf1_mcp.answers.columns import MAX_CELL_LENGTH
from cf1_mcp.api.client import ThreatEventsClient
from cf1_mcp.api.remarks import collecting
from cf1_mcp.changes.effect import ChangeKind, Effect, PastChange, Payload, Planner, Planning, Result
from cf1_mcp.changes.outcomes.account_looks import look_at_dataset_deletion, look_for_dataset
from cf1_mcp.changes.outcomes.unknown_outcomes import find_out
from cf1_mcp.errors import ApiError, BadArgument
from cf1_mcp.models import Dataset, DatasetFields, EventSearch
from cf1_mcp.policy.dataset_rules import DatasetNames
from cf1_mcp.policy.tool_effect import ToolEffect
from cf1_mcp.policy.write_policy import DELETE_RULE
from cf1_mcp.settings import EVERY_DATASET
from cf1_mcp.text.sanitize import clean

UNDO: Final = "undo_change deletes the dataset again, as long as nothing is in it."
NO_UNDO: Final = f"Not by undo_change: {DELETE_RULE} does not contain a new dataset."
NOT_EMPTY: Final = "there are events in the dataset by now"


class CreateDataset(Payload):
    """A new dataset. It is always private: a public one can be searched by anyone."""

    name: str
    is_public: bool = False


class DeleteDataset(Payload):
    """A dataset that was created here, and is still empty."""

    dataset_id: str
    name: str


async def read_names(planning: Planning) -> DatasetNames:
    """Return the datasets of the account as they are now: names and access may have changed a minute ago."""
    listed = await planning.client.list_datasets()
    return DatasetNames(planning.write_policy, [one for one in listed if one.deleted_at is None])


async def plan_new_dataset(planning: Planner, name: str) -> Effect[CreateDataset]:
    """Check the name of a new dataset, and that a dataset may be created at all."""
    DatasetNames(planning.write_policy, ()).require_creatable()
    checked = (await read_names(planning)).check_name(name, planning.argument("name"))
    is_destroyable = planning.write_policy.settings.delete_datasets == EVERY_DATASET
    return Effect(
        kind=DATASET_CREATION,
        payload=CreateDataset(name=checked, is_public=False),
        datasets=(),
        summary=f"Create the private dataset {checked!r}.",
        undo=UNDO if is_destroyable else NO_UNDO,
        needs_code=False,
        can_undo=is_destroyable,
        size=0,
    )


async def create_dataset(client: ThreatEventsClient, payload: CreateDataset) -> Result:
    """Create the dataset, and report where the answer differs from what was sent."""
    fields = DatasetFields(name=payload.name, is_public=payload.is_public)
    try:
        created = await client.create_dataset(fields)
    except ApiError as error:
        return await find_out(error, partial(look_for_dataset, client, payload.name, partial(_report, payload)))
    return _report(payload, created)


def _report(payload: CreateDataset, created: Dataset) -> Result:
    facts: dict[str, JsonValue] = {"dataset_id": created.uuid}
    differs = find_dataset_differences(created, payload.name, is_public=payload.is_public)
    return Result("partial", facts, {"differs": differs}) if differs else Result("done", facts)


def find_dataset_differences(answered: Dataset, name: str, *, is_public: bool) -> list[JsonValue]:
    """Return the fields in which the API answered something else than was sent."""
    differs: list[JsonValue] = []
    if answered.name.strip() != name:
        shown = clean(answered.name, MAX_CELL_LENGTH)
        differs.append({"field": "name", "sent": clean(name, MAX_CELL_LENGTH), "answered": shown})
    if answered.tells_access and answered.is_public != is_public:
        differs.append({"field": "is_public", "sent": is_public, "answered": answered.is_public})
    return differs


async def plan_dataset_deletion(planning: Planning, change: PastChange[CreateDataset]) -> Effect[DeleteDataset]:
    """Plan to delete a dataset that a change created.

    Raises:
        BadArgument: something is in it.
    """
    created = change.result.get("dataset_id")
    if not isinstance(created, str):
        problem = f"the result of change {change.id} does not name the dataset"
        raise BadArgument("change_id", problem, "list_threat_datasets to show the person what is there now")
    dataset = planning.dataset_to_destroy(created)
    if await _has_events(planning.client, dataset.uuid):
        raise BadArgument(
            planning.argument("dataset_id"), NOT_EMPTY, "delete_threat_events or move_threat_events first"
        )
    return Effect(
        kind=DATASET_DELETION,
        payload=DeleteDataset(dataset_id=dataset.uuid, name=dataset.name),
        datasets=(dataset.uuid,),
        summary=f"Delete the empty dataset {dataset.name!r}.",
        undo="This cannot be undone from here: no route restores a deleted dataset.",
        needs_code=True,
        can_undo=False,
        size=0,
    )


async def delete_dataset(client: ThreatEventsClient, payload: DeleteDataset) -> Result:
    """Delete the dataset, unless something was put into it since the preview."""
    if await _has_events(client, payload.dataset_id):
        return Result("failed", {"reason": NOT_EMPTY})
    try:
        await client.delete_dataset(payload.dataset_id)
    except ApiError as error:
        return await find_out(error, partial(look_at_dataset_deletion, client, payload.dataset_id))
    return Result("done", {"dataset_id": payload.dataset_id})


async def _has_events(client: ThreatEventsClient, dataset_id: str) -> bool:
    """Whether there may be events in a dataset: any row, a count, or an answer that is not complete."""
    with collecting() as remarks:
        page = await client.read_event_page(EventSearch(dataset_id=[dataset_id], page_size=1))
    info = page.result_info
    is_partial = bool(remarks.is_incomplete or remarks.failed or remarks.partly_failed)
    return bool(page.size or info.has_more or info.cursor or info.total_count or info.total_pages) or is_partial


DATASET_CREATION = ChangeKind(
    "create_threat_dataset", ToolEffect.CREATE, CreateDataset, create_dataset, plan_dataset_deletion
)
# Only an undo deletes a dataset.
DATASET_DELETION = ChangeKind("undo_change", ToolEffect.DELETE, DeleteDataset, delete_dataset, None)
