"""The active branch: from the leaf to the root, whatever is missing, damaged or malicious."""

from __future__ import annotations

import time

from hypothesis import given
from hypothesis import strategies as st

from tracebridge.adapters.sessions.openclaw_branch import Node, active_branch


def node(
    entry_id: str | None,
    parent: str | None = None,
    *,
    moves: bool = True,
    target: str | None = None,
    control: bool = False,
    follows: bool = False,
) -> Node:
    return Node(entry_id, parent, moves, target, control, follows)


def active_ids(nodes: list[Node]) -> list[str | None]:
    branch = active_branch(nodes)
    return [nodes[position].entry_id for position in sorted(branch.active)]


def test_the_last_entry_and_its_ancestors_are_active() -> None:
    nodes = [node("a"), node("b", "a"), node("c", "b"), node("d", "a"), node("e", "d")]
    assert active_ids(nodes) == ["a", "d", "e"]


def test_a_leaf_entry_moves_the_leaf_back() -> None:
    nodes = [
        node("a"),
        node("b", "a"),
        node("c", "b"),
        node("l", "c", target="b", control=True),
    ]
    assert active_ids(nodes) == ["a", "b", "l"]


def test_what_follows_a_leaf_entry_hangs_on_its_target() -> None:
    nodes = [
        node("a"),
        node("b", "a"),
        node("c", "b"),
        node("l", "c", target="a", control=True),
        node("d", "a"),
    ]
    assert active_ids(nodes) == ["a", "d"]


def test_a_leaf_entry_that_points_nowhere_changes_nothing() -> None:
    nodes = [node("a"), node("b", "a"), node("l", "b", target="gone", control=True)]
    assert active_ids(nodes) == ["a", "b", "l"]
    assert active_branch(nodes).repaired == 1


def test_a_leaf_entry_without_a_target_begins_anew() -> None:
    nodes = [node("a"), node("l", "a", target=None, control=True), node("b", "l")]
    assert active_ids(nodes) == ["l", "b"]


def test_an_unreadable_parent_hides_nothing_before_it() -> None:
    nodes = [node("a"), node("b", "a"), node("d", "c"), node("e", "d")]
    branch = active_branch(nodes)
    assert active_ids(nodes) == ["a", "b", "d", "e"]
    assert branch.repaired == 1


def test_children_of_one_unreadable_parent_share_a_foster_parent() -> None:
    """A mirror and a tool result are siblings; the result must not hang on the mirror."""
    nodes = [node("a"), node("m", "gone", moves=False), node("r", "gone"), node("s", "r")]
    assert active_ids(nodes) == ["a", "r", "s"]
    assert active_branch(nodes).repaired == 2


def test_an_unknown_root_is_no_repair() -> None:
    branch = active_branch([node("b", "before-this-copy"), node("c", "b")])
    assert (sorted(branch.active), branch.repaired) == ([0, 1], 0)


def test_a_cycle_is_cut() -> None:
    nodes = [node("a", "b"), node("b", "a"), node("c", "c")]
    branch = active_branch(nodes)
    assert all(parent is None or parent < at for at, parent in enumerate(branch.parents))
    assert active_ids(nodes) == ["a", "b", "c"]


def test_what_is_written_beside_the_conversation_is_not_its_end() -> None:
    nodes = [node("a"), node("b", "a"), node("mirror", "a", moves=False)]
    assert active_ids(nodes) == ["a", "b"]


def test_the_conversation_may_run_on_through_a_mirror() -> None:
    nodes = [node("a"), node("mirror", "a", moves=False), node("b", "mirror")]
    assert active_ids(nodes) == ["a", "mirror", "b"]


def test_an_entry_without_an_id_belongs_where_its_parent_does() -> None:
    nodes = [
        node("a"),
        node("b", "a"),
        node(None, "b"),
        node("c", "a"),
        node(None, follows=True),
    ]
    assert active_ids(nodes) == ["a", "c", None]


def test_an_entry_without_a_parent_field_follows_the_leaf() -> None:
    assert active_ids([node("a"), node("b", follows=True), node("c", "b")]) == ["a", "b", "c"]


_IDS = st.sampled_from(["a", "b", "c", "d", "e", None])
_NODES = st.lists(
    st.builds(
        Node, _IDS, _IDS, st.booleans(), _IDS, st.booleans(), st.booleans()
    ),
    max_size=20,
)  # fmt: skip


@given(nodes=_NODES)
def test_any_tree_has_earlier_parents_and_a_closed_branch(nodes: list[Node]) -> None:
    branch = active_branch(nodes)
    assert len(branch.parents) == len(nodes)
    for position, parent in enumerate(branch.parents):
        assert parent is None or parent < position
        if position in branch.active:
            assert parent is None or parent in branch.active


def test_a_long_log_takes_linear_time() -> None:
    nodes = [node(f"e{n}", f"e{n - 1}" if n % 3 else "gone") for n in range(100_000)]
    started = time.process_time()
    active_branch(nodes)
    assert time.process_time() - started < 2.0
