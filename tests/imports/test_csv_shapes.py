"""Tables as feeds, vendors and people write them."""

import pytest

from cf1_mcp.errors import BadFile
from cf1_mcp.imports.readers.source_rows import ReaderNotes, SourceRow
from cf1_mcp.imports.readers.sources import read_text_rows

SET = {"date": "2026-01-10", "category": "Phishing", "event": "Lure", "tlp": "green"}
SHA256 = "ab" * 32


def read(text: str, **constants: str) -> tuple[list[SourceRow], ReaderNotes]:
    notes = ReaderNotes()
    return [*read_text_rows(text, "csv", {**SET, **constants}, notes)], notes


def found(rows: list[SourceRow]) -> list[tuple[object, object]]:
    return [(row.fields.get("indicator"), row.fields.get("indicator_type")) for row in rows]


def test_types_in_the_column_of_indicators_are_types_and_the_values_are_in_the_next() -> None:
    rows, notes = read(f"Indicator,Data,Note\nip address,192.0.2.67,C2\nSHA256 hash,{SHA256},DLL\n")
    assert found(rows) == [("192.0.2.67", "ip address"), (SHA256, "SHA256 hash")]
    assert ([row.fields["insight"] for row in rows], notes.sentences()) == (["C2", "DLL"], [])


def test_types_without_a_column_of_values_are_refused_with_the_option_that_helps() -> None:
    with pytest.raises(BadFile, match="--map COLUMN=indicator"):
        read("Indicator,Something\nip address,first\nmd5,second\n")


def test_a_description_beside_an_indicator_is_the_title_of_each() -> None:
    rows, _ = read("Indicator,Description\n192.0.2.1,C2\nbad.example,C2\n")
    assert found(rows) == [("192.0.2.1", None), ("bad.example", None)]
    assert [row.fields["event"] for row in rows] == ["C2", "C2"]


@pytest.mark.parametrize(
    ("column", "value", "kind"),
    [
        ("ip", "192.0.2.1", "ip"),
        ("IP Address", "192.0.2.1", "ip"),
        ("dst_ip", "192.0.2.1", "ip"),
        ("domain", "bad.example", "domain"),
        ("Hostname", "192.0.2.1", None),
        ("url", "http://bad.example/x", "url"),
        ("hash", SHA256, "hash"),
        ("sha256", SHA256, "hash"),
        ("email", "a@bad.example", "email"),
        ("ip", "not an ip", "ip"),
    ],
)
def test_a_column_of_one_kind_of_value_is_an_indicator(column: str, value: str, kind: str | None) -> None:
    rows, notes = read(f"date,category,event,{column},tlp\n2026-01-10,Phishing,Lure,{value},green\n")
    assert (found(rows), notes.sentences()) == ([(value, kind)], [])


@pytest.mark.parametrize("column", ["ioc", "value", "observable", "artifact"])
def test_a_column_of_any_value_has_no_type_yet(column: str) -> None:
    rows, _ = read(f"{column}\nbad.example\n")
    assert found(rows) == [("bad.example", None)]


def test_several_values_of_a_row_are_indicators_of_one_event() -> None:
    rows, _ = read(f"ip,domain,sha256\n192.0.2.1,bad.example,{SHA256}\n,,{SHA256}\n")
    assert rows[0].fields["indicators"] == [
        {"value": "192.0.2.1", "indicator_type": "ip"},
        {"value": "bad.example", "indicator_type": "domain"},
        {"value": SHA256, "indicator_type": "hash"},
    ]
    assert found(rows[1:]) == [(SHA256, "hash")]


@pytest.mark.parametrize(
    "text",
    [
        "# a feed\n#\n# made today\nip,date\n192.0.2.1,2026-01-10\n",
        "# a feed\n# ip,date\n192.0.2.1,2026-01-10\n",
        '# a feed\n# "ip", "date"\n"192.0.2.1","2026-01-10"\n# the end\n',
        "ip,date\n# a comment, of three, cells\n192.0.2.1,2026-01-10\n",
    ],
)
def test_comment_lines_are_left_out_and_may_have_the_header(text: str) -> None:
    rows, notes = read(text)
    assert found(rows) == [("192.0.2.1", "ip")]
    assert [note.partition(" (")[0] for note in notes.sentences()] == ["a comment line is left out"]


def test_a_title_with_a_number_sign_is_not_a_comment() -> None:
    rows, notes = read("event,ip\n#1 botnet,192.0.2.1\n")
    assert (rows[0].fields["event"], notes.sentences()) == ("#1 botnet", [])


@pytest.mark.parametrize(
    ("header", "date"),
    [
        ("first_seen_utc,last_seen_utc", "2026-01-01"),
        ("last_seen_utc,first_seen_utc", "2026-01-02"),
        ("dateadded,last_online", "2026-01-01"),
        ("updated,created", "2026-01-02"),
    ],
)
def test_the_date_nearest_to_the_event_is_read(header: str, date: str) -> None:
    rows, _ = read(f"{header},ip\n2026-01-01,2026-01-02,192.0.2.1\n")
    assert rows[0].fields["date"] == date


def test_rows_that_differ_only_in_an_unread_column_are_not_one_event() -> None:
    rows, _ = read(
        "date,category,event,wallet,tlp\n" + "".join(f"2026-01-10,Phishing,Lure,w{n},green\n" for n in range(3))
    )
    assert [bool(row.problems) for row in rows] == [False, True, True]
    assert rows[1].problems[0].endswith("name the column of indicators with --map COLUMN=indicator")


def test_an_escaped_formula_is_read_as_it_was() -> None:
    rows, _ = read("event,tags,ip\n'=1+1,'+a; b,192.0.2.1\n'quoted',c,192.0.2.2\n")
    assert [(row.fields["event"], row.fields["tags"]) for row in rows] == [("=1+1", ["+a", "b"]), ("'quoted'", ["c"])]


MISP_HEADER = "uuid,event_id,category,type,value,comment,to_ids,date,attribute_tag,event_info,event_tag,deleted"


def test_a_csv_export_of_misp_is_read_by_its_own_columns() -> None:
    lines = [
        'u1,7,Network activity,domain|ip,a.example|192.0.2.1,seen,1,1767225600,"tlp:green,beacon",Relays,tlp:amber,0',
        "u2,7,Artifacts dropped,mutex,m,,1,1767225600,,Relays,tlp:amber,0",
        "u3,7,Other,comment,c,,0,1767225600,,Relays,tlp:amber,0",
        "u4,7,Network activity,ip-dst,192.0.2.9,,1,1767225600,,Relays,tlp:amber,1",
    ]
    rows, notes = read("\n".join([MISP_HEADER, *lines]))
    assert found(rows) == [("a.example", "domain"), ("192.0.2.1", "ip")]
    fields = {name: rows[0].fields[name] for name in ("event", "date", "insight", "tags", "tlp")}
    assert fields == {
        "event": "Relays",
        "date": "2026-01-01T00:00:00Z",
        "insight": "seen",
        "tags": ["beacon"],
        "tlp": "green",
    }
    assert rows[0].least is not None and rows[0].least.level == "amber"
    assert (notes.sentences(), [*notes.lost.values()]) == (
        [
            "an attribute of type 'mutex' is not an indicator and is not imported, although it is for detection (at 3)",
            "an attribute of type 'comment' is not an indicator and is not imported",
            "a deleted attribute is left out",
        ],
        [[3]],
    )


@pytest.mark.parametrize(
    ("text", "values"),
    [
        ("192.0.2.1\n192.0.2.2\n", ["192.0.2.1", "192.0.2.2"]),
        ("192[.]0[.]2[.]1", ["192[.]0[.]2[.]1"]),
        ("# a list\n\n192.0.2.1:443\nbad.example\n", ["192.0.2.1:443", "bad.example"]),
        ("http://bad.example/a;b,c\nhttp://bad.example/d,e\n", ["http://bad.example/a;b,c", "http://bad.example/d,e"]),
        ('"192.0.2.1"\n"192.0.2.2"\n', ["192.0.2.1", "192.0.2.2"]),
        (f"\ufeff{SHA256}\r\nbad.example\r\n", [SHA256, "bad.example"]),
        ("192.0.2.1,192.0.2.2\n192.0.2.3\n", ["192.0.2.1,192.0.2.2", "192.0.2.3"]),
    ],
)
def test_a_list_without_a_header_is_read_from_its_first_line(text: str, values: list[str]) -> None:
    rows, _ = read(text)
    assert [(row.fields["indicator"], row.problems) for row in rows] == [(value, ()) for value in values]


@pytest.mark.parametrize(
    "text", ["192.0.2.1,C2\n192.0.2.2,C2\n", "2026-01-10;bad.example;phishing\n", "ip,192.0.2.1\n"]
)
def test_a_table_without_a_header_is_refused(text: str) -> None:
    with pytest.raises(BadFile, match="Put a line of names above it"):
        read(text)


@pytest.mark.parametrize("header", ["IP-Adresse", "adres", "Kompromittierung"])
def test_a_column_of_an_unknown_name_that_has_only_indicators_is_that_of_the_indicators(header: str) -> None:
    rows, notes = read(f"{header},Anzahl\n192.0.2.1,7\n-,3\nbad.example,7\n")
    assert [row.fields.get("indicator") for row in rows if not row.problems] == ["192.0.2.1", None, "bad.example"]
    assert f"column '{header}' is read as indicator" in notes.sentences()[0]


@pytest.mark.parametrize("text", ["a,b\n192.0.2.1,192.0.2.2\n", "a,b\n192.0.2.1,x\nnothing known,y\n"])
def test_a_table_of_which_no_column_is_certainly_that_of_the_indicators_says_so(text: str) -> None:
    rows, notes = read(text)
    assert "indicator" not in rows[0].fields
    assert notes.sentences()[0].startswith("no column is read as indicator, although 'a'")


@pytest.mark.parametrize("column", ["reference", "report link", "victim", "file", "version"])
def test_a_column_that_is_about_something_else_is_not_read_as_indicators(column: str) -> None:
    rows, _ = read(f"{column},count\n192.0.2.1,7\n")
    assert "indicator" not in rows[0].fields


def test_blanks_after_a_separator_and_a_named_separator_are_read() -> None:
    assert found(read('"ioc_value","ioc_type"\n"192.0.2.9:443", "ip:port"\n')[0]) == [("192.0.2.9:443", "ip:port")]
    assert found(read("sep=;\nindicator;event\n192.0.2.1;a, b, c and d\n")[0]) == [("192.0.2.1", None)]
    assert found(read('"sep=,"\nindicator,event\n192.0.2.1,a\n')[0]) == [("192.0.2.1", None)]


@pytest.mark.parametrize("cell", ["-", "N/A", "none", "NULL", "\u2013", " - "])
def test_a_cell_that_says_that_there_is_no_value_is_blank(cell: str) -> None:
    rows, _ = read(f"indicator,event\n{cell},x\n")
    assert (found(rows), rows[0].problems) == ([(None, None)], ())
    assert found(read(f"ip,event\n{cell},x\n")[0]) == [(None, None)]
