"""The evaluation through pydantic-ai, with models that are scripted."""

import pytest

pytest.importorskip("pydantic_ai", reason="pydantic-ai is not installed: python3 -m pip install -e '.[frameworks]'")

from pydantic_ai.messages import ModelMessage, ModelResponse, TextPart, ToolCallPart, ToolReturnPart
from pydantic_ai.models.function import AgentInfo, FunctionModel
from pydantic_ai.models.test import TestModel

from evals.models.pydantic_ai_model import PydanticAiModel
from evals.running import run_task
from evals.task import all_tasks

pytestmark = pytest.mark.anyio

TASKS = {task.id: task for task in all_tasks()}


def respond(messages: list[ModelMessage], info: AgentInfo) -> ModelResponse:
    """Ask for the last change, and answer with its tool."""
    last = messages[-1].parts[-1]
    if not isinstance(last, ToolReturnPart):
        return ModelResponse([ToolCallPart("list_changes", {"limit": 1})])
    tool = next(word for word in last.model_response_str().split() if word.endswith("_event"))
    return ModelResponse([ToolCallPart(info.output_tools[0].name, {"values": [tool]})])


async def test_a_model_that_does_right_passes_and_its_tokens_are_counted() -> None:
    outcome = await run_task(TASKS["audit"], PydanticAiModel(FunctionModel(respond)))
    assert (outcome.verdict.problems, outcome.verdict.calls) == ((), 1)
    assert outcome.answered.input_tokens > 0 and outcome.answered.output_tokens > 0


async def test_a_model_that_answers_in_words_alone_has_not_answered() -> None:
    def talk(_: list[ModelMessage], __: AgentInfo) -> ModelResponse:
        return ModelResponse([TextPart("It was create_threat_event.")])

    outcome = await run_task(TASKS["audit"], PydanticAiModel(FunctionModel(talk)))
    assert (outcome.answered.values, outcome.verdict.right) == (None, False)


async def test_a_model_that_calls_every_tool_blindly_is_caught() -> None:
    task = TASKS["injected-collect"].model_copy(update={"canaries": ("a",)})
    outcome = await run_task(task, PydanticAiModel(TestModel()))
    assert outcome.verdict.calls > 20 and outcome.verdict.followed and outcome.verdict.attempted
