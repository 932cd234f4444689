"""A person's approval: through the client, or at the operator's terminal."""

import sys

import anyio
import pytest
from inline_snapshot import snapshot
from mcp import Client
from mcp.client import ClientRequestContext
from mcp.types import ElicitRequestParams, ElicitResult
from pydantic import JsonValue

from cf1_mcp.contracts import tool as tool_runs
from cf1_mcp.server.mcp_server import build_server
from tests.conversations import ask, refused
from tests.tenant import MINE, Tenant

pytestmark = pytest.mark.anyio


async def prepare_deletion(tenant: Tenant, client: Client) -> dict[str, JsonValue]:
    """Return the arguments of a deletion with the code of its preview."""
    event = await tenant.add("false positive")
    call: dict[str, JsonValue] = {"dataset_id": MINE, "event_ids": [event.uuid]}
    preview = await ask(client, "delete_threat_events", **call)
    tenant.log.clear()
    return call | {"confirm": preview["code"]}


def answering(result: ElicitResult) -> "type[Person]":
    class Answer(Person):
        answer = result

    return Answer


class Person:
    """A person who uses the client."""

    answer = ElicitResult(action="accept", content={"answer": "yes"})
    asked: list[str]

    def __init__(self) -> None:
        self.asked = []

    async def __call__(self, context: ClientRequestContext, params: ElicitRequestParams) -> ElicitResult:
        self.asked.append(params.message)
        return self.answer


@pytest.mark.parametrize("mode", ["auto", "legacy"])
async def test_a_person_who_agrees_sees_the_change_before_it_is_made(tenant: Tenant, mode: str) -> None:
    person = Person()
    server = build_server(tenant.allowed(approval="ask"), tenant.connect, clock=lambda: tenant.now)
    async with Client(server, mode="legacy" if mode == "legacy" else "auto", elicitation_callback=person) as client:
        call = await prepare_deletion(tenant, client)
        done = await ask(client, "delete_threat_events", **call)
    assert (done["status"], person.asked) == snapshot(
        (
            "done",
            [
                """\
change: Delete 1 event from dataset 'Mine' for good.
events: 1
relationships_cut: 0
references_cut: 0
markings: {"green":1}
markings_of_evidence: {"amber":1}
undo: undo_change creates the events again from the journal, with new ids, raw evidence and relationships. The undo needs CF1_MODE=write, the dataset in CF1_WRITE_DATASETS and in some cases a code and the consent of a person (CF1_APPROVAL=ask).
-- sample
| tlp | date | attacker | event | indicator | uuid
| green | 2026-11-20 00:00 | | false positive | | b04e2883-9c62-41ed-a4f0-f5a73c7275eb
1 of 1 event shown.\
"""
            ],
        )
    )


@pytest.mark.parametrize("mode", ["auto", "legacy"])
@pytest.mark.parametrize(
    "result",
    [
        ElicitResult(action="accept", content={"answer": "no"}),
        ElicitResult(action="decline"),
        ElicitResult(action="cancel"),
        ElicitResult(action="accept", content={"answer": "maybe"}),
        ElicitResult(action="accept", content={}),
        ElicitResult(action="accept"),
    ],
    ids=["no", "decline", "cancel", "nonsense", "empty", "nothing"],
)
async def test_any_answer_but_yes_changes_nothing(tenant: Tenant, mode: str, result: ElicitResult) -> None:
    server = build_server(tenant.allowed(approval="ask"), tenant.connect, clock=lambda: tenant.now)
    person = answering(result)()
    async with Client(server, mode="legacy" if mode == "legacy" else "auto", elicitation_callback=person) as client:
        await refused(client, "delete_threat_events", **await prepare_deletion(tenant, client))
    assert len(person.asked) >= 1 and tenant.changes_sent() == []


@pytest.mark.parametrize(
    ("result", "cause"),
    [
        (ElicitResult(action="accept", content={"answer": "no"}), "the person answered no"),
        (ElicitResult(action="decline"), "the person did not agree to it"),
        (ElicitResult(action="cancel"), "the person did not agree to it"),
    ],
    ids=["no", "decline", "cancel"],
)
async def test_the_answer_of_the_person_is_the_reason(tenant: Tenant, result: ElicitResult, cause: str) -> None:
    server = build_server(tenant.allowed(approval="ask"), tenant.connect, clock=lambda: tenant.now)
    async with Client(server, elicitation_callback=answering(result)()) as client:
        words = await refused(client, "delete_threat_events", **await prepare_deletion(tenant, client))
    assert words == f"Nothing was changed: {cause}. Do not repeat the call unless the person asks for it again."


async def test_a_client_without_elicitation_is_refused(tenant: Tenant) -> None:
    async with tenant.server(tenant.allowed(approval="ask")) as client:
        words = await refused(client, "delete_threat_events", **await prepare_deletion(tenant, client))
    assert words == snapshot(
        "A change through this client, which cannot ask a person, is withheld by CF1_APPROVAL (ask). Tell the person that the operator's setting forbids it."
    )
    assert tenant.changes_sent() == []


async def test_a_person_who_never_answers_changes_nothing(tenant: Tenant, monkeypatch: pytest.MonkeyPatch) -> None:
    async def silent(context: ClientRequestContext, params: ElicitRequestParams) -> ElicitResult:
        await anyio.sleep_forever()
        raise AssertionError("never reached")

    server = build_server(tenant.allowed(approval="ask"), tenant.connect, clock=lambda: tenant.now)
    async with Client(server, mode="legacy", elicitation_callback=silent) as client:
        call = await prepare_deletion(tenant, client)
        assert tool_runs.MAX_CALL_SECONDS == 25
        monkeypatch.setattr(tool_runs, "MAX_CALL_SECONDS", 2.0)
        words = await refused(client, "delete_threat_events", **call)
    assert words.startswith("delete_threat_events took longer than 2 s and was stopped.")
    assert tenant.changes_sent() == []


async def test_a_call_without_a_code_asks_nobody(tenant: Tenant) -> None:
    person = Person()
    async with tenant.server(tenant.allowed(approval="ask"), person) as client:
        await prepare_deletion(tenant, client)
    assert person.asked == []


async def test_an_approval_of_the_operator_is_used_once(tenant: Tenant) -> None:
    approvals = tenant.approvals
    async with tenant.server(tenant.allowed(approval="operator")) as client:
        call = await prepare_deletion(tenant, client)
        waiting = await refused(client, "delete_threat_events", **call)
        assert tenant.changes_sent() == []
        (request,) = await approvals.waiting()
        await approvals.decide(str(call["confirm"]), approved=True)
        done = await ask(client, "delete_threat_events", **call)
    assert (waiting.replace(str(call["confirm"]), "CODE"), done["status"], request.tool) == snapshot(
        (
            "Nothing was changed: CF1_APPROVAL is operator, and no operator has approved this code. Ask for `cf1-mcp approve CODE` on the operator's terminal, then repeat this call.",
            "done",
            "delete_threat_events",
        )
    )
    assert "false positive" in request.preview


async def test_a_change_that_the_operator_refused_stays_refused(tenant: Tenant) -> None:
    approvals = tenant.approvals
    async with tenant.server(tenant.allowed(approval="operator")) as client:
        call = await prepare_deletion(tenant, client)
        await approvals.decide(str(call["confirm"]), approved=False)
        await refused(client, "delete_threat_events", **call)
    assert tenant.changes_sent() == []


async def test_one_approval_lets_only_one_of_two_servers_change(tenant: Tenant) -> None:
    approvals = tenant.approvals
    outcomes: list[bool] = []
    settings = tenant.allowed(approval="operator")
    async with tenant.server(settings) as first, tenant.server(settings) as second:
        call = await prepare_deletion(tenant, first)
        await approvals.decide(str(call["confirm"]), approved=True)

        async def attempt(client: Client) -> None:
            outcomes.append(bool((await client.call_tool("delete_threat_events", call)).is_error))

        async with anyio.create_task_group() as group:
            group.start_soon(attempt, first)
            group.start_soon(attempt, second)
    assert sorted(outcomes) == [False, True]
    assert len(tenant.changes_sent()) == 1


async def test_an_approval_is_only_given_at_a_terminal(tenant: Tenant) -> None:
    ended = await anyio.run_process(
        [sys.executable, "-m", "cf1_mcp", "approve", "AAAA-BBBB-CCCC"],
        env={"CF1_STATE_DIR": str(tenant.folder), "PATH": "/usr/bin:/bin"},
        check=False,
        input=b"yes\n",
    )
    assert (ended.returncode, ended.stderr.decode()) == snapshot(
        (2, "cf1-mcp: This is not a terminal. A person must run the command at one, and decide there.\n")
    )
