"""Data that the operator withholds stays withheld, however it is requested."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import replace

import pytest
from inline_snapshot import snapshot
from mcp import Client
from pydantic import JsonValue

from cf1_mcp.api.wire.transport import network
from cf1_mcp.models import Tlp
from cf1_mcp.server.mcp_server import build_server
from cf1_mcp.settings import Credentials, Settings
from tests.conversations import ask, ask_for_text, column, refused
from tests.tenant import NOW, Tenant
from tests.upstreams import ACCOUNT, TOKEN, answer, upstream

pytestmark = pytest.mark.anyio

DEFAULT = "Cloudforce One Threat Events"
OTHER = "Cybercrime"
OTHER_ID = "1845c219-708a-5742-ae10-15645f39ca69"
DEFAULT_ID = "4c0157a5-9de0-5c1c-ae1c-4723e1a35b13"


@asynccontextmanager
async def connected(sample: Tenant, settings: Settings) -> AsyncGenerator[Client]:
    async with Client(build_server(settings, sample.connect, clock=lambda: NOW)) as client:
        yield client


ONLY_DEFAULT = Settings(read_datasets=(f" {DEFAULT.upper()} ",), max_tlp=Tlp.RED)
UP_TO_GREEN = Settings(max_tlp=Tlp.GREEN)
WITHHELD_DATASET = "CF1_READ_DATASETS"

# Every way to name or reach a dataset that may not be read.
EVASIONS: list[tuple[str, str, dict[str, JsonValue]]] = [
    ("by name", "search_threat_events", {"dataset_ids": [OTHER]}),
    ("by uuid", "search_threat_events", {"dataset_ids": [OTHER_ID]}),
    ("in upper case", "search_threat_events", {"dataset_ids": [OTHER_ID.upper()]}),
    ("padded", "search_threat_events", {"dataset_ids": [f"  {OTHER}\t"]}),
    ("next to an allowed one", "search_threat_events", {"dataset_ids": [DEFAULT, OTHER]}),
    ("as a single text", "search_threat_events", {"dataset_ids": OTHER}),
    ("as JSON text", "search_threat_events", {"dataset_ids": f'["{OTHER}"]'}),
    ("unknown uuid", "search_threat_events", {"dataset_ids": ["d0000000-0000-4000-8000-000000000009"]}),
    ("scope word without allowed ones", "search_threat_events", {"dataset_ids": ["analytics"]}),
    ("saved query that reaches it", "search_threat_events", {"query_id": 4}),
    ("saved query in one that may not be read", "search_threat_events", {"query_id": 5}),
    ("count by name", "aggregate_threat_events", {"columns": ["tlp"], "dataset_ids": [OTHER]}),
    ("count by scope word", "aggregate_threat_events", {"columns": ["tlp"], "dataset_ids": ["analytics"]}),
    ("get by name", "get_threat_event", {"event_id": OTHER_ID, "dataset_id": OTHER}),
    ("get by uuid", "get_threat_event", {"event_id": OTHER_ID, "dataset_id": OTHER_ID}),
    ("related by name", "list_related_threat_events", {"event_id": OTHER_ID, "dataset_id": OTHER}),
    ("graphql without datasets", "query_threat_graphql", {"query": "{ threatEvents(groupBy: [tlp]) { total } }"}),
    ("graphql list of datasets", "query_threat_graphql", {"query": "{ datasets { name } }"}),
    (
        "graphql by scope word",
        "query_threat_graphql",
        {"query": '{ threatEvents(datasetIds: ["all"], groupBy: [tlp]) { total } }'},
    ),
    (
        "graphql by uuid",
        "query_threat_graphql",
        {"query": f'{{ threatEvents(datasetIds: ["{OTHER_ID}"], groupBy: [tlp]) {{ total }} }}'},
    ),
    (
        "graphql next to an allowed one",
        "query_threat_graphql",
        {"query": f'{{ threatEvents(datasetIds: ["{DEFAULT_ID}", "{OTHER_ID}"], groupBy: [tlp]) {{ total }} }}'},
    ),
    (
        "graphql variable",
        "query_threat_graphql",
        {
            "query": "query Q($d: [String!]) { threatEvents(datasetIds: $d, groupBy: [tlp]) { total } }",
            "variables": {"d": [OTHER_ID]},
        },
    ),
    (
        "graphql variable over an allowed default",
        "query_threat_graphql",
        {
            "query": f'query Q($d: [String!] = ["{DEFAULT_ID}"]) {{ threatEvents(datasetIds: $d, groupBy: [tlp]) {{ total }} }}',
            "variables": {"d": [OTHER_ID]},
        },
    ),
    (
        "graphql default of a variable",
        "query_threat_graphql",
        {
            "query": f'query Q($d: [String!] = ["{OTHER_ID}"]) {{ threatEvents(datasetIds: $d, groupBy: [tlp]) {{ total }} }}'
        },
    ),
    (
        "graphql variable that is null",
        "query_threat_graphql",
        {
            "query": f'query Q($d: [String!] = ["{DEFAULT_ID}"]) {{ threatEvents(datasetIds: $d, groupBy: [tlp]) {{ total }} }}',
            "variables": {"d": None},
        },
    ),
    (
        "graphql alias next to an allowed one",
        "query_threat_graphql",
        {
            "query": f'{{ a: threatEvents(datasetIds: ["{DEFAULT_ID}"], groupBy: [tlp]) {{ total }} '
            f'b: threatEvents(datasetIds: ["{OTHER_ID}"], groupBy: [tlp]) {{ total }} }}'
        },
    ),
    (
        "graphql fragment",
        "query_threat_graphql",
        {
            "query": "{ ...F } fragment F on Query { ...G } "
            f'fragment G on Query {{ threatEvents(datasetIds: ["{OTHER_ID}"], groupBy: [tlp]) {{ total }} }}'
        },
    ),
    (
        "graphql inline fragment",
        "query_threat_graphql",
        {"query": f'{{ ... on Query {{ threatEvents(datasetIds: ["{OTHER_ID}"], groupBy: [tlp]) {{ total }} }} }}'},
    ),
    (
        "graphql second operation",
        "query_threat_graphql",
        {
            "query": "query A { __typename } "
            f'query B {{ threatEvents(datasetIds: ["{OTHER_ID}"], groupBy: [tlp]) {{ total }} }}'
        },
    ),
    (
        "graphql behind a false skip",
        "query_threat_graphql",
        {"query": f'{{ threatEvents(datasetIds: ["{OTHER_ID}"], groupBy: [tlp]) @skip(if: false) {{ total }} }}'},
    ),
]


@pytest.mark.parametrize(("tool", "arguments"), [one[1:] for one in EVASIONS], ids=[one[0] for one in EVASIONS])
async def test_a_dataset_that_may_not_be_read_is_withheld_and_never_requested(
    sample: Tenant, tool: str, arguments: dict[str, JsonValue]
) -> None:
    async with connected(sample, ONLY_DEFAULT) as client:
        words = await refused(client, tool, **arguments)
    assert f"is withheld by {WITHHELD_DATASET}" in words
    assert [line for line in sample.requests() if line != "GET /events/dataset" and "/queries/" not in line] == []


async def test_the_refusal_names_the_rule_and_no_way_around_it(sample: Tenant) -> None:
    async with connected(sample, ONLY_DEFAULT) as client:
        assert await refused(client, "search_threat_events", dataset_ids=[OTHER]) == snapshot(
            """\
dataset_ids: dataset 'Cybercrime' is not among those that may be read, and any other is withheld by CF1_READ_DATASETS. Use this one, or its uuid.
<untrusted MARK>
Cloudforce One Threat Events
</untrusted MARK>\
"""
        )


async def test_a_scope_word_means_the_allowed_datasets(sample: Tenant) -> None:
    async with connected(sample, ONLY_DEFAULT) as client:
        for word in ("all", "*", "operational", " ALL "):
            data = await ask(client, "search_threat_events", dataset_ids=[word], limit=1)
            assert data["datasets"] == [DEFAULT]
            assert ("datasetId", DEFAULT_ID) in sample.log[-1].query


async def test_an_event_read_without_its_dataset_is_withheld_by_its_dataset(sample: Tenant) -> None:
    async with connected(sample, Settings(max_tlp=Tlp.RED)) as client:
        found = await ask(client, "search_threat_events", dataset_ids=[OTHER], fields=["uuid"], limit=1)
    event = column(found, "uuid")[0]
    async with connected(sample, ONLY_DEFAULT) as client:
        words = await refused(client, "get_threat_event", event_id=event)
        related = await refused(client, "list_related_threat_events", event_id=event)
    assert (
        words
        == related
        == snapshot(
            "This event is withheld by CF1_READ_DATASETS. Tell the person that the operator's setting forbids it."
        )
    )


async def test_events_of_other_datasets_in_a_response_are_withheld() -> None:
    datasets = [{"uuid": DEFAULT_ID, "name": DEFAULT}, {"uuid": OTHER_ID, "name": OTHER}]
    mine = {"uuid": "e0000000-0000-4000-8000-000000000001", "datasetId": DEFAULT_ID, "event": "mine", "tlp": "green"}
    others = {"uuid": "e0000000-0000-4000-8000-000000000002", "datasetId": OTHER_ID, "event": "theirs", "tlp": "green"}
    nobodys = {"uuid": "e0000000-0000-4000-8000-000000000003", "event": "of no dataset", "tlp": "green"}
    async with upstream(answer(datasets), answer([mine, others, nobodys]), answer(others)) as server:
        base = f"http://127.0.0.1:{server.port}/client/v4"
        settings = replace(ONLY_DEFAULT, credentials=Credentials(ACCOUNT, TOKEN), base_url=base)
        async with Client(build_server(settings, lambda: network(base))) as client:
            data = await ask(client, "search_threat_events", dataset_ids=[DEFAULT], fields=["event"])
            single = await refused(client, "get_threat_event", event_id=str(mine["uuid"]), dataset_id=DEFAULT)
    assert data["rows"] == [["mine"]] and "withheld" not in data
    assert single.startswith("The API answered about another event than the one asked for.")


async def test_a_cursor_of_another_scope_is_refused(sample: Tenant) -> None:
    async with connected(sample, Settings(max_tlp=Tlp.RED)) as client:
        wide = await ask(client, "search_threat_events", limit=5)
    async with connected(sample, ONLY_DEFAULT) as client:
        words = await refused(client, "search_threat_events", limit=5, cursor=wide["next_cursor"])
    assert "it belongs to other arguments" in words


async def test_a_search_returns_only_events_of_readable_datasets(sample: Tenant) -> None:
    async with connected(sample, ONLY_DEFAULT) as client:
        data = await ask(client, "search_threat_events", limit=200, fields=["dataset_id"])
        assert set(column(data, "dataset_id")) == {DEFAULT_ID}


async def test_lists_of_datasets_and_actors_contain_only_what_may_be_read(sample: Tenant) -> None:
    async with connected(sample, ONLY_DEFAULT) as client:
        assert await ask_for_text(client, "list_threat_datasets") == snapshot("""\
[sandbox: fictional data, not intelligence]
datasets: 1
<untrusted MARK>
name	uuid	kind	access
Cloudforce One Threat Events	4c0157a5-9de0-5c1c-ae1c-4723e1a35b13	operational	public
</untrusted MARK>
The operator restricts which datasets are listed (CF1_READ_DATASETS).\
""")
        attackers = await ask(client, "list_threat_vocabulary", kind="attackers")
        names = await ask(client, "list_threat_vocabulary", kind="datasets")
    assert "CINDER OTTER" not in column(attackers, "attackers") and "COPPER LANTERN" in column(attackers, "attackers")
    assert column(names, "datasets") == [DEFAULT]


async def test_graphql_over_allowed_datasets_runs(sample: Tenant) -> None:
    query = f'{{ threatEvents(datasetIds: ["{DEFAULT_ID}"], groupBy: [tlp], limit: 1) {{ groups {{ tlp }} }} }}'
    async with connected(sample, ONLY_DEFAULT) as client:
        assert (await ask(client, "query_threat_graphql", query=query))["data"] == snapshot(
            {"threatEvents": {"groups": [{"tlp": "green"}]}}
        )


# -- the TLP ceiling


@pytest.mark.parametrize("ceiling", list(Tlp))
async def test_no_list_shows_a_marking_above_the_ceiling(sample: Tenant, ceiling: Tlp) -> None:
    seen: set[str] = set()
    async with connected(sample, Settings(max_tlp=ceiling)) as client:
        cursor: JsonValue = None
        for _ in range(4):
            page = await ask(client, "search_threat_events", fields=["tlp"], limit=500, cursor=cursor)
            seen |= set(map(str, column(page, "tlp")))
            cursor = page.get("next_cursor")
    assert seen
    assert all(Tlp.of(marking).rank <= ceiling.rank for marking in seen)


async def test_the_rule_is_told_and_not_how_much_it_withholds(sample: Tenant) -> None:
    async with connected(sample, UP_TO_GREEN) as client:
        one = await ask(client, "search_threat_events", attacker=["COPPER LANTERN"], fields=["tlp"], limit=100)
        none = await ask(client, "search_threat_events", attacker=["COPPER LANTERN"], tlp=["red"])
    assert one["events"] == 100 and "withheld" not in {**one, **none}
    assert none["notes"] == snapshot(
        [
            "Without tlp there are events: this filter alone removes all of them.",
            "Events marked above TLP:GREEN are not searched (CF1_MAX_TLP).",
            "Absence from these datasets does not show that something is benign.",
        ]
    )


async def test_pages_with_withheld_rows_neither_skip_nor_repeat(sample: Tenant) -> None:
    async with connected(sample, UP_TO_GREEN) as client:
        whole = await ask(client, "search_threat_events", attacker=["COPPER LANTERN"], fields=["uuid"], limit=90)
        parts: list[JsonValue] = []
        cursor: JsonValue = None
        for _ in range(3):
            page = await ask(
                client, "search_threat_events", attacker=["COPPER LANTERN"], fields=["uuid"], limit=30, cursor=cursor
            )
            parts += column(page, "uuid") if page["events"] else []
            cursor = page["next_cursor"]
    assert parts == column(whole, "uuid")


async def test_one_event_above_the_ceiling_is_withheld(sample: Tenant) -> None:
    async with connected(sample, Settings(max_tlp=Tlp.RED)) as client:
        found = await ask(client, "search_threat_events", tlp=["red"], fields=["uuid"], limit=1)
    event = column(found, "uuid")[0]
    async with connected(sample, Settings()) as client:
        assert await refused(client, "get_threat_event", event_id=event, include=["raw"]) == snapshot(
            "This event is withheld by CF1_MAX_TLP (amber). Tell the person that the operator's setting forbids it."
        )
    assert not any("/raw" in line for line in sample.requests())


async def test_raw_evidence_is_withheld_by_its_own_marking(sample: Tenant) -> None:
    # The sandbox stores markings of events as ids of terms, and those of raw evidence as text.
    row = sample.store.db.execute(
        "SELECT e.uuid FROM event e JOIN raw r ON r.event = e.id JOIN term t ON t.id = e.tlp "
        "WHERE r.tlp IN ('red', 'amber+strict') AND t.value NOT IN ('red', 'amber+strict')"
    ).fetchone()
    async with connected(sample, Settings()) as client:
        data = await ask(client, "get_threat_event", event_id=str(row[0]), include=["raw"])
    assert data["raw"] == {"withheld": "by CF1_MAX_TLP (amber)"}


async def test_related_events_above_the_ceiling_are_left_out(sample: Tenant) -> None:
    async with connected(sample, Settings(max_tlp=Tlp.RED)) as client:
        found = await ask(
            client, "search_threat_events", text="Operation Ledger Frost", category=["Campaign"], fields=["uuid"]
        )
        root = column(found, "uuid")[0]
        everything = await ask(client, "list_related_threat_events", event_id=root, fields=["tlp"], limit=200)
    async with connected(sample, Settings()) as client:
        some = await ask(client, "list_related_threat_events", event_id=root, fields=["tlp"], limit=200)
    markings = [Tlp.of(str(marking)) for marking in column(everything, "tlp")]
    assert Tlp.RED in markings and "withheld" not in some
    assert all(Tlp.of(str(marking)).rank <= Tlp.AMBER.rank for marking in column(some, "tlp"))


async def test_counts_exclude_events_above_the_ceiling(sample: Tenant) -> None:
    async with connected(sample, Settings(max_tlp=Tlp.RED)) as client:
        by_marking = await ask(client, "aggregate_threat_events", columns=["attacker", "tlp"], limit=1000)
    rows = by_marking["rows"]
    assert isinstance(rows, list)
    allowed: dict[JsonValue, int] = {}
    for row in rows:
        assert isinstance(row, list) and isinstance(row[2], int)
        if Tlp.of(str(row[1])).rank <= Tlp.AMBER.rank:
            allowed[row[0]] = allowed.get(row[0], 0) + row[2]
    async with connected(sample, Settings()) as client:
        counted = await ask(client, "aggregate_threat_events", columns=["attacker"], limit=1000)
    assert dict(zip(column(counted, "attacker"), column(counted, "count"), strict=True)) == allowed
    assert counted["events"] == sum(allowed.values()) and "withheld" not in counted


GRAPHQL_MARKINGS = [
    "{ threatEvents(groupBy: [attacker]) { total } }",
    '{ threatEvents(groupBy: [attacker], filter: [{field: tlp, op: in, value: ["green", "red"]}]) { total } }',
    '{ threatEvents(groupBy: [attacker], filter: [{field: tlp, op: not, value: "red"}]) { total } }',
    "{ threatEvents(groupBy: [attacker], filter: [{field: tlp, op: in, value: []}]) { total } }",
    '{ threatEvents(groupBy: [attacker], filter: [{field: tlp, op: equals, value: "purple"}]) { total } }',
    '{ threatEvents(groupBy: [attacker], filter: [{field: attacker, value: "tlp"}]) { total } }',
    '{ a: threatEvents(groupBy: [tlp], filter: [{field: tlp, value: "green"}]) { total } b: threatEvents(groupBy: [tlp]) { total } }',
    "query Q($f: [Condition!]) { threatEvents(groupBy: [attacker], filter: $f) { total } }",
]


@pytest.mark.parametrize("query", GRAPHQL_MARKINGS)
async def test_graphql_may_not_count_above_the_ceiling(sample: Tenant, query: str) -> None:
    async with connected(sample, Settings()) as client:
        words = await refused(client, "query_threat_graphql", query=query)
    assert "counts above CF1_MAX_TLP (amber) are withheld" in words
    assert not any("graphql" in line for line in sample.requests())


async def test_a_malformed_document_is_refused_before_it_is_sent(sample: Tenant) -> None:
    async with connected(sample, Settings()) as client:
        for query in ("{ datasets { name }", "mutation { x }", "subscription { x }", "type X { y: Int }", "{" * 5000):
            await refused(client, "query_threat_graphql", query=query)
    assert not any("graphql" in line for line in sample.requests())
