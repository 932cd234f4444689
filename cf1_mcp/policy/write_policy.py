"""What the operator lets a model change: which datasets may be written and destroyed, and how many events at once."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Annotated, Final

from mcp.server.mcpserver import Resolve

from cf1_mcp.context import AccountVocabulary, OperatorSettings
from cf1_mcp.errors import BadArgument, Withheld
from cf1_mcp.models import Dataset, Event
from cf1_mcp.policy.datasets import DatasetGrant, UnclearDataset, unclear_dataset, unknown_dataset
from cf1_mcp.policy.read_policy import CurrentReadPolicy, ReadPolicy
from cf1_mcp.settings import Settings
from cf1_mcp.text.limits import MAX_NAME_LENGTH
from cf1_mcp.text.plurals import plural
from cf1_mcp.text.sanitize import clean
from cf1_mcp.text.uuids import id_key

WRITE_RULE: Final = "CF1_WRITE_DATASETS"
DELETE_RULE: Final = "CF1_DELETE_DATASETS"


@dataclass(frozen=True)
class WritePolicy:
    """The operator's rules for changes. What may not be read may not be changed either.

    `known` are all datasets of the account.
    """

    settings: Settings
    known: tuple[Dataset, ...]
    read_policy: ReadPolicy

    def require_writable(self, name: str, argument: str = "dataset_id") -> Dataset:
        """The dataset of a uuid or a name, in which events may be created and updated.

        Raises:
            Withheld: CF1_WRITE_DATASETS does not contain it.
            BadArgument: it may not be read, there is no such dataset, or the name is not unique.
        """
        return self._require_granted(name, argument, self._writable)

    def require_destroyable(self, name: str, argument: str = "dataset_id") -> Dataset:
        """The dataset of a uuid or a name, from which data may be removed permanently.

        Raises:
            Withheld: CF1_DELETE_DATASETS does not contain it.
            BadArgument: it may not be read, there is no such dataset, or the name is not unique.
        """
        return self._require_granted(name, argument, self._destroyable)

    def may_write(self, dataset_id: str) -> bool:
        """Whether a dataset, by its uuid, may be written."""
        return self._writable.includes(dataset_id)

    def may_destroy(self, dataset_id: str) -> bool:
        """Whether data may be removed from a dataset, by its uuid."""
        return self._destroyable.includes(dataset_id)

    def require_size(self, count: int, argument: str) -> None:
        """Raise `Withheld` for more events at once than the operator allows."""
        if count > self.settings.max_change:
            raise too_many_events(f"{argument}: a change of {plural(count, 'event')} at once", self.settings)

    def require_event_in(self, dataset: Dataset, event: Event, argument: str) -> Event:
        """Return an event that is in the dataset and may be shown.

        Raises:
            Withheld: it may not be shown.
            BadArgument: it is in another dataset.
        """
        self.read_policy.require_readable(event)
        if id_key(event.dataset_id) != id_key(dataset.uuid):
            raise BadArgument(
                argument,
                f"event {event.uuid} is not in dataset {dataset.uuid}",
                "events of it",
            )
        return event

    def _require_granted(self, name: str, argument: str, granted: DatasetGrant) -> Dataset:
        found = self.read_policy.account.find(name)
        if isinstance(found, Dataset) and self.read_policy.may_read(found.uuid):
            if not granted.includes(found.uuid):
                # The name may come from a saved query.
                words = [clean(name, MAX_NAME_LENGTH)]
                raise Withheld(f"{argument}: this kind of change to this dataset", granted.rule, words)
            return found
        if isinstance(found, UnclearDataset) and self.read_policy.may_tell(found):
            raise unclear_dataset(name, argument, found.problem)
        if self.read_policy.restricted:
            raise granted.refuse(name, argument, "changed in this way")
        raise unknown_dataset(name, argument, self.read_policy.datasets)

    @cached_property
    def _writable(self) -> DatasetGrant:
        return self._grant(WRITE_RULE, self.settings.write_datasets)

    @cached_property
    def _destroyable(self) -> DatasetGrant:
        return self._grant(DELETE_RULE, self.settings.delete_datasets)

    def _grant(self, setting: str, listed: Sequence[str]) -> DatasetGrant:
        """Return the datasets that a list allows, as far as they may be read."""
        granted = self.read_policy.account.grant(setting, listed)
        readable = tuple(dataset for dataset in granted.datasets if self.read_policy.may_read(dataset.uuid))
        return DatasetGrant(setting, readable, granted.unclear)


def too_many_events(what: str, settings: Settings) -> Withheld:
    """Return the error for a change of more events than the operator allows in one call."""
    most = settings.max_change
    return Withheld(what, f"CF1_MAX_CHANGE ({most})", allowed=f"at most {plural(most, 'event')} a call")


async def load_write_policy(
    vocabulary: AccountVocabulary, read_policy: CurrentReadPolicy, settings: OperatorSettings
) -> WritePolicy:
    """The operator's rules for changes, over the account's current datasets."""
    return WritePolicy(settings, tuple(await vocabulary.datasets()), read_policy)


CurrentWritePolicy = Annotated[WritePolicy, Resolve(load_write_policy)]
