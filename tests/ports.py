"""The sandbox command as users run it: a process of its own, on a free port."""

import re
import subprocess
import sys
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

from cf1_mcp.settings import Credentials, Settings

ACCOUNT = "c" * 32
REAL = Path(__file__).parents[2] / "shared" / "data" / "real" / "events.jsonl.gz"


@contextmanager
def sandbox_on_a_port(*arguments: str) -> Generator[str]:
    """The base address of a sandbox that was started with these arguments."""
    command = [sys.executable, "-m", "cf1_mcp", "sandbox", "--port", "0", *arguments]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as process:
        try:
            yield _address(process)
        finally:
            process.terminate()
            process.communicate()


def _address(process: "subprocess.Popen[str]") -> str:
    told: list[str] = []
    assert process.stderr is not None
    for line in process.stderr:
        told.append(line)
        if found := re.search(r"CLOUDFLARE_BASE_URL=(\S+)", line):
            return found[1]
    raise AssertionError(f"the sandbox did not start: {''.join(told)}")


def settings_for(base: str, token: str = "any") -> Settings:
    """The server's settings for a sandbox on a port."""
    return Settings(credentials=Credentials(ACCOUNT, token), base_url=base)


def environment_for(base: str, token: str = "any") -> dict[str, str]:
    """The same as an environment."""
    return {"CLOUDFLARE_BASE_URL": base, "CLOUDFLARE_ACCOUNT_ID": ACCOUNT, "CLOUDFLARE_API_TOKEN": token}
