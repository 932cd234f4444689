"""The sandbox's database, and every change to it."""
