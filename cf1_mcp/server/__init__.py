"""The MCP server: tools, prompts, resources, completions, and how they are served."""
