"""A model whose every step is written down: it tests the tasks and the harness."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass

from evals.models import Answered
from evals.toolbox import Toolbox

Script = Callable[[Toolbox], Awaitable[Sequence[str] | None]]


@dataclass(frozen=True)
class ScriptedModel:
    """Answers one task by calling the tools of a script."""

    script: Script
    name: str = "scripted"

    async def answer(self, question: str, toolbox: Toolbox) -> Answered:
        return Answered(await self.script(toolbox))
