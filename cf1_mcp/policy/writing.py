"""What the operator lets a model change: which datasets may be written and destroyed, how much at once."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Final

from mcp.server.mcpserver import Resolve

from cf1_mcp.context import AccountVocabulary, OperatorSettings
from cf1_mcp.errors import BadArgument, Withheld, choices, nearest
from cf1_mcp.models import Dataset, Event
from cf1_mcp.policy.reading import Reader, Reading
from cf1_mcp.settings import EVERY_DATASET, Settings
from cf1_mcp.text.limits import MAX_NAME_LENGTH
from cf1_mcp.text.sanitize import clean

WRITE_RULE: Final = "CF1_WRITE_DATASETS"
DELETE_RULE: Final = "CF1_DELETE_DATASETS"


@dataclass(frozen=True)
class Writing:
    """The operator's rules for changes. What may not be read may not be changed either."""

    operator: Settings
    known: tuple[Dataset, ...]
    reading: Reading

    def to_write(self, name: str, argument: str = "dataset_id") -> Dataset:
        """A dataset in which events may be made and changed.

        Raises:
            Withheld: the operator's list does not hold it.
            BadArgument: there is no such dataset.
        """
        return self._listed(name, argument, self.operator.write_datasets, WRITE_RULE)

    def to_destroy(self, name: str, argument: str = "dataset_id") -> Dataset:
        """A dataset from which something may be taken for good."""
        return self._listed(name, argument, self.operator.delete_datasets, DELETE_RULE)

    def may_write(self, dataset_id: str) -> bool:
        """Whether a dataset, by its uuid, may be written."""
        return any(_plain(dataset.uuid) == _plain(dataset_id) for dataset in self._all(self.operator.write_datasets))

    def within_size(self, count: int, argument: str) -> None:
        """Refuse more events at once than the operator allows."""
        if count > self.operator.max_change:
            raise Withheld(
                f"{argument}: a change of {count} events at once", f"CF1_MAX_CHANGE ({self.operator.max_change})"
            )

    def at_home(self, event: Event, dataset: Dataset, argument: str) -> Event:
        """An event that is in the dataset and may be seen, as the answer about it says.

        Raises:
            Withheld: it may not be seen.
            BadArgument: it is in another dataset.
        """
        self.reading.admit_one(event)
        if _plain(event.dataset_id) != _plain(dataset.uuid):
            raise BadArgument(
                argument,
                f"event {event.uuid} is not in dataset {clean(dataset.name, MAX_NAME_LENGTH)!r}",
                "events of it",
            )
        return event

    def _listed(self, name: str, argument: str, listed: Sequence[str], rule: str) -> Dataset:
        wanted = _plain(name)
        for dataset in self._all(listed):
            if wanted in (_plain(dataset.uuid), _plain(dataset.name)):
                return dataset
        shown = clean(name, MAX_NAME_LENGTH)
        if any(wanted in (_plain(dataset.uuid), _plain(dataset.name)) for dataset in self.known):
            raise Withheld(f"{argument}: changing dataset {shown!r} like this", rule)
        names = [clean(dataset.name, MAX_NAME_LENGTH) for dataset in self.reading.datasets]
        meant = nearest(name, names)
        problem = f"there is no dataset {shown!r}" + (f", did you mean {meant!r}?" if meant else "")
        raise BadArgument(argument, problem, f"{choices(names)}, or a uuid")

    def _all(self, listed: Sequence[str]) -> list[Dataset]:
        if tuple(listed) == EVERY_DATASET:
            return list(self.reading.datasets)
        wanted = {_plain(word) for word in listed}
        return [one for one in self.reading.datasets if {_plain(one.uuid), _plain(one.name)} & wanted]


async def writing_for(words: AccountVocabulary, reading: Reader, operator: OperatorSettings) -> Writing:
    """The operator's rules for changes, over the datasets that the account has now."""
    return Writing(operator, tuple(await words.datasets()), reading)


Writer = Annotated[Writing, Resolve(writing_for)]


def _plain(name: str) -> str:
    return name.strip().casefold()
