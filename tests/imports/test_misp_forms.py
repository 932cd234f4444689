"""MISP events in the forms in which they are exported, and what was deleted in them."""

import json

import pytest

from cf1_mcp.imports.readers.files import detect_json_format
from cf1_mcp.imports.readers.source_rows import ReaderNotes, SourceRow
from cf1_mcp.imports.readers.sources import read_text_rows

ATTRIBUTE = {"type": "ip-dst", "value": "192.0.2.1", "uuid": "a1", "to_ids": True}
EVENT = {"info": "Relays", "date": "2026-01-10", "uuid": "e1", "threat_level_id": "2", "Attribute": [ATTRIBUTE]}


def read(document: object) -> tuple[list[SourceRow], ReaderNotes]:
    notes = ReaderNotes()
    return [*read_text_rows(json.dumps(document), "misp", {}, notes)], notes


@pytest.mark.parametrize(
    "document",
    [
        EVENT,
        {"Event": EVENT},
        [EVENT],
        [{"Event": EVENT}],
        {"response": [{"Event": EVENT}]},
        {"response": {"Event": EVENT}},
    ],
    ids=["bare", "event", "list of bare", "list", "response", "response of one"],
)
def test_an_event_is_read_and_recognised_in_every_wrapping(document: object) -> None:
    rows, _ = read(document)
    assert [(row.fields["event"], row.fields.get("indicator")) for row in rows] == [
        ("Relays", None),
        ("Relays", "192.0.2.1"),
    ]
    assert detect_json_format(json.dumps(document).encode()) == "misp"


@pytest.mark.parametrize("deleted", [True, "1"])
def test_what_was_deleted_is_left_out_and_counted(deleted: object) -> None:
    gone = {**ATTRIBUTE, "deleted": deleted}
    group = {"name": "file", "deleted": deleted, "Attribute": [ATTRIBUTE]}
    rows, notes = read({**EVENT, "Attribute": [gone], "Object": [group, {"name": "file", "Attribute": [gone]}]})
    assert [row.fields.get("indicator") for row in rows] == [None]
    assert notes.sentences() == ["a deleted attribute is left out (2 times)", "a deleted object is left out"]


@pytest.mark.parametrize(("to_ids", "lost"), [(True, 1), (False, 0)])
def test_an_attribute_for_detection_that_cannot_be_kept_is_missing(to_ids: bool, lost: int) -> None:
    _, notes = read({**EVENT, "Attribute": [{"type": "yara", "value": "rule x", "to_ids": to_ids}]})
    assert len(notes.lost) == lost
