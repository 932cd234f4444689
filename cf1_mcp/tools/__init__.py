"""The tools, one module a noun. A function, its tool and its contract share one name."""

from importlib import import_module
from typing import Final

from cf1_mcp.contracts.toolset import CHANGES, CURATION, EVENTS, INDICATORS, WATCH, ToolDefinition

# The order of tools/list within each toolset.
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
