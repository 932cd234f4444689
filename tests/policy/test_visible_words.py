"""Words that may be shown: those of events that may be shown, in their own spelling."""

import pytest

from tests.conversations import ask, column
from tests.tenant import Tenant

pytestmark = pytest.mark.anyio


async def test_another_spelling_that_only_a_withheld_event_has_is_not_told(tenant: Tenant) -> None:
    await tenant.add("one", attacker="COPPER LANTERN", targetIndustry="ENERGY", tags=["Lure"])
    for number, name in enumerate(("Copper Lantern", "COPPER LANTERN ", "copper lantern")):
        await tenant.add(f"red {number}", attacker=name, targetIndustry="Energy", tags=["lure"], tlp="red")
    async with tenant.server(tenant.reading()) as client:
        attackers = column(await ask(client, "list_threat_vocabulary", kind="attackers"), "attackers")
        industries = column(await ask(client, "list_threat_vocabulary", kind="industries"), "industries")
        tags = column(await ask(client, "list_threat_vocabulary", kind="tags"), "tags")
        data = await ask(client, "search_threat_events", attacker=["copper lantern"])
    assert (attackers, industries, tags) == (["COPPER LANTERN"], ["ENERGY"], ["Lure"])
    assert data["read_as"] == ["attacker: copper lantern as COPPER LANTERN"] and data["events"] == 1


async def test_many_words_are_found_in_few_requests(tenant: Tenant) -> None:
    for number in range(130):
        await tenant.add(f"event {number}", attacker=f"ACTOR {number:03}", tlp="green" if number % 2 else "red")
    async with tenant.server(tenant.reading()) as client:
        tenant.log.clear()
        listed = await ask(client, "list_threat_vocabulary", kind="attackers", limit=200)
    assert column(listed, "attackers") == [f"ACTOR {number:03}" for number in range(1, 130, 2)]
    assert sum(line == "GET /events" for line in tenant.requests()) <= 6
