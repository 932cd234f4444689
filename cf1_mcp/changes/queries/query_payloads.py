"""What changes of saved queries send, and what the journal keeps of the state before."""

from typing import Annotated

from pydantic import BaseModel, JsonValue, PlainSerializer

from cf1_mcp.changes.effect import Payload
from cf1_mcp.changes.queries.alerts import StoredAlert
from cf1_mcp.models import SavedQuery, SavedQueryFields


def _dump_query(query: SavedQuery) -> dict[str, JsonValue]:
    return query.model_dump(mode="json", exclude={"user_email"})


# The journal does not store who saved a query: an address is personal data.
StoredQuery = Annotated[SavedQuery, PlainSerializer(_dump_query)]


class CreateQuery(Payload):
    """A new saved query; `alerts` are those of a deleted query that is recreated."""

    fields: SavedQueryFields
    alerts: tuple[StoredAlert, ...] = ()


class BeforeQueryUpdate(BaseModel, frozen=True):
    """The query before its update."""

    query: StoredQuery


class UpdateQuery(Payload):
    """New values of a saved query."""

    query_id: int
    fields: SavedQueryFields
    before: BeforeQueryUpdate


class BeforeQueryDeletion(BaseModel, frozen=True):
    """The query and its alerts, which are deleted with it; None if they could not be listed."""

    query: StoredQuery
    alerts: list[StoredAlert] | None

    @property
    def alert_count(self) -> int | str:
        return "unknown" if self.alerts is None else len(self.alerts)


class DeleteQuery(Payload):
    """A saved query that is deleted."""

    query_id: int
    before: BeforeQueryDeletion
