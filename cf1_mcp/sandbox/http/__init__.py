"""HTTP around the sandbox's endpoints: reading requests, building responses, and middleware."""
