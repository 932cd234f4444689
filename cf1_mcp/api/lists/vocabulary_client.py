"""The operations that list the datasets of an account and the words that its events use."""

from collections.abc import Iterable, Sequence

from cf1_mcp.api import operations as op
from cf1_mcp.api.connection import ApiConnection, Query
from cf1_mcp.api.lists.dataset_groups import ask_groups
from cf1_mcp.models import Category, Country, Dataset, TagPage
from cf1_mcp.text.uuids import id_key


class VocabularyClient(ApiConnection):
    """The lists of words. Those by datasets are asked in groups of as many as the API takes."""

    async def list_datasets(self) -> list[Dataset]:
        """Every dataset of the account, each once, deleted ones included."""
        return _merge_datasets(await self.request(list[Dataset], op.LIST_DATASETS))

    async def list_attackers(self, dataset_ids: Sequence[str]) -> list[str]:
        """The attackers of datasets by uuid: this list takes no scope words. Without any, of the default dataset."""

        async def ask(ids: list[str]) -> list[str]:
            return await self.request(list[str], op.LIST_ATTACKERS, query=_query(ids))

        return _merge_words(await ask_groups(dataset_ids, ask))

    async def list_indicator_types(self, dataset_ids: Sequence[str]) -> list[str]:
        """The types of indicators in datasets by uuid. Without any, of all datasets that can be read."""

        async def ask(ids: list[str]) -> list[str]:
            return await self.request(list[str], op.LIST_INDICATOR_TYPES, query=_query(ids))

        return _merge_words(await ask_groups(dataset_ids, ask))

    async def list_categories(self) -> list[Category]:
        """Every category. Of an account without the catalog, those of its default dataset."""
        return await self.request(list[Category], op.LIST_CATEGORIES)

    async def list_category_catalog(self) -> list[Category]:
        return await self.request(list[Category], op.LIST_CATEGORY_CATALOG)

    async def list_used_categories(self, dataset_ids: Sequence[str]) -> list[Category]:
        """The categories of datasets by uuid. Without any, of the default dataset."""

        async def ask(ids: list[str]) -> list[Category]:
            return await self.request(list[Category], op.LIST_USED_CATEGORIES, query=_query(ids))

        groups = await ask_groups(dataset_ids, ask)
        return [*{category.name: category for group in groups for category in group}.values()]

    async def list_countries(self) -> list[Country]:
        return await self.request(list[Country], op.LIST_COUNTRIES)

    async def list_industries(self) -> list[str]:
        """Every industry. Of an account without the catalog, those of its default dataset."""
        return await self.request(list[str], op.LIST_INDUSTRIES)

    async def list_industry_catalog(self) -> list[str]:
        return await self.request(list[str], op.LIST_INDUSTRY_CATALOG)

    async def list_used_industries(self, dataset_ids: Sequence[str]) -> list[str]:
        """The industries of datasets by uuid. Without any, of the default dataset."""

        async def ask(ids: list[str]) -> list[str]:
            return await self.request(list[str], op.LIST_USED_INDUSTRIES, query=_query(ids))

        return _merge_words(await ask_groups(dataset_ids, ask))

    async def list_tags(self, search: str | None = None, page: int = 1, page_size: int = 100) -> TagPage:
        query: Query = {"search": search, "page": page, "pageSize": page_size}
        return await self.request(TagPage, op.LIST_TAGS, query=query)


def _query(dataset_ids: Sequence[str]) -> Query:
    return {"datasetIds": dataset_ids or None}


def _merge_datasets(rows: Iterable[Dataset]) -> list[Dataset]:
    """Return one dataset for each uuid. Where its rows differ, it is what a guard assumes: public, there, and of an
    unknown kind.
    """
    merged: dict[str, Dataset] = {}
    for row in rows:
        known = merged.setdefault(id_key(row.uuid), row)
        if known is row:
            continue
        same_kind = known.is_analytics is row.is_analytics
        differing: dict[str, object] = {
            "is_public": known.is_public or row.is_public,
            "is_analytics": known.is_analytics if same_kind else None,
            "deleted_at": known.deleted_at and row.deleted_at,
        }
        merged[id_key(row.uuid)] = known.model_copy(update=differing)
    return [*merged.values()]


def _merge_words(groups: Iterable[Sequence[str]]) -> list[str]:
    """Return the words of all groups once, in the order of the API."""
    return [*dict.fromkeys(word for group in groups for word in group)]
