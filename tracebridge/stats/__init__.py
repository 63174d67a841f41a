"""Numbers only: exact sums, quantiles, cluster-robust intervals, simultaneous intervals, shrinkage.

Nothing here knows of agents. Every result is the same on any machine and for any order of rows:
sums are exactly rounded, and chance is keyed by (seed, cluster), never by position.
"""
