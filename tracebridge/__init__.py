"""TraceBridge: a daily, auditable shadow-training cycle for agents.

The rooms, in the order in which data walks through them:

domain      The nouns: frozen values, standard library only. Every room knows them.
stats       Numbers only: exact sums, quantiles, cluster-robust and simultaneous intervals.
ports       Small Protocols through which rooms reach the world.
scrubbing   A log's event becomes a scrubbed event: private data and secrets are placeholders.
assembly    Events become turns, turns episodes and trajectories, each with the arm that served.
labeling    Reactions become labels: emoji to scores, changes to states, messages to answers.
crediting   Trajectories get rewards that read outcomes, and their steps a share of them.
quality     Whether the data holds together.
planning    Tool calls as graphs: levels, critical path, a schedule that is replayed.
replay      The fixed comparison: split, rows, policies, response transforms, ablation.
ope         Off-policy evaluation: what another policy would have been worth, or why not known.
gate        Offline judgement, the pass it gives, and the review that ends phase 1.
canary      The live side: router, stages, monitor. Imports nothing heavy.
training    Candidates learned from the training split.
reporting   What a cycle saw, as plain documents.
adapters    All I/O, behind the ports.
house, walk, summary, steps, cycle
            The story: what a cycle stands on, how steps are walked, each step, the whole page.
settings    The owner's configuration, read once.
wiring      Settings to adapters to cycle.
operations  What the owner asks, one module a noun.
demo        A world whose truth is known.
cli         The command line; ``flows`` (beside this package) wraps the same steps for Prefect.
"""
