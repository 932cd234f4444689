"""Events, and the requests and responses that search and read them."""

from collections.abc import Sequence
from typing import Literal

from pydantic import BaseModel, ConfigDict, JsonValue, field_validator

from cf1_mcp.models.base import MAX_COUNT, ApiModel, Count, LenientCount, LenientNumber, SnakeModel, Strings, Text
from cf1_mcp.models.json_reading import read_json

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

    @classmethod
    def merged(cls, pages: Sequence["IndicatorPage"]) -> "IndicatorPage":
        """Return the same page of several groups of datasets as one."""
        indicators = [indicator for page in pages for indicator in page.indicators]
        has_more = any(page.pagination.has_more for page in pages)
        return pages[0] if len(pages) == 1 else cls(indicators=indicators, pagination=Pagination(has_more=has_more))


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
    """Counts by one or more columns. Each row has `count`, a key for each column and, in a daily count, `date`."""

    aggregate_by: str = ""
    aggregations: list[dict[str, JsonValue]]
    total: Count = 0
    date_range: dict[str, JsonValue] = {}

    @classmethod
    def merged(cls, answers: Sequence["Aggregates"]) -> "Aggregates":
        """Return the counts of several groups of datasets as one: equal rows are added up. They are in the order of the
        API: by day in a daily count, the largest first.
        """
        if len(answers) == 1:
            return answers[0]
        rows: dict[tuple[tuple[str, str], ...], dict[str, JsonValue]] = {}
        for row in (row for answer in answers for row in answer.aggregations):
            key = tuple(sorted((name, repr(value)) for name, value in row.items() if name != "count"))
            count = _read_count(rows[key]) if key in rows else 0
            rows[key] = {**row, "count": count + _read_count(row)}
        largest = sorted(rows.values(), key=lambda row: (str(row.get("date") or ""), -_read_count(row)))
        total = sum(answer.total for answer in answers)
        return cls(aggregate_by=answers[0].aggregate_by, aggregations=largest, total=total)

    @field_validator("aggregations")
    @classmethod
    def _check_counts(cls, rows: list[dict[str, JsonValue]]) -> list[dict[str, JsonValue]]:
        for row in rows:
            count = row.get("count")
            if isinstance(count, int | float) and not -MAX_COUNT <= count <= MAX_COUNT:
                raise ValueError("a count is too large")
        return rows


def _read_count(row: dict[str, JsonValue]) -> float:
    count = row.get("count")
    return count if isinstance(count, int | float) else 0


class GraphqlAnswer(ApiModel):
    """A GraphQL response."""

    data: dict[str, JsonValue] | None = None
    errors: list[dict[str, JsonValue]] | None = None
