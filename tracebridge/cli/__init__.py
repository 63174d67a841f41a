"""The command line: one file per noun, listed in the order of the cycle.

Nothing heavy is imported before a command runs, so ``tracebridge --help`` answers at once.
"""
