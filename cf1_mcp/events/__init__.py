"""Events: validation of their fields, snapshots of their state, and matching of equal events."""
