"""Adding and removing links between events."""
