"""Scrubbed events into turns, episodes and trajectories: who asked, what was done, which arm."""
