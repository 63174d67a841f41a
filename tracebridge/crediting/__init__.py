"""Trajectories into rewards and credit: outcomes are read, words never are."""
