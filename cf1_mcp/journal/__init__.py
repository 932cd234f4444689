"""Every change, on disk before and after it happens, with what undo needs."""

from cf1_mcp.journal.changes import Change, Intent, JournalError, Outcome
from cf1_mcp.journal.journal import Journal

__all__ = ["Change", "Intent", "Journal", "JournalError", "Outcome"]
