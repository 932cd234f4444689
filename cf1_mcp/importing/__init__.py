"""Files of threat events: read, checked, compared with what is there, sent, and every row accounted for."""
