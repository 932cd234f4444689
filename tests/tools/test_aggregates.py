"""Counting events, by columns or in GraphQL."""

from pathlib import Path
from typing import Any

import pytest
from graphql import get_introspection_query
from inline_snapshot import snapshot
from mcp import Client
from pydantic import JsonValue

from cf1_mcp.api.wire.transport import network
from cf1_mcp.models import Tlp
from cf1_mcp.server.mcp_server import build_server
from cf1_mcp.settings import Credentials, Settings
from tests.conversations import ask, ask_for_text, column, refused, same_mark, text_of
from tests.policy.graphql_proof.schemas import introspected
from tests.tenant import NOW, Tenant
from tests.upstreams import ACCOUNT, TOKEN, answer, upstream

pytestmark = pytest.mark.anyio

DEFAULT = "Cloudforce One Threat Events"
MARKED = 'filter: [{field: tlp, op: in, value: ["clear", "green", "amber"]}]'


@pytest.mark.both_moods
async def test_counts_by_two_columns_come_largest_first(client: Client) -> None:
    text = await ask_for_text(
        client, "aggregate_threat_events", columns=["attacker", "target_industry"], since="7d", limit=3
    )
    assert text == snapshot("""\
[sandbox: fictional data, not intelligence]
groups: 3
events: 376
shown: 188 of 376 events
<untrusted MARK>
datasets: Cloudforce One Threat Events, Cybercrime, DDoS Attacks, Compromised Devices, ACME Incident Response
read_as: since: 7d as 2026-11-17T12:00:00Z
attacker	targetIndustry	count
COPPER LANTERN	Banking & Financial Services	106
		60
VELOUR CICADA	Insurance	22
</untrusted MARK>
Only the largest groups are shown: raise limit, or use a shorter period or fewer columns.
Events marked above TLP:AMBER are not searched (CF1_MAX_TLP).\
""")


async def test_analytics_datasets_are_counted_and_named_as_the_search_names_them(client: Client) -> None:
    counted = await ask(client, "aggregate_threat_events", columns="tlp")
    operational = await ask(client, "aggregate_threat_events", columns="tlp", dataset_ids=["operational"])
    searched = await ask(client, "search_threat_events", limit=1)
    names, fewer = counted["datasets"], operational["datasets"]
    assert isinstance(names, list) and isinstance(fewer, list)
    assert names == searched["datasets"]
    assert [name for name in names if name not in fewer] == ["Compromised Devices"]


async def test_a_trend_has_one_count_per_day(client: Client, sample: Tenant) -> None:
    data = await ask(
        client,
        "aggregate_threat_events",
        columns=["attackerCountry"],
        since="2026-11-20",
        until="2026-11-21",
        by="day",
        dataset_ids=[DEFAULT],
        limit=100,
    )
    assert set(column(data, "day")) == {"2026-11-20", "2026-11-21"}
    assert sample.log[-1].query == snapshot(
        [
            ("aggregateBy", "attackerCountry,tlp"),
            ("datasetId", "4c0157a5-9de0-5c1c-ae1c-4723e1a35b13"),
            ("startDate", "2026-11-20"),
            ("endDate", "2026-11-21T23:59:59Z"),
            ("groupByDate", "true"),
            ("limit", "10000"),
        ]
    )


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (
            {},
            snapshot(
                "columns: there is nothing to count by. Use at least one column, or by for a count of each day, week or month."
            ),
        ),
        (
            {"columns": []},
            snapshot(
                "columns: there is nothing to count by. Use at least one column, or by for a count of each day, week or month."
            ),
        ),
        (
            {"columns": ["colour"]},
            snapshot(
                """\
The API refused the request (400). Correct what it names and call again.
<untrusted MARK>
The API said: "aggregateBy 'colour' cannot be counted by; valid are attacker, attackerCountry, category, datasetId, indicatorType, killChain, mitreAttack, mitreCapec, tags, targetCountry, targetIndustry, tlp"
</untrusted MARK>\
"""
            ),
        ),
        (
            {"columns": ["tlp"], "since": "2026-13"},
            snapshot(
                "since: '2026-13' is not a date. Use an ISO date or time (2026-11-24, 2026-11, 2026-W48, 2026-11-24T08:00Z), today, yesterday 08:00, last week, or a time ago (24h, 7d, 4w, 3mo, P7D, 30 days ago)."
            ),
        ),
        (
            {"columns": ["tlp"], "since": "today", "until": "2020"},
            snapshot(
                "until: it is 2020-12-31T23:59:59Z, which is before since (2026-11-24T00:00:00Z). Use a later date, or none."
            ),
        ),
        ({"columns": ["tlp"], "limit": 5000}, snapshot("limit: Input should be less than or equal to 1000.")),
    ],
)
async def test_an_invalid_count_is_refused_with_the_valid_values(
    client: Client, arguments: dict[str, JsonValue], words: str
) -> None:
    assert await refused(client, "aggregate_threat_events", **arguments) == words


async def test_a_graphql_query_is_answered_with_its_data(client: Client, sample: Tenant) -> None:
    query = f"query Q($since: String) {{ threatEvents(groupBy: [tlp], startDate: $since, limit: 2, {MARKED}) {{ total groups {{ tlp count }} }} }}"
    data = await ask(client, "query_threat_graphql", query=query, variables='{"since": "2026-11-17"}')
    assert data == snapshot(
        {
            "source": "sandbox: fictional data, not intelligence",
            "data": {
                "threatEvents": {"total": 204, "groups": [{"tlp": "green", "count": 93}, {"tlp": "amber", "count": 59}]}
            },
            "untrusted": ["data"],
            "notes": [
                "The query names no dataset, so the API chose what it covers: probably its default dataset, 'Cloudforce One Threat Events', alone. For others name them in the query by uuid."
            ],
        }
    )
    assert sample.log[-1].body == {"query": query, "variables": {"since": "2026-11-17"}}


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (
            {"query": "mutation { x }"},
            snapshot("query: a mutation is refused. Use query operations only."),
        ),
        (
            {"query": f"{{ threatEvents(groupBy: [colour], {MARKED}) {{ total }} }}"},
            snapshot(
                "query: colour in groupBy in the arguments of threatEvents is not understood, so that it cannot be held to CF1_MAX_TLP (amber): use aggregate_threat_events, or ask the operator to change that setting."
            ),
        ),
        (
            {"query": "{ datasets { name }"},
            snapshot("query: Syntax Error: Expected Name, found < EOF>. Use a GraphQL query document."),
        ),
        ({"query": ""}, snapshot("query: String should have at least 1 character.")),
        (
            {"query": "{ datasets { name } }", "variables": "{nonsense"},
            snapshot("variables: Input should be a valid dictionary."),
        ),
    ],
)
async def test_an_invalid_graphql_query_is_refused_with_the_reason(
    client: Client, arguments: dict[str, JsonValue], words: str
) -> None:
    assert await refused(client, "query_threat_graphql", **arguments) == words


async def test_the_whole_graphql_schema_can_be_introspected(client: Client) -> None:
    text = await ask_for_text(client, "query_threat_graphql", query=get_introspection_query())
    assert "threatEvents" in text and len(text) < 40_000


@pytest.mark.parametrize(
    ("value", "variables", "words"),
    [
        ("$v", None, "variables: $v has no value. Use a value for every variable of the query."),
        ("[$a, $b]", {"a": "green"}, "variables: $b has no value. Use a value for every variable of the query."),
    ],
)
async def test_a_variable_without_a_value_is_named(
    tmp_path: Path, value: str, variables: dict[str, JsonValue] | None, words: str
) -> None:
    tenant = Tenant(tmp_path)
    query = f"query($v: String, $a: String, $b: String) {{ events(filter: [{{field: tlp, op: in, value: {value}}}]) {{ count }} }}"
    async with tenant.server(tenant.reading()) as client:
        assert await refused(client, "query_threat_graphql", query=query, variables=variables) == words
    assert not any("graphql" in line for line in tenant.requests())


MINE = "d0000000-0000-4000-8000-000000000001"
VIEWER_COUNT = '{ viewer { accounts { threatEventsAdaptiveGroups(filter: {tlp_in: ["green"], datasetId_in: ["%s"]}) { count } } } }'


async def ask_other_schema(
    shape: str,
    tmp_path: Path,
    query: str,
    **rules: Any,  # noqa: ANN401
) -> tuple[str, int]:
    """Return the answer to a query, and the number of requests, over a server with a GraphQL schema of another shape."""
    data = introspected(shape) if shape else None
    told = answer({"data": data} if data else {"data": None, "errors": ["introspection is disabled"]})
    dataset = answer(
        {"success": True, "result": [{"uuid": MINE, "name": "Mine"}, {"uuid": MINE[:-1] + "2", "name": "Yours"}]}
    )
    tags = answer({"success": True, "result": {"tags": [], "pagination": {}}})
    async with upstream(
        *([told] if data else [told, told]), answer({"data": {"viewer": {"accounts": [{"count": 7}]}}})
    ) as server:
        server.routes |= {"/events/dataset": dataset, "/events/tags": tags}
        base = f"http://127.0.0.1:{server.port}/client/v4"
        settings = Settings(credentials=Credentials(ACCOUNT, TOKEN), base_url=base, state_dir=tmp_path, **rules)
        async with Client(build_server(settings, lambda: network(base), clock=lambda: NOW)) as client:
            result = await client.call_tool("query_threat_graphql", {"query": query})
    return same_mark(text_of(result.content)), sum("graphql" in request for request in server.requests)


async def test_a_query_over_another_schema_names_the_datasets_that_it_covers(tmp_path: Path) -> None:
    text, requests = await ask_other_schema("viewer", tmp_path, VIEWER_COUNT % MINE, read_datasets=(MINE,))
    assert (text, requests) == snapshot(
        (
            """\
<untrusted MARK>
datasets: Mine
data: {"viewer":{"accounts":[{"count":7}]}}
</untrusted MARK>\
""",
            2,
        )
    )


async def test_without_introspection_a_restricted_server_names_the_way_out(tmp_path: Path) -> None:
    text, requests = await ask_other_schema("", tmp_path, VIEWER_COUNT % MINE, read_datasets=(MINE,))
    assert (text, requests) == snapshot(
        (
            "query: this API does not tell its GraphQL schema, so that it cannot be held to CF1_MAX_TLP (amber) and CF1_READ_DATASETS: use aggregate_threat_events, or ask the operator to change those settings.",
            2,
        )
    )


async def test_a_query_that_is_not_proved_is_refused_with_the_reason(tmp_path: Path) -> None:
    query = VIEWER_COUNT.replace("datasetId_in", 'OR: [{tlp: "red"}], datasetId_in') % MINE
    text, requests = await ask_other_schema("viewer", tmp_path, query)
    assert (text, requests) == snapshot(
        (
            "query: OR in the arguments of threatEventsAdaptiveGroups is not understood, so that it cannot be held to CF1_MAX_TLP (amber): use aggregate_threat_events, or ask the operator to change that setting.",
            1,
        )
    )


async def test_an_unrestricted_server_lets_any_query_through_without_a_schema(tmp_path: Path) -> None:
    text, requests = await ask_other_schema("viewer", tmp_path, "{ anything { at { all } } }", max_tlp=Tlp.RED)
    assert requests == 1 and "The query names no dataset, so the API chose what it covers" in text
