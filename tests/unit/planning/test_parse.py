from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tracebridge.domain.errors import PlanError
from tracebridge.planning.levels import levels, plan_document
from tracebridge.planning.parse import parse_plan, think_words
from tracebridge.planning.tasks import MalformedPlanError, UnknownDependencyError

PLAN = """<think>
Fetch both, then write.
</think>

<plan>
Task 1: Fetch user data | Dependencies: none
Task 2: Calculate metrics | Dependencies: none

Task 3: Generate report | table | Dependencies: Task 1, Task 2
</plan>
"""
XML = """Some words before.
<graph>
  <!-- a comment is no task -->
  <search id="1">user data</search>
  <search id="Task 2" depends="none">metrics &amp; more</search>
  <answer id="3" depends="1, Task 2"/>
</graph>
"""


def refusal_of(text: str) -> str:
    """The sentence with which a plan is refused; empty if it is a graph."""
    try:
        levels(parse_plan(text, source="plan.txt"))
    except PlanError as refused:
        return str(refused)
    return ""


def test_lines_become_levels() -> None:
    graph = parse_plan(PLAN, source="plan.txt")
    assert plan_document(graph)["levels"] == {"0": ["Task 1", "Task 2"], "1": ["Task 3"]}
    assert graph.tasks[2].description == "Generate report | table"


def test_xml_becomes_the_same_graph() -> None:
    graph = parse_plan(XML, source="plan.xml")
    assert levels(graph) == levels(parse_plan(PLAN, source="plan.txt"))
    assert [task.description for task in graph.tasks] == ["user data", "metrics & more", "answer"]


def test_without_a_plan_element_every_line_is_a_task() -> None:
    graph = parse_plan("Task 1: a | Dependencies: none\ntask 2: b | dependencies: 1\n", source="p")
    assert levels(graph) == (("Task 1",), ("Task 2",))


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("<plan>\nTask 1: a | Dependencies: none\nTask 2 b\n</plan>", "line 3 is no task"),
        ("<plan>\nTask 1: a\n</plan>", "line 2 is no task"),
        ("<plan>\nTask 1: | Dependencies: none\n</plan>", "line 2 is no task"),
        ("<plan>\nTask 1: a | Dependencies:\n</plan>", "line 2 names no task in ''"),
        ("<plan>\nTask 1: a | Dependencies: Task 2,\n</plan>", "line 2 names no task in ''"),
        ("<plan>\nTask 1: a | Dependencies: the first one\n</plan>", "'the first one'"),
        ("<plan>\n- Task 1: a | Dependencies: none\n</plan>", "line 2 is no task"),
        ("<plan>\nTask 1: a | Dependencies: none\n", "exactly one <plan>"),
        ("<plan></plan>", "holds no task"),
        ("", "holds no task"),
        ("<graph></graph>", "holds no task"),
        ("<graph><guess id='1'>x</guess></graph>", "<guess> is no part"),
        ("<graph><task>x</task></graph>", "<task> takes text, an id and depends"),
        ("<graph><task id='1' when='now'>x</task></graph>", "takes text, an id and depends"),
        ("<graph><task id='1'><b/></task></graph>", "takes text, an id and depends"),
        ("<graph><task id='1'>x</graph>", "no well-formed XML"),
        ("<graph><task id='1'>x</task>", "no well-formed XML"),
    ],
)
def test_what_cannot_be_read_is_an_error_and_says_where(text: str, words: str) -> None:
    with pytest.raises(MalformedPlanError) as refused:
        parse_plan(text, source="plan.txt")
    assert words in str(refused.value)
    assert str(refused.value).startswith("plan.txt: ")


def test_entities_are_refused() -> None:
    bomb = '<graph><!DOCTYPE x [<!ENTITY a "aaaa">]><task id="1">&a;</task></graph>'
    with pytest.raises(MalformedPlanError, match="document type or an entity"):
        parse_plan(bomb, source="plan.xml")
    with pytest.raises(MalformedPlanError, match="no well-formed XML"):
        parse_plan("<graph><task id='1'>&a;</task></graph>", source="plan.xml")


def test_an_unknown_dependency_is_found_when_ordered() -> None:
    graph = parse_plan("Task 1: a | Dependencies: Task 9", source="plan.txt")
    with pytest.raises(UnknownDependencyError, match=r"plan\.txt: 'Task 1' depends on 'Task 9'"):
        levels(graph)


@given(st.text(alphabet="Task 123:|Dependencies<>/plangrh\n,&;none \"'", max_size=300))
def test_any_text_is_a_graph_or_a_plan_error_in_one_line(text: str) -> None:
    assert "\n" not in refusal_of(text)


def test_thinking_is_counted_in_words() -> None:
    assert think_words(PLAN) == 4
    assert think_words("<think> unclosed words") == 0
