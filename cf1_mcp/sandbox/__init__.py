"""The Threat Events API again, small: a Starlette application over SQLite, fictional unless told to load a file."""
