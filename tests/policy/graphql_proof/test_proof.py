"""Documents that the schema proves to be confined, and documents that it does not."""

from collections.abc import Callable
from typing import Final

import pytest
from graphql import build_schema, graphql_sync  # pyright: ignore[reportUnknownVariableType]
from pydantic import JsonValue

from cf1_mcp.api.live_schema import SHORT_INTROSPECTION, LiveSchema
from cf1_mcp.errors import ApiError, BadArgument, Forbidden, MissingRoute, Unavailable, Withheld
from cf1_mcp.models import Dataset, GraphqlAnswer, Tlp
from cf1_mcp.policy.datasets import DatasetIndex
from cf1_mcp.policy.graphql_check import UnprovedQuery, check_graphql_query, find_covered_datasets
from cf1_mcp.policy.read_policy import ReadPolicy
from tests.policy.graphql_proof.schemas import SCHEMAS, introspected

pytestmark = pytest.mark.anyio

MINE: Final = Dataset(uuid="d0000000-0000-4000-8000-000000000001", name="Mine")
YOURS: Final = Dataset(uuid="d0000000-0000-4000-8000-000000000002", name="Yours")
ACCOUNT: Final = DatasetIndex((MINE, YOURS))
# Only Mine, and only up to amber.
BOTH: Final = ReadPolicy((MINE,), True, Tlp.AMBER, account=ACCOUNT)
CEILING: Final = ReadPolicy((MINE, YOURS), False, Tlp.AMBER, account=ACCOUNT)
LISTED: Final = ReadPolicy((MINE,), True, Tlp.RED, account=ACCOUNT)
EVERYTHING: Final = ReadPolicy((MINE, YOURS), False, Tlp.RED, account=ACCOUNT)

D: Final = f'["{MINE.uuid}"]'
OTHER: Final = f'["{MINE.uuid}", "{YOURS.uuid}"]'
GREEN: Final = '{field: tlp, op: in, value: ["green", "amber"]}'

# The condition that limits datasets and markings of the "grouped" shape.
C: Final = f'search: [{{field: "tlp", op: "in", value: ["green"]}}, {{field: "datasetId", op: "in", value: {D}}}'

PROVED: Final[list[tuple[str, str, JsonValue]]] = [
    ("flat", f"{{ threatEvents(groupBy: [attacker], datasetIds: {D}, filter: [{GREEN}]) {{ total groups {{ count attacker }} }} }}", None),
    ("flat", f'{{ threatEvents(groupBy: [attacker], datasetIds: {D}, filter: [{{field: tlp, value: "green"}}]) {{ total }} }}', None),
    ("flat", f'{{ threatEvents(groupBy: [attacker], filter: [{GREEN}, {{field: datasetId, op: in, value: {D}}}, {{field: attacker, op: like, value: "a%"}}]) {{ total }} }}', None),
    ("flat", "query ($f: [Condition!], $d: [String!]) { threatEvents(groupBy: [tlp], datasetIds: $d, filter: $f) { total } }", {"d": [MINE.uuid], "f": [{"field": "tlp", "op": "in", "value": ["green"]}]}),
    ("flat", f"query ($d: [String!] = {D}) {{ a: threatEvents(groupBy: [tlp], datasetIds: $d, filter: [{GREEN}]) {{ total }} }}", None),
    ("flat", f"{{ ...A }} fragment A on Query {{ threatEvents(groupBy: [tlp], datasetIds: {D}, filter: [{GREEN}]) {{ ...B }} }} fragment B on EventGroups {{ groups {{ tlp count }} }}", None),
    ("flat", f"{{ threatEvents(groupBy: [tlp], datasetIds: {D}, filter: [{GREEN}]) {{ total groups @skip(if: true) {{ tlp }} }} __typename }}", None),
    ("flat", f"{{ counted(datasetIds: {D}, filter: [{GREEN}]) }}", None),
    ("viewer", f'{{ viewer {{ accounts(filter: {{accountTag: "x"}}) {{ threatEventsAdaptiveGroups(filter: {{tlp_in: ["green"], datasetId_in: {D}}}, limit: 10) {{ count dimensions {{ attacker }} }} }} }} }}', None),
    ("viewer", f'{{ viewer {{ accounts {{ threatEventsAdaptiveGroups(filter: {{AND: [{{tlp: "clear"}}, {{datasetId: "{MINE.uuid}"}}, {{attacker_like: "x"}}]}}) {{ count sum {{ total }} }} }} }} }}', None),
    ("viewer", f'{{ viewer {{ accounts {{ threatEventsAdaptiveGroups(filter: {{tlp_in: ["green"], tlp_neq: "red", datasetId_in: {D}, datetime_geq: "2026-01-01"}}, orderBy: [count_DESC]) {{ count }} }} }} }}', None),
    ("suffixes", f"{{ events(where: {{tlp_in: [GREEN, AMBER]}}, datasetIds: {D}, first: 5) {{ uuid attacker tlp datasetId }} }}", None),
    ("suffixes", f"{{ events(where: {{tlp: {{in: [GREEN]}}, dataset_id_in: {D}}}) {{ uuid }} }}", None),
    ("suffixes", f"{{ events(where: {{and: [{{tlp: {{eq: GREEN}}}}, {{dataset_id_in: {D}, attacker_contains: \"x\"}}]}}) {{ uuid }} }}", None),
    ("suffixes", f"{{ aggregate(input: {{where: {{tlp_in: [GREEN]}}, datasetIds: {D}, groupBy: [\"attacker\"]}}) {{ attacker count }} }}", None),
    ("connection", f'{{ threatEvents(tlp: ["green"], datasetId: {D}, first: 5) {{ totalCount edges {{ node {{ id attacker }} }} pageInfo {{ hasNextPage }} }} }}', None),
    ("connection", f'{{ threatEvents(tlp: "green", datasetId: "{MINE.uuid}") {{ edges {{ cursor }} }} }}', None),
    ("filterless", "{ __schema { queryType { name } } }", None),
    ("grouped", f'{{ threatEvents({C}], groupBy: ["attacker"]) {{ groups {{ key count }} }} }}', None),
    ("grouped", f'{{ threatEvents({C}], groupBy: ["attacker", "date"], metric: "count") {{ total groups {{ key value count }} }} }}', None),
    ("grouped", f'{{ threatEvents({C}], orderBy: [{{field: "count", direction: "desc"}}], page: {{number: 2}}, to: {{date: "2026-11-01"}}) {{ total pageInfo {{ nextCursor hasNextPage }} }} }}', None),
    ("grouped", f'{{ threatEvents({C}, {{field: "attacker", op: "like", value: "a%"}}]) {{ nodes {{ uuid attacker }} }} }}', None),
]  # fmt: skip

_CALL: Final = f"threatEvents(groupBy: [attacker], datasetIds: {D}"
_WHERE: Final = f"datasetIds: {D}, where"
_GROUPS: Final = "{ viewer { accounts { threatEventsAdaptiveGroups(filter: %s) { count } } } }"
_CONNECTION: Final = f'threatEvents(tlp: ["green"], datasetId: {D})'

REFUSED: Final[list[tuple[str, str, JsonValue]]] = [
    # datasets
    ("flat", f"{{ threatEvents(groupBy: [attacker], filter: [{GREEN}]) {{ total }} }}", None),
    ("flat", f"{{ threatEvents(groupBy: [attacker], datasetIds: {OTHER}, filter: [{GREEN}]) {{ total }} }}", None),
    ("flat", f'{{ threatEvents(groupBy: [attacker], datasetIds: ["all"], filter: [{GREEN}]) {{ total }} }}', None),
    ("flat", f"{{ threatEvents(groupBy: [attacker], datasetIds: [], filter: [{GREEN}]) {{ total }} }}", None),
    ("flat", f"{{ threatEvents(groupBy: [attacker], datasetIds: null, filter: [{GREEN}]) {{ total }} }}", None),
    ("flat", f"{{ threatEvents(groupBy: [attacker], excludeDatasetIds: {D}, filter: [{GREEN}]) {{ total }} }}", None),
    ("flat", f"{{ threatEvents(groupBy: [attacker], filter: [{GREEN}, {{field: datasetId, op: not, value: {D}}}]) {{ total }} }}", None),
    ("flat", f"query ($d: [String!] = {D}) {{ threatEvents(groupBy: [tlp], datasetIds: $d, filter: [{GREEN}]) {{ total }} }}", {"d": [YOURS.uuid]}),
    ("flat", f"query ($d: [String!] = {D}) {{ threatEvents(groupBy: [tlp], datasetIds: $d, filter: [{GREEN}]) {{ total }} }}", {"d": None}),
    ("flat", f"query A {{ {_CALL}, filter: [{GREEN}]) {{ total }} }} query B {{ threatEvents(groupBy: [tlp], filter: [{GREEN}]) {{ total }} }}", None),
    ("flat", "{ datasets { uuid name } }", None),
    ("flat", "{ datasets { eventCount } }", None),
    # markings
    ("flat", f"{{ {_CALL}) {{ total }} }}", None),
    ("flat", f'{{ {_CALL}, filter: [{{field: tlp, op: in, value: ["green", "red"]}}]) {{ total }} }}', None),
    ("flat", f'{{ {_CALL}, filter: [{{field: tlp, op: not, value: "red"}}]) {{ total }} }}', None),
    ("flat", f'{{ {_CALL}, filter: [{{field: tlp, op: like, value: "green"}}]) {{ total }} }}', None),
    ("flat", f"{{ {_CALL}, filter: [{{field: tlp, op: in, value: []}}]) {{ total }} }}", None),
    ("flat", f"{{ {_CALL}, exclude: [{GREEN}]) {{ total }} }}", None),
    ("flat", f"{{ {_CALL}, filter: [{GREEN}], exclude: [{GREEN}]) {{ total }} }}", None),
    ("flat", f"{{ {_CALL}, anyOf: [{GREEN}]) {{ total }} }}", None),
    ("flat", f'{{ {_CALL}, filter: [{{field: attacker, value: "tlp"}}]) {{ total }} }}', None),
    ("flat", f"{{ {_CALL}, filter: [{GREEN}]) {{ total groups {{ marking: tlp }} }} }}", None),
    ("flat", f"{{ {_CALL}, filter: [{GREEN}]) {{ groups {{ d: datasetId }} }} }}", None),
    ("flat", f"{{ {_CALL}, filter: [{GREEN}]) {{ groups {{ tags }} }} }}", None),
    ("flat", f"{{ threatEvents(groupBy: [tags], datasetIds: {D}, filter: [{GREEN}]) {{ total }} }}", None),
    ("flat", f'{{ {_CALL}, filter: [{GREEN}, {{field: hasChildren, value: "true"}}]) {{ total }} }}', None),
    ("flat", f'{{ loose(datasetIds: {D}, filter: [{{field: tlp, value: "green"}}]) {{ total }} }}', None),
    ("flat", "query ($f: [LooseCondition!], $d: [String!]) { loose(datasetIds: $d, filter: $f) { total } }", {"d": [MINE.uuid], "f": [{"field": "tlp", "value": ["green"]}]}),
    ("flat", f'{{ loose(datasetIds: {D}, filter: [{{field: tlp, op: in, value: "green", negate: true}}]) {{ total }} }}', None),
    ("flat", f"{{ either(datasetIds: {D}, filter: [{GREEN}]) {{ total }} }}", None),
    ("flat", f"{{ untyped(datasetIds: {D}, filter: [{GREEN}]) {{ total }} }}", None),
    ("flat", f"{{ wide(datasetIds: {D}, filter: [{GREEN}]) {{ total }} }}", None),
    ("flat", f"{{ blob(datasetIds: {D}, filter: [{GREEN}]) }}", None),
    ("flat", f"{{ {_CALL}, filter: [{GREEN}], nothing: 1) {{ total }} }}", None),
    ("flat", f"{{ {_CALL}, filter: [{GREEN}]) {{ nothing }} }}", None),
    ("flat", f"{{ nothing(datasetIds: {D}, filter: [{GREEN}]) {{ total }} }}", None),
    # Cloudflare's shape
    ("viewer", _GROUPS % f'{{OR: [{{tlp: "green"}}], datasetId_in: {D}}}', None),
    ("viewer", _GROUPS % f'{{tlp: "green", datasetId_in: {D}, OR: [{{attacker: "a"}}, {{attacker: "b"}}]}}', None),
    ("viewer", _GROUPS % f'{{NOT: {{tlp: "green"}}, datasetId_in: {D}}}', None),
    ("viewer", _GROUPS % f'{{tlp_notin: ["green"], datasetId_in: {D}}}', None),
    ("viewer", _GROUPS % f'{{tlp: "green", datasetId_in: {D}, hasChildren: true}}', None),
    ("viewer", f'{{ viewer {{ budget accounts {{ threatEventsAdaptiveGroups(filter: {{tlp: "green", datasetId_in: {D}}}) {{ count }} }} }} }}', None),
    ("viewer", f'{{ cost viewer {{ accounts {{ threatEventsAdaptiveGroups(filter: {{tlp: "green", datasetId_in: {D}}}) {{ count }} }} }} }}', None),
    ("viewer", f'{{ viewer {{ accounts {{ threatEventsAdaptiveGroups(filter: {{tlp: "green", datasetId_in: {D}}}) {{ relatives {{ count }} }} }} }} }}', None),
    ("viewer", f'{{ viewer {{ accounts {{ threatEventsAdaptiveGroups(filter: {{tlp: "green", datasetId_in: {D}}}) @everything {{ count }} }} }} }}', None),
    ("viewer", f'{{ viewer {{ accounts {{ threatDatasets(filter: {{tlp: "green", datasetId_in: {D}}}) {{ name events }} }} }} }}', None),
    ("viewer", f'{{ viewer {{ accounts {{ threatEventsAdaptiveGroups(filter: {{tlp: "green", datasetId_in: {D}}}, orderBy: [numReferences_DESC]) {{ count }} }} }} }}', None),
    # no filters, suffixes
    ("filterless", "{ events { uuid } }", None),
    ("filterless", "{ summary { events } }", None),
    ("filterless", f'{{ events(tlp: ["green"], datasetIds: {D}) {{ uuid }} }}', None),
    ("suffixes", f"{{ events({_WHERE}: {{}}) {{ uuid }} }}", None),
    ("suffixes", f"{{ events({_WHERE}: {{tlp_not: RED}}) {{ uuid }} }}", None),
    ("suffixes", f"{{ events({_WHERE}: {{tlp: {{not_in: [RED]}}}}) {{ uuid }} }}", None),
    ("suffixes", f"{{ events({_WHERE}: {{tlp: {{in: [GREEN], orNull: true}}}}) {{ uuid }} }}", None),
    ("suffixes", f"{{ events({_WHERE}: {{or: [{{tlp_in: [GREEN]}}, {{attacker_contains: \"x\"}}]}}) {{ uuid }} }}", None),
    ("suffixes", f"{{ events({_WHERE}: {{tlp_in: [GREEN], children: {{tlp_in: [RED]}}}}) {{ uuid }} }}", None),
    ("suffixes", f"{{ events({_WHERE}: {{tlp_in: [GREEN], score_gt: 5}}) {{ uuid }} }}", None),
    ("suffixes", f"{{ events({_WHERE}: {{tlp_in: [AMBER_STRICT]}}) {{ uuid }} }}", None),
    ("suffixes", f'{{ events({_WHERE}: {{tlp_in: [GREEN]}}, after: "x") {{ uuid }} }}', None),
    ("suffixes", f"{{ events({_WHERE}: {{tlp_in: [GREEN]}}) {{ related {{ uuid }} }} }}", None),
    ("suffixes", f"{{ events({_WHERE}: {{tlp_in: [GREEN]}}) {{ dataset {{ eventCount }} }} }}", None),
    ("suffixes", f"{{ events({_WHERE}: {{tlp_in: [GREEN]}}) {{ numReferences }} }}", None),
    ("suffixes", f"{{ events({_WHERE}: {{tlp_in: [GREEN]}}) {{ hasChildren }} }}", None),
    ("suffixes", f"{{ events({_WHERE}: {{tlp_in: [GREEN]}}) {{ rawData }} }}", None),
    ("suffixes", f"{{ attackers(where: {{tlp_in: [GREEN], dataset_id_in: {D}}}) {{ name eventCount }} }}", None),
    ("suffixes", f"{{ attackers(where: {{tlp_in: [GREEN], dataset_id_in: {D}}}) {{ events {{ uuid }} }} }}", None),
    ("suffixes", f"{{ datasets(where: {{tlp_in: [GREEN], dataset_id_in: {D}}}) {{ eventCount }} }}", None),
    ("suffixes", f"{{ aggregate(input: {{datasetIds: {D}, excludeTlp: [RED]}}) {{ count }} }}", None),
    # relatives
    ("connection", f"{{ {_CONNECTION} {{ unfilteredCount }} }}", None),
    ("connection", f'{{ {_CONNECTION} {{ edges {{ node {{ related(tlp: ["green"], datasetId: {D}) {{ totalCount }} }} }} }} }}', None),
    ("connection", f"{{ {_CONNECTION} {{ edges {{ node {{ related {{ totalCount }} }} }} }} }}", None),
    ("connection", f"{{ {_CONNECTION} {{ edges {{ node {{ relatedCount }} }} }} }}", None),
    ("connection", f"{{ {_CONNECTION} {{ edges {{ node {{ items {{ id }} }} }} }} }}", None),
    ("connection", f'{{ event(id: "x") {{ related(tlp: ["green"], datasetId: {D}) {{ totalCount }} }} }}', None),
    ("connection", f'{{ node(id: "x") {{ ... on Event {{ related(tlp: ["green"], datasetId: {D}) {{ totalCount }} }} }} }}', None),
    # groups, and arguments that say how to count
    ("grouped", f"{{ threatEvents({C}]) {{ groups {{ key count }} }} }}", None),
    ("grouped", f"{{ threatEvents({C}]) {{ groups {{ key }} }} }}", None),
    ("grouped", f'{{ threatEvents({C}], groupBy: ["campaign"]) {{ groups {{ key count }} }} }}', None),
    ("grouped", f'{{ threatEvents({C}], groupBy: ["label"]) {{ total }} }}', None),
    ("grouped", f'{{ threatEvents({C}], groupBy: ["attacker"]) {{ groups {{ label }} }} }}', None),
    ("grouped", f'{{ threatEvents({C}], page: {{datasetId: "x"}}) {{ total }} }}', None),
    ("grouped", f'{{ threatEvents({C}], to: {{or: {{tlp: "red"}}}}) {{ total }} }}', None),
    ("grouped", f'{{ threatEvents({C}], orderBy: [{{field: "labels"}}]) {{ total }} }}', None),
    ("grouped", f'{{ threatEvents({C}], orderBy: [{{labels: "desc"}}]) {{ total }} }}', None),
    ("grouped", f'{{ threatEvents({C}], metric: "popularity") {{ total }} }}', None),
    ("grouped", f'{{ threatEvents({C}, {{field: "labels", op: "equals", value: "x"}}]) {{ total }} }}', None),
    ("grouped", f'{{ threatEvents({C}, {{field: "campaign", op: "equals", value: "x"}}]) {{ total }} }}', None),
    ("grouped", f"{{ threatEvents({C}]) {{ nodes {{ nextUuid }} }} }}", None),
    ("grouped", f"{{ threatEvents({C}]) {{ nodes {{ previousEvent }} }} }}", None),
    ("grouped", f"{{ threatEvents({C}]) {{ nodes {{ labels }} }} }}", None),
    ("grouped", f'{{ dataset(id: "x", {C}]) {{ name }} }}', None),
    ("connection", 'mutation { x }', None),
    ("connection", 'subscription { x }', None),
]  # fmt: skip


def live_schema(shape: str) -> tuple[LiveSchema, list[str]]:
    """Return the schema of a server of a shape, and the documents that it was sent. "" tells no schema."""
    sent: list[str] = []

    async def send(document: str) -> GraphqlAnswer:
        sent.append(document)
        return GraphqlAnswer.model_validate({"data": introspected(shape)} if shape else {"errors": ["disabled"]})

    return LiveSchema(send), sent


@pytest.mark.parametrize(("shape", "document", "variables"), PROVED)
async def test_a_confined_document_is_proved(shape: str, document: str, variables: dict[str, JsonValue] | None) -> None:
    live, _ = live_schema(shape)
    parsed = await check_graphql_query(document, variables, BOTH, live)
    assert parsed.is_introspection or await find_covered_datasets(parsed, BOTH, live) == ("Mine",)


@pytest.mark.parametrize(("shape", "document", "variables"), REFUSED)
async def test_a_document_that_is_not_confined_is_refused(
    shape: str, document: str, variables: dict[str, JsonValue] | None
) -> None:
    live, _ = live_schema(shape)
    with pytest.raises((BadArgument, Withheld, UnprovedQuery)):
        await check_graphql_query(document, variables, BOTH, live)


def test_about_as_many_documents_as_planned_are_in_the_table(record_property: Callable[[str, object], None]) -> None:
    record_property(
        "GraphQL documents", f"{len(PROVED)} proved and {len(REFUSED)} refused, over {len(SCHEMAS)} schemas"
    )
    assert len(PROVED) + len(REFUSED) >= 60
    assert len({document for _, document, _ in [*PROVED, *REFUSED]}) >= 90


async def test_a_list_of_datasets_is_allowed_where_all_may_be_seen() -> None:
    live, _ = live_schema("flat")
    await check_graphql_query("{ datasets { uuid name isPublic } }", None, CEILING, live)
    with pytest.raises(UnprovedQuery):
        await check_graphql_query("{ datasets { eventCount } }", None, CEILING, live)


async def test_without_a_ceiling_only_the_datasets_count() -> None:
    live, _ = live_schema("flat")
    await check_graphql_query(
        f"{{ threatEvents(groupBy: [tags], datasetIds: {D}) {{ groups {{ tags }} }} }}", None, LISTED, live
    )
    with pytest.raises(Withheld):
        await check_graphql_query("{ threatEvents(groupBy: [tlp]) { total } }", None, LISTED, live)


async def test_any_query_passes_where_everything_may_be_seen_and_nothing_is_asked_for_it() -> None:
    live, sent = live_schema("")
    for shape, document, variables in [*PROVED, *REFUSED]:
        if not document.startswith(("mutation", "subscription")):
            await check_graphql_query(document, variables, EVERYTHING, live)  # pyright: ignore[reportArgumentType]
            assert shape
    assert not sent


@pytest.mark.parametrize("policy", [BOTH, CEILING, LISTED], ids=["both", "ceiling", "listed"])
async def test_without_a_schema_a_restricted_server_refuses_in_one_sentence(policy: ReadPolicy) -> None:
    live, sent = live_schema("")
    texts: set[str] = set()
    for _ in range(3):
        with pytest.raises(UnprovedQuery) as refusal:
            await check_graphql_query(PROVED[0][1], None, policy, live)
        texts.add(str(refusal.value))
    [text] = texts
    assert text.startswith("query: this API does not tell its GraphQL schema, so that it cannot be held to CF1_")
    assert "use aggregate_threat_events, or ask the operator to change" in text and text.count(". ") == 0
    # The whole introspection and the short one, once.
    assert len(sent) == 2


@pytest.mark.parametrize(
    ("refusal", "why"),
    [
        (Unavailable("The API failed (500).", 500), "it fails where it is asked for it"),
        (MissingRoute("No such route.", 404), "this account has no GraphQL"),
        (Forbidden("Not allowed.", 403), "the token or the account may lack GraphQL"),
    ],
)
async def test_how_the_api_refuses_to_tell_the_schema_is_told_and_remembered(refusal: ApiError, why: str) -> None:
    sent: list[str] = []

    async def send(document: str) -> GraphqlAnswer:
        sent.append(document)
        raise refusal

    live = LiveSchema(send)
    for _ in range(3):
        with pytest.raises(UnprovedQuery, match=why) as text:
            await check_graphql_query(PROVED[0][1], None, BOTH, live)
        assert "use aggregate_threat_events, or ask the operator" in str(text.value)
    assert len(sent) == 2


async def test_an_api_that_cannot_be_reached_is_asked_for_the_schema_again() -> None:
    async def send(_: str) -> GraphqlAnswer:
        raise Unavailable("The API was too slow.", 504)

    with pytest.raises(Unavailable):
        await LiveSchema(send).read()


async def test_the_schema_is_asked_for_once() -> None:
    live, sent = live_schema("flat")
    for _ in range(3):
        await check_graphql_query(PROVED[0][1], None, BOTH, live)
    assert len(sent) == 1


async def test_the_short_introspection_is_enough() -> None:
    for shape in SCHEMAS:
        answer = graphql_sync(build_schema(SCHEMAS[shape]), SHORT_INTROSPECTION)
        asked: list[str] = []

        async def send(
            document: str, data: dict[str, object] | None = answer.data, asked: list[str] = asked
        ) -> GraphqlAnswer:
            asked.append(document)
            return GraphqlAnswer.model_validate(
                {"data": data} if document == SHORT_INTROSPECTION else {"errors": ["too deep"]}
            )

        assert await LiveSchema(send).read() is not None and len(asked) == 2


@pytest.mark.parametrize(
    ("document", "names"),
    [
        (f"{{ threatEvents(groupBy: [tlp], datasetIds: {OTHER}) {{ total }} }}", ("Mine", "Yours")),
        (f"{{ threatEvents(groupBy: [tlp], excludeDatasetIds: {D}) {{ total }} }}", None),
        ("{ threatEvents(groupBy: [tlp]) { total } }", None),
        ('{ threatEvents(groupBy: [tlp], datasetIds: ["all"]) { total } }', None),
        (f"{{ threatEvents(groupBy: [tlp], datasetIds: {D}) {{ total }} datasets {{ eventCount }} }}", None),
    ],
)
async def test_covered_datasets_are_named_only_where_they_are_proved(
    document: str, names: tuple[str, ...] | None
) -> None:
    live, _ = live_schema("flat")
    parsed = await check_graphql_query(document, None, EVERYTHING, live)
    assert await find_covered_datasets(parsed, EVERYTHING, live) == names
