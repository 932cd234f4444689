"""The Threat Events API: one method an operation, routes, transport, failures, vocabularies."""
