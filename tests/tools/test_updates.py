"""Changing an event: old values are journaled, a lower marking needs a code, and nothing is sent against a rule."""

import pytest
from inline_snapshot import snapshot
from pydantic import JsonValue
from starlette.middleware import Middleware
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Receive, Scope, Send

from cf1_mcp.models import Event, EventChange, Raw, RawChange, Tlp
from cf1_mcp.sandbox.options import SandboxOptions
from tests.canned_answers import with_canned_answer
from tests.conversations import ask, refused
from tests.tenant import MINE, YOURS, Tenant

pytestmark = pytest.mark.anyio


async def read_stored(tenant: Tenant, event: Event) -> tuple[Event, Raw]:
    """Return the event and its evidence as the API stores them now."""
    async with tenant.api() as api:
        now = await api.read_event(event.dataset_id, event.uuid)
        return now, await api.read_raw(now.uuid, now.raw_id)


@pytest.mark.both_moods
async def test_given_fields_are_changed_and_their_old_values_journaled(tenant: Tenant) -> None:
    event = await tenant.add(
        "old words", attacker="Old", indicator="a.example", indicatorType="domain", insight="kept", targetCountry="US"
    )
    async with tenant.server(tenant.allowed(mode="write")) as client:
        done = await ask(
            client,
            "update_threat_event",
            dataset_id=MINE,
            event_id=event.uuid.upper(),
            event="new words",
            attacker="",
            indicator="b.example",
            target_country="Germany",
            tlp="AMBER",
            category="phishing",
            raw_data={"of": "something else"},
            raw_tlp="amber",
        )
    assert {**done, "change_id": "...", "event_id": "...", "change": "..."} == snapshot(
        {
            "source": "sandbox: fictional data, not intelligence",
            "status": "done",
            "change_id": "...",
            "change": "...",
            "event_id": "...",
            "changed": ["attacker", "event", "indicator", "target_country", "tlp", "raw"],
            "read_as": ["category: phishing as Phishing", "target_country: Germany as DE"],
            "untrusted": ["change", "read_as"],
        }
    )
    assert tenant.changes_sent() == [f"PATCH /events/{event.uuid}", f"PATCH /events/{event.uuid}/raw/{event.raw_id}"]
    now, raw = await read_stored(tenant, event)
    assert (now.event, now.attacker, now.indicator, now.indicator_type, now.target_country, now.tlp, now.insight) == (
        "new words", "", "b.example", "domain", "DE", "amber", "kept",
    )  # fmt: skip
    assert (raw.data, raw.source, raw.tlp) == ({"of": "something else"}, "", "amber")
    change = await tenant.journal.change(str(done["change_id"]))
    assert change.outcome == "done"
    blank = {event.uuid: "EVENT", event.dataset_id: "DATASET", event.raw_id: "RAW"}
    assert replace_ids(change.intent.arguments["event"], blank) == snapshot(
        {
            "attacker": None,
            "datasetId": "DATASET",
            "event": "new words",
            "indicator": "b.example",
            "targetCountry": "DE",
            "tlp": "amber",
        }
    )
    assert replace_ids(change.intent.before, blank) == snapshot(
        {
            "event": {
                "attacker": "Old",
                "datasetId": "DATASET",
                "event": "old words",
                "indicator": "a.example",
                "indicatorType": "domain",
                "targetCountry": "US",
                "tlp": "green",
            },
            "marking": "green",
            "raw": {"data": {"of": "old words"}, "tlp": ""},
            "raw_marking": "amber",
            "seen": [],
        }
    )


def replace_ids(value: JsonValue, blank: dict[str, str]) -> JsonValue:
    match value:
        case dict():
            return {key: replace_ids(item, blank) for key, item in value.items()}
        case str():
            return blank.get(value, value)
        case _:
            return value


@pytest.mark.both_moods
async def test_the_journaled_values_restore_the_event(tenant: Tenant) -> None:
    event = await tenant.add("old words", attacker="Old", indicator="a.example", indicatorType="domain")
    before = await read_stored(tenant, event)
    change: dict[str, JsonValue] = {"indicator": "", "attacker": "New", "date": "2026-11-01", "raw_data": {}}
    async with tenant.server(tenant.allowed()) as client:
        done = await ask(client, "update_threat_event", dataset_id=MINE, event_id=event.uuid, **change)
    assert await read_stored(tenant, event) != before
    kept = (await tenant.journal.change(str(done["change_id"]))).intent.before
    assert isinstance(kept, dict)
    async with tenant.api() as api:
        await api.update_event(event.uuid, EventChange.model_validate(kept["event"]))
        await api.update_raw(event.uuid, event.raw_id, RawChange.model_validate(kept["raw"]))
    assert await read_stored(tenant, event) == before


async def test_unchanged_values_are_not_sent(tenant: Tenant) -> None:
    event = await tenant.add("same", attacker="Same", targetCountry="DE")
    async with tenant.server(tenant.allowed()) as client:
        done = await ask(
            client,
            "update_threat_event",
            dataset_id=MINE,
            event_id=event.uuid,
            tlp="TLP:GREEN",
            date="2026-11-20T01:00:00+01:00",
            target_country="de",
            attacker="Other",
            raw_data={"of": "same"},
        )
    assert done["changed"] == ["attacker"]
    assert tenant.changes_sent() == [f"PATCH /events/{event.uuid}"]


@pytest.mark.parametrize("typed", ["apt 32", "APT-32", "Apt32"])
async def test_another_spelling_of_an_attacker_is_read_as_in_a_search_and_told(tenant: Tenant, typed: str) -> None:
    await tenant.add("known", attacker="APT32")
    event = await tenant.add("new")
    async with tenant.server(tenant.allowed()) as client:
        done = await ask(client, "update_threat_event", dataset_id=MINE, event_id=event.uuid, attacker=typed)
    assert (await read_stored(tenant, event))[0].attacker == "APT32"
    assert done["read_as"] == [f"attacker: {typed} as APT32"]


async def test_a_new_attacker_is_kept_as_typed(tenant: Tenant) -> None:
    await tenant.add("known", attacker="APT32")
    event = await tenant.add("new")
    async with tenant.server(tenant.allowed()) as client:
        done = await ask(client, "update_threat_event", dataset_id=MINE, event_id=event.uuid, attacker="APT 33")
    assert (await read_stored(tenant, event))[0].attacker == "APT 33" and "read_as" not in done


@pytest.mark.parametrize(
    ("field", "typed", "words"),
    [
        (
            "target_industry",
            "hospitals",
            snapshot("""\
target_industry: the account does not know 'hospitals', did you mean the first of these? Use one of these.
<untrusted MARK>
Healthcare
Hospitality
</untrusted MARK>\
"""),
        ),
        (
            "target_country",
            "EU",
            snapshot("""\
target_country: 'EU' is a group of countries. Use one country.
<untrusted MARK>
Austria
Belgium
Bulgaria
Cyprus
Czechia
Germany
Denmark
Estonia
Spain
Finland
France
Greece
Croatia
Hungary
Ireland
Italy
Lithuania
Luxembourg
Latvia
Malta
Netherlands
Poland
Portugal
Romania
Sweden
Slovenia
Slovakia
</untrusted MARK>\
"""),
        ),
        (
            "target_country",
            "Kosovo",
            snapshot(
                "target_country: 'Kosovo' (XK) is not among the account's countries. Use a country from list_threat_vocabulary, kind countries."
            ),
        ),
        (
            "category",
            "C2",
            snapshot("""\
category: the account does not know 'C2', did you mean the first of these? Use one of these.
<untrusted MARK>
Command and Control
Phishing
</untrusted MARK>\
"""),
        ),
    ],
)
async def test_an_unknown_word_is_refused_with_the_nearest_by_meaning(
    tenant: Tenant, field: str, typed: str, words: str
) -> None:
    event = await tenant.add("one", target_industry="Healthcare", category="Command and Control")
    await tenant.add("two", target_industry="Hospitality", category="Phishing")
    async with tenant.server(tenant.allowed()) as client:
        said = await refused(client, "update_threat_event", dataset_id=MINE, event_id=event.uuid, **{field: typed})
    assert said == words


async def test_one_and_true_are_different_raw_values(tenant: Tenant) -> None:
    event = await tenant.add("typed", raw={"data": {"seen": 1}})
    async with tenant.server(tenant.allowed()) as client:
        await ask(client, "update_threat_event", dataset_id=MINE, event_id=event.uuid, raw_data={"seen": True})
    assert (await read_stored(tenant, event))[1].data == {"seen": True}


RULES: list[tuple[str, dict[str, object], dict[str, JsonValue], str]] = [
    ("in read mode", {"mode": "read"}, {}, "CF1_MODE"),
    ("without a write list", {"write_datasets": ()}, {}, "CF1_WRITE_DATASETS"),
    ("with a delete list alone", {"write_datasets": (), "delete_datasets": ("*",)}, {}, "CF1_WRITE_DATASETS"),
    ("in another dataset", {}, {"dataset_id": f" {YOURS.upper()}"}, "CF1_WRITE_DATASETS"),
    ("in what may not be read", {"read_datasets": (YOURS,)}, {}, "CF1_WRITE_DATASETS"),
    ("with its toolset off", {"toolsets": ("events",)}, {}, "CF1_TOOLSETS"),
    ("of an event above the ceiling", {"max_tlp": Tlp.CLEAR}, {}, "CF1_MAX_TLP (clear)"),
    ("to a marking above the ceiling", {}, {"tlp": "red"}, "CF1_MAX_TLP (amber)"),
    ("to a marking of raw above the ceiling", {}, {"raw_tlp": "amber-strict"}, "CF1_MAX_TLP (amber)"),
    ("of raw above the ceiling", {"max_tlp": Tlp.GREEN}, {"raw_tlp": "green"}, "CF1_MAX_TLP (green)"),
    ("of the source of raw above the ceiling", {"max_tlp": Tlp.GREEN}, {"raw_source": "x"}, "CF1_MAX_TLP (green)"),
]


@pytest.mark.parametrize(("changed", "other", "rule"), [one[1:] for one in RULES], ids=[one[0] for one in RULES])
async def test_nothing_is_changed_against_a_rule(
    tenant: Tenant, changed: dict[str, object], other: dict[str, JsonValue], rule: str
) -> None:
    event = await tenant.add("kept", raw={"data": {}, "tlp": "amber"})
    arguments: dict[str, JsonValue] = {"dataset_id": MINE, "event_id": event.uuid, "attacker": "X"}
    async with tenant.server(tenant.allowed(**changed)) as client:
        words = await refused(client, "update_threat_event", **(arguments | other))
    assert f"is withheld by {rule}" in words
    assert tenant.changes_sent() == []


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({}, snapshot("event_id: no new values are given. Use at least one field with its new value.")),
        (
            {"attacker": "Same"},
            snapshot("event_id: the event has these values already. Use other values, or leave it as it is."),
        ),
        (
            {"category": "Fishing"},
            snapshot(
                """\
category: the account does not know 'Fishing', did you mean the first of these? Use one of these.
<untrusted MARK>
Phishing
</untrusted MARK>\
"""
            ),
        ),
        ({"event": " "}, snapshot("event: it is empty. Use a text that is not blank.")),
        (
            {"indicator_type": "domain"},
            snapshot("indicator_type: there is no indicator of this type. Use indicator as well, or neither."),
        ),
        (
            {"indicator": "", "indicator_type": "domain"},
            snapshot("indicator_type: there is no indicator of this type. Use indicator as well, or neither."),
        ),
        (
            {"tlp": "purple"},
            snapshot("tlp: 'purple' is not a TLP marking. Use clear, green, amber, amber+strict or red."),
        ),
        (
            {"date": "2030-01-01"},
            snapshot("date: 2030-01-01T00:00:00Z is in the future. Use a time up to now (2026-11-24T12:00Z)."),
        ),
        (
            {"raw_data": {"body": "x" * 5_000_000}},
            snapshot("raw_data: it has 5,000,011 bytes. Use at most 1,000,000 bytes of JSON text."),
        ),
        (
            {"event_id": "aggregate", "attacker": "X"},
            snapshot("event_id: this is not an event uuid; take it from the uuid column of a search."),
        ),
        (
            {"tags": ["x"]},
            snapshot(
                "update_threat_event has no argument 'tags'. Valid arguments: attacker, attacker_country, category, confirm, dataset_id, date, event, event_id, event_ids, indicator, indicator_type, insight, raw_data, raw_source, raw_tlp, selection, target_country, target_industry, tlp."
            ),
        ),
    ],
)
async def test_invalid_arguments_are_refused(tenant: Tenant, change: dict[str, JsonValue], words: str) -> None:
    event = await tenant.add("kept", attacker="Same")
    arguments: dict[str, JsonValue] = {"dataset_id": MINE, "event_id": event.uuid}
    async with tenant.server(tenant.allowed()) as client:
        assert await refused(client, "update_threat_event", **(arguments | change)) == words
    assert tenant.changes_sent() == []


async def test_an_event_of_another_dataset_is_refused(tenant: Tenant) -> None:
    event = await tenant.add("theirs", YOURS)
    async with tenant.server(tenant.allowed()) as client:
        await refused(client, "update_threat_event", dataset_id=MINE, event_id=event.uuid, attacker="X")
    assert tenant.changes_sent() == []


class NoRawUpdates:
    """An API that lets raw evidence be read but not changed."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and scope["method"] == "PATCH" and "/raw/" in scope["path"]:
            body: dict[str, JsonValue] = {"success": False, "errors": [{"message": "too late"}], "result": {}}
            await JSONResponse(body, 400)(scope, receive, send)
        else:
            await self.app(scope, receive, send)


async def test_a_change_without_its_raw_evidence_is_partial(tenant: Tenant) -> None:
    event = await tenant.add("half")
    tenant.options = SandboxOptions(middleware=[Middleware(NoRawUpdates)])
    async with tenant.server(tenant.allowed()) as client:
        call: dict[str, JsonValue] = {"dataset_id": MINE, "event_id": event.uuid}
        half = await ask(client, "update_threat_event", **call, attacker="X", raw_source="Y")
        await refused(client, "update_threat_event", **call, raw_source="Y")
    assert {**half, "change_id": "...", "event_id": "...", "change": "..."} == snapshot(
        {
            "source": "sandbox: fictional data, not intelligence",
            "status": "partial",
            "change_id": "...",
            "change": "...",
            "event_id": "...",
            "changed": ["attacker"],
            "failed": [
                {
                    "part": "raw",
                    "reason": 'The API refused the request (400). Correct what it names and call again. (The API said: "too late")',
                }
            ],
            "untrusted": ["change", "failed"],
        }
    )
    outcomes = [change.outcome for change in await tenant.journal.changes(9)]
    assert outcomes == ["failed", "partial"]


async def test_a_response_with_other_values_is_a_failure(tenant: Tenant) -> None:
    event = await tenant.add("stubborn", attacker="Old")
    unchanged: JsonValue = {"success": True, "result": event.model_dump(mode="json", by_alias=True)}
    async with with_canned_answer(tenant, f"/events/{event.uuid}", unchanged) as client:
        done = await ask(client, "update_threat_event", dataset_id=MINE, event_id=event.uuid, attacker="New")
    assert {**done, "change_id": "...", "event_id": "...", "change": "..."} == snapshot(
        {
            "source": "sandbox: fictional data, not intelligence",
            "status": "failed",
            "change_id": "...",
            "change": "...",
            "event_id": "...",
            "changed": [],
            "differs": [{"field": "attacker", "sent": "New", "answered": "Old"}],
            "untrusted": ["change", "differs"],
        }
    )


async def test_nothing_is_sent_when_the_journal_cannot_be_written(tenant: Tenant) -> None:
    event = await tenant.add("kept")
    (tenant.folder / "journal.db").mkdir()
    async with tenant.server(tenant.allowed()) as client:
        await refused(client, "update_threat_event", dataset_id=MINE, event_id=event.uuid, attacker="X")
    assert tenant.changes_sent() == []
