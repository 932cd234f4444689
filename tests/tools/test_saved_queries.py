"""Conversations about saved queries."""

import pytest
from inline_snapshot import snapshot
from mcp import Client

from tests.conversations import ask, ask_for_text, refused

pytestmark = pytest.mark.anyio


@pytest.mark.both_moods
async def test_saved_queries_are_listed_with_their_searches_and_effects(client: Client) -> None:
    data = await ask(client, "list_saved_queries")
    assert (data["queries"], data["columns"]) == snapshot(
        (8, ["id", "name", "alert_enabled", "rule_enabled", "updated", "query_json"])
    )
    assert data["rows"][3][:4] == snapshot([4, "Block list: live command and control", True, True])  # pyright: ignore


async def test_one_saved_query_is_read_by_its_id(client: Client) -> None:
    assert await ask_for_text(client, "list_saved_queries", query_id=6) == snapshot("""\
[sandbox: fictional data, not intelligence]
queries: 1
<untrusted MARK>
id	name	alert_enabled	rule_enabled	updated	query_json
6	File gateway CVE-2099-10019	True	False	2026-11-24	{"datasetId": ["4c0157a5-9de0-5c1c-ae1c-4723e1a35b13", "fe0cbf94-ee7c-54e3-84bc-499004865e24"], "search": [{"field": "indicator", "op": "equals", "value": "CVE-2099-10019"}]}
</untrusted MARK>\
""")


async def test_the_author_of_a_query_is_not_shown(client: Client) -> None:
    assert "@" not in await ask_for_text(client, "list_saved_queries")


async def test_an_unknown_query_is_refused(client: Client) -> None:
    assert await refused(client, "list_saved_queries", query_id=999) == snapshot(
        """\
Not found on this account (404). Check the ids, or search again: it may have been moved or deleted, or the account lacks this feature.
<untrusted MARK>
The API said: "Event query not found: there is no query 999; GET /events/queries lists them"
</untrusted MARK>\
"""
    )
