"""Every operation with two routes against a sandbox on a port, before and after the end of the older routes."""

import pytest

from cf1_mcp.api.client import ThreatEventsClient
from cf1_mcp.api.wire.transport import network
from cf1_mcp.errors import NotFound, Refused
from cf1_mcp.models import Event, EventSearch, NewEvent, NewRaw
from tests.ports import ACCOUNT, sandbox_on_a_port

pytestmark = pytest.mark.anyio

UNKNOWN = "e0000000-0000-4000-8000-000000000009"
NEW = NewEvent(category="Phishing", date="2026-11-01T00:00:00Z", event="x", raw=NewRaw(data={"a": 1}), tlp="green")


async def walk(api: ThreatEventsClient, made: Event, unknown_twice: bool) -> None:
    """Read, search and delete an event, with an unknown one before each step."""
    home = made.dataset_id
    for _ in range(1 + unknown_twice):
        with pytest.raises((NotFound, Refused)):
            await api.list_relationships(UNKNOWN, home)
        with pytest.raises(NotFound):
            await api.read_dataset_raw(home, UNKNOWN)
    assert [one.uuid for one in await api.list_relationships(made.uuid, home)] in ([], [made.uuid])
    assert (await api.read_dataset_raw(home, made.uuid)).data == {"a": 1}
    assert (await api.list_events(EventSearch(dataset_id=[home], page_size=1))).result
    assert await api.list_categories() and await api.list_industries() and await api.list_indicator_types(["all"])
    assert await api.delete_events(home, [made.uuid]) == 1


@pytest.mark.parametrize("options", [(), ("--sunset",), ("--sunset", "--bare")], ids=" ".join)
async def test_every_operation_with_two_routes_works_on_either_side_of_the_sunset(options: tuple[str, ...]) -> None:
    with sandbox_on_a_port(*options) as base:
        async with ThreatEventsClient(base, ACCOUNT, "any", lambda: network(base)) as api:
            for unknown_twice in (False, True):
                await walk(api, await api.create_event(NEW), unknown_twice)
