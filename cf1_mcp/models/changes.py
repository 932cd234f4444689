"""Events as they are created and changed, and the answers to those requests."""

from typing import Literal

from pydantic import JsonValue, model_validator

from cf1_mcp.models.base import ApiModel, Count, Number, Text

RelationshipType = Literal["related_to", "caused_by", "attributed_to"]


class NewRaw(ApiModel):
    """Raw evidence of a new event."""

    data: dict[str, JsonValue] | None
    source: str | None = None
    tlp: str | None = None


class NewIndicator(ApiModel):
    """One of several indicators of a new event."""

    value: str
    indicator_type: str


class ArticleSource(ApiModel):
    """The article that a new event is taken from."""

    system: Literal["threat-signals"] = "threat-signals"
    resource_type: Literal["article"] = "article"
    resource_id: str
    title: str | None = None

    @classmethod
    def of_article(cls, article_id: str) -> "ArticleSource":
        return cls(system="threat-signals", resource_type="article", resource_id=article_id)


class NewEvent(ApiModel):
    """A new event. Its kill chain and MITRE fields cannot be set: they come with the category. `source` is taken by
    the operation that creates one event, not by those that create many.
    """

    category: str
    date: str
    event: str
    raw: NewRaw
    tlp: str
    dataset_id: str | None = None
    attacker: str | None = None
    attacker_country: str | None = None
    indicator: str | None = None
    indicator_type: str | None = None
    indicators: list[NewIndicator] | None = None
    insight: str | None = None
    tags: list[str] | None = None
    target_country: str | None = None
    target_industry: str | None = None
    source: ArticleSource | None = None


class EventChange(ApiModel):
    """New values for an event. Fields that are not set stay unchanged."""

    dataset_id: str
    attacker: str | None = None
    attacker_country: str | None = None
    category: str | None = None
    created_at: str | None = None
    date: str | None = None
    event: str | None = None
    indicator: str | None = None
    indicator_type: str | None = None
    insight: str | None = None
    raw: NewRaw | None = None
    target_country: str | None = None
    target_industry: str | None = None
    tlp: str | None = None


class RawChange(ApiModel):
    """New values for raw evidence. Fields that are not set stay unchanged."""

    data: dict[str, JsonValue] | None = None
    source: str | None = None
    tlp: str | None = None


class RowError(ApiModel):
    """The reason why one row of a bulk request was refused. The index counts from 0."""

    event_index: Count
    error: str


class CreatedEvent(ApiModel):
    """The event that was created for one row of a bulk request. The index counts from 0."""

    event_index: Count
    shard_id: Text = ""
    uuid: str


class BulkCreated(ApiModel):
    """Answer to a bulk create: the events exist at once, their indicators are queued."""

    created_events_count: Count
    created_tags_count: Count = 0
    error_count: Count = 0
    queued_indicators_count: Count = 0
    create_bulk_events_request_id: Text = ""
    created_events: list[CreatedEvent] = []
    errors: list[RowError] = []


class BulkWithRelationshipsCreated(ApiModel):
    """Answer to the older bulk create that also creates relationships."""

    created_events_count: Count
    created_indicators_count: Count = 0
    created_relationships_count: Count = 0
    error_count: Count = 0
    errors: list[RowError] = []


class Moved(ApiModel):
    """Answer to a move: an object, or in the older form only a number."""

    moved: Count
    indicators_copied: Count = 0
    relationships_copied: Count = 0
    insert_failures: list[dict[str, JsonValue]] = []
    deletion_failures: list[dict[str, JsonValue]] = []

    @model_validator(mode="before")
    @classmethod
    def _wrap_number(cls, answer: object) -> object:
        return {"moved": answer} if isinstance(answer, int | float) else answer


class Copied(ApiModel):
    """Answer to a copy. Like that to a move, it may be only a number."""

    copied: Count
    indicators_copied: Count = 0
    relationships_copied: Count = 0
    insert_failures: list[dict[str, JsonValue]] = []

    @model_validator(mode="before")
    @classmethod
    def _wrap_number(cls, answer: object) -> object:
        return {"copied": answer} if isinstance(answer, int | float) else answer


class Relationship(ApiModel):
    """A typed link from a parent (ancestor) to a child (descendant)."""

    parent_id: str
    parent_dataset_id: Text = ""
    child_id: str
    child_dataset_id: Text = ""
    relationship_type: str


class RelationshipError(ApiModel):
    """The reason why one child could not be related."""

    child_id: str
    error: str
    error_type: Text = ""


class RelationshipsCreated(ApiModel):
    """Answer to creating relationships. Some children may have failed although the status is 200."""

    success: bool
    message: Text = ""
    relationships: list[Relationship] = []
    relationships_created: Count | None = None
    errors: list[RelationshipError] = []


class Reverted(ApiModel):
    """A scheduled revert. The API returns an undo bookmark, but no route accepts it."""

    dataset_id: str
    minutes_ago: Number
    target_timestamp: str
    revert_bookmark: Text = ""
    undo_bookmark: Text = ""

    @model_validator(mode="before")
    @classmethod
    def _unwrap_schema(cls, answer: object) -> object:
        # The published answer looks like a JSON Schema: {"properties": {"datasetId": {"type": value}, ...}}.
        if not (isinstance(answer, dict) and isinstance(answer.get("properties"), dict)):  # pyright: ignore
            return answer  # pyright: ignore[reportUnknownVariableType]
        return {key: value.get("type", value) for key, value in answer["properties"].items()}  # pyright: ignore
