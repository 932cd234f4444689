"""The command `cf1-mcp sandbox`, which serves the sandbox on a port."""

import os
import socket
import sys
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Final

import uvicorn
from starlette.middleware import Middleware

from cf1_mcp.sandbox.app import create_sandbox_app
from cf1_mcp.sandbox.http.bearer_auth import BearerAuth, Permission
from cf1_mcp.sandbox.http.edge_gateway import Gateway
from cf1_mcp.sandbox.http.faults import FaultInjector, parse_faults
from cf1_mcp.sandbox.http.rate_limit import QUOTA, WINDOW_SECONDS, RateLimiter, parse_rate
from cf1_mcp.sandbox.invented import LIVE_LATENCY
from cf1_mcp.sandbox.options import SandboxOptions
from cf1_mcp.sandbox.storage.event_files import LoadResult, load_records, read_records
from cf1_mcp.sandbox.storage.sample_tenant import load_sample_tenant
from cf1_mcp.sandbox.storage.sandbox_database import SandboxDatabase

MAX_SKIPPED_SHOWN: Final = 10


def serve_sandbox(
    port: int,
    db: Path | None,
    files: Sequence[Path],
    skip_bad: bool,
    options: SandboxOptions,
    faults: str,
    rate_limit: str,
    tokens: Mapping[str, Permission],
) -> None:
    """Fill the database, listen on 127.0.0.1 and serve until stopped. Progress is written to stderr.

    `faults` and `rate_limit` may be empty: then nothing fails, unless the sandbox is like the live API, which takes
    LIVE_LATENCY for each answer and enforces the documented limit.

    Raises:
        ValueError: a file, the faults, the rate limit or the port cannot be used; the message says why. Nothing was
            served.
    """
    like_live = options.like_live
    limit, seconds = parse_rate(rate_limit) if rate_limit else (QUOTA if like_live else None, WINDOW_SECONDS)
    injected = parse_faults(faults)
    if like_live and not any(fault.kind == "latency" for fault in injected):
        injected = (*injected, *parse_faults(f"latency={LIVE_LATENCY}"))
    middleware = [
        *([Middleware(Gateway, tokens=tokens)] if like_live else []),
        Middleware(RateLimiter, limit=limit, seconds=seconds, blocks=like_live),
        Middleware(BearerAuth, tokens=tokens),
        Middleware(FaultInjector, faults=injected),
    ]
    database = SandboxDatabase.open(db)
    _fill(database, files, skip_bad)
    listener = _open_listener(port)
    address = f"http://127.0.0.1:{listener.getsockname()[1]}/client/v4"
    accepted = "one of the tokens given" if tokens else "any token"
    if options.like_live and not tokens:
        accepted = "a token of 40 letters and digits"
    _write_line(f"sandbox on {address} (fictional unless you loaded a file; Ctrl-C stops it)")
    _write_line(f"use it with CLOUDFLARE_BASE_URL={address} and {accepted}, with any 32-digit account id")
    app = create_sandbox_app(database, replace(options, middleware=middleware))
    uvicorn.Server(uvicorn.Config(app, log_level="warning", access_log=False)).run(sockets=[listener])


def _open_listener(port: int) -> socket.socket:
    # Created here with IPPROTO_TCP: asyncio sets TCP_NODELAY only on such sockets, and without it every small answer
    # waits about 40 ms for the client's delayed acknowledgement.
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind(("127.0.0.1", port))
        # A client may read the address and connect before the server runs; its connection then waits in the backlog.
        listener.listen(2048)
        return listener
    except OSError as error:
        listener.close()
        raise ValueError(
            f"port {port} cannot be used: {os.strerror(error.errno or 0)}; name another with --port, or 0"
        ) from error


def _fill(database: SandboxDatabase, files: Sequence[Path], skip_bad: bool) -> None:
    for file in files:
        _load(database, file, skip_bad)
    if not files and database.is_empty():
        loaded = load_sample_tenant(database)
        _write_line(f"created a sample tenant of {_describe(loaded)}")


def _load(database: SandboxDatabase, file: Path, skip_bad: bool) -> None:
    skipped: list[str] = []
    try:
        records = read_records(file, skip_bad=skip_bad, on_skip=lambda bad: skipped.append(str(bad)))
        loaded = load_records(database, records, skip_bad=skip_bad)
    except OSError as error:
        raise ValueError(f"{file} cannot be read: {error.strerror}; name a file of events as JSONL") from error
    for message in skipped[:MAX_SKIPPED_SHOWN]:
        _write_line(f"skipped: {message}")
    count = len(skipped) + loaded.skipped
    rest = f"; skipped {count}" if count else ""
    _write_line(f"loaded {_describe(loaded)} from {file.name}{rest}")


def _describe(loaded: LoadResult) -> str:
    events = "1 event" if loaded.events == 1 else f"{loaded.events} events"
    links = "1 link" if loaded.links == 1 else f"{loaded.links} links"
    return f"{events} and {links}"


def _write_line(line: str) -> None:
    sys.stderr.write(f"{line}\n")
    sys.stderr.flush()
