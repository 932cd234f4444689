"""Searching: from filters as people type them to conditions of the API, and explanations of empty results."""
