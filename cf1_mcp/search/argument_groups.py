"""Parameters that stand for several arguments of a tool, so that the arguments come from a table."""

import inspect
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from functools import wraps
from typing import Any, TypeVar, get_args, get_type_hints

T = TypeVar("T")


@dataclass(frozen=True)
class ArgumentGroup:
    """Marks a parameter (`Annotated[Mapping[str, T], ArgumentGroup(...)]`) that stands for optional arguments.

    `arguments` are their names, with the annotation of each.
    """

    arguments: Mapping[str, object]


def expand_argument_groups(function: Callable[..., Awaitable[T]]) -> Callable[..., Awaitable[T]]:
    """Replace each parameter that is marked with an `ArgumentGroup` by one keyword argument per entry of the group.

    The MCP SDK makes the schema of a tool from the signature of its function, and hands a resolver the arguments that
    the resolver's own signature names. With the table of fields as source, those arguments cannot be written out in
    the `def`. So a tool and its resolver take one parameter for all of them:

        @expand_argument_groups
        async def search_threat_events(*, filters: SearchFilters, limit: int = 20) -> Rows: ...

    and the SDK sees `(*, attacker=None, attacker_country=None, ..., limit=20)`. When it calls the function, those that
    are not None are collected into a mapping by name, which is passed as `filters`.
    """
    hints = get_type_hints(function, include_extras=True)
    groups = {name: group for name, hint in hints.items() if (group := _group_of(hint))}
    parameters: list[inspect.Parameter] = []
    for parameter in inspect.signature(function).parameters.values():
        members = groups.get(parameter.name, {parameter.name: hints[parameter.name]})
        default = None if parameter.name in groups else parameter.default
        parameters += [
            inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=default, annotation=hint)
            for name, hint in members.items()
        ]

    @wraps(function)
    async def expanded(**arguments: object) -> T:
        for parameter, group in groups.items():
            given = {name: arguments.pop(name, None) for name in group}
            arguments[parameter] = {name: value for name, value in given.items() if value is not None}
        return await function(**arguments)

    expanded.__signature__ = inspect.Signature(parameters, return_annotation=hints["return"])  # pyright: ignore[reportAttributeAccessIssue]
    expanded.__annotations__ = {one.name: one.annotation for one in parameters} | {"return": hints["return"]}
    return expanded


def _group_of(hint: object) -> Mapping[str, Any] | None:
    return next((one.arguments for one in get_args(hint)[1:] if isinstance(one, ArgumentGroup)), None)
