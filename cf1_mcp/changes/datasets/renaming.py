"""Renaming a dataset. The undo gives it its name back."""

from pydantic import BaseModel

from cf1_mcp.api.client import ThreatEventsClient
from cf1_mcp.changes.datasets.new_datasets import find_dataset_differences, read_names
from cf1_mcp.changes.effect import ChangeKind, Effect, PastChange, Payload, Planner, Planning, Result
from cf1_mcp.errors import BadArgument, UnexpectedAnswer
from cf1_mcp.models import DatasetFields
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
    """Rename the dataset, and report where the answer differs from what was sent."""
    fields = DatasetFields(name=payload.name, is_public=payload.is_public)
    answered = await client.update_dataset(payload.dataset_id, fields)
    differs = find_dataset_differences(answered, payload.name, is_public=payload.is_public)
    facts = {"dataset_id": payload.dataset_id}
    return Result("partial", facts, {"differs": differs}) if differs else Result("done", facts)


async def _plan_undo(planning: Planning, change: PastChange[RenameDataset]) -> Effect[RenameDataset]:
    return await plan_rename(planning, change.payload.dataset_id, change.payload.before.name)


RENAME = ChangeKind("update_threat_dataset", ToolEffect.UPDATE, RenameDataset, rename_dataset, _plan_undo)
