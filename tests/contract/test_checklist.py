"""A new tool is complete, or a failure names the next step."""

from pathlib import Path

import pytest
from inline_snapshot import snapshot

from cf1_mcp.answers.card import Card
from cf1_mcp.contracts.effects import ToolEffect
from cf1_mcp.contracts.toolset import CHANGES, CURATION, EVENTS, INDICATORS, WATCH, ToolDefinition
from cf1_mcp.settings import TOOLSETS
from cf1_mcp.tools import ALL_TOOLS, MODULES
from tests.contract.checklist import missing_steps, unlisted_modules


@pytest.mark.parametrize("tool", ALL_TOOLS, ids=lambda tool: tool.name)
def test_every_tool_is_complete(tool: ToolDefinition) -> None:
    steps = missing_steps(tool)
    assert not steps, "\n".join([f"{tool.name} is new. What is left to do:", *steps])


def test_every_module_of_tools_is_listed() -> None:
    steps = unlisted_modules(MODULES)
    assert not steps, "\n".join(steps)


def test_every_toolset_can_be_switched_by_its_name() -> None:
    assert tuple(toolset.name for toolset in (EVENTS, INDICATORS, CURATION, WATCH, CHANGES)) == TOOLSETS
    assert {tool.toolset for tool in ALL_TOOLS} == set(TOOLSETS)


@pytest.mark.parametrize("tool", ALL_TOOLS, ids=lambda tool: tool.name)
def test_the_title_of_a_tool_says_what_its_name_says(tool: ToolDefinition) -> None:
    """Where this fails: write the title with the words of the name."""
    verb, noun = tool.name.split("_")[0], tool.name.split("_")[-1]
    assert tool.title.lower().replace("look up", "lookup").startswith(f"{verb} ")
    assert tool.title.split()[-1].lower() == noun


def test_no_two_tools_share_a_name() -> None:
    assert len({tool.name for tool in ALL_TOOLS}) == len(ALL_TOOLS)


async def list_threat_novelties(dataset_id: str) -> Card:
    """List what is new."""
    return Card({"dataset_id": dataset_id})


async def create_threat_novelty(dataset_id: str) -> Card:
    """Create something new."""
    return Card({"dataset_id": dataset_id})


def test_the_steps_for_a_new_read_tool_are_named() -> None:
    tool = ToolDefinition("events", list_threat_novelties, "List threat novelties", ToolEffect.READ)
    assert missing_steps(tool) == snapshot(
        [
            "tests/contract/every_tool.py: add a call of it to CALLS",
            "tests/contract/test_filled_arguments.py: add its required arguments to NEEDED",
            "tests/contract/questions.py: add two or three questions that it answers to QUESTIONS",
            "its contract in tools/: run python -m pytest -n 0 --inline-snapshot=create,fix tests/contract/test_contract.py and review it",
            "its answer in full: run python -m pytest -n 0 --inline-snapshot=create,fix tests/contract/test_whole_answers.py and review it",
            "its tokens in BENCHMARKS.md: run python -m pytest -n 0 --write-figures tests/contract/test_budgets.py",
            "its place in the README's table: run python -m pytest -n 0 --write-tables tests/documents",
        ]
    )


def test_a_new_tool_that_changes_events_must_also_be_undone_and_attacked() -> None:
    tool = ToolDefinition("curation", create_threat_novelty, "Create a threat novelty", ToolEffect.CREATE)
    assert [step for step in missing_steps(tool) if "/changes/" in step] == snapshot(
        [
            "cf1_mcp/changes/undo.py: add its ChangeKind to KINDS, or undo cannot read its changes",
            "tests/changes/test_attacks.py: add a change that it would make to CALLS",
        ]
    )


def test_an_unlisted_module_is_named(tmp_path: Path) -> None:
    for name in ("__init__", "events", "novelties"):
        (tmp_path / f"{name}.py").touch()
    assert unlisted_modules(["events"], tmp_path) == snapshot(['cf1_mcp/tools/__init__.py: add "novelties" to MODULES'])
