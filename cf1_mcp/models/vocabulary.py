"""The datasets of an account and the vocabularies that its events use."""

from datetime import datetime
from typing import Literal

from cf1_mcp.models.base import ApiModel, LenientNumber, Strings, Text

# The vocabularies of an account that the API can list.
VocabularyKind = Literal["attackers", "categories", "countries", "datasets", "indicator_types", "industries", "tags"]


class Dataset(ApiModel):
    """A collection of events with its own access rules."""

    uuid: str
    name: str
    is_public: bool = False
    is_analytics: bool = False
    deleted_at: datetime | None = None

    @property
    def tells_access(self) -> bool:
        """Whether the API told who may search it."""
        return "is_public" in self.model_fields_set


class DatasetFields(ApiModel):
    """A dataset as it is created or changed. A public one can be searched by anyone."""

    name: str
    is_public: bool


class Category(ApiModel):
    """A kind of event. Its events get its kill chain number and its MITRE ids."""

    uuid: Text = ""
    name: str
    kill_chain: LenientNumber | None = None
    mitre_attack: Strings = []
    mitre_capec: Strings = []
    shortname: Text = ""


class CategoryFields(ApiModel):
    """A category as it is created."""

    name: str
    kill_chain: int
    mitre_attack: list[str] | None = None


class Country(ApiModel):
    """A country by name and ISO 3166-1 codes."""

    name: str
    alpha2: str
    alpha3: str


class Tag(ApiModel):
    """A tag of the account's curated list. The tag of an actor has the aliases of that actor."""

    uuid: Text = ""
    value: str
    category_name: Text = ""
    description: Text = ""
    alias_group_names: Strings = []
    tlp: Text = ""

    @property
    def names(self) -> list[str]:
        """Its value, and the aliases of the actor that it stands for."""
        return [self.value, *self.alias_group_names]


class TagPage(ApiModel):
    """One page of tags."""

    tags: list[Tag]
