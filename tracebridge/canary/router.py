"""Which arm serves a request: sticky per unit, logged with its probability, never raising."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path

from tracebridge.canary.assignment import Slice, draw_arm, marginal_propensity, slice_of
from tracebridge.canary.breaker import Breaker
from tracebridge.canary.decision_log import DecisionLog
from tracebridge.canary.documents import digest_of
from tracebridge.canary.requests import Request, RequestError, read_request, usable_unit
from tracebridge.canary.state import RolloutState
from tracebridge.canary.state_file import Fault, StateFile, StateFileError
from tracebridge.domain.errors import CanaryError
from tracebridge.domain.replay import (
    BASELINE_ARM,
    BASELINE_POLICY,
    Decision,
    DecisionReason,
)

UNKNOWN_STAGE = "unknown"
"""Stage of a decision that was made without a readable live state."""

INVALID_UNIT = "invalid"
"""Unit of a decision whose own unit was no usable string."""


def utc_now() -> datetime:
    """The present moment, UTC."""
    return datetime.now(UTC)


def random_id() -> str:
    """``dc_`` and 24 random hex digits."""
    return f"dc_{os.urandom(12).hex()}"


class Router:
    """Decides from the workspace's rollout folder; on any fault it serves the baseline arm.

    A decision is evidence only where its reason is ``assigned`` or ``control``. Any other one was
    not randomized: its propensity is written as 1.0 and must be read as unknown.
    """

    def __init__(
        self,
        workspace: Path | str,
        *,
        clock: Callable[[], datetime] = utc_now,
        monotonic: Callable[[], float] = time.monotonic,
        make_id: Callable[[], str] = random_id,
        breaker: Breaker | None = None,
        state_file: StateFile | None = None,
        log_deadline_s: float = 1.0,
    ) -> None:
        """Nothing is read before the first decision. A log slower than the deadline is a fault."""
        root = Path(workspace)
        self._clock = clock
        self._monotonic = monotonic
        self._make_id = make_id
        self._breaker = breaker or Breaker(monotonic=monotonic)
        self._state_file = state_file or StateFile(root / "rollout" / "live.json")
        self._log = DecisionLog(root / "memory" / "decisions")
        self._log_deadline_s = log_deadline_s
        self._log_works = True

    def decide(self, unit_id: str, context: Mapping[str, object]) -> Decision:
        """The arm for one request, already in the decision log. Never raises.

        ``context`` is read for string features and for ``request_ref``; all else is dropped.
        """
        try:
            return self._decide(unit_id, context)
        except Exception:  # noqa: BLE001 - serving fails open: no fault may reach the request
            return self._last_resort(unit_id)

    def health(self) -> dict[str, str]:
        """Whether the router would decide now, for a health endpoint. Never raises."""
        try:
            state = self._state_file.current()
        except StateFileError as fault:
            return {"serving": "baseline", "stage": UNKNOWN_STAGE, "reason": fault.why.value}
        except Exception:  # noqa: BLE001 - a health check must answer
            return {"serving": "baseline", "stage": UNKNOWN_STAGE, "reason": Fault.INTERNAL.value}
        if state.kill_switch:
            return {"serving": "baseline", "stage": state.stage.value, "reason": "kill_switch"}
        return {"serving": "rollout", "stage": state.stage.value, "reason": ""}

    def _decide(self, unit_id: object, context: object) -> Decision:
        moment = self._clock()
        try:
            request = read_request(unit_id, context)
        except RequestError as fault:
            # Whoever sends nonsense must not be able to open the breaker for all others.
            request = Request(usable_unit(unit_id) or INVALID_UNIT, {}, None)
            return self._fall_back(request, moment, fault.why)
        if self._breaker.is_open():
            # A log that fails or drags must not be waited for while the breaker is open.
            return self._serve_baseline(
                request, moment, DecisionReason.BREAKER_OPEN, log=self._log_works
            )
        try:
            state = self._state_file.current()
        except StateFileError as fault:
            # A workspace without a rollout is at rest, not at fault.
            if fault.why is not Fault.MISSING:
                self._breaker.record_fault()
            return self._fall_back(request, moment, fault.why)
        if state.kill_switch:
            return self._serve_baseline(
                request, moment, DecisionReason.KILL_SWITCH, stage=state.stage
            )
        return self._log_or_fall_back(self._assign(state, request, moment))

    def _assign(self, state: RolloutState, request: Request, moment: datetime) -> Decision:
        place = slice_of(state, request.unit)
        policy = state.baseline
        if place is Slice.CANDIDATE and state.candidate is not None:
            policy = state.candidate
        arm = draw_arm(policy, request.context, request.unit, salt=state.salt)
        reason = DecisionReason.CONTROL if place is Slice.CONTROL else DecisionReason.ASSIGNED
        return Decision(
            decision_id=self._make_id(),
            ts=moment,
            unit=request.unit,
            context_digest=digest_of(request.context),
            context=request.context,
            policy_id=policy.policy_id,
            arm=arm,
            propensity=marginal_propensity(state, request.context, arm),
            stage=state.stage.value,
            reason=reason.value,
            request_ref=request.request_ref,
        )

    def _log_or_fall_back(self, decision: Decision) -> Decision:
        """An unlogged choice would act without leaving evidence, so it is not served."""
        try:
            self._append(decision)
        except CanaryError:
            request = Request(decision.unit, decision.context, decision.request_ref)
            reason = _fallback_reason(Fault.LOG)
            return self._baseline(request, decision.ts, reason, stage=decision.stage)
        return decision

    def _fall_back(self, request: Request, moment: datetime, why: Fault) -> Decision:
        return self._serve_baseline(request, moment, _fallback_reason(why))

    def _serve_baseline(
        self,
        request: Request,
        moment: datetime,
        reason: str,
        *,
        stage: str = UNKNOWN_STAGE,
        log: bool = True,
    ) -> Decision:
        """The baseline arm, logged if the log takes it: it is served either way."""
        decision = self._baseline(request, moment, reason, stage=stage)
        if log:
            with suppress(CanaryError):
                self._append(decision)
        return decision

    def _append(self, decision: Decision) -> None:
        """Log the decision; a refusal raises `CanaryError`, and it or a delay is a fault."""
        started = self._monotonic()
        try:
            self._log.append(decision)
        except CanaryError:
            self._log_works = False
            self._breaker.record_fault()
            raise
        self._log_works = self._monotonic() - started <= self._log_deadline_s
        if not self._log_works:
            self._breaker.record_fault()

    def _baseline(self, request: Request, moment: datetime, reason: str, *, stage: str) -> Decision:
        return Decision(
            decision_id=self._make_id(),
            ts=moment,
            unit=request.unit,
            context_digest=digest_of(request.context),
            context=request.context,
            policy_id=BASELINE_POLICY,
            arm=BASELINE_ARM,
            propensity=1.0,
            stage=stage,
            reason=str(reason),
            request_ref=request.request_ref,
        )

    def _last_resort(self, unit_id: object) -> Decision:
        """What even a broken clock or id source cannot prevent."""
        decision = Decision(
            decision_id=random_id(),
            ts=utc_now(),
            unit=usable_unit(unit_id) or INVALID_UNIT,
            context_digest=digest_of({}),
            context={},
            policy_id=BASELINE_POLICY,
            arm=BASELINE_ARM,
            propensity=1.0,
            stage=UNKNOWN_STAGE,
            reason=_fallback_reason(Fault.INTERNAL),
        )
        with suppress(Exception):
            self._log.append(decision)
        return decision


def _fallback_reason(why: Fault) -> str:
    return f"{DecisionReason.FALLBACK}:{why}"
