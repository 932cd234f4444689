"""The sandbox command as users run it: in its own process, on a free port."""

from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

from cf1_mcp.settings import Credentials, Settings
from tests.commands import Command

ACCOUNT = "c" * 32
REAL = Path(__file__).parents[2] / "shared" / "data" / "real" / "events.jsonl.gz"


@contextmanager
def sandbox_on_a_port(*arguments: str) -> Generator[str]:
    """Start a sandbox with these arguments, and yield its base address."""
    with Command(["sandbox", "--port", "0", *arguments]) as command:
        try:
            yield command.wait_for_line("CLOUDFLARE_BASE_URL=").split()[0]
        finally:
            command.terminate()


def settings_for(base: str, token: str = "any") -> Settings:
    """The server's settings for a sandbox on a port."""
    return Settings(credentials=Credentials(ACCOUNT, token), base_url=base)


def environment_for(base: str, token: str = "any") -> dict[str, str]:
    """The same as an environment."""
    return {"CLOUDFLARE_BASE_URL": base, "CLOUDFLARE_ACCOUNT_ID": ACCOUNT, "CLOUDFLARE_API_TOKEN": token}
