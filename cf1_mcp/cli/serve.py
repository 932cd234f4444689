"""Serving over stdio, with no more imported than that takes: a host waits for every start."""

import logging
import os
import signal

import httpx

from cf1_mcp.api.connection import Connect
from cf1_mcp.api.transport import network
from cf1_mcp.server.mcp_server import build_server
from cf1_mcp.settings import Settings


def serve() -> None:
    """Serve the live API, or the embedded sandbox where the environment holds no credentials.

    Raises:
        SettingsError: the environment is wrong; nothing was started.
    """
    settings = Settings.from_environment(os.environ)
    # Set before the SDK sets its own, which breaks a line at the 80th column.
    logging.basicConfig(level=logging.WARNING, format="cf1-mcp: %(message)s")
    # The SDK waits for stdin in a thread that Ctrl-C does not reach.
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    build_server(settings, way_to(settings)).run("stdio")


def way_to(settings: Settings) -> Connect:
    """To the live API, or to the embedded sandbox where there are no credentials."""
    if settings.credentials:
        return lambda: network(settings.base_url)

    def embedded() -> httpx.AsyncBaseTransport:
        # Imported by the first request: a server with credentials never needs the sandbox.
        from cf1_mcp.sandbox.embedded import create_embedded_sandbox

        return create_embedded_sandbox(settings.sandbox_db)

    return embedded
