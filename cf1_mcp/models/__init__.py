"""The API's nouns as types: what requests carry and what answers hold.

Facts are those of the Cloudflare API reference for Cloudforce One. Answers are read generously (unknown fields are
ignored, missing ones get a neutral value, numbers become text where text is meant), because the published
descriptions of this API disagree with one another; requests are written strictly.
"""

from cf1_mcp.models.base import ApiModel, Done, SnakeModel, Strings, Text, Tlp
from cf1_mcp.models.changes import (
    BulkCreated,
    BulkWithRelationshipsCreated,
    CreatedEvent,
    EventChange,
    Moved,
    NewEvent,
    NewIndicator,
    NewRaw,
    RawChange,
    Relationship,
    RelationshipError,
    RelationshipsCreated,
    RelationshipType,
    Reverted,
    RowError,
)
from cf1_mcp.models.events import (
    Aggregates,
    Condition,
    Direction,
    Event,
    EventPage,
    EventSearch,
    GraphqlAnswer,
    Order,
    Raw,
    ResultInfo,
    SearchField,
    SearchOp,
    SearchValue,
)
from cf1_mcp.models.queries import AlertFrequency, QueryAlert, QueryAlertFields, SavedQuery, SavedQueryFields
from cf1_mcp.models.vocabulary import Category, Country, Dataset, Tag, TagPage

__all__ = [
    "Aggregates",
    "AlertFrequency",
    "ApiModel",
    "BulkCreated",
    "BulkWithRelationshipsCreated",
    "Category",
    "Condition",
    "Country",
    "CreatedEvent",
    "Dataset",
    "Direction",
    "Done",
    "Event",
    "EventChange",
    "EventPage",
    "EventSearch",
    "GraphqlAnswer",
    "Moved",
    "NewEvent",
    "NewIndicator",
    "NewRaw",
    "Order",
    "QueryAlert",
    "QueryAlertFields",
    "Raw",
    "RawChange",
    "Relationship",
    "RelationshipError",
    "RelationshipType",
    "RelationshipsCreated",
    "ResultInfo",
    "Reverted",
    "RowError",
    "SavedQuery",
    "SavedQueryFields",
    "SearchField",
    "SearchOp",
    "SearchValue",
    "SnakeModel",
    "Strings",
    "Tag",
    "TagPage",
    "Text",
    "Tlp",
]
