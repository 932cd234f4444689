"""Changes of whole datasets: creating and renaming them, and copying events into them."""
