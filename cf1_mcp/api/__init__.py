"""The Threat Events API: one method per operation, routes, transport, failures, vocabularies."""
