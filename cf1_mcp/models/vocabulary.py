"""The datasets of an account and the vocabularies that its events use."""

from collections.abc import Mapping
from typing import ClassVar, Literal, Self

from pydantic import model_validator

from cf1_mcp.models.base import ApiModel
from cf1_mcp.models.lenient_answers import ApiAnswer, Listed
from cf1_mcp.models.odd_values import Decimal, GuardFlag, Id, KnownFlag, Strings, Text, Time

# The vocabularies of an account that the API can list.
VocabularyKind = Literal["attackers", "categories", "countries", "datasets", "indicator_types", "industries", "tags"]


class Dataset(ApiAnswer):
    """A collection of events with its own access rules. One whose name cannot be read is called by its uuid.

    If it cannot be read whether it is public, it counts as public, because that is what a change into it warns of. An
    `is_analytics` of None is unknown: scope words of the API may or may not cover the dataset.
    """

    closed: ClassVar[Mapping[str, object]] = {"is_public": True}

    uuid: Id
    name: Text = ""
    is_public: GuardFlag = False
    is_analytics: KnownFlag = None
    deleted_at: Time = None

    @property
    def is_known_public(self) -> bool:
        return self.is_public and "is_public" not in self.unreadable

    @model_validator(mode="after")
    def _name_by_uuid(self) -> Self:
        self.name = self.name or self.uuid
        return self

    @property
    def tells_access(self) -> bool:
        """Whether the API told who may search it."""
        return "is_public" in self.model_fields_set

    def may_be_in(self, word: str) -> bool:
        """Whether a scope word may mean the dataset: `all` (any), `operational`, or `analytics`."""
        return word in ("all", "*") or self.is_analytics is not (word != "analytics")


class DatasetFields(ApiModel):
    """A dataset as it is created or changed. A public one can be searched by anyone."""

    name: str
    is_public: bool


class Category(ApiAnswer):
    """A kind of event. Its events get its kill chain number and its MITRE ids."""

    uuid: Text = ""
    name: Id
    kill_chain: Decimal = None
    mitre_attack: Strings = []
    mitre_capec: Strings = []
    shortname: Text = ""


class CategoryFields(ApiModel):
    """A category as it is created."""

    name: str
    kill_chain: int
    mitre_attack: list[str] | None = None


class Country(ApiAnswer):
    """A country by name and ISO 3166-1 codes."""

    name: Text = ""
    alpha2: Id
    alpha3: Text = ""


class Tag(ApiAnswer):
    """A tag of the account's curated list. The tag of an actor has the aliases of that actor."""

    closed: ClassVar[Mapping[str, object]] = {"tlp": "red"}

    uuid: Text = ""
    value: Id
    category_name: Text = ""
    description: Text = ""
    alias_group_names: Strings = []
    tlp: Text = ""

    @property
    def names(self) -> list[str]:
        """Its value, and the aliases of the actor that it stands for."""
        return [self.value, *self.alias_group_names]


class TagPage(ApiAnswer):
    """One page of tags."""

    tags: Listed[Tag]
