"""The identity of a dataset is its uuid: no other spelling, and no name that could mean another, selects it."""

import time
from pathlib import Path

import pytest
from inline_snapshot import snapshot
from pydantic import JsonValue

from cf1_mcp.models import Dataset, Event, Tlp
from cf1_mcp.policy.datasets import DatasetIndex, UnclearDataset
from cf1_mcp.policy.read_policy import ReadPolicy
from cf1_mcp.policy.write_policy import WritePolicy
from cf1_mcp.text.uuids import looks_like_uuid, parse_uuid
from tests.canned_answers import copy_event
from tests.conversations import ask, refused
from tests.tenant import MINE, YOURS, Tenant

pytestmark = pytest.mark.anyio

NAME = "Vendor reports"
ALIKE = [
    "vendor REPORTS ",
    "Vendor  reports",
    "Vendor\u00a0reports",
    "Vendor\u2003\u00a0 reports",
    "Vendor\u200b reports",
    "\ufeffVendor reports",
    "Vendor rep\u00adorts",
    "\uff36endor reports",
    "Vendor reports\u3164",
    "\u202aVendor reports\u202c",
]
UUID = "1845c219-708a-5742-ae10-15645f39ca69"


def index(*names: str) -> DatasetIndex:
    return DatasetIndex(
        tuple(Dataset(uuid=f"e0000000-0000-4000-8000-{number:012}", name=name) for number, name in enumerate(names))
    )


@pytest.mark.parametrize("other", ALIKE)
def test_a_name_that_another_dataset_has_in_other_letters_identifies_neither(other: str) -> None:
    account = index(NAME, other, "Else")
    assert isinstance(account.find(NAME), UnclearDataset) and isinstance(account.find(other), UnclearDataset)
    granted = account.grant("CF1_READ_DATASETS", (NAME, "Else"))
    assert [dataset.name for dataset in granted.datasets] == ["Else"]
    assert granted.rule == snapshot(
        "CF1_READ_DATASETS (an entry allows nothing until the operator replaces it by a uuid: 'Vendor reports' is the name of more than one dataset)"
    )


@pytest.mark.parametrize("typed", [NAME, *ALIKE])
def test_a_name_that_one_dataset_has_identifies_it_in_every_spelling(typed: str) -> None:
    account = index(NAME, "Else")
    assert account.find(typed) is account.datasets[0]


@pytest.mark.parametrize(
    ("one", "other"), [("Kelvin", "\u212aelvin"), ("office", "o\ufb03ce"), ("ss", "\u00df"), ("1st", "\u2460st")]
)
def test_compatible_characters_make_two_names_equal(one: str, other: str) -> None:
    assert isinstance(index(one, other).find(one), UnclearDataset)


@pytest.mark.parametrize(("one", "other"), [("Mine", "M\u0456ne"), ("cafe", "caf\u00e9"), ("A-B", "A_B")])
def test_names_that_differ_in_their_letters_are_two(one: str, other: str) -> None:
    account = index(one, other)
    assert (account.find(one), account.find(other)) == account.datasets


@pytest.mark.parametrize("typed", [UUID, UUID.upper(), f" {UUID}\n", f"\u00a0{UUID}"])
def test_a_uuid_is_read_in_any_case_and_padding(typed: str) -> None:
    assert parse_uuid(typed) == UUID


DISGUISES = [
    UUID.replace("-", ""),
    f"{{{UUID}}}",
    f"urn:uuid:{UUID}",
    UUID.replace("-", "\u2010"),
    UUID.replace("-", "\u2212"),
    UUID.replace("1", "\uff11"),
    UUID.replace("1", "\u0661"),
    UUID.replace("a", "\uff41"),
    UUID.replace("f", "\uff46"),
    UUID.replace("4", "\u2074"),
    UUID.replace("-", "-\u200b"),
    UUID.replace("-", " "),
    f"(uuid) {UUID}",
]


@pytest.mark.parametrize("typed", DISGUISES)
def test_what_looks_like_a_uuid_is_neither_a_uuid_nor_a_name(typed: str) -> None:
    assert parse_uuid(typed) is None and looks_like_uuid(typed)
    account = DatasetIndex((Dataset(uuid=UUID, name=NAME), *index(typed).datasets))
    assert isinstance(account.find(typed), UnclearDataset)


@pytest.mark.parametrize("named", [UUID, UUID.upper(), f" {UUID} "])
def test_a_dataset_that_is_named_like_the_uuid_of_another_is_never_found_by_it(named: str) -> None:
    account = DatasetIndex((*index(named).datasets, Dataset(uuid=UUID, name=NAME)))
    assert account.find(named) is account.datasets[1]
    assert DatasetIndex(index(named).datasets).find(named) is None


def test_ligatures_do_not_make_a_uuid() -> None:
    uuid = "ff45c219-708a-5742-ae10-15645f39ca69"
    assert parse_uuid(uuid.replace("ff", "\ufb00")) is None
    policy = ReadPolicy((Dataset(uuid=uuid, name=NAME),), True, Tlp.RED)
    for written in (uuid.replace("ff", "\ufb00"), uuid.replace("c", "\uff43")):
        event = Event(uuid="e", dataset_id=written)
        assert policy.rule_against(event) == "CF1_READ_DATASETS"
    assert policy.rule_against(Event(uuid="e", dataset_id=uuid.upper())) is None


# -- over a server


def add_dataset(tenant: Tenant, name: str) -> str:
    return tenant.store.add_dataset(name).uuid


async def test_a_search_by_a_name_that_is_not_unique_is_refused_and_its_uuid_searches_one_dataset(
    tenant: Tenant,
) -> None:
    first, _ = add_dataset(tenant, NAME), add_dataset(tenant, "vendor REPORTS ")
    async with tenant.server(tenant.reading()) as client:
        words = await refused(client, "search_threat_events", dataset_ids=[NAME])
        await ask(client, "search_threat_events", dataset_ids=[first.upper()])
    assert words == snapshot(
        "dataset_ids: 'Vendor reports' is the name of more than one dataset. Use the uuid (list_threat_datasets)."
    )
    assert [value for name, value in tenant.log[-1].query if name == "datasetId"] == [first]


async def test_an_ambiguous_entry_of_the_read_list_allows_nothing_and_is_named(tenant: Tenant) -> None:
    add_dataset(tenant, NAME)
    other = add_dataset(tenant, "vendor REPORTS ")
    only = tenant.allowed(read_datasets=(NAME,))
    async with tenant.server(only) as client:
        whole = await refused(client, "search_threat_events")
        single = await refused(client, "search_threat_events", dataset_ids=[other])
    assert whole == snapshot(
        "Every dataset under 'all' is withheld by CF1_READ_DATASETS (an entry allows nothing until the operator replaces it by a uuid: 'Vendor reports' is the name of more than one dataset). Tell the person that the operator's setting forbids it."
    )
    assert single.replace(other, "OTHER") == snapshot(
        "dataset_ids: dataset 'OTHER' is withheld by CF1_READ_DATASETS (an entry allows nothing until the operator replaces it by a uuid: 'Vendor reports' is the name of more than one dataset). Tell the person that the operator's setting forbids it."
    )
    assert tenant.searches() == []


@pytest.mark.parametrize("rule", ["write_datasets", "delete_datasets"])
async def test_an_ambiguous_entry_of_a_list_of_changes_allows_nothing_and_is_named(tenant: Tenant, rule: str) -> None:
    first, other = add_dataset(tenant, NAME), add_dataset(tenant, "Vendor\u00a0reports")
    event = await tenant.add("event", NAME)
    lists: dict[str, object] = {"write_datasets": (first, other), "delete_datasets": (first, other), rule: (NAME,)}
    tool = "tag_threat_events" if rule == "write_datasets" else "untag_threat_events"
    async with tenant.server(tenant.allowed(**lists)) as client:
        for dataset in (first, other, NAME):
            words = await refused(client, tool, dataset_id=dataset, event_ids=[event.uuid], tags=["x"])
            assert "the uuid" in words if dataset == NAME else f"CF1_{rule.upper()} (an entry allows" in words
    assert tenant.changes_sent() == []


async def test_a_change_of_a_dataset_that_is_named_like_the_uuid_of_an_allowed_one_goes_to_the_allowed_one(
    tenant: Tenant,
) -> None:
    mine = tenant.dataset_id(MINE)
    decoy = add_dataset(tenant, mine.upper())
    new: dict[str, JsonValue] = {"category": "Phishing", "date": "2026-11-20", "event": "made", "tlp": "green"}
    async with tenant.server(tenant.allowed(write_datasets=(mine.upper(),))) as client:
        await ask(client, "create_threat_event", dataset_id=mine.upper(), **new)
        refusal = await refused(client, "create_threat_event", dataset_id=decoy, **new)
    assert "is withheld by CF1_WRITE_DATASETS" in refusal
    sent = tenant.log[-1].body
    assert isinstance(sent, dict) and sent["datasetId"] == mine and len(tenant.changes_sent()) == 1


UNKNOWN_UUID = "d0000000-0000-4000-8000-000000000009"
READING: list[tuple[str, str, dict[str, JsonValue]]] = [
    ("dataset_ids", "search_threat_events", {}),
    ("dataset_ids", "aggregate_threat_events", {"columns": ["category"]}),
    ("dataset_ids", "lookup_indicators", {"indicators": ["192.0.2.1"]}),
    ("dataset_ids", "profile_attacker", {"attacker": "Nobody"}),
    ("dataset_ids", "export_threat_events", {"format": "csv"}),
    ("dataset_id", "get_threat_event", {"event_id": UUID}),
    ("dataset_id", "list_related_threat_events", {"event_id": UUID}),
]
CHANGING: list[tuple[str, str, dict[str, JsonValue]]] = [
    ("dataset_id", "create_threat_event", {"category": "Phishing", "date": "2026-11-20", "event": "e", "tlp": "green"}),
    ("dataset_id", "tag_threat_events", {"event_ids": [UUID], "tags": ["x"]}),
    ("dataset_id", "untag_threat_events", {"event_ids": [UUID], "tags": ["x"]}),
    ("dataset_id", "update_threat_event", {"event_id": UUID, "event": "x"}),
    ("dataset_id", "delete_threat_events", {"event_ids": [UUID]}),
    ("dataset_id", "revert_threat_dataset", {"minutes_ago": 5}),
    ("dataset_id", "relate_threat_events", {"event_id": UUID, "related_ids": [UNKNOWN_UUID]}),
    ("dataset_id", "unrelate_threat_events", {"event_id": UUID, "related_ids": [UNKNOWN_UUID]}),
    ("dataset_id", "move_threat_events", {"event_ids": [UUID], "destination_dataset_id": MINE}),
    ("destination_dataset_id", "move_threat_events", {"event_ids": [UUID], "dataset_id": MINE}),
    (
        "related_dataset_id",
        "relate_threat_events",
        {"event_id": UUID, "related_ids": [UNKNOWN_UUID], "dataset_id": MINE},
    ),
]


@pytest.mark.parametrize(
    ("argument", "tool", "others"), READING + CHANGING, ids=[f"{one[1]} {one[0]}" for one in READING + CHANGING]
)
async def test_a_forbidden_dataset_and_none_at_all_give_the_same_answer(
    tenant: Tenant, argument: str, tool: str, others: dict[str, JsonValue]
) -> None:
    forbidden = tenant.dataset_id(YOURS)
    add_dataset(tenant, "Twice")
    add_dataset(tenant, "twice ")
    rules = {"read_datasets": (MINE,), "write_datasets": ("*",), "delete_datasets": ("*",)}
    pairs = [
        (YOURS, "Ysruo"),
        (f" {YOURS.upper()}\u00a0", " YSRUO\u00a0"),
        (forbidden, UNKNOWN_UUID),
        ("Twice", "Ecit"),
    ]
    pairs += [("Your", "Yuor"), (forbidden.upper(), UNKNOWN_UUID.upper())]
    async with tenant.server(tenant.allowed(**rules)) as client:
        for hidden, absent in pairs:
            answers: list[str] = []
            for name in (hidden, absent):
                value: JsonValue = [name] if argument == "dataset_ids" else name
                words = await refused(client, tool, **{**others, argument: value})
                answers.append(words.replace(name, "X").replace(name.strip(), "X"))
            told, also = answers
            assert told == also
            assert "is withheld by CF1_" in told and "did you mean" not in told
    assert {*tenant.requests()} <= {"GET /events/dataset", "GET /events/tags"}


async def test_the_refusal_of_a_dataset_names_those_that_may_be_read(tenant: Tenant) -> None:
    async with tenant.server(tenant.allowed(read_datasets=(MINE,))) as client:
        words = await refused(client, "search_threat_events", dataset_ids=["Mien"])
        changing = await refused(client, "delete_threat_events", dataset_id=YOURS, event_ids=[UUID])
    assert words == snapshot(
        """\
dataset_ids: dataset 'Mien' is not among those that may be read, and any other is withheld by CF1_READ_DATASETS, did you mean the first of these? Use this one, or its uuid.
<untrusted MARK>
Mine
</untrusted MARK>\
"""
    )
    assert changing == snapshot(
        """\
dataset_id: dataset 'Yours' is not among those that may be changed in this way, and any other is withheld by CF1_DELETE_DATASETS. Use this one, or its uuid.
<untrusted MARK>
Mine
</untrusted MARK>\
"""
    )


async def test_a_graphql_document_must_contain_the_very_text_of_the_uuid(tenant: Tenant) -> None:
    mine = tenant.dataset_id(MINE)
    query = "query Q($d: [String!]) { threatEvents(datasetIds: $d, groupBy: [tlp]) { total } }"
    spellings = [mine.upper(), f" {mine}", mine.replace("f", "\uff46"), f"{mine}\u200b", f"{mine}\u00a0", MINE]
    only = tenant.allowed(read_datasets=(mine.upper(),), max_tlp=Tlp.RED)
    async with tenant.server(only) as client:
        for spelling in spellings:
            if spelling != mine:
                words = await refused(client, "query_threat_graphql", query=query, variables={"d": [spelling]})
                assert "is withheld by CF1_READ_DATASETS" in words
        assert not any("graphql" in line for line in tenant.requests())
        await ask(client, "query_threat_graphql", query=query, variables={"d": [mine]})


@pytest.mark.parametrize("word", ["all", "*", " ALL ", "operational", "analytics", "\uff41ll"])
async def test_a_saved_query_over_a_scope_word_is_refused_whatever_there_is_beyond_the_read_list(
    tenant: Tenant, word: str
) -> None:
    query = f'{{"datasetId": ["{word}"]}}'
    alone = Tenant(tenant.folder, datasets=(MINE,))
    told: list[str] = []
    for one in (tenant, alone):
        async with one.server(one.allowed(read_datasets=(MINE,), write_datasets=("*",))) as client:
            told.append(await refused(client, "create_saved_query", name="new", query_json=query))
        assert one.changes_sent() == []
    assert told[0] == told[1] and "is withheld by CF1_WRITE_DATASETS" in told[0]


async def test_two_names_of_one_dataset_search_it_once(tenant: Tenant) -> None:
    mine = tenant.dataset_id(MINE)
    async with tenant.server(tenant.reading()) as client:
        data = await ask(client, "search_threat_events", dataset_ids=[MINE, mine, f"{mine.upper()}"])
    assert data["datasets"] == [MINE]
    assert [value for name, value in tenant.log[-1].query if name == "datasetId"] == [mine]


@pytest.mark.parametrize("tool", ["unrelate_threat_events", "untag_threat_events"])
@pytest.mark.parametrize("end", ["event", "other"])
async def test_a_copy_in_a_dataset_that_may_only_be_written_is_not_destroyed(
    tenant: Tenant, tool: str, end: str
) -> None:
    event, other = await tenant.add("event", YOURS, tags=["x"]), await tenant.add("other", YOURS, tags=["x"])
    async with tenant.api() as api:
        await api.relate_event(event.uuid, [other.uuid])
    for one in (event, other):
        await copy_event(tenant, one.uuid, YOURS, MINE)
    target = event if end == "event" else other
    calls: list[dict[str, JsonValue]] = [{"event_ids": [target.uuid], "tags": ["x"]}]
    if tool == "unrelate_threat_events":
        ids: dict[str, JsonValue] = {"event_id": event.uuid, "related_ids": [other.uuid]}
        calls = [ids, {**ids, "related_dataset_id": YOURS}, {**ids, "related_dataset_id": MINE}]
    async with tenant.server(tenant.allowed(write_datasets=(MINE, YOURS))) as client:
        for call in calls:
            await refused(client, tool, dataset_id=MINE, **call)
    assert tenant.changes_sent() == []


# -- large accounts


def test_an_account_of_5_000_datasets_is_resolved_in_milliseconds(tmp_path: Path) -> None:
    datasets = index(*[f"Dataset \u00e9 {number}" for number in range(5_000)]).datasets
    tenant = Tenant(tmp_path)
    settings = tenant.allowed(
        read_datasets=tuple(one.name for one in datasets[:4_000]),
        write_datasets=tuple(one.uuid for one in datasets[:4_000]),
    )
    start = time.perf_counter()
    account = DatasetIndex(datasets)
    granted = account.grant("CF1_READ_DATASETS", settings.read_datasets)
    policy = ReadPolicy(granted.datasets, True, Tlp.AMBER, account=account)
    write = WritePolicy(settings, datasets, policy)
    for dataset in datasets[:4_000]:
        assert write.require_writable(dataset.name) is dataset and write.may_write(dataset.uuid.upper())
    assert time.perf_counter() - start < 2
