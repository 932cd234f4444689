"""Selections: handles of searches, for work on many events at once."""
