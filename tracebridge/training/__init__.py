"""Learning candidates from the training split; a candidate is proposed here, never served."""
