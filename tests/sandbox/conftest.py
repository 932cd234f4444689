"""Fixtures of the sandbox's tests."""

from collections.abc import AsyncIterator

import pytest

from tests.sandbox.api_client import ApiClient, open_sandbox


@pytest.fixture
async def api() -> AsyncIterator[ApiClient]:
    """A client of an empty sandbox."""
    async with open_sandbox() as client:
        yield client
