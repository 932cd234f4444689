"""What the operator allows: which datasets may be read and changed, up to which marking, how much at once."""
