"""What is concluded from an API that ignores the search, and gives no clear answer to the question whether it does."""

from collections.abc import Callable
from pathlib import Path

import httpx
import pytest
from pydantic import JsonValue

from cf1_mcp.models import Tlp
from cf1_mcp.settings import Settings
from tests.conversations import ask, column, refused
from tests.fronts import Ask, Asked, Body, behind, fail
from tests.tenant import Tenant

pytestmark = pytest.mark.anyio

RED = Settings(max_tlp=Tlp.RED)
UNCLEAR = (
    "Whether the API heeds the search cannot be told: it returned events that do not show whether they fit, and gave "
    "no clear answer to a question that no event can fit. Nothing can be concluded from its answer. Try again later."
)
HOSTS = [f"node{number}.example.net" for number in range(7)]


async def build(folder: Path) -> Tenant:
    tenant = Tenant(folder)
    for number, host in enumerate(HOSTS):
        await tenant.add(
            f"Beacon {number}",
            attacker="FIN11",
            indicator=host,
            indicatorType="domain",
            date=f"2026-10-{number + 1:02}T00:00:00Z",
        )
    return tenant


def ignoring_search(control: Callable[[], httpx.Response | None]) -> Ask:
    """An API that ignores the search, and answers a search for something that cannot exist with `control`."""

    def ask_instead(asked: Asked) -> Body | httpx.Response:
        if asked.path == "/events/indicators":
            return fail(404)
        if asked.path != "/events":
            return asked.params
        is_control = any(word in asked.text for word in (".invalid", '"QM"', "9999-"))
        answered = control() if is_control else None
        kept = {name: one for name, one in asked.params.items() if name not in ("search", "searchBranches")}
        return kept if answered is None else answered

    return ask_instead


def answering(body: object) -> Callable[[], httpx.Response]:
    return lambda: httpx.Response(200, json=body)


NO_PROOF: dict[str, Callable[[], httpx.Response]] = {
    "a failure": lambda: fail(503),
    "a refusal": lambda: fail(422),
    "a denial": lambda: fail(403),
    "no such route": lambda: fail(404),
    "an empty object": answering({"success": True, "result": {}}),
    "null": answering({"success": True, "result": None}),
    "rows of nothing": answering({"success": True, "result": [None, 7]}),
    "an incomplete list": answering({"success": True, "result": [], "completeness": {"complete": False}}),
    "no rows beside a total": answering({"success": True, "result": [], "result_info": {"total_count": 7}}),
    "no rows and more to come": answering({"success": True, "result": [], "result_info": {"has_more": True}}),
}


@pytest.mark.parametrize("control", NO_PROOF.values(), ids=NO_PROOF)
async def test_without_proof_no_value_is_known_and_no_block_list_is_written(
    tmp_path: Path, control: Callable[[], httpx.Response]
) -> None:
    tenant = await build(tmp_path)
    async with behind(tenant, RED, ask=ignoring_search(control)) as (client, _):
        looked_up = await refused(client, "lookup_indicators", indicators=["harmless.example.com"])
        exported = await refused(
            client, "export_threat_events", format="blocklist", kind="domain", indicator_type=["ip"]
        )
        data = await ask(client, "search_threat_events", indicator_type=["ip"])
    assert looked_up == UNCLEAR
    assert exported == f"{UNCLEAR} No file was written."
    assert data["notes"] == [
        f"{UNCLEAR} 7 events that the API returned were left out. Asked about: indicatorType.",
        "Absence from these datasets does not show that something is benign.",
    ]
    assert "rows" not in data


async def test_a_value_that_an_event_shows_is_known_without_proof(tmp_path: Path) -> None:
    tenant = await build(tmp_path)
    async with behind(tenant, RED, ask=ignoring_search(lambda: fail(500))) as (client, _):
        data = await ask(client, "lookup_indicators", indicators=[HOSTS[2]], fields=["status"])
        found = await ask(client, "search_threat_events", indicator=[HOSTS[2], HOSTS[4]], fields=["event"])
    assert column(data, "status") == ["known"]
    assert column(found, "event") == ["Beacon 4", "Beacon 2"]
    assert "Nothing can be concluded from its answer" in str(found["notes"])


@pytest.mark.parametrize("row", [None, "a text", {"uuid": None}, {}])
async def test_a_row_that_cannot_be_read_is_a_row(tmp_path: Path, row: JsonValue) -> None:
    tenant = await build(tmp_path)

    def answer(asked: Asked, body: Body) -> Body:
        if asked.path != "/events":
            return body
        first, *others = body["result"]
        return {**body, "result": [{**first, **row} if isinstance(row, dict) and row else row, *others]}

    async with behind(tenant, RED, ask=ignoring_search(lambda: None), answer=answer) as (client, _):
        looked_up = await refused(client, "lookup_indicators", indicators=["harmless.example.com"])
        exported = await refused(
            client, "export_threat_events", format="blocklist", kind="domain", indicator_type=["ip"]
        )
    assert "Nothing can be concluded from its answer" in looked_up
    assert "Nothing can be concluded from its answer" in exported


async def test_what_was_not_proved_is_asked_again(tmp_path: Path) -> None:
    tenant = await build(tmp_path)
    failures = [fail(500)] * 40
    is_broken = True

    def control() -> httpx.Response | None:
        return failures.pop() if is_broken else httpx.Response(200, json={"success": True, "result": []})

    async with behind(tenant, RED, ask=ignoring_search(control)) as (client, _):
        before = await ask(client, "search_threat_events", created_since="2026-11-01", fields=["event"])
        is_broken = False
        after = await ask(client, "search_threat_events", created_since="2026-11-01", fields=["event"])
    assert "rows" not in before
    assert len(column(after, "event")) == len(HOSTS)


async def test_an_api_that_heeds_the_search_is_asked_once(tmp_path: Path) -> None:
    tenant = await build(tmp_path)
    async with behind(tenant, RED) as (client, front):
        await ask(client, "search_threat_events", created_since="2026-01-01")
        await ask(client, "search_threat_events", created_since="2026-01-01")
    assert len([one for one in front.asked if "9999-" in one.text]) == 1
