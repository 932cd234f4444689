"""Many events created at once, from a file or a call, with every row accounted for."""
