"""Payloads of changes: what the journal stores of a change, and what undo reads back.

A payload is defined in the module of its change, except for those here, which two layers make: the tools and the
import of files.
"""

from collections.abc import Mapping
from typing import Self

from pydantic import BaseModel, ConfigDict, JsonValue

from cf1_mcp.models import EventChange


class Payload(BaseModel):
    """What a change of one kind sends. Its field `before`, if any, is the state that the change overwrites.

    Field names are the keys of the journal's entries, so renaming one requires an alias for older journals.
    """

    model_config = ConfigDict(frozen=True, defer_build=True)

    def arguments(self) -> dict[str, JsonValue]:
        """Return what is sent as JSON. Fields that were never set are left out, as in the request."""
        return self.model_dump(mode="json", by_alias=True, exclude_unset=True, exclude={"before"})

    def overwritten(self) -> JsonValue:
        """Return `before` as JSON."""
        return self.model_dump(mode="json", by_alias=True, exclude_unset=True, include={"before"}).get("before")

    @classmethod
    def restore(cls, arguments: Mapping[str, JsonValue], before: JsonValue) -> Self:
        """Return the payload of a journal entry.

        Raises:
            ValidationError: the entry is of another kind.
        """
        return cls.model_validate({**arguments, "before": before})


class RawParts(BaseModel, frozen=True):
    """Parts of raw evidence. Parts that were never set are not changed. Stored `data` may be any JSON."""

    data: JsonValue = None
    source: str | None = None
    tlp: str | None = None

    def parts(self) -> dict[str, JsonValue]:
        return self.model_dump(mode="json", exclude_unset=True)


class BeforeUpdate(BaseModel, frozen=True):
    """The values that are replaced. `seen` has everything that a lowered marking makes readable.

    `marking` and `raw_marking` are the markings under which the values and the raw evidence were stored; None in older
    journals.
    """

    event: EventChange | None
    raw: RawParts | None
    seen: list[JsonValue] = []
    marking: str | None = None
    raw_marking: str | None = None


class UpdateEvent(Payload):
    """New values for an event, for its raw evidence, or for both."""

    event_id: str
    event: EventChange | None
    raw_id: str | None
    raw: RawParts | None
    before: BeforeUpdate


class ImportEvents(Payload):
    """Many events. The journal stores a digest of their rows; the result has the ids of the created events."""

    dataset_id: str
    rows: int
    digest: str
    on_duplicate: str = "skip"
