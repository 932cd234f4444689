"""Any model that pydantic-ai can name, such as `openai:...` or `anthropic:...`."""

from typing import Any

from pydantic import BaseModel, Field
from pydantic_ai import Agent, Tool
from pydantic_ai.exceptions import AgentRunError
from pydantic_ai.models import Model as NamedModel
from pydantic_ai.usage import UsageLimits

from evals.models import INSTRUCTIONS, Answered
from evals.toolbox import Toolbox, text_of

MAX_REQUESTS = 30


class FinalAnswer(BaseModel):
    """The answer to the question."""

    values: list[str] = Field(description="The bare values that were asked for")


class PydanticAiModel:
    """A model by its name, or an instance of one. Its answer is structured, so no text of it is read."""

    def __init__(self, model: NamedModel | str) -> None:
        self._model = model

    @property
    def name(self) -> str:
        return self._model if isinstance(self._model, str) else self._model.model_name

    async def answer(self, question: str, toolbox: Toolbox) -> Answered:
        def offer(name: str, description: str, schema: dict[str, Any]) -> Tool[None]:
            async def call(**arguments: Any) -> str:  # noqa: ANN401 - of any tool
                return text_of(await toolbox.call(name, arguments))

            return Tool.from_schema(call, name, description, schema)

        tools = [offer(one.name, one.description or "", one.input_schema) for one in toolbox.tools]
        agent = Agent(self._model, output_type=FinalAnswer, instructions=INSTRUCTIONS, tools=tools, retries=3)
        try:
            run = await agent.run(question, usage_limits=UsageLimits(request_limit=MAX_REQUESTS))
        except AgentRunError:
            # It answered nothing that could be read, or never ended.
            return Answered(None)
        usage = run.usage
        return Answered(run.output.values, usage.input_tokens, usage.output_tokens)
