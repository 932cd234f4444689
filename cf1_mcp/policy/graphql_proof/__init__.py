"""Proof that a GraphQL document asks only for what may be seen.

The schema of the API is unpublished and may have any shape. `parsed_document` reads a document, `confining_arguments`
tells what the arguments of a field limit, and `schema_walk` proves from the API's own schema that every part of the
answer comes from a field that is limited.
"""
