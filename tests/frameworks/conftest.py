"""The command with which the frameworks start the server."""

import os
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

DATASET = "ACME Incident Response"


@dataclass(frozen=True)
class Server:
    """The command of a server with full permissions over its embedded sandbox."""

    command: str
    args: list[str]
    env: dict[str, str]
    cwd: str


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture
def server(tmp_path: Path) -> Server:
    clean = {name: value for name, value in os.environ.items() if not name.startswith(("CF1_", "CLOUDFLARE_"))}
    full = {
        "CF1_MODE": "full",
        "CF1_WRITE_DATASETS": DATASET,
        "CF1_DELETE_DATASETS": DATASET,
        "CF1_STATE_DIR": str(tmp_path / "state"),
    }
    return Server(
        command=os.environ.get("CF1_SERVER_PYTHON", sys.executable),
        args=["-m", "cf1_mcp"],
        env=clean | full,
        cwd=str(Path(__file__).parents[2]),
    )


@pytest.fixture
def published() -> set[str]:
    """The names of all published tools."""
    return {file.stem for file in (Path(__file__).parents[2] / "tools").glob("*.json")}
