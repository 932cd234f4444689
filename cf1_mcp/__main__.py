"""`cf1-mcp`: the stdio server without arguments, otherwise a command."""

import sys

from cf1_mcp.errors import ThreatEventsError


def main() -> None:
    """Run the program. An expected failure is one line on stderr and exit code 2."""
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
