"""Fixtures of the search tests."""

from collections.abc import AsyncGenerator

import httpx
import pytest

from cf1_mcp.sandbox.app import create_sandbox_app
from cf1_mcp.sandbox.storage.sandbox_database import SandboxDatabase
from tests.sandbox.api_client import ApiClient, ManualClock


@pytest.fixture
async def sample(sample_database: SandboxDatabase) -> AsyncGenerator[ApiClient]:
    """A client of the sample tenant."""
    async with httpx.AsyncClient(transport=httpx.ASGITransport(create_sandbox_app(sample_database))) as http:
        yield ApiClient(sample_database, ManualClock(), http)
