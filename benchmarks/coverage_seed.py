"""One seed of the coverage proof: a world of known truth, and what its log says on the last day.

The shadow days are those of the demo, through the same code: days are simulated, harvested and
imported, a candidate is learned after the last but one, and the last evening is assembled, joined,
rewarded, split, estimated and judged. Left out is what changes no number: tables, report, exports,
hooks and the seal.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from tempfile import TemporaryDirectory

from tracebridge.adapters.warehouse.duckdb_warehouse import DuckDBWarehouse
from tracebridge.cycle import end_of
from tracebridge.demo.stage import days_of_the_world, fresh_workspace, live, open_world
from tracebridge.demo.truth import Truth, Worth, measure_worth, true_value
from tracebridge.domain.replay import (
    Metric,
    NotEstimable,
    Policy,
    PolicyReport,
    primary_estimator,
)
from tracebridge.gate.judge import judge_offline
from tracebridge.operations.evidence import evidence_of
from tracebridge.operations.learning import learn_candidate
from tracebridge.settings import Settings
from tracebridge.steps import reports_of
from tracebridge.wiring import (
    lock_of,
    open_workspace,
    policies_of,
    profile_of,
    refresh,
    small_inputs,
    terms_of,
)

SHADOW_DAYS = 4
METRICS = (Metric.OUTCOME, Metric.LABEL)
LEARNED = "learned-route"
"""Stands for the learned candidate of every seed; its own name ends in its digest."""


@dataclass(frozen=True, slots=True)
class Finding:
    """What one seed's log said about one policy on one metric, beside the truth."""

    policy: str
    metric: str
    truth: float | None
    """``None``: the policy plays an arm that nobody knows, so it has no value to hold."""
    interval: tuple[float, float] | None
    """Of the primary estimator, at the cycle's level; ``None``: refused."""
    refusal: str | None
    uplift: float | None
    """The true difference from the baseline."""
    simultaneous: tuple[float, float] | None
    """The interval of that difference that holds over all policies at once."""
    gate: str
    """What the gate made of the policy, over all metrics; ``baseline`` for the baseline."""

    def holds(self) -> bool:
        """Whether there is an interval and the truth lies in it."""
        return _lies_in(self.truth, self.interval)

    def holds_uplift(self) -> bool:
        """The same of the difference from the baseline."""
        return _lies_in(self.uplift, self.simultaneous)


def worth_of_endings() -> Worth:
    """What each ending is worth under the shipped reward profile; the same for every seed."""
    with TemporaryDirectory() as folder:
        settings = fresh_workspace(Path(folder) / "world", seed=0)
        return measure_worth(Path(folder), profile_of(settings, small_inputs(settings)))


def findings_of_seed(seed: int, *, chats: int, worth: Worth, scratch: Path | None) -> list[Finding]:
    """Play one world in a folder below ``scratch`` and say what its log says of each policy."""
    days = days_of_the_world(SHADOW_DAYS)
    with TemporaryDirectory(dir=scratch) as folder:
        settings = fresh_workspace(Path(folder) / "world", seed=seed)
        with closing(open_world(settings, chats=chats)) as simulation:
            for day in days:
                live(settings, simulation, day)
                with lock_of(settings):
                    refresh(open_workspace(settings))
                if day == days[-2]:
                    learn_candidate(settings, until=end_of(day))
        policies = policies_of(small_inputs(settings))
        reports = _reports(settings, policies, days[-1])
    baseline = policies[0].policy_id
    truths = {policy.policy_id: true_value(policy, worth) for policy in policies}
    gates = {baseline: baseline}
    for policy in policies[1:]:
        gates[policy.policy_id] = _gate(policy.policy_id, reports, baseline, settings)
    return [
        _finding(report, policy, truths[policy.policy_id], truths[baseline], gates)
        for policy in policies
        for report in reports
        if report.policy_id == policy.policy_id and report.metric in METRICS
    ]


def _reports(settings: Settings, policies: Sequence[Policy], day: date) -> Sequence[PolicyReport]:
    """The estimates of the evening of ``day``, as its cycle forms them."""
    rows = evidence_of(settings, end_of(day)).rows
    warehouse = DuckDBWarehouse(settings.cache_folder / "warehouse.duckdb")
    warehouse.load(rows)
    return reports_of(rows, warehouse, policies, terms_of(settings))


def _gate(
    policy_id: str, reports: Sequence[PolicyReport], baseline: str, settings: Settings
) -> str:
    own = [report for report in reports if report.policy_id == policy_id]
    usual = [report for report in reports if report.policy_id == baseline]
    return judge_offline(policy_id, own, usual, settings.gate).outcome.value


def _finding(
    report: PolicyReport, policy: Policy, own: Truth, baseline: Truth, gates: Mapping[str, str]
) -> Finding:
    estimate = report.estimates[primary_estimator(report.metric)]
    truth, usual = _on(report.metric, own), _on(report.metric, baseline)
    lo, hi = report.simultaneous_lo, report.simultaneous_hi
    return Finding(
        policy=LEARNED if policy.learned_from else policy.policy_id,
        metric=report.metric.value,
        truth=truth,
        interval=None if isinstance(estimate, NotEstimable) else (estimate.lo, estimate.hi),
        refusal=estimate.reason.value if isinstance(estimate, NotEstimable) else None,
        uplift=None if truth is None or usual is None else truth - usual,
        simultaneous=None if lo is None or hi is None else (lo, hi),
        gate=gates[policy.policy_id],
    )


def _on(metric: Metric, truth: Truth) -> float | None:
    return truth.outcome if metric is Metric.OUTCOME else truth.label


def _lies_in(value: float | None, interval: tuple[float, float] | None) -> bool:
    return value is not None and interval is not None and interval[0] <= value <= interval[1]
