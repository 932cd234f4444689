"""The tools, one module a noun. A function, its tool, its contract and its test answer share one name."""

from importlib import import_module
from typing import Final

from cf1_mcp.contracts.toolset import CHANGES, CURATION, EVENTS, INDICATORS, WATCH, ToolDefinition

# The one list of the modules. tools/list follows their order, one toolset after the other.
MODULES: Final = (
    "events",
    "aggregates",
    "indicators",
    "attackers",
    "exports",
    "creation",
    "imports",
    "updates",
    "tags",
    "relationships",
    "moves",
    "deletion",
    "datasets",
    "saved_queries",
    "alerts",
    "changes",
)

for _module in MODULES:
    import_module(f"{__name__}.{_module}")

ALL_TOOLS: Final[tuple[ToolDefinition, ...]] = tuple(
    definition for toolset in (EVENTS, INDICATORS, CURATION, WATCH, CHANGES) for definition in toolset.definitions
)
