"""Saved queries and alerts: changing them, and what other changes do through them outside."""
