"""Searching and counting events, and rendering them as JSON and STIX."""
