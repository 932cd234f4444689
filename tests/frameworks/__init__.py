"""Agent frameworks that nobody here wrote drive the real server over stdio, with scripted models and no network.

Nothing here imports `cf1_mcp`: a framework that needs another version of a library of ours runs in an environment of its
own, where CF1_SERVER_PYTHON names the Python that has the server.
"""
