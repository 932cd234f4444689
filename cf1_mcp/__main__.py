"""`cf1-mcp`: the stdio server without arguments, otherwise a command."""

import gc
import os
import sys
from collections.abc import Callable, Sequence
from typing import cast

from cf1_mcp.errors import SettingsError, ThreatEventsError


def main() -> None:
    """Run the program. An expected failure is one line on stderr and exit code 2."""
    try:
        _require_streams()
        _load_command()()
    except (ThreatEventsError, BrokenPipeError, BaseExceptionGroup) as error:
        if (expected := _find_failure(error)) is not None:
            from cf1_mcp.text.audience import address_operator

            sys.stderr.write(f"cf1-mcp: {address_operator(str(expected))}\n")
            sys.exit(2)
        if not _is_closed_pipe(error):
            raise
        # Whatever read the output, such as `head`, has enough. What is left in the buffer must not be written.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(1)


def _require_streams() -> None:
    """Refuse to run without the streams that the command needs, and replace others that are closed.

    A file that is opened later would take the number of a closed stream, and what is written to that into the file.
    """
    closed = [number for number, stream in enumerate((sys.stdin, sys.stdout, sys.stderr)) if stream is None]
    for number in closed:
        opened = os.open(os.devnull, os.O_RDWR)
        if opened != number:
            os.dup2(opened, number)
            os.close(opened)
    if 2 in closed:
        sys.stderr = os.fdopen(2, "w", closefd=False)
    if 0 in closed:
        sys.stdin = os.fdopen(0, "r", closefd=False)
    serves = sys.argv[1:] in ([], ["serve"])
    if 1 in closed or (0 in closed and serves):
        name = "stdout" if 1 in closed else "stdin"
        use = "a client speaks to the server through stdin and stdout" if serves else "the result is written there"
        raise SettingsError(f"{name} is closed, but {use}. Start the program with it open.")


def _find_failure(error: BaseException) -> ThreatEventsError | None:
    """Return the expected failure that this is, possibly in the groups of tasks through which it came."""
    while (
        isinstance(error, BaseExceptionGroup) and len(inside := cast("Sequence[BaseException]", error.exceptions)) == 1
    ):
        error = inside[0]
    return error if isinstance(error, ThreatEventsError) else None


def _is_closed_pipe(error: BaseException) -> bool:
    """Whether this is a closed pipe alone, possibly in the groups of tasks through which it came."""
    # At a closed pipe, rich ends the program.
    expected = (BrokenPipeError, SystemExit)
    if isinstance(error, BaseExceptionGroup):
        return cast("BaseExceptionGroup[BaseException]", error).split(expected)[1] is None
    return isinstance(error, expected)


def _load_command() -> Callable[[], None]:
    """Import only what the command line requires: a host waits for every start.

    Imported modules contain no garbage, and collecting it would take a fifth of the start.
    """
    gc.disable()
    if len(sys.argv) == 1:
        from cf1_mcp.cli.serve import serve as command
    else:
        from cf1_mcp.cli.app import run as command
    gc.freeze()
    gc.enable()
    return command


if __name__ == "__main__":
    main()
