"""`cf1-mcp`: the stdio server without arguments, otherwise a command."""

import gc
import sys
from collections.abc import Callable

from cf1_mcp.errors import ThreatEventsError


def main() -> None:
    """Run the program. An expected failure is one line on stderr and exit code 2."""
    try:
        _load_command()()
    except ThreatEventsError as error:
        from cf1_mcp.text.audience import address_operator

        sys.stderr.write(f"cf1-mcp: {address_operator(str(error))}\n")
        sys.exit(2)


def _load_command() -> Callable[[], None]:
    """Import only what the command line requires: a host waits for every start.

    Imported modules contain no garbage, and collecting it would take a fifth of the start.
    """
    gc.disable()
    if len(sys.argv) == 1:
        from cf1_mcp.cli.serve import serve as command
    else:
        from cf1_mcp.cli.app import app as command
    gc.freeze()
    gc.enable()
    return command


if __name__ == "__main__":
    main()
