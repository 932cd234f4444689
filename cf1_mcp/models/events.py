"""Events, and the requests and responses that search and read them."""

import re
from typing import Annotated, Final, Literal, cast

from pydantic import (
    AliasChoices,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    JsonValue,
    field_validator,
    model_validator,
)

from cf1_mcp.models.base import MAX_COUNT, ApiModel, Count, LenientCount, LenientNumber, SnakeModel, Strings, Text
from cf1_mcp.models.json_reading import read_json

_NUMBER: Final = re.compile(r"[0-9]+(\.[0-9]+)?", re.ASCII)
MAX_NUMBER_LENGTH: Final = 20

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


class Event(ApiModel):
    """A threat event. `event` is its description, `date` ISO 8601 text, `uuid` its id.

    `cf1_mcp.models.fields` describes every field.
    """

    uuid: str
    date: Text = ""
    event: Text = ""
    dataset_id: Text = ""
    category: Text = ""
    attacker: Text = ""
    attacker_country: Text = ""
    attacker_country_alpha3: Text = ""
    indicator: Text = ""
    indicator_type: Text = ""
    indicator_type_id: LenientCount | None = None
    insight: Text = ""
    kill_chain: LenientNumber | None = None
    mitre_attack: Strings = []
    mitre_capec: Strings = []
    tags: Strings = []
    target_country: Text = ""
    target_country_alpha3: Text = ""
    target_industry: Text = ""
    tlp: Text = ""
    raw_id: Text = ""
    has_children: bool = False
    num_references: LenientCount = 0
    num_referenced: LenientCount = 0
    references: Strings = []
    referenced: Strings = []
    releasability_id: Text = ""
    # Not `source`: answers call it so that they are fictional.
    provenance: Annotated[str, BeforeValidator(_read_source)] = Field(
        default="", alias="provenance", validation_alias=AliasChoices("source", "provenance")
    )


class ResultInfo(BaseModel):
    """Paging details of a list. `cursor` is the only documented key."""

    model_config = ConfigDict(extra="ignore")
    cursor: str | None = None


class EventPage(BaseModel):
    """One page of events, with the cursor of the next."""

    result: list[Event]
    result_info: ResultInfo = ResultInfo()

    @field_validator("result_info", mode="before")
    @classmethod
    def _default_if_null(cls, value: object) -> object:
        return ResultInfo() if value is None else value


class RelatedEvent(ApiModel):
    """An event that has an indicator."""

    event_id: str
    dataset_id: Text = ""


class ListedIndicator(ApiModel):
    """An indicator of one dataset and the events that have it, even if they show another one of their indicators."""

    value: str
    related_events: list[RelatedEvent] = []


class Pagination(SnakeModel):
    """Paging details of the indicator list, in snake_case unlike the rest of the API."""

    has_more: bool = False


class IndicatorPage(ApiModel):
    """One page of indicators."""

    indicators: list[ListedIndicator]
    pagination: Pagination = Pagination()


class Raw(ApiModel):
    """The raw evidence of an event. One route returns `data` as JSON text, the other as an object."""

    id: str
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


class Aggregates(ApiModel):
    """Counts by one or more columns. Each row has `count`, a key for each column and, in a daily count, `date`.

    A number that cannot be read is None, which is unknown and not 0. `dropped` is the number of rows that are none.
    """

    aggregate_by: Text = ""
    aggregations: list[dict[str, JsonValue]]
    total: Count | None = None
    date_range: dict[str, JsonValue] = {}
    dropped: int = Field(default=0, exclude=True)

    @model_validator(mode="before")
    @classmethod
    def _tolerate(cls, answer: object) -> object:
        """Read numbers that come as text, a bare list of rows, and null for what is optional."""
        if isinstance(answer, list):
            answer = {"aggregations": cast("list[object]", answer)}
        if not isinstance(answer, dict):
            return answer
        given = {**cast("dict[str, object]", answer)}
        rows = given.get("aggregations")
        if rows is None or isinstance(rows, list):
            listed = cast("list[object]", rows or [])
            kept = [cast("dict[str, object]", row) for row in listed if isinstance(row, dict)]
            given["aggregations"] = [{**row, "count": read_number(row.get("count"))} for row in kept]
            given["dropped"] = len(listed) - len(kept)
        given["total"] = read_number(given.get("total"))
        for name in ("dateRange", "date_range"):
            if name in given and not isinstance(given[name], dict):
                del given[name]
        return given


def read_number(value: object) -> int | None:
    """Return a count, also if it came as text, or None if it is none."""
    if isinstance(value, str) and len(value) <= MAX_NUMBER_LENGTH and _NUMBER.fullmatch(value.strip()):
        value = float(value)
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= MAX_COUNT:
        return None
    return int(value)


class GraphqlAnswer(ApiModel):
    """A GraphQL response."""

    data: dict[str, JsonValue] | None = None
    errors: list[dict[str, JsonValue]] | None = None

    @field_validator("errors", mode="before")
    @classmethod
    def _read_texts(cls, errors: object) -> object:
        """Read an error that is a text, or a single one, as if it were written as the standard says."""
        listed = cast("list[object]", errors) if isinstance(errors, list) else [] if errors is None else [errors]
        read = [cast("object", error) if isinstance(error, dict) else {"message": str(error)} for error in listed]
        return read or None
