"""The sandbox without a port, inside the process that uses it."""

from pathlib import Path

import httpx

from cf1_mcp.sandbox.app import create_sandbox_app
from cf1_mcp.sandbox.storage.database import SandboxDatabase
from cf1_mcp.sandbox.storage.sample_tenant import load_sample_tenant


def create_embedded_sandbox(db: Path | None = None) -> httpx.ASGITransport:
    """A transport that answers like the API, from memory or from a file; an empty one gets the sample tenant."""
    store = SandboxDatabase.open(db)
    if store.is_empty():
        load_sample_tenant(store)
    return httpx.ASGITransport(create_sandbox_app(store))
