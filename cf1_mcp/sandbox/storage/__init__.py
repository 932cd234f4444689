"""The sandbox's state and every change to it."""
