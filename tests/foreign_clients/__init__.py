"""Clients of other projects, run against the sandbox and the server."""
