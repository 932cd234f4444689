"""A small emulation of the Threat Events API: a Starlette application over SQLite.

Its data is fictional unless a file was loaded.
"""
