from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

import pytest

from tests.unit.replay.builders import START, a_call, a_turn
from tracebridge.domain.trajectory import Step, StepStatus
from tracebridge.planning.graph import (
    Call,
    ScheduleRules,
    call_graph,
    calls_of,
    without_repeated_reads,
)
from tracebridge.planning.tasks import EdgeReason

RULES = ScheduleRules(
    parallel=True,
    across_steps=True,
    dedupe_reads=True,
    safe_tools=frozenset({"read", "web_search", "ls"}),
    path_tools=frozenset({"write"}),
)


def calls(*steps: Step) -> tuple[Call, ...]:
    return calls_of(a_turn(steps=steps))


def edges(
    steps: Sequence[Step], rules: ScheduleRules = RULES, request: str = ""
) -> set[tuple[str, str, str]]:
    graph = call_graph("tn_1", request, calls(*steps), rules)
    return {(edge.before, edge.after, edge.reason.value) for edge in graph.edges}


def test_an_argument_that_repeats_an_output_waits_for_it() -> None:
    steps = [
        a_call(1, "web_search", {"query": "pump service"}, output="see ticket PX-4417"),
        a_call(2, "read", {"path": "notes.txt"}, asker="m1"),
        a_call(3, "read", {"path": "tickets/PX-4417.md"}, asker="m2"),
    ]
    assert edges(steps) == {("call1", "call3", "data")}


@pytest.mark.parametrize(
    ("request_text", "first_query"),
    [("Open ticket PX-4417, please", "pumps"), ("Open it", "PX-4417")],
)
def test_what_was_known_before_is_no_dependency(request_text: str, first_query: str) -> None:
    """The person named it, or an earlier call already asked for it."""
    steps = [
        a_call(1, "web_search", {"query": first_query}, output="ticket PX-4417"),
        a_call(2, "read", {"path": "PX-4417.md"}, asker="m1"),
    ]
    assert edges(steps, request=request_text) == set()


def test_calls_of_one_model_response_saw_nothing_of_each_other() -> None:
    steps = [
        a_call(1, "ls", {"path": "data"}, output="march-sales.csv"),
        a_call(2, "read", {"path": "data/march-sales.csv"}),
    ]
    assert edges(steps) == set()


def test_only_the_call_that_brought_a_token_first_is_waited_for() -> None:
    steps = [
        a_call(1, "web_search", {"query": "one"}, output="PX-4417"),
        a_call(2, "web_search", {"query": "two"}, output="PX-4417", asker="m1"),
        a_call(3, "read", {"path": "PX-4417"}, asker="m2"),
    ]
    assert edges(steps) == {("call1", "call3", "data")}


def test_short_common_words_prove_nothing_and_short_numbers_do() -> None:
    steps = [
        a_call(1, "web_search", {"query": "x"}, output="the file is room 4417"),
        a_call(2, "web_search", {"query": "what is the file"}, asker="m1"),
        a_call(3, "web_search", {"query": {"room": 4417}}, asker="m1"),
    ]
    assert edges(steps) == {("call1", "call3", "data")}


@pytest.mark.parametrize("tool", ["exec", "message", "", "write"])
def test_a_tool_that_may_change_anything_is_overtaken_by_nothing(tool: str) -> None:
    """``write`` too, where it does not say which file."""
    steps = [
        a_call(1, "read", {"path": "a.txt"}),
        a_call(2, "read", {"path": "b.txt"}),
        a_call(3, tool, {"command": "make"}),
        a_call(4, "read", {"path": "c.txt"}),
        a_call(5, "read", {"path": "d.txt"}),
    ]
    assert edges(steps) == {
        ("call1", "call3", "side_effect"),
        ("call2", "call3", "side_effect"),
        ("call3", "call4", "side_effect"),
        ("call3", "call5", "side_effect"),
    }


def test_side_effects_stay_in_their_order() -> None:
    steps = [a_call(seq, "exec", {"command": f"step {seq}"}) for seq in range(1, 4)]
    assert edges(steps) == {
        ("call1", "call2", "side_effect"),
        ("call2", "call3", "side_effect"),
    }


@pytest.mark.parametrize(
    ("one", "other", "ordered"),
    [
        ("out/a.txt", "out/a.txt", True),
        ("out/a.txt", "out/b.txt", False),
        ("out/./a.txt", "out/x/../a.txt", True),
        ("out", "out/a.txt", True),
        ("out/a.txt", "out/a.txt.bak", False),
        (".", "out/a.txt", True),
        ("/", "/srv/a.txt", True),
        ("/srv/a.txt", "/srv/b.txt", False),
        ("/srv/a.txt", "b.txt", True),
        ("~/a.txt", "/srv/b.txt", True),
        ("../a.txt", "b.txt", True),
        ("../a.txt", "../b.txt", True),
    ],
)
def test_writes_to_one_target_stay_ordered(one: str, other: str, ordered: bool) -> None:
    expected = {("call1", "call2", "target")} if ordered else set()
    for first, second in (("write", "write"), ("read", "write"), ("write", "read")):
        steps = [a_call(1, first, {"path": one}), a_call(2, second, {"file_path": other})]
        assert edges(steps) == expected
    reads = [a_call(1, "read", {"path": one}), a_call(2, "read", {"path": other})]
    assert edges(reads) == set()


def test_a_read_that_names_no_path_may_read_what_is_written() -> None:
    steps = [a_call(1, "write", {"path": "a.txt"}), a_call(2, "web_search", {"query": "x"})]
    assert edges(steps) == {("call1", "call2", "side_effect")}


def test_without_leave_to_look_across_steps_a_later_step_waits_for_all() -> None:
    rules = ScheduleRules(parallel=True, safe_tools=frozenset({"read"}))
    steps = [
        a_call(1, "read", {"path": "a"}),
        a_call(2, "read", {"path": "b"}),
        a_call(3, "read", {"path": "c"}, asker="m1"),
    ]
    assert edges(steps, rules) == {
        ("call1", "call3", "model_step"),
        ("call2", "call3", "model_step"),
    }


def test_the_default_is_one_call_after_the_other() -> None:
    steps = [a_call(seq, "read", {"path": str(seq)}) for seq in range(1, 4)]
    assert edges(steps, ScheduleRules()) == {
        ("call1", "call2", "serial"),
        ("call2", "call3", "serial"),
    }


def test_every_edge_has_a_reason() -> None:
    steps = [a_call(seq, "exec" if seq % 3 else "read", {"path": "x"}) for seq in range(1, 9)]
    graph = call_graph("tn_1", "", calls(*steps), RULES)
    assert graph.edges
    assert all(isinstance(edge.reason, EdgeReason) for edge in graph.edges)


def test_a_call_of_unknown_duration_keeps_its_place() -> None:
    steps = [a_call(1), a_call(2, "exec", ms=None), a_call(3)]
    graph = call_graph("tn_1", "", calls(*steps), RULES)
    assert [task.duration_ms for task in graph.tasks] == [100, 0, 100]
    assert len(graph.edges) == 2


def test_inferred_durations_are_cut_where_a_sibling_was_still_running() -> None:
    """Three results of one response, 20 ms apart: the log shows waiting, not work."""
    steps = [
        a_call(seq, ms=20 * seq, inferred=True, ended_at=START + timedelta(milliseconds=20 * seq))
        for seq in (1, 2, 3)
    ]
    assert [call.duration_ms for call in calls(*steps)] == [20, 20, 20]
    logged = [a_call(seq, ms=20 * seq) for seq in (1, 2, 3)]
    assert [call.duration_ms for call in calls(*logged)] == [20, 40, 60]


def test_a_read_is_repeated_only_if_nothing_can_have_changed() -> None:
    def kept(*steps: Step) -> list[str]:
        return [call.call_id for call in without_repeated_reads(calls(*steps), RULES)]

    same = {"path": "a.txt"}
    assert kept(a_call(1, arguments=same), a_call(2, arguments=same, asker="m1")) == ["call1"]
    assert kept(a_call(1, arguments=same), a_call(2, "exec"), a_call(3, arguments=same)) == [
        "call1",
        "call2",
        "call3",
    ]
    assert kept(
        a_call(1, arguments=same, output="old"), a_call(2, arguments=same, output="new")
    ) == ["call1", "call2"]
    assert kept(a_call(1, arguments=same, status=StepStatus.ERROR), a_call(2, arguments=same)) == [
        "call1",
        "call2",
    ]
    assert kept(a_call(1, "exec", same), a_call(2, "exec", same)) == ["call1", "call2"]
    reordered = [a_call(1, arguments={"a": 1, "b": 2}), a_call(2, arguments={"b": 2, "a": 1})]
    assert kept(*reordered) == ["call1"]


def test_arguments_that_are_no_json_are_read_as_text() -> None:
    step = a_call(1, output="ticket PX-4417")
    broken = a_call(2, "web_search", asker="m1")
    object.__setattr__(broken, "arguments", '{"query": "PX-4417')
    assert edges([step, broken]) == {("call1", "call2", "data")}
