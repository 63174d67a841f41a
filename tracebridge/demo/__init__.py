"""A world whose truth is known, and the whole cycle played in it: what `make demo` shows."""
