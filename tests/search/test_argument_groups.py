"""A parameter that stands for several arguments."""

import inspect
from collections.abc import Mapping
from typing import Annotated, get_type_hints

import pytest

from cf1_mcp.search.argument_groups import ArgumentGroup, expand_argument_groups

pytestmark = pytest.mark.anyio


@expand_argument_groups
async def find(
    scope: str,
    filters: Annotated[Mapping[str, str], ArgumentGroup({"attacker": str | None, "tlp": str | None})],
    *,
    limit: int = 20,
) -> tuple[str, Mapping[str, str], int]:
    """Find events."""
    return scope, filters, limit


def test_the_signature_has_one_keyword_argument_for_each_entry_of_the_group() -> None:
    parameters = inspect.signature(find).parameters
    assert [(one.name, one.default) for one in parameters.values()] == [
        ("scope", inspect.Parameter.empty),
        ("attacker", None),
        ("tlp", None),
        ("limit", 20),
    ]
    assert get_type_hints(find)["attacker"] == str | None
    assert (find.__name__, find.__doc__) == ("find", "Find events.")


async def test_the_function_receives_the_arguments_that_are_given_as_one_mapping() -> None:
    assert await find(scope="all", attacker="A", tlp=None, limit=5) == ("all", {"attacker": "A"}, 5)
