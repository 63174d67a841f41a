"""From a sealed bundle into the canary: judge, and promote what a person has signed.

The gate reads bundles, never the live workspace, and a promotion recomputes what it leans on:
the bundle's seal, the verdict, the candidate's digest, the report that a person read.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from tracebridge.adapters.bundle_checks import verify
from tracebridge.adapters.files import sha256_file, write_atomic
from tracebridge.canary.stages import promote as promote_stage
from tracebridge.canary.state import RolloutState
from tracebridge.domain.bundle import SealedBundle
from tracebridge.domain.documents import parse_estimates
from tracebridge.domain.errors import ConfigurationError, GateError
from tracebridge.domain.replay import Policy
from tracebridge.domain.verdict import GateBinding, GatePass, Outcome, Verdict
from tracebridge.gate.guardrails import GuardrailRules
from tracebridge.gate.judge import judge_offline
from tracebridge.gate.passes import pass_document, pass_record, verify_pass
from tracebridge.settings import Settings
from tracebridge.wiring import bundle_store, policies_of, small_inputs


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
        ConfigurationError: no policy has this id.
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
        ConfigurationError: no policy has this id.
        GateError: judged again now, the candidate is not admitted.
        RolloutRefusedError: no fresh pass bound to the same digests; nothing changed.
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


def _judge(settings: Settings, candidate_id: str, now: datetime) -> Judgement:
    candidate, baseline = _policies(settings, candidate_id)
    bundle = _newest_good(settings)
    problems = verify(bundle.path)
    if problems:
        raise GateError(
            f"{bundle.path}: {problems[0].path} is not as it was sealed ({problems[0].what}), so "
            "the gate does not trust this bundle; run a new cycle"
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
    raise ConfigurationError(
        f"{candidate_id}: no candidate has this id; choose one of: "
        + ", ".join(policy.policy_id for policy in policies[1:])
    )


def _newest_good(settings: Settings) -> SealedBundle:
    """The newest bundle of a completed cycle; a newer one with a broken seal hides nothing."""
    store = bundle_store(settings)
    good = [bundle for bundle in store.sealed() if bundle.manifest.status == "ok"]
    if not good:
        raise GateError(
            f"{settings.bundles_folder}: no cycle has completed yet; run `tracebridge cycle run`"
        )
    newer = [it for it in store.damaged() if it.path > good[-1].path.name]
    if newer:
        raise GateError(
            f"{settings.bundles_folder / newer[-1].path}: the seal of a newer bundle is damaged, "
            "so the gate cannot tell what it said; move that bundle away, or run a new cycle"
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
