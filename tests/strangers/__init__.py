"""Clients that nobody here wrote, against the sandbox and the server."""
