"""How requests travel: connections, retries, decompression, and the JSON of answers."""
