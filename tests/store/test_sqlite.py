"""Transactions in SQLite: all or nothing, in private files or in memory."""

import sys
from pathlib import Path

import anyio
import pytest

from cf1_mcp.store.database import Connection, Schema, StoreError
from cf1_mcp.store.sqlite import FileInUse, SqliteFile, SqliteSession

pytestmark = pytest.mark.anyio

SCHEMA = Schema("a test file", 7, 1, ("CREATE TABLE note (text TEXT NOT NULL)",), "Delete it.")


def add(db: Connection) -> None:
    db.execute("INSERT INTO note VALUES ('kept')")


def add_and_fail(db: Connection) -> None:
    db.execute("INSERT INTO note VALUES ('lost')")
    raise KeyError


def notes(db: Connection) -> list[str]:
    return [text for (text,) in db.execute("SELECT text FROM note ORDER BY text")]


@pytest.fixture(params=["file", "session", "memory"])
def database(request: pytest.FixtureRequest, tmp_path: Path) -> SqliteFile | SqliteSession:
    path = tmp_path / "state" / "notes.db"
    if request.param == "file":
        return SqliteFile(path, SCHEMA)
    return SqliteSession(path if request.param == "session" else None, SCHEMA)


async def test_a_write_that_raises_leaves_nothing(database: SqliteFile | SqliteSession) -> None:
    await database.write(add)
    with pytest.raises(KeyError):
        await database.write(add_and_fail)
    await database.write(add, durable=False)
    assert await database.read(notes) == ["kept", "kept"]
    assert await database.check() == []
    await database.aclose()


async def test_20_tasks_write_one_after_another(database: SqliteFile | SqliteSession) -> None:
    def increase(db: Connection) -> int:
        [number] = db.execute("SELECT count(*) FROM note").fetchall()[0]
        db.execute("INSERT INTO note VALUES (?)", (str(number),))
        return number

    numbers: list[int] = []

    async def one() -> None:
        numbers.append(await database.write(increase))

    async with anyio.create_task_group() as group:
        for _ in range(20):
            group.start_soon(one)
    assert sorted(numbers) == [*range(20)]
    await database.aclose()


async def test_reading_creates_no_file(tmp_path: Path) -> None:
    path = tmp_path / "state" / "notes.db"
    assert await SqliteFile(path, SCHEMA).read(notes) is None
    assert not path.parent.exists()


async def test_a_statement_that_fails_is_a_store_error(database: SqliteFile | SqliteSession) -> None:
    with pytest.raises(StoreError, match=r"cannot be used \(SQLite: no such table: other\)\. Delete it\."):
        await database.write(lambda db: db.execute("DELETE FROM other"))
    await database.aclose()


async def test_a_session_locks_its_file_until_it_is_closed(tmp_path: Path) -> None:
    first, second = (SqliteSession(tmp_path / "notes.db", SCHEMA) for _ in range(2))
    await first.write(add)
    with pytest.raises(FileInUse):
        await second.read(notes)
    await first.aclose()
    assert await second.read(notes) == ["kept"]
    await second.aclose()


@pytest.mark.skipif(sys.platform == "win32", reason="POSIX modes")
async def test_the_files_of_a_session_are_private(tmp_path: Path) -> None:
    session = SqliteSession(tmp_path / "state" / "notes.db", SCHEMA)
    await session.write(add)
    modes = {file.name: oct(file.stat().st_mode & 0o777) for file in (tmp_path / "state").iterdir()}
    await session.aclose()
    assert {"notes.db", "notes.db-shm", "notes.db-wal", "notes.lock"} <= {*modes}
    assert {*modes.values()} == {"0o600"}
    assert (tmp_path / "state").stat().st_mode & 0o777 == 0o700


async def test_a_cursor_cannot_leave_its_transaction() -> None:
    session = SqliteSession(None, SCHEMA)
    with pytest.raises(TypeError):
        await session.write(lambda db: db.execute("DELETE FROM note"))
    await session.aclose()
