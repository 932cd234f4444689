"""What a change tells when no answer says whether it was made."""
