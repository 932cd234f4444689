"""Reads what the exports of this server keep of an event: the fields of a row, and the uuid of the event.

An export shows texts cleaned: cut, with masked mail addresses, and without what a renderer would act on. A row has them
as the file shows them. Where the event still exists, it is recognised by its uuid and keeps its own.
"""

import re
from collections.abc import Mapping
from typing import Final

from pydantic import JsonValue

from cf1_mcp.imports.readers.source_rows import ReaderNotes
from cf1_mcp.models.fields import SETTABLE_TEXTS

SUMMARY: Final = "summary"
_CUT: Final = re.compile(r"\u2026 \(\+[\d,]+ characters?\)\Z")
_MASKED: Final = re.compile(r"\*\*\*@[\w-]+\.")
_UUID: Final = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE)
NOT_WHOLE: Final = (
    "a text of the export is cut or has masked mail addresses: its event is imported as the file shows it, unless it "
    "exists already"
)


def is_summary(record: Mapping[str, JsonValue]) -> bool:
    """Whether the object of a record groups others, and is not an event itself."""
    return record.get(SUMMARY) is True


def read_record(
    record: Mapping[str, JsonValue], place: int, notes: ReaderNotes
) -> tuple[dict[str, JsonValue], str | None]:
    """Return the fields of a row and the uuid of its event. The marking is that of the object, so it is not read."""
    names = [name for name in (*SETTABLE_TEXTS, "tags") if name in record and name != "tlp"]
    fields = {name: record[name] for name in names}
    note_not_whole(fields, place, notes)
    uuid = record.get("uuid")
    return fields, read_uuid(uuid) if isinstance(uuid, str) else None


def note_not_whole(fields: Mapping[str, JsonValue], place: int, notes: ReaderNotes) -> None:
    """Note that an export cut or masked a text of a row, if it did."""
    texts = [text for value in fields.values() for text in (value if isinstance(value, list) else [value])]
    if any(isinstance(text, str) and (_CUT.search(text) or _MASKED.search(text)) for text in texts):
        notes.lose(NOT_WHOLE, place, if_created=True)


def read_uuid(text: str) -> str | None:
    """Return the uuid of an event; None if the text is not one."""
    return text.strip().lower() if _UUID.fullmatch(text.strip()) else None
