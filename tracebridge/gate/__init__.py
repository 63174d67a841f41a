"""Judging: the offline gate, the pass it gives, and the review that ends phase 1."""
