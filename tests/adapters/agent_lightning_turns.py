"""Recorded turns made by hand: one with a tool round, one plain, one failed, one of each oddity."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from tracebridge.domain.trajectory import (
    ComponentScore,
    Provenance,
    Reward,
    Step,
    StepKind,
    StepStatus,
    Trajectory,
    Trigger,
    Turn,
    TurnStatus,
)

START = datetime(2026, 3, 1, 9, 0, tzinfo=UTC)


def model_step(
    turn_id: str,
    seq: int,
    output: str | None,
    *,
    status: StepStatus = StepStatus.OK,
    event_id: str | None = None,
) -> Step:
    return Step(
        step_id=f"st_{turn_id}_{seq}",
        turn_id=turn_id,
        seq=seq,
        kind=StepKind.MODEL,
        parent_step_id=f"st_{turn_id}_{seq - 1}" if seq else None,
        event_ids=(event_id or f"ev_{turn_id}_{seq}",),
        status=status,
        started_at=START + timedelta(seconds=seq),
        ended_at=START + timedelta(seconds=seq + 1),
        duration_ms=1000,
        model="local/small",
        output=output,
        tokens_in=10,
        tokens_out=5,
    )


def tool_step(turn_id: str, seq: int, parent: Step, *, output: str | None = "42 files") -> Step:
    return Step(
        step_id=f"st_{turn_id}_{seq}",
        turn_id=turn_id,
        seq=seq,
        kind=StepKind.TOOL,
        parent_step_id=parent.step_id,
        event_ids=(f"ev_{turn_id}_{seq}",),
        status=StepStatus.NO_RESULT if output is None else StepStatus.OK,
        started_at=START + timedelta(seconds=seq),
        ended_at=START + timedelta(seconds=seq, milliseconds=250),
        duration_ms=250,
        tool_name="exec",
        tool_call_id="call_0",
        arguments='{"cmd":"ls | wc -l"}',
        output=output,
    )


def trajectory(
    turn_id: str,
    *,
    seq: int = 0,
    status: TurnStatus = TurnStatus.COMPLETED,
    request: str = "How many files are there?",
    answer: str = "There are 42 files.",
    steps: tuple[Step, ...] | None = None,
    unit: str = "ep_1",
    session_id: str = "s1",
) -> Trajectory:
    made = (model_step(turn_id, 0, answer),) if steps is None else steps
    turn = Turn(
        turn_id=turn_id,
        session_id=session_id,
        seq=seq,
        episode_id=unit,
        trigger=Trigger.PERSON,
        chat_id="500001",
        chat_type="direct",
        thread_id=None,
        inbound_message_ids=(101,),
        request_event_id=f"ev_{turn_id}_request",
        answer_event_id=made[-1].event_ids[-1] if status is TurnStatus.COMPLETED else None,
        answer_entry_ids=(),
        started_at=START,
        ended_at=START + timedelta(seconds=9),
        status=status,
        request_text=request,
        answer_text=answer if status is TurnStatus.COMPLETED else "",
        steps=made,
        model="local/small",
        thinking_level="low",
        latency_ms=9000,
        tokens_in=20,
        tokens_out=10,
        cost_usd_micros=None,
    )
    return Trajectory(
        trajectory_id=f"tr_{turn_id}",
        turn=turn,
        unit=unit,
        arm="baseline",
        policy_id="baseline",
        propensity=1.0,
        propensity_provenance=Provenance.LOGGED,
        decision_id=None,
        context={"length": "short", "form": "question"},
    )


def reward(turn_id: str, total: float | None, label: float | None = None) -> Reward:
    return Reward(
        turn_id=turn_id,
        profile="default",
        components=(ComponentScore("completion", 1.0, total, "turn status"),),
        total=total,
        outcome_total=total,
        label=label,
        evidence_weight=0.0 if total is None else 1.0,
    )


def with_tools(turn_id: str = "tn_tools") -> Trajectory:
    """A turn that calls two tools at once, one of which never answers, then answers."""
    asking = model_step(turn_id, 0, None)
    steps = (
        asking,
        tool_step(turn_id, 1, asking),
        tool_step(turn_id, 2, asking, output=None),
        model_step(turn_id, 3, "There are 42 files. é"),
    )
    return trajectory(turn_id, seq=0, answer="There are 42 files. é", steps=steps)


def failed(turn_id: str = "tn_failed") -> Trajectory:
    steps = (model_step(turn_id, 0, None, status=StepStatus.ERROR),)
    return trajectory(turn_id, seq=2, status=TurnStatus.FAILED, steps=steps)


TRAJECTORIES = (
    with_tools(),
    trajectory("tn_plain", seq=1),
    failed(),
    trajectory("tn_open", seq=3, status=TurnStatus.OPEN),
    trajectory("tn_image", seq=4, request=" "),
    trajectory("tn_other", seq=0, session_id="s2", unit="ep_2", answer="Yes."),
)
REWARDS = {
    "tn_tools": reward("tn_tools", 0.75, label=2.0),
    "tn_plain": reward("tn_plain", None),
    "tn_failed": reward("tn_failed", 0.0),
    "tn_other": reward("tn_other", 0.0, label=-1.0),
}


def split_of(unit: str) -> str:
    return "train" if unit == "ep_1" else "holdout"
