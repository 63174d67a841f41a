"""Policies, states and workspaces that the canary's tests share."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from hashlib import sha256
from pathlib import Path

from tracebridge.canary.state import RolloutState, Stage, state_bytes
from tracebridge.domain.replay import Arm, Family, Policy, PolicyRule
from tracebridge.domain.verdict import GateBinding, GatePass, Outcome

NOW = datetime(2026, 2, 9, 12, 0, tzinfo=UTC)
STRONG = Arm("strong", Family.ROUTE, {"model": "strong"})
CONCISE = Arm("concise", Family.PROMPT, {"instruction": "Be brief."})


def policy(policy_id: str, *rules: PolicyRule, arms: tuple[Arm, ...] = (STRONG, CONCISE)) -> Policy:
    return Policy(
        policy_id=policy_id,
        family=Family.ROUTE,
        parent="baseline",
        factor="route.model",
        description="",
        arms=arms,
        rules=rules,
        digest=sha256(policy_id.encode()).hexdigest(),
    )


BASELINE = policy("baseline", PolicyRule({}, {"baseline": 1.0}), arms=())
CANDIDATE = policy(
    "route-strong",
    PolicyRule({"length": ("long",)}, {"strong": 1.0}),
    PolicyRule({"length": ("medium",)}, {"strong": 0.5, "baseline": 0.5}),
    PolicyRule({}, {"baseline": 1.0}),
)
EXPLORATION = policy(
    "explore",
    PolicyRule({"length": ("long",)}, {"baseline": 0.5, "strong": 0.3, "concise": 0.2}),
    PolicyRule({}, {"baseline": 0.8, "strong": 0.15, "concise": 0.05}),
)


def state(
    stage: Stage = Stage.CANARY_10,
    share: float = 0.10,
    *,
    candidate: Policy | None = CANDIDATE,
    baseline: Policy = BASELINE,
    kill_switch: bool = False,
    salt: str = "salt",
) -> RolloutState:
    return RolloutState(
        stage=stage,
        share=share,
        salt=salt,
        since=NOW,
        candidate=candidate,
        baseline=baseline,
        gate={"reviewer": "Ada"},
        kill_switch=kill_switch,
    )


def put_live(workspace: Path, live: RolloutState) -> Path:
    folder = workspace / "rollout"
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "live.json"
    path.write_bytes(state_bytes(live))
    return path


def binding(**changes: str) -> GateBinding:
    digests = {
        "candidate_digest": CANDIDATE.digest,
        "baseline_digest": BASELINE.digest,
        "bundle_manifest_sha256": "b" * 64,
        "report_sha256": "c" * 64,
        "gate_config_digest": "d" * 64,
    }
    return GateBinding(**{**digests, **changes})


def gate_pass(
    *,
    outcome: Outcome = Outcome.ADMIT,
    judged_at: datetime = NOW - timedelta(hours=1),
    digest: str = "e" * 64,
    bound: GateBinding | None = None,
) -> GatePass:
    return GatePass(
        subject=CANDIDATE.policy_id,
        outcome=outcome,
        binding=bound or binding(),
        judged_at=judged_at,
        sentence="It is better.",
        digest=digest,
    )
