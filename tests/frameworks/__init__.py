"""Third-party agent frameworks drive the real server over stdio, with scripted models and without a network.

Nothing here imports `cf1_mcp`: a framework that needs another version of one of our libraries runs in its own
environment, where CF1_SERVER_PYTHON names the Python that has the server.
"""
