"""How a function becomes a tool: its arguments, its schema, its toolset and its errors."""
