"""Events as they are made and changed, and what the API tells of it."""

from typing import Literal

from pydantic import JsonValue, model_validator

from cf1_mcp.models.base import ApiModel, Text

RelationshipType = Literal["related_to", "caused_by", "attributed_to"]


class NewRaw(ApiModel):
    """Raw evidence of an event to be made."""

    data: dict[str, JsonValue] | None
    source: str | None = None
    tlp: str | None = None


class NewIndicator(ApiModel):
    """One of several indicators of an event to be made."""

    value: str
    indicator_type: str


class NewEvent(ApiModel):
    """An event to be made. Kill chain and MITRE fields are not settable: they come with the category."""

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


class EventChange(ApiModel):
    """New values for an event; what is not set stays."""

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
    """New values for raw evidence; what is not set stays."""

    data: dict[str, JsonValue] | None = None
    source: str | None = None
    tlp: str | None = None


class RowError(ApiModel):
    """Why one row of a bulk request was refused; the index is 0-based."""

    event_index: int
    error: str


class CreatedEvent(ApiModel):
    """Where one row of a bulk request went."""

    event_index: int
    shard_id: Text = ""
    uuid: str


class BulkCreated(ApiModel):
    """Answer of a bulk create: events exist at once, indicators are queued."""

    created_events_count: int
    created_tags_count: int = 0
    error_count: int = 0
    queued_indicators_count: int = 0
    create_bulk_events_request_id: Text = ""
    created_events: list[CreatedEvent] = []
    errors: list[RowError] = []


class BulkWithRelationshipsCreated(ApiModel):
    """Answer of the older bulk create that also makes relationships."""

    created_events_count: int
    created_indicators_count: int = 0
    created_relationships_count: int = 0
    error_count: int = 0
    errors: list[RowError] = []


class Moved(ApiModel):
    """Answer of a move: the newer form is an object, the older a bare number."""

    moved: int
    indicators_copied: int = 0
    relationships_copied: int = 0
    insert_failures: list[dict[str, JsonValue]] = []
    deletion_failures: list[dict[str, JsonValue]] = []

    @model_validator(mode="before")
    @classmethod
    def _counted(cls, answer: object) -> object:
        return {"moved": answer} if isinstance(answer, int | float) else answer


class Relationship(ApiModel):
    """A typed link from a parent (ancestor) to a child (descendant)."""

    parent_id: str
    parent_dataset_id: Text = ""
    child_id: str
    child_dataset_id: Text = ""
    relationship_type: str


class RelationshipError(ApiModel):
    """Why one child could not be linked."""

    child_id: str
    error: str
    error_type: Text = ""


class RelationshipsCreated(ApiModel):
    """Answer of creating relationships; some children may have failed in a 200."""

    success: bool
    message: Text = ""
    relationships: list[Relationship] = []
    relationships_created: int | None = None
    errors: list[RelationshipError] = []


class Reverted(ApiModel):
    """A revert that was scheduled. The undo bookmark is shown by the API but no route takes it back."""

    dataset_id: str
    minutes_ago: float
    target_timestamp: str
    revert_bookmark: Text = ""
    undo_bookmark: Text = ""

    @model_validator(mode="before")
    @classmethod
    def _plain(cls, answer: object) -> object:
        # The published answer looks like a JSON Schema: {"properties": {"datasetId": {"type": value}, ...}}.
        if not (isinstance(answer, dict) and isinstance(answer.get("properties"), dict)):  # pyright: ignore
            return answer  # pyright: ignore[reportUnknownVariableType]
        return {key: value.get("type", value) for key, value in answer["properties"].items()}  # pyright: ignore
