"""The arguments that tools share, each described once. Models read the descriptions."""

from typing import Annotated, Any
from uuid import UUID

from pydantic import AfterValidator, BeforeValidator, Field, JsonValue, WithJsonSchema

from cf1_mcp.search.clauses import Clause
from cf1_mcp.text.lenient import Words, unfilled


def _number_or_name(value: object) -> object:
    """Accept a number too: the ids of saved queries are numbers."""
    return str(value) if isinstance(value, int) and value else unfilled(value)


def _words(description: str | None = None) -> Any:  # noqa: ANN401 - what Field itself returns
    return Field(description=description, max_length=100)


def _uuid(text: str) -> str:
    """Check an event uuid. Other texts could select another route, such as `/events/aggregate`."""
    try:
        return str(UUID(text.strip()))
    except ValueError:
        raise ValueError("this is not an event uuid; take it from the uuid column of a search") from None


EventId = Annotated[str, Field(description="Event uuid"), AfterValidator(_uuid)]


def _uuids(texts: list[str]) -> list[str]:
    if not texts:
        raise ValueError("there are no event uuids; pass at least one")
    return list(dict.fromkeys(_uuid(text) for text in texts))


EventIds = Annotated[Words, Field(description="Event uuids"), AfterValidator(_uuids)]
Confirm = Annotated[
    str | None,
    Field(description="Code from the preview that this call returns without it"),
    BeforeValidator(unfilled),
]
HomeDataset = Annotated[str, Field(description="Dataset name or uuid of the events")]
DatasetId = Annotated[str | None, Field(description="Dataset name or uuid")]
DatasetIds = Annotated[Words | None, _words("Names or uuids, or all (default), operational, analytics")]
QueryId = Annotated[str | None, Field(description="Saved query to run: id or name"), BeforeValidator(_number_or_name)]
Fields = Annotated[Words | None, _words("Columns to show")]
Limit = Annotated[int, Field(ge=1, le=500)]
Cursor = Annotated[str | None, Field(description="next_cursor of the last answer")]

Text = Annotated[str | None, Field(description="Words in the description", max_length=512)]
Since = Annotated[str | None, Field(description="Earliest date: ISO, or relative as 7d, 24h")]
CreatedSince = Annotated[str | None, Field(description="Stored since: date or last watermark")]
Until = Annotated[str | None, Field(description="Latest date")]
# For tools with filters of the search tool, which their description refers to.
SameWords = Annotated[Words | None, _words()]
SameText = Annotated[str | None, Field(max_length=512)]

Description = Annotated[str, Field(description="What happened, in words")]
Moment = Annotated[str, Field(description="When it happened: ISO, or relative as 2h")]
Marking = Annotated[str, Field(description="clear, green, amber, amber+strict or red")]
Country = Annotated[str | None, Field(description="ISO code or name")]
NewTags = Annotated[Words, Field(description="Tags to add", max_length=100)]
RawData = Annotated[
    dict[str, JsonValue] | None,
    WithJsonSchema({"type": "string", "description": "Raw evidence as JSON text, an object"}),
    BeforeValidator(unfilled),
]


# Written out without the enumerations, which cost tokens. The names are checked by the model of a clause.
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
    BeforeValidator(unfilled),
]
