"""What the owner asks of a workspace, one module a noun: each wires, calls the rooms, answers.

Between the command line, which only speaks, and the wiring, which only builds.
"""
