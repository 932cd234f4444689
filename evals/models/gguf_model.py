"""A model in a local GGUF file, run by llama-cpp-python, which is not a dependency: install it for this."""

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Final, cast

import anyio.to_thread

from evals.models import INSTRUCTIONS, Answered
from evals.toolbox import Toolbox, text_of

MAX_TURNS: Final = 30
FINAL: Final = "final_answer"
FINAL_TOOL: Final = {
    "type": "function",
    "function": {
        "name": FINAL,
        "description": "Give the answer to the question: the bare values that were asked for.",
        "parameters": {
            "type": "object",
            "properties": {"values": {"type": "array", "items": {"type": "string"}}},
            "required": ["values"],
        },
    },
}

# As `Llama.create_chat_completion`: messages and tools in, one completion in OpenAI's form out.
Complete = Callable[..., dict[str, Any]]


class GgufModel:
    """A local model. `complete` sends a conversation to it; `open` loads one from a file."""

    def __init__(self, name: str, complete: Complete) -> None:
        self.name = name
        self._complete = complete

    @classmethod
    def open(cls, path: Path, context_size: int = 32_768) -> "GgufModel":
        """Load a model from a file.

        Raises:
            ModuleNotFoundError: llama-cpp-python is not installed.
        """
        from llama_cpp import Llama  # pyright: ignore[reportMissingImports, reportUnknownVariableType]

        loaded = cast(Any, Llama)(model_path=str(path), n_ctx=context_size, verbose=False)
        return cls(path.name, loaded.create_chat_completion)

    async def answer(self, question: str, toolbox: Toolbox) -> Answered:
        tools = [
            {
                "type": "function",
                "function": {"name": one.name, "description": one.description, "parameters": one.input_schema},
            }
            for one in toolbox.tools
        ]
        messages: list[dict[str, Any]] = [
            {"role": "system", "content": f"{INSTRUCTIONS} Give the answer by calling {FINAL}."},
            {"role": "user", "content": question},
        ]
        read = written = 0
        for _ in range(MAX_TURNS):
            completion = await anyio.to_thread.run_sync(self._send, messages, [*tools, FINAL_TOOL])
            usage: dict[str, int] = completion.get("usage") or {}
            read += usage.get("prompt_tokens", 0)
            written += usage.get("completion_tokens", 0)
            message: dict[str, Any] = completion["choices"][0]["message"]
            messages.append(message)
            calls: list[dict[str, Any]] = message.get("tool_calls") or []
            if not calls:
                messages.append({"role": "user", "content": f"Call a tool, or {FINAL} with the values."})
            for call in calls:
                name, arguments = call["function"]["name"], _read_arguments(call["function"].get("arguments"))
                if name == FINAL:
                    return Answered(_read_values(arguments), read, written)
                text = text_of(await toolbox.call(name, arguments or {}))
                messages.append({"role": "tool", "tool_call_id": call.get("id", ""), "name": name, "content": text})
        return Answered(None, read, written)

    def _send(self, messages: list[dict[str, Any]], tools: Sequence[dict[str, Any]]) -> dict[str, Any]:
        return self._complete(messages=messages, tools=tools, tool_choice="auto", temperature=0.0)


def _read_arguments(text: object) -> dict[str, Any] | None:
    try:
        found = json.loads(text) if isinstance(text, str) else text
    except ValueError:
        return None
    return cast("dict[str, Any]", found) if isinstance(found, dict) else None


def _read_values(arguments: dict[str, Any] | None) -> list[str] | None:
    values = (arguments or {}).get("values")
    return [str(value) for value in cast("list[object]", values)] if isinstance(values, list) else None
