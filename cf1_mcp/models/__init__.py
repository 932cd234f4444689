"""The API's nouns as pydantic models: the content of requests and answers.

Facts are from the Cloudflare API reference for Cloudforce One. Its published descriptions contradict each other, so
answers are read leniently: unknown fields are ignored, missing ones get a neutral value, and numbers become text where
text is expected. Requests are written strictly.
"""

from cf1_mcp.models.base import ApiModel, SnakeModel, Tlp
from cf1_mcp.models.changes import (
    BulkCreated,
    BulkUpdated,
    BulkWithRelationshipsCreated,
    CreatedEvent,
    Done,
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
    UpdateFailure,
)
from cf1_mcp.models.counts import Aggregates, GraphqlAnswer
from cf1_mcp.models.events import (
    Condition,
    Direction,
    Event,
    EventPage,
    EventSearch,
    IndicatorPage,
    Order,
    Raw,
    ResultInfo,
    SearchField,
    SearchOp,
    SearchValue,
)
from cf1_mcp.models.graph_answers import Graph, GraphDirection, GraphEdge, GraphInfo, GraphNode, GraphPage
from cf1_mcp.models.odd_values import Strings, Text
from cf1_mcp.models.queries import AlertFrequency, QueryAlert, QueryAlertFields, SavedQuery, SavedQueryFields
from cf1_mcp.models.vocabulary import Category, Country, Dataset, Tag, TagPage, VocabularyKind

__all__ = [
    "Aggregates",
    "AlertFrequency",
    "ApiModel",
    "BulkCreated",
    "BulkUpdated",
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
    "Graph",
    "GraphDirection",
    "GraphEdge",
    "GraphInfo",
    "GraphNode",
    "GraphPage",
    "GraphqlAnswer",
    "IndicatorPage",
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
    "UpdateFailure",
    "VocabularyKind",
]
