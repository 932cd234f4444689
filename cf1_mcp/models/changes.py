"""Events as they are created and changed, and the answers to those requests."""

from typing import Annotated, Literal

from pydantic import AliasChoices, BeforeValidator, Field, JsonValue, model_validator

from cf1_mcp.models.base import ApiModel
from cf1_mcp.models.lenient_answers import ApiAnswer, Listed
from cf1_mcp.models.odd_values import Count, Decimal, GuardFlag, Id, Number, Text

# The API takes null for no attacker, where it takes an empty text for other fields.
Clearable = Annotated[str | None, BeforeValidator(lambda value: value or None)]  # pyright: ignore[reportUnknownLambdaType]
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
    attacker: Clearable = None
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


class UpdateFailure(ApiAnswer):
    """The reason why one event of a bulk update was not changed."""

    event_id: Id
    error: Text = ""


class BulkUpdated(ApiAnswer):
    """Answer to a bulk update: counts, and the events that were not changed."""

    updated_count: Number
    failed_count: Count = None
    failures: Listed[UpdateFailure] = []


class RawChange(ApiModel):
    """New values for raw evidence. Fields that are not set stay unchanged."""

    data: dict[str, JsonValue] | None = None
    source: str | None = None
    tlp: str | None = None


class RowError(ApiAnswer):
    """The reason why one row of a bulk request was refused. The index counts from 0."""

    event_index: Number
    error: Text = ""


class CreatedEvent(ApiAnswer):
    """The event that was created for one row of a bulk request. The index counts from 0."""

    event_index: Number
    shard_id: Text = ""
    uuid: Id


class BulkCreated(ApiAnswer):
    """Answer to a bulk create: the events exist at once, their indicators are queued."""

    created_events_count: Number
    created_tags_count: Count = None
    error_count: Count = None
    queued_indicators_count: Count = None
    create_bulk_events_request_id: Text = ""
    created_events: Listed[CreatedEvent] = []
    errors: Listed[RowError] = []


class BulkWithRelationshipsCreated(ApiAnswer):
    """Answer to the older bulk create that also creates relationships."""

    created_events_count: Number
    created_indicators_count: Count = None
    created_relationships_count: Count = None
    error_count: Count = None
    errors: Listed[RowError] = []


class Deleted(ApiAnswer):
    """Answer to a deletion: a number, as it is published, or an object, as the newer answers to other changes are.

    Invented: the names of the number in an object. An object with another name leaves unknown what was deleted.
    """

    deleted: Number = Field(validation_alias=AliasChoices("deleted", "deletedCount", "count"))

    @model_validator(mode="before")
    @classmethod
    def _wrap_number(cls, answer: object) -> object:
        return answer if isinstance(answer, dict) else {"deleted": answer}  # pyright: ignore[reportUnknownVariableType]


class Moved(ApiAnswer):
    """Answer to a move: an object, or in the older form only a number."""

    moved: Number
    indicators_copied: Count = None
    relationships_copied: Count = None
    insert_failures: Listed[dict[str, JsonValue]] = []
    deletion_failures: Listed[dict[str, JsonValue]] = []

    @model_validator(mode="before")
    @classmethod
    def _wrap_number(cls, answer: object) -> object:
        return {"moved": answer} if isinstance(answer, int | float | str) else answer


class Copied(ApiAnswer):
    """Answer to a copy. Like that to a move, it may be only a number."""

    copied: Number
    indicators_copied: Count = None
    relationships_copied: Count = None
    insert_failures: Listed[dict[str, JsonValue]] = []

    @model_validator(mode="before")
    @classmethod
    def _wrap_number(cls, answer: object) -> object:
        return {"copied": answer} if isinstance(answer, int | float | str) else answer


class Relationship(ApiAnswer):
    """A typed link from a parent (ancestor) to a child (descendant)."""

    parent_id: Id
    parent_dataset_id: Text = ""
    child_id: Id
    child_dataset_id: Text = ""
    relationship_type: Text = ""


class RelationshipError(ApiAnswer):
    """The reason why one child could not be related."""

    child_id: Id
    error: Text = ""
    error_type: Text = ""


class RelationshipsCreated(ApiAnswer):
    """Answer to creating relationships. Some children may have failed although the status is 200."""

    success: GuardFlag
    message: Text = ""
    relationships: Listed[Relationship] = []
    relationships_created: Count = None
    errors: Listed[RelationshipError] = []


class Reverted(ApiAnswer):
    """A scheduled revert. The API returns an undo bookmark, but no route accepts it."""

    dataset_id: Id
    minutes_ago: Decimal = None
    target_timestamp: Text = ""
    revert_bookmark: Text = ""
    undo_bookmark: Text = ""

    @model_validator(mode="before")
    @classmethod
    def _unwrap_schema(cls, answer: object) -> object:
        # The published answer looks like a JSON Schema: {"properties": {"datasetId": {"type": value}, ...}}.
        if not (isinstance(answer, dict) and isinstance(answer.get("properties"), dict)):  # pyright: ignore
            return answer  # pyright: ignore[reportUnknownVariableType]
        return {key: value.get("type", value) for key, value in answer["properties"].items()}  # pyright: ignore


class Done(ApiAnswer):
    """`{"success": true}`, the answer to tagging and relating."""

    success: GuardFlag
