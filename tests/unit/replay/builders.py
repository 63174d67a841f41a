"""Small nouns for tests: turns, trajectories, rewards and rows with sensible defaults."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta

from tracebridge.domain.events import JsonValue
from tracebridge.domain.replay import Metric, ReplayRow, context_key
from tracebridge.domain.trajectory import (
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

START = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)


def a_turn(
    turn_id: str = "tn_1",
    *,
    trigger: Trigger = Trigger.PERSON,
    status: TurnStatus = TurnStatus.COMPLETED,
    started_at: datetime = START,
    request: str = "Please have a look.",
    answer: str = "Done.",
    steps: Sequence[Step] = (),
    latency_ms: int | None = 2_500,
    cost_usd_micros: int | None = 1_200,
) -> Turn:
    return Turn(
        turn_id=turn_id,
        session_id="s1",
        seq=0,
        episode_id="ep_1",
        trigger=trigger,
        chat_id="42",
        chat_type="direct",
        thread_id=None,
        inbound_message_ids=(),
        request_event_id="ev_1",
        answer_event_id="ev_2",
        answer_entry_ids=(),
        started_at=started_at,
        ended_at=started_at + timedelta(milliseconds=latency_ms or 0),
        status=status,
        request_text=request,
        answer_text=answer,
        steps=tuple(steps),
        model="fake/model",
        thinking_level=None,
        latency_ms=latency_ms,
        tokens_in=10,
        tokens_out=5,
        cost_usd_micros=cost_usd_micros,
    )


def a_trajectory(
    turn: Turn,
    *,
    unit: str = "chat-1",
    arm: str = "baseline",
    propensity: float | None = 0.5,
    context: Mapping[str, str] | None = None,
) -> Trajectory:
    return Trajectory(
        trajectory_id=f"tr_{turn.turn_id}",
        turn=turn,
        unit=unit,
        arm=arm,
        policy_id=None,
        propensity=propensity,
        propensity_provenance=Provenance.UNKNOWN if propensity is None else Provenance.LOGGED,
        decision_id=None,
        context={"length": "short"} if context is None else context,
    )


def a_reward(turn_id: str, *, outcome: float | None = 0.75, label: float | None = None) -> Reward:
    return Reward(
        turn_id=turn_id,
        profile="general",
        components=(),
        total=outcome,
        outcome_total=outcome,
        label=label,
        evidence_weight=1.0,
    )


def a_row(
    row_id: str = "tn_1",
    *,
    unit: str = "chat-1",
    day: str = "2026-03-02",
    context: Mapping[str, str] | None = None,
    arm: str = "baseline",
    propensity: float | None = 0.5,
    split: str = "holdout",
    fold: int = 0,
    values: Mapping[Metric, float] | None = None,
) -> ReplayRow:
    context = {"length": "short"} if context is None else context
    return ReplayRow(
        row_id=row_id,
        unit=unit,
        session_id="s1",
        day=day,
        context_key=context_key(context),
        context=context,
        arm=arm,
        propensity=propensity,
        provenance="unknown" if propensity is None else "logged",
        split=split,
        fold=fold,
        values={Metric.OUTCOME: 0.5} if values is None else values,
    )


def a_call(
    seq: int,
    tool: str = "read",
    arguments: JsonValue = None,
    *,
    asker: str = "m0",
    ms: int | None = 100,
    output: str = "",
    status: StepStatus = StepStatus.OK,
    inferred: bool = False,
    started_at: datetime = START,
    ended_at: datetime | None = None,
) -> Step:
    return Step(
        step_id=f"call{seq}",
        turn_id="tn_1",
        seq=seq,
        kind=StepKind.TOOL,
        parent_step_id=asker,
        event_ids=(),
        status=status,
        started_at=started_at,
        ended_at=ended_at or started_at + timedelta(milliseconds=ms or 0),
        duration_ms=ms,
        duration_inferred=inferred,
        tool_name=tool,
        arguments=json.dumps({} if arguments is None else arguments),
        output=output,
    )
