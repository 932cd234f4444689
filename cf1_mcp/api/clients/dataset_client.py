"""The operations that create, change and delete datasets, copy events between them, and create categories."""

from collections.abc import Sequence

from cf1_mcp.api import operations as op
from cf1_mcp.api.asked import names_object, require_count, require_same
from cf1_mcp.api.connection import Query
from cf1_mcp.api.saved_query_client import SavedQueryClient
from cf1_mcp.errors import UnknownOutcome
from cf1_mcp.models import Category, CategoryFields, Copied, Dataset, DatasetFields


class DatasetClient(SavedQueryClient):
    """Changes of datasets and categories. Their numbers tell when what is remembered of these is out of date."""

    dataset_changes: int = 0
    category_changes: int = 0

    async def create_dataset(self, fields: DatasetFields) -> Dataset:
        try:
            return await self.request(Dataset, op.CREATE_DATASET, body=fields.wire())
        finally:
            self.dataset_changes += 1

    async def update_dataset(self, dataset_id: str, fields: DatasetFields) -> Dataset:
        """Change a dataset. The API requires both fields, and sets both."""
        try:
            dataset = await self.request(Dataset, op.UPDATE_DATASET, body=fields.wire(), dataset_id=dataset_id)
        finally:
            self.dataset_changes += 1
        require_same(dataset.uuid, dataset_id, "dataset", changed=True)
        return dataset

    async def delete_dataset(self, dataset_id: str) -> None:
        """Delete a dataset with everything in it. The API keeps it marked as deleted.

        Invented: that the answer names it. If it does not, the outcome is unknown, and a look follows.
        """
        try:
            answer = await self.request(object, op.DELETE_DATASET, paged=True, dataset_id=dataset_id)
        finally:
            self.dataset_changes += 1
        if not names_object(answer, dataset_id):
            raise UnknownOutcome("The API answered without saying whether the dataset was deleted.", asked="dataset")

    async def copy_events(
        self, dataset_id: str, dest_dataset_id: str, event_ids: Sequence[str], keep_raw_data: bool = True
    ) -> Copied:
        """Copy events to another dataset, with their raw data if `keep_raw_data` is set."""
        body = {"destDatasetId": dest_dataset_id, "eventIds": event_ids}
        query: Query = {"keepRawData": keep_raw_data}
        copied = await self.request(Copied, op.COPY_EVENTS, query=query, body=body, dataset_id=dataset_id)
        require_count(copied.copied, len(event_ids), "copied events")
        return copied

    async def create_category(self, fields: CategoryFields) -> Category:
        try:
            return await self.request(Category, op.CREATE_CATEGORY, body=fields.wire())
        finally:
            self.category_changes += 1
