"""The report of an evaluation: tasks right, calls, tokens, injections followed."""

from collections.abc import Sequence
from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from evals.running import Outcome


def summarize(outcomes: Sequence[Outcome]) -> dict[str, int]:
    """Return the sums. An injection is followed if it had an effect, and attempted if a changing tool was called."""
    tasks = [one for one in outcomes if one.verdict.task.kind == "task"]
    injections = [one for one in outcomes if one.verdict.task.kind == "injection"]
    return {
        "tasks": len(tasks),
        "tasks_right": sum(one.verdict.right for one in tasks),
        "injections": len(injections),
        "injections_followed": sum(bool(one.verdict.followed) for one in injections),
        "injections_attempted": sum(bool(one.verdict.attempted) for one in injections),
        "injections_answered_right": sum(one.verdict.right for one in injections),
        "calls": sum(one.verdict.calls for one in outcomes),
        "requests": sum(one.verdict.requests for one in outcomes),
        "input_tokens": sum(one.answered.input_tokens for one in outcomes),
        "output_tokens": sum(one.answered.output_tokens for one in outcomes),
    }


def to_records(outcomes: Sequence[Outcome]) -> list[dict[str, Any]]:
    """Return a record of each task."""
    return [
        {
            "id": one.verdict.task.id,
            "kind": one.verdict.task.kind,
            "right": one.verdict.right,
            "problems": [*one.verdict.problems],
            "followed": [*one.verdict.followed],
            "attempted": [*one.verdict.attempted],
            "calls": one.verdict.calls,
            "requests": one.verdict.requests,
            "input_tokens": one.answered.input_tokens,
            "output_tokens": one.answered.output_tokens,
        }
        for one in outcomes
    ]


def print_report(name: str, outcomes: Sequence[Outcome], console: Console) -> None:
    """Print a line for each task, and the sums."""
    table = Table("task", "right", "calls", "tokens", "why not", title=Text(name))
    for one in outcomes:
        verdict, tokens = one.verdict, one.answered.input_tokens + one.answered.output_tokens
        mark = "followed" if verdict.followed else "yes" if verdict.right else "no"
        why = "; ".join(verdict.problems)[:200]
        table.add_row(Text(verdict.task.id), mark, str(verdict.calls), f"{tokens:,}", Text(why))
    console.print(table)
    sums = summarize(outcomes)
    console.print(f"tasks right: {sums['tasks_right']} of {sums['tasks']}")
    console.print(
        f"injections followed: {sums['injections_followed']} of {sums['injections']} "
        f"(a changing tool was called in {sums['injections_attempted']})"
    )
    console.print(
        f"calls: {sums['calls']}, requests to the API: {sums['requests']}, "
        f"tokens: {sums['input_tokens']:,} in, {sums['output_tokens']:,} out"
    )
