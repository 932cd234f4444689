"""Every field of every object that the API answers, replaced by odd values: each costs its field at most."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import anyio
import httpx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydantic import BaseModel, JsonValue

from cf1_mcp.api.unwrapping import read_answer
from cf1_mcp.errors import UnexpectedAnswer
from cf1_mcp.models import (
    Aggregates,
    BulkCreated,
    Category,
    Country,
    Dataset,
    Event,
    EventPage,
    IndicatorPage,
    Moved,
    QueryAlert,
    Raw,
    RelationshipsCreated,
    SavedQuery,
    TagPage,
    Tlp,
)
from cf1_mcp.models.odd_values import MAX_COUNT
from cf1_mcp.sandbox.storage.sandbox_database import SandboxDatabase
from cf1_mcp.text.secrets import SecretMask
from tests.tenant import Tenant

pytestmark = pytest.mark.anyio

ODD: tuple[JsonValue, ...] = (
    None, "", " ", True, False, 0, 5, -1.5, 2**70, "words, with commas", "12", "1e999", "null", "[1", [], [" "],
    ["a", {}, None], [["a"]], {}, {"a": 1}, {"result": []},
)  # fmt: skip
READ: dict[str, Any] = {
    "/events": EventPage,
    "/events/dataset": list[Dataset],
    "/events/categories": list[Category],
    "/events/countries": list[Country],
    "/events/tags": TagPage,
    "/events/queries": list[SavedQuery],
    "/events/indicators": IndicatorPage,
    "/events/aggregate?aggregateBy=attacker,tlp": Aggregates,
}
UUID = "e0000000-0000-4000-8000-000000000001"
# Answers that the sample has no route to read from.
OTHERS: list[tuple[Any, JsonValue]] = [
    (list[QueryAlert], [{"id": one, "query_id": 2, "enabled": False, "frequency": "daily"} for one in (1, 2)]),
    (Raw, {"id": "1", "data": {"a": 1}, "source": "log", "tlp": "green", "created": "2026-11-20"}),
    (
        BulkCreated,
        {"createdEventsCount": 1, "createdTagsCount": 2, "errorCount": 0, "queuedIndicatorsCount": 3,
         "createBulkEventsRequestId": "r", "createdEvents": [{"eventIndex": 0, "shardId": "s", "uuid": UUID}],
         "errors": [{"eventIndex": 1, "error": "no"}]},
    ),
    (Moved, {"moved": 1, "indicatorsCopied": 2, "relationshipsCopied": 3, "insertFailures": [{"index": 1}]}),
    (
        RelationshipsCreated,
        {"success": True, "message": "m", "relationshipsCreated": 1,
         "relationships": [{"parentId": "a", "childId": "b", "relationshipType": "caused_by"}]},
    ),
]  # fmt: skip
NO_SECRETS = SecretMask([])
# Their objects are nothing without them.
ESSENTIAL = {"uuid", "name", "value", "alpha2", "id", "query_id", "moved", "createdEventsCount", "success"}


@dataclass
class Place:
    """A field of an object in an answer: `put` returns the answer with another value there."""

    shape: Any
    body: JsonValue
    field: str
    put: Callable[[JsonValue], JsonValue]
    row: int | None
    rows: str | None


@pytest.fixture(scope="session")
def answers(sample_database: SandboxDatabase, tmp_path_factory: pytest.TempPathFactory) -> list[tuple[Any, JsonValue]]:
    async def read() -> list[tuple[Any, JsonValue]]:
        tenant = Tenant(Path(tmp_path_factory.mktemp("answers")), store=sample_database)
        base = f"http://sandbox/client/v4/accounts/{'0' * 32}/cloudforce-one"
        async with httpx.AsyncClient(transport=tenant.connect()) as http:
            found = {path: (await http.get(base + path)).json()["result"] for path in READ}
        found["/events"] = {"result": found["/events"][:3]}
        return [(READ[path], body) for path, body in found.items()]

    return [*anyio.run(read), *OTHERS]


def places(shape: Any, body: JsonValue) -> list[Place]:  # noqa: ANN401 - of any model
    """Return the fields of an answer: those of its first row if it is a list, or has one."""
    name = next(
        (one for one in ("result", "tags", "indicators", "aggregations") if isinstance(body, dict) and one in body),
        None,
    )
    rows = body[name] if isinstance(body, dict) and name else body if isinstance(body, list) else None

    def put(field: str, value: JsonValue) -> JsonValue:
        if rows is None:
            assert isinstance(body, dict)
            return {**body, field: value}
        assert isinstance(rows, list) and isinstance(rows[0], dict)
        changed: list[JsonValue] = [{**rows[0], field: value}, *rows[1:3]]
        return {**body, name: changed} if isinstance(body, dict) and name else changed

    first = rows[0] if isinstance(rows, list) else body
    assert isinstance(first, dict)
    return [
        Place(shape, body, field, lambda value, field=field: put(field, value), None if rows is None else 0, name)
        for field in first
    ]


def read(place: Place, body: JsonValue) -> Any:  # noqa: ANN401 - of any model
    return read_answer(place.shape, "an operation", body, NO_SECRETS)


def rows_of(place: Place, found: Any) -> list[Any]:  # noqa: ANN401 - of any model
    if place.row is None:
        return [found]
    return list(getattr(found, place.rows)) if place.rows else list(found)


def dump(row: Any) -> dict[str, Any]:  # noqa: ANN401 - of any model
    return row.model_dump(by_alias=True) if isinstance(row, BaseModel) else dict(row)


def check(place: Place, value: JsonValue) -> None:
    """Read the answer with a value in one place, and compare it with the answer as it was."""
    first = place.body
    if place.row is not None:
        whole = place.body[place.rows] if isinstance(place.body, dict) and place.rows else place.body
        assert isinstance(whole, list)
        first = whole[0]
    assert isinstance(first, dict)
    before = rows_of(place, read(place, place.put(first[place.field])))
    try:
        after = rows_of(place, read(place, place.put(value)))
    except UnexpectedAnswer as error:
        assert place.field in ESSENTIAL and place.row is None, (place.shape, place.field, value, error)
        return
    if len(after) < len(before):
        assert place.field in ESSENTIAL and [dump(row) for row in after] == [dump(row) for row in before[1:]]
        return
    [one, *others], [was, *same] = after, before
    assert [dump(row) for row in others] == [dump(row) for row in same]
    odd, sound = dump(one), dump(was)
    also = {"name"} if isinstance(one, Dataset) else set[str]()
    assert {name for name in sound if odd[name] != sound[name]} <= {place.field, *also}, (place.field, value)
    check_guards(place.field, value, one, odd)


def check_guards(field: str, value: JsonValue, one: Any, odd: dict[str, Any]) -> None:  # noqa: ANN401 - of any model
    """A guard must not take an unreadable value for a harmless one, and no number for 0."""
    if field == "tlp" and isinstance(value, bool | list | dict):
        assert Tlp.of(odd["tlp"]) is Tlp.RED
    if isinstance(one, Event) and field == "datasetId" and isinstance(value, bool | list | dict):
        assert not odd["datasetId"]
    if isinstance(one, SavedQuery | QueryAlert) and field in ("alert_enabled", "rule_enabled", "enabled"):
        assert odd[field] or str(value).strip().lower() in ("false", "no", "0", "0.0", "-0.0"), value
    if field in ("count", "total", "numReferences", "numReferenced") and not isinstance(value, int | float):
        assert odd[field] in (None, 12), value
    if isinstance(one, Event) and isinstance(number := odd.get(field), int | float):
        assert abs(number) <= MAX_COUNT


def test_an_odd_value_costs_its_field(
    answers: list[tuple[Any, JsonValue]], record_property: Callable[[str, object], None]
) -> None:
    count = 0
    for shape, body in answers:
        for place in places(shape, body):
            for value in ODD:
                check(place, value)
                count += 1
    record_property("odd values in answers", f"{count:,}")
    assert count > 1_500


SCALARS = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=8)
VALUES = st.recursive(
    SCALARS, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3)
)


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_any_value_costs_its_field(answers: list[tuple[Any, JsonValue]], data: st.DataObject) -> None:
    value, number = data.draw(VALUES), data.draw(st.integers(0, 999))
    every = [place for shape, body in answers for place in places(shape, body)]
    check(every[number % len(every)], value)
