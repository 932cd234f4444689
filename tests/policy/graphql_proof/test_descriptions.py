"""What descriptions of a schema and names of its leaves say against a proof."""

import pytest
from graphql import build_schema, introspection_from_schema

from cf1_mcp.api.live_schema import LiveSchema
from cf1_mcp.errors import Withheld
from cf1_mcp.models import Dataset, GraphqlAnswer, Tlp
from cf1_mcp.policy.datasets import DatasetIndex
from cf1_mcp.policy.graphql_check import UnprovedQuery, check_graphql_answer, check_graphql_query
from cf1_mcp.policy.read_policy import ReadPolicy

pytestmark = pytest.mark.anyio

MINE = Dataset(uuid="d0000000-0000-4000-8000-000000000001", name="Mine")
YOURS = Dataset(uuid="d0000000-0000-4000-8000-000000000002", name="Yours")
CEILING = ReadPolicy((MINE,), False, Tlp.AMBER, account=DatasetIndex((MINE,)))
RESTRICTED = ReadPolicy((MINE,), True, Tlp.RED, account=DatasetIndex((MINE, YOURS)))
DOUBTS = (
    "Rules are joined with OR",
    "One or more of the criteria",
    "At least one must hold.",
    "Alternatives",
    "One condition is enough.",
    "The union of what each selects",
    "All events but not these",
    "Events to leave out: they are excluded",
    "The complement is counted.",
    "Denylist of markings",
    "Negates the clause",
    "Obsolete and unused",
    "Not yet implemented",
    "Used to highlight rows",
    "Filters only the list, regardless of totals",
    "Takes place after aggregation",
)
PLACES = ("field", "argument", "input", "key", "operator", "values")


def live_schema(place: str = "", words: str = "", leaf: str = "attacker: String") -> LiveSchema:
    told = {one: f'"{words}"' if one == place else "" for one in PLACES}
    schema = build_schema(
        f"""
        type Query {{ {told["field"]} threatEvents({told["argument"]} search: [Rule!], limit: Int): Page }}
        {told["input"]} input Rule {{ {told["key"]} field: String! {told["operator"]} op: Op value: [String!] }}
        {told["values"]} enum Op {{ in equals }}
        type Page {{ total: Int nodes: [Event!] }}
        type Event {{ uuid: ID category: String {leaf} }}
        """
    )
    data = dict(introspection_from_schema(schema))

    async def send(_: str) -> GraphqlAnswer:
        return GraphqlAnswer.model_validate({"data": data})

    return LiveSchema(send)


def document(leaf: str) -> str:
    return f'{{ threatEvents(search: [{{field: "tlp", op: in, value: ["green"]}}]) {{ total nodes {{ {leaf} }} }} }}'


@pytest.mark.parametrize("words", DOUBTS)
async def test_a_description_that_leaves_open_what_a_limit_does_proves_nothing(words: str) -> None:
    for place in PLACES:
        with pytest.raises(UnprovedQuery, match="as alternatives, exclusions, or without effect"):
            await check_graphql_query(document("attacker"), None, CEILING, live_schema(place, words))


@pytest.mark.parametrize(
    "words",
    [
        "Every condition must hold.",
        "At most ten; all of them have to be met.",
        "Counts events by one or more columns, highest first.",
        "Without a filter of datasetId, operational datasets.",
    ],
)
async def test_a_plain_description_is_no_obstacle(words: str) -> None:
    for place in PLACES:
        await check_graphql_query(document("attacker"), None, CEILING, live_schema(place, words))


@pytest.mark.parametrize(
    "leaf", ["highestTlp", "seenElsewhere", "actorEvents", "copies", "reports", "campaigns", "attackerRank", "summary"]
)
async def test_a_leaf_that_is_no_column_of_events_may_tell_of_others(leaf: str) -> None:
    with pytest.raises(UnprovedQuery, match=leaf):
        await check_graphql_query(document(leaf), None, CEILING, live_schema(leaf=f"{leaf}: String"))


async def test_a_total_that_is_described_as_one_of_all_events_is_refused() -> None:
    leaf = '"The attacker, of all events of the account" indicator: String'
    with pytest.raises(UnprovedQuery, match="indicator"):
        await check_graphql_query(document("indicator"), None, CEILING, live_schema(leaf=leaf))


@pytest.mark.parametrize(
    "answer",
    [
        {"groups": [{"key": YOURS.uuid, "count": 3}]},
        {"nodes": [{"dataset_id": YOURS.uuid.upper()}]},
        {"nodes": [{"datasetIds": [MINE.uuid, YOURS.uuid]}]},
        {"nodes": [{"dataset": "Somewhere else"}]},
    ],
)
def test_an_answer_that_names_a_withheld_dataset_is_withheld(answer: dict[str, object]) -> None:
    with pytest.raises(Withheld):
        check_graphql_answer(answer, RESTRICTED)  # pyright: ignore[reportArgumentType]


@pytest.mark.parametrize("answer", [{"tlps": ["green", "red"]}, {"TLP_marking": "red"}, {"tlp": 5}])
def test_an_answer_with_a_marking_above_the_ceiling_is_withheld(answer: dict[str, object]) -> None:
    with pytest.raises(Withheld):
        check_graphql_answer(answer, CEILING)  # pyright: ignore[reportArgumentType]
