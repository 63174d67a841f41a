"""Graphs for tests: by hand, and drawn at random without circles."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from hypothesis import strategies as st

from tracebridge.planning.tasks import Edge, EdgeReason, Graph, Task


def a_graph(
    needs: Mapping[str, Sequence[str]], durations: Mapping[str, int] | None = None
) -> Graph:
    """The graph in which each key waits for its values."""
    return Graph(
        "plan.txt",
        tuple(Task(name, name, (durations or {}).get(name, 0)) for name in needs),
        tuple(
            Edge(before, after, EdgeReason.DECLARED)
            for after, waited in needs.items()
            for before in waited
        ),
    )


@st.composite
def acyclic_graphs(draw: st.DrawFn) -> Graph:
    """Up to ten tasks in shuffled order, edges only along a hidden order."""
    hidden = [f"t{index}" for index in range(draw(st.integers(0, 10)))]
    needs = {
        name: draw(st.lists(st.sampled_from(hidden[:index]), unique=True)) if index else []
        for index, name in enumerate(hidden)
    }
    durations = {name: draw(st.integers(0, 500)) for name in hidden}
    written = draw(st.permutations(hidden))
    return a_graph({name: needs[name] for name in written}, durations)
