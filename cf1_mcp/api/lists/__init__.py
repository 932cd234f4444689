"""Lists of the API: their pages, and more datasets than one request takes."""
