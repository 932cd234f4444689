"""The typed filters of the tools that search, as the table of fields describes them."""

from collections.abc import Mapping, Sequence
from typing import Annotated, Final, TypeAlias

from pydantic import Field

from cf1_mcp.models.fields import FILTERS
from cf1_mcp.search.argument_groups import ArgumentGroup
from cf1_mcp.text.lenient import Words

MAX_FILTER_VALUES: Final = 100

# The values of the filters of a call, by the snake-case name of the field.
Filters: TypeAlias = Mapping[str, Sequence[str]]


def _annotation(hint: str | None) -> object:
    return Annotated[Words | None, Field(description=hint, max_length=MAX_FILTER_VALUES)]


SearchFilters = Annotated[
    Filters, ArgumentGroup({field.name: _annotation(field.filter.hint) for field in FILTERS if field.filter})
]
# The most used filters. The description of the export tool refers to the search tool, so they need no hints.
ExportFilters = Annotated[
    Filters,
    ArgumentGroup({field.name: _annotation(None) for field in FILTERS if field.filter and field.filter.in_export}),
]
# Those of a search, for a tool whose description refers to the search tool.
CountFilters = Annotated[Filters, ArgumentGroup({field.name: _annotation(None) for field in FILTERS if field.filter})]
