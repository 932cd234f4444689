"""Reads STIX 2.1 bundles and TAXII 2.1 envelopes."""
