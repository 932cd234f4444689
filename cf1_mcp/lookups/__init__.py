"""Looking up many indicators in few requests."""
