"""Which datasets the rows of an answer come from, so that the next call can name the dataset of an event.

The answer names every dataset that was searched. Names in each row would cost a tenth of an answer, so rows have
numbers, and one fact says what they mean.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from pydantic import JsonValue

from cf1_mcp.models import Dataset, Event
from cf1_mcp.text.limits import MAX_NAME_LENGTH
from cf1_mcp.text.sanitize import clean
from cf1_mcp.text.uuids import id_key

COLUMN: Final = "dataset"
FACT: Final = "rows_from"


@dataclass(frozen=True)
class RowDatasets:
    """The names of the datasets of rows, by their folded ids, in the order in which the rows first have them."""

    names: Mapping[str, str]

    @property
    def are_several(self) -> bool:
        return len(self.names) > 1

    def number_of(self, event: Event) -> int:
        """Return the number of the dataset of an event, from 1 on; 0 if the event does not name one."""
        key = id_key(event.dataset_id)
        return [*self.names].index(key) + 1 if key in self.names else 0

    def fact(self) -> dict[str, JsonValue]:
        """Return the fact that names the datasets, with their numbers if there are several."""
        names = [clean(name, MAX_NAME_LENGTH) for name in self.names.values()]
        numbered = [f"{number} {name}" for number, name in enumerate(names, 1)] if self.are_several else names
        return {FACT: [*numbered]} if names else {}


def find_row_datasets(events: Sequence[Event], known: Sequence[Dataset]) -> RowDatasets:
    """Return the datasets of events by the names of the datasets that are known; others have their uuid as name."""
    named = {id_key(dataset.uuid): dataset.name for dataset in reversed(known)}
    ids = dict.fromkeys(event.dataset_id for event in events if event.dataset_id.strip())
    return RowDatasets({id_key(one): named.get(id_key(one), one) for one in ids})
