"""The MCP server: tools, prompts, resources, completions, and how it is served."""
