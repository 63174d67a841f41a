"""What a turn's record says about its tools: which failures still stood when it ended.

Everything here is read from statuses and the order of calls; no text is looked at.
"""

from __future__ import annotations

from tracebridge.domain.trajectory import Step, StepKind, StepStatus, Turn, TurnStatus

FAILED_OPENLY = frozenset({TurnStatus.FAILED, TurnStatus.ABORTED})
"""Endings that say of themselves that the request was not met."""


def tool_calls(turn: Turn) -> tuple[Step, ...]:
    """The tool steps of a turn, in order."""
    return tuple(step for step in turn.steps if step.kind is StepKind.TOOL)


def standing_failures(turn: Turn) -> tuple[Step, ...]:
    """Tool calls that failed and that no later call of the same tool made good, in order.

    A call without a result has not succeeded. Calls of one model response run side by side, none
    of them later than another, so only a later response makes a failure good.
    """
    seq_of = {step.step_id: step.seq for step in turn.steps}
    calls = tool_calls(turn)
    asked_at = {call.step_id: seq_of.get(call.parent_step_id or "", call.seq) for call in calls}
    succeeded_at = {
        call.tool_name: asked_at[call.step_id] for call in calls if call.status is StepStatus.OK
    }
    return tuple(
        call
        for call in calls
        if call.status is not StepStatus.OK
        and asked_at[call.step_id] >= succeeded_at.get(call.tool_name, -1)
    )
