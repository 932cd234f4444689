"""Lists for Cloudflare Gateway."""

import csv
from io import StringIO

import pytest
from inline_snapshot import snapshot

from cf1_mcp.models import Tlp
from tests.exports.making import EVENT, TYPES, event, export, hostile_events, written


def test_a_list_is_values_with_their_marking() -> None:
    file = export("gateway", Tlp.AMBER, "domain")
    text = written(
        file, [EVENT, event("a", tlp="amber"), event("b", tlp="amber", indicator="b.example"), event("r", tlp="red")]
    )
    assert text == snapshot("""\
value,description\r
b.example,"TLP:AMBER cf1-mcp sandbox, fictional events"\r
relay.example,"TLP:GREEN cf1-mcp sandbox, fictional events"\r
""")
    assert file.further_files() == []
    assert file.notes() == snapshot(
        (
            "Upload each file as a list of the type DOMAIN.",
            "Shared and well-known infrastructure (public resolvers, content networks, file sharing) is not filtered out, and addresses change hands: look through the list before anything blocks by it.",
        )
    )


def test_addresses_that_differ_in_the_last_slash_are_one_entry() -> None:
    urls = [event(url, indicator_type="url", indicator=url) for url in ("https://a.example", "https://a.example/")]
    assert written(export("gateway", kind="url"), urls).splitlines()[1:] == [
        'https://a.example,"TLP:GREEN cf1-mcp sandbox, fictional events"'
    ]


def test_more_than_a_list_takes_goes_into_further_files() -> None:
    file = export("gateway", kind="domain")
    first = written(file, [event(f"{n:04}", indicator=f"h{n:04}.example") for n in range(2_001)])
    files = [first, *file.further_files()]
    assert [text.count("\r\n") - 1 for text in files] == [1_000, 1_000, 1]
    assert {text.splitlines()[0] for text in files} == {"value,description"}
    assert "3 files for 3 lists: a list takes 1,000 entries on standard plans." in file.notes()


def test_a_file_stays_below_what_an_upload_takes() -> None:
    file = export("gateway", kind="url")
    long = [event(str(n), indicator_type="url", indicator=f"https://a.example/{n:03}{'x' * 8_000}") for n in range(400)]
    files = [written(file, long), *file.further_files()]
    assert [len(text) < 2_000_000 for text in files] == [True, True]


@pytest.mark.parametrize("kind", ["ip", "domain", "url"])
def test_hostile_events_make_two_plain_cells_a_line(kind: str) -> None:
    text = written(export("gateway", kind=kind), [one for type_ in TYPES for one in hostile_events(type_)])
    rows = list(csv.reader(StringIO(text, newline="")))
    assert len(rows) > 1
    assert {len(row) for row in rows} == {2}
    assert not [cell for row in rows for cell in row if cell != cell.strip() or cell.startswith(("=", "+", "-", "@"))]
