"""What the sandbox's tests may ask for."""

from collections.abc import AsyncIterator

import pytest

from tests.sandbox.talk import Talk, talking


@pytest.fixture
async def talk() -> AsyncIterator[Talk]:
    async with talking() as conversation:
        yield conversation
