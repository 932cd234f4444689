"""Serves over stdio. It imports only what that needs, because a host waits for every start."""

import logging
import os
import signal

import httpx

from cf1_mcp.api.connection import Connect
from cf1_mcp.api.wire.transport import network
from cf1_mcp.server.mcp_server import build_server
from cf1_mcp.settings import Settings


def serve() -> None:
    """Serve the live API, or the embedded sandbox without credentials in the environment.

    Raises:
        SettingsError: a setting is wrong. Nothing was started.
    """
    settings = Settings.from_environment(os.environ)
    # Before the SDK configures logging, which would wrap lines at column 80.
    logging.basicConfig(level=logging.WARNING, format="cf1-mcp: %(message)s")
    # The SDK reads stdin in a thread that Ctrl-C does not interrupt.
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    build_server(settings, create_connector(settings), is_local=True).run("stdio")


def create_connector(settings: Settings) -> Connect:
    """Return what opens a connection to the live API, or to the embedded sandbox without credentials."""
    if settings.credentials:
        return lambda: network(settings.base_url)

    def embedded() -> httpx.AsyncBaseTransport:
        # Imported on the first request: a server with credentials never needs the sandbox.
        from cf1_mcp.sandbox.embedded import create_embedded_sandbox

        return create_embedded_sandbox(settings.sandbox_db)

    return embedded
