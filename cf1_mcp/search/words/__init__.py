"""The words of a search: how callers write them, and how the account does."""
