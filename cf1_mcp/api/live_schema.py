"""The GraphQL schema of the API, asked for once per connection."""

from collections.abc import Awaitable, Callable, Mapping
from functools import partial
from typing import TYPE_CHECKING, Any, Final

import anyio
from pydantic import JsonValue

from cf1_mcp.api.concurrency import run_in_thread
from cf1_mcp.errors import ApiError, RateLimited, Unauthenticated, Unavailable
from cf1_mcp.models import GraphqlAnswer

if TYPE_CHECKING:
    from graphql import GraphQLSchema

HEALING_SECONDS: Final = 600.0
INTERNAL_ERROR: Final = 500
_TYPE: Final = "kind name " + "ofType { kind name " * 6 + "}" * 6
_VALUE: Final = f"name type {{ {_TYPE} }} defaultValue"
# For a server that limits the size of a document: without descriptions, directives and deprecated parts.
SHORT_INTROSPECTION: Final = f"""{{ __schema {{ queryType {{ name }} types {{ kind name
fields {{ name args {{ {_VALUE} }} type {{ {_TYPE} }} }} inputFields {{ {_VALUE} }}
interfaces {{ kind name }} enumValues {{ name }} possibleTypes {{ kind name }} }} }} }}"""

Send = Callable[[str], Awaitable[GraphqlAnswer]]


class LiveSchema:
    """The schema as the API tells it by introspection. `send` sends a document.

    That there is none is remembered too, for HEALING_SECONDS. `refusal` is how the API refused to tell it.
    """

    refusal: ApiError | None = None

    def __init__(self, send: Send) -> None:
        self._send = send
        self._schema: GraphQLSchema | None = None
        self._none_until = float("-inf")
        self._lock = anyio.Lock()

    async def read(self) -> "GraphQLSchema | None":
        """Return the schema, or None if the API does not tell it.

        Raises:
            ApiError: the API cannot be asked now.
        """
        async with self._lock:
            if self._schema is None and anyio.current_time() >= self._none_until:
                self._schema = await self._introspect()
                if self._schema is None:
                    self._none_until = anyio.current_time() + HEALING_SECONDS
            return self._schema

    async def _introspect(self) -> "GraphQLSchema | None":
        from graphql import get_introspection_query

        self.refusal = None
        for document in (get_introspection_query(), SHORT_INTROSPECTION):
            try:
                answer = await self._send(document)
            except (RateLimited, Unauthenticated):
                raise
            except Unavailable as error:
                # That it fails on this question tells that it will again; all else may be over soon.
                if error.status != INTERNAL_ERROR:
                    raise
                self.refusal = error
                continue
            except ApiError as error:
                self.refusal = error
                continue
            if answer.data and (schema := await run_in_thread(partial(_build, answer.data))):
                return schema
        return None


def _build(data: Mapping[str, JsonValue]) -> "GraphQLSchema | None":
    """Return the schema of an introspection, or None if it is none."""
    from graphql import GraphQLError, build_client_schema

    told = data.get("__schema")
    if not isinstance(told, dict):
        return None
    whole: Any = {"__schema": {"directives": [], "mutationType": None, "subscriptionType": None} | told}
    try:
        schema = build_client_schema(whole, assume_valid=True)
        # Types are resolved on first use, and a wrong one would end a later call.
        for kind in schema.type_map.values():
            getattr(kind, "fields", None)
    except (GraphQLError, TypeError, ValueError, KeyError, AttributeError, RecursionError):
        return None
    return schema if schema.query_type else None
