"""The import command over an API whose answers do not tell whether events were created."""

from collections import Counter
from pathlib import Path

import pytest
from starlette.middleware import Middleware
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from tests.imports.import_command import csv_of, import_command, row

SMALL = ["--group", "5", "--settle", "1", "--concurrency", "1"]
FILE = csv_of(row(number) for number in range(10))


class OddRoute:
    """The sandbox, except that a route answers with a fixed body, `made` says whether after doing what was asked."""

    def __init__(self, app: ASGIApp, route: str, body: bytes, made: bool, status: int = 200) -> None:
        self.app, self.route, self.body, self.made, self.status = app, route, body, made, status

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if not str(scope.get("path")).endswith(self.route):
            return await self.app(scope, receive, send)

        async def ignore(message: Message) -> None: ...

        if self.made:
            await self.app(scope, receive, ignore)
        headers = {"X-Sandbox": "1", "Content-Type": "application/json"}
        await Response(self.body, self.status, headers)(scope, receive, send)


@pytest.mark.parametrize("body", [b"{}", b"", b'{"success": false, "errors": [], "result": {}}'])
def test_rows_of_unreadable_answers_are_found_and_not_sent_again(tmp_path: Path, body: bytes) -> None:
    with import_command(tmp_path, more=[Middleware(OddRoute, "/create/bulk", body, True)]) as api:
        ended = api.run(api.write_file("a.csv", FILE), *SMALL)
        titles = Counter(api.titles())
    assert titles == Counter(f"Lure {number:04}" for number in range(10))
    assert (ended.code, ended.counted()) == (0, {"created": 10})
    assert [change.outcome for change in api.changes()] == ["done"]


@pytest.mark.parametrize("status", [200, 408])
def test_rows_of_unreadable_answers_that_are_not_found_are_unknown_and_not_sent_again(
    tmp_path: Path, status: int
) -> None:
    with import_command(tmp_path, more=[Middleware(OddRoute, "/create/bulk", b"{}", False, status)]) as api:
        ended = api.run(api.write_file("a.csv", FILE), *SMALL)
        assert api.titles() == []
    assert (ended.code, api.count_outcomes()) == (1, {"unknown": 5, "not sent": 5})
    assert "It may have been done: look before repeating it." in " ".join(ended.stderr.split())
    assert [change.outcome for change in api.changes()] == ["unknown"]


def test_links_of_unreadable_answers_are_found_and_not_made_again(tmp_path: Path) -> None:
    lines = ['{"date": "2026-01-10T08:00:00Z", "category": "Phishing", "event": "Parent", "tlp": "green", "ref": "p"}']
    lines += [lines[0].replace("Parent", name).replace('"ref": "p"', '"parent_ref": "p"') for name in ("one", "two")]
    with import_command(tmp_path, more=[Middleware(OddRoute, "/relationships/create", b"{}", True)]) as api:
        ended = api.run(api.write_file("a.jsonl", "\n".join(lines)), *SMALL)
        assert api.children("Parent") == ["one", "two"]
    assert ended.code == 0
