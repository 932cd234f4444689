"""Many indicators looked up in few requests."""
