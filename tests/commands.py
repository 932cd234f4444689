"""`cf1-mcp` commands as separate processes, forked from one process that has imported everything.

Each runs `main()` as `python -m cf1_mcp` does and can be killed or interrupted, but starts in milliseconds instead of a
second. tests/cli/test_serve.py and the clients in tests/foreign_clients start the package in a new
interpreter.
"""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from multiprocessing import get_context
from pathlib import Path
from tempfile import TemporaryDirectory
from types import TracebackType

TIMEOUT = 120.0
_FORKS = get_context("forkserver")
# pytest too, because a forked process imports the main module of the one that started it.
_FORKS.set_forkserver_preload(["cf1_mcp.cli.app", "cf1_mcp.cli.doctor", "cf1_mcp.cli.import_file", "cf1_mcp.cli.tour", "cf1_mcp.sandbox.command", "tests.commands", "pytest"])  # fmt: skip


def run_command(*arguments: str, environment: Mapping[str, str] | None = None) -> "subprocess.CompletedProcess[str]":
    """Run a command to its end."""
    with Command(arguments, environment) as command:
        stdout, stderr = command.communicate()
        return subprocess.CompletedProcess(list(arguments), command.wait(), stdout, stderr)


class Command:
    """A running command, with the parts of `subprocess.Popen` that tests use."""

    def __init__(
        self, arguments: Sequence[str], environment: Mapping[str, str] | None = None, terminal: str | None = None
    ) -> None:
        """Start it. A `terminal`, by the path of its device, takes the place of stdin, stdout and stderr."""
        self._folder = TemporaryDirectory()
        self._stdout, self._stderr = (Path(self._folder.name) / name for name in ("stdout", "stderr"))
        self._code: int | None = None
        own = dict(os.environ if environment is None else environment)
        files = (terminal,) * 3 if terminal else (os.devnull, str(self._stdout), str(self._stderr))
        self._process = _FORKS.Process(target=_run, args=(list(arguments), own, files), daemon=True)
        self._process.start()

    def __enter__(self) -> "Command":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if kind is not None:
            self._process.kill()
        self.wait()
        self._process.close()
        self._folder.cleanup()

    def poll(self) -> int | None:
        """The exit code, or None while it runs."""
        return self._process.exitcode

    def wait(self) -> int:
        """Wait for the end, and return the exit code."""
        if self._code is None:
            self._process.join(TIMEOUT)
            self._code = self._process.exitcode
        if self._code is None:
            self._process.kill()
            raise AssertionError(f"the command did not end within {TIMEOUT:.0f} s: {self.stderr()}")
        return self._code

    def communicate(self) -> tuple[str, str]:
        """Wait for the end, and return what it wrote to stdout and stderr."""
        self.wait()
        return self._stdout.read_text(encoding="utf-8"), self.stderr()

    def stderr(self) -> str:
        """What it has written to stderr so far."""
        return self._stderr.read_text(encoding="utf-8") if self._stderr.exists() else ""

    def kill(self) -> None:
        """End it at once, as `kill -9` does."""
        self._process.kill()

    def interrupt(self) -> None:
        """Interrupt it, as Ctrl-C does."""
        assert self._process.pid is not None
        os.kill(self._process.pid, signal.SIGINT)

    def terminate(self) -> None:
        self._process.terminate()

    def wait_for_line(self, beginning: str) -> str:
        """Wait for a complete line of stderr that contains this text, and return the rest of the line."""
        while True:
            ended = self.poll() is not None
            lines = [line for line in self.stderr().splitlines(keepends=True) if beginning in line]
            if lines and lines[0].endswith("\n"):
                return lines[0].split(beginning)[1]
            assert not ended, f"the command ended without a line of {beginning!r}: {self.stderr()}"
            time.sleep(0.005)


def _run(arguments: list[str], environment: dict[str, str], files: Sequence[str]) -> None:
    """Run the command in the forked process."""
    from cf1_mcp.__main__ import main

    for number, path in enumerate(files):
        file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_NOCTTY, 0o600)
        os.dup2(file, number)
        os.close(file)
    # A forked process has another standard input.
    sys.stdin = open(0, closefd=False)  # noqa: SIM115 - an open file
    os.environ.clear()
    os.environ.update(environment)
    sys.argv = ["cf1-mcp", *arguments]
    main()
