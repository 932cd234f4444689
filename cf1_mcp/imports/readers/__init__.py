"""Readers of files and texts: JSON Lines, CSV, STIX 2.1 and MISP."""
