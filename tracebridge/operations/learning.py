"""Fit a candidate on the training split and put it beside the other policies."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from tracebridge.adapters.files import write_atomic
from tracebridge.adapters.inputs import shipped_files
from tracebridge.domain.replay import BASELINE_ARM, Arm, Family
from tracebridge.operations.evidence import evidence_of
from tracebridge.settings import Settings
from tracebridge.training.learn import NotLearnable, learn_route_policy
from tracebridge.training.policy_toml import to_toml
from tracebridge.wiring import policies_of, replay_set_digest, small_inputs

LEARNABLE_FACTOR = "route.model"
"""The one factor that a learned route may choose: which model answers."""


@dataclass(frozen=True, slots=True)
class Learned:
    """A written candidate, or why there is none."""

    policy_id: str | None
    path: Path | None
    train_rows: int
    refusal: str | None


def learn_candidate(settings: Settings, *, until: datetime) -> Learned:
    """Learn a route policy from everything before ``until``; writes it if it beats the baseline.

    Hold-out rows are not looked at, so the next cycle's comparison is fair to the others.
    """
    rows = evidence_of(settings, until).rows
    policies = policies_of(small_inputs(settings))
    train = [row for row in rows if row.split == "train"]
    document = learn_route_policy(
        train,
        _route_arms(policies),
        parent_digest=policies[0].digest,
        replay_set_digest=replay_set_digest(settings, rows),
        seed=settings.seed,
    )
    if isinstance(document, NotLearnable):
        sentence = f"{document.reason.value}: {document.detail}"
        return Learned(None, None, len(train), sentence)
    policy_id = str(document["policy_id"])
    path = _own_policies(settings) / f"{policy_id}.toml"
    write_atomic(path, to_toml(document).encode())
    return Learned(policy_id, path, len(train), None)


def _route_arms(policies: tuple[object, ...]) -> list[Arm]:
    arms: dict[str, Arm] = {}
    for policy in policies:
        if getattr(policy, "factor", None) == LEARNABLE_FACTOR:
            arms |= {
                arm.name: arm
                for arm in getattr(policy, "arms", ())
                if arm.name != BASELINE_ARM and arm.family is Family.ROUTE
            }
    return [arms[name] for name in sorted(arms)]


def _own_policies(settings: Settings) -> Path:
    """The workspace's policies folder; filled with what is shipped when it is first made."""
    folder = settings.policies_folder
    if not folder.is_dir():
        folder.mkdir(parents=True)
        for name, data in shipped_files("policies").items():
            write_atomic(folder / name, data)
    return folder
