"""What events say of actors."""
