"""Events, and the requests and responses that search and read them."""

from collections.abc import Iterable, Mapping
from typing import Annotated, ClassVar, Literal, cast

from pydantic import (
    AliasChoices,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    JsonValue,
    ValidationError,
    field_validator,
    model_validator,
)
from pydantic.alias_generators import to_snake

from cf1_mcp.models.base import ApiModel
from cf1_mcp.models.json_reading import read_json
from cf1_mcp.models.lenient_answers import ApiAnswer, SnakeAnswer, find_rows
from cf1_mcp.models.odd_values import Count, Decimal, Id, KnownFlag, Strings, Text

SearchOp = Literal[
    "equals", "not", "gt", "gte", "lt", "lte", "like", "contains", "startsWith", "endsWith", "find", "in"
]
SearchField = Literal[
    "attacker",
    "attackerCountry",
    "category",
    "createdAt",
    "date",
    "event",
    "hasChildren",
    "indicator",
    "indicatorType",
    "killChain",
    "mitreAttack",
    "mitreCapec",
    "tags",
    "targetCountry",
    "targetIndustry",
    "tlp",
    "uuid",
]
SearchValue = str | int | float | bool
Direction = Literal["ancestors", "descendants", "both"]
Order = Literal["asc", "desc"]


def _read_source(value: object) -> object:
    """Return where an event was taken from as one text: `threat-signals article`, its id and its title."""
    if not isinstance(value, dict):
        return value if isinstance(value, str) else ""
    given = cast("dict[str, object]", value)
    parts = (given.get(name) for name in ("system", "resourceType", "resourceId", "title"))
    return " ".join(part.strip() for part in parts if isinstance(part, str) and part.strip())


class Event(ApiAnswer):
    """A threat event. `event` is its description, `date` ISO 8601 text, `uuid` its id.

    A number or flag that is None is unknown. `cf1_mcp.models.fields` describes every field.
    """

    closed: ClassVar[Mapping[str, object]] = {"tlp": "red"}
    watched: ClassVar[tuple[str, ...]] = ("tags", "references", "referenced", "tlp")

    uuid: Id
    date: Text = ""
    event: Text = ""
    dataset_id: Text = ""
    category: Text = ""
    attacker: Text = ""
    attacker_country: Text = ""
    attacker_country_alpha3: Text = ""
    indicator: Text = ""
    indicator_type: Text = ""
    indicator_type_id: Count = None
    insight: Text = ""
    kill_chain: Decimal = None
    mitre_attack: Strings = []
    mitre_capec: Strings = []
    tags: Strings = []
    target_country: Text = ""
    target_country_alpha3: Text = ""
    target_industry: Text = ""
    tlp: Text = ""
    raw_id: Text = ""
    has_children: KnownFlag = False
    num_references: Count = None
    num_referenced: Count = None
    references: Strings = []
    referenced: Strings = []
    releasability_id: Text = ""
    # Not `source`: answers call it so that they are fictional.
    provenance: Annotated[str, BeforeValidator(_read_source)] = Field(
        default="", alias="provenance", validation_alias=AliasChoices("source", "provenance")
    )

    def tells(self, name: str) -> bool:
        """Return whether the API told a field: not if it was left out or could not be read, or if a list or a marking
        is null. That it has no value, or lacks one, is known only if it was told.
        """
        return name in self.model_fields_set and name not in self.unreadable | self.nulls | self.joined

    def filled_from(self, other: "Event", names: Iterable[str]) -> "Event":
        """Return the event with the named fields of another reading of it."""
        values = {name: getattr(other, name) for name in names}
        filled = self.model_copy(update=values)
        filled._unreadable = self.unreadable - {*values}
        filled._nulls, filled._joined = self.nulls - {*values}, self.joined - {*values}
        return filled


class ResultInfo(BaseModel):
    """Paging details of a list, in snake or camel case. `cursor` is the only documented key; others may say more.

    What cannot be read is as good as missing.
    """

    model_config = ConfigDict(extra="ignore")
    cursor: str = ""
    has_more: bool | None = None
    page: int | None = None
    per_page: int | None = None
    total_count: int | None = None
    total_pages: int | None = None

    @model_validator(mode="before")
    @classmethod
    def _read(cls, info: object) -> object:
        if not isinstance(info, dict):
            return {} if not isinstance(info, ResultInfo) else info
        given = {to_snake(str(name)): value for name, value in cast("dict[object, object]", info).items()}
        given.setdefault("per_page", given.get("page_size"))
        return _InfoValues.model_validate(given).model_dump(exclude_unset=True)


class _InfoValues(SnakeAnswer):
    cursor: Text = ""
    has_more: KnownFlag = None
    page: Count = None
    per_page: Count = None
    total_count: Count = None
    total_pages: Count = None


class EventPage(BaseModel):
    """One page of events, with the paging details of the list.

    Rows that are no events are left out: `dropped` is their number. Those among them that lack only an id are
    `nameless`, under an invented one, so that the rules for reading can be applied to them. Rows of which none is even
    an object are no page.
    """

    result: list[Event]
    result_info: ResultInfo = ResultInfo()
    dropped: int = 0
    nameless: list[Event] = []

    @model_validator(mode="before")
    @classmethod
    def _leave_out(cls, page: object) -> object:
        if not isinstance(page, dict):
            return page
        given = cast("dict[str, object]", page)
        rows = find_rows(given.get("result"))
        if not isinstance(rows, list):
            return given
        kept: list[Event] = []
        nameless: list[Event] = []
        for place, row in enumerate(cast("list[object]", rows)):
            try:
                kept.append(Event.model_validate(row))
            except ValidationError:
                if isinstance(row, dict):
                    nameless.append(Event.model_validate({**cast("dict[str, object]", row), "uuid": f"row {place}"}))
        dropped = len(cast("list[object]", rows)) - len(kept)
        if dropped and not kept and not nameless:
            raise ValueError("none of its rows can be read")
        return {**given, "result": kept, "dropped": dropped, "nameless": nameless}

    @property
    def size(self) -> int:
        """The number of rows that the API returned."""
        return len(self.result) + self.dropped

    @property
    def says_empty(self) -> bool:
        """Whether the API says that there are no events: no row came, and the paging details do not say otherwise."""
        info = self.result_info
        return not (self.size or info.has_more or info.total_count or (info.total_pages or 0) > 1)


class Raw(ApiAnswer):
    """The raw evidence of an event. One route returns `data` as JSON text, the other as an object."""

    closed: ClassVar[Mapping[str, object]] = {"tlp": "red"}

    id: Id
    data: JsonValue = None
    source: Text = ""
    tlp: Text = ""
    created: Text = ""

    @property
    def is_empty(self) -> bool:
        """Whether it holds nothing: the API has raw evidence of events that were created without any."""
        return self.data in (None, "", {}, []) and not self.source.strip() and not self.tlp.strip()

    @field_validator("data", mode="before")
    @classmethod
    def _parse_json(cls, data: object) -> object:
        if data == "null":
            return None
        if isinstance(data, str) and data[:1] in ("{", "["):
            try:
                return read_json(data)
            except (ValueError, RecursionError):
                return data
        return data


class Condition(ApiModel):
    """One condition of a search. All conditions of a search must hold."""

    model_config = ConfigDict(extra="forbid")
    field: SearchField
    op: SearchOp
    value: SearchValue | list[SearchValue]


class EventSearch(ApiModel):
    """The parameters of `GET /events` and `POST /events`. A `cursor` allows no other parameter than `page_size`."""

    dataset_id: list[str] = []
    search: list[Condition] = []
    search_branches: list[list[Condition]] = []
    order_by: str | None = None
    order: Order | None = None
    page: int | None = None
    page_size: int | None = None
    cursor: str | None = None
