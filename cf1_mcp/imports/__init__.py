"""Creates many events at once, from a file or a call, and reports the outcome of every row."""
