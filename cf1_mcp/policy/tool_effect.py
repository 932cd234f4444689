"""The effects on the data that a tool, or one change, can have. The mode of the operator allows or withholds them."""

from enum import Enum

from cf1_mcp.settings import Mode


class ToolEffect(Enum):
    """The strongest effect that a call of a tool, or a kind of change, can have."""

    READ = "read"
    CREATE = "create"
    UPDATE = "update"
    DELETE = "delete"

    @property
    def mode(self) -> Mode:
        """The lowest mode that allows this effect."""
        match self:
            case ToolEffect.READ:
                return "read"
            case ToolEffect.CREATE | ToolEffect.UPDATE:
                return "write"
            case ToolEffect.DELETE:
                return "full"
