"""The datasets and vocabularies of the account."""

import anyio
import pytest
from inline_snapshot import snapshot
from mcp import Client
from pydantic import JsonValue

from tests.conversations import ask, ask_for_text, column, refused
from tests.tenant import Tenant

pytestmark = pytest.mark.anyio


@pytest.mark.both_moods
async def test_datasets_are_listed_by_name_uuid_and_kind(client: Client) -> None:
    assert await ask_for_text(client, "list_threat_datasets") == snapshot("""\
[sandbox: fictional data, not intelligence]
datasets: 5
<untrusted MARK>
name	uuid	kind	access
Cloudforce One Threat Events	4c0157a5-9de0-5c1c-ae1c-4723e1a35b13	operational	public
Cybercrime	1845c219-708a-5742-ae10-15645f39ca69	operational	public
DDoS Attacks	864ac67a-628a-5f92-95b2-aaadaff9397f	operational	public
Compromised Devices	6539b91f-6772-5f59-ad2c-faa78ad7db62	analytics	public
ACME Incident Response	fe0cbf94-ee7c-54e3-84bc-499004865e24	operational	private
</untrusted MARK>\
""")


@pytest.mark.both_moods
@pytest.mark.parametrize(
    ("kind", "first"),
    [
        ("attackers", snapshot([20, "@SUM(1+1)*cmd|' /C calc'!A0", "BRASS TORTOISE", "CINDER OTTER"])),
        ("categories", snapshot([27, "Account Takeover", "Brand Impersonation", "Business Email Compromise"])),
        ("countries", snapshot([249, "AD Andorra", "AE United Arab Emirates", "AF Afghanistan"])),
        ("datasets", snapshot([5, "Cloudforce One Threat Events", "Cybercrime", "DDoS Attacks"])),
        ("indicator_types", snapshot([9, "cve", "domain", "email"])),
        ("industries", snapshot([31, "Agriculture", "Automotive", "Banking & Financial Services"])),
        ("tags", snapshot([126, "+1+1", "COINWICK", "DUSTKEEL"])),
    ],
)
async def test_every_vocabulary_is_listed(client: Client, kind: str, first: list[object]) -> None:
    data = await ask(client, "list_threat_vocabulary", kind=kind, limit=3)
    assert [data["of"], *column(data, kind)] == first


async def test_a_vocabulary_is_filtered_and_paged(client: Client) -> None:
    pages: list[JsonValue] = []
    cursor: JsonValue = None
    for _ in range(3):
        page = await ask(client, "list_threat_vocabulary", kind="countries", contains="LAND", limit=10, cursor=cursor)
        pages += column(page, "countries")
        cursor = page.get("next_cursor")
    whole = await ask(client, "list_threat_vocabulary", kind="countries", contains="land", limit=100)
    assert pages == column(whole, "countries")[:30]


async def test_a_hundred_concurrent_calls_cause_one_request(client: Client, sample: Tenant) -> None:
    async with anyio.create_task_group() as group:
        for _ in range(100):
            group.start_soon(ask, client, "list_threat_datasets")
    assert sample.requests() == ["GET /events/dataset", "GET /events/tags"]


async def test_an_unknown_vocabulary_is_refused_with_the_known_ones(client: Client) -> None:
    assert await refused(client, "list_threat_vocabulary", kind="malware") == snapshot(
        "kind: Input should be 'attackers', 'categories', 'countries', 'datasets', 'indicator_types', 'industries', 'tags' or 'search_guide'. Use attackers, categories, countries, datasets, indicator_types, industries, tags or search_guide."
    )
