"""What every test may ask for: a sandbox whose clock stands still, the server over it, and a real client."""

from collections.abc import AsyncGenerator
from pathlib import Path

import pytest
from mcp import Client

from cf1_mcp.sandbox.storage.database import SandboxDatabase
from cf1_mcp.sandbox.storage.sample_tenant import load_sample_tenant
from cf1_mcp.server.mcp_server import build_server
from cf1_mcp.settings import Settings
from tests.tenant import NOW, Bench, Sandbox


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture(scope="session")
def filled_store() -> SandboxDatabase:
    """The sample tenant. Made once: tests of reading share it."""
    store = SandboxDatabase.open(clock=lambda: NOW)
    load_sample_tenant(store)
    return store


@pytest.fixture
def sandbox(filled_store: SandboxDatabase) -> Sandbox:
    return Sandbox(filled_store)


@pytest.fixture(params=["auto", "legacy"])
async def client(request: pytest.FixtureRequest, sandbox: Sandbox, tmp_path: Path) -> AsyncGenerator[Client]:
    """A real client of both protocol generations, in memory."""
    server = build_server(Settings(state_dir=tmp_path), sandbox.connect, clock=lambda: NOW)
    mode = "legacy" if request.param == "legacy" else "auto"
    async with Client(server, mode=mode) as connected:
        yield connected


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--write-figures", action="store_true", help="write what tests/contract/test_budgets.py measures")
    parser.addoption("--write-tables", action="store_true", help="write the generated tables of README.md and docs/")


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """What tests measured, and how many attempts against the guards were held off in this run."""
    for report in [*terminalreporter.getreports("passed"), *terminalreporter.getreports("failed")]:
        for name, value in report.user_properties:
            terminalreporter.write_line(f"{name}: {value}")
    held = [report for report in terminalreporter.getreports("passed") if "guards/test_" in report.nodeid]
    attacks = [report for report in held if "test_attacks" in report.nodeid or "test_reading" in report.nodeid]
    if attacks:
        terminalreporter.write_line(f"attacks held off: {len(attacks)}")


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    return Bench(tmp_path)
