"""Tells a person what an import would do outside, and asks whether it may."""

import json
import sys
from collections.abc import Mapping, Sequence
from typing import Final

from rich.console import Console
from rich.progress import Progress

from cf1_mcp.changes.import_effects import find_import_effects
from cf1_mcp.changes.queries.outside_effects import MAX_LISTED, OutsideEffects
from cf1_mcp.changes.queries.query_effects import QueryEffect
from cf1_mcp.cli.terminal import ask_yes_or_no, print_lines
from cf1_mcp.imports.comparison import ChangedEvent
from cf1_mcp.imports.job import ImportJob
from cf1_mcp.policy.write_policy import WritePolicy
from cf1_mcp.text.person_text import PREFIX
from cf1_mcp.text.plurals import plural

OPTION: Final = "--feed-block-lists"
MAX_ROWS: Final = 10  # named of each query
SAMPLES: Final[Mapping[str, str]] = {
    "block": "newly blocked",
    "may_block": "may be blocked",
    "may_unblock": "may no longer be blocked",
}


class OutsideQuestion:
    """Prints what the rows that are left do outside. Without `is_allowed` it asks, except in a dry run."""

    def __init__(self, console: Console, bar: Progress, *, is_allowed: bool, is_dry_run: bool) -> None:
        self._console = console
        self._bar = bar
        self._is_allowed = is_allowed
        self._is_dry_run = is_dry_run

    async def __call__(self, job: ImportJob, write_policy: WritePolicy, changes: Mapping[int, ChangedEvent], /) -> bool:
        """Return whether the rows may be sent. Without a terminal, where nobody can be asked, they may not."""
        found = await find_import_effects(job, write_policy, changes)
        if not found:
            return True
        # Nothing may be drawn between the lines, or over the question.
        self._bar.stop()
        try:
            self._tell(found)
            return self._is_allowed or self._is_dry_run or self._ask()
        finally:
            self._bar.start()

    def _tell(self, found: OutsideEffects) -> None:
        verb = "would act" if self._is_dry_run else "acts"
        print_lines(self._console, f"This import {verb} outside, beyond the dataset:")
        for one in found.shown[:MAX_LISTED]:
            _print_untrusted(self._console, one.sentences())
            _print_untrusted(self._console, _describe_sample(one))
        if len(found.shown) > MAX_LISTED:
            more = len(found.shown) - MAX_LISTED
            print_lines(self._console, f"{plural(more, 'more saved query acts', 'more saved queries act')} as well.")
        for sentence in (*found.hidden.sentences(), *found.unknown):
            print_lines(self._console, sentence)

    def _ask(self) -> bool:
        if not (sys.stdin.isatty() and sys.stderr.isatty()):
            advice = f"Run the command at one, or add {OPTION} to allow this."
            print_lines(self._console, f"This is not a terminal, so nobody can be asked. {advice}")
            return False
        return ask_yes_or_no("\nImport the rows, with these effects?", on_stderr=True)


def _print_untrusted(console: Console, lines: Sequence[str]) -> None:
    """Print lines that contain names of saved queries, and values of rows."""
    print_lines(console, "\n".join(PREFIX + line for line in lines))


def _describe_sample(effect: QueryEffect) -> list[str]:
    """Return some of the rows and indicators of a query, each on a line of its own."""
    rows = [*effect.found, *effect.may_find]
    named = ", ".join(rows[:MAX_ROWS]) + (f" and {len(rows) - MAX_ROWS:,} more" if len(rows) > MAX_ROWS else "")
    lines = [f"rows: {named.replace('row ', '')}"] if rows else []
    preview = effect.preview()
    for name, words in SAMPLES.items():
        part = preview.get(name)
        if isinstance(part, dict):
            lines.append(f"{words} ({part['count']:,}): {json.dumps(part['indicator'], ensure_ascii=False)[1:-1]}")
    return lines
