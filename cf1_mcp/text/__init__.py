"""Text as people type it and as attackers write it: sanitising, defanging, dates."""
