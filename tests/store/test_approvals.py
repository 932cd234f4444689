"""An approved request can be used once, before it expires; a request without approval never."""

import sqlite3
import subprocess
import sys
from collections.abc import Awaitable, Callable, Generator
from contextlib import closing, contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from typing import TypeVar

import anyio
import pytest
from inline_snapshot import snapshot

from cf1_mcp.errors import ThreatEventsError
from cf1_mcp.store.approvals import SCHEMA, ApprovalError, Approvals, Request
from cf1_mcp.store.sqlite import SqliteFile

pytestmark = pytest.mark.anyio

CODE = "K7QF-2M0D-X1T4"
OTHER = "0000-1111-2222"
TOOL = "delete_threat_events"
PREVIEW = "2 events of dataset alpha would be deleted:\n- Phishing kit\n- Loader"
CONTENDERS = 20
T = TypeVar("T")


class Clock:
    """A clock that only `advance` moves."""

    def __init__(self) -> None:
        self.now = datetime(2026, 11, 24, 12, 0, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.now

    def advance(self, seconds: float) -> None:
        self.now += timedelta(seconds=seconds)


def open_approvals(path: Path, clock: Callable[[], datetime], busy_timeout: float = 5.0) -> Approvals:
    return Approvals(SqliteFile(path, SCHEMA, busy_timeout), clock)


async def call_together(call: Callable[[int], Awaitable[T]]) -> list[T]:
    """Start 20 calls together, each with its number, and return their results."""
    returned: list[T] = []

    async def one(number: int) -> None:
        returned.append(await call(number))

    async with anyio.create_task_group() as group:
        for number in range(CONTENDERS):
            group.start_soon(one, number)
    return returned


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "state" / "approvals.db"


@pytest.fixture
def approvals(path: Path, clock: Clock) -> Approvals:
    return open_approvals(path, clock)


async def approve(approvals: Approvals, code: str = CODE) -> None:
    await approvals.ask(code, TOOL, PREVIEW, 600)
    await approvals.decide(code, approved=True)


async def refusal(call: Callable[[], Awaitable[object]]) -> str:
    with pytest.raises(ApprovalError) as refused:
        await call()
    return str(refused.value)


async def test_a_request_waits_for_a_person(approvals: Approvals, clock: Clock) -> None:
    await approvals.ask(CODE, TOOL, PREVIEW, 600)
    asked = Request(CODE, TOOL, PREVIEW, clock.now, clock.now + timedelta(minutes=10), "waiting")
    assert await approvals.waiting() == [asked]
    assert await approvals.find(CODE) == asked


async def test_no_request_waits_at_first(approvals: Approvals) -> None:
    assert await approvals.waiting() == []


async def test_waiting_requests_are_listed_oldest_first_without_decided_ones(
    approvals: Approvals, clock: Clock
) -> None:
    codes = ["CCCC-0000-0000", "AAAA-0000-0000", "DDDD-0000-0000", "BBBB-0000-0000"]
    for code in codes:
        await approvals.ask(code, TOOL, PREVIEW, 600)
        clock.advance(1)
    await approvals.decide(codes[1], approved=True)
    await approvals.decide(codes[2], approved=False)
    assert [request.code for request in await approvals.waiting()] == [codes[0], codes[3]]


async def test_an_approval_can_be_used_once(approvals: Approvals) -> None:
    await approvals.ask(CODE, TOOL, PREVIEW, 600)
    assert await approvals.decide(CODE, approved=True) == replace(await approvals.find(CODE), state="approved")
    assert await approvals.waiting() == []
    assert [await approvals.redeem(CODE) for _ in range(3)] == [True, False, False]
    assert (await approvals.find(CODE)).state == "used"


async def test_an_approval_that_is_given_back_can_be_used_once_more(approvals: Approvals) -> None:
    await approve(approvals)
    for _ in range(3):
        assert [await approvals.redeem(CODE) for _ in range(2)] == [True, False]
        await approvals.give_back(CODE.lower().replace("-", " "))
        assert (await approvals.find(CODE)).state == "approved"
        await approvals.ask(CODE, TOOL, "another preview", 600)
        assert (await approvals.find(CODE)).preview == PREVIEW
    assert await approvals.redeem(CODE)


@pytest.mark.parametrize("decision", [None, True, False])
async def test_only_a_used_approval_is_given_back(approvals: Approvals, decision: bool | None) -> None:
    await approvals.ask(CODE, TOOL, PREVIEW, 600)
    if decision is not None:
        await approvals.decide(CODE, approved=decision)
    before = await approvals.find(CODE)
    await approvals.give_back(CODE)
    await approvals.give_back(OTHER)
    assert await approvals.find(CODE) == before


async def test_an_approval_that_is_given_back_ends_when_it_would_have(approvals: Approvals, clock: Clock) -> None:
    await approve(approvals)
    await approvals.redeem(CODE)
    clock.advance(599)
    await approvals.give_back(CODE)
    clock.advance(1)
    assert not await approvals.redeem(CODE)
    assert (await approvals.find(CODE)).state == "expired"


async def test_an_expired_approval_that_is_given_back_needs_a_new_decision(approvals: Approvals, clock: Clock) -> None:
    await approve(approvals)
    await approvals.redeem(CODE)
    clock.advance(600)
    await approvals.give_back(CODE)
    assert not await approvals.redeem(CODE)
    await approvals.ask(CODE, TOOL, PREVIEW, 600)
    assert (await approvals.find(CODE)).state == "waiting"


@pytest.mark.parametrize("code", [CODE, OTHER, "", "'; DROP TABLE request; --", "\0"])
async def test_a_request_without_approval_is_not_redeemed(approvals: Approvals, code: str) -> None:
    await approvals.ask(CODE, TOOL, PREVIEW, 600)
    assert not await approvals.redeem(code)
    assert (await approvals.find(CODE)).state == "waiting"


async def test_an_approval_is_for_one_code(approvals: Approvals) -> None:
    await approve(approvals)
    await approvals.ask(OTHER, TOOL, PREVIEW, 600)
    assert not await approvals.redeem(OTHER)
    assert await approvals.redeem(CODE)


async def test_a_refused_request_stays_refused(approvals: Approvals, clock: Clock) -> None:
    await approvals.ask(CODE, TOOL, PREVIEW, 600)
    assert (await approvals.decide(CODE, approved=False)).state == "refused"
    for seconds in (0, 300, 600):
        clock.advance(seconds)
        refused = [
            await refusal(lambda: approvals.redeem(CODE)),
            await refusal(lambda: approvals.decide(CODE, approved=True)),
            await refusal(lambda: approvals.ask(CODE, TOOL, PREVIEW, 600)),
        ]
        assert refused == snapshot(
            [
                "A person refused this change. Do not request it again; report the refusal.",
                "The request for code K7QF-2M0D-X1T4 was already refused, and that decision is final.",
                "A person refused this change. Do not request it again; report the refusal.",
            ]
        )
        assert (await approvals.find(CODE)).state == "refused"
        assert await approvals.waiting() == []


async def test_an_approved_request_cannot_be_decided_again(approvals: Approvals) -> None:
    await approve(approvals)
    assert await refusal(lambda: approvals.decide(CODE, approved=False)) == snapshot(
        "The request for code K7QF-2M0D-X1T4 was already approved, and that decision is final."
    )
    assert await approvals.redeem(CODE)


async def test_a_used_request_cannot_be_decided_or_made_again(approvals: Approvals) -> None:
    await approve(approvals)
    await approvals.redeem(CODE)
    assert [
        await refusal(lambda: approvals.decide(CODE, approved=True)),
        await refusal(lambda: approvals.ask(CODE, TOOL, PREVIEW, 600)),
    ] == snapshot(
        [
            "The approval for code K7QF-2M0D-X1T4 was already used. See its outcome with `cf1-mcp journal list`.",
            "The approval for code K7QF-2M0D-X1T4 was already used, and it can be used once. Check its outcome with list_changes before requesting the change again.",
        ]
    )
    assert not await approvals.redeem(CODE)


async def test_asking_again_does_not_change_a_waiting_request(approvals: Approvals, clock: Clock) -> None:
    await approvals.ask(CODE, TOOL, PREVIEW, 600)
    before = await approvals.find(CODE)
    clock.advance(599)
    await approvals.ask(CODE, "another_tool", "another preview", 6000)
    assert await approvals.waiting() == [before]


async def test_asking_again_does_not_revoke_an_approval(approvals: Approvals) -> None:
    await approve(approvals)
    await approvals.ask(CODE, TOOL, PREVIEW, 600)
    assert await approvals.waiting() == []
    assert await approvals.redeem(CODE)


async def test_a_request_can_be_decided_until_it_expires(approvals: Approvals, clock: Clock) -> None:
    for code in (CODE, OTHER):
        await approvals.ask(code, TOOL, PREVIEW, 600)
    clock.advance(599.999999)
    assert (await approvals.decide(CODE, approved=True)).state == "approved"
    clock.advance(0.000001)
    assert (await approvals.find(OTHER)).state == "expired"
    assert await approvals.waiting() == []
    assert await refusal(lambda: approvals.decide(OTHER, approved=True)) == snapshot(
        "The request for code 0000-1111-2222 expired at 2026-11-24 12:10:00 UTC. Have the change requested again."
    )


async def test_an_approval_can_be_redeemed_until_it_expires(approvals: Approvals, clock: Clock) -> None:
    for code in (CODE, OTHER):
        await approve(approvals, code)
    clock.advance(599.999999)
    assert await approvals.redeem(CODE)
    clock.advance(0.000001)
    assert not await approvals.redeem(OTHER)
    assert (await approvals.find(OTHER)).state == "expired"


async def test_an_expired_request_can_be_made_again_and_needs_a_new_decision(
    approvals: Approvals, clock: Clock
) -> None:
    await approve(approvals)
    clock.advance(600)
    await approvals.ask(CODE, TOOL, PREVIEW, 600)
    assert not await approvals.redeem(CODE)
    assert [request.asked_at for request in await approvals.waiting()] == [clock.now]


async def test_requests_are_deleted_a_week_after_they_expire(approvals: Approvals, clock: Clock) -> None:
    await approve(approvals)
    clock.advance(600 + 7 * 86_400)
    await approvals.ask(OTHER, TOOL, PREVIEW, 600)
    assert (await approvals.find(CODE)).state == "expired"
    clock.advance(1)
    await approvals.ask(OTHER, TOOL, PREVIEW, 600)
    assert await refusal(lambda: approvals.find(CODE)) == snapshot(
        "There is no request for the code 'K7QF-2M0D-X1T4'. Compare it with the code in the preview."
    )


async def test_times_are_in_utc_in_any_time_zone(path: Path) -> None:
    local = datetime(2026, 11, 24, 23, 30, tzinfo=timezone(timedelta(hours=5, minutes=30)))
    await open_approvals(path, lambda: local).ask(CODE, TOOL, PREVIEW, 90)
    request = await open_approvals(path, lambda: local.astimezone(UTC)).find(CODE)
    assert [request.asked_at.isoformat(), request.expires_at.isoformat()] == snapshot(
        ["2026-11-24T18:00:00+00:00", "2026-11-24T18:01:30+00:00"]
    )


@pytest.mark.parametrize("typed", ["k7qf-2m0d-x1t4", "K7QF2M0DX1T4", " k7qf 2mod xlt4\n", "K7QF–2MOD–XIT4"])  # noqa: RUF001
async def test_a_code_is_found_however_it_is_typed(approvals: Approvals, typed: str) -> None:
    await approvals.ask(CODE, TOOL, PREVIEW, 600)
    assert (await approvals.find(typed)).code == CODE
    assert (await approvals.decide(typed, approved=True)).code == CODE
    assert await approvals.redeem(typed)
    assert not await approvals.redeem(CODE)


@pytest.mark.parametrize("code", ["", "nonsense", "K7QF-2M0D-X1T", "\x1b[2J" * 100])
async def test_an_unknown_code_is_reported(approvals: Approvals, code: str) -> None:
    await approvals.ask(CODE, TOOL, PREVIEW, 600)
    for call in (lambda: approvals.find(code), lambda: approvals.decide(code, approved=True)):
        message = await refusal(call)
        assert message.startswith("There is no request for the code '")
        assert message.isprintable()
        assert len(message) < 160


async def test_a_preview_cannot_control_the_terminal(approvals: Approvals) -> None:
    hostile = "Delete 500 events\x1b[1A\x1b[2K\rDelete 1 event\n\u202egnihton\u200b\x85- last\n" + "x" * 9000
    await approvals.ask(CODE, TOOL, hostile, 600)
    first, second, third = (await approvals.find(CODE)).preview.split("\n")
    assert [first, second, third[7990:]] == snapshot(
        [
            "Delete 500 events\\u001b[1A\\u001b[2K\\rDelete 1 event",
            "\\u202egnihton\\u200b\\u0085- last",
            "xxxxxxxxx… (+1,001 characters)",
        ]
    )


async def test_runs_of_blanks_in_a_preview_are_collapsed(approvals: Approvals) -> None:
    await approvals.ask(CODE, TOOL, "| attacker: A" + " \xa0\u3000" * 30 + "undo: everything\n  \t", 600)
    assert (await approvals.find(CODE)).preview == "| attacker: A undo: everything\n\\t"


async def test_old_requests_are_forgotten_with_their_previews(path: Path, approvals: Approvals, clock: Clock) -> None:
    await approvals.forget_old()
    assert not path.exists()
    await approvals.ask(CODE, TOOL, "a preview to be forgotten", 600)
    clock.advance(600 + 7 * 86_400 - 1)
    await approvals.forget_old()
    assert (await approvals.find(CODE)).preview == "a preview to be forgotten"
    clock.advance(2)
    await approvals.forget_old()
    with pytest.raises(ApprovalError):
        await approvals.find(CODE)


async def test_requests_outlive_their_process(path: Path, clock: Clock) -> None:
    await open_approvals(path, clock).ask(CODE, TOOL, PREVIEW, 600)
    await open_approvals(path, clock).decide(CODE, approved=True)
    assert await open_approvals(path, clock).redeem(CODE)


async def test_one_of_20_threads_uses_an_approval(approvals: Approvals) -> None:
    await approve(approvals)
    assert sorted(await call_together(lambda _: approvals.redeem(CODE))) == [False] * 19 + [True]


SERVER = """
import asyncio
import sys
from datetime import datetime
from pathlib import Path
from cf1_mcp.store.approvals import SCHEMA, Approvals
from cf1_mcp.store.sqlite import SqliteFile

path, now, code, action = Path(sys.argv[1]), datetime.fromisoformat(sys.argv[2]), *sys.argv[3:]
approvals = Approvals(SqliteFile(path, SCHEMA, busy_timeout=60), lambda: now)

async def ask():
    await approvals.ask(code, "tool", "preview", 600)
    return True

async def redeem():
    return await approvals.redeem(code)

async def five():
    return await asyncio.gather(*[globals()[action]() for _ in range(5)])

print("ready", flush=True)
sys.stdin.readline()
print(sum(asyncio.run(five())), flush=True)
"""


def run_servers(path: Path, now: datetime, action: str) -> list[int]:
    """Start four servers together, and return how many of five calls succeeded in each."""
    command = [sys.executable, "-c", SERVER, str(path), now.isoformat(), CODE, action]
    servers = [
        subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        for _ in range(CONTENDERS // 5)
    ]
    ready = [server.stdout.readline() for server in servers if server.stdout]
    for server in servers:
        if server.stdin:
            server.stdin.write("go\n")
            server.stdin.flush()
    done = [server.communicate()[0] for server in servers]
    assert ready == ["ready\n"] * len(servers)
    return sorted(int(count) for count in done)


async def test_one_call_of_one_of_four_servers_uses_an_approval(approvals: Approvals, path: Path, clock: Clock) -> None:
    await approve(approvals)
    assert run_servers(path, clock.now, "redeem") == [0, 0, 0, 1]
    assert (await approvals.find(CODE)).state == "used"


async def test_servers_that_ask_at_once_create_one_file_and_one_request(
    approvals: Approvals, path: Path, clock: Clock
) -> None:
    assert run_servers(path, clock.now, "ask") == [5, 5, 5, 5]
    assert [request.code for request in await approvals.waiting()] == [CODE]


async def test_threads_that_ask_at_once_create_one_file_and_one_request(approvals: Approvals) -> None:
    await call_together(lambda number: approvals.ask(CODE, TOOL, f"preview {number}", 600))
    assert [request.code for request in await approvals.waiting()] == [CODE]


async def test_the_first_of_20_simultaneous_decisions_is_final(approvals: Approvals) -> None:
    await approvals.ask(CODE, TOOL, PREVIEW, 600)

    async def decide(number: int) -> str:
        try:
            return (await approvals.decide(CODE, approved=number % 2 == 0)).state
        except ApprovalError:
            return "too late"

    states = await call_together(decide)
    assert states.count("too late") == 19
    assert (await approvals.find(CODE)).state in states


@contextmanager
def hold_write_lock(path: Path) -> Generator[sqlite3.Connection]:
    """Hold the file's write lock, as another process would."""
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        yield other


async def test_nothing_is_done_while_the_file_is_locked(approvals: Approvals, path: Path, clock: Clock) -> None:
    await approve(approvals)
    await approvals.ask(OTHER, TOOL, PREVIEW, 600)
    hasty = open_approvals(path, clock, busy_timeout=0)
    with hold_write_lock(path):
        refused = {
            await refusal(lambda: hasty.redeem(CODE)),
            await refusal(lambda: hasty.decide(OTHER, approved=True)),
            await refusal(lambda: hasty.ask("3333-4444-5555", TOOL, PREVIEW, 600)),
        }
        assert refused == snapshot(
            {"Nothing was done: approvals.db is locked by another program. Try again in a moment."}
        )
        assert [request.code for request in await hasty.waiting()] == [OTHER]
    assert [(await approvals.find(code)).state for code in (CODE, OTHER)] == ["approved", "waiting"]
    assert await approvals.redeem(CODE)


async def test_a_full_disk_leaves_the_approval_unused(approvals: Approvals, path: Path) -> None:
    await approve(approvals)
    with closing(sqlite3.connect(path)) as db:
        db.execute("CREATE TRIGGER full BEFORE UPDATE ON request BEGIN SELECT RAISE(ABORT, 'disk is full'); END")
    assert await refusal(lambda: approvals.redeem(CODE)) == snapshot(
        "Nothing was done: approvals.db cannot be used (SQLite: disk is full). Ask the operator to move it elsewhere: its requests can be made again."
    )
    with closing(sqlite3.connect(path)) as db:
        db.execute("DROP TRIGGER full")
    assert await approvals.redeem(CODE)


def calls(approvals: Approvals) -> list[Callable[[], Awaitable[object]]]:
    return [
        lambda: approvals.redeem(CODE),
        lambda: approvals.decide(CODE, approved=True),
        lambda: approvals.ask(CODE, TOOL, PREVIEW, 600),
        lambda: approvals.find(CODE),
        approvals.waiting,
    ]


async def test_a_file_that_is_not_a_database_is_refused(approvals: Approvals, path: Path) -> None:
    path.parent.mkdir()
    path.write_bytes(b"not a database, but long enough to be taken for one" * 100)
    assert {await refusal(call) for call in calls(approvals)} == snapshot(
        {
            "Nothing was done: approvals.db is not an approvals file. Ask the operator to move it elsewhere, or to set another CF1_STATE_DIR."
        }
    )


async def test_a_file_with_other_tables_is_refused(approvals: Approvals, path: Path) -> None:
    path.parent.mkdir()
    with closing(sqlite3.connect(path)) as db:
        db.execute("CREATE TABLE request (name TEXT)")
    for call in calls(approvals):
        assert (await refusal(call)).startswith("Nothing was done: approvals.db cannot be used (")


async def test_a_damaged_time_is_reported(approvals: Approvals, path: Path) -> None:
    await approve(approvals)
    with closing(sqlite3.connect(path)) as db:
        db.execute("UPDATE request SET expires_at = '9026-11-24T12:Z0'")
        db.commit()
    assert (await refusal(lambda: approvals.redeem(CODE))).startswith(
        "Nothing was done: a time in the approvals file is damaged."
    )


async def test_a_folder_that_cannot_be_created_is_reported(tmp_path: Path, clock: Clock) -> None:
    (tmp_path / "state").write_text("a file where the folder should be")
    approvals = open_approvals(tmp_path / "state" / "approvals.db", clock)
    assert {await refusal(call) for call in calls(approvals)} == snapshot(
        {
            "Nothing was done: approvals.db cannot be opened or written. Ask the operator to check CF1_STATE_DIR and who may write there."
        }
    )


async def test_a_folder_in_the_place_of_the_file_is_reported(path: Path, clock: Clock) -> None:
    path.mkdir(parents=True, mode=0o755)
    assert {await refusal(call) for call in calls(open_approvals(path, clock))} == snapshot(
        {
            "Nothing was done: approvals.db cannot be opened or written. Ask the operator to check CF1_STATE_DIR and who may write there."
        }
    )
    assert path.stat().st_mode & 0o777 == 0o755


def test_an_approval_error_is_an_answer() -> None:
    assert issubclass(ApprovalError, ThreatEventsError)


posix = pytest.mark.skipif(sys.platform == "win32", reason="file modes differ there")


def mode_of(path: Path) -> str:
    return oct(path.stat().st_mode & 0o777)


@posix
async def test_files_and_folder_are_private(approvals: Approvals, path: Path) -> None:
    await approvals.ask(CODE, TOOL, PREVIEW, 600)
    with hold_write_lock(path):
        found = {file.name: mode_of(file) for file in path.parent.iterdir()}
    assert mode_of(path.parent) == "0o700"
    assert found == {"approvals.db": "0o600", "approvals.db-shm": "0o600", "approvals.db-wal": "0o600"}


@posix
async def test_a_file_that_others_may_write_is_made_private(approvals: Approvals, path: Path) -> None:
    path.parent.mkdir()
    path.touch()
    path.chmod(0o666)
    await approvals.ask(CODE, TOOL, PREVIEW, 600)
    assert mode_of(path) == "0o600"
