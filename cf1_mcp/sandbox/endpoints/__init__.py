"""What the sandbox does at each path, by noun."""
