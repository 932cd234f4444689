"""Changing many events at once."""
