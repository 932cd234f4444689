"""Fixtures for the official `cloudflare` client: its own sandbox on a port, and one dataset per test."""

from collections.abc import Generator

import pytest
from cloudflare import Cloudflare, DefaultHttpxClient
from cloudflare.resources.cloudforce_one.threat_events import ThreatEventsResource

from tests.ports import ACCOUNT, sandbox_on_a_port


@pytest.fixture(scope="session")
def cloudflare() -> Generator[Cloudflare]:
    """The official client of a bare sandbox, because it is generated from schemas without an envelope."""
    with (
        sandbox_on_a_port("--bare") as address,
        # A proxy from the environment cannot reach the sandbox on this machine.
        DefaultHttpxClient(trust_env=False) as http,
        Cloudflare(api_token="any", base_url=address, max_retries=0, http_client=http) as client,
    ):
        yield client


@pytest.fixture
def threats(cloudflare: Cloudflare) -> ThreatEventsResource:
    """The client's methods for threat events."""
    return cloudflare.cloudforce_one.threat_events


@pytest.fixture
def dataset(threats: ThreatEventsResource, request: pytest.FixtureRequest) -> str:
    """The id of an empty dataset that only this test uses."""
    return threats.datasets.create(account_id=ACCOUNT, name=str(request.node.nodeid), is_public=False).uuid
