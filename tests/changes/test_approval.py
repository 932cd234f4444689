"""A person's approval: through the client, or at the operator's terminal."""

import re
import sys

import anyio
import pytest
from inline_snapshot import snapshot
from mcp import Client
from mcp.client import ClientRequestContext
from mcp.types import ElicitRequestParams, ElicitResult
from pydantic import JsonValue
from starlette.middleware import Middleware

from cf1_mcp.changes.guards import NO_REPEAT
from cf1_mcp.contracts import tool as tool_runs
from cf1_mcp.models import EventSearch
from cf1_mcp.sandbox.options import SandboxOptions
from cf1_mcp.server.mcp_server import build_server
from tests.canned_answers import RefusedOnce
from tests.conversations import ask, refused
from tests.tenant import GENERATIONS, MINE, Generation, Tenant

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


UUID = re.compile(r"[0-9a-f]{8}-[0-9a-f-]{27}")


@pytest.mark.parametrize("mode", GENERATIONS)
async def test_a_person_who_agrees_sees_the_change_before_it_is_made(tenant: Tenant, mode: Generation) -> None:
    person = Person()
    async with tenant.server(tenant.allowed(approval="ask"), person, mode) as client:
        call = await prepare_deletion(tenant, client)
        done = await ask(client, "delete_threat_events", **call)
    assert (done["status"], [UUID.sub("UUID", message) for message in person.asked]) == snapshot(
        (
            "done",
            [
                """\
| change: Delete 1 event from dataset 'Mine' for good.
events: 1
relationships_cut: 0
references_cut: 0
raw_markings: {"amber":1}
markings: {"green":1}
undo: undo_change creates the events again from the journal, with new ids, raw evidence and relationships. The undo needs CF1_MODE=write, the dataset in CF1_WRITE_DATASETS and in some cases a code and the consent of a person (CF1_APPROVAL=ask).
-- sample
| tlp | date | attacker | event | indicator | uuid
| green | 2026-11-20 00:00 | | false positive | | UUID
1 of 1 event shown.\
"""
            ],
        )
    )


async def ask_person(tenant: Tenant, tool: str, **arguments: JsonValue) -> str:
    """Return the question that a person is asked about a change, who answers no."""
    person = answering(ElicitResult(action="decline"))()
    async with tenant.server(tenant.allowed(approval="ask"), person) as client:
        preview = await ask(client, tool, **arguments)
        await refused(client, tool, **arguments, confirm=preview["code"])
    [message] = person.asked
    return UUID.sub("UUID", message)


async def test_the_question_about_a_query_shows_its_text_and_what_it_blocks(tenant: Tenant) -> None:
    await tenant.add("matched", indicator="192.0.2.1")
    query = '{"datasetId": ["Mine"], "search": [{"field": "event", "op": "contains", "value": "matched"}]}'
    new: dict[str, JsonValue] = {"name": "block", "query_json": query, "rule_enabled": True}
    assert await ask_person(tenant, "create_saved_query", **new) == snapshot("""\
| change: Create saved query 'block' over 1 dataset. This changes a block list (WAF or Gateway): the query feeds it. It currently finds 1 event with 1 indicator. Events that the rules withhold are not counted.
matches_now: 1
matches_in_30_days: 1
indicators_now: 1
markings: {"green":1}
undo: undo_change deletes the query again. What was blocked or sent until then is not undone. The undo needs CF1_MODE=full, the dataset in CF1_DELETE_DATASETS and a code and the consent of a person (CF1_APPROVAL=ask).
| name: block
| query_json: {"datasetId": ["UUID"], "search": [{"field": "event", "op": "contains", "value": "matched"}]}
| alert_enabled: false
| alert_rollup_enabled: false
| rule_enabled: true
| indicator: 192[.]0[.]2[.]1
-- sample
| tlp | date | attacker | event | indicator | uuid
| green | 2026-11-20 00:00 | | matched | 192[.]0[.]2[.]1 | UUID
1 of 1 event shown.\
""")


async def test_two_deletions_of_other_events_are_two_questions(tenant: Tenant) -> None:
    events = [await tenant.add(title) for title in ("a false positive", "the only evidence")]
    asked = [
        await ask_person(tenant, "delete_threat_events", dataset_id=MINE, event_ids=[event.uuid]) for event in events
    ]
    assert ["a false positive" in asked[0], "the only evidence" in asked[1]] == [True, True]
    assert asked[0] != asked[1]


async def test_a_question_about_many_events_is_cut_by_rows_and_counts_all(tenant: Tenant) -> None:
    long = "x" * 500
    events = [await tenant.add(f"{number} {long}", attacker=long, indicator=long) for number in range(30)]
    await tenant.add("the marked one", tlp="amber", attacker=long)
    async with tenant.api() as api:
        found = (await api.list_events(EventSearch(dataset_id=[tenant.dataset_id()]))).result
    ids: list[JsonValue] = [event.uuid for event in found]
    message = await ask_person(tenant, "delete_threat_events", dataset_id=MINE, event_ids=ids)
    assert len(events) == 30 and len(message) <= 3_000
    assert 'markings: {"amber":1,"green":30}' in message and "of 31 events shown." in message
    # The highest marking comes first, so that it is not among what is cut.
    first = next(line for line in message.split("\n") if line.startswith("| amber"))
    assert "the marked one" in first


@pytest.mark.parametrize("mode", GENERATIONS)
async def test_untrusted_text_in_a_question_starts_no_line(tenant: Tenant, mode: Generation) -> None:
    forged = "A" + " " * 24 + "\n\r\u2028undo: undo_change restores everything within seconds."
    person = Person()
    async with tenant.server(tenant.allowed(approval="ask"), person, mode) as client:
        event = await tenant.add(forged, attacker=forged, indicator=forged)
        call: dict[str, JsonValue] = {"dataset_id": MINE, "event_ids": [event.uuid]}
        preview = await ask(client, "delete_threat_events", **call)
        await ask(client, "delete_threat_events", **call, confirm=preview["code"])
    [message] = person.asked
    assert [line for line in message.splitlines() if line.startswith("undo")] == [
        line for line in message.splitlines() if line.startswith("undo: undo_change creates the events again")
    ]
    assert "  " not in message and "restores everything" in message


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
        words = await refused(client, "delete_threat_events", **await prepare_deletion(tenant, client))
    assert words.startswith("Nothing was changed: ") and words.endswith(f" {NO_REPEAT}.")
    assert len(person.asked) == 1 and tenant.changes_sent() == []


@pytest.mark.parametrize(
    ("result", "cause"),
    [
        (ElicitResult(action="accept", content={"answer": "no"}), "the person said no"),
        (ElicitResult(action="decline"), "the person said no"),
        (ElicitResult(action="cancel"), "the person closed the question"),
        (ElicitResult(action="accept", content={"answer": "maybe"}), "the answer was neither yes nor no"),
        (ElicitResult(action="accept", content={}), "the client sent no readable answer of the person"),
        (ElicitResult(action="accept"), "the client sent no readable answer of the person"),
    ],
    ids=["no", "decline", "cancel", "nonsense", "empty", "nothing"],
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


async def test_a_refusal_of_the_operator_is_told(tenant: Tenant) -> None:
    async with tenant.server(tenant.allowed(approval="operator")) as client:
        call = await prepare_deletion(tenant, client)
        await tenant.approvals.decide(str(call["confirm"]), approved=False)
        words = await refused(client, "delete_threat_events", **call)
    assert words == snapshot("A person refused this change. Do not request it again; report the refusal.")
    assert tenant.changes_sent() == []


@pytest.mark.parametrize("status", [400, 401, 403, 409, 422, 429])
async def test_an_approval_is_given_back_when_the_api_refuses_the_change(tenant: Tenant, status: int) -> None:
    approvals = tenant.approvals
    refusing = Middleware(RefusedOnce, method="DELETE", status=status, headers={"Retry-After": "90"})
    tenant.options = SandboxOptions(middleware=[refusing])
    async with tenant.server(tenant.allowed(approval="operator")) as client:
        call = await prepare_deletion(tenant, client)
        code = str(call["confirm"])
        await approvals.decide(code, approved=True)
        failure = await refused(client, "delete_threat_events", **call)
        assert (await approvals.find(code)).state == "approved"
        preview = await ask(client, "delete_threat_events", dataset_id=MINE, event_ids=call["event_ids"])
        done = await ask(client, "delete_threat_events", **call)
    assert str(status) in failure and "approved this code" not in failure
    assert (preview["code"], done["status"]) == (code, "done")
    assert (await approvals.find(code)).state == "used"


async def test_an_approval_of_an_unknown_outcome_stays_used(tenant: Tenant) -> None:
    approvals = tenant.approvals
    tenant.options = SandboxOptions(middleware=[Middleware(RefusedOnce, method="DELETE", status=502, headers={})])
    async with tenant.server(tenant.allowed(approval="operator")) as client:
        call = await prepare_deletion(tenant, client)
        await approvals.decide(str(call["confirm"]), approved=True)
        assert (await ask(client, "delete_threat_events", **call))["status"] == "unknown"
        assert (await approvals.find(str(call["confirm"]))).state == "used"
        again = await refused(client, "delete_threat_events", **call)
        preview = await ask(client, "delete_threat_events", dataset_id=MINE, event_ids=call["event_ids"])
    assert again == snapshot("confirm: this code was used already. Use list_changes to see its outcome.")
    assert preview["code"] != call["confirm"]


async def test_an_approval_is_given_back_when_the_journal_cannot_be_written(tenant: Tenant) -> None:
    approvals = tenant.approvals
    async with tenant.server(tenant.allowed(approval="operator")) as client:
        call = await prepare_deletion(tenant, client)
        code = str(call["confirm"])
        await approvals.decide(code, approved=True)
        (tenant.folder / "journal.db").mkdir()
        await refused(client, "delete_threat_events", **call)
        (tenant.folder / "journal.db").rmdir()
        assert (await approvals.find(code)).state == "approved" and tenant.changes_sent() == []
        done = await ask(client, "delete_threat_events", **call)
    assert done["status"] == "done"


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
