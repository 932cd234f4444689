"""What may be blocked and detected, and the formats of rules for it."""
