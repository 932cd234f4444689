"""What every test may ask for: a sandbox whose clock stands still, the server over it, and a real client."""

from collections.abc import AsyncGenerator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

import httpx
import pytest
from mcp import Client

from cf1_mcp.sandbox.app import create_sandbox_app
from cf1_mcp.sandbox.http.request_recorder import RecordedRequest, RequestRecorder
from cf1_mcp.sandbox.options import SandboxOptions
from cf1_mcp.sandbox.storage.database import SandboxDatabase
from cf1_mcp.sandbox.storage.sample_tenant import load_sample_tenant
from cf1_mcp.server.mcp_server import build_server
from cf1_mcp.settings import Settings

NOW = datetime(2026, 11, 24, 12, 0, tzinfo=UTC)


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@dataclass
class Sandbox:
    """A sandbox and the log of what it was asked."""

    store: SandboxDatabase
    log: list[RecordedRequest] = field(default_factory=list[RecordedRequest])
    options: SandboxOptions = field(default_factory=SandboxOptions)

    def connect(self) -> httpx.AsyncBaseTransport:
        return httpx.ASGITransport(RequestRecorder(create_sandbox_app(self.store, self.options), self.log))

    def searches(self) -> list[RecordedRequest]:
        """The requests for a page of events, in their order."""
        return [one for one in self.log if one.path.endswith("/events")]

    def asked(self) -> list[str]:
        """Method and path of every request so far, account and dataset ids left out."""
        return [f"{one.method} {one.path.split('/cloudforce-one')[1]}" for one in self.log]


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
    parser.addoption("--write-figures", action="store_true", help="write what tests/test_budgets.py measures")


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """What tests measured, and how many attempts against the guards were held off in this run."""
    for report in [*terminalreporter.getreports("passed"), *terminalreporter.getreports("failed")]:
        for name, value in report.user_properties:
            terminalreporter.write_line(f"{name}: {value}")
    held = [report for report in terminalreporter.getreports("passed") if "guards/test_" in report.nodeid]
    attacks = [report for report in held if "test_attacks" in report.nodeid or "test_reading" in report.nodeid]
    if attacks:
        terminalreporter.write_line(f"attacks held off: {len(attacks)}")
