"""What the running canary shows: its slice against the concurrent control, in words."""

from __future__ import annotations

from datetime import datetime

from tracebridge.canary.stages import status
from tracebridge.domain.errors import CanaryError
from tracebridge.domain.verdict import Verdict
from tracebridge.operations.evidence import evidence_of
from tracebridge.operations.promotion import judge_slices
from tracebridge.settings import Settings


def report_canary(settings: Settings, *, until: datetime) -> Verdict:
    """Judge the live candidate on what it served since its stage began.

    Raises:
        CanaryError: no candidate is live.
    """
    state = status(settings.workspace).state
    if state is None or state.candidate is None:
        raise CanaryError(
            "rollout/live.json: no candidate is live; `tracebridge promote` starts a canary"
        )
    evidence = evidence_of(settings, until)
    turns = {
        trajectory.decision_id: trajectory.turn
        for trajectory in evidence.trajectories
        if trajectory.decision_id is not None
    }
    decisions = [
        decision
        for decision in evidence.decisions
        if decision.ts >= state.since and decision.stage == state.stage.value
    ]
    return judge_slices(state.candidate.policy_id, decisions, turns, evidence.rewards)
