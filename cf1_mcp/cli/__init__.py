"""The `cf1-mcp` command."""
