"""Off-policy evaluation: what a policy would have been worth on the logged turns.

One file per estimator family over the same panel of cells, diagnostics beside, contrasts always
paired with the baseline. What the log cannot say is a ``NotEstimable``, never a number.
"""
