"""What the analysts' tasks of `evals/` cost a model that knows the way: calls, tokens, and requests to the API.

The scripts of `tests/evals/` solve each task over the sandbox. Tokens are those of the arguments and of the text of the
answers, in the o200k encoding; the list of tools and the question come on top.
"""

import json
from dataclasses import dataclass
from typing import Any, Final

import bpe_openai  # pyright: ignore[reportMissingTypeStubs] - it has none
from mcp.types import CallToolResult

from evals.models import Answered
from evals.models.scripted import Script
from evals.running import run_task
from evals.task import all_tasks
from evals.toolbox import Toolbox, text_of
from tests.evals.solutions import SOLUTIONS

HEAD: Final = """\
| task | calls | tokens of the calls | tokens of the answers | requests |
|---|--:|--:|--:|--:|
"""


def count_tokens(text: str) -> int:
    """Return the number of tokens of a text."""
    return len(bpe_openai.get_encoding("o200k_base").encode(text))


@dataclass
class CountingToolbox(Toolbox):
    """A toolbox that counts the tokens of calls and answers."""

    asked: int = 0
    answered: int = 0

    async def call(self, name: str, arguments: dict[str, Any]) -> CallToolResult:
        result = await super().call(name, arguments)
        self.asked += count_tokens(json.dumps({"name": name, "arguments": arguments}, ensure_ascii=False))
        self.answered += count_tokens(text_of(result))
        return result


@dataclass(frozen=True)
class CountingModel:
    """Solves one task by its script, and counts what that costs."""

    script: Script
    name: str = "scripted"

    async def answer(self, question: str, toolbox: Toolbox) -> Answered:
        """Return the values of the script, and the tokens that its calls took."""
        counting = CountingToolbox(toolbox.client, toolbox.tools, toolbox.calls)
        values = await self.script(counting)
        return Answered(values, input_tokens=counting.answered, output_tokens=counting.asked)


async def rows() -> list[str]:
    """Return one row of the table per task, and the sums."""
    found: list[str] = []
    sums = [0, 0, 0, 0]
    for task in all_tasks():
        if task.id not in SOLUTIONS:
            continue
        outcome = await run_task(task, CountingModel(SOLUTIONS[task.id]))
        if outcome.verdict.problems:
            raise ValueError(f"{task.id} was not solved: {'; '.join(outcome.verdict.problems)}")
        numbers = [
            outcome.verdict.calls,
            outcome.answered.output_tokens,
            outcome.answered.input_tokens,
            outcome.verdict.requests,
        ]
        sums = [one + other for one, other in zip(sums, numbers, strict=True)]
        found.append(_render_row(task.id, numbers))
    return [HEAD.rstrip("\n"), *found, _render_row(f"all {len(found)}", sums)]


def _render_row(name: str, numbers: list[int]) -> str:
    return f"| {name} | {' | '.join(f'{number:,}' for number in numbers)} |"
