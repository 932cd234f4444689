"""Conditions of a search in the API's own terms, as a caller writes them."""

from typing import Annotated, Final

from pydantic import BaseModel, ConfigDict, Field

from cf1_mcp.models import SearchField, SearchOp
from cf1_mcp.text.lenient import Words

# Operators that compare whole values. The others match parts of a value, which the vocabulary does not contain.
WHOLE_VALUE_OPERATORS: Final[tuple[SearchOp, ...]] = ("equals", "not", "in")


class Clause(BaseModel):
    """One condition on a field of the API. Conditions with the same `group` form one alternative of the search."""

    model_config = ConfigDict(extra="forbid")
    field: SearchField
    op: SearchOp = "equals"
    value: Annotated[Words, Field(min_length=1, max_length=100)]
    group: int | None = None
