"""Prompts, resources and completions travel differently in each generation of the protocol: all are tested in both."""

import pytest
from mcp import Client


@pytest.fixture
def client(any_client: Client) -> Client:
    return any_client
