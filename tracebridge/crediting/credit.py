"""Credit assignment: a turn's reward, shared out over its steps."""

from __future__ import annotations

import math
from collections.abc import Sequence

from tracebridge.crediting.outcomes import FAILED_OPENLY, standing_failures
from tracebridge.domain.trajectory import Credit, Reward, Step, StepStatus, Trajectory, Turn

BLAME = "last_failed_step_blamed"
EVEN = "even_over_steps"


def credit_of(trajectory: Trajectory, reward: Reward) -> tuple[Credit, ...]:
    """Shares of ``reward.total``, one a step, in order; they sum to it. Empty if it abstained.

    Two rules, told apart by structure:

    - ``last_failed_step_blamed``: the turn failed openly, or a tool failure stood at its end.
      Every step has its even part of a perfect reward, and the last failed step bears the whole
      loss ``1 - total``, so its share can be negative.
    - ``even_over_steps``: otherwise, even parts for the steps that ended well (all, if none did)
      and 0 for those that failed and were made good.

    Both name where value and loss sit without claiming what any step caused; that would take
    outcomes of turns without it.
    """
    turn = trajectory.turn
    if reward.total is None or not turn.steps:
        return ()
    blamed = _blamed(turn)
    if blamed is None:
        return _credits(turn, _even(turn.steps, reward.total), EVEN)
    return _credits(turn, _with_blame(turn.steps, blamed, reward.total), BLAME)


def _blamed(turn: Turn) -> Step | None:
    standing = standing_failures(turn)
    if turn.status in FAILED_OPENLY:
        failed = [step for step in turn.steps if step.status is not StepStatus.OK]
        return failed[-1] if failed else None
    return standing[-1] if standing else None


def _with_blame(steps: Sequence[Step], blamed: Step, total: float) -> list[float]:
    even = 1.0 / len(steps)
    position = steps.index(blamed)
    shares = [even] * len(steps)
    shares[position] = 0.0
    shares[position] = total - math.fsum(shares)
    return shares


def _even(steps: Sequence[Step], total: float) -> list[float]:
    """Even parts; the last of them takes the rounding, so that the sum is the total."""
    earning = [i for i, step in enumerate(steps) if step.status is StepStatus.OK]
    earning = earning or list(range(len(steps)))
    shares = [0.0] * len(steps)
    for position in earning[:-1]:
        shares[position] = total / len(earning)
    shares[earning[-1]] = total - math.fsum(shares)
    return shares


def _credits(turn: Turn, shares: Sequence[float], rule: str) -> tuple[Credit, ...]:
    return tuple(
        Credit(turn_id=turn.turn_id, step_id=step.step_id, share=share, rule=rule)
        for step, share in zip(turn.steps, shares, strict=True)
    )
