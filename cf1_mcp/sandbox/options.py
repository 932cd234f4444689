"""The options of a sandbox application."""

from collections.abc import Sequence
from dataclasses import dataclass

from starlette.middleware import Middleware


@dataclass(frozen=True)
class SandboxOptions:
    """How the sandbox answers.

    `bare` leaves out Cloudflare's envelope, `sunset` removes the routes that end on 2026-11-28, and `middleware` runs
    before the routes, the first one outermost. `like_live` answers as unkindly as the live API may (mood.py); it
    implies `sunset`. `introspection` and `failing_datasets` matter in that mood only: whether GraphQL shows its schema,
    and the names of datasets that do not answer requests about several.
    """

    bare: bool = False
    sunset: bool = False
    middleware: Sequence[Middleware] = ()
    like_live: bool = False
    introspection: bool = True
    failing_datasets: Sequence[str] = ()
