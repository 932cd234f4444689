"""Renaming a dataset. The undo gives it its name back."""

from functools import partial

from pydantic import BaseModel, JsonValue

from cf1_mcp.api.client import ThreatEventsClient
from cf1_mcp.changes.datasets.new_datasets import find_dataset_differences, read_names
from cf1_mcp.changes.effect import ChangeKind, Effect, PastChange, Payload, Planner, Planning, Result
from cf1_mcp.changes.outcomes.account_looks import look_at_dataset
from cf1_mcp.changes.outcomes.unknown_outcomes import find_out, hold_to_look
from cf1_mcp.changes.outcomes.update_sending import OTHER_VALUES
from cf1_mcp.errors import ApiError, BadArgument, UnexpectedAnswer
from cf1_mcp.models import Dataset, DatasetFields
from cf1_mcp.policy.tool_effect import ToolEffect
from cf1_mcp.text.uuids import id_key


class BeforeRename(BaseModel, frozen=True):
    """The name that is replaced."""

    name: str


class RenameDataset(Payload):
    """A new name. `is_public` is what the dataset is, because the API sets both."""

    dataset_id: str
    name: str
    is_public: bool
    before: BeforeRename


async def plan_rename(planning: Planner, dataset_id: str, name: str) -> Effect[RenameDataset]:
    """Check that the dataset may be renamed, and that no list of the operator means something else afterwards.

    Raises:
        Withheld: one does, or some datasets may not be read.
        BadArgument: the name is not valid, or not free.
        UnexpectedAnswer: the API does not tell whether the dataset is public, which has to be sent with the name.
    """
    allowed = planning.dataset_to_write(dataset_id)
    names = await read_names(planning)
    names.require_renamable()
    dataset = next((one for one in names.datasets if id_key(one.uuid) == id_key(allowed.uuid)), None)
    if dataset is None:
        raise BadArgument(planning.argument("dataset_id"), "the dataset is no longer there", "list_threat_datasets")
    checked = names.check_name(name, planning.argument("name"), dataset)
    if not dataset.tells_access:
        raise UnexpectedAnswer(
            "The API does not tell whether this dataset is public, and renaming would set that as well. Ask the person "
            "to rename it in the dashboard."
        )
    access = "public" if dataset.is_public else "private"
    return Effect(
        kind=RENAME,
        payload=RenameDataset(
            dataset_id=dataset.uuid, name=checked, is_public=dataset.is_public, before=BeforeRename(name=dataset.name)
        ),
        datasets=(dataset.uuid,),
        summary=f"Rename dataset {dataset.name!r} to {checked!r}. It stays {access}.",
        undo="undo_change gives the dataset its name back.",
        needs_code=True,
        facts={"dataset_id": dataset.uuid},
        warnings=("Lists, saved texts and people that use the old name no longer find it.",),
        size=0,
    )


async def rename_dataset(client: ThreatEventsClient, payload: RenameDataset) -> Result:
    """Rename the dataset. If the answer does not show the new name, find out which it has."""
    fields = DatasetFields(name=payload.name, is_public=payload.is_public)
    look = partial(look_at_dataset, client, payload.dataset_id, partial(_report, payload))
    try:
        answered = _report(payload, await client.update_dataset(payload.dataset_id, fields))
    except ApiError as error:
        return await find_out(error, look)
    # It may show the dataset as it was before.
    return answered if answered.status == "done" else await hold_to_look(answered, OTHER_VALUES, look)


def _report(payload: RenameDataset, found: Dataset) -> Result:
    facts: dict[str, JsonValue] = {"dataset_id": payload.dataset_id}
    differs = find_dataset_differences(found, payload.name, is_public=payload.is_public)
    if not differs:
        return Result("done", facts)
    is_as_before = found.name.strip() == payload.before.name.strip()
    return Result("failed" if is_as_before else "partial", facts, {"differs": differs})


async def _plan_undo(planning: Planning, change: PastChange[RenameDataset]) -> Effect[RenameDataset]:
    return await plan_rename(planning, change.payload.dataset_id, change.payload.before.name)


RENAME = ChangeKind("update_threat_dataset", ToolEffect.UPDATE, RenameDataset, rename_dataset, _plan_undo)
