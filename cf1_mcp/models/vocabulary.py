"""What an account holds: datasets, and the words that events use."""

from datetime import datetime
from typing import Literal

from cf1_mcp.models.base import ApiModel, Strings, Text

# The lists of words that an account knows, each of which can be read from the API.
VocabularyKind = Literal["attackers", "categories", "countries", "datasets", "indicator_types", "industries", "tags"]


class Dataset(ApiModel):
    """A set of events with its own access rules."""

    uuid: str
    name: str
    is_public: bool = False
    is_analytics: bool = False
    deleted_at: datetime | None = None


class Category(ApiModel):
    """A kind of event. Its kill chain number and MITRE ids become those of its events."""

    uuid: Text = ""
    name: str
    kill_chain: float | None = None
    mitre_attack: Strings = []
    mitre_capec: Strings = []
    shortname: Text = ""


class Country(ApiModel):
    """A country by name and ISO 3166-1 codes."""

    name: str
    alpha2: str
    alpha3: str


class Tag(ApiModel):
    """A tag of the account's source of truth, which for an actor holds its aliases."""

    uuid: Text = ""
    value: str
    category_name: Text = ""
    description: Text = ""
    alias_group_names: Strings = []
    tlp: Text = ""


class TagPage(ApiModel):
    """One page of tags."""

    tags: list[Tag]
