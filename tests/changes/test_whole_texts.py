"""A person who is asked sees the whole text of a query that acts outside, or the change is refused."""

import json

import pytest
from inline_snapshot import snapshot
from mcp.client import ClientRequestContext
from mcp.types import ElicitRequestParams, ElicitResult
from pydantic import JsonValue

from cf1_mcp.models import QueryAlertFields, SavedQueryFields
from tests.conversations import ask, refused
from tests.tenant import Tenant

pytestmark = pytest.mark.anyio

Json = dict[str, JsonValue]


def text_of(tenant: Tenant, fillers: int) -> str:
    """Return the text of a query whose operative value comes last, after fillers of 90 characters."""
    values: JsonValue = [*(f"filler {number} {'f' * 80}" for number in range(fillers)), "operative"]
    search: JsonValue = [{"field": "event", "op": "in", "value": values}]
    return json.dumps({"datasetId": [tenant.dataset_id()], "search": search})


async def save(tenant: Tenant, text: str, *, with_alert: bool) -> None:
    fields = {"name": "stored", "query_json": text, "rule_enabled": False, "alert_enabled": False}
    async with tenant.api() as api:
        query = await api.create_query(SavedQueryFields.model_validate({**fields, "alert_rollup_enabled": False}))
        if with_alert:
            await api.create_alert(QueryAlertFields(query_id=query.id, frequency="immediate", enabled=False))
    tenant.log.clear()


CALLS: dict[str, tuple[str, Json]] = {
    "a new query": ("create_saved_query", {"name": "new", "rule_enabled": True}),
    "a new query that notifies": ("create_saved_query", {"name": "new", "alert_enabled": True}),
    "a new text": ("update_saved_query", {"query_id": 1, "rule_enabled": True}),
    "a stored text": ("update_saved_query", {"query_id": 1, "rule_enabled": True}),
    "an alert on a stored text": ("create_query_alert", {"query_id": 1, "frequency": "daily"}),
    "an alert that was off on a stored text": ("update_query_alert", {"alert_id": 1, "enabled": True}),
}


async def prepare(tenant: Tenant, name: str, fillers: int) -> tuple[str, Json]:
    tool, call = CALLS[name]
    text = text_of(tenant, fillers)
    saved = text if "stored" in name else text_of(tenant, 0).replace("operative", "old")
    await save(tenant, saved, with_alert="was off" in name)
    return tool, call if "stored" in name else {**call, "query_json": text}


@pytest.mark.parametrize("name", CALLS)
@pytest.mark.parametrize("fillers", [0, 20, 38])
async def test_a_person_sees_the_whole_text(tenant: Tenant, name: str, fillers: int) -> None:
    tool, call = await prepare(tenant, name, fillers)
    asked: list[str] = []

    async def agree(context: ClientRequestContext, params: ElicitRequestParams) -> ElicitResult:
        asked.append(params.message)
        return ElicitResult(action="accept", content={"answer": "yes"})

    async with tenant.server(tenant.allowed(approval="ask"), agree) as client:
        preview = await ask(client, tool, **call)
        done = await ask(client, tool, **call, confirm=preview["code"])
    assert '"operative"' in asked[0] and done["status"] == "done"


@pytest.mark.parametrize("name", CALLS)
@pytest.mark.parametrize("approval", ["ask", "operator"])
@pytest.mark.parametrize("fillers", [45, 99])
async def test_a_text_that_cannot_be_shown_whole_is_refused(
    tenant: Tenant, name: str, approval: str, fillers: int
) -> None:
    tool, call = await prepare(tenant, name, fillers)
    async with tenant.server(tenant.allowed(approval=approval)) as client:
        words = await refused(client, tool, **call)
    argument = {"create_saved_query": "query_json", "update_query_alert": "alert_id"}.get(tool, "query_id")
    assert words.replace(argument, "ARGUMENT") == snapshot(
        "ARGUMENT: the text of this query is longer than what the person who is asked is shown, and it acts outside. Use a text of at most 4,000 characters, or several queries."
    )
    assert tenant.changes_sent() == [] and not await tenant.approvals.waiting()


async def test_an_operator_sees_the_whole_text(tenant: Tenant) -> None:
    tool, call = await prepare(tenant, "a new text", 38)
    async with tenant.server(tenant.allowed(approval="operator")) as client:
        await ask(client, tool, **call)
    [request] = await tenant.approvals.waiting()
    assert '"operative"' in request.preview
