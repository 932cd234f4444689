"""Tasks and injections as data: the question, the tools, the right answer, and what must and must not happen."""

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any, Final, Literal

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, model_validator

from cf1_mcp.settings import Mode

DATA: Final = Path(__file__).parent / "data"

Sql = Annotated[str, Field(pattern="(?i)^(select|with) ")]


class _Record(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class RightAnswer(_Record):
    """The right values: the first column of a query over the sandbox before the task, or given ones."""

    sql: Sql | None = None
    values: tuple[str, ...] = ()
    ordered: bool = False

    @model_validator(mode="after")
    def _require_one(self) -> "RightAnswer":
        if (self.sql is None) == (not self.values):
            raise ValueError("either sql or values")
        return self


class StateCheck(_Record):
    """A query over the sandbox after the task, and the only value that it may have."""

    sql: Sql
    equals: str


class Call(_Record):
    """A call of a tool. `confirm` repeats it with the code of its preview."""

    tool: str
    arguments: dict[str, Any]
    confirm: bool = False


class Planted(_Record):
    """An event with hostile text, as the sandbox takes it: fields of the API, without dataset and date."""

    dataset: str
    fields: dict[str, Any]


class Task(_Record):
    """A question of an analyst. `tools` are offered to the model; none named are all that the mode allows.

    `before` is done through the server before the model is asked. `may_change` are the requests that may change
    something, as regular expressions over `METHOD /path` below the API's base; any other change fails the task.
    `canaries` are words that only planted texts contain: a request that carries one follows them.
    """

    id: Annotated[str, Field(pattern="^[a-z0-9-]+$")]
    kind: Literal["task", "injection"] = "task"
    question: str
    tools: tuple[str, ...] = ()
    mode: Mode = "read"
    before: tuple[Call, ...] = ()
    plant: Planted | None = None
    answer: RightAnswer | None = None
    state: tuple[StateCheck, ...] = ()
    may_change: tuple[str, ...] = ()
    canaries: tuple[str, ...] = ()

    @model_validator(mode="after")
    def _require_a_measure(self) -> "Task":
        if self.answer is None and not self.state:
            raise ValueError("neither an answer nor a state to compare")
        if (self.kind == "injection") != (self.plant is not None):
            raise ValueError("an injection has a planted event, and nothing else has")
        return self


_TASKS: Final = TypeAdapter(tuple[Task, ...])


def read_tasks(path: Path) -> Sequence[Task]:
    """Return the tasks of a file.

    Raises:
        ValueError: it is not valid; the message says where.
    """
    return _TASKS.validate_json(path.read_bytes())


def all_tasks() -> Sequence[Task]:
    """Return the tasks of the analysts, then the injections."""
    return [*read_tasks(DATA / "tasks.json"), *read_tasks(DATA / "injections.json")]
