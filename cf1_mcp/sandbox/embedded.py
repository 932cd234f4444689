"""The sandbox without a port, inside the process that uses it."""

from pathlib import Path

import httpx

from cf1_mcp.sandbox.app import sandbox_app
from cf1_mcp.sandbox.storage.database import Store
from cf1_mcp.sandbox.storage.sample_tenant import fill_with_sample


def embedded_sandbox(db: Path | None = None) -> httpx.ASGITransport:
    """A transport that answers like the API, from memory or from a file; an empty one gets the sample tenant."""
    store = Store.open(db)
    if store.is_empty():
        fill_with_sample(store)
    return httpx.ASGITransport(sandbox_app(store))
