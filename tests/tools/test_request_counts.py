"""What reads cost: requests of a profile, and of an event with everything, on the first call and on the next."""

from pathlib import Path

import pytest
from pydantic import JsonValue

from cf1_mcp.profiles import whole_sample
from cf1_mcp.sandbox.options import SandboxOptions
from tests.canned_answers import with_canned_answer
from tests.conversations import ask
from tests.moods import Mood, options_of
from tests.tenant import MINE, Tenant

pytestmark = pytest.mark.anyio

Arguments = dict[str, JsonValue]
EVERYTHING: JsonValue = ["raw", "relationships"]
NO: JsonValue = {"success": False, "errors": [{"message": "deprecated"}], "result": {}}


async def add_campaign(tenant: Tenant) -> list[str]:
    """Add an event with four children, of which one is a reference as well."""
    host = "example.org"
    ids = [
        (await tenant.add(f"e{number}", attacker="APT28", indicator=f"i{number}.{host}", indicatorType="domain")).uuid
        for number in range(5)
    ]
    async with tenant.api() as api:
        await api.create_relationships(tenant.dataset_id(), ids[0], ids[1:], "caused_by")
        await api.relate_event(ids[0], [ids[1]])
    tenant.log.clear()
    return ids


async def count_calls(tenant: Tenant, tool: str, arguments: Arguments) -> list[int]:
    """Return the requests of the first call of a server, and of the second."""
    counts: list[int] = []
    async with tenant.server(tenant.reading()) as client:
        for _ in range(2):
            tenant.log.clear()
            await ask(client, tool, **arguments)
            counts.append(len(tenant.log))
    return counts


@pytest.mark.parametrize("mood", ["kind", "like_live"])
async def test_requests_of_a_profile_and_of_an_event_with_everything(tmp_path: Path, mood: Mood) -> None:
    tenant = Tenant(tmp_path, options=options_of(mood))
    [event, *_] = await add_campaign(tenant)
    whole: Arguments = {"event_id": event, "include": EVERYTHING}
    # The first call reads the lists of datasets and of tags, which the rules need, and a profile those of actors.
    assert {
        "profile": await count_calls(tenant, "profile_attacker", {"attacker": "APT28"}),
        "event of a dataset": await count_calls(tenant, "get_threat_event", {**whole, "dataset_id": MINE}),
        "event of any dataset": await count_calls(tenant, "get_threat_event", whole),
    } == {"profile": [7, 2], "event of a dataset": [4, 2], "event of any dataset": [5, 3]}


async def test_an_event_of_any_dataset_shows_the_same_as_one_of_its_dataset(tmp_path: Path) -> None:
    tenant = Tenant(tmp_path, options=SandboxOptions(like_live=True))
    [event, *_] = await add_campaign(tenant)
    async with tenant.server(tenant.reading()) as client:
        named = await ask(client, "get_threat_event", event_id=event, dataset_id=MINE, include=EVERYTHING)
        assert await ask(client, "get_threat_event", event_id=event, include=EVERYTHING) == named
    assert named["num_references"] == 1 and named["has_children"] is True


@pytest.mark.parametrize("status", [400, 403, 404, 405, 500])
async def test_an_event_is_searched_for_where_the_deprecated_route_fails(tenant: Tenant, status: int) -> None:
    [event, *_] = await add_campaign(tenant)
    async with with_canned_answer(tenant, f"/events/{event}", NO, status) as client:
        found = await ask(client, "get_threat_event", event_id=event)
        related = await ask(client, "list_related_threat_events", event_id=event)
    assert found["event"] == "e0" and related["events"] == 4


async def test_a_profile_is_the_same_from_one_list_and_from_several(
    sample: Tenant, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls: list[Arguments] = [
        {"attacker": name, **period}
        for name in ("COPPER LANTERN", "BRASS TORTOISE", "VELOUR CICADA")
        for period in ({}, {"since": "30d"}, {"since": "2026-08-01", "until": "2026-09-01"})
    ]
    async with sample.server(sample.reading()) as client:
        whole = [await ask(client, "profile_attacker", **call) for call in calls]
        monkeypatch.setattr(whole_sample, "TIMEOUT", 0)
        assert [await ask(client, "profile_attacker", **call) for call in calls] == whole


@pytest.mark.parametrize("size", [60, 100, 140])
async def test_what_a_list_does_not_reach_is_read_by_requests_of_its_own(
    sample: Tenant, monkeypatch: pytest.MonkeyPatch, size: int
) -> None:
    async with sample.server(sample.reading()) as client:
        expected = await ask(client, "profile_attacker", attacker="COPPER LANTERN")
        monkeypatch.setattr(whole_sample, "SIZE", size)
        sample.log.clear()
        found = await ask(client, "profile_attacker", attacker="COPPER LANTERN")
    assert found == expected and 3 <= len(sample.searches()) <= 6
