"""Profiles of attackers, and comparisons of two of them."""
