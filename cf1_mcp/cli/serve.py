"""Serves over stdio. It imports only what that needs, because a host waits for every start."""

import logging
import os
import signal
import sys
from pathlib import Path
from typing import Final

import httpx

from cf1_mcp.api.connection import Connect
from cf1_mcp.api.wire.certificates import check_certificates
from cf1_mcp.api.wire.proxies import find_proxy
from cf1_mcp.api.wire.transport import network
from cf1_mcp.errors import SettingsError
from cf1_mcp.server.mcp_server import build_server
from cf1_mcp.settings import Settings
from cf1_mcp.text.folders import is_folder

WAITING: Final = (
    "cf1-mcp: waiting for an MCP client on stdin. A client starts this program by itself: README.md shows how to add "
    "it. 'cf1-mcp try' shows what it does, 'cf1-mcp --help' lists the commands, Ctrl-C ends it.\n"
)
SQLITE_HEADER: Final = b"SQLite format 3\0"


def serve() -> None:
    """Serve the live API, or the embedded sandbox without credentials in the environment.

    Raises:
        SettingsError: a setting is wrong, or stdin or stdout cannot be used. Nothing was started.
    """
    settings = Settings.from_environment(os.environ)
    connect = create_connector(settings)
    # Before the SDK configures logging, which would wrap lines at column 80.
    logging.basicConfig(level=logging.WARNING, format="cf1-mcp: %(message)s")
    # The SDK reads stdin in a thread that Ctrl-C does not interrupt.
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    if sys.stdin.isatty():
        sys.stderr.write(WAITING)
        sys.stderr.flush()
    try:
        build_server(settings, connect, is_local=True).run("stdio")
    except* OSError as errors:
        if errors.subgroup(BrokenPipeError) is not None:
            raise
        raise SettingsError(
            "stdin or stdout cannot be used: an MCP client must be at the other end of both. Let one start this "
            "program, as README.md shows."
        ) from None


def create_connector(settings: Settings) -> Connect:
    """Return what opens a connection to the live API, or to the embedded sandbox without credentials.

    Raises:
        SettingsError: the environment names a proxy, certificates or a file that cannot be used.
    """
    if settings.credentials:
        find_proxy(httpx.URL(settings.base_url))
        check_certificates()
        return lambda: network(settings.base_url)
    if settings.sandbox_db is not None:
        _check_sandbox_file(settings.sandbox_db)

    def embedded() -> httpx.AsyncBaseTransport:
        # Imported on the first request: a server with credentials never needs the sandbox.
        from cf1_mcp.sandbox.embedded import create_embedded_sandbox

        try:
            return create_embedded_sandbox(settings.sandbox_db)
        except ValueError as error:
            raise SettingsError(f"CF1_SANDBOX_DB: {error}.") from error

    return embedded


def _check_sandbox_file(path: Path) -> None:
    """Refuse what cannot become the file of a sandbox, without opening it: that would take the time of the start."""
    problem = ""
    try:
        if is_folder(path):
            problem = "is a folder"
        elif not is_folder(path.parent):
            problem = "is in a folder that does not exist"
        elif path.exists():
            with path.open("rb") as file:
                start = file.read(len(SQLITE_HEADER))
            if start and start != SQLITE_HEADER:
                problem = "is another file"
    except OSError as error:
        problem = f"cannot be read ({error.strerror})"
    if problem:
        raise SettingsError(
            f"CF1_SANDBOX_DB: {str(path)!r} {problem}. Use a file of a sandbox, or the path of a new one."
        )
