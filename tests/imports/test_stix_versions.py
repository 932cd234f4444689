"""STIX: versions, revocation, what relationships say, envelopes, patterns and what cannot be kept."""

import json

import pytest

from cf1_mcp.errors import BadFile
from cf1_mcp.imports.readers.files import detect_json_format
from cf1_mcp.imports.readers.source_rows import ReaderNotes, SourceRow
from cf1_mcp.imports.readers.sources import read_text_rows
from cf1_mcp.imports.readers.stix.stix_patterns import read_pattern

Json = dict[str, object]
VALUE = "[domain-name:value = '{}.example']"


def indicator(key: str, **more: object) -> Json:
    time = "2026-01-01T00:00:00Z"
    return {
        **{"type": "indicator", "id": f"indicator--{key}", "spec_version": "2.1", "name": key, "created": time},
        **{"modified": time, "valid_from": time, "pattern": VALUE.format(key), "pattern_type": "stix"},
        **more,
    }


def related(source: str, kind: str, target: str, **more: object) -> Json:
    name = f"relationship--{source}-{kind}-{target}"
    ends = {"source_ref": source, "relationship_type": kind, "target_ref": target}
    return {"type": "relationship", "id": name, "spec_version": "2.1", **ends, **more}


ACTOR: Json = {"type": "intrusion-set", "id": "intrusion-set--1", "name": "COPPER LANTERN"}
SECTOR: Json = {"type": "identity", "id": "identity--1", "name": "Energy", "identity_class": "class"}
PLACE: Json = {"type": "location", "id": "location--1", "country": "DE"}


def read(*objects: Json, envelope: Json | None = None) -> tuple[list[SourceRow], ReaderNotes]:
    notes = ReaderNotes()
    around: Json = {"type": "bundle", "id": "bundle--1"} if envelope is None else envelope
    return [*read_text_rows(json.dumps({**around, "objects": objects}), "stix", {}, notes)], notes


def values(rows: list[SourceRow]) -> list[object]:
    return [row.fields.get("indicator") for row in rows]


def test_a_revoked_indicator_is_left_out_and_counted() -> None:
    rows, notes = read(indicator("a"), indicator("b", revoked=True))
    assert (values(rows), notes.sentences()) == (
        ["a.example"],
        ["an object of type 'indicator' is revoked and left out"],
    )


@pytest.mark.parametrize("times", [("2026-01-02", "2026-01-03"), ("2026-01-03", "2026-01-02")])
def test_the_newest_version_wins_in_any_order(times: tuple[str, str]) -> None:
    rows, notes = read(*(indicator("a", name=time, modified=f"{time}T00:00:00Z") for time in times))
    assert [row.fields["event"] for row in rows] == ["2026-01-03"]
    assert notes.sentences() == ["an object has several versions: the newest is imported"]


@pytest.mark.parametrize(
    ("modified", "left"), [("2026-01-01T00:00:00.5Z", []), ("2025-01-01T00:00:00Z", ["a.example"])]
)
def test_a_later_version_revokes_and_an_earlier_does_not(modified: str, left: list[str]) -> None:
    rows, _ = read(indicator("a"), indicator("a", modified=modified, revoked=True))
    assert values(rows) == left


def test_a_revoked_relationship_says_nothing() -> None:
    relation = related("indicator--a", "indicates", "intrusion-set--1", revoked=True)
    [row], _ = read(indicator("a"), ACTOR, relation)
    assert "attacker" not in row.fields


def test_a_relationship_to_a_revoked_object_says_nothing_and_is_not_dangling() -> None:
    relation = related("indicator--a", "indicates", "intrusion-set--1")
    [row], notes = read(indicator("a"), {**ACTOR, "revoked": True}, relation)
    assert "attacker" not in row.fields
    assert notes.sentences() == ["an object of type 'intrusion-set' is revoked and left out"]


@pytest.mark.parametrize(
    ("kind", "other", "fields"),
    [
        ("indicates", ACTOR, {"attacker": "COPPER LANTERN"}),
        ("attributed-to", ACTOR, {"attacker": "COPPER LANTERN"}),
        ("impersonates", ACTOR, {}),
        ("mitigates", {"type": "malware", "id": "malware--1", "name": "PLUGX"}, {}),
        ("indicates", {"type": "malware", "id": "malware--1", "name": "PLUGX"}, {"tags": ["PLUGX"]}),
        ("targets", SECTOR, {"target_industry": "Energy"}),
        ("created-by", SECTOR, {}),
        ("targets", PLACE, {"target_country": "DE"}),
        ("originates-from", PLACE, {"attacker_country": "DE"}),
        ("located-at", PLACE, {}),
    ],
)
def test_a_relationship_sets_what_its_type_says(kind: str, other: Json, fields: Json) -> None:
    [row], _ = read(indicator("a"), other, related("indicator--a", kind, str(other["id"])))
    names = ("attacker", "target_industry", "target_country", "attacker_country", "tags")
    assert {name: row.fields[name] for name in names if row.fields.get(name)} == fields


def test_an_expired_indicator_is_imported_and_told() -> None:
    [row], notes = read(indicator("a", valid_until="2026-02-01T00:00:00Z"))
    assert "2026-02-01" in json.dumps(row.fields["raw"])
    assert notes.sentences() == [
        "an indicator is no longer valid (valid_until): its event is imported, and keeps that date"
    ]


def test_a_taxii_envelope_is_read_and_a_missing_page_is_told() -> None:
    rows, notes = read(indicator("a"), envelope={"more": True, "next": "2"})
    assert values(rows) == ["a.example"]
    assert list(notes.lost) == [
        "the TAXII envelope is one page, and there are more: import the following pages as well"
    ]
    assert detect_json_format(b'{"more": false, "objects": [{"type": "indicator"}]}') == "stix"


@pytest.mark.parametrize(
    "observable",
    [
        {"type": "domain-name", "id": "domain-name--1", "value": "x.example"},
        {"type": "file", "id": "file--1", "hashes": {"MD5": "d" * 32}},
    ],
)
def test_observables_alone_are_refused_and_beside_indicators_told_by_place(observable: Json) -> None:
    with pytest.raises(BadFile, match="observables alone"):
        read(observable)
    rows, notes = read(indicator("a"), observable)
    assert (values(rows), [*notes.lost.values()]) == (["a.example"], [[2]])


def test_an_observable_that_an_indicator_has_is_not_missing() -> None:
    _, notes = read(indicator("a"), {"type": "domain-name", "id": "domain-name--1", "value": "a.example"})
    assert notes.sentences() == []


@pytest.mark.parametrize("rest", ['{"a": 1}', "x", "[]"])
def test_text_behind_the_document_is_refused(rest: str) -> None:
    with pytest.raises(BadFile, match="more text follows"):
        next(read_text_rows('{"type": "bundle", "objects": []}' + rest, "stix", {}, ReaderNotes()), None)


@pytest.mark.parametrize(
    ("pattern", "found"),
    [
        (
            "[network-traffic:dst_ref.type = 'ipv4-addr' AND network-traffic:dst_ref.value = '203.0.113.11']",
            [("203.0.113.11", "ip")],
        ),
        (
            "[network-traffic:dst_ref.value = 'c2.example' AND network-traffic:dst_port = 443]",
            [("c2.example", "domain")],
        ),
        (
            "[domain-name:value = 'a.example' AND domain-name:resolves_to_refs[*].value = '192.0.2.1']",
            [("a.example", "domain"), ("192.0.2.1", "ip")],
        ),
        ("[domain-name:resolves_to_refs[0].value = '2001:db8::1']", [("2001:db8::1", "ip")]),
        ("[ipv4-addr:value ISSUBSET '192.0.2.0/24']", [("192.0.2.0/24", "ip")]),
        ("[ipv4-addr:value ISSUPERSET '192.0.2.1']", []),
        ("[domain-name:value ISSUBSET 'a.example']", []),
        ("[file:hashes.MD5 = 'aa' AND file:size = 12]", [("aa", "hash")]),
        ("[file:size = 12]", []),
        ("[autonomous-system:number = 64496]", [("AS64496", "asn")]),
        ("[network-traffic:protocols[*] = 'tcp' AND network-traffic:src_ref.value IN ('192.0.2.1', '192.0.2.2')]",
         [("192.0.2.1", "ip"), ("192.0.2.2", "ip")]),
        ("[domain-name:value != 'a.example']", []),
        ("[url:value LIKE 'a%']", []),
    ],
)  # fmt: skip
def test_a_pattern_is_the_list_of_its_values(pattern: str, found: list[tuple[str, str]]) -> None:
    assert [tuple(one) for one in read_pattern(pattern)] == found
