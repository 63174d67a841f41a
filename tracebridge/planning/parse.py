"""Written plans: ``<plan>`` lines and ``<graph>`` XML, both read strictly into one graph model.

A line that cannot be read is an error, never dropped: a plan with a hole is another plan.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from xml.etree import ElementTree as ET

from tracebridge.planning.tasks import Edge, EdgeReason, Graph, MalformedPlanError, Task

THINK_LIMIT = 100
"""Words that a plan's ``<think>`` part should stay below."""

GRAPH_TAGS = ("task", "think", "plan", "search", "observation", "reflection", "answer")

_TASK = re.compile(r"Task\s+([\w.-]+)\s*:(.*)", re.IGNORECASE)
_NEEDS = re.compile(r"\s*Dependencies\s*:(.*)", re.IGNORECASE)
_REFERENCE = re.compile(r"(?:Task\s+)?([\w.-]+)", re.IGNORECASE)
_FORM = "'Task N: what to do | Dependencies: none' (or 'Task 1, Task 2')"


def parse_plan(text: str, *, source: str) -> Graph:
    """The graph of a written plan, ``<plan>`` lines or ``<graph>`` XML, whichever it holds.

    Task ids read ``Task <n>``. Text around the ``<plan>`` or ``<graph>`` element is ignored;
    without either, every line must be a task. A repeated id, an unknown dependency or a circle
    is found when the graph is ordered.

    Raises:
        MalformedPlanError: a line, tag or attribute is not of the form above; the sentence
            names ``source`` and the line or tag.
    """
    if re.search(r"<graph[\s>/]", text):
        rows = list(_xml_rows(text, source))
    else:
        rows = list(_line_rows(text, source))
    if not rows:
        raise MalformedPlanError(f"{source}: holds no task; write lines such as {_FORM}")
    tasks = tuple(Task(task_id, description) for task_id, description, _ in rows)
    edges = tuple(
        Edge(before, task_id, EdgeReason.DECLARED)
        for task_id, _, needed in rows
        for before in needed
    )
    return Graph(source, tasks, edges)


def think_words(text: str) -> int:
    """Words in the plan's ``<think>`` part, 0 without one; see `THINK_LIMIT`."""
    _, opened, rest = text.partition("<think>")
    thought, closed, _ = rest.partition("</think>")
    return len(thought.split()) if opened and closed else 0


type _Row = tuple[str, str, Sequence[str]]
"""Task id, description, ids it depends on."""


def _line_rows(text: str, source: str) -> Iterator[_Row]:
    start, body = _plan_body(text, source)
    for number, line in enumerate(body.split("\n"), start):
        if not line.strip():
            continue
        head, _, tail = line.strip().rpartition("|")
        task, needs = _TASK.fullmatch(head), _NEEDS.fullmatch(tail)
        if task is None or needs is None or not task.group(2).strip():
            raise MalformedPlanError(f"{source}: line {number} is no task; write {_FORM}")
        needed = _references(needs.group(1), f"{source}: line {number}")
        yield f"Task {task.group(1)}", task.group(2).strip(), needed


def _plan_body(text: str, source: str) -> tuple[int, str]:
    """The lines inside ``<plan>`` (or all of them) and the number of the first."""
    opened, closed = text.count("<plan>"), text.count("</plan>")
    if not opened and not closed:
        return 1, text
    start, end = text.find("<plan>") + len("<plan>"), text.find("</plan>")
    if (opened, closed) != (1, 1) or end < start:
        raise MalformedPlanError(f"{source}: needs exactly one <plan> that ends in one </plan>")
    return text.count("\n", 0, start) + 1, text[start:end]


def _xml_rows(text: str, source: str) -> Iterator[_Row]:
    for element in _graph_element(text, source):
        if element.tag not in GRAPH_TAGS:
            raise MalformedPlanError(
                f"{source}: <{element.tag}> is no part of a graph; use {', '.join(GRAPH_TAGS)}"
            )
        unknown = sorted(set(element.attrib) - {"id", "depends"})
        if unknown or len(element) or not element.get("id", "").strip():
            raise MalformedPlanError(
                f"{source}: <{element.tag}> takes text, an id and depends, and nothing else"
            )
        where = f"{source}: <{element.tag} id={element.get('id')!r}>"
        (task_id,) = _references(element.get("id", ""), where, single=True)
        description = (element.text or "").strip() or element.tag
        yield task_id, description, _references(element.get("depends") or "none", where)


def _graph_element(text: str, source: str) -> ET.Element:
    start, end = text.find("<graph"), text.rfind("</graph>")
    body = text[start : end + len("</graph>")] if end >= 0 else text[start:]
    if "<!" in body.replace("<!--", ""):
        raise MalformedPlanError(
            f"{source}: holds a document type or an entity; write the <graph> element alone"
        )
    try:
        return ET.fromstring(body)  # noqa: S314 - declarations, and with them entities, are refused
    except ET.ParseError as error:
        raise MalformedPlanError(f"{source}: is no well-formed XML ({error}); mend it") from error


def _references(text: str, where: str, *, single: bool = False) -> tuple[str, ...]:
    """Task ids named in ``text``: ``none``, or names separated by commas."""
    if text.strip().lower() == "none" and not single:
        return ()
    names = []
    for part in [text] if single else text.split(","):
        match = _REFERENCE.fullmatch(part.strip())
        if match is None:
            raise MalformedPlanError(f"{where} names no task in '{part.strip()}'; write {_FORM}")
        names.append(f"Task {match.group(1)}")
    return tuple(dict.fromkeys(names))
