"""Reads the CSV export of MISP: a row for each attribute.

Its `category` is MISP's own, such as `Network activity`, so the category of the events is given with --set. Its `date`
is a number of seconds since 1970.
"""

from collections.abc import Iterator, Sequence
from typing import Final

from pydantic import JsonValue

from cf1_mcp.imports.readers.misp_values import (
    MispObject,
    convert_timestamp,
    find_least,
    is_deleted,
    marking_fields,
    read_indicators,
    read_tag_fields,
)
from cf1_mcp.imports.readers.source_rows import ReaderNotes, SourceRow, quote
from cf1_mcp.imports.readers.tag_markings import find_marking

_REQUIRED: Final = frozenset({"event_id", "category", "type", "value", "to_ids"})
_KEPT: Final = ("uuid", "event_id", "category", "type", "to_ids", "value")


def is_misp_table(names: Sequence[str]) -> bool:
    """Whether the columns are those of MISP."""
    return {*names} >= _REQUIRED


def read_misp_row(place: int, names: Sequence[str], cells: Sequence[str], notes: ReaderNotes) -> Iterator[SourceRow]:
    """Yield the rows of one attribute: two for a type such as `domain|ip`."""
    attribute: MispObject = dict(zip(names, cells, strict=True))
    if is_deleted(attribute):
        notes.add("a deleted attribute is left out")
        return
    found = read_indicators(attribute)
    if not found:
        note = f"an attribute of type {quote(str(attribute['type']))} is not an indicator and is not imported"
        if attribute["to_ids"] in ("1", "true", "True"):
            notes.lose(f"{note}, although it is for detection", place)
        else:
            notes.add(note)
        return
    tags, of_event = _split_tags(attribute, "attribute_tag"), _split_tags(attribute, "event_tag")
    title = str(attribute.get("event_info") or "") or f"MISP event {attribute['event_id']}"
    fields: dict[str, JsonValue] = {"event": title, **read_tag_fields([*tags, *of_event])}
    date = str(attribute.get("first_seen") or "") or convert_timestamp(attribute.get("date"))
    fields["date"] = date or str(attribute.get("date") or attribute.get("event_date") or "")
    if comment := str(attribute.get("comment") or "").strip():
        fields["insight"] = comment
    fields["raw"] = {"data": {"misp": {name: attribute[name] for name in _KEPT if name in attribute}}}
    own, above = find_marking(tags), find_marking(of_event)
    fields |= marking_fields(own if own and above else above or own)
    least = find_least([(own, "its tags"), (above, "the tags of its event")])
    for value, kind in found:
        yield SourceRow(place, {**fields, "indicator": value, "indicator_type": kind}, least=least)


def _split_tags(attribute: MispObject, name: str) -> list[str]:
    return [tag for part in str(attribute.get(name) or "").split(",") if (tag := part.strip())]
