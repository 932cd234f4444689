"""Comparing events with conditions here, as far as every reading of the API agrees."""
