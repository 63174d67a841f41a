"""Baseline against variants on one pinned replay set, one factor apart, with a plain finding.

Observed, replayed and estimated figures stand side by side and are never mixed: only the
estimated contrast decides, and only where its simultaneous interval clears zero.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import fsum

from tracebridge.domain.documents import estimate_document, simultaneous_document
from tracebridge.domain.errors import ReplayError
from tracebridge.domain.events import JsonValue
from tracebridge.domain.replay import (
    Metric,
    NotEstimable,
    Policy,
    PolicyEstimate,
    PolicyReport,
    ReplayRow,
)
from tracebridge.replay.findings import Finding, conclude, finding_of

type Document = dict[str, JsonValue]

ABLATION_SCHEMA = "tracebridge.ablation.v1"
PRIMARY_METRIC = Metric.OUTCOME


def ablate(
    policies: Sequence[Policy],
    reports: Sequence[PolicyReport],
    *,
    rows: Sequence[ReplayRow],
    replayed: Mapping[str, Mapping[str, JsonValue]],
    invariants: Mapping[str, Mapping[str, JsonValue]],
    replay_set: Mapping[str, JsonValue],
    level: float,
    expected_digest: str | None = None,
) -> Document:
    """The comparison as a ``tracebridge.ablation.v1`` document.

    ``policies``: the baseline first. ``rows``: the whole replay set, both sides of the split.
    ``replayed`` and ``invariants`` are keyed by policy id. ``replay_set`` names at least
    ``digest, rows, units, unit_kind`` of the hold-out side. ``expected_digest`` pins the set
    that the comparison must stand on.

    Raises:
        ReplayError: the set is not the pinned one, a policy has no report on the primary
            metric, or reports of one metric rest on different rows.
    """
    if expected_digest is not None:
        check_replay_set({"replay_set": dict(replay_set)}, expected_digest, file="replay set")
    _check_same_rows(reports)
    of_policy = _by_policy(policies, reports)
    baseline = policies[0]
    contrasts = {
        policy.policy_id: of_policy[policy.policy_id][PRIMARY_METRIC] for policy in policies[1:]
    }
    estimators = _primary_estimators(reports)
    findings = {name: finding_of(report) for name, report in contrasts.items()}
    findings[baseline.policy_id] = Finding.NO_CLEAR_DIFFERENCE
    conclusion = conclude(contrasts, unit_kind=str(replay_set["unit_kind"]), rows=rows)
    return {
        "schema": ABLATION_SCHEMA,
        "replay_set": {name: replay_set[name] for name in ("digest", "rows", "units", "unit_kind")},
        "baseline": baseline.policy_id,
        "level": level,
        "primary_metric": PRIMARY_METRIC.value,
        "rows": [
            {
                **_identity(policy),
                "observed": _observed(policy, rows),
                "replayed": _copy(replayed.get(policy.policy_id)),
                "invariants": _copy(invariants.get(policy.policy_id)),
                **_estimated(of_policy[policy.policy_id], estimators),
                "finding": findings[policy.policy_id].value,
            }
            for policy in policies
        ],
        "winner": conclusion.winner,
        "sentence": conclusion.sentence,
        "needs": conclusion.needs,
    }


def check_replay_set(document: Mapping[str, JsonValue], expected_digest: str, *, file: str) -> None:
    """Refuse a comparison that stands on another replay set than the pinned one.

    ``document`` is an ablation or estimates document, read from ``file``.

    Raises:
        ReplayError: its digest differs, or it names none.
    """
    replay_set = document.get("replay_set")
    digest = replay_set.get("digest") if isinstance(replay_set, Mapping) else None
    if digest != expected_digest:
        raise ReplayError(
            f"{file}: replay_set.digest is {digest}, but {expected_digest} was pinned; "
            "compare policies on one set, or pin the new one and run all of them again"
        )


def _identity(policy: Policy) -> Document:
    return {
        "policy_id": policy.policy_id,
        "family": policy.family.value if policy.family else None,
        "parent": policy.parent,
        "factor": policy.factor,
        "description": policy.description,
        "digest": policy.digest,
    }


def _estimated(
    reports: Mapping[Metric, PolicyReport], estimators: Mapping[Metric, str]
) -> Document:
    primary = reports[PRIMARY_METRIC]
    return {
        "estimated": {
            metric.value: estimate_document(report.estimates[estimators[metric]])
            for metric, report in reports.items()
        },
        "contrast": {
            metric.value: estimate_document(report.contrast) for metric, report in reports.items()
        },
        "simultaneous": simultaneous_document(primary),
        "model_dependent": primary.model_dependent,
    }


def _observed(policy: Policy, rows: Sequence[ReplayRow]) -> Document | None:
    """What the log shows under the one arm that the policy always plays; ``None``: it mixes."""
    played = {arm for rule in policy.rules for arm in rule.distribution}
    if len(played) != 1:
        return None
    (arm,) = played
    served = [row for row in rows if row.arm == arm]
    return {
        "turns": len(served),
        "mean_outcome": _mean(served, Metric.OUTCOME),
        "mean_label": _mean(served, Metric.LABEL),
        "mean_cost_usd": _mean(served, Metric.COST),
        "mean_latency_s": _mean(served, Metric.LATENCY),
    }


def _mean(rows: Sequence[ReplayRow], metric: Metric) -> float | None:
    values = [row.values[metric] for row in rows if metric in row.values]
    return fsum(values) / len(values) if values else None


def _copy(figures: Mapping[str, JsonValue] | None) -> Document | None:
    return None if figures is None else dict(figures)


def _by_policy(
    policies: Sequence[Policy], reports: Sequence[PolicyReport]
) -> dict[str, dict[Metric, PolicyReport]]:
    of_policy: dict[str, dict[Metric, PolicyReport]] = {p.policy_id: {} for p in policies}
    for report in reports:
        if report.policy_id not in of_policy:
            raise ReplayError(
                f"ablation: a report speaks of '{report.policy_id}', which is not compared; "
                "estimate and compare the same policies"
            )
        of_policy[report.policy_id][report.metric] = report
    for policy_id, found in of_policy.items():
        if PRIMARY_METRIC not in found:
            raise ReplayError(
                f"ablation: '{policy_id}' has no report on {PRIMARY_METRIC.value}; "
                "estimate it on the same replay set first"
            )
    return of_policy


def _primary_estimators(reports: Sequence[PolicyReport]) -> dict[Metric, str]:
    """The estimator that each metric's contrasts were formed with."""
    chosen: dict[Metric, str] = {}
    for report in reports:
        if isinstance(report.contrast, PolicyEstimate):
            chosen.setdefault(report.metric, report.contrast.estimator)
    for report in reports:
        names = report.estimates
        chosen.setdefault(report.metric, "dr" if "dr" in names else min(names))
    return chosen


def _check_same_rows(reports: Sequence[PolicyReport]) -> None:
    seen: dict[Metric, tuple[str, tuple[int, int]]] = {}
    for report in reports:
        for estimate in report.estimates.values():
            if isinstance(estimate, NotEstimable):
                continue
            size = (estimate.n, estimate.clusters)
            first, expected = seen.setdefault(report.metric, (report.policy_id, size))
            if size != expected:
                raise ReplayError(
                    f"ablation: on {report.metric.value}, '{first}' rests on {expected[0]} rows "
                    f"of {expected[1]} units and '{report.policy_id}' on {size[0]} of {size[1]}; "
                    "estimate all policies on one replay set"
                )
