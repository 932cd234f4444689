"""Importing: every row is checked before any is sent, and the outcome of every row is reported."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from uuid import UUID

import anyio
import pytest
from inline_snapshot import snapshot
from mcp import Client
from pydantic import JsonValue
from starlette.middleware import Middleware

from cf1_mcp.api.wire.transport import network
from cf1_mcp.imports.batch import Batch
from cf1_mcp.imports.call_import import RESERVED_SECONDS, import_batch
from cf1_mcp.models import Dataset, NewEvent
from cf1_mcp.sandbox.http.faults import FaultInjector, parse_faults
from cf1_mcp.sandbox.options import SandboxOptions
from cf1_mcp.server.mcp_server import build_server
from cf1_mcp.settings import Credentials
from tests.conversations import ask, ask_for_text, refused
from tests.tenant import MINE, YOURS, Tenant
from tests.upstreams import ACCOUNT, TOKEN, Act, Scripted, answer, failed, upstream

pytestmark = pytest.mark.anyio

TOOL = "import_threat_events"
Json = dict[str, JsonValue]


def row(event: str = "seen", **fields: JsonValue) -> Json:
    return {"date": "2026-11-20", "category": "Phishing", "event": event, "tlp": "green", **fields}


def create_rows(count: int) -> list[JsonValue]:
    return [row(f"number {number}") for number in range(count)]


async def confirmed(client: Client, **arguments: JsonValue) -> Json:
    preview = await ask(client, TOOL, **arguments)
    return await ask(client, TOOL, **arguments, confirm=preview["code"])


def created_ids(data: Json) -> dict[int, str]:
    """Return the ids of the created events, by row."""
    bulk_answer = data["created"]
    assert isinstance(bulk_answer, list)
    return {int(str(one["row"])): str(one["uuid"]) for one in bulk_answer if isinstance(one, dict)}


def without_variable_parts(data: Json) -> Json:
    """Return an answer without the parts that differ between runs."""
    return {**data, "change_id": "...", "created": [*created_ids(data)]}


# -- what is created


@pytest.mark.both_moods
async def test_rows_become_events_with_links_tags_and_evidence_and_are_journaled(tenant: Tenant) -> None:
    rows: list[JsonValue] = [
        row("step", parent_ref=" wave ", relationship_type="caused_by", attacker_country="germany", raw='{"a": 1}'),
        row("wave", ref="wave", category="phishing", tags=["new", "New"], attacker=" ")
        | {"date": "2h", "tlp": "WHITE"},
        row("twin", parent_ref="wave", tags=[], insight=None),
    ]
    async with tenant.server(tenant.allowed()) as client:
        done = await ask(client, TOOL, dataset_id=MINE, rows=rows)
    assert without_variable_parts(done) == snapshot(
        {
            "source": "sandbox: fictional data, not intelligence",
            "status": "done",
            "change_id": "...",
            "change": "Create 3 events with 2 relationships in dataset 'Mine'.",
            "events": 3,
            "relationships": 2,
            "created": [0, 1, 2],
            "read_as": [
                "attacker_country: 1, such as germany as DE",
                "date: 1, such as 2h as 2026-11-24T10:00:00Z",
                "category: 1, such as phishing as Phishing",
            ],
            "untrusted": ["change", "read_as"],
        }
    )
    assert tenant.changes_sent() == snapshot(
        ["POST /events/create/bulk", "POST /events/relationships/create", "POST /events/relationships/create"]
    )
    ids = created_ids(done)
    async with tenant.api() as api:
        home = next(one.uuid for one in tenant.store.datasets() if one.name == MINE)
        step, wave = await api.read_event(home, ids[0]), await api.read_event(home, ids[1])
        raw = await api.read_dataset_raw(home, step.uuid)
        caused = await api.list_relationships(wave.uuid, home, "descendants", 1, ["caused_by"], False)
        related = await api.list_relationships(wave.uuid, home, "descendants", 1, ["related_to"], False)
    assert (step.attacker_country, raw.data, raw.tlp) == ("DE", {"a": 1}, "green")
    assert (wave.category, wave.tlp, wave.tags) == ("Phishing", "clear", ["new"])
    assert wave.date == "2026-11-24T10:00:00Z"
    assert ([one.uuid for one in caused], [one.uuid for one in related]) == ([ids[0]], [ids[2]])
    journal = tenant.journal
    change = await journal.change(str(done["change_id"]))
    assert (change.outcome, change.intent.tool, change.intent.before) == ("done", TOOL, None)
    assert isinstance(change.result, dict) and change.result["created"] == done["created"]
    assert await journal.verify() == []


async def test_indicators_are_reported_as_queued_and_appear_later(tenant: Tenant) -> None:
    rows: list[JsonValue] = [row(indicator="203.0.113.9", indicator_type="ip"), row()]
    async with tenant.server(tenant.allowed()) as client:
        done = await ask(client, TOOL, dataset_id=MINE, rows=rows)
        at_once = await ask(client, "search_threat_events", dataset_ids=[MINE], indicator=["203.0.113.9"])
        tenant.wait(3)
        later = await ask(client, "search_threat_events", dataset_ids=[MINE], indicator=["203.0.113.9"])
    assert (done["status"], done["indicators_queued"]) == ("done", 1)
    assert (at_once["events"], later["events"]) == (0, 1)


@pytest.mark.both_moods
async def test_an_import_is_undone_completely(tenant: Tenant) -> None:
    async with tenant.server(tenant.allowed()) as client:
        made = await ask(client, TOOL, dataset_id=MINE, rows=[row("a", ref="a"), row("b", parent_ref="a"), row()])
        preview = await ask(client, "undo_change", change_id=made["change_id"])
        undone = await ask(client, "undo_change", change_id=made["change_id"], confirm=preview["code"])
        left = await ask(client, "search_threat_events", dataset_ids=[MINE])
    assert (undone["deleted"], left["events"]) == (3, 0)


async def test_rows_may_come_as_json_text(tenant: Tenant) -> None:
    async with tenant.server(tenant.allowed()) as client:
        rows = '[{"date": "2026-11-20", "category": "Phishing", "event": "x", "tlp": "green", "raw": {"a": 1}}]'
        done = await ask(client, TOOL, dataset_id=MINE, rows=rows)
    assert (done["status"], done["events"]) == ("done", 1)


async def test_500_rows_are_sent_in_five_requests_and_their_links_by_parent(tenant: Tenant) -> None:
    rows: list[JsonValue] = [row("top", ref="top"), *(row(str(number), parent_ref="top") for number in range(499))]
    async with tenant.server(tenant.allowed(max_change=500)) as client:
        done = await confirmed(client, dataset_id=MINE, rows=rows)
        assert len(await ask_for_text(client, TOOL, dataset_id=MINE, rows=rows)) < 8_000
    change = await tenant.journal.change(str(done["change_id"]))
    assert (done["status"], done["events"], done["relationships"], done["created"]) == ("done", 500, 499, 500)
    assert done["ids"] == f"`cf1-mcp journal show {change.id}` lists them"
    assert isinstance(change.result, dict) and sorted(created_ids(change.result)) == [*range(500)]
    assert tenant.changes_sent() == ["POST /events/create/bulk"] * 5 + ["POST /events/relationships/create"] * 5


# -- the code


async def test_26_rows_need_a_code_and_25_do_not(tenant: Tenant) -> None:
    async with tenant.server(tenant.allowed()) as client:
        few: list[JsonValue] = [row(f"another {number}") for number in range(25)]
        assert (await ask(client, TOOL, dataset_id=MINE, rows=few))["status"] == "done"
        tenant.log.clear()
        preview = await ask(
            client, TOOL, dataset_id=MINE, rows=[row(ref="a"), *create_rows(24), row("last", parent_ref="a")]
        )
    assert {**preview, "code": "..."} == snapshot(
        {
            "source": "sandbox: fictional data, not intelligence",
            "status": "confirmation_required",
            "change": "Create 26 events with 1 relationship in dataset 'Mine'.",
            "events": 26,
            "relationships": 1,
            "dates": "2026-11-20T00:00:00Z to 2026-11-20T00:00:00Z",
            "markings": {"green": 26},
            "categories": {"Phishing": 26},
            "undo": "undo_change deletes the events whose ids the API reports, within the operator's rules; new tags stay. The undo needs CF1_MODE=full, the dataset in CF1_DELETE_DATASETS, CF1_MAX_CHANGE of at least 26 and a code.",
            "code": "...",
            "untrusted": ["change", "dates", "categories"],
            "sample": {
                "untrusted": ["rows"],
                "columns": ["uuid", "date", "tlp", "attacker", "event"],
                "rows": [
                    ["row 0", "2026-11-20 00:00", "green", "", "seen"],
                    ["row 1", "2026-11-20 00:00", "green", "", "number 0"],
                    ["row 2", "2026-11-20 00:00", "green", "", "number 1"],
                    ["row 3", "2026-11-20 00:00", "green", "", "number 2"],
                    ["row 4", "2026-11-20 00:00", "green", "", "number 3"],
                    ["row 5", "2026-11-20 00:00", "green", "", "number 4"],
                    ["row 6", "2026-11-20 00:00", "green", "", "number 5"],
                    ["row 7", "2026-11-20 00:00", "green", "", "number 6"],
                    ["row 8", "2026-11-20 00:00", "green", "", "number 7"],
                    ["row 9", "2026-11-20 00:00", "green", "", "number 8"],
                ],
            },
            "notes": [
                "It needs a code because it is of more than 25 events.",
                "Nothing was changed. Show this to the person; if they agree, repeat the call with the code as confirm.",
            ],
        }
    )
    assert tenant.changes_sent() == []


async def test_a_code_is_valid_once_for_its_own_rows_and_dataset(tenant: Tenant) -> None:
    async with tenant.server(tenant.allowed(write_datasets=("*",))) as client:
        rows = create_rows(26)
        code = (await ask(client, TOOL, dataset_id=MINE, rows=rows))["code"]
        others: list[tuple[str, list[JsonValue]]] = [
            (MINE, [*rows[:-1], row("another")]),
            (MINE, [*rows[1:], rows[0]]),
            (MINE, [*rows[:-1], row("number 25", tags=["slipped in"])]),
            (MINE, [*rows, row()]),
            (YOURS, rows),
        ]
        for dataset, changed in others:
            words = await refused(client, TOOL, dataset_id=dataset, rows=changed, confirm=code)
            assert "this code is not for this change" in words
        assert tenant.changes_sent() == []
        assert (await ask(client, TOOL, dataset_id=MINE, rows=rows, confirm=code))["status"] == "done"
    assert tenant.changes_sent() == ["POST /events/create/bulk"]


async def test_a_code_creates_the_same_rows_only_once_where_they_are_not_compared(tenant: Tenant) -> None:
    call: Json = {"dataset_id": MINE, "rows": create_rows(26), "on_duplicate": "create"}
    async with tenant.server(tenant.allowed()) as client:
        code = (await ask(client, TOOL, **call))["code"]
        assert (await ask(client, TOOL, **call, confirm=code))["status"] == "done"
        assert "used already" in await refused(client, TOOL, **call, confirm=code)
    assert tenant.changes_sent() == ["POST /events/create/bulk"]


async def test_a_code_stays_valid_while_a_relative_date_moves(tenant: Tenant) -> None:
    rows: list[JsonValue] = [row(str(number)) | {"date": "1h"} for number in range(26)]
    async with tenant.server(tenant.allowed()) as client:
        code = (await ask(client, TOOL, dataset_id=MINE, rows=rows))["code"]
        tenant.wait(20)
        assert (await ask(client, TOOL, dataset_id=MINE, rows=rows, confirm=code))["status"] == "done"


async def test_an_import_that_is_too_large_to_undo_is_marked_so(tenant: Tenant) -> None:
    async with tenant.server(tenant.allowed()) as client:
        preview = await ask(client, TOOL, dataset_id=MINE, rows=create_rows(101))
    assert preview["undo"] == snapshot("Not by undo_change: CF1_MAX_CHANGE (100) lets it delete fewer at once.")


# -- the operator's rules


RULES: list[tuple[str, dict[str, object], dict[str, JsonValue], str]] = [
    ("in read mode", {"mode": "read"}, {}, "CF1_MODE"),
    ("without a write list", {"write_datasets": ()}, {}, "CF1_WRITE_DATASETS"),
    ("with a delete list alone", {"write_datasets": (), "delete_datasets": ("*",)}, {}, "CF1_WRITE_DATASETS"),
    ("into another dataset", {}, {"dataset_id": f" {YOURS.upper()} "}, "CF1_WRITE_DATASETS"),
    ("into what may not be read", {"read_datasets": (YOURS,)}, {}, "CF1_WRITE_DATASETS"),
    ("with its toolset off", {"toolsets": ("events",)}, {}, "CF1_TOOLSETS"),
    ("above the ceiling", {}, {"rows": [row(), row() | {"tlp": "red"}]}, "CF1_MAX_TLP (amber)"),
]


@pytest.mark.parametrize(("changed", "other", "rule"), [one[1:] for one in RULES], ids=[one[0] for one in RULES])
async def test_nothing_is_imported_against_a_rule(
    tenant: Tenant, changed: dict[str, object], other: dict[str, JsonValue], rule: str
) -> None:
    async with tenant.server(tenant.allowed(**changed)) as client:
        arguments: dict[str, JsonValue] = {"dataset_id": MINE, "rows": [row()]}
        words = await refused(client, TOOL, **(arguments | other))
    assert f"is withheld by {rule}" in words
    assert tenant.changes_sent() == []


async def test_an_import_in_write_mode_needs_no_delete_list(tenant: Tenant) -> None:
    async with tenant.server(tenant.allowed(mode="write", delete_datasets=())) as client:
        assert (await ask(client, TOOL, dataset_id=MINE, rows=[row()]))["status"] == "done"


async def test_rows_cannot_name_another_dataset(tenant: Tenant) -> None:
    other = next(one.uuid for one in tenant.store.datasets() if one.name == YOURS)
    async with tenant.server(tenant.allowed()) as client:
        for name in ("datasetId", "dataset_id", "dataset"):
            assert f"{name}: a row has no such field" in await refused(
                client, TOOL, dataset_id=MINE, rows=[row(), row(**{name: other})]
            )
    assert tenant.changes_sent() == []


# -- invalid rows


BAD: dict[str, tuple[list[JsonValue], str]] = {
    "no rows": ([], snapshot("rows: there are no rows. Use 1 to 500 rows.")),
    "501 rows": (create_rows(501), snapshot("rows: 501 rows are too many for one call. Use at most 500 a call.")),
    "no object": (["a row"], snapshot("rows.0: Input should be a valid dictionary.")),
    "an unknown category": (
        [row(), row() | {"category": "Phising"}],
        snapshot("""\
rows: 1 of 2 rows cannot be imported, so nothing was sent. Use the same rows with these corrected.
<untrusted MARK>
row 1: category: the account does not know 'Phising'. Use a word that the account knows
</untrusted MARK>\
"""),
    ),
    "an unknown country": (
        [row(attacker_country="Germny"), row(target_country="XX")],
        snapshot("""\
rows: 2 of 2 rows cannot be imported, so nothing was sent. Use the same rows with these corrected.
<untrusted MARK>
row 0: attacker_country: the account does not know 'Germny', did you mean the first of these? Use an ISO code of two letters such as US, or a name. (Germany)
row 1: target_country: the account does not know 'XX'. Use an ISO code of two letters such as US, or a name
</untrusted MARK>\
"""),
    ),
    "an unknown industry": (
        [row(target_industry="Enregy")],
        snapshot("""\
rows: 1 of 1 row cannot be imported, so nothing was sent. Use the same rows with these corrected.
<untrusted MARK>
row 0: target_industry: the account does not know 'Enregy'. Use a word that the account knows
</untrusted MARK>\
"""),
    ),
    "a type of nothing": (
        [row(indicator_type="domain", indicator=" ")],
        snapshot("""\
rows: 1 of 1 row cannot be imported, so nothing was sent. Use the same rows with these corrected.
<untrusted MARK>
row 0: indicator_type: there is no indicator of this type
</untrusted MARK>\
"""),
    ),
    "no marking": (
        [row() | {"tlp": "purple"}, row() | {"tlp": ""}],
        snapshot("""\
rows: 2 of 2 rows cannot be imported, so nothing was sent. Use the same rows with these corrected.
<untrusted MARK>
row 0: tlp: 'purple' is not a TLP marking. Use clear, green, amber, amber+strict or red
row 1: tlp: '' is not a TLP marking. Use clear, green, amber, amber+strict or red
</untrusted MARK>\
"""),
    ),
    "dates": (
        [row() | {"date": "2026-11-25"}, row() | {"date": "soon"}, row() | {"date": ""}],
        snapshot("""\
rows: 3 of 3 rows cannot be imported, so nothing was sent. Use the same rows with these corrected.
<untrusted MARK>
row 0: date: 2026-11-25T00:00:00Z is in the future. Use a time up to now (2026-11-24T12:00Z)
row 1: date: 'soon' is not a date. Use an ISO date or time (2026-11-24, 2026-11, 2026-W48, 2026-11-24T08:00Z), today, yesterday 08:00, last week, or a time ago (24h, 7d, 4w, 3mo, P7D, 30 days ago)
row 2: date: '' is not a date. Use an ISO date or time (2026-11-24, 2026-11, 2026-W48, 2026-11-24T08:00Z), today, yesterday 08:00, last week, or a time ago (24h, 7d, 4w, 3mo, P7D, 30 days ago)
</untrusted MARK>\
"""),
    ),
    "tags": (
        [row(tags=["fine", "two\nlines"]), row(tags=["un\u200bseen"]), row(tags=[" "])],
        snapshot("""\
rows: 3 of 3 rows cannot be imported, so nothing was sent. Use the same rows with these corrected.
<untrusted MARK>
row 0: tags: 'two\\\\nlines' contains line breaks or invisible characters. Use one line of visible text
row 1: tags: 'un\\\\u200bseen' contains line breaks or invisible characters. Use one line of visible text
row 2: tags: a tag has 0 characters. Use tags of 1 to 512 characters
</untrusted MARK>\
"""),
    ),
    "raw": (
        [row(raw="{"), row(raw="[1]"), row(raw='{"a": NaN}')],
        snapshot("""\
rows: 3 of 3 rows cannot be imported, so nothing was sent. Use the same rows with these corrected.
<untrusted MARK>
row 0: raw: this is not JSON text; write an object such as {}
row 1: raw: Input should be a valid dictionary
row 2: raw: this cannot be written as JSON. Use plain JSON without NaN or Infinity
</untrusted MARK>\
"""),
    ),
    "too much raw": (
        [row(raw={"a": "x" * 1_000_000})],
        snapshot("""\
rows: 1 of 1 row cannot be imported, so nothing was sent. Use the same rows with these corrected.
<untrusted MARK>
row 0: raw: it has 1,000,008 bytes. Use at most 1,000,000 bytes of JSON text
</untrusted MARK>\
"""),
    ),
    "fields missing": (
        [{"date": "2026-11-20"}, row(), {"date": "2026-11-20"}],
        snapshot("""\
rows: 2 of 3 rows cannot be imported, so nothing was sent. Use the same rows with these corrected.
<untrusted MARK>
row 0, 2: category: Field required
row 0, 2: event: Field required
row 0, 2: tlp: Field required
</untrusted MARK>\
"""),
    ),
    "a field misspelt": (
        [row(attackerCountry="DE")],
        snapshot("""\
rows: 1 of 1 row cannot be imported, so nothing was sent. Use the same rows with these corrected.
<untrusted MARK>
row 0: attackerCountry: a row has no such field, did you mean 'attacker_country'?
</untrusted MARK>\
"""),
    ),
    "no kind of link": (
        [row(ref="a"), row(parent_ref="a", relationship_type="child_of")],
        snapshot("""\
rows: 1 of 2 rows cannot be imported, so nothing was sent. Use the same rows with these corrected.
<untrusted MARK>
row 1: relationship_type: Input should be 'related_to', 'caused_by' or 'attributed_to'
</untrusted MARK>\
"""),
    ),
    "refs twice": (
        [row(ref="a"), row(ref="a "), row(ref="a", parent_ref="a")],
        snapshot("""\
rows: 2 of 3 rows cannot be imported, so nothing was sent. Use the same rows with these corrected.
<untrusted MARK>
row 1-2: ref: row 0 already has the ref 'a'
</untrusted MARK>\
"""),
    ),
    "a parent that is not there": (
        [row(ref="wave"), row(parent_ref="wawe"), row(parent_ref="9")],
        snapshot("""\
rows: 2 of 3 rows cannot be imported, so nothing was sent. Use the same rows with these corrected.
<untrusted MARK>
row 1: parent_ref: no row has the ref 'wawe', did you mean 'wave'?
row 2: parent_ref: no row has the ref '9'
</untrusted MARK>\
"""),
    ),
    "a link to nothing": (
        [row(relationship_type="caused_by")],
        snapshot("""\
rows: 1 of 1 row cannot be imported, so nothing was sent. Use the same rows with these corrected.
<untrusted MARK>
row 0: relationship_type: there is no parent_ref to relate the row to
</untrusted MARK>\
"""),
    ),
    "its own parent": (
        [row(ref="a", parent_ref="a")],
        snapshot("""\
rows: 1 of 1 row cannot be imported, so nothing was sent. Use the same rows with these corrected.
<untrusted MARK>
row 0: parent_ref: the row would be its own ancestor
</untrusted MARK>\
"""),
    ),
    "a circle of parents": (
        [row(ref="a", parent_ref="c"), row(ref="b", parent_ref="a"), row(ref="c", parent_ref="b"), row(parent_ref="a")],
        snapshot("""\
rows: 3 of 4 rows cannot be imported, so nothing was sent. Use the same rows with these corrected.
<untrusted MARK>
row 0-2: parent_ref: the row would be its own ancestor
</untrusted MARK>\
"""),
    ),
    "several faults in a row": (
        [row(tags=["\n"], attacker="un\u202eseen", target_country="XX") | {"tlp": "pink"}],
        snapshot("""\
rows: 1 of 1 row cannot be imported, so nothing was sent. Use the same rows with these corrected.
<untrusted MARK>
row 0: tags: a tag has 0 characters. Use tags of 1 to 512 characters
row 0: tlp: 'pink' is not a TLP marking. Use clear, green, amber, amber+strict or red
row 0: attacker: 'un\\\\u202eseen' contains line breaks or invisible characters. Use one line of visible text
row 0: target_country: the account does not know 'XX'. Use an ISO code of two letters such as US, or a name
</untrusted MARK>\
"""),
    ),
    "half a character": (
        [row(raw='{"a": "\\ud800"}')],
        snapshot("""\
rows: 1 of 1 row cannot be imported, so nothing was sent. Use the same rows with these corrected.
<untrusted MARK>
row 0: raw: this cannot be written as JSON. Use plain JSON without NaN or Infinity
</untrusted MARK>\
"""),
    ),
}


@pytest.mark.parametrize(("rows", "words"), BAD.values(), ids=list(BAD))
async def test_invalid_rows_are_reported_by_number_and_nothing_is_sent(
    tenant: Tenant, rows: list[JsonValue], words: str
) -> None:
    async with tenant.server(tenant.allowed()) as client:
        assert await refused(client, TOOL, dataset_id=MINE, rows=rows) == words
    assert tenant.changes_sent() == []


async def test_an_indicator_type_that_the_account_does_not_have_is_refused(tenant: Tenant) -> None:
    await tenant.add("first of its kind", indicator="a.example", indicatorType="domain")
    tenant.wait(3)
    async with tenant.server(tenant.allowed()) as client:
        rows: list[JsonValue] = [row(indicator="b.example", indicator_type="domian")]
        assert await refused(client, TOOL, dataset_id=MINE, rows=rows) == snapshot("""\
rows: 1 of 1 row cannot be imported, so nothing was sent. Use the same rows with these corrected.
<untrusted MARK>
row 0: indicator_type: the account does not know 'domian', did you mean the first of these? Use one of these. (domain)
</untrusted MARK>\
""")
    assert tenant.changes_sent() == []


async def test_half_a_character_inside_json_text_is_refused(tenant: Tenant) -> None:
    rows = '[{"date": "2026-11-20", "category": "Phishing", "event": "\\ud800", "tlp": "green"}]'
    async with tenant.server(tenant.allowed()) as client:
        assert await refused(client, TOOL, dataset_id=MINE, rows=rows) == snapshot("""\
rows: 1 of 1 row cannot be imported, so nothing was sent. Use the same rows with these corrected.
<untrusted MARK>
row 0: the row contains half a character (a lone surrogate)
</untrusted MARK>\
""")
    assert tenant.changes_sent() == []


async def test_500_invalid_rows_are_all_reported_in_a_short_message(tenant: Tenant) -> None:
    async with tenant.server(tenant.allowed()) as client:
        rows: list[JsonValue] = [row(**{f"field{number}": "x"}) for number in range(500)]
        words = await refused(client, TOOL, dataset_id=MINE, rows=rows)
    assert len(words) < 5_000
    lines = words.split("\n")
    assert [line.split(":")[0] for line in lines[2:-1]] == [*(f"row {number}" for number in range(20)), "row 20-499"]


# -- an API that does not do all of it


CATALOG: list[JsonValue] = [{"uuid": "c1", "name": "Phishing", "killChain": 3}]
HOME = {"uuid": "d0000000-0000-4000-8000-000000000001", "name": MINE, "isPublic": False}
WORDS = (answer([HOME]), answer({"success": True, "result": {"tags": []}}), answer(CATALOG))
# These tests are about the requests that create, not about the comparison before them.
WITHOUT_COMPARISON: dict[str, JsonValue] = {"on_duplicate": "create"}


def uuid(number: int) -> str:
    return str(UUID(int=number))


def bulk_answer(rows: range, first: int = 0, errors: dict[int, str] | None = None, count: int | None = None) -> bytes:
    """Return the answer to one bulk create. `rows` were created; indices count from the first row of the request."""
    refusals = [{"eventIndex": index, "error": error} for index, error in (errors or {}).items()]
    made = [{"eventIndex": index, "shardId": "s", "uuid": uuid(first + index)} for index in rows]
    return answer(
        {
            "createdEventsCount": len(made) if count is None else count,
            "errorCount": len(refusals),
            "createdEvents": made,
            "errors": refusals,
        },
        "202 Accepted",
    )


@asynccontextmanager
async def serve_script(tenant: Tenant, *script: bytes | Act) -> AsyncGenerator[tuple[Client, Scripted]]:
    """Yield a client of a server over an upstream that plays the script after the vocabulary was read, without saved queries."""
    async with upstream(*WORDS, *script) as scripted:
        scripted.routes["/events/queries"] = answer([])
        base = f"http://127.0.0.1:{scripted.port}/client/v4"
        settings = tenant.allowed(credentials=Credentials(ACCOUNT, TOKEN), base_url=base)
        async with Client(build_server(settings, lambda: network(base), clock=lambda: tenant.now)) as client:
            yield client, scripted


async def test_rows_that_the_api_refuses_are_named_and_their_links_not_sent(tenant: Tenant) -> None:
    rows: list[JsonValue] = [row(ref="a"), row(ref="b"), row(parent_ref="a"), row(parent_ref="b"), row(parent_ref="a")]
    linked = answer(
        {
            "success": True,
            "relationships": [{"parentId": uuid(0), "childId": uuid(2), "relationshipType": "related_to"}],
            "errors": [{"childId": uuid(4), "error": "no\nway"}],
        }
    )
    bulk = answer(
        {
            "createdEventsCount": 4,
            "createdEvents": [{"eventIndex": index, "uuid": uuid(index)} for index in (0, 2, 3, 4)],
            "errors": [{"eventIndex": 1, "error": "bad \u202erow"}],
        }
    )
    async with serve_script(tenant, bulk, linked) as (client, scripted):
        done = await ask(client, TOOL, dataset_id=MINE, rows=rows, **WITHOUT_COMPARISON)
    assert without_variable_parts(done) == snapshot(
        {
            "status": "partial",
            "change_id": "...",
            "change": "Create 5 events with 3 relationships in dataset 'Mine'.",
            "events": 4,
            "indicators_queued": "unknown",
            "relationships": 1,
            "refused": [{"reason": "bad \\u202erow", "rows": "1"}],
            "not_related": [
                {"reason": "one of its rows has no event, or the id of the event is not known", "rows": "3"},
                {"reason": "no\\nway", "rows": "4"},
            ],
            "created": [0, 2, 3, 4],
            "untrusted": ["change", "refused", "not_related"],
        }
    )
    assert [line.split("/events/")[1] for line in scripted.requests[4:]] == ["create/bulk", "relationships/create"]
    change = await tenant.journal.change(str(done["change_id"]))
    assert change.outcome == "partial"


@pytest.mark.parametrize(
    ("breaks", "expected"),
    [
        (
            failed("503 Service Unavailable", "later"),
            snapshot(
                {
                    "status": "unknown",
                    "change": "Create 207 events with 1 relationship in dataset 'Mine'.",
                    "events": 100,
                    "indicators_queued": "unknown",
                    "relationships": 0,
                    "unknown_rows": "100-199",
                    "rows_not_sent": "200-206",
                    "undo": "Not by undo_change: CF1_MAX_CHANGE (100) lets it delete fewer at once.",
                    "not_related": [{"reason": "it was not answered before the import stopped", "rows": "1"}],
                    "stopped": 'The API failed (503). If this was a change, check whether it was made before repeating it; otherwise try again in a minute. (The API said: "later")',
                    "next": "It may have been done: look before repeating it. Import only the missing rows again, and unknown rows once a search has not found them.",
                    "untrusted": ["change", "not_related", "stopped", "next"],
                }
            ),
        ),
        (
            failed("400 Bad Request", "too many"),
            snapshot(
                {
                    "status": "partial",
                    "change": "Create 207 events with 1 relationship in dataset 'Mine'.",
                    "events": 100,
                    "indicators_queued": "unknown",
                    "relationships": 0,
                    "refused": [
                        {
                            "reason": 'The API refused the request (400). Correct what it names and call again. (The API said: "too many")',
                            "rows": "100-199",
                        }
                    ],
                    "undo": "Not by undo_change: CF1_MAX_CHANGE (100) lets it delete fewer at once.",
                    "rows_not_sent": "200-206",
                    "not_related": [{"reason": "it was not answered before the import stopped", "rows": "1"}],
                    "stopped": 'The API refused the request (400). Correct what it names and call again. (The API said: "too many")',
                    "next": "Import only the missing rows again, and unknown rows once a search has not found them.",
                    "untrusted": ["change", "refused", "not_related", "stopped", "next"],
                }
            ),
        ),
        (
            Act.RESET,
            snapshot(
                {
                    "status": "unknown",
                    "change": "Create 207 events with 1 relationship in dataset 'Mine'.",
                    "events": 100,
                    "indicators_queued": "unknown",
                    "relationships": 0,
                    "unknown_rows": "100-199",
                    "rows_not_sent": "200-206",
                    "undo": "Not by undo_change: CF1_MAX_CHANGE (100) lets it delete fewer at once.",
                    "not_related": [{"reason": "it was not answered before the import stopped", "rows": "1"}],
                    "stopped": "The connection broke before the answer was complete. If this was a change, check whether it was made before repeating it; otherwise try again.",
                    "next": "It may have been done: look before repeating it. Import only the missing rows again, and unknown rows once a search has not found them.",
                    "untrusted": ["change", "not_related", "stopped", "next"],
                }
            ),
        ),
        (
            answer("<html>"),
            snapshot(
                {
                    "status": "unknown",
                    "change": "Create 207 events with 1 relationship in dataset 'Mine'.",
                    "events": 100,
                    "indicators_queued": "unknown",
                    "relationships": 0,
                    "unknown_rows": "100-199",
                    "rows_not_sent": "200-206",
                    "undo": "Not by undo_change: CF1_MAX_CHANGE (100) lets it delete fewer at once.",
                    "not_related": [{"reason": "it was not answered before the import stopped", "rows": "1"}],
                    "stopped": "The answer was an HTML page (6 bytes), not an answer of this API. Something between here and Cloudflare may have answered: ask the operator to check CLOUDFLARE_BASE_URL and the proxy.",
                    "next": "It may have been done: look before repeating it. Import only the missing rows again, and unknown rows once a search has not found them.",
                    "untrusted": ["change", "not_related", "stopped", "next"],
                }
            ),
        ),
    ],
    ids=["unavailable", "refused", "reset", "nonsense"],
)
async def test_what_was_created_before_an_import_stopped_is_reported(
    tenant: Tenant, breaks: bytes | Act, expected: JsonValue
) -> None:
    rows: list[JsonValue] = [row(ref="a"), row(parent_ref="a"), *create_rows(205)]
    async with serve_script(tenant, bulk_answer(range(100)), breaks) as (client, scripted):
        done = await confirmed(client, dataset_id=MINE, rows=rows, **WITHOUT_COMPARISON)
    assert {name: value for name, value in done.items() if name not in ("change_id", "created", "ids")} == expected
    assert len(scripted.requests) == 7
    change = await tenant.journal.change(str(done["change_id"]))
    assert change.outcome == done["status"] and isinstance(change.result, dict)
    assert [*created_ids(change.result)] == [*range(100)]
    # After an unknown outcome all are listed.
    assert done["created"] == (change.result["created"] if change.outcome == "unknown" else 100)


async def test_an_import_that_is_not_answered_at_all_is_unknown_to_the_journal(tenant: Tenant) -> None:
    async with serve_script(tenant, Act.RESET) as (client, scripted):
        told = await ask(client, TOOL, dataset_id=MINE, rows=[row()], **WITHOUT_COMPARISON)
    assert (told["status"], told["events"], told["unknown_rows"]) == ("unknown", 0, "0")
    assert "look before repeating" in str(told["next"]) and "The connection broke" in str(told["stopped"])
    assert len(scripted.requests) == 5
    assert [change.outcome for change in await tenant.journal.changes(5)] == ["unknown"]


async def test_an_import_that_is_refused_completely_has_failed(tenant: Tenant) -> None:
    async with serve_script(tenant, failed("403 Forbidden", "read only")) as (client, _):
        assert "The token may not do this" in await refused(
            client, TOOL, dataset_id=MINE, rows=[row()], **WITHOUT_COMPARISON
        )
    assert [change.outcome for change in await tenant.journal.changes(5)] == ["failed"]


async def test_an_import_whose_rows_are_all_refused_has_failed(tenant: Tenant) -> None:
    async with serve_script(tenant, bulk_answer(range(0), errors={0: "no", 1: "no"})) as (client, _):
        done = await ask(client, TOOL, dataset_id=MINE, rows=[row(), row()], **WITHOUT_COMPARISON)
    assert (done["status"], done["refused"]) == ("failed", [{"reason": "no", "rows": "0-1"}])


@pytest.mark.parametrize(
    ("count", "status", "name"), [(3, "done", "rows_without_id"), (1, "unknown", "unknown_rows")], ids=["made", "lost"]
)
async def test_rows_without_an_id_are_reported(tenant: Tenant, count: int, status: str, name: str) -> None:
    async with serve_script(tenant, bulk_answer(range(1), count=count)) as (client, _):
        done = await ask(client, TOOL, dataset_id=MINE, rows=[row(), row(), row()], **WITHOUT_COMPARISON)
    assert (done["status"], done["events"], done[name], created_ids(done)) == (status, count, "1-2", {0: uuid(0)})


async def test_indices_outside_the_request_are_ignored(tenant: Tenant) -> None:
    strange = answer(
        {"createdEventsCount": 1, "createdEvents": [{"eventIndex": index, "uuid": uuid(9)} for index in (-1, 1, 7)]}
    )
    async with serve_script(tenant, strange) as (client, _):
        done = await ask(client, TOOL, dataset_id=MINE, rows=[row()], **WITHOUT_COMPARISON)
    assert (done["status"], done["rows_without_id"], created_ids(done)) == ("done", "0", {})


@pytest.mark.parametrize(
    ("linked", "status"),
    [
        (
            answer(
                {"success": False, "relationships": [{"parentId": uuid(0), "childId": uuid(1), "relationshipType": ""}]}
            ),
            "partial",
        ),
        (answer({"success": True, "relationships": []}), "partial"),
        (failed("400 Bad Request", "no such parent"), "partial"),
        (failed("500 Internal Server Error", "oh"), "unknown"),
    ],
    ids=["no success", "success of nothing", "refused", "broken"],
)
async def test_links_count_only_if_the_api_confirms_them(tenant: Tenant, linked: bytes, status: str) -> None:
    async with serve_script(tenant, bulk_answer(range(2)), linked) as (client, _):
        done = await ask(client, TOOL, dataset_id=MINE, rows=[row(ref="a"), row(parent_ref="a")], **WITHOUT_COMPARISON)
    assert (done["status"], done["events"], done["relationships"]) == (status, 2, 0)
    reasons = done["not_related"]
    assert isinstance(reasons, list) and isinstance(reasons[0], dict) and reasons[0]["rows"] == "1"


async def test_a_slow_api_does_not_lose_the_ids_of_created_events(tenant: Tenant) -> None:
    new = NewEvent.model_validate(row() | {"raw": {"data": None}})
    batch = Batch(Dataset.model_validate(HOME), dict.fromkeys(range(150), new), (), "", 150)
    async with upstream(bulk_answer(range(100)), Act.HANG) as scripted, scripted.client() as api:
        with anyio.fail_after(RESERVED_SECONDS + 1):
            result = await import_batch(api, batch)
    assert (result.status, result.facts["events"], result.facts["unknown_rows"]) == ("unknown", 100, "100-149")
    async with upstream(Act.HANG) as scripted, scripted.client() as api:
        with anyio.fail_after(RESERVED_SECONDS + 0.5):
            result = await import_batch(api, batch)
    assert (result.status, result.facts["events"], result.facts["unknown_rows"]) == ("unknown", 0, "0-99")


# -- where only the older bulk create exists


def remove_bulk_route(tenant: Tenant) -> None:
    tenant.options = SandboxOptions(middleware=[Middleware(FaultInjector, parse_faults("405=1@create/bulk"))])


async def test_without_the_newer_route_one_family_is_created_by_the_older_and_its_ids_are_unknown(
    tenant: Tenant,
) -> None:
    remove_bulk_route(tenant)
    rows: list[JsonValue] = [row("top", ref="top"), row("one", parent_ref="top"), row("two", parent_ref="top")]
    async with tenant.server(tenant.allowed()) as client:
        done = await ask(client, TOOL, dataset_id=MINE, rows=rows)
        found = await ask(client, "search_threat_events", dataset_ids=[MINE])
        tenant.log.clear()
        undo = await refused(client, "undo_change", change_id=done["change_id"])
    assert without_variable_parts(done) == snapshot(
        {
            "source": "sandbox: fictional data, not intelligence",
            "status": "done",
            "change_id": "...",
            "change": "Create 3 events with 2 relationships in dataset 'Mine'.",
            "events": 3,
            "relationships": 2,
            "rows_without_id": "0-2",
            "created": [],
            "untrusted": ["change"],
        }
    )
    assert found["events"] == 3
    assert "lists no created events" in undo
    assert tenant.changes_sent() == []


@pytest.mark.parametrize(
    "rows",
    [
        [row()],
        [row(ref="a"), row("b", parent_ref="a"), row("c")],
        [row("b", parent_ref="a"), row(ref="a")],
        [row(ref="a"), row("b", parent_ref="a", relationship_type="caused_by")],
    ],
    ids=["no links", "one apart", "parent below", "another type"],
)
async def test_the_older_route_is_not_used_where_it_could_link_otherwise(tenant: Tenant, rows: list[JsonValue]) -> None:
    remove_bulk_route(tenant)
    async with tenant.server(tenant.allowed()) as client:
        words = await refused(client, TOOL, dataset_id=MINE, rows=rows)
    assert "does not know the bulk import" in words and "create_threat_event" in words
    assert tenant.changes_sent() == ["POST /events/create/bulk"]
