"""How the effects of tools are told to clients: as MCP annotations."""

from mcp.types import ToolAnnotations

from cf1_mcp.policy.tool_effect import ToolEffect

__all__ = ["ToolEffect", "annotations_of"]


def annotations_of(effect: ToolEffect) -> ToolAnnotations:
    """Return all four hints. An update is destructive, because it overwrites; repeating it changes nothing more."""
    return ToolAnnotations(
        read_only_hint=effect is ToolEffect.READ,
        destructive_hint=effect in (ToolEffect.UPDATE, ToolEffect.DELETE),
        idempotent_hint=effect in (ToolEffect.READ, ToolEffect.UPDATE),
        open_world_hint=True,
    )
