"""What lies between a request and the sandbox's state: tokens, envelopes, faults, limits."""
