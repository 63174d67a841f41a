"""The offline gate: it rejects, admits to the canary, or says what is missing. Never more.

Only the randomized canary promotes; nothing in this room can say so.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

from tracebridge.domain.replay import (
    Metric,
    NotEstimable,
    NotEstimableReason,
    PolicyEstimate,
    PolicyReport,
)
from tracebridge.domain.verdict import CheckResult, Outcome, Reason, Verdict
from tracebridge.gate.checks import (
    Reports,
    by_metric,
    day_checks,
    evidence_checks,
    label_check,
    label_denies,
    primary_check,
    ratio_check,
)
from tracebridge.gate.guardrails import GuardrailRules

HOPELESS = 100.0
"""An interval this many times as wide as the uplift asks for ten thousand times the data."""
FORESEEABLE_DAYS = 3650
"""Beyond ten years no day is named."""


def judge_offline(
    policy_id: str,
    reports: Sequence[PolicyReport],
    baseline: Sequence[PolicyReport],
    rules: GuardrailRules,
    *,
    units_per_day: float | None = None,
) -> Verdict:
    """Judge one candidate by what the log says about it.

    ``reports`` and ``baseline``: one report per metric, of the candidate and of the baseline.
    ``reject`` if it is worse than allowed on a whole interval; ``admit`` if every required check
    passes; else ``insufficient_evidence``, with what would decide, and by when where
    ``units_per_day`` is known.
    """
    candidate = by_metric([report for report in reports if report.policy_id == policy_id])
    usual = by_metric(baseline)
    label = label_check(candidate, rules)
    reasons = (
        *evidence_checks(candidate, rules),
        primary_check(candidate),
        *day_checks(candidate),
        label,
        ratio_check(Metric.COST, candidate, usual, rules.max_cost_ratio),
        ratio_check(Metric.LATENCY, candidate, usual, rules.max_latency_ratio),
    )
    failed = [reason for reason in reasons if reason.result is CheckResult.FAIL]
    if failed:
        what = "; ".join(f"{reason.check} {reason.measured}" for reason in failed)
        return Verdict(Outcome.REJECT, policy_id, f"{policy_id} is rejected: {what}.", reasons)
    excused = label.check if not label_denies(candidate, label, rules) else ""
    open_checks = [
        reason
        for reason in reasons
        if reason.result is not CheckResult.PASS and reason.check != excused
    ]
    if not open_checks:
        whose = " for this owner" if is_of_one_owner(candidate) else ""
        sentence = f"{policy_id} is better than the baseline{whose} and may enter the canary."
        return Verdict(Outcome.ADMIT, policy_id, sentence, reasons)
    what = "; ".join(f"{reason.check} {reason.measured}" for reason in open_checks)
    return Verdict(
        outcome=Outcome.INSUFFICIENT_EVIDENCE,
        subject=policy_id,
        sentence=f"The log cannot decide about {policy_id}: {what}.",
        reasons=reasons,
        needs=_needs(candidate, rules, units_per_day),
    )


def is_of_one_owner(candidate: Reports) -> bool:
    """Whether units are episodes: then a verdict speaks of that owner only."""
    report = candidate.get(Metric.OUTCOME)
    return report is not None and report.by_day is not None


def judge_cycle(
    reports: Sequence[PolicyReport],
    rules: GuardrailRules,
    *,
    baseline_id: str,
    units_per_day: float | None = None,
) -> Verdict:
    """The verdict of a cycle over all its policies: the best candidate that may be admitted.

    Best is the largest lower simultaneous bound of the uplift, then the name. Where nobody is
    admitted, one reason per candidate says why; ``reject`` only if every one was rejected.
    """
    baseline = [report for report in reports if report.policy_id == baseline_id]
    candidates = sorted({report.policy_id for report in reports} - {baseline_id})
    verdicts = []
    for policy_id in candidates:
        own = [report for report in reports if report.policy_id == policy_id]
        verdicts.append(judge_offline(policy_id, own, baseline, rules, units_per_day=units_per_day))
    admitted = [verdict for verdict in verdicts if verdict.outcome is Outcome.ADMIT]
    if admitted:
        return max(admitted, key=lambda verdict: _lower_bound(verdict.subject, reports))
    return _no_winner(verdicts, _common_obstacle(reports, baseline_id))


_OBSTACLES = {
    NotEstimableReason.NO_PROPENSITY: (
        "the agent made no choice with a known probability, so no other behavior can be compared"
    ),
    NotEstimableReason.NO_ROWS: "no turn of the log could be judged",
}
"""What stands in the way of every comparison alike, in words."""


def _common_obstacle(reports: Sequence[PolicyReport], baseline_id: str) -> str | None:
    """Why nothing at all can be compared, if that is so for one reason."""
    contrasts = [
        report.contrast
        for report in reports
        if report.metric is Metric.OUTCOME and report.policy_id != baseline_id
    ]
    found = {c.reason if isinstance(c, NotEstimable) else None for c in contrasts}
    (reason,) = found if len(found) == 1 else (None,)
    return _OBSTACLES.get(reason) if reason is not None else None


def _no_winner(verdicts: Sequence[Verdict], obstacle: str | None) -> Verdict:
    rejected = [verdict for verdict in verdicts if verdict.outcome is Outcome.REJECT]
    undecided = [verdict for verdict in verdicts if verdict.outcome is not Outcome.REJECT]
    reasons = tuple(
        Reason(
            check=f"candidate {verdict.subject}",
            result=CheckResult.FAIL if verdict in rejected else CheckResult.UNKNOWN,
            measured=verdict.outcome.value,
            required=Outcome.ADMIT.value,
            detail=verdict.sentence,
        )
        for verdict in verdicts
    )
    if rejected and not undecided:
        sentence = f"No clear winner: every candidate is worse than allowed ({len(rejected)})."
        return Verdict(Outcome.REJECT, "cycle", sentence, reasons)
    if not verdicts:
        why = "no candidate policy was compared"
    else:
        why = f"the log cannot decide about {', '.join(v.subject for v in undecided)}"
        if rejected:
            why += f"; rejected: {', '.join(v.subject for v in rejected)}"
    sentence = f"No verdict yet: {obstacle}." if obstacle else f"No clear winner: {why}."
    return Verdict(
        outcome=Outcome.INSUFFICIENT_EVIDENCE,
        subject="cycle",
        sentence=sentence,
        reasons=reasons,
        needs=_needs_of_all(undecided)
        or "Declare a policy to compare with the baseline in policies/.",
    )


def _needs_of_all(undecided: Sequence[Verdict]) -> str:
    """What each candidate lacks, said once where it is the same for all."""
    wanting: dict[str, list[str]] = {}
    for verdict in undecided:
        if verdict.needs:
            wanting.setdefault(verdict.needs, []).append(verdict.subject)
    if len(wanting) == 1:
        return next(iter(wanting))
    return " ".join(f"{', '.join(who)}: {needs}" for needs, who in wanting.items())


def _needs(candidate: Reports, rules: GuardrailRules, units_per_day: float | None) -> str:
    """What data would decide, in words."""
    report = candidate.get(Metric.OUTCOME)
    contrast = report.contrast if report else None
    if not isinstance(contrast, PolicyEstimate) or not math.isfinite(contrast.value):
        return _needs_estimate(contrast)
    half_width = _half_width(report)
    if contrast.value <= 0 or (half_width or 0.0) > HOPELESS * contrast.value:
        return "At the present estimate more units would not show it better; change the policy."
    wanted = [rules.min_units]
    if contrast.ess >= 1:
        wanted.append(math.ceil(contrast.clusters * rules.min_ess / contrast.ess))
    if half_width is not None:
        # Intervals shrink with the square root of the number of units.
        wanted.append(math.ceil(contrast.clusters * (half_width / contrast.value) ** 2))
    missing = max(wanted) - contrast.clusters
    if missing <= 0:
        return "The units suffice; mend the checks that are still open (see the reasons)."
    when = ""
    if units_per_day is not None and missing < FORESEEABLE_DAYS * units_per_day:
        days = math.ceil(missing / units_per_day)
        when = f", in about {days} {'day' if days == 1 else 'days'} at the present traffic"
    return f"About {missing} more units would decide, if the present estimate holds{when}."


def _needs_estimate(contrast: object) -> str:
    if isinstance(contrast, NotEstimable):
        return f"Let the router draw among the arms and log propensities: {contrast.detail}."
    return "Turns whose outcome can be judged, served with a logged propensity."


def _half_width(report: PolicyReport | None) -> float | None:
    if report is None or report.simultaneous_lo is None or report.simultaneous_hi is None:
        return None
    half = (report.simultaneous_hi - report.simultaneous_lo) / 2.0
    return half if math.isfinite(half) else None


def _lower_bound(policy_id: str, reports: Sequence[PolicyReport]) -> float:
    own = by_metric([report for report in reports if report.policy_id == policy_id])
    bound = own[Metric.OUTCOME].simultaneous_lo
    return -math.inf if bound is None else bound
