"""Content and files in which an object names a key twice are refused: of two markings, the wrong one might count."""

import io
import json
from pathlib import Path

import pytest
from inline_snapshot import snapshot
from pydantic import JsonValue

from cf1_mcp.errors import BadFile
from cf1_mcp.imports.readers.json_stream import CHUNK_SIZE, MAX_KEYS, JsonStream
from tests.conversations import refused
from tests.imports.import_command import import_command
from tests.tenant import MINE, Tenant

pytestmark = pytest.mark.anyio

GREEN = "marking-definition--bab4a63c-aed9-4cf5-a766-dfca5abac2bb"
RED = "marking-definition--5e57c739-391a-4eb3-b6be-7d15ca92d5ed"
INDICATOR = (
    '{"type": "indicator", "spec_version": "2.1", "id": "indicator--a", "name": "secret", '
    '"created": "2026-11-20T00:00:00Z", "pattern": "[domain-name:value = \'a.example\']", %s}'
)


def stix(part: str, more: str = "") -> str:
    return f'{{"type": "bundle", "id": "bundle--1", "objects": [{INDICATOR % part}]{more}}}'


def misp(part: str) -> str:
    return (
        f'{{"Event": {{"uuid": "e", "info": "secret", "date": "2026-11-20", {part}, '
        '"Attribute": [{"type": "domain", "value": "a.example"}]}}'
    )


ROW = '{"date": "2026-11-20", "category": "Phishing", "event": "secret", %s}'
MARKED = f'"object_marking_refs": ["{GREEN}"]'
GRANULAR = '"granular_markings": [{"marking_ref": "%s", "marking_ref": "%s", "selectors": ["name"]}]'
# Content, its format, and what the error says of it.
REPEATED: list[tuple[str, str, str, str]] = [
    ("STIX object", "stix2", stix(f'"object_marking_refs": ["{RED}"], {MARKED}'), "'object_marking_refs'"),
    ("STIX granular", "stix2", stix(GRANULAR % (RED, GREEN) + "," + MARKED), "'marking_ref'"),
    ("STIX twice the same", "stix2", stix(f"{MARKED}, {MARKED}"), "'object_marking_refs'"),
    ("STIX list of objects", "stix2", stix(MARKED, ', "objects": []'), "'objects'"),
    ("STIX type", "stix2", stix(MARKED, ', "type": "bundle"'), "'type'"),
    ("STIX what is not imported", "stix2", stix(f'{MARKED}, "x_own": {{"a": 1, "a": 2}}'), "'a'"),
    ("STIX escaped", "stix2", stix(f'"object_marking_\\u0072efs": ["{RED}"], {MARKED}'), "'object_marking_refs'"),
    ("MISP tags", "misp", misp('"Tag": [{"name": "tlp:red"}], "Tag": [{"name": "tlp:green"}]'), "'Tag'"),
    ("MISP tag", "misp", misp('"Tag": [{"name": "tlp:red", "name": "tlp:green"}]'), "'name'"),
    ("MISP event", "misp", misp('"Tag": []')[:-1] + ', "Event": {}}', "'Event'"),
    ("MISP list", "misp", "[" + misp('"Tag": []') + "," + misp('"info": 1') + "]", "'info'"),
    ("JSON line", "jsonl", ROW % '"tlp": "red", "tlp": "green"', "'tlp'"),
    ("second JSON line", "jsonl", ROW % '"tlp": "green"' + "\n" + ROW % '"tlp": "red", "tlp": "green"', "'tlp'"),
    (
        "JSON line's evidence",
        "jsonl",
        ROW % '"tlp": "green"' + "\n" + ROW % '"tlp": "green", "raw": {"x": [{"y": 1, "y": 2}]}',
        "'y'",
    ),
    (
        "CSV evidence",
        "csv",
        'date,category,event,tlp,raw\n2026-11-20,Phishing,secret,green,"{""tlp"": 1, ""tlp"": 2}"',
        "'tlp'",
    ),
]
IDS = [one[0] for one in REPEATED]


@pytest.mark.parametrize("named", [True, False])
@pytest.mark.parametrize(("form", "content", "key"), [one[1:] for one in REPEATED], ids=IDS)
async def test_content_with_a_repeated_key_is_refused(
    tenant: Tenant, form: str, content: str, key: str, named: bool
) -> None:
    given: dict[str, JsonValue] = {"content": content, "defaults": ["category=Phishing", "tlp=green"]}
    if named:
        given["format"] = form
    async with tenant.server(tenant.allowed()) as client:
        words = await refused(client, "import_threat_events", dataset_id=MINE, **given)
    if named or form != "misp" or not content.startswith("["):
        assert key in words and words.startswith("content: "), words
    assert tenant.changes_sent() == []


def test_a_file_with_a_repeated_key_is_refused(tmp_path: Path) -> None:
    told: dict[str, list[str]] = {}
    formats = {"stix2": "stix"}
    with import_command(tmp_path) as api:
        for name, form, content, key in REPEATED:
            file = api.write_file(f"{name}.txt".replace(" ", "-"), content)
            result = api.run(
                file, "--format", formats.get(form, form), "--set", "category=Phishing", "--set", "tlp=green"
            )
            assert result.code == 2 and key in result.stderr, (name, result)
            told[name] = [line for line in result.sentences() if key in line]
        assert api.events() == []
    assert [told[name] for name in ("STIX granular", "STIX type", "MISP tag", "second JSON line")] == snapshot(
        [
            [
                "cf1-mcp: The object /granular_markings/0 of the value at character 51 of the file names the key 'marking_ref' more than once, so it is not certain which value counts. Keep one of them."
            ],
            [
                "cf1-mcp: The object at character 312 of the file names the key 'type' more than once, so it is not certain which value counts. Keep one of them."
            ],
            [
                "cf1-mcp: The object /Tag/0 of the value at character 11 of the file names the key 'name' more than once, so it is not certain which value counts. Keep one of them."
            ],
            ["row 2: the key 'tlp' is repeated, so it is not certain which value counts"],
        ]
    )


async def test_the_error_names_the_object_and_the_key(tenant: Tenant) -> None:
    chosen = {"STIX granular", "MISP tag", "JSON line's evidence"}
    async with tenant.server(tenant.allowed()) as client:
        words = [
            await refused(client, "import_threat_events", dataset_id=MINE, content=content, format=form)
            for name, form, content, _ in REPEATED
            if name in chosen
        ]
    assert words == snapshot(
        [
            """\
content: it cannot be read as stix2.
<untrusted MARK>
The object /granular_markings/0 of the value at character 51 of the file names the key 'marking_ref' more than once, so it is not certain which value counts. Keep one of them.
</untrusted MARK>\
""",
            """\
content: it cannot be read as misp.
<untrusted MARK>
The object /Tag/0 of the value at character 11 of the file names the key 'name' more than once, so it is not certain which value counts. Keep one of them.
</untrusted MARK>\
""",
            """\
content: 1 of 2 rows cannot be imported, so nothing was sent. Use the same content with these corrected.
<untrusted MARK>
line 2: the key 'y' is repeated in /raw/x/0, so it is not certain which value counts
</untrusted MARK>\
""",
        ]
    )


async def test_raw_evidence_of_a_row_that_repeats_a_key_is_refused(tenant: Tenant) -> None:
    given: dict[str, JsonValue] = {"date": "2026-11-20", "category": "Phishing", "event": "x", "tlp": "green"}
    rows = [given | {"raw": '{"a": {"b": 1, "b": 2}}'}]
    text = json.dumps([given]).replace('"tlp"', '"tlp": "red", "tlp"')
    async with tenant.server(tenant.allowed()) as client:
        words = [
            await refused(client, "import_threat_events", dataset_id=MINE, rows=one)  # pyright: ignore[reportArgumentType]
            for one in (rows, text)
        ]
    assert words == snapshot(
        [
            """\
rows: 1 of 1 row cannot be imported, so nothing was sent. Use the same rows with these corrected.
<untrusted MARK>
row 0: raw: the key 'b' is repeated in /a
</untrusted MARK>\
""",
            """\
rows: an object in it names a key more than once. Use one value for each key.
<untrusted MARK>
the key 'tlp' is repeated in /0
</untrusted MARK>\
""",
        ]
    )
    assert tenant.changes_sent() == []


def test_a_large_document_is_read_in_parts_and_its_repeated_keys_are_found() -> None:
    element = json.dumps({"a": "x" * 1000})
    text = "[" + ",".join([element] * (CHUNK_SIZE // 200)) + ', {"tlp": "red", "tlp": "green"}]'
    elements = JsonStream(io.BytesIO(text.encode())).elements()
    with pytest.raises(BadFile) as error:
        list(elements)
    assert str(error.value) == snapshot(
        "The object at character 1,323,103 of the file names the key 'tlp' more than once, so it is not certain which value counts. Keep one of them."
    )
    many = "{" + ",".join(f'"{number}": 1' for number in range(MAX_KEYS + 1)) + "}"
    stream = JsonStream(io.BytesIO(many.encode()))
    with pytest.raises(BadFile, match="or over 1,000 keys"):
        _ = [key for key in stream.members() if stream.value()]
