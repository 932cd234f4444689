"""What tools answer: rows and cards as text and as data, within a size, page by page."""
