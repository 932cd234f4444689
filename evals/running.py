"""Running tasks: each in a world of its own, so that none depends on another."""

from collections.abc import AsyncGenerator, Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from mcp import Client

from evals.judging import Before, Verdict, judge
from evals.models import Answered, Model
from evals.task import Call, Task
from evals.toolbox import Toolbox, text_of
from evals.world import World


@dataclass(frozen=True)
class Outcome:
    """A verdict, and the tokens that the answer took."""

    verdict: Verdict
    answered: Answered


async def run_task(task: Task, model: Model) -> Outcome:
    """Put a task to a model and judge what it did.

    Raises:
        ValueError: the task cannot be set up. That is a fault of its data.
    """
    with TemporaryDirectory() as folder:
        world = World(Path(folder))
        if task.plant is not None:
            world.plant(task.plant)
        async with world.server(task) as client:
            for call in task.before:
                await _prepare(client, call)
            before = Before.of(world, task)
            toolbox = await Toolbox.open(client, task.tools)
            answered = await model.answer(task.question, toolbox)
            return Outcome(judge(world, task, before, answered.values, toolbox.calls), answered)


async def run_tasks(tasks: Sequence[Task], model_for: Callable[[Task], Model]) -> AsyncGenerator[Outcome]:
    """Yield the outcome of each task, one after the other."""
    for task in tasks:
        yield await run_task(task, model_for(task))


async def _prepare(client: Client, call: Call) -> None:
    arguments: dict[str, Any] = dict(call.arguments)
    result = await client.call_tool(call.tool, arguments)
    if call.confirm and not result.is_error:
        preview: dict[str, Any] = result.structured_content or {}
        result = await client.call_tool(call.tool, arguments | {"confirm": preview.get("code")})
    if result.is_error:
        raise ValueError(f"{call.tool} failed before the task: {text_of(result)}")
