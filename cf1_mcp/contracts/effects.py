"""The effects of tools on the data, which determine their MCP annotations and the mode that they need."""

from enum import Enum

from mcp.types import ToolAnnotations

from cf1_mcp.settings import Mode


class ToolEffect(Enum):
    """The strongest effect that a call of the tool can have."""

    READ = "read"
    CREATE = "create"
    UPDATE = "update"
    DELETE = "delete"

    @property
    def mode(self) -> Mode:
        """The lowest mode in which a tool with this effect is offered."""
        match self:
            case ToolEffect.READ:
                return "read"
            case ToolEffect.CREATE | ToolEffect.UPDATE:
                return "write"
            case ToolEffect.DELETE:
                return "full"

    @property
    def annotations(self) -> ToolAnnotations:
        """All four hints. An update is destructive, because it overwrites; repeating it changes nothing more."""
        return ToolAnnotations(
            read_only_hint=self is ToolEffect.READ,
            destructive_hint=self in (ToolEffect.UPDATE, ToolEffect.DELETE),
            idempotent_hint=self in (ToolEffect.READ, ToolEffect.UPDATE),
            open_world_hint=True,
        )
