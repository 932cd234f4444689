"""Fixtures for all tests (tenants, and clients of a server over them), and the folders that are marked `fast`."""

from collections.abc import AsyncGenerator
from pathlib import Path

import pytest
from mcp import Client

from cf1_mcp.sandbox.storage.sample_tenant import load_sample_tenant
from cf1_mcp.sandbox.storage.sandbox_database import SandboxDatabase
from tests.moods import Mood, mark_not_yet, options_of, parametrize_mood
from tests.tenant import GENERATIONS, NOW, Tenant

TESTS = Path(__file__).parent
FAST_FOLDERS = frozenset(
    {
        "answers",
        "contract",
        "contracts",
        "documents",
        "events",
        "exports",
        "indicators",
        "models",
        "policy",
        "search",
        "text",
        ".",
    }
)
"""Folders of pure modules and of contracts, whose tests are marked `fast`. `.` is this folder's own modules."""
SLOW_MODULES = frozenset({"test_nothing_blocks.py"})
"""Modules in these folders whose tests are not."""
SLOW_FOLDERS = frozenset(
    {
        "api",
        "changes",
        "cli",
        "evals",
        "frameworks",
        "imports",
        "lookups",
        "recorded",
        "sandbox",
        "server",
        "store",
        "foreign_clients",
        "non_interference",
        "tools",
    }
)
"""Folders whose tests start processes, listen on ports, wait, or make many calls."""


def folder_of(path: Path) -> str:
    """The folder of a test module, as FAST_FOLDERS and SLOW_FOLDERS name it."""
    first, *below = path.relative_to(TESTS).parts
    return first if below else "."


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture(scope="session")
def sample_database() -> SandboxDatabase:
    """The sample tenant, filled once: tests that only read share it."""
    store = SandboxDatabase.open(clock=lambda: NOW)
    load_sample_tenant(store)
    return store


@pytest.fixture
def mood() -> Mood:
    """How the sandbox of a test answers; tests that are marked `both_moods` run in each mood."""
    return "kind"


@pytest.fixture
def sample(sample_database: SandboxDatabase, tmp_path: Path, mood: Mood) -> Tenant:
    """The sample tenant with its own log, to read from."""
    return Tenant(tmp_path, store=sample_database, options=options_of(mood))


@pytest.fixture
async def client(sample: Tenant) -> AsyncGenerator[Client]:
    """A real client, in memory, of a server that reads the sample tenant.

    It uses the current generation of the protocol; tests/contract/test_whole_answers.py shows that every tool gives the
    same answers in both. Tests of what differs between generations use `any_client`.
    """
    async with sample.server(sample.reading()) as connected:
        yield connected


@pytest.fixture(params=GENERATIONS)
async def any_client(request: pytest.FixtureRequest, sample: Tenant) -> AsyncGenerator[Client]:
    """The same in each generation of the protocol."""
    async with sample.server(sample.reading(), mode=request.param) as connected:
        yield connected


@pytest.fixture
def tenant(tmp_path: Path, mood: Mood) -> Tenant:
    """An empty tenant to change."""
    return Tenant(tmp_path, options=options_of(mood))


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--write-figures", action="store_true", help="write the figures of tests/contract/test_budgets.py")
    parser.addoption("--write-tables", action="store_true", help="write the generated tables of README.md and docs/")


def pytest_configure(config: pytest.Config) -> None:
    writes = config.getoption("--write-figures") or config.getoption("--write-tables")
    if writes and config.getoption("numprocesses", None):
        raise pytest.UsageError("--write-figures and --write-tables need -n 0: two processes would write the same file")


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    parametrize_mood(metafunc)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    mark_not_yet(items)
    for item in items:
        if folder_of(item.path) in FAST_FOLDERS and item.path.name not in SLOW_MODULES:
            item.add_marker(pytest.mark.fast)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Print what tests measured, and how many attacks on the guards failed in this run."""
    passed = terminalreporter.getreports("passed")
    for report in [*passed, *terminalreporter.getreports("failed")]:
        for name, value in report.user_properties:
            terminalreporter.write_line(f"{name}: {value}")
    attacks = ("_attacks.py", "policy/test_read_policy.py")
    if count := sum(any(path in report.nodeid for path in attacks) for report in passed):
        terminalreporter.write_line(f"attacks withstood: {count}")
