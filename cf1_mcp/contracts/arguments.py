"""Arguments that several tools have, each described once. Models read the descriptions."""

from typing import Annotated, Any
from uuid import UUID

from pydantic import AfterValidator, BeforeValidator, Field, JsonValue, WithJsonSchema

from cf1_mcp.search.clauses import Clause
from cf1_mcp.text.lenient import Words, none_if_empty

MAX_ID = 2**63


def _to_query_id(value: object) -> object:
    """Accept a number as well, because the ids of saved queries are numbers."""
    if isinstance(value, int) and abs(value) >= MAX_ID:
        raise ValueError("this number is too large to be an id")
    return str(value) if isinstance(value, int) and value else none_if_empty(value)


def _list_field(description: str | None = None) -> Any:  # noqa: ANN401 - what Field itself returns
    return Field(description=description, max_length=100)


def _parse_uuid(text: str) -> str:
    """Return a canonical event uuid. Other texts could select another route, such as `/events/aggregate`."""
    try:
        return str(UUID(text.strip()))
    except ValueError:
        raise ValueError("this is not an event uuid; take it from the uuid column of a search") from None


EventId = Annotated[str, Field(description="Event uuid"), AfterValidator(_parse_uuid)]


def _parse_uuids(texts: list[str]) -> list[str]:
    if not texts:
        raise ValueError("there are no event uuids; pass at least one")
    return list(dict.fromkeys(_parse_uuid(text) for text in texts))


EventIds = Annotated[Words, Field(description="Event uuids"), AfterValidator(_parse_uuids)]
# For tools that take a selection instead.
ChosenIds = Annotated[EventIds | None, Field(description="Event uuids"), BeforeValidator(none_if_empty)]
Selection = Annotated[
    str | None, Field(description="Instead of them: selection of a search"), BeforeValidator(none_if_empty)
]
ExportSelection = Annotated[
    str | None, Field(description="Instead of filters: selection of a search"), BeforeValidator(none_if_empty)
]
Select = Annotated[bool, Field(description="Also return a selection of all found events")]
Confirm = Annotated[
    str | None,
    Field(description="Code from the preview of this call"),
    BeforeValidator(none_if_empty),
]
HomeDataset = Annotated[str, Field(description="Dataset name or uuid of the events")]
DatasetId = Annotated[str | None, Field(description="Dataset name or uuid")]
DatasetIds = Annotated[Words | None, _list_field("Names or uuids, or all (default), operational, analytics")]
QueryId = Annotated[str | None, Field(description="Saved query to run: id or name"), BeforeValidator(_to_query_id)]
Fields = Annotated[Words | None, _list_field("Columns to show")]
Limit = Annotated[int, Field(ge=1, le=500)]
Cursor = Annotated[str | None, Field(description="next_cursor of the last answer")]

Text = Annotated[str | None, Field(description='Words that the description has, or a "phrase"', max_length=512)]
Since = Annotated[str | None, Field(description="Earliest date: ISO, or relative as 7d, 24h")]
CreatedSince = Annotated[str | None, Field(description="Stored since: date or last watermark")]
Until = Annotated[str | None, Field(description="Latest date")]
# For tools whose description refers to the search tool, which describes the same arguments.
SameWords = Annotated[Words | None, _list_field()]
SameText = Annotated[str | None, Field(max_length=512)]


def _parse_article(text: str | None) -> str | None:
    try:
        return str(UUID(text.strip())) if text else None
    except ValueError:
        raise ValueError("this is not the uuid of an article") from None


SourceArticle = Annotated[
    str | None,
    Field(description="Uuid of the Threat Signals article it is from"),
    BeforeValidator(none_if_empty),
    AfterValidator(_parse_article),
]
Description = Annotated[str, Field(description="What happened, in words")]
Moment = Annotated[str, Field(description="When it happened: ISO, or relative as 2h")]
Marking = Annotated[str, Field(description="clear, green, amber, amber+strict or red")]
Country = Annotated[str | None, Field(description="ISO code or name")]
NewTags = Annotated[Words, Field(description="Tags to add", max_length=100)]
RawData = Annotated[
    dict[str, JsonValue] | None,
    WithJsonSchema({"type": "string", "description": "Raw evidence as JSON text, an object"}),
    BeforeValidator(none_if_empty),
]


# Written by hand without the enumerations, which cost tokens; `Clause` validates the names.
Conditions = Annotated[
    list[Clause] | None,
    WithJsonSchema(
        {
            "type": "array",
            "items": {
                "type": "object",
                "properties": {
                    "field": {"type": "string"},
                    "op": {"type": "string"},
                    "value": {"type": "array", "items": {"type": "string"}},
                    "group": {"type": "integer"},
                },
                "required": ["field", "value"],
                "additionalProperties": False,
            },
            "description": "Further conditions. field: attacker, createdAt, event, hasChildren, killChain, tags, uuid "
            "...; op: equals, not, gt, gte, lt, lte, contains, startsWith, in ... All without group must match, and "
            "one group: those with the same number",
        }
    ),
]
Variables = Annotated[
    dict[str, JsonValue] | None,
    WithJsonSchema({"type": "string", "description": "Variables as JSON text"}),
    BeforeValidator(none_if_empty),
]
