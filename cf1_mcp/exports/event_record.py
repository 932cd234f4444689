"""The fields of an event as a file keeps them beside a format's own terms, so that an import makes the same event."""

from collections.abc import Mapping
from typing import Final

from cf1_mcp.models import Event
from cf1_mcp.models.fields import SETTABLE_TEXTS
from cf1_mcp.text.sanitize import clean

MAX_TEXT_LENGTH: Final = 4_000
OWN_RECORDS: Final = "cf1_mcp"
"""The member of a MISP attribute, or of a MISP event, that has the records of events. MISP ignores it."""
# The marking is that of the object or attribute, which its recipient may raise.
_TEXTS: Final = ("uuid", *(name for name in SETTABLE_TEXTS if name != "tlp"))

EventRecord = dict[str, object]


def describe_event(event: Event) -> EventRecord:
    """Return the fields of an event that a new event may have, and its uuid; without those that are empty."""
    texts = {name: clean(str(getattr(event, name)), MAX_TEXT_LENGTH, value=name == "indicator") for name in _TEXTS}
    record: EventRecord = {name: text for name, text in texts.items() if text.strip()}
    if tags := [clean(tag, MAX_TEXT_LENGTH) for tag in event.tags if tag.strip()]:
        record["tags"] = tags
    return record


def stix_extension(record: Mapping[str, object]) -> EventRecord:
    """Return a record as the content of a STIX property extension."""
    return {"extension_type": "property-extension", **record}
