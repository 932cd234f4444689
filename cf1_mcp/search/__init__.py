"""From filters as people type them to the API's conditions, and why nothing was found."""
