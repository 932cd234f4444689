"""Finding and counting events in the sandbox."""
