"""What outlives a call: the journal, approvals, codes, import ledgers and export files."""
