"""How a change is made: planned, previewed, confirmed, approved, journaled, carried out, undone."""
