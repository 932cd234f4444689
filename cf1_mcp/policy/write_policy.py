"""What the operator lets a model change: which datasets may be written and destroyed, and how many events at once."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Final

from mcp.server.mcpserver import Resolve

from cf1_mcp.context import AccountVocabulary, OperatorSettings
from cf1_mcp.errors import BadArgument, Withheld
from cf1_mcp.models import Dataset, Event
from cf1_mcp.policy.datasets import dataset_key, find_dataset, select_datasets, unknown_dataset
from cf1_mcp.policy.read_policy import CurrentReadPolicy, ReadPolicy
from cf1_mcp.settings import Settings
from cf1_mcp.text.limits import MAX_NAME_LENGTH
from cf1_mcp.text.plurals import plural
from cf1_mcp.text.sanitize import clean

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
            BadArgument: there is no such dataset.
        """
        return self._require_listed(name, argument, self.settings.write_datasets, WRITE_RULE)

    def require_destroyable(self, name: str, argument: str = "dataset_id") -> Dataset:
        """The dataset of a uuid or a name, from which data may be removed permanently.

        Raises:
            Withheld: CF1_DELETE_DATASETS does not contain it.
            BadArgument: there is no such dataset.
        """
        return self._require_listed(name, argument, self.settings.delete_datasets, DELETE_RULE)

    def may_write(self, dataset_id: str) -> bool:
        """Whether a dataset, by its uuid, may be written."""
        writable = select_datasets(self.settings.write_datasets, self.read_policy.datasets)
        return any(dataset_key(dataset.uuid) == dataset_key(dataset_id) for dataset in writable)

    def require_size(self, count: int, argument: str) -> None:
        """Raise `Withheld` for more events at once than the operator allows."""
        if count > self.settings.max_change:
            raise Withheld(
                f"{argument}: a change of {plural(count, 'event')} at once",
                f"CF1_MAX_CHANGE ({self.settings.max_change})",
            )

    def require_event_in(self, dataset: Dataset, event: Event, argument: str) -> Event:
        """Return an event that is in the dataset and may be shown.

        Raises:
            Withheld: it may not be shown.
            BadArgument: it is in another dataset.
        """
        self.read_policy.require_readable(event)
        if dataset_key(event.dataset_id) != dataset_key(dataset.uuid):
            raise BadArgument(
                argument,
                f"event {event.uuid} is not in dataset {dataset.uuid}",
                "events of it",
            )
        return event

    def _require_listed(self, name: str, argument: str, listed: Sequence[str], rule: str) -> Dataset:
        if dataset := find_dataset(name, select_datasets(listed, self.read_policy.datasets)):
            return dataset
        if find_dataset(name, self.known):
            # The name may come from a saved query.
            raise Withheld(f"{argument}: this kind of change to this dataset", rule, [clean(name, MAX_NAME_LENGTH)])
        raise unknown_dataset(name, argument, self.read_policy.datasets)


async def load_write_policy(
    vocabulary: AccountVocabulary, read_policy: CurrentReadPolicy, settings: OperatorSettings
) -> WritePolicy:
    """The operator's rules for changes, over the account's current datasets."""
    return WritePolicy(settings, tuple(await vocabulary.datasets()), read_policy)


CurrentWritePolicy = Annotated[WritePolicy, Resolve(load_write_policy)]
