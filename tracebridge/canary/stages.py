"""Moving a rollout: explore, promote, advance, kill switch, rollback, and what the folder says."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path

from tracebridge.canary.documents import digest_of, time_text
from tracebridge.canary.folder import (
    HISTORY,
    digest_of_bytes,
    live_bytes,
    live_state,
    locked,
    restore_last_good,
    switch_to,
)
from tracebridge.canary.history import HistoryEntry, read_history
from tracebridge.canary.state import WITHOUT_CANDIDATE, RolloutState, Stage, parse_state
from tracebridge.domain.errors import CanaryError, RolloutRefusedError
from tracebridge.domain.replay import Policy
from tracebridge.domain.verdict import GateBinding, GatePass, Outcome

CANARY_SHARE = 0.10
MAX_PASS_AGE = timedelta(hours=24)

_NEXT = {
    Stage.CANARY_10: (Stage.CANARY_50, 0.50),
    Stage.CANARY_50: (Stage.FULL, 1.0),
}


@dataclass(frozen=True, slots=True)
class RolloutStatus:
    """What the rollout folder says, for people."""

    state: RolloutState | None
    """``None``: nothing was ever rolled out, or the file is defective."""
    defect: str
    """Why the live file cannot be used; empty where it can or is absent."""
    settled: bool
    """False when the last recorded change did not reach ``live.json``, or something else did."""
    history: tuple[HistoryEntry, ...]


def explore(
    workspace: Path, exploration: Policy, baseline: Policy, *, reviewer: str, now: datetime
) -> RolloutState:
    """Serve everyone by ``exploration``, which draws among arms: that makes tier A evidence.

    `rollback` ends it. Raises `CanaryError` without a named reviewer, or while a candidate is
    live.
    """
    _require_reviewer(reviewer)
    with locked(workspace) as rollout:
        before = _begin(rollout, baseline, now)
        _require_no_candidate(before)
        state = replace(before, stage=Stage.EXPLORE, since=now, baseline=exploration)
        detail = {"reviewer": reviewer, "policy": exploration.policy_id}
        switch_to(rollout, state, action="explore", now=now, detail=detail, keep_prior=True)
    return state


def promote(
    workspace: Path,
    candidate: Policy,
    baseline: Policy,
    gate_pass: GatePass | None,
    *,
    current: GateBinding,
    reviewer: str,
    now: datetime,
    share: float = CANARY_SHARE,
    max_age: timedelta = MAX_PASS_AGE,
) -> RolloutState:
    """Let a candidate into the canary with a slice of ``share`` (at most 10 %).

    ``current`` holds the digests as they are now: of both policies, the bundle's manifest, the
    report that the reviewer read, and the gate's rules. The prior bytes of ``live.json`` are
    kept in ``last_good.json``. Raises `CanaryError`, changing nothing, without a fresh, unused
    ``admit`` bound to those digests, without a named reviewer, or while a candidate is on trial.
    """
    _require_reviewer(reviewer)
    fresh = _require_pass(gate_pass, Outcome.ADMIT, current, now, max_age)
    _require_same("candidate_digest", current.candidate_digest, candidate.digest)
    _require_same("baseline_digest", current.baseline_digest, baseline.digest)
    if not 0 < share <= CANARY_SHARE:
        raise RolloutRefusedError(
            f"Field 'share' is {share}; a canary starts in (0, {CANARY_SHARE}]."
        )
    with locked(workspace) as rollout:
        _require_unused(rollout, fresh)
        before = _begin(rollout, baseline, now)
        if before.stage is Stage.FULL and before.candidate is not None:
            # Then the comparator must be what serves: the candidate that won before.
            _require_same("baseline_digest", before.candidate.digest, baseline.digest)
        else:
            _require_no_candidate(before)
        state = RolloutState(
            stage=Stage.CANARY_10,
            share=share,
            salt=before.salt,
            since=now,
            candidate=candidate,
            baseline=baseline,
            gate=_gate_record(fresh, reviewer),
            kill_switch=False,
        )
        detail = {"reviewer": reviewer, "candidate": candidate.policy_id, "pass": fresh.digest}
        switch_to(rollout, state, action="promote", now=now, detail=detail, keep_prior=True)
    return state


def advance(
    workspace: Path,
    gate_pass: GatePass | None,
    *,
    current: GateBinding,
    reviewer: str,
    now: datetime,
    max_age: timedelta = MAX_PASS_AGE,
) -> RolloutState:
    """One stage forward, 10 % to 50 % to all, never further at once.

    Raises `CanaryError` without an unused ``promote`` of the canary report that is bound to the
    live policies and was judged after the present stage began.
    """
    _require_reviewer(reviewer)
    fresh = _require_pass(gate_pass, Outcome.PROMOTE, current, now, max_age)
    with locked(workspace) as rollout:
        before = live_state(rollout)
        if before is None or before.candidate is None or before.stage not in _NEXT:
            raise RolloutRefusedError(
                "rollout/live.json: no canary is running; promote a candidate first."
            )
        _require_switch_off(before)
        _require_unused(rollout, fresh)
        _require_same("candidate_digest", before.candidate.digest, current.candidate_digest)
        _require_same("baseline_digest", before.baseline.digest, current.baseline_digest)
        if fresh.judged_at < before.since:
            raise RolloutRefusedError(
                f"The gate pass is older than stage {before.stage}; run the canary report again."
            )
        stage, share = _NEXT[before.stage]
        gate = _gate_record(fresh, reviewer)
        state = replace(before, stage=stage, share=share, since=now, gate=gate)
        detail = {"reviewer": reviewer, "pass": fresh.digest}
        switch_to(rollout, state, action="advance", now=now, detail=detail, keep_prior=False)
    return state


def set_kill_switch(workspace: Path, *, on: bool, reason: str, now: datetime) -> RolloutState:
    """Send everyone to the baseline arm at once, or end that; raises `CanaryError`."""
    with locked(workspace) as rollout:
        before = live_state(rollout)
        if before is None:
            raise RolloutRefusedError(
                "rollout/live.json is absent; the baseline serves everyone already."
            )
        state = replace(before, kill_switch=on)
        detail = {"reason": reason, "on": "yes" if on else "no"}
        switch_to(rollout, state, action="kill_switch", now=now, detail=detail, keep_prior=False)
    return state


def rollback(workspace: Path, *, reason: str, now: datetime) -> RolloutState:
    """Make the bytes of ``last_good.json`` live again, exactly; a defective live file is no bar.

    Raises `CanaryError` when there is nothing to go back to.
    """
    with locked(workspace) as rollout:
        return restore_last_good(rollout, now=now, detail={"reason": reason})


def status(workspace: Path) -> RolloutStatus:
    """What is live, whether it can be used, and how it came to be; reads only.

    Raises `CanaryError` when the history's chain is broken.
    """
    rollout = workspace / "rollout"
    history = read_history(rollout / HISTORY)
    data = live_bytes(rollout)
    settled = digest_of_bytes(data) == (history[-1].to_sha256 if history else "")
    if data is None:
        return RolloutStatus(None, "", settled, history)
    try:
        return RolloutStatus(parse_state(data), "", settled, history)
    except CanaryError as error:
        return RolloutStatus(None, str(error), settled, history)


def _begin(rollout: Path, baseline: Policy, now: datetime) -> RolloutState:
    """The live state; a folder without one starts in shadow, so that there is a way back."""
    before = live_state(rollout)
    if before is not None:
        _require_switch_off(before)
        return before
    shadow = RolloutState(
        stage=Stage.SHADOW,
        share=0.0,
        # Made once and kept for good: a unit must not move without a cause.
        salt=digest_of(["salt", baseline.digest, time_text(now)])[:32],
        since=now,
        candidate=None,
        baseline=baseline,
        gate={},
        kill_switch=False,
    )
    switch_to(rollout, shadow, action="shadow", now=now, detail={}, keep_prior=False)
    return shadow


def _require_reviewer(reviewer: str) -> None:
    if not reviewer.strip():
        raise RolloutRefusedError("A stage change needs --reviewer with the name of a person.")


def _require_pass(
    gate_pass: GatePass | None,
    wanted: Outcome,
    current: GateBinding,
    now: datetime,
    max_age: timedelta,
) -> GatePass:
    if gate_pass is None:
        raise RolloutRefusedError("No gate pass was given; run the gate and hand over its record.")
    if gate_pass.outcome is not wanted:
        raise RolloutRefusedError(
            f"The gate pass says {gate_pass.outcome}; this stage needs {wanted}."
        )
    age = now - gate_pass.judged_at
    if not timedelta(0) <= age <= max_age:
        raise RolloutRefusedError(
            f"The gate pass of {time_text(gate_pass.judged_at)} is stale or from the future; "
            "run the gate again."
        )
    bound = asdict(gate_pass.binding)
    for name, digest in asdict(current).items():
        _require_same(name, bound[name], digest)
    return gate_pass


def _require_same(name: str, judged: str, found: str) -> None:
    if not judged or judged != found:
        raise RolloutRefusedError(
            f"Field {name!r} is not what was judged ({judged[:12]!r} against {found[:12]!r}); "
            "run the gate again."
        )


def _require_unused(rollout: Path, gate_pass: GatePass) -> None:
    history = read_history(rollout / HISTORY)
    if history and history[-1].to_sha256 != digest_of_bytes(live_bytes(rollout)):
        # The last change was announced and never made: its pass is still good.
        history = history[:-1]
    if any(entry.detail.get("pass") == gate_pass.digest for entry in history):
        raise RolloutRefusedError("The gate pass was used before; run the gate again.")


def _require_no_candidate(state: RolloutState) -> None:
    if state.stage not in WITHOUT_CANDIDATE:
        raise RolloutRefusedError(
            "rollout/live.json: a candidate is live; roll it back or finish it first."
        )


def _require_switch_off(state: RolloutState) -> None:
    if state.kill_switch:
        raise RolloutRefusedError("rollout/live.json: the kill switch is on; turn it off first.")


def _gate_record(gate_pass: GatePass, reviewer: str) -> Mapping[str, str]:
    return {
        **asdict(gate_pass.binding),
        "judged_at": time_text(gate_pass.judged_at),
        "pass_digest": gate_pass.digest,
        "reviewer": reviewer,
    }
