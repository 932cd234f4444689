"""The sandbox inside the process that uses it, without a port."""

from pathlib import Path

import httpx

from cf1_mcp.sandbox.app import create_sandbox_app
from cf1_mcp.sandbox.storage.database import SandboxDatabase
from cf1_mcp.sandbox.storage.sample_tenant import load_sample_tenant


def create_embedded_sandbox(path: Path | None = None) -> httpx.ASGITransport:
    """Return a transport that answers like the API.

    The data is in memory, or in the file at `path`. An empty database is filled with the sample tenant.
    """
    database = SandboxDatabase.open(path)
    if database.is_empty():
        load_sample_tenant(database)
    return httpx.ASGITransport(create_sandbox_app(database))
