"""Turns with a known outcome, and strategies that draw any turn the record can hold."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta

from hypothesis import strategies as st

from tracebridge.crediting.profiles import (
    EFFICIENCY,
    FORMAT,
    LABEL,
    SAFETY,
    TASK_OUTCOME,
    RewardProfile,
    WeightedComponent,
)
from tracebridge.domain.feedback import JoinRule, Label, LabelScope
from tracebridge.domain.trajectory import (
    Provenance,
    Step,
    StepKind,
    StepStatus,
    Trajectory,
    Trigger,
    Turn,
    TurnStatus,
)

START = datetime(2026, 3, 1, 9, 0, tzinfo=UTC)
OK, ERROR, NO_RESULT = StepStatus.OK, StepStatus.ERROR, StepStatus.NO_RESULT

type Batch = Sequence[tuple[str, StepStatus]]
"""The tools that one model response called, each with how it ended."""


def turn_of(
    *batches: Batch,
    status: TurnStatus = TurnStatus.COMPLETED,
    stop_reason: str | None = None,
    latency_ms: int | None = 4000,
    answer: str = "Here it is.",
    outputs: str = "an error in the label file",
    answer_finds: Mapping[str, int] | None = None,
) -> Turn:
    """A turn in which each batch is one response that calls tools, and a last response ends it."""
    steps: list[Step] = []
    last = {TurnStatus.FAILED: ERROR, TurnStatus.ABORTED: StepStatus.ABORTED}.get(status, OK)
    for batch in batches:
        steps.append(_step(len(steps), StepKind.MODEL, OK, parent=None))
        issuer = steps[-1].step_id
        for tool, ended in batch:
            steps.append(_step(len(steps), StepKind.TOOL, ended, issuer, tool, outputs))
    if status is not TurnStatus.OPEN:
        steps.append(_step(len(steps), StepKind.MODEL, last, parent=None, output=answer))
    answered = status is TurnStatus.COMPLETED
    stops = {TurnStatus.FAILED: "error", TurnStatus.ABORTED: "aborted", TurnStatus.OPEN: "toolUse"}
    return Turn(
        turn_id="tn_1",
        session_id="s1",
        seq=0,
        episode_id="ep_1",
        trigger=Trigger.PERSON,
        chat_id="500001",
        chat_type="direct",
        thread_id=None,
        inbound_message_ids=(1,),
        request_event_id="ev_1",
        answer_event_id="ev_9" if answered else None,
        answer_entry_ids=("e9",) if answered else (),
        started_at=START,
        ended_at=START + timedelta(seconds=9),
        status=status,
        request_text="Find the error, please.",
        answer_text=answer if answered else "",
        steps=tuple(steps),
        model="local/small",
        thinking_level=None,
        latency_ms=latency_ms if answered else None,
        tokens_in=10,
        tokens_out=10,
        cost_usd_micros=5,
        answer_finds=dict(answer_finds or {}) if answered else {},
        stop_reason=stop_reason or stops.get(status, "stop"),
    )


def _step(
    seq: int,
    kind: StepKind,
    status: StepStatus,
    parent: str | None,
    tool: str | None = None,
    output: str | None = None,
) -> Step:
    return Step(
        step_id=f"st_{seq}",
        turn_id="tn_1",
        seq=seq,
        kind=kind,
        parent_step_id=parent,
        event_ids=(f"ev_{seq}",),
        status=status,
        started_at=START,
        ended_at=START,
        duration_ms=None,
        tool_name=tool,
        arguments=None if tool is None else '{"query":"error"}',
        output=output,
    )


def served(turn: Turn) -> Trajectory:
    return Trajectory(
        trajectory_id="tj_1",
        turn=turn,
        unit="500001",
        arm="baseline",
        policy_id=None,
        propensity=None,
        propensity_provenance=Provenance.UNKNOWN,
        decision_id=None,
        context={},
    )


def label(score: float, *, weight: float = 1.0, turn_id: str = "tn_1", number: int = 1) -> Label:
    return Label(
        label_id=f"lb_{number}",
        turn_id=turn_id,
        session_id="s1",
        chat_id="500001",
        score=score,
        scope=LabelScope.BATCH,
        rule=JoinRule.BRACKET,
        confidence=0.9,
        anchor_message_id=2,
        chunk_ids=(2,),
        update_ids=(number,),
        weight=weight,
        reacted_at=START,
    )


BATCHES = st.lists(
    st.lists(
        st.tuples(
            st.sampled_from(["exec", "read", "browser"]), st.sampled_from([OK, ERROR, NO_RESULT])
        ),
        min_size=1,
        max_size=3,
    ),
    max_size=5,
)
TURNS = st.builds(
    lambda batches, **options: turn_of(*batches, **options),
    BATCHES,
    status=st.sampled_from(list(TurnStatus)),
    stop_reason=st.sampled_from([None, None, "length"]),
    latency_ms=st.sampled_from([None, 1, 59_999, 60_000, 600_000]),
    answer_finds=st.sampled_from([{}, {"EMAIL": 1}, {"SECRET": 2}, {"CARD": 1, "SSN": 1}]),
)
LABELS = st.lists(
    st.builds(
        label,
        st.sampled_from([-2.0, -1.0, 0.5, 1.0, 2.0]),
        weight=st.sampled_from([0.0, 0.1, 1 / 3, 1.0]),
        turn_id=st.sampled_from(["tn_1", "tn_1", "tn_2"]),
        number=st.integers(0, 99),
    ),
    max_size=5,
)


@st.composite
def profiles(draw: st.DrawFn) -> RewardProfile:
    """Any profile that the ranges allow."""
    efficiency = draw(st.sampled_from([0.10, 0.12, 0.15]))
    safety = draw(st.sampled_from([0.10, 0.13, 0.15]))
    correctness = 1.0 - 0.20 - efficiency - safety
    share = draw(st.sampled_from([0.02, 0.5, 0.98, 1.0]))
    weights = {
        TASK_OUTCOME: correctness * share,
        LABEL: correctness * (1 - share),
        FORMAT: 0.20,
        EFFICIENCY: efficiency,
        SAFETY: safety,
    }
    return RewardProfile(
        name="drawn",
        description="",
        components=tuple(WeightedComponent(*it) for it in weights.items() if it[1] > 0),
        latency_budget_ms=draw(st.sampled_from([1, 30_000])),
        tool_call_budget=draw(st.sampled_from([1, 12])),
        forbidden_tools=draw(st.sampled_from([(), ("browser",)])),
    )
