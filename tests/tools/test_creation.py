"""Creating an event: checked against the rules and the vocabulary, and journaled before anything is sent."""

import pytest
from inline_snapshot import snapshot
from pydantic import JsonValue

from cf1_mcp.models import Event, Tlp
from tests.canned_answers import with_canned_answer
from tests.conversations import ask, data_of, refused
from tests.tenant import MINE, YOURS, Tenant

pytestmark = pytest.mark.anyio

LEAST: dict[str, JsonValue] = {
    "dataset_id": MINE,
    "category": "Phishing",
    "date": "2026-11-20",
    "event": "A lure",
    "tlp": "green",
}


async def read_stored(tenant: Tenant, done: dict[str, JsonValue]) -> Event:
    """Return the event that a call created, as the API stores it."""
    created = done["created"]
    assert isinstance(created, list) and isinstance(created[0], dict)
    async with tenant.api() as api:
        return await api.read_event(tenant.store.datasets()[1].uuid, str(created[0]["uuid"]))


@pytest.mark.both_moods
async def test_an_event_is_created_as_it_was_given_and_journaled(tenant: Tenant) -> None:
    async with tenant.server(tenant.allowed(mode="write")) as client:
        done = await ask(
            client,
            "create_threat_event",
            dataset_id=MINE,
            category="phishing",
            date="2h",
            event="A lure\non two lines",
            tlp="TLP:WHITE",
            attacker="APT Example",
            attacker_country="cn",
            indicator="login.example.com",
            indicator_type="domain",
            insight="Seen twice",
            target_country="Germany",
            target_industry="government",
            tags=["wave", "Wave", " second "],
            raw_data={"subject": "Invoice"},
            raw_source="mail gateway",
            raw_tlp="amber",
        )
    assert {**done, "change_id": "...", "created": "..."} == snapshot(
        {
            "source": "sandbox: fictional data, not intelligence",
            "status": "done",
            "change_id": "...",
            "indicators": "a search or look-up may find new indicators only after some seconds",
            "change": "Create an event of category 'Phishing', marked clear, in dataset 'Mine'.",
            "created": "...",
            "undo": "undo_change deletes the event again. The undo needs CF1_MODE=full, the dataset in CF1_DELETE_DATASETS and a code. The current settings refuse it: CF1_MODE (write).",
            "read_as": [
                "category: phishing as Phishing",
                "date: 2h as 2026-11-24T10:00:00Z",
                "target_country: Germany as DE",
                "target_industry: government as Government",
            ],
            "untrusted": ["change", "read_as"],
        }
    )
    assert tenant.changes_sent() == ["POST /events/create"]
    event = await read_stored(tenant, done)
    assert event.model_dump(exclude={"uuid", "dataset_id", "raw_id"}, exclude_defaults=True) == snapshot(
        {
            "date": "2026-11-24T10:00:00Z",
            "event": """\
A lure
on two lines\
""",
            "category": "Phishing",
            "attacker": "APT Example",
            "attacker_country": "CN",
            "attacker_country_alpha3": "CHN",
            "indicator": "login.example.com",
            "indicator_type": "domain",
            "indicator_type_id": 5,
            "insight": "Seen twice",
            "kill_chain": 3.0,
            "mitre_attack": ["T1566"],
            "mitre_capec": ["98", "163"],
            "tags": ["wave", "second"],
            "target_country": "DE",
            "target_country_alpha3": "DEU",
            "target_industry": "Government",
            "tlp": "clear",
            "num_references": 0,
            "num_referenced": 0,
        }
    )
    async with tenant.api() as api:
        raw = await api.read_raw(event.uuid, event.raw_id)
    assert (raw.data, raw.source, raw.tlp) == snapshot(({"subject": "Invoice"}, "mail gateway", "amber"))
    journal = tenant.journal
    change = await journal.change(str(done["change_id"]))
    assert (change.outcome, change.intent.tool, change.intent.before) == ("done", "create_threat_event", None)
    assert change.intent.arguments["category"] == "Phishing" and change.result == {"created": done["created"]}
    assert await journal.verify() == []


async def test_empty_arguments_are_not_set(tenant: Tenant) -> None:
    names = ("attacker", "attacker_country", "indicator", "indicator_type", "insight", "target_country")
    nothing = dict.fromkeys([*names, "target_industry", "raw_data", "raw_source", "raw_tlp"], "")
    async with tenant.server(tenant.allowed(mode="write")) as client:
        least = await read_stored(tenant, await ask(client, "create_threat_event", **LEAST))
        filled = await read_stored(tenant, await ask(client, "create_threat_event", **LEAST, **nothing, tags=[]))
    assert filled.model_dump(exclude={"uuid", "raw_id"}) == least.model_dump(exclude={"uuid", "raw_id"})


async def test_an_undo_deletes_what_was_created(tenant: Tenant) -> None:
    async with tenant.server(tenant.allowed()) as client:
        done = await ask(client, "create_threat_event", **LEAST)
        preview = await ask(client, "undo_change", change_id=done["change_id"])
        undone = await ask(client, "undo_change", change_id=done["change_id"], confirm=preview["code"])
    assert (undone["status"], undone["deleted"]) == ("done", 1)


RULES: list[tuple[str, dict[str, object], dict[str, JsonValue], str]] = [
    ("in read mode", {"mode": "read"}, {}, "CF1_MODE"),
    ("without a write list", {"write_datasets": ()}, {}, "CF1_WRITE_DATASETS"),
    ("with a delete list alone", {"write_datasets": (), "delete_datasets": ("*",)}, {}, "CF1_WRITE_DATASETS"),
    ("in another dataset", {}, {"dataset_id": YOURS}, "CF1_WRITE_DATASETS"),
    ("in another dataset in upper case", {}, {"dataset_id": f" {YOURS.upper()} "}, "CF1_WRITE_DATASETS"),
    ("in what may not be read", {"read_datasets": (YOURS,)}, {}, "CF1_WRITE_DATASETS"),
    ("with its toolset off", {"toolsets": ("events",)}, {}, "CF1_TOOLSETS"),
    ("above the ceiling", {}, {"tlp": "red"}, "CF1_MAX_TLP (amber)"),
    ("above the ceiling, in another spelling", {}, {"tlp": " TLP:Amber-Strict "}, "CF1_MAX_TLP (amber)"),
    ("with raw above the ceiling", {}, {"raw_tlp": "RED"}, "CF1_MAX_TLP (amber)"),
]


@pytest.mark.parametrize(("changed", "other", "rule"), [one[1:] for one in RULES], ids=[one[0] for one in RULES])
async def test_nothing_is_created_against_a_rule(
    tenant: Tenant, changed: dict[str, object], other: dict[str, JsonValue], rule: str
) -> None:
    async with tenant.server(tenant.allowed(**changed)) as client:
        words = await refused(client, "create_threat_event", **(LEAST | other))
    assert f"is withheld by {rule}" in words
    assert tenant.changes_sent() == []


async def test_a_red_event_is_created_where_the_ceiling_is_red(tenant: Tenant) -> None:
    async with tenant.server(tenant.allowed(max_tlp=Tlp.RED)) as client:
        done = await ask(client, "create_threat_event", **(LEAST | {"tlp": "red"}))
    assert (await read_stored(tenant, done)).tlp == "red"


async def test_nothing_is_created_when_the_journal_cannot_be_written(tenant: Tenant) -> None:
    (tenant.folder / "journal.db").mkdir()
    async with tenant.server(tenant.allowed()) as client:
        assert "The change is not made" in await refused(client, "create_threat_event", **LEAST)
    assert tenant.changes_sent() == []


async def test_a_creation_with_other_values_is_partial(tenant: Tenant) -> None:
    made: dict[str, JsonValue] = {
        "uuid": "e0000000-0000-4000-8000-000000000001",
        "datasetId": "d0000000-0000-4000-8000-000000000002",
        "category": "Phishing",
        "date": "2026-11-20T00:00:00.000Z",
        "event": "A lure",
        "tlp": "clear",
        "tags": [" "],
    }
    async with with_canned_answer(tenant, "/events/create", {"success": True, "result": made}) as client:
        done = await ask(client, "create_threat_event", **LEAST, tags=["wave"])
    assert {**done, "change_id": "..."} == snapshot(
        {
            "source": "sandbox: fictional data, not intelligence",
            "status": "partial",
            "change_id": "...",
            "change": "Create an event of category 'Phishing', marked green, in dataset 'Mine'.",
            "created": [{"row": 0, "uuid": "e0000000-0000-4000-8000-000000000001"}],
            "differs": [
                {
                    "field": "dataset_id",
                    "sent": "a9fa1f29-a64a-58a3-af35-67f963de9ab6",
                    "answered": "d0000000-0000-4000-8000-000000000002",
                },
                {"field": "tlp", "sent": "green", "answered": "clear"},
                {"field": "tags", "not_set": ["wave"]},
            ],
            "read_as": ["date: 2026-11-20 as 2026-11-20T00:00:00Z"],
            "untrusted": ["change", "differs", "read_as"],
        }
    )


@pytest.mark.parametrize(
    ("answer", "status", "outcome"),
    [
        ({"success": False, "errors": [{"message": "quota"}], "result": {}}, 200, "unknown"),
        ({"success": False, "errors": [{"message": "no such thing"}], "result": {}}, 400, "failed"),
        ({"success": True, "result": {"uuid": None}}, 200, "unknown"),
    ],
)
async def test_a_creation_without_a_valid_response_is_not_a_success(
    tenant: Tenant, answer: JsonValue, status: int, outcome: str
) -> None:
    async with with_canned_answer(tenant, "/events/create", answer, status) as client:
        told = await client.call_tool("create_threat_event", {**LEAST})
    [change] = await tenant.journal.changes(2)
    assert (change.outcome, told.is_error) == (outcome, outcome == "failed")
    assert data_of(told).get("status", "failed") == outcome


# -- provenance

ARTICLE = "8f3d2c1a-0000-4000-8000-00000000000a"


@pytest.mark.both_moods
async def test_the_article_that_an_event_is_from_is_stored_and_shown(tenant: Tenant) -> None:
    async with tenant.server(tenant.allowed()) as client:
        call: dict[str, JsonValue] = {"dataset_id": MINE, "source_article": f" {ARTICLE.upper()} "}
        made = await ask(client, "create_threat_event", category="Phishing", date="1h", event="x", tlp="green", **call)
        assert made["status"] == "done"
        sent = next(one.body for one in tenant.log if one.path.endswith("/events/create"))
        assert isinstance(sent, dict)
        assert sent["source"] == {"system": "threat-signals", "resourceType": "article", "resourceId": ARTICLE}
        [row] = made["created"] if isinstance(made["created"], list) else []
        assert isinstance(row, dict)
        event = await ask(client, "get_threat_event", dataset_id=MINE, event_id=row["uuid"])
        assert event["source"] == "sandbox: fictional data, not intelligence"
        assert event["provenance"] == f"threat-signals article {ARTICLE}"


async def test_a_source_that_is_not_the_uuid_of_an_article_is_refused(tenant: Tenant) -> None:
    async with tenant.server(tenant.allowed()) as client:
        call: dict[str, JsonValue] = {"category": "Phishing", "date": "1h", "event": "x", "tlp": "green"}
        words = await refused(client, "create_threat_event", dataset_id=MINE, source_article="the news", **call)
    assert "source_article" in words and tenant.changes_sent() == []
