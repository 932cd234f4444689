"""Files that this server exports are read back as the events that they were made of."""

import json
from collections.abc import Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cf1_mcp.exports import FormatName
from cf1_mcp.exports.event_record import describe_event
from cf1_mcp.imports.readers.files import Format
from cf1_mcp.imports.readers.own_records import NOT_WHOLE
from cf1_mcp.imports.readers.source_rows import ReaderNotes, SourceRow
from cf1_mcp.imports.readers.sources import read_text_rows
from cf1_mcp.models import Event, Tlp
from tests.exports.files import BARE, EVENT, HOSTILE, TYPES, empty_file, make_event, render_file

FORMATS: list[tuple[FormatName, Format]] = [("csv", "csv"), ("stix2", "stix"), ("taxii", "stix"), ("misp", "misp")]
TRICKY = ("'=x", "''=x", "' '=1", "'x", "a;b", 'a"b', '"a";b', "a, b", "#1", "a|b", " '+49", "tlp", "\t=1", "'", '"')
UUIDS = [f"{number:08x}-1111-4111-8111-111111111111" for number in range(5)]
MARKINGS = ("clear", "WHITE", "green", "amber", "", "amber+strict", "red")

# What a new event may contain: a date, a title and a category are required.
words = st.text(min_size=1, max_size=30) | st.sampled_from(TRICKY) | st.sampled_from(HOSTILE)
texts = dict.fromkeys(("event", "category", "insight", "attacker", "indicator"), words)
events = st.fixed_dictionaries(
    {
        **texts,
        "indicator_type": st.sampled_from(TYPES),
        "tags": st.lists(words, max_size=4),
        "tlp": st.sampled_from(MARKINGS),
    }
)


def read_back(name: FormatName, form: Format, given: Sequence[Event]) -> tuple[list[SourceRow], ReaderNotes]:
    notes = ReaderNotes()
    text = render_file(empty_file(name), given)
    return sorted(read_text_rows(text, form, {}, notes), key=lambda row: row.same_as or ""), notes


def expected(event: Event) -> dict[str, object]:
    record = {name: value for name, value in describe_event(event).items() if name != "uuid"}
    return {**record, "tlp": Tlp.of(event.tlp).value}


@pytest.mark.parametrize(("name", "form"), FORMATS)
@settings(max_examples=60, deadline=None)
@given(made=st.lists(events, min_size=1, max_size=5))
def test_an_export_is_read_back_as_the_same_events(
    name: FormatName, form: Format, made: list[dict[str, object]]
) -> None:
    needed = {"event": "x", "category": "Phishing"}
    given_events = [
        make_event(uuid, **{name: value if str(value).strip() else needed.get(name, "") for name, value in one.items()})
        for uuid, one in zip(UUIDS, made, strict=False)
    ]
    rows, _ = read_back(name, form, given_events)
    assert [row.problems for row in rows] == [() for _ in given_events]
    assert [row.same_as for row in rows] == [event.uuid for event in given_events]
    assert [dict(row.fields) for row in rows] == [expected(event) for event in given_events]


@pytest.mark.parametrize(("name", "form"), FORMATS)
def test_events_with_the_same_indicator_title_and_date_stay_two(name: FormatName, form: Format) -> None:
    rows, _ = read_back(name, form, [make_event(uuid) for uuid in UUIDS[:2]])
    assert [row.same_as for row in rows] == UUIDS[:2]


@pytest.mark.parametrize(("name", "form"), FORMATS)
def test_a_text_that_the_file_shows_cut_or_masked_is_told_by_row(name: FormatName, form: Format) -> None:
    masked = make_event(UUIDS[0], event="write to desk@relay.example")
    long = make_event(UUIDS[1], insight="x" * 5_000, indicator="b.example")
    _, notes = read_back(name, form, [masked, long, make_event(UUIDS[2], indicator="c.example")])
    assert (notes.lost, len(notes.lost_if_created.get(NOT_WHOLE, []))) == ({}, 2)


@pytest.mark.parametrize(("name", "form"), [("stix2", "stix"), ("taxii", "stix")])
def test_links_between_exported_events_are_read_back_with_their_types(name: FormatName, form: Format) -> None:
    parent, child = make_event(UUIDS[0], has_children=True), make_event(UUIDS[1], indicator="b.example")
    file = empty_file(name)
    text = render_file(file, [parent, child], [(parent.uuid, child.uuid)])
    rows = {row.same_as: row for row in read_text_rows(text, form, {}, ReaderNotes())}
    assert set(rows) == {parent.uuid, child.uuid}
    [above] = rows[child.uuid].parents
    assert (above.ref, above.type) == (rows[parent.uuid].ref, "attributed_to")
    assert rows[parent.uuid].parents == ()


@pytest.mark.parametrize("raised", ["event", "attribute"])
def test_a_marking_that_was_raised_in_a_misp_file_counts(raised: str) -> None:
    document = json.loads(render_file(empty_file("misp"), [EVENT, BARE]))
    event = document["Event"]
    (event if raised == "event" else event["Attribute"][0])["Tag"] = [{"name": "tlp:red"}]
    rows = [*read_text_rows(json.dumps(document), "misp", {}, ReaderNotes())]
    least = [row.least.level.value if row.least else None for row in rows]
    assert least == (["red", "red"] if raised == "event" else ["red", None])


def read_linked(link: dict[str, object], other: str = "amber") -> list[str | None]:
    """Export a green event and its parent, change their link, and return how far it raises either."""
    parent, child = make_event(UUIDS[0], tlp=other, has_children=True), make_event(UUIDS[1], tlp="green")
    document = json.loads(render_file(empty_file("stix2"), [parent, child], [(parent.uuid, child.uuid)]))
    for one in document["objects"]:
        if one["type"] == "relationship" and one.get("description"):
            one |= link
    rows = sorted(read_text_rows(json.dumps(document), "stix", {}, ReaderNotes()), key=lambda row: row.same_as or "")
    assert [row.fields["tlp"] for row in rows] == [other, "green"]
    return [row.least.level.value if row.least else None for row in rows]


def test_a_link_to_an_event_with_a_higher_marking_raises_neither_end() -> None:
    assert read_linked({}) == [None, None]
    assert read_linked({}, "amber+strict") == [None, None]


def test_a_link_that_a_recipient_raised_or_replaced_counts() -> None:
    red = "marking-definition--e828b379-4e03-4974-9ac4-e53a884c97c1"
    assert read_linked({"object_marking_refs": [red]}) == [None, "red"]
    assert read_linked({"id": "relationship--11111111-1111-4111-8111-111111111111"}) == [None, "amber"]


def test_a_marking_that_was_raised_in_a_bundle_counts() -> None:
    document = json.loads(render_file(empty_file("stix2"), [EVENT]))
    red = next(
        one
        for one in json.loads(render_file(empty_file("stix2"), [make_event("r", tlp="red")]))["objects"]
        if one["type"] == "marking-definition"
    )
    document["objects"].append(red)
    for one in document["objects"]:
        if one["type"] == "indicator":
            one["granular_markings"] = [{"marking_ref": red["id"], "selectors": ["extensions"]}]
    [row] = read_text_rows(json.dumps(document), "stix", {}, ReaderNotes())
    assert row.least is not None and row.least.level is Tlp.RED
