"""The records of the sample tenant as models without unknown fields."""

from datetime import UTC, datetime

from pydantic import BaseModel, ConfigDict

from cf1_mcp.models import NewEvent

NOW = datetime(2026, 11, 24, 9, 30, 15, 999_999, tzinfo=UTC)


class Body(NewEvent):
    """The body of a sample event: that of a create request, with the creation time."""

    model_config = ConfigDict(extra="forbid")
    created_at: datetime

    @property
    def typed_indicators(self) -> list[tuple[str, str]]:
        one = [(self.indicator_type or "", self.indicator)] if self.indicator else []
        return one + [(each.indicator_type, each.value) for each in self.indicators or []]


class ParentLink(BaseModel):
    ref: str
    type: str


class Row(BaseModel):
    """A record for the loader, without unknown fields."""

    model_config = ConfigDict(extra="forbid")
    ref: str
    dataset: str
    body: Body
    parents: list[ParentLink] = []
    references: list[str] = []

    @property
    def date(self) -> datetime:
        return datetime.fromisoformat(self.body.date)
