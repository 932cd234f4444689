"""The log of reads."""
