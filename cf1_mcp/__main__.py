"""`cf1-mcp`: without arguments the stdio server, else a command."""

import sys

from cf1_mcp.errors import ThreatEventsError


def main() -> None:
    """Run, and end a foreseen failure with one sentence on stderr and exit code 2."""
    try:
        if len(sys.argv) == 1:
            from cf1_mcp.cli.serve import serve

            serve()
        else:
            from cf1_mcp.cli.app import app

            app()
    except ThreatEventsError as error:
        sys.stderr.write(f"cf1-mcp: {error}\n")
        sys.exit(2)


if __name__ == "__main__":
    main()
