"""What the official `cloudflare` client needs: a sandbox of its own on a port, and a dataset a test."""

from collections.abc import Generator

import pytest
from cloudflare import Cloudflare, DefaultHttpxClient
from cloudflare.resources.cloudforce_one.threat_events import ThreatEventsResource

from tests.ports import ACCOUNT, sandbox_on_a_port


@pytest.fixture(scope="session")
def cloudflare() -> Generator[Cloudflare]:
    """The official client at a bare sandbox, because it was made from schemas that know no envelope."""
    with (
        sandbox_on_a_port("--bare") as address,
        # A developer's own proxy has no way to this machine's sandbox.
        DefaultHttpxClient(trust_env=False) as http,
        Cloudflare(api_token="any", base_url=address, max_retries=0, http_client=http) as client,
    ):
        yield client


@pytest.fixture
def threats(cloudflare: Cloudflare) -> ThreatEventsResource:
    """Its methods for threat events."""
    return cloudflare.cloudforce_one.threat_events


@pytest.fixture
def dataset(threats: ThreatEventsResource, request: pytest.FixtureRequest) -> str:
    """The id of an empty dataset that no other test writes to."""
    return threats.datasets.create(account_id=ACCOUNT, name=str(request.node.nodeid), is_public=False).uuid
