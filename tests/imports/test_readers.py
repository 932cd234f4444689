"""The readers of files: each format, and each way in which a file can be invalid."""

import gzip
import json
from pathlib import Path

import pytest
from inline_snapshot import snapshot

from cf1_mcp.errors import ThreatEventsError
from cf1_mcp.imports.readers.files import Format, detect_format
from cf1_mcp.imports.readers.json_stream import JsonStream
from cf1_mcp.imports.readers.source_rows import ReaderNotes
from cf1_mcp.imports.readers.sources import Source, read_file_rows
from cf1_mcp.imports.readers.stix.stix_patterns import read_pattern

GREEN = "marking-definition--bab4a63c-aed9-4cf5-a766-dfca5abac2bb"
RED_1 = "marking-definition--5e57c739-391a-4eb3-b6be-7d15ca92d5ed"
Read = tuple[list[dict[str, object]], list[str]]


def read(folder: Path, name: str, content: str | bytes, **source: dict[str, str] | Format) -> Read:
    """Return the rows of a file, without empty values, and the notes about it."""
    path = folder / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    notes = ReaderNotes()
    rows = list(read_file_rows(Source(path, **({"format": detect_format(path)} | source)), notes))  # pyright: ignore[reportArgumentType]
    listed: list[dict[str, object]] = []
    for one in rows:
        row: dict[str, object] = {"row": one.place, **one.fields}
        row |= {"ref": one.ref} if one.ref else {}
        row |= {"parents": [f"{parent.type} {parent.ref}" for parent in one.parents]} if one.parents else {}
        row |= {"problems": [*one.problems]} if one.problems else {}
        listed.append(row)
    return listed, notes.sentences()


def refused(folder: Path, name: str, content: str | bytes, **source: dict[str, str] | Format) -> str:
    with pytest.raises(ThreatEventsError) as error:
        read(folder, name, content, **source)
    return str(error.value)


# -- JSON Lines

ROW = '{"date": "2026-01-10", "category": "Phishing", "event": "x", "tlp": "green"}'


def test_rows_and_records_are_read_from_plain_and_gzipped_files(tmp_path: Path) -> None:
    record = {
        "ref": "b",
        "dataset": "elsewhere",
        "parents": [{"ref": "a", "type": "attributed_to"}],
        "body": {
            "event": "y",
            "targetCountry": "US",
            "createdAt": "2020-01-01T00:00:00Z",
            "indicators": [{"value": "192.0.2.1", "indicatorType": "ip"}],
            "raw": {"data": {"a": 1}, "source": "z"},
        },
    }
    lines = [ROW[:-1] + ', "ref": 7, "parent_ref": "b", "raw": {"k": 1}}', "", json.dumps(record)]
    plain = read(tmp_path, "rows.jsonl", "\n".join(lines))
    assert plain == snapshot(
        (
            [
                {
                    "row": 1,
                    "date": "2026-01-10",
                    "category": "Phishing",
                    "event": "x",
                    "tlp": "green",
                    "raw": {"data": {"k": 1}},
                    "ref": "7",
                    "parents": ["related_to b"],
                },
                {
                    "row": 3,
                    "event": "y",
                    "target_country": "US",
                    "indicators": [{"value": "192.0.2.1", "indicator_type": "ip"}],
                    "raw": {"data": {"a": 1}, "source": "z"},
                    "ref": "b",
                    "parents": ["attributed_to a"],
                },
            ],
            ["createdAt is not imported: the API sets it"],
        )
    )
    assert read(tmp_path, "rows.jsonl.gz", gzip.compress("\n".join(lines).encode())) == plain


@pytest.mark.parametrize(
    ("line", "problems"),
    [
        (
            ROW[:40],
            snapshot(
                [
                    "the line is not JSON (Unterminated string starting at at character 36), and the file ends within it: it may be truncated"
                ]
            ),
        ),
        ("[1]", snapshot(['the line is not a JSON object such as {"date": ..., "category": ...}'])),
        ('{"categry": "x"}', snapshot(["categry: a row has no such field, did you mean 'category'?"])),
        ('{"date": {"a": 1}}', snapshot(["date: not a text"])),
        (
            '{"relationship_type": "knows", "parent_ref": "a"}',
            snapshot(
                ["relationship_type: 'knows' is not a relationship type. Use related_to, caused_by, attributed_to"]
            ),
        ),
        (
            '{"relationship_type": "related_to"}',
            snapshot(["relationship_type: it requires a parent_ref"]),
        ),
        ('{"body": {"killChain": 3}}', snapshot(["body.killChain: a new event has no such field"])),
        ('{"body": {}, "parents": ["a"]}', snapshot(['parents: not a list of {"ref", "type"}'])),
        (
            '{"body": {"indicators": ["a.example"]}}',
            snapshot(['indicators: not a list of {"value", "indicatorType"}']),
        ),
        (
            "[" * 100_000,
            snapshot(["the line is not JSON (it is nested too deeply)"]),
        ),
    ],
    ids=["truncated", "list", "field", "object", "type", "no parent", "not settable", "parents", "indicators", "deep"],
)
def test_an_invalid_line_is_a_problem_of_that_line_only(tmp_path: Path, line: str, problems: list[str]) -> None:
    rows, _ = read(tmp_path, "rows.jsonl", f"{ROW}\n{line}")
    assert (rows[0]["row"], rows[1]["row"]) == (1, 2) and "problems" not in rows[0]
    assert rows[1]["problems"] == problems


def test_a_corrupt_gzip_file_is_reported(tmp_path: Path) -> None:
    packed = gzip.compress(ROW.encode())
    assert refused(tmp_path, "rows.jsonl.gz", packed[:-6]) == snapshot(
        "'rows.jsonl.gz' is a corrupt gzip file (Compressed file ended before the end-of-stream marker was reached). Download or compress it again."
    )


# -- CSV

HEAD = "Date,Category,Title,TLP"
LINE = "2026-01-10,Phishing,x,green"


@pytest.mark.parametrize(
    ("content", "read_as"),
    [
        (
            "\ufeffFirst Seen,THREAT_TYPE,Description,TLP marking\n2026-01-10,Phishing,x,green\n",
            snapshot(([{"row": 2, "date": "2026-01-10", "category": "Phishing", "event": "x", "tlp": "green"}], [])),
        ),
        (
            "date;category;title;tlp;ioc;type\n2026-01-10;Phishing;a;green;a.example.com;domain\n",
            snapshot(
                (
                    [
                        {
                            "row": 2,
                            "date": "2026-01-10",
                            "category": "Phishing",
                            "event": "a",
                            "tlp": "green",
                            "indicator": "a.example.com",
                            "indicator_type": "domain",
                        }
                    ],
                    [],
                )
            ),
        ),
        (
            "date\tcategory\ttitle\ttlp\tthreat actor\n2026-01-10\tPhishing\ta\tgreen\tAPT 1\n",
            snapshot(
                (
                    [
                        {
                            "row": 2,
                            "date": "2026-01-10",
                            "category": "Phishing",
                            "event": "a",
                            "tlp": "green",
                            "attacker": "APT 1",
                        }
                    ],
                    [],
                )
            ),
        ),
        (
            f'{HEAD},tags,raw,confidence\n{LINE},a; b,"{{""k"": 1}}",80\n\n',
            snapshot(
                (
                    [
                        {
                            "row": 2,
                            "date": "2026-01-10",
                            "category": "Phishing",
                            "event": "x",
                            "tlp": "green",
                            "tags": ["a", "b"],
                            "raw": {"data": {"k": 1}},
                        }
                    ],
                    ["column 'confidence' is left out: its name does not match a field of an event"],
                )
            ),
        ),
        (
            f"{HEAD},sector\n2026-01-10,Phishing,caf\xe9,green,Banking\n".encode("latin-1"),
            snapshot(
                (
                    [
                        {
                            "row": 2,
                            "date": "2026-01-10",
                            "category": "Phishing",
                            "event": "café",
                            "tlp": "green",
                            "target_industry": "Banking",
                        }
                    ],
                    ["the file is not UTF-8: it is read as Windows-1252 (Latin-1)"],
                )
            ),
        ),
        (
            f"{HEAD},id,parent,relationship\n{LINE},b,a,caused-by\n",
            snapshot(
                (
                    [
                        {
                            "row": 2,
                            "date": "2026-01-10",
                            "category": "Phishing",
                            "event": "x",
                            "tlp": "green",
                            "ref": "b",
                            "parents": ["caused_by a"],
                        }
                    ],
                    [],
                )
            ),
        ),
        (
            f'{HEAD}\n"2026-01-10",Phishing,"two\nlines",green\n{LINE}\n'.encode("utf-16"),
            snapshot(
                (
                    [
                        {
                            "row": 2,
                            "date": "2026-01-10",
                            "category": "Phishing",
                            "event": """\
two
lines\
""",
                            "tlp": "green",
                        },
                        {"row": 4, "date": "2026-01-10", "category": "Phishing", "event": "x", "tlp": "green"},
                    ],
                    [],
                )
            ),
        ),
    ],
    ids=["byte-order mark", "semicolons", "tabs", "structured", "Latin-1", "links", "UTF-16 and a long row"],
)
def test_common_variants_of_csv_are_read(tmp_path: Path, content: str | bytes, read_as: Read) -> None:
    assert read(tmp_path, "rows.csv", content) == read_as


def test_columns_are_mapped_and_left_out_columns_are_reported(tmp_path: Path) -> None:
    content = "Datum,Kategorie,Titel,TLP,Date\n2026-01-10,Phishing,x,green,never\n"
    mapping = {"datum": "date", "Kategorie": "category", "Titel": "event"}
    assert read(tmp_path, "rows.csv", content, mapping=mapping) == snapshot(
        (
            [{"row": 2, "date": "2026-01-10", "category": "Phishing", "event": "x", "tlp": "green"}],
            ["column 'Date' is left out: another column is already read as date"],
        )
    )


@pytest.mark.parametrize(
    ("content", "mapping", "words"),
    [
        (
            "Datum,Category,TLP\n2026-01-10,Phishing,green\n",
            {},
            snapshot(
                "the file has no column for date or event: its columns are these. Name the column with --map COLUMN=FIELD, or set the same value for all rows with --set FIELD=VALUE. ('Datum'; 'Category'; 'TLP')"
            ),
        ),
        (
            "",
            {},
            snapshot(
                "the file has no column for date, category, event or tlp: its columns are none. Name the column with --map COLUMN=FIELD, or set the same value for all rows with --set FIELD=VALUE."
            ),
        ),
        (
            f"{HEAD}\n{LINE}\n",
            {"Datum": "date"},
            snapshot("--map: there is no column 'Datum'. The columns are these. ('Date'; 'Category'; 'Title'; 'TLP')"),
        ),
        (
            f"{HEAD}\n{LINE}\n",
            {"Title": "titel"},
            snapshot(
                "--map: rows have no field 'titel'. Use date, category, event, tlp, attacker, attacker_country, target_country, target_industry, indicator, indicator_type, insight, tags, raw, ref, parent_ref or relationship_type."
            ),
        ),
    ],
    ids=["missing columns", "empty", "no such column", "no such field"],
)
def test_a_table_without_required_columns_is_refused(
    tmp_path: Path, content: str, mapping: dict[str, str], words: str
) -> None:
    assert refused(tmp_path, "rows.csv", content, mapping=mapping) == words


@pytest.mark.parametrize(
    ("line", "problems"),
    [
        (
            f"2026-01-10,Phishing,{'x' * 1_000_000},green",
            snapshot(["event: the cell has 1,000,000 characters, and at most 100,000 are read"]),
        ),
        ("2026-01-10,Phishing,x", snapshot(["the row has 3 cells under 4 columns"])),
        ("2026-01-10", snapshot(["the row has 1 cell under 4 columns"])),
        (LINE + ",more", snapshot(["the row has 5 cells under 4 columns"])),
        ('2026-01-10,"Phishing"x,x,green', snapshot(["the row cannot be read as CSV (',' expected after '\"')"])),
        ('2026-01-10,Phishing,"x,green', snapshot(["the row cannot be read as CSV (unexpected end of data)"])),
    ],
    ids=["a cell of 1 MB", "too few cells", "one cell", "too many cells", "a quote amid a cell", "a quote without end"],
)
def test_an_invalid_row_is_a_problem_of_that_row_only(tmp_path: Path, line: str, problems: list[str]) -> None:
    rows, _ = read(tmp_path, "rows.csv", f"{HEAD}\n{LINE}\n{line}")
    assert "problems" not in rows[0]
    assert (rows[1]["row"], rows[1]["problems"]) == (3, problems)


def test_rows_after_an_invalid_one_are_read(tmp_path: Path) -> None:
    rows, _ = read(tmp_path, "rows.csv", f'{HEAD}\n2026-01-10,"a"b,x,green\n{LINE}\n')
    assert [(one["row"], "problems" in one) for one in rows] == [(2, True), (3, False)]


# -- STIX


def stix(kind: str, number: str, /, **fields: object) -> dict[str, object]:
    made = "2026-01-10T00:00:00.000Z"
    return {"type": kind, "spec_version": "2.1", "id": f"{kind}--{number}", "created": made, "modified": made, **fields}


def indicator(name: str, pattern: str, **fields: object) -> dict[str, object]:
    return stix("indicator", name, pattern=pattern, valid_from="2026-01-11T00:00:00Z", name=f"I{name}", **fields)


def related(name: str, source: str, kind: str, target: str) -> dict[str, object]:
    return stix("relationship", name, source_ref=source, relationship_type=kind, target_ref=target)


def bundle(*objects: object, **fields: object) -> str:
    return json.dumps({"type": "bundle", "id": "bundle--1", **fields, "objects": [*objects]})


def test_a_bundle_becomes_rows_with_the_fields_of_related_objects(tmp_path: Path) -> None:
    content = bundle(
        indicator(
            "1", "[domain-name:value = 'a.example.com' OR ipv4-addr:value = '192.0.2.1']", object_marking_refs=[GREEN]
        ),
        indicator("2", "[file:hashes.'SHA-256' = 'ab']", labels=["seen"], object_marking_refs=[GREEN, RED_1]),
        stix(
            "report",
            "1",
            name="The report",
            published="2026-01-12T00:00:00Z",
            object_refs=["indicator--1", "indicator--2"],
            object_marking_refs=["marking-definition--own"],
        ),
        {
            "type": "marking-definition",
            "spec_version": "2.1",
            "id": "marking-definition--own",
            "created": "2026-01-10T00:00:00.000Z",
            "name": "TLP:AMBER+STRICT",
        },
        stix("intrusion-set", "1", name="VELVET"),
        stix(
            "attack-pattern",
            "1",
            name="Phishing",
            external_references=[{"source_name": "mitre-attack", "external_id": "T1566"}],
        ),
        stix("identity", "1", name="Agriculture", identity_class="class"),
        stix("location", "1", country="US"),
        stix("sighting", "1", sighting_of_ref="indicator--1", last_seen="2026-01-20T00:00:00Z"),
        related("1", "indicator--1", "indicates", "intrusion-set--1"),
        related("2", "indicator--1", "indicates", "attack-pattern--1"),
        related("3", "indicator--1", "targets", "identity--1"),
        related("4", "indicator--1", "targets", "location--1"),
        related("5", "indicator--2", "derived-from", "indicator--1"),
    )
    assert read(tmp_path, "bundle.json", content) == snapshot(
        (
            [
                {
                    "row": 3,
                    "date": "2026-01-12T00:00:00Z",
                    "event": "The report",
                    "tlp": "TLP:AMBER+STRICT",
                    "tags": [],
                    "raw": {"data": {"stix": {"id": "report--1"}}},
                    "ref": "report--1",
                },
                {
                    "row": 1,
                    "date": "2026-01-20T00:00:00Z",
                    "event": "I1",
                    "tlp": "green",
                    "target_industry": "Agriculture",
                    "attacker": "VELVET",
                    "target_country": "US",
                    "tags": ["T1566"],
                    "raw": {
                        "data": {
                            "stix": {
                                "id": "indicator--1",
                                "pattern": "[domain-name:value = 'a.example.com' OR ipv4-addr:value = '192.0.2.1']",
                            }
                        }
                    },
                    "indicator": "a.example.com",
                    "indicator_type": "domain",
                    "ref": "indicator--1",
                    "parents": ["related_to report--1"],
                },
                {
                    "row": 1,
                    "date": "2026-01-20T00:00:00Z",
                    "event": "I1",
                    "tlp": "green",
                    "target_industry": "Agriculture",
                    "attacker": "VELVET",
                    "target_country": "US",
                    "tags": ["T1566"],
                    "raw": {
                        "data": {
                            "stix": {
                                "id": "indicator--1",
                                "pattern": "[domain-name:value = 'a.example.com' OR ipv4-addr:value = '192.0.2.1']",
                            }
                        }
                    },
                    "indicator": "192.0.2.1",
                    "indicator_type": "ip",
                    "ref": "indicator--1#1",
                    "parents": ["related_to report--1"],
                },
                {
                    "row": 2,
                    "date": "2026-01-11T00:00:00Z",
                    "event": "I2",
                    "tlp": "red",
                    "tags": ["seen"],
                    "raw": {"data": {"stix": {"id": "indicator--2", "pattern": "[file:hashes.'SHA-256' = 'ab']"}}},
                    "indicator": "ab",
                    "indicator_type": "hash",
                    "ref": "indicator--2",
                    "parents": ["related_to report--1", "caused_by indicator--1"],
                },
            ],
            [],
        )
    )


def test_parts_of_a_bundle_that_cannot_be_imported_are_counted(tmp_path: Path) -> None:
    content = bundle(
        indicator("1", "[domain-name:value LIKE '%.example.com']"),
        indicator("2", "[url:value = 'http://192.0.2.1/']", object_marking_refs=["marking-definition--gone"]),
        stix("x-thing", "1"),
        stix("x-thing", "2"),
        stix("grouping", "1", name="G", object_refs=["indicator--9", "indicator--1"]),
        related("1", "indicator--1", "related-to", "indicator--2"),
        related("2", "indicator--2", "related-to", "indicator--1"),
        related("3", "indicator--7", "indicates", "malware--7"),
        "no object",
    )
    assert read(tmp_path, "bundle.json", content) == snapshot(
        (
            [
                {
                    "row": 5,
                    "date": "2026-01-10T00:00:00.000Z",
                    "event": "G",
                    "tags": [],
                    "raw": {"data": {"stix": {"id": "grouping--1"}}},
                    "ref": "grouping--1",
                },
                {
                    "row": 1,
                    "date": "2026-01-11T00:00:00Z",
                    "event": "I1",
                    "tags": [],
                    "raw": {
                        "data": {"stix": {"id": "indicator--1", "pattern": "[domain-name:value LIKE '%.example.com']"}}
                    },
                    "ref": "indicator--1",
                    "parents": ["related_to grouping--1"],
                },
                {
                    "row": 2,
                    "date": "2026-01-11T00:00:00Z",
                    "event": "I2",
                    "tags": [],
                    "raw": {"data": {"stix": {"id": "indicator--2", "pattern": "[url:value = 'http://192.0.2.1/']"}}},
                    "indicator": "http://192.0.2.1/",
                    "indicator_type": "url",
                    "ref": "indicator--2",
                    "parents": ["related_to indicator--1"],
                    "problems": [
                        "object_marking_refs: 'marking-definition--gone' is not in the bundle, so it may be any marking"
                    ],
                },
            ],
            [
                "an object of type 'x-thing' is not imported (2 times)",
                "an element of the bundle is not a STIX object (at 9)",
                "a reference to an object that is not imported, such as 'indicator--9' (2 times)",
                "a reference to an object that is not imported, such as 'indicator--7'",
                "objects refer to each other in a circle: one link is left out",
                "a pattern is not a list of values: its event has no indicator, and keeps the pattern as evidence",
            ],
        )
    )


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (
            bundle(spec_version="2.0"),
            snapshot(
                "The bundle is STIX '2.0', but only 2.1 is supported. Convert it first, for example with the STIX elevator, or export it as 2.1."
            ),
        ),
        (
            bundle({"type": "indicator", "id": "indicator--1", "pattern": "[a:b = 'c']"}),
            snapshot(
                "The bundle is STIX '2.0', but only 2.1 is supported. Convert it first, for example with the STIX elevator, or export it as 2.1."
            ),
        ),
        (
            bundle(indicator("1", "[a:b = 'c']"))[:-40],
            snapshot(
                "At character 51 of the file a complete JSON value is expected and the file ends there: it may be truncated. Download or create it again."
            ),
        ),
        (
            '{"type": "thing", "objects": []}',
            snapshot(
                'The file is neither a STIX bundle ("type": "bundle") nor a TAXII envelope ({"objects": [...]}). Name its real format.'
            ),
        ),
        (
            '{"objects": [], "type" "bundle"}',
            snapshot("At character 24 of the file : is expected. Download or create it again."),
        ),
    ],
    ids=["version of the bundle", "version of an object", "cut", "not a bundle", "not JSON"],
)
def test_a_file_that_is_not_a_stix_21_bundle_is_refused(tmp_path: Path, content: str, words: str) -> None:
    assert refused(tmp_path, "bundle.json", content, format="stix") == words


@pytest.mark.parametrize(
    ("pattern", "found"),
    [
        ("[domain-name:value = 'a.example']", ["domain a.example"]),
        ("[ipv4-addr:value IN ('192.0.2.1', '192.0.2.2')]", ["ip 192.0.2.1", "ip 192.0.2.2"]),
        (r"[url:value = 'http://a.example/\'q\'']", ["url http://a.example/'q'"]),
        ("[file:hashes.MD5 = 'ab' AND file:name = 'x.exe']", ["hash ab"]),
        ("[domain-name:value = 'a.example'] FOLLOWEDBY [domain-name:value = 'b.example']", []),
        ("[domain-name:value != 'a.example']", []),
        ("[NOT domain-name:value = 'a.example']", []),
        ("[process:name = 'x']", []),
        ("[" * 50_000, []),
        ("'" * 50_000, []),
    ],
)
def test_indicators_are_read_from_plain_patterns_only(pattern: str, found: list[str]) -> None:
    assert [f"{one.type} {one.value}" for one in read_pattern(pattern)] == found


# -- MISP


def test_a_misp_event_is_the_parent_of_its_attributes(tmp_path: Path) -> None:
    event = {
        "uuid": "e1",
        "info": "Stealer wave",
        "date": "2026-01-10",
        "Tag": [{"name": "tlp:green"}, {"name": 'misp-galaxy:threat-actor="APT 1"'}, {"name": "stealer"}],
        "Attribute": [
            {"uuid": "a1", "type": "domain|ip", "value": "b.example.com|192.0.2.9", "to_ids": True, "comment": "panel"},
            {"uuid": "a2", "type": "text", "value": "hi"},
            {"uuid": "a3", "type": "domain", "value": "gone.example.com", "deleted": True},
        ],
        "Object": [
            {
                "name": "file",
                "Attribute": [
                    {
                        "uuid": "a4",
                        "type": "md5",
                        "value": "ab",
                        "first_seen": "2026-01-12T00:00:00+00:00",
                        "Tag": [{"name": "tlp:amber"}, {"name": 'misp-galaxy:mitre-attack-pattern="Phishing - T1566"'}],
                    }
                ],
            }
        ],
    }
    single = read(tmp_path, "event.json", json.dumps({"Event": event}))
    assert single == snapshot(
        (
            [
                {
                    "row": 1,
                    "date": "2026-01-10",
                    "event": "Stealer wave",
                    "tlp": "green",
                    "attacker": "APT 1",
                    "tags": ["stealer"],
                    "raw": {"data": {"misp": {"uuid": "e1"}}},
                    "ref": "e1",
                },
                {
                    "row": 2,
                    "date": "2026-01-10",
                    "event": "Stealer wave",
                    "tlp": "green",
                    "attacker": "APT 1",
                    "tags": ["stealer"],
                    "raw": {
                        "data": {
                            "misp": {
                                "uuid": "a1",
                                "type": "domain|ip",
                                "to_ids": True,
                                "value": "b.example.com|192.0.2.9",
                            }
                        }
                    },
                    "insight": "panel",
                    "indicator": "b.example.com",
                    "indicator_type": "domain",
                    "ref": "a1",
                    "parents": ["related_to e1"],
                },
                {
                    "row": 3,
                    "date": "2026-01-10",
                    "event": "Stealer wave",
                    "tlp": "green",
                    "attacker": "APT 1",
                    "tags": ["stealer"],
                    "raw": {
                        "data": {
                            "misp": {
                                "uuid": "a1",
                                "type": "domain|ip",
                                "to_ids": True,
                                "value": "b.example.com|192.0.2.9",
                            }
                        }
                    },
                    "insight": "panel",
                    "indicator": "192.0.2.9",
                    "indicator_type": "ip",
                    "ref": "a1#1",
                    "parents": ["related_to e1"],
                },
                {
                    "row": 4,
                    "date": "2026-01-12T00:00:00+00:00",
                    "event": "Stealer wave",
                    "tlp": "amber",
                    "attacker": "APT 1",
                    "tags": ["T1566", "stealer"],
                    "raw": {"data": {"misp": {"uuid": "a4", "type": "md5", "value": "ab"}}},
                    "indicator": "ab",
                    "indicator_type": "hash",
                    "ref": "a4",
                    "parents": ["related_to e1"],
                },
            ],
            ["an attribute of type 'text' is not an indicator and is not imported", "a deleted attribute is left out"],
        )
    )
    assert read(tmp_path, "events.json", json.dumps({"response": [{"Event": event}]})) == single
    assert read(tmp_path, "list.json", json.dumps([{"Event": event}])) == single


@pytest.mark.parametrize(
    ("timestamp", "date"),
    [("1768003200", "2026-01-10T00:00:00Z"), ("soon", None), ("9" * 12, None)],
)
def test_a_misp_event_without_a_date_has_that_of_its_timestamp(
    tmp_path: Path, timestamp: str, date: str | None
) -> None:
    rows, _ = read(tmp_path, "event.json", json.dumps({"Event": {"info": "x", "timestamp": timestamp}}))
    assert [row.get("date") or None for row in rows] == [date]


def test_json_that_is_not_a_misp_export_is_refused(tmp_path: Path) -> None:
    assert refused(tmp_path, "event.json", '{"response": []}') == snapshot(
        'The file contains no MISP event: {"Event": ...}, {"response": [...]} or an event itself is expected.'
    )


# -- documents and formats


def test_a_long_document_is_read_correctly_across_chunk_boundaries(tmp_path: Path) -> None:
    elements = [{"n": number, "text": "\u00e9\u4e2d" * 900} for number in range(400)]
    path = tmp_path / "long.json"
    path.write_text(json.dumps({"a": [1, {"b": 2}], "list": elements, "end": 12345}, ensure_ascii=False), "utf-8")
    found: dict[str, object] = {}
    with path.open("rb") as file:
        stream = JsonStream(file)
        for key in stream.members():
            found[key] = list(stream.elements()) if key == "list" else stream.value()
    assert found == {"a": [1, {"b": 2}], "list": elements, "end": 12345}


@pytest.mark.parametrize(
    ("name", "content", "form"),
    [
        ("a.ndjson", "", "jsonl"),
        ("a.tsv", "", "csv"),
        ("a.txt", "date,event", "csv"),
        ("a.json", ' {"type": "bundle", "objects": []}', "stix"),
        ("a.json", '{"Event": {}}', "misp"),
        ("a.json", f"{ROW}\n{ROW}\n", "jsonl"),
        ("a.json", '{"date": "2026-01-10"}', "jsonl"),
    ],
)
def test_a_format_is_detected(tmp_path: Path, name: str, content: str, form: str) -> None:
    path = tmp_path / name
    path.write_text(content, encoding="utf-8")
    assert detect_format(path) == form


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        (
            "a.json",
            "[]",
            snapshot("'a.json': its format cannot be detected. Set it with --format jsonl, csv, stix or misp."),
        ),
        (
            "a.bin",
            "",
            snapshot("'a.bin': its format cannot be detected. Set it with --format jsonl, csv, stix or misp."),
        ),
    ],
    ids=["list", "empty"],
)
def test_an_unknown_format_must_be_named(tmp_path: Path, name: str, content: str, words: str) -> None:
    assert refused(tmp_path, name, content) == words


def test_a_missing_file_is_reported(tmp_path: Path) -> None:
    with pytest.raises(ThreatEventsError) as error:
        list(read_file_rows(Source(tmp_path / "none.jsonl", "jsonl"), ReaderNotes()))
    assert str(error.value) == snapshot(
        "'none.jsonl' cannot be read: No such file or directory. Use the path of a file of events."
    )
