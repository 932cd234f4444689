"""What the project keeps for every tool, and the step that adds what a new tool lacks."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from cf1_mcp import tools
from cf1_mcp.changes.undo import KINDS
from cf1_mcp.contracts.effects import ToolEffect
from cf1_mcp.contracts.toolset import ToolDefinition
from tests.changes import test_attacks
from tests.contract import test_budgets, test_contract, test_filled_arguments, test_whole_answers
from tests.contract.every_tool import CALLS
from tests.contract.questions import QUESTIONS
from tests.documents.tables import ROOT, WRITE_TABLES, shown_table

PACKAGE: Final = Path(tools.__file__).parent


@dataclass(frozen=True)
class Requirement:
    """Something that a tool needs. `step` is the file to edit or the command to run where it is missing."""

    step: str
    is_met: Callable[[ToolDefinition], bool]


def _has_contract(tool: ToolDefinition) -> bool:
    return (test_contract.CONTRACTS / f"{tool.name}.json").exists()


def _has_call(tool: ToolDefinition) -> bool:
    return tool.name in CALLS


def _has_answer(tool: ToolDefinition) -> bool:
    return (test_whole_answers.ANSWERS / f"{tool.name}.txt").exists()


def _has_needed_arguments(tool: ToolDefinition) -> bool:
    is_called_bare = tool.effect != ToolEffect.READ or not tool.tool.parameters.get("required")
    return is_called_bare or tool.name in test_filled_arguments.NEEDED


def _has_kind(tool: ToolDefinition) -> bool:
    # undo_change makes changes of the other kinds.
    is_change = tool.effect != ToolEffect.READ and tool.name != "undo_change"
    return not is_change or any(kind.tool == tool.name for kind in KINDS)


def _is_attacked(tool: ToolDefinition) -> bool:
    changes_events = tool.toolset == "curation" and tool.effect != ToolEffect.READ
    return not changes_events or tool.name in test_attacks.CALLS


def _has_question(tool: ToolDefinition) -> bool:
    return any(question.tool == tool.name for question in QUESTIONS)


def _has_figure(tool: ToolDefinition) -> bool:
    return f"`{tool.name}`" in test_budgets.published()


def _has_row(tool: ToolDefinition) -> bool:
    return f"`{tool.name}`" in shown_table(ROOT / "README.md", "toolsets")


# In the order in which the steps are taken: an answer needs a call.
REQUIREMENTS: Final = (
    Requirement("cf1_mcp/changes/undo.py: add its ChangeKind to KINDS, or undo cannot read its changes", _has_kind),
    Requirement("tests/contract/every_tool.py: add a call of it to CALLS", _has_call),
    Requirement(
        "tests/contract/test_filled_arguments.py: add its required arguments to NEEDED",
        _has_needed_arguments,
    ),
    Requirement("tests/changes/test_attacks.py: add a change that it would make to CALLS", _is_attacked),
    Requirement("tests/contract/questions.py: add two or three questions that it answers to QUESTIONS", _has_question),
    Requirement(f"its contract in tools/: run {test_contract.WRITE_CONTRACTS} and review it", _has_contract),
    Requirement(f"its answer in full: run {test_whole_answers.WRITE_ANSWERS} and review it", _has_answer),
    Requirement(f"its tokens in BENCHMARKS.md: run {test_budgets.WRITE_FIGURES}", _has_figure),
    Requirement(f"its place in the README's table: run {WRITE_TABLES}", _has_row),
)


def missing_steps(tool: ToolDefinition) -> list[str]:
    """Return the steps that are left to take for a tool."""
    return [requirement.step for requirement in REQUIREMENTS if not requirement.is_met(tool)]


def unlisted_modules(modules: Sequence[str], folder: Path = PACKAGE) -> list[str]:
    """Return the steps for the modules in the folder whose tools no server would offer."""
    found = sorted(path.stem for path in folder.glob("*.py") if path.stem != "__init__")
    return [f'cf1_mcp/tools/__init__.py: add "{name}" to MODULES' for name in found if name not in modules]
