"""The list of indicators, each with the events that have it."""

from collections.abc import Mapping, Sequence
from typing import ClassVar, cast

from pydantic import Field, model_validator

from cf1_mcp.models.events import ResultInfo
from cf1_mcp.models.lenient_answers import ApiAnswer, Listed
from cf1_mcp.models.odd_values import Id, Text


class RelatedEvent(ApiAnswer):
    """An event that has an indicator."""

    event_id: Id
    dataset_id: Text = ""
    event_date: Text = ""

    @model_validator(mode="before")
    @classmethod
    def _read_id(cls, event: object) -> object:
        return {"eventId": event} if isinstance(event, str) else event


class ListedIndicator(ApiAnswer):
    """An indicator of one dataset and the events that have it, even if they show another one of their indicators.

    `has_no_events` only if the API says so: an event that cannot be read, or is not sent, may be one that is withheld.
    """

    closed: ClassVar[Mapping[str, object]] = {"tlp": "red"}

    value: Id
    uuid: Text = ""
    indicator_type: Text = ""
    dataset_id: Text = ""
    tlp: Text = ""
    created_at: Text = ""
    updated_at: Text = ""
    related_events: Listed[RelatedEvent] = []
    has_no_events: bool = Field(False, exclude=True)

    @model_validator(mode="before")
    @classmethod
    def _note_events(cls, indicator: object) -> object:
        if not isinstance(indicator, dict):
            return indicator
        given = cast("dict[str, object]", indicator)
        has_more = given.get("relatedEventsHasMore")
        is_empty = given.get("relatedEvents") == [] and (has_more is None or has_more is False)
        return {**given, "hasNoEvents": is_empty}


class IndicatorPage(ApiAnswer):
    """One page of indicators. Unlike in the rest of the API, their paging details are in snake_case."""

    indicators: Listed[ListedIndicator]
    pagination: ResultInfo = ResultInfo()

    @model_validator(mode="before")
    @classmethod
    def _read_list(cls, page: object) -> object:
        return {"indicators": page} if isinstance(page, list) else page  # pyright: ignore[reportUnknownVariableType]

    @classmethod
    def merged(cls, pages: Sequence["IndicatorPage"]) -> "IndicatorPage":
        """Return the same page of several groups of datasets as one."""
        indicators = [indicator for page in pages for indicator in page.indicators]
        has_more = any(page.pagination.has_more for page in pages)
        return pages[0] if len(pages) == 1 else cls(indicators=indicators, pagination=ResultInfo(has_more=has_more))
