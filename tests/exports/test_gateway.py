"""Lists for Cloudflare Gateway."""

import csv
from io import StringIO

import pytest
from inline_snapshot import snapshot

from cf1_mcp.models import Tlp
from tests.exports.files import EVENT, TYPES, empty_file, hostile_events, make_event, render_file


def test_a_list_contains_values_with_their_marking() -> None:
    file = empty_file("gateway", Tlp.AMBER, "domain")
    text = render_file(
        file,
        [
            EVENT,
            make_event("a", tlp="amber"),
            make_event("b", tlp="amber", indicator="b.example"),
            make_event("r", tlp="red"),
        ],
    )
    assert text == snapshot("""\
value,description\r
b.example,"TLP:AMBER cf1-mcp sandbox, fictional events"\r
relay.example,"TLP:GREEN cf1-mcp sandbox, fictional events"\r
""")
    assert file.further_files() == []
    assert file.notes() == snapshot(
        [
            "Upload each file as a list of type DOMAIN.",
            "Shared and well-known infrastructure (content delivery networks, file sharing) is not filtered out (the extra cf1-mcp[warninglists] does that), and addresses change owners: review the list before you block anything with it.",
        ]
    )


def test_urls_that_differ_in_the_last_slash_are_one_entry() -> None:
    urls = [make_event(url, indicator_type="url", indicator=url) for url in ("https://a.example", "https://a.example/")]
    assert render_file(empty_file("gateway", kind="url"), urls).splitlines()[1:] == [
        'https://a.example,"TLP:GREEN cf1-mcp sandbox, fictional events"'
    ]


def test_entries_beyond_the_limit_of_a_list_go_to_further_files() -> None:
    file = empty_file("gateway", kind="domain")
    first = render_file(file, [make_event(f"{n:04}", indicator=f"h{n:04}.example") for n in range(2_001)])
    files = [first, *file.further_files()]
    assert [text.count("\r\n") - 1 for text in files] == [1_000, 1_000, 1]
    assert {text.splitlines()[0] for text in files} == {"value,description"}
    assert "3 files for 3 lists: a list has at most 1,000 entries on standard plans." in file.notes()


def test_a_file_stays_below_the_upload_limit() -> None:
    file = empty_file("gateway", kind="url")
    long = [
        make_event(str(n), indicator_type="url", indicator=f"https://a.example/{n:03}{'x' * 8_000}") for n in range(400)
    ]
    files = [render_file(file, long), *file.further_files()]
    assert [len(text) < 2_000_000 for text in files] == [True, True]


@pytest.mark.parametrize("kind", ["ip", "domain", "url"])
def test_hostile_events_give_two_plain_cells_per_line(kind: str) -> None:
    text = render_file(empty_file("gateway", kind=kind), [one for type_ in TYPES for one in hostile_events(type_)])
    rows = list(csv.reader(StringIO(text, newline="")))
    assert len(rows) > 1
    assert {len(row) for row in rows} == {2}
    assert not [cell for row in rows for cell in row if cell != cell.strip() or cell.startswith(("=", "+", "-", "@"))]
