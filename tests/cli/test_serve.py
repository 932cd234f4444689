"""The real server as a host runs it: a subprocess over stdio."""

import os
import subprocess
import sys
from pathlib import Path
from typing import Literal

import pytest
from inline_snapshot import snapshot
from mcp import Client, StdioServerParameters

from tests.commands import run_command
from tests.conversations import ask, ask_for_text, refused

pytestmark = pytest.mark.anyio

SERVER = [sys.executable, "-m", "cf1_mcp"]


def server_process(environment: dict[str, str] | None = None) -> StdioServerParameters:
    return StdioServerParameters(command=SERVER[0], args=SERVER[1:], env=environment)


@pytest.mark.parametrize("mode", ["auto", "legacy"])
async def test_without_credentials_it_serves_the_sandbox(mode: Literal["auto", "legacy"]) -> None:
    async with Client(server_process(), mode=mode) as client:
        tools = (await client.list_tools()).tools
        data = await ask(client, "search_threat_events", limit=1)
    assert (len(tools), data["source"], data["events"]) == (14, "sandbox: fictional data, not intelligence", 1)


async def test_a_sandbox_in_a_file_keeps_its_events(tmp_path: Path) -> None:
    # The key seals the cursors, which would differ between two processes otherwise.
    kept = {"CF1_SANDBOX_DB": str(tmp_path / "kept.db"), "CF1_CONFIRM_KEY": "k" * 32}
    async with Client(server_process(kept)) as client:
        first = await ask_for_text(client, "search_threat_events", limit=3)
    async with Client(server_process(kept)) as client:
        assert await ask_for_text(client, "search_threat_events", limit=3) == first


async def test_an_unreachable_api_is_reported_by_the_first_call() -> None:
    environment = {
        "CLOUDFLARE_API_TOKEN": "a-token",
        "CLOUDFLARE_ACCOUNT_ID": "0" * 32,
        "CLOUDFLARE_BASE_URL": "http://127.0.0.1:1/client/v4",
    }
    async with Client(server_process(environment)) as client:
        assert await refused(client, "list_threat_datasets") == snapshot(
            "The API cannot be reached: no connection could be made. Ask the operator to check the network, the proxy and CLOUDFLARE_BASE_URL."
        )


@pytest.mark.parametrize(
    ("environment", "words"),
    [
        (
            {"CLOUDFLARE_API_TOKEN": "a-token"},
            snapshot(
                "cf1-mcp: CLOUDFLARE_ACCOUNT_ID is missing while CLOUDFLARE_API_TOKEN is set. Set both to use the live API, or neither to use the embedded sandbox.\n"
            ),
        ),
        (
            {"CLOUDFLARE_ACCOUNT_ID": "0" * 32},
            snapshot(
                "cf1-mcp: CLOUDFLARE_API_TOKEN is missing while CLOUDFLARE_ACCOUNT_ID is set. Set both to use the live API, or neither to use the embedded sandbox.\n"
            ),
        ),
        (
            {"CLOUDFLARE_API_TOKEN": "a-token", "CLOUDFLARE_ACCOUNT_ID": "mine"},
            snapshot(
                "cf1-mcp: CLOUDFLARE_ACCOUNT_ID is not an account id. Use the 32 hexadecimal digits from the address of the Cloudflare dashboard.\n"
            ),
        ),
        (
            {"CF1_TOOLSETZ": "all"},
            snapshot("cf1-mcp: CF1_TOOLSETZ is not a setting of this version, did you mean 'CF1_TOOLSETS'?\n"),
        ),
    ],
)
def test_a_wrong_environment_stops_the_start_with_one_sentence(environment: dict[str, str], words: str) -> None:
    clean = {name: value for name, value in os.environ.items() if not name.startswith(("CF1_", "CLOUDFLARE_"))}
    ended = run_command(environment=clean | environment)
    assert (ended.returncode, ended.stdout, ended.stderr) == (2, "", words)


def test_it_ends_when_its_host_closes_stdin() -> None:
    ended = subprocess.run(SERVER, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=30)
    assert (ended.returncode, ended.stdout) == (0, "")
