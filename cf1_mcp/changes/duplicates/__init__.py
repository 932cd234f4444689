"""Merging events that are stored more than once."""
