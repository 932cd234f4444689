"""Every kind of change can be undone from the journal."""

import pkgutil
from importlib import import_module

from cf1_mcp import changes
from cf1_mcp.changes.effect import ChangeKind
from cf1_mcp.changes.undo import KINDS


def test_undo_knows_every_kind_of_change() -> None:
    """Where this fails: add the kind to KINDS in cf1_mcp/changes/undo.py."""
    unknown: list[str] = []
    for module in pkgutil.iter_modules(changes.__path__):
        for name, value in vars(import_module(f"{changes.__name__}.{module.name}")).items():
            if isinstance(value, ChangeKind) and value not in KINDS:
                unknown.append(f"{module.name}.{name}")
    assert unknown == []
