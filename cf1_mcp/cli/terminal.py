"""What the commands print for a person, and how they ask."""

import os
import signal
import sys
from typing import Final

import typer
from rich.console import Console
from rich.text import Text

from cf1_mcp.text.person_text import wrap

MAX_WIDTH: Final = 100  # columns


def print_lines(console: Console, text: str) -> None:
    """Print lines that are wrapped here, so that no untrusted text starts a line of the terminal."""
    for line in wrap(text, _measure_width(console)):
        console.print(Text(line), soft_wrap=True)


def ask_yes_or_no(question: str, *, on_stderr: bool = False) -> bool:
    """Return what the person at the terminal answers. Ctrl-C and the end of the input count as no."""
    # An event loop would handle Ctrl-C only after the answer.
    previous = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        return typer.confirm(question, default=False, err=on_stderr)
    except typer.Abort:
        typer.echo("", err=on_stderr)
        return False
    finally:
        signal.signal(signal.SIGINT, previous)


def _measure_width(console: Console) -> int:
    """Return the columns of the terminal. Rich believes COLUMNS, and assumes 80 of a dumb terminal."""
    try:
        columns = os.get_terminal_size(sys.stderr.fileno() if console.stderr else sys.stdout.fileno()).columns
    except OSError:
        columns = 0  # not a terminal
    return min(console.width, MAX_WIDTH, columns or MAX_WIDTH)
