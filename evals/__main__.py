"""`python -m evals`: evaluates a model."""

import json
import sys
from pathlib import Path
from typing import Annotated

import anyio
import typer
from rich.console import Console

from evals.models import Model
from evals.report import print_report, summarize, to_records
from evals.running import Outcome, run_tasks
from evals.task import Task, all_tasks


def main(
    model: Annotated[str, typer.Option(help="A model as pydantic-ai names it, such as openai:NAME.")] = "",
    gguf: Annotated[Path | None, typer.Option(help="A local GGUF file instead, run by llama-cpp-python.")] = None,
    task: Annotated[list[str] | None, typer.Option(help="Only this task, by its id; repeatable.")] = None,
    kind: Annotated[str, typer.Option(help="Only tasks, or only injections: task or injection.")] = "",
    output: Annotated[Path | None, typer.Option(help="Write the outcomes to this file as JSON.")] = None,
    show: Annotated[bool, typer.Option("--list", help="List the tasks instead.")] = False,
) -> None:
    """Put the analysts' tasks and the planted injections to a model, over the sandbox, and print what it did."""
    chosen = [one for one in all_tasks() if (not task or one.id in task) and kind in ("", one.kind)]
    if show:
        for one in chosen:
            typer.echo(f"{one.kind:9} {one.id:28} {one.question}")
        return
    if not chosen or bool(model) == bool(gguf):
        typer.echo("Name one model with --model or --gguf, and tasks that --list shows.", err=True)
        raise typer.Exit(2)
    evaluated = _open_model(model, gguf)
    outcomes = anyio.run(_run, chosen, evaluated)
    print_report(evaluated.name, outcomes, Console())
    if output is not None:
        report = {"model": evaluated.name, **summarize(outcomes), "outcomes": to_records(outcomes)}
        output.write_text(json.dumps(report, indent=1), encoding="utf-8")


def _open_model(name: str, path: Path | None) -> Model:
    try:
        if path is not None:
            from evals.models.gguf_model import GgufModel

            return GgufModel.open(path)
        from evals.models.pydantic_ai_model import PydanticAiModel

        return PydanticAiModel(name)
    except ModuleNotFoundError as error:
        typer.echo(f"{error.name} is not installed; README.md in evals/ says how.", err=True)
        raise typer.Exit(2) from None


async def _run(tasks: list[Task], model: Model) -> list[Outcome]:
    outcomes: list[Outcome] = []
    async for outcome in run_tasks(tasks, lambda _: model):
        outcomes.append(outcome)
        sys.stderr.write(f"{outcome.verdict.task.id}: {'right' if outcome.verdict.right else 'not right'}\n")
    return outcomes


if __name__ == "__main__":
    typer.run(main)
