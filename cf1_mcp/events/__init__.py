"""What an event is made of: validated fields, snapshots, and which events are the same."""
