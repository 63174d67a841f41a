"""From a sealed bundle to the canary and back: judge, promote, watch, roll back.

The gate reads bundles, never the live workspace, and a promotion recomputes what it leans on:
the bundle's seal, the verdict, the candidate's digest, the report that a person read.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from tracebridge.adapters.bundle_checks import verify
from tracebridge.adapters.files import sha256_file, write_atomic
from tracebridge.canary.monitor import SliceMetric, judge_canary
from tracebridge.canary.stages import promote as promote_stage
from tracebridge.canary.state import RolloutState
from tracebridge.domain.bundle import SealedBundle
from tracebridge.domain.documents import parse_estimates
from tracebridge.domain.errors import GateError
from tracebridge.domain.replay import Decision, DecisionReason, Policy
from tracebridge.domain.trajectory import Reward, Turn
from tracebridge.domain.verdict import GateBinding, GatePass, Outcome, Verdict
from tracebridge.gate.guardrails import GuardrailRules
from tracebridge.gate.judge import judge_offline
from tracebridge.gate.passes import pass_document, pass_record, verify_pass
from tracebridge.settings import Settings
from tracebridge.wiring import bundle_store, policies_of, small_inputs

MAX_COST_USD = 1.0
"""Cap of a turn's cost in the canary's bounded comparison."""
MAX_LATENCY_S = 120.0


@dataclass(frozen=True, slots=True)
class Judgement:
    """A verdict on one candidate, the bundle it rests on, and the pass if it is positive."""

    verdict: Verdict
    bundle: SealedBundle
    binding: GateBinding
    gate_pass: GatePass | None


def judge_candidate(settings: Settings, candidate_id: str, *, now: datetime) -> Judgement:
    """Judge a candidate on the newest good bundle; keeps the pass where it is admitted.

    Raises:
        GateError: no bundle speaks of the candidate as it is now, or the bundle is not intact.
    """
    judgement = _judge(settings, candidate_id, now)
    if judgement.gate_pass is not None:
        path = _pass_path(settings, candidate_id)
        path.parent.mkdir(parents=True, exist_ok=True)
        write_atomic(path, json.dumps(pass_document(judgement.gate_pass), indent=2).encode())
    return judgement


def promote_candidate(
    settings: Settings, candidate_id: str, *, reviewer: str, report_sha256: str, now: datetime
) -> RolloutState:
    """Let a candidate into the canary, signed by the person who read its report.

    Raises:
        CanaryError: no fresh pass bound to the same digests; nothing changed.
        GateError: judged again now, the candidate is not admitted.
    """
    candidate, baseline = _policies(settings, candidate_id)
    again = _judge(settings, candidate_id, now)
    if again.verdict.outcome is not Outcome.ADMIT:
        raise GateError(
            f"{candidate_id}: the newest bundle says '{again.verdict.outcome.value}', so it stays "
            f"out of the canary; {again.verdict.sentence}"
        )
    return promote_stage(
        settings.workspace,
        candidate,
        baseline,
        _kept_pass(settings, candidate_id),
        current=GateBinding(
            candidate_digest=candidate.digest,
            baseline_digest=baseline.digest,
            bundle_manifest_sha256=again.binding.bundle_manifest_sha256,
            report_sha256=report_sha256,
            gate_config_digest=settings.gate.digest(),
        ),
        reviewer=reviewer,
        now=now,
    )


def judge_slices(
    subject: str,
    decisions: Sequence[Decision],
    turns: Mapping[str, Turn],
    rewards: Mapping[str, Reward],
) -> Verdict:
    """Judge a running canary: candidate slice against its concurrent control, by unit.

    Args:
        subject: policy id of the candidate.
        decisions: those of the canary stage, in the order they were made.
        turns: decision id to the turn it served.
        rewards: turn id to reward.
    """
    units: dict[str, dict[str, list[Turn]]] = {"candidate": {}, "control": {}}
    for decision in decisions:
        side = slice_side(decision, subject)
        turn = turns.get(decision.decision_id)
        if side is not None and turn is not None:
            units[side].setdefault(decision.unit, []).append(turn)
    return judge_canary(
        subject,
        [
            _slice_metric("outcome", units, rewards, low=0.0, high=1.0, primary=True),
            _slice_metric("cost_usd", units, rewards, low=0.0, high=MAX_COST_USD),
            _slice_metric("latency_s", units, rewards, low=0.0, high=MAX_LATENCY_S),
        ],
        assigned=(len(units["candidate"]), len(units["control"])),
    )


def slice_side(decision: Decision, candidate_id: str) -> str | None:
    """``candidate``, ``control`` or ``None`` for a decision outside both slices."""
    if decision.reason == DecisionReason.CONTROL:
        return "control"
    if decision.reason == DecisionReason.ASSIGNED and decision.policy_id == candidate_id:
        return "candidate"
    return None


def _judge(settings: Settings, candidate_id: str, now: datetime) -> Judgement:
    candidate, baseline = _policies(settings, candidate_id)
    bundle = _newest_good(settings)
    problems = verify(bundle.path)
    if problems:
        raise GateError(
            f"{bundle.path}: {problems[0].path} {problems[0].what}; the gate trusts no bundle that "
            "is not as it was sealed; run a new cycle"
        )
    judged = _digest_in_bundle(bundle, candidate_id)
    if judged != candidate.digest:
        raise GateError(
            f"{candidate_id}: the newest bundle {bundle.manifest.bundle_id} did not compare the "
            "policy as it is now; run `tracebridge cycle run` and judge again"
        )
    reports = parse_estimates(
        json.loads((bundle.path / "estimates.json").read_text()), file=str(bundle.path)
    )
    rules: GuardrailRules = settings.gate
    verdict = judge_offline(
        candidate_id,
        [report for report in reports if report.policy_id == candidate_id],
        [report for report in reports if report.policy_id == baseline.policy_id],
        rules,
    )
    binding = GateBinding(
        candidate_digest=candidate.digest,
        baseline_digest=baseline.digest,
        bundle_manifest_sha256=bundle.manifest_sha256,
        report_sha256=sha256_file(bundle.path / "report.html"),
        gate_config_digest=rules.digest(),
    )
    admitted = verdict.outcome is Outcome.ADMIT
    return Judgement(
        verdict,
        bundle,
        binding,
        pass_record(verdict, binding, judged_at=now) if admitted else None,
    )


def _policies(settings: Settings, candidate_id: str) -> tuple[Policy, Policy]:
    policies = policies_of(small_inputs(settings))
    for policy in policies[1:]:
        if policy.policy_id == candidate_id:
            return policy, policies[0]
    raise GateError(
        f"{candidate_id}: no policy has this id; choose one of: "
        + ", ".join(policy.policy_id for policy in policies[1:])
    )


def _newest_good(settings: Settings) -> SealedBundle:
    good = [bundle for bundle in bundle_store(settings).sealed() if bundle.manifest.status == "ok"]
    if not good:
        raise GateError(
            f"{settings.bundles_folder}: no cycle has completed yet; run `tracebridge cycle run`"
        )
    return good[-1]


def _digest_in_bundle(bundle: SealedBundle, candidate_id: str) -> str | None:
    document = json.loads((bundle.path / "ablation.json").read_text())
    return next(
        (row["digest"] for row in document["rows"] if row["policy_id"] == candidate_id), None
    )


def _pass_path(settings: Settings, candidate_id: str) -> Path:
    return settings.rollout_folder / "passes" / f"{candidate_id}.json"


def _kept_pass(settings: Settings, candidate_id: str) -> GatePass | None:
    path = _pass_path(settings, candidate_id)
    if not path.exists():
        return None
    try:
        document = json.loads(path.read_text())
    except ValueError as error:
        raise GateError(f"{path}: not valid JSON; run `tracebridge gate judge` again") from error
    return verify_pass(document, file=str(path))


def _slice_metric(
    name: str,
    units: Mapping[str, Mapping[str, Sequence[Turn]]],
    rewards: Mapping[str, Reward],
    *,
    low: float,
    high: float,
    primary: bool = False,
) -> SliceMetric:
    def means(side: str) -> tuple[float, ...]:
        per_unit = []
        for turns in units[side].values():
            values = [value for turn in turns for value in _observed(name, turn, rewards)]
            if values:
                per_unit.append(min(high, max(low, sum(values) / len(values))))
        return tuple(per_unit)

    return SliceMetric(
        name=name,
        candidate=means("candidate"),
        control=means("control"),
        low=low,
        high=high,
        higher_is_better=name == "outcome",
        primary=primary,
        tolerated_ratio=_TOLERATED_RATIO.get(name, 1.0),
    )


_TOLERATED_RATIO = {"cost_usd": 1.05, "latency_s": 1.10}


def _observed(name: str, turn: Turn, rewards: Mapping[str, Reward]) -> list[float]:
    values: dict[str, float | None] = {
        "outcome": rewards[turn.turn_id].outcome_total if turn.turn_id in rewards else None,
        "cost_usd": None if turn.cost_usd_micros is None else turn.cost_usd_micros / 1e6,
        "latency_s": None if turn.latency_ms is None else turn.latency_ms / 1e3,
    }
    value = values[name]
    return [] if value is None else [value]
