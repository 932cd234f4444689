"""`cf1-mcp sandbox`: the sandbox on a port."""

import os
import socket
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

import uvicorn
from starlette.middleware import Middleware

from cf1_mcp.sandbox.app import create_sandbox_app
from cf1_mcp.sandbox.http.bearer_auth import BearerAuth, Permission
from cf1_mcp.sandbox.http.faults import FaultInjector, parse_faults
from cf1_mcp.sandbox.http.rate_limit import RateLimit, parse_rate
from cf1_mcp.sandbox.options import SandboxOptions
from cf1_mcp.sandbox.storage.database import SandboxDatabase
from cf1_mcp.sandbox.storage.event_files import load_records, read_records
from cf1_mcp.sandbox.storage.sample_tenant import load_sample_tenant

MAX_SKIPPED_TOLD = 10


def serve_sandbox(
    port: int,
    db: Path | None,
    files: Sequence[Path],
    skip_bad: bool,
    bare: bool,
    sunset: bool,
    faults: str,
    rate_limit: str,
    tokens: Mapping[str, Permission],
) -> None:
    """Fill the store, listen on 127.0.0.1 and serve until stopped. What it does is told on stderr.

    Raises:
        ValueError: a file, the faults or the rate limit cannot be used; the message says why. Nothing was served.
    """
    limit, seconds = parse_rate(rate_limit) if rate_limit else (None, 300.0)
    middleware = [
        Middleware(RateLimit, limit=limit, seconds=seconds),
        Middleware(BearerAuth, tokens=tokens),
        Middleware(FaultInjector, faults=parse_faults(faults)),
    ]
    store = SandboxDatabase.open(db)
    _fill(store, files, skip_bad)
    listener = _listener(port)
    address = f"http://127.0.0.1:{listener.getsockname()[1]}/client/v4"
    _tell(f"sandbox on {address} (fictional unless you loaded a file; Ctrl-C stops it)")
    _tell(f"use it with CLOUDFLARE_BASE_URL={address} and any token and 32-digit account id")
    app = create_sandbox_app(store, SandboxOptions(bare=bare, sunset=sunset, middleware=middleware))
    uvicorn.Server(uvicorn.Config(app, log_level="warning", access_log=False)).run(sockets=[listener])


def _listener(port: int) -> socket.socket:
    # Made by hand, because asyncio sends small answers at once only on a socket that says it is TCP; on any other,
    # every answer waits some 40 ms for the other side's delayed acknowledgement.
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind(("127.0.0.1", port))
        # Whoever is told the address may come before the server is up; from here on they wait instead of being refused.
        listener.listen(2048)
        return listener
    except OSError as error:
        raise ValueError(
            f"port {port} cannot be used: {os.strerror(error.errno or 0)}; name another with --port, or 0"
        ) from error


def _fill(store: SandboxDatabase, files: Sequence[Path], skip_bad: bool) -> None:
    for file in files:
        _load(store, file, skip_bad)
    if not files and store.is_empty():
        loaded = load_sample_tenant(store)
        _tell(f"made a sample tenant of {loaded.events} events and {loaded.links} links")


def _load(store: SandboxDatabase, file: Path, skip_bad: bool) -> None:
    skipped: list[str] = []
    try:
        records = read_records(file, skip_bad=skip_bad, on_skip=lambda bad: skipped.append(str(bad)))
        loaded = load_records(store, records, skip_bad=skip_bad)
    except OSError as error:
        raise ValueError(f"{file} cannot be read: {error.strerror}; name a file of events as JSONL") from error
    for words in skipped[:MAX_SKIPPED_TOLD]:
        _tell(f"skipped: {words}")
    left_out = len(skipped) + loaded.skipped
    _tell(f"loaded {loaded.events} events and {loaded.links} links from {file.name}" + _but(left_out))


def _but(left_out: int) -> str:
    return f"; {left_out} left out" if left_out else ""


def _tell(line: str) -> None:
    sys.stderr.write(f"{line}\n")
    sys.stderr.flush()
