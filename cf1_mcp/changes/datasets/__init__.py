"""Changes of what events are kept in: creating and renaming datasets, copying events into them, creating categories."""
