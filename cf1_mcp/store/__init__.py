"""What outlives a call: the journal, approvals, used codes, import ledgers and export files."""
