"""Accounts that lack a part of the API: every tool that is not about it still answers, or says what could not be read.

A proxy in front of the sandbox refuses everything of one part. All tools are called, and their previews confirmed, once
with the part and once without it.
"""

import re
from collections.abc import AsyncGenerator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

import anyio
import httpx
import pytest
from inline_snapshot import snapshot
from mcp import Client
from pydantic import JsonValue
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Receive, Scope, Send

from cf1_mcp.api.failures import NO_ALERTS, NO_QUERIES
from cf1_mcp.changes.queries.saved_queries import ALERTS_NOT_LISTED
from cf1_mcp.sandbox.app import create_sandbox_app
from cf1_mcp.server.mcp_server import build_server
from cf1_mcp.settings import Settings
from tests.contract.every_tool import CALLS, PlantedTenant, fill_in
from tests.conversations import ask, confirmed, data_of, refused, text_of
from tests.tenant import Tenant

pytestmark = pytest.mark.anyio

QUERY_TOOLS: Final = ("list_saved_queries", "create_saved_query", "update_saved_query", "delete_saved_query")
ALERT_TOOLS: Final = ("list_query_alerts", "create_query_alert", "update_query_alert", "delete_query_alert")
AFTER_AN_UPDATE: Final = (
    *("tag_threat_events", "list_changes", "undo_change"),
    *("untag_threat_events", "relate_threat_events", "unrelate_threat_events"),
)
WHILE_EVIDENCE_IS_READ: Final = "raw evidence that cannot be read still ends it"
AFTERWARDS: Final = "events that could not be changed, moved or deleted for that reason are as they were"
WITHOUT_A_NOTE: Final = "it leaves tags out without a note"


Failure = tuple[int, int | None]
# The gateway in front of the API answers for unknown routes with a code, under several statuses.
FAILURES: Final[Sequence[Failure]] = (
    *((status, None) for status in (400, 403, 404, 410, 500, 501)),
    *((400, 7003), (404, 7003)),
)
FEW_FAILURES: Final[Sequence[Failure]] = ((403, None), (404, None), (500, None), (400, 7003))


@dataclass(frozen=True)
class Part:
    """A part of the API: its requests, the tools that are about it, and what others say of it if they say anything."""

    requests: str
    about: Sequence[str] = ()
    says: str = "(?!)"
    failures: Sequence[Failure] = FEW_FAILURES


PARTS: Final[Mapping[str, Part]] = {
    "alerts": Part(r"\w+ /events/queries/alerts.*", ALERT_TOOLS, "lerts could not be listed", FAILURES),
    "creating alerts": Part("POST /events/queries/alerts/create", ("create_query_alert",)),
    "saved queries": Part(
        r"\w+ /events/queries(/\d+|/create)?",
        (*QUERY_TOOLS, "create_query_alert"),
        "saved queries could not be listed|saved query could not be read",
        FAILURES,
    ),
    "revert": Part("POST /events/[^/]+/revert-do", ("revert_threat_dataset",), failures=FAILURES),
    "graphql": Part("POST (/v2)?/events/graphql", ("query_threat_graphql",), failures=FAILURES),
    "raw evidence": Part("GET /events/.*raw.*", (), "raw", FAILURES),
    "graph": Part("GET /events/graph.*", (), "(this|The) account has no graph"),
    "indicators": Part("GET /events/indicators", (), "list of indicators could not be read"),
    "tags": Part(
        "GET /events/tags",
        ("untag_threat_events", "undo_change"),
        "tags (of the account )?could not be read|aliases of attacker could not be read",
        FAILURES,
    ),
    "attackers": Part("GET /events/attackers", ("list_threat_vocabulary",), "aliases of attacker could not be read"),
    "categories": Part("GET /events/categories.*", (), "categories of the account could not be read"),
    "countries": Part("GET /events/countries", (), "countries of the account could not be read"),
    "industries": Part("GET /events/targetIndustries.*", (), "industries of the account could not be read"),
    "indicator types": Part("GET /events/indicator-?[tT]ypes", (), "indicator types of the account could not be read"),
}
NOT_YET: Final[Mapping[tuple[str, str], str]] = {
    **{
        ("raw evidence", tool): WHILE_EVIDENCE_IS_READ
        for tool in (
            "get_threat_event",
            "update_threat_event",
            "move_threat_events",
            "delete_threat_events",
            "revert_threat_dataset",
        )
    },
    **{("raw evidence", tool): AFTERWARDS for tool in (*QUERY_TOOLS, *ALERT_TOOLS, *AFTER_AN_UPDATE)},
    **{
        ("tags", tool): WITHOUT_A_NOTE
        for tool in ("search_threat_events", "get_threat_event", "export_threat_events", "list_changes")
    },
}
"""Cells that may still differ, with the reason. Remove a line when its reason is gone."""
ORDER: Final = (
    *[name for name in CALLS if name.startswith(("search", "get", "list", "agg", "query", "look", "prof", "export"))],
    *("create_threat_event", "import_threat_events", "update_threat_event", "tag_threat_events", "list_changes"),
    *("undo_change", "untag_threat_events", "relate_threat_events", "unrelate_threat_events", "move_threat_events"),
    *("delete_threat_events", "create_saved_query", "update_saved_query", "create_query_alert", "update_query_alert"),
    *("delete_query_alert", "delete_saved_query", "revert_threat_dataset"),
)
# Of each vocabulary of events.
WORDS: Final[Mapping[str, JsonValue]] = {
    "attacker_country": "DE",
    "target_industry": "agriculture",
    "indicator": "https://plain.example.org/b",
    "indicator_type": "url",
}
Answers = dict[str, tuple[bool, str]]


class Proxy:
    """The sandbox, except that requests of one part fail."""

    def __init__(self, app: ASGIApp, part: Part | None, status: int, code: int | None) -> None:
        self.app, self.part, self.status = app, part, status
        error: dict[str, JsonValue] = {"message": "An error occurred."}
        self.body: JsonValue = {"success": False, "errors": [error if code is None else {**error, "code": code}]}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        request = f"{scope.get('method')} {str(scope.get('path')).split('/cloudforce-one')[-1]}"
        if self.part and re.fullmatch(self.part.requests, request):
            await JSONResponse(self.body, self.status)(scope, receive, send)
        else:
            await self.app(scope, receive, send)


async def call_every_tool(
    folder: Path, part: Part | None, status: int, code: int | None, without: Sequence[str] = ()
) -> Answers:
    """Return whether each tool fails, and its text: its last one, if it has a preview that was confirmed."""
    tenant = PlantedTenant(folder, "plain words", "tag", "https://plain.example.org/a")
    answers: Answers = {}
    async with tenant.connected() as (_, names):
        proxy = Proxy(create_sandbox_app(tenant.store, tenant.options), part, status, code)
        async with serve(tenant, proxy) as client:
            for tool in ORDER:
                if tool in without:
                    continue
                arguments = fill_in(CALLS[tool], {**names, "LAST": names.get("LAST", "none")})
                assert isinstance(arguments, dict)
                if tool == "delete_threat_events":
                    arguments = {**arguments, "event_ids": [names["SECOND"]]}
                elif tool == "create_threat_event":
                    arguments = {**arguments, **WORDS}
                result = await client.call_tool(tool, arguments)
                text = text_of(result.content)
                if code_of_preview := data_of(result).get("code"):
                    result = await client.call_tool(tool, {**arguments, "confirm": code_of_preview})
                    text += text_of(result.content)
                if tool == "tag_threat_events":
                    names["LAST"] = data_of(result).get("change_id", "none")
                answers[tool] = bool(result.is_error), erase_random_parts(text)
    return answers


def erase_random_parts(text: str) -> str:
    for pattern, word in (
        (r"[0-9a-f]{8}-[0-9a-f-]{27}", "UUID"),
        (r"\b[A-Z0-9]{4}-[A-Z0-9]{4}-[A-Z0-9]{4}\b\S*", "CODE"),
        (r"untrusted [0-9a-f]{8}", "untrusted MARK"),
        (r"\bc-[a-z0-9]{5}-[a-z0-9]{5}\b|\b[a-z2-7]{16}\b", "ID"),
        (r"minutes_ago_sent: \S+", "MINUTES"),
    ):
        text = re.sub(pattern, word, text)
    return text


@pytest.mark.parametrize("name", PARTS)
async def test_every_tool_answers_without_a_part_of_the_api(
    tmp_path: Path, name: str, record_property: Callable[[str, object], None]
) -> None:
    part = PARTS[name]
    answers: dict[Failure, Answers] = {}
    whole = await call_every_tool(make_folder(tmp_path, "whole"), None, 0, None, part.about)
    assert [tool for tool, (failed, _) in whole.items() if failed] == []

    async def call_without(status: int, code: int | None) -> None:
        folder = make_folder(tmp_path, f"{status} {code}")
        answers[status, code] = await call_every_tool(folder, part, status, code, part.about)

    async with anyio.create_task_group() as group:
        for status, code in part.failures:
            group.start_soon(call_without, status, code)
    cells = waiting = 0
    wrong: dict[tuple[int, int | None, str], str] = {}
    for (status, code), every in answers.items():
        for tool, (failed, text) in every.items():
            cells += 1
            if failed or (text != whole[tool][1] and re.search(part.says, text) is None):
                if (name, tool) in NOT_YET:
                    waiting += 1
                else:
                    wrong[status, code, tool] = text
    record_property(f"calls without {name}", f"{cells}, of which {waiting} wait")
    assert wrong == {}


def make_folder(parent: Path, name: str) -> Path:
    folder = parent / name
    folder.mkdir()
    return folder


# -- what the tools about a part say

LACKING: Final = [(400, None), (404, None), (410, None), (501, None), (400, 7003), (404, 7003)]
ABOUT: Final[list[tuple[str, str, dict[str, JsonValue], str]]] = [
    *(("alerts", tool, {}, NO_ALERTS) for tool in ALERT_TOOLS),
    *(("saved queries", tool, {}, NO_QUERIES) for tool in (*QUERY_TOOLS, "create_query_alert")),
    ("saved queries", "search_threat_events", {"query_id": "Watched"}, NO_QUERIES),
    ("saved queries", "search_threat_events", {"query_id": "1"}, NO_QUERIES),
]


@pytest.mark.parametrize(("status", "code"), LACKING)
async def test_a_tool_about_a_missing_part_says_so_in_one_sentence(
    tmp_path: Path, status: int, code: int | None
) -> None:
    tenant = PlantedTenant(tmp_path, "plain words", "tag", "https://plain.example.org/a")
    async with tenant.connected() as (_, names):
        for name, tool, more, sentence in ABOUT:
            async with serve(tenant, Proxy(create_sandbox_app(tenant.store), PARTS[name], status, code)) as client:
                arguments = fill_in(CALLS[tool], names)
                assert isinstance(arguments, dict)
                assert await refused(client, tool, **{**arguments, **more}) == sentence


@pytest.mark.parametrize(("status", "code"), FAILURES)
async def test_a_query_is_deleted_where_alerts_cannot_be_listed(tmp_path: Path, status: int, code: int | None) -> None:
    tenant = PlantedTenant(tmp_path, "plain words", "tag", "https://plain.example.org/a")
    async with tenant.connected():
        proxy = Proxy(create_sandbox_app(tenant.store), PARTS["alerts"], status, code)
        async with serve(tenant, proxy) as client:
            preview = await ask(client, "delete_saved_query", query_id=1)
            done = await ask(client, "delete_saved_query", query_id=1, confirm=preview["code"])
            undone = await confirmed(client, "undo_change", change_id=done["change_id"])
    assert ALERTS_NOT_LISTED in str(preview["change"])
    assert (preview["alerts_deleted"], done["status"], done["alerts_deleted"]) == ("unknown", "done", "unknown")
    assert (undone["status"], undone["alert_ids"]) == ("done", [])


@pytest.mark.parametrize(("status", "code"), FAILURES)
async def test_alerts_are_not_listed_under_a_read_list_while_their_queries_are_unknown(
    tmp_path: Path, status: int, code: int | None
) -> None:
    tenant = PlantedTenant(tmp_path, "plain words", "tag", "https://plain.example.org/a")
    async with tenant.connected():
        proxy = Proxy(create_sandbox_app(tenant.store), PARTS["saved queries"], status, code)
        async with serve(tenant, proxy, replace(tenant.settings, read_datasets=(tenant.home_name,))) as client:
            listed = await ask(client, "list_query_alerts")
    assert listed["alerts"] == 0
    assert listed["notes"] == [
        "The saved queries could not be listed, so it is unknown which alerts may be shown (CF1_READ_DATASETS)."
    ]


async def test_a_vocabulary_that_is_missing_is_named(tmp_path: Path) -> None:
    tenant = PlantedTenant(tmp_path, "plain words", "tag", "https://plain.example.org/a")
    proxy = Proxy(create_sandbox_app(tenant.store), PARTS["indicator types"], 404, 7003)
    async with serve(tenant, proxy) as client:
        words = await refused(client, "list_threat_vocabulary", kind="indicator_types")
    assert words.split("\n")[0] == snapshot(
        "This account does not list its indicator types. Use words as search_threat_events shows them in its events."
    )


@asynccontextmanager
async def serve(tenant: Tenant, proxy: Proxy, settings: Settings | None = None) -> AsyncGenerator[Client]:
    """A client of a server over the proxy that may do everything, or what the settings allow."""
    allowed = settings or tenant.allowed(write_datasets=("*",), delete_datasets=("*",))
    server = build_server(allowed, lambda: httpx.ASGITransport(proxy), clock=lambda: tenant.now)
    async with Client(server) as client:
        yield client
