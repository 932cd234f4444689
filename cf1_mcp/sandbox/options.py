"""The options of a sandbox application."""

from collections.abc import Sequence
from dataclasses import dataclass

from starlette.middleware import Middleware


@dataclass(frozen=True)
class SandboxOptions:
    """How the sandbox answers.

    `bare` leaves out Cloudflare's envelope, `sunset` removes the routes that end on 2026-11-28, and `middleware` runs
    before the routes, the first one outermost.
    """

    bare: bool = False
    sunset: bool = False
    middleware: Sequence[Middleware] = ()
