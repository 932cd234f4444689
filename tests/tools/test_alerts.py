"""Conversations about query alerts."""

import pytest
from inline_snapshot import snapshot
from mcp import Client

from cf1_mcp.api.wire.transport import network
from cf1_mcp.server.mcp_server import build_server
from cf1_mcp.settings import Credentials, Settings
from tests.conversations import ask_for_text, refused
from tests.upstreams import ACCOUNT, TOKEN, answer, failed, upstream

pytestmark = pytest.mark.anyio


@pytest.mark.both_moods
async def test_alerts_are_listed_with_their_queries(client: Client) -> None:
    assert await ask_for_text(client, "list_query_alerts") == snapshot("""\
[sandbox: fictional data, not intelligence]
alerts: 6
<untrusted MARK>
id	query_id	enabled	frequency	notification_type	last_sent
1	1	True	daily	ans	
2	2	True	daily	ans	
3	3	True	immediate	ans	
4	4	False	immediate	ans	
5	6	True	immediate	ans	
6	8	True	daily	ans	
</untrusted MARK>\
""")


async def test_one_alert_is_read_by_its_id(client: Client) -> None:
    assert await ask_for_text(client, "list_query_alerts", alert_id=4) == snapshot("""\
[sandbox: fictional data, not intelligence]
alerts: 1
<untrusted MARK>
id	query_id	enabled	frequency	notification_type	last_sent
4	4	False	immediate	ans	
</untrusted MARK>\
""")


async def test_an_account_without_alerts_is_explained_in_one_sentence() -> None:
    async with upstream(failed("404 Not Found", "no route")) as server:
        server.routes |= {"/events/dataset": answer([]), "/events/queries": answer([])}
        base = f"http://127.0.0.1:{server.port}/client/v4"
        settings = Settings(credentials=Credentials(ACCOUNT, TOKEN), base_url=base)
        async with Client(build_server(settings, lambda: network(base))) as client:
            assert await refused(client, "list_query_alerts") == snapshot(
                "This account has no query alerts; not every account does. Use list_saved_queries to see what is watched."
            )
