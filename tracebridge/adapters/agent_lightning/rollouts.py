"""A recorded turn as an Agent Lightning 1.0 rollout: input, metadata and events in order.

Shapes are those of ``agentlightning.schemas`` 1.0: ``RolloutCreate``, ``EventCreate``,
``ModelRequestData`` and ``RewardData``. The store stamps every event with the time of writing, so
the recorded time travels in ``data``.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from datetime import datetime

from tracebridge.adapters.agent_lightning.conversation import (
    Message,
    calls_by_response,
    is_complete_call,
    response_message,
    tool_message,
)
from tracebridge.domain.events import JsonValue
from tracebridge.domain.trajectory import (
    Reward,
    Step,
    StepKind,
    StepStatus,
    Trajectory,
    Turn,
    TurnStatus,
)

type Document = dict[str, JsonValue]

MODEL_REQUEST = "model_request"
TOOL = "tool"
REWARD = "reward"
SUCCEEDED = "succeeded"
FAILED = "failed"
ATTEMPT_ID = "0"
"""The only attempt that the store's queries read by default."""

_STATES = {
    TurnStatus.COMPLETED: SUCCEEDED,
    TurnStatus.SILENT: SUCCEEDED,
    TurnStatus.FAILED: FAILED,
    TurnStatus.ABORTED: FAILED,
}


def rollout_id_of(turn_id: str) -> str:
    """``ro_`` and 24 hex digits: the same turn is the same rollout, however often it is sent."""
    return "ro_" + hashlib.sha256(f"rollout:{turn_id}".encode()).hexdigest()[:24]


def state_of(turn: Turn) -> str | None:
    """``SUCCEEDED`` or ``FAILED``; ``None`` while the turn is open or has no model step."""
    if not any(step.kind is StepKind.MODEL for step in turn.steps):
        return None
    return _STATES.get(turn.status)


def rollout_row(trajectory: Trajectory, reward: Reward | None, split: str) -> Document | None:
    """One line of ``rollout_events.jsonl``; ``None`` while the turn is open or has no step."""
    turn = trajectory.turn
    state = state_of(turn)
    if state is None:
        return None
    return {
        "rollout": {
            "rollout_id": rollout_id_of(turn.turn_id),
            "input": {
                "data_id": turn.turn_id,
                "messages": [{"role": "user", "content": turn.request_text}],
                "context": dict(trajectory.context),
            },
            "is_train": split == "train",
            "metadata": {
                "turn_id": turn.turn_id,
                "session_id": turn.session_id,
                "unit": trajectory.unit,
                "split": split,
                "arm": trajectory.arm,
                "policy_id": trajectory.policy_id,
                "propensity": trajectory.propensity,
                "propensity_provenance": trajectory.propensity_provenance.value,
            },
        },
        "state": state,
        "attempt_id": ATTEMPT_ID,
        "events": list(rollout_events(turn, reward)),
    }


def events_of(row: Document) -> list[Document]:
    """The events of a row of this module."""
    events = row["events"]
    return (
        [event for event in events if isinstance(event, dict)] if isinstance(events, list) else []
    )


def data_of(event: Document) -> Document:
    """The data of one of these events."""
    data = event["data"]
    return data if isinstance(data, dict) else {}


def input_of(row: Document) -> Document:
    """The input of a row of this module."""
    rollout = row["rollout"]
    part = rollout.get("input") if isinstance(rollout, dict) else None
    return part if isinstance(part, dict) else {}


def rollout_events(turn: Turn, reward: Reward | None) -> Sequence[Document]:
    """Model requests and tools in the order of the steps, the reward last if there is one.

    A request carries only the messages that came since the request before it
    (``continues_previous``): the log does not hold the system prompt, and repeating the rest in
    every request would grow with the square of the steps.
    """
    calls = calls_by_response(turn.steps)
    events: list[Document] = []
    fresh: list[Message] = [{"role": "user", "content": turn.request_text}]
    for step in turn.steps:
        if step.kind is StepKind.MODEL:
            issued = calls[step.step_id]
            events.append(_event(MODEL_REQUEST, _request_data(turn, step, issued, fresh)))
            fresh = [tool_message(call) for call in issued if is_complete_call(call)]
        else:
            events.append(_event(TOOL, _tool_data(step)))
    if reward is not None and reward.total is not None:
        events.append(_event(REWARD, _reward_data(turn, reward, reward.total)))
    return events


def _event(event_type: str, data: Document) -> Document:
    return {"event_type": event_type, "data": data}


def _request_data(
    turn: Turn, step: Step, issued: Sequence[Step], fresh: Sequence[Message]
) -> Document:
    model = step.model or turn.model or "unknown"
    finish = _finish_reason(turn, step, issued)
    usage: Document = {"prompt_tokens": step.tokens_in, "completion_tokens": step.tokens_out}
    return {
        "model": model,
        "request": {
            "model": model,
            "messages": list(fresh),
            "continues_previous": step.seq > 0,
        },
        "response": {
            "choices": [
                {
                    "index": 0,
                    "message": response_message(step, issued),
                    "finish_reason": finish,
                }
            ],
            "usage": usage,
        },
        "latency_ms": step.duration_ms,
        "latency_inferred": step.duration_inferred,
        "status": "ok" if step.status is StepStatus.OK else "error",
        "usage": usage,
        "finish_reason": finish,
        "step_id": step.step_id,
        "recorded_at": _utc(step.ended_at),
    }


def _tool_data(step: Step) -> Document:
    return {
        "name": step.tool_name,
        "tool_call_id": step.step_id,
        "arguments": step.arguments,
        "output": step.output,
        "status": step.status.value,
        "duration_ms": step.duration_ms,
        "duration_inferred": step.duration_inferred,
        "step_id": step.step_id,
        "parent_step_id": step.parent_step_id,
        "started_at": _utc(step.started_at),
        "recorded_at": _utc(step.ended_at),
    }


def _reward_data(turn: Turn, reward: Reward, total: float) -> Document:
    return {
        "value": total,
        "source": "tracebridge",
        "reason": reward.profile,
        "outcome_total": reward.outcome_total,
        "label": reward.label,
        "evidence_weight": reward.evidence_weight,
        "components": [
            {"name": part.name, "weight": part.weight, "value": part.value}
            for part in reward.components
        ],
        "recorded_at": _utc(turn.ended_at),
    }


def _finish_reason(turn: Turn, step: Step, issued: Sequence[Step]) -> str:
    if step.status is not StepStatus.OK:
        return step.status.value
    if issued:
        return "tool_calls"
    return "length" if step is turn.steps[-1] and turn.stop_reason == "length" else "stop"


def _utc(moment: datetime) -> str:
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")
