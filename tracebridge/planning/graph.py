"""The recorded tool calls of a turn, and the graph of what had to wait for what.

Nothing is assumed safe: a tool that the policy does not name may change anything, so no call
overtakes it. A call may overtake another only if no argument repeats what the other's output
brought, and no path is written by one and touched by the other.
"""

from __future__ import annotations

import json
import posixpath
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import pairwise

from tracebridge.domain.events import JsonValue
from tracebridge.domain.trajectory import Step, StepKind, StepStatus, Turn
from tracebridge.planning.tasks import Edge, EdgeReason, Graph, Task

PATH_ARGUMENTS = ("path", "file_path", "filePath")

_NAME = re.compile(r"[^\W_][\w.\-]{2,}[^\W_]")
"""Names, ids, numbers and parts of paths."""
_WORD_LENGTH = 6
"""Shorter words are too common to prove that a result was reused."""
_ID_LENGTH = 4
"""With a digit in it, as in most ids, less will do."""
_FEW = 64
"""Names up to which searching for each is faster than taking a text apart."""


@dataclass(frozen=True, slots=True)
class ScheduleRules:
    """What a tool policy permits."""

    parallel: bool = False
    across_steps: bool = False
    """Also between calls that the model asked for one after the other."""
    dedupe_reads: bool = False
    safe_tools: frozenset[str] = frozenset()
    """Tools that only read."""
    path_tools: frozenset[str] = frozenset()
    """Tools that change nothing but the file named by their path argument."""
    min_calls: int = 2
    """Turns with fewer calls are left as they are."""
    max_parallel: int | None = None


@dataclass(frozen=True, slots=True)
class Call:
    """One recorded tool call."""

    call_id: str
    tool: str
    arguments: JsonValue
    output: str
    ok: bool
    model_step: int
    """Which of the turn's model responses asked for it, from 0."""
    duration_ms: int | None
    """``None``: nobody knows; it then keeps its place in the order and takes no time."""

    @property
    def path(self) -> str | None:
        """The file or folder it names, normalized; ``None`` where it names none."""
        if not isinstance(self.arguments, dict):
            return None
        for name in PATH_ARGUMENTS:
            value = self.arguments.get(name)
            if isinstance(value, str) and value:
                return posixpath.normpath(value)
        return None


def calls_of(turn: Turn) -> tuple[Call, ...]:
    """The turn's tool calls in order.

    Durations that were inferred from timestamps are cut where a call of the same model response
    was still running: the log then shows waiting, not work.
    """
    steps = sorted((s for s in turn.steps if s.kind is StepKind.TOOL), key=lambda s: s.seq)
    askers: dict[str, int] = {}
    busy_until: dict[int, datetime] = {}
    calls = []
    for step in steps:
        asker = askers.setdefault(step.parent_step_id or step.step_id, len(askers))
        calls.append(_call(step, asker, busy_until.get(asker)))
        busy_until[asker] = max(step.ended_at, busy_until.get(asker, step.ended_at))
    return tuple(calls)


def without_repeated_reads(calls: Sequence[Call], rules: ScheduleRules) -> tuple[Call, ...]:
    """``calls`` less the reads that an equal, equally answered read before them made needless.

    Only calls of safe tools that succeeded, and only while nothing was changed in between.
    """
    kept: list[Call] = []
    fresh: dict[tuple[str, str], str] = {}
    for call in calls:
        if call.tool not in rules.safe_tools:
            fresh.clear()
            kept.append(call)
            continue
        request = (call.tool, json.dumps(call.arguments, sort_keys=True))
        if not call.ok or fresh.get(request) != call.output:
            kept.append(call)
        if call.ok:
            fresh[request] = call.output
    return tuple(kept)


def call_graph(source: str, request: str, calls: Sequence[Call], rules: ScheduleRules) -> Graph:
    """What had to wait for what among ``calls``, every edge with its reason.

    ``request`` is the text that started the turn: what it names was known without any tool.
    """
    tasks = tuple(Task(call.call_id, call.tool, call.duration_ms or 0) for call in calls)
    if not rules.parallel:
        edges = [Edge(a.call_id, b.call_id, EdgeReason.SERIAL) for a, b in pairwise(calls)]
        return Graph(source, tasks, tuple(edges))
    if rules.across_steps:
        edges = [*_data_edges(request, calls), *_effect_edges(calls, rules)]
    else:
        edges = [*_model_step_edges(calls), *_effect_edges(calls, rules)]
    return Graph(source, tasks, tuple(edges))


def _call(step: Step, model_step: int, busy_until: datetime | None) -> Call:
    return Call(
        call_id=step.step_id,
        tool=step.tool_name or "",
        arguments=_parsed(step.arguments),
        output=step.output or "",
        ok=step.status is StepStatus.OK,
        model_step=model_step,
        duration_ms=_own_duration_ms(step, busy_until),
    )


def _own_duration_ms(step: Step, busy_until: datetime | None) -> int | None:
    if step.duration_ms is None or not step.duration_inferred or busy_until is None:
        return step.duration_ms
    own = step.ended_at - max(busy_until, step.started_at)
    return min(step.duration_ms, max(0, round(own.total_seconds() * 1000)))


def _parsed(arguments: str | None) -> JsonValue:
    """Arguments as a value; text that is no JSON stays text."""
    if arguments is None:
        return None
    try:
        value: JsonValue = json.loads(arguments)
    except (ValueError, RecursionError):
        return arguments
    return value


# --- data: who brought what an argument repeats -------------------------------------------------


def _data_edges(request: str, calls: Sequence[Call]) -> Iterator[Edge]:
    """An edge from the call that first brought a token to each later call that repeats it.

    Calls of one model response were written together, so none of them saw another's output.
    """
    order = {call.call_id: index for index, call in enumerate(calls)}
    repeated = {call.call_id: _argument_tokens(call) for call in calls}
    wanted = set[str]().union(*repeated.values())
    brought_by: dict[str, str | None] = dict.fromkeys(_names(request) & wanted)
    for asked_together in _by_model_step(calls):
        for call in asked_together:
            tokens = repeated[call.call_id]
            sources = {source for token in tokens if (source := brought_by.get(token))}
            for source in sorted(sources, key=order.__getitem__):
                yield Edge(source, call.call_id, EdgeReason.DATA)
        for call in asked_together:
            for token in repeated[call.call_id]:
                brought_by.setdefault(token, None)
        for call in asked_together:
            for token in _brought(call.output, wanted - brought_by.keys()):
                brought_by[token] = call.call_id


def _brought(output: str, wanted: set[str]) -> set[str]:
    """Those of ``wanted`` that ``output`` names. Most outputs name none, which is seen at once."""
    if len(wanted) <= _FEW and not any(name in output for name in wanted):
        return set()
    return _names(output) & wanted


def _by_model_step(calls: Sequence[Call]) -> list[list[Call]]:
    groups: dict[int, list[Call]] = {}
    for call in calls:
        groups.setdefault(call.model_step, []).append(call)
    return list(groups.values())


def _argument_tokens(call: Call) -> set[str]:
    """The names in a call's arguments that are telling: seen before, they prove a reuse."""
    return {name for text in _leaves(call.arguments) for name in _names(text) if _is_telling(name)}


def _leaves(value: JsonValue) -> Iterator[str]:
    if isinstance(value, dict):
        for item in value.values():
            yield from _leaves(item)
    elif isinstance(value, list):
        for item in value:
            yield from _leaves(item)
    elif isinstance(value, str | int | float) and not isinstance(value, bool):
        yield str(value)


def _names(text: str) -> set[str]:
    """Names as they stand in ``text``, and their parts between dots."""
    names = set(_NAME.findall(text))
    names.update([part for name in names if "." in name for part in name.split(".")])
    return names


def _is_telling(name: str) -> bool:
    if len(name) >= _WORD_LENGTH:
        return True
    return len(name) >= _ID_LENGTH and any(character.isdigit() for character in name)


# --- effects: what may not be overtaken ---------------------------------------------------------


def _effect_edges(calls: Sequence[Call], rules: ScheduleRules) -> Iterator[Edge]:
    """Edges around calls that may change anything, and between calls that share a path."""
    last_barrier: Call | None = None
    since: list[Call] = []
    for call in calls:
        if _is_barrier(call, rules):
            before = since or ([last_barrier] if last_barrier else [])
            yield from (Edge(b.call_id, call.call_id, EdgeReason.SIDE_EFFECT) for b in before)
            last_barrier, since = call, []
            continue
        if last_barrier is not None:
            yield Edge(last_barrier.call_id, call.call_id, EdgeReason.SIDE_EFFECT)
        for earlier in since:
            reason = _conflict(earlier, call, rules)
            if reason is not None:
                yield Edge(earlier.call_id, call.call_id, reason)
        since.append(call)


def _is_barrier(call: Call, rules: ScheduleRules) -> bool:
    if call.tool in rules.safe_tools:
        return False
    return call.tool not in rules.path_tools or call.path is None


def _conflict(one: Call, other: Call, rules: ScheduleRules) -> EdgeReason | None:
    """Why two calls that are no barriers keep their order; ``None``: they need not."""
    if one.tool in rules.safe_tools and other.tool in rules.safe_tools:
        return None
    if one.path is None or other.path is None:
        return EdgeReason.SIDE_EFFECT
    return EdgeReason.TARGET if _overlap(one.path, other.path) else None


def _overlap(one: str, other: str) -> bool:
    """Whether one path may be the other or lie below it.

    Paths from different roots (absolute, home, working folder, above it) may always meet.
    """
    if _root(one) != _root(other) or _root(one) == "..":
        return True
    return _as_folder(other).startswith(_as_folder(one)) or _as_folder(one).startswith(
        _as_folder(other)
    )


def _root(path: str) -> str:
    return next((root for root in ("/", "~", "..") if path.startswith(root)), ".")


def _as_folder(path: str) -> str:
    return "" if path == "." else f"{path.rstrip('/')}/"


def _model_step_edges(calls: Sequence[Call]) -> Iterator[Edge]:
    groups = _by_model_step(calls)
    for asked_before, asked_then in pairwise(groups):
        for before in asked_before:
            for call in asked_then:
                yield Edge(before.call_id, call.call_id, EdgeReason.MODEL_STEP)
