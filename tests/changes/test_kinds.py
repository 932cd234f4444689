"""Every kind of change has the effect of its tool, and can be undone from the journal."""

import pkgutil
from importlib import import_module

from cf1_mcp import changes
from cf1_mcp.changes.effect import ChangeKind
from cf1_mcp.changes.undo import KINDS
from cf1_mcp.tools import ALL_TOOLS


def test_undo_knows_every_kind_of_change() -> None:
    """Where this fails: add the kind to KINDS in cf1_mcp/changes/undo.py."""
    unknown: list[str] = []
    for module in pkgutil.walk_packages(changes.__path__, f"{changes.__name__}."):
        for name, value in vars(import_module(module.name)).items():
            if isinstance(value, ChangeKind) and value not in KINDS:
                unknown.append(f"{module.name}.{name}")
    assert unknown == []


def test_a_kind_of_change_has_the_effect_of_its_tool() -> None:
    """Where this fails: the guards hold a change to another mode than its tool, or the other way round."""
    effects = {tool.name: tool.effect for tool in ALL_TOOLS}
    # A change that only an undo makes is held to its own effect.
    made = [kind for kind in KINDS if kind.tool != "undo_change"]
    assert [kind.tool for kind in made if kind.effect != effects[kind.tool]] == []
