"""From a function to a tool: its arguments, schema, toolset, effect, failures and result."""
