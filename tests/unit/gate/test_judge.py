"""The gate's truth table: each breach alone denies, missing evidence denies, nothing promotes."""

from __future__ import annotations

import math
from dataclasses import fields, replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.unit.gate.evidence import (
    REFUSED,
    baseline_reports,
    estimate,
    good_reports,
    report,
    spoiled,
    without,
)
from tracebridge.domain.replay import (
    Estimate,
    Metric,
    NotEstimable,
    NotEstimableReason,
    PolicyEstimate,
    PolicyReport,
    Tier,
)
from tracebridge.domain.verdict import CheckResult, Outcome, Verdict
from tracebridge.gate.guardrails import GuardrailRules
from tracebridge.gate.judge import judge_cycle, judge_offline

RULES = GuardrailRules()
METRICS = (Metric.OUTCOME, Metric.COST, Metric.LATENCY)


def judged(
    reports: list[PolicyReport],
    rules: GuardrailRules = RULES,
    baseline: list[PolicyReport] | None = None,
) -> Verdict:
    usual = baseline_reports() if baseline is None else baseline
    return judge_offline("route-strong", reports, usual, rules)


def result_of(verdict: Verdict, check: str) -> CheckResult:
    (reason,) = [reason for reason in verdict.reasons if reason.check == check]
    return reason.result


def primary(**changes: object) -> list[PolicyReport]:
    """Good reports whose primary DR estimate is changed."""
    value = estimate(0.72, 0.05, **changes)
    return spoiled(good_reports(), Metric.OUTCOME, estimates={"dr": value})


# --- admit -----------------------------------------------------------------------------------


def test_a_better_candidate_within_every_guardrail_is_admitted_with_every_reason() -> None:
    verdict = judged(good_reports())
    assert verdict.outcome is Outcome.ADMIT
    assert verdict.subject == "route-strong"
    assert {reason.result for reason in verdict.reasons} == {CheckResult.PASS}
    assert [reason.check for reason in verdict.reasons] == [
        "estimable",
        "units",
        "ess",
        "ess_share",
        "max_weight_share",
        "unsupported_mass",
        "mean_weight",
        "tier",
        "model_dependence",
        "uplift",
        "label",
        "cost_ratio",
        "latency_ratio",
    ]


@pytest.mark.parametrize(
    "changes",
    [
        {"clusters": 100, "ess": 100.0},
        {"clusters": 1000, "ess": 100.0},
        {"max_weight_share": 0.05},
        {"unsupported_mass": 0.01},
        {"tier": Tier.B},
        {"mean_weight": 1.009},
        {"clusters": 400, "ess": 100.0, "mean_weight": 1.2},
    ],
)
def test_a_figure_exactly_at_its_floor_or_within_its_error_passes(
    changes: dict[str, object],
) -> None:
    assert judged(primary(**changes)).outcome is Outcome.ADMIT


# --- each breach alone denies ----------------------------------------------------------------


@pytest.mark.parametrize(
    ("check", "changes"),
    [
        ("units", {"clusters": 99, "ess": 99.0}),
        ("ess", {"ess": 99.9}),
        ("ess_share", {"clusters": 1001, "ess": 100.0}),
        ("max_weight_share", {"max_weight_share": 0.0501}),
        ("unsupported_mass", {"unsupported_mass": 0.0101}),
        ("mean_weight", {"mean_weight": 0.8}),
        ("mean_weight", {"mean_weight": 1.2}),
        ("tier", {"tier": Tier.C}),
        ("tier", {"tier": Tier.D}),
    ],
)
def test_each_floor_alone_denies(check: str, changes: dict[str, object]) -> None:
    verdict = judged(primary(**changes))
    assert verdict.outcome is Outcome.INSUFFICIENT_EVIDENCE
    assert result_of(verdict, check) is CheckResult.UNKNOWN
    assert check in verdict.sentence


def test_disagreeing_estimators_deny() -> None:
    verdict = judged(spoiled(good_reports(), Metric.OUTCOME, model_dependent=True))
    assert verdict.outcome is Outcome.INSUFFICIENT_EVIDENCE
    assert result_of(verdict, "model_dependence") is CheckResult.UNKNOWN


@pytest.mark.parametrize(
    ("lo", "hi", "outcome"),
    [
        (1e-9, 0.2, Outcome.ADMIT),
        (0.0, 0.2, Outcome.INSUFFICIENT_EVIDENCE),
        (-0.01, 0.2, Outcome.INSUFFICIENT_EVIDENCE),
        (-0.2, 0.0, Outcome.INSUFFICIENT_EVIDENCE),
        (-0.2, -1e-9, Outcome.REJECT),
        (None, None, Outcome.INSUFFICIENT_EVIDENCE),
        (math.nan, math.nan, Outcome.INSUFFICIENT_EVIDENCE),
        (0.01, math.nan, Outcome.INSUFFICIENT_EVIDENCE),
        (0.01, math.inf, Outcome.INSUFFICIENT_EVIDENCE),
    ],
)
def test_the_simultaneous_interval_decides_not_the_estimate(
    lo: float | None, hi: float | None, outcome: Outcome
) -> None:
    reports = spoiled(good_reports(), Metric.OUTCOME, simultaneous_lo=lo, simultaneous_hi=hi)
    assert judged(reports).outcome is outcome


@pytest.mark.parametrize(
    ("metric", "contrast", "outcome"),
    [
        # The baseline costs 0.02 and takes 10 s; the limits are 1.05 and 1.10 times that.
        (Metric.COST, estimate(0.0, 0.00099), Outcome.ADMIT),
        (Metric.COST, estimate(0.0, 0.00101), Outcome.INSUFFICIENT_EVIDENCE),
        (Metric.COST, estimate(0.002, 0.00101), Outcome.INSUFFICIENT_EVIDENCE),
        (Metric.COST, estimate(0.002, 0.00099), Outcome.REJECT),
        (Metric.COST, estimate(-0.01, 0.001), Outcome.ADMIT),
        (Metric.LATENCY, estimate(0.0, 0.99), Outcome.ADMIT),
        (Metric.LATENCY, estimate(0.0, 1.01), Outcome.INSUFFICIENT_EVIDENCE),
        (Metric.LATENCY, estimate(2.0, 0.99), Outcome.REJECT),
        (Metric.LABEL, estimate(0.0, 0.099), Outcome.ADMIT),
        (Metric.LABEL, estimate(-0.25, 0.149), Outcome.REJECT),
        (Metric.LABEL, estimate(-0.25, 0.2), Outcome.INSUFFICIENT_EVIDENCE),
    ],
)
def test_each_guardrail_alone_denies_and_a_whole_interval_beyond_it_rejects(
    metric: Metric, contrast: PolicyEstimate, outcome: Outcome
) -> None:
    verdict = judged(spoiled(good_reports(), metric, contrast=contrast))
    assert verdict.outcome is outcome
    if outcome is Outcome.REJECT:
        assert metric.value in verdict.sentence


# --- missing evidence denies -----------------------------------------------------------------


@pytest.mark.parametrize("metric", METRICS)
def test_each_missing_metric_denies(metric: Metric) -> None:
    assert judged(without(good_reports(), metric)).outcome is Outcome.INSUFFICIENT_EVIDENCE


@pytest.mark.parametrize("metric", METRICS)
def test_each_refused_contrast_denies_and_names_the_reason(metric: Metric) -> None:
    verdict = judged(spoiled(good_reports(), metric, contrast=REFUSED))
    assert verdict.outcome is Outcome.INSUFFICIENT_EVIDENCE
    assert "no_support" in verdict.sentence


def test_a_policy_about_which_nothing_can_be_estimated_is_never_admitted() -> None:
    reports = [report("route-strong", metric, REFUSED, REFUSED) for metric in Metric]
    verdict = judged(reports)
    assert verdict.outcome is Outcome.INSUFFICIENT_EVIDENCE
    assert "the log never played it" in verdict.sentence
    assert verdict.needs


@pytest.mark.parametrize("metric", [Metric.COST, Metric.LATENCY])
def test_an_unknown_or_free_baseline_denies(metric: Metric) -> None:
    for baseline in (
        without(baseline_reports(), metric),
        spoiled(baseline_reports(), metric, estimates={"dr": REFUSED}),
        spoiled(baseline_reports(), metric, estimates={}),
        spoiled(baseline_reports(), metric, estimates={"dr": estimate(0.0, 0.0)}),
        spoiled(baseline_reports(), metric, estimates={"dr": estimate(math.nan, 0.1)}),
    ):
        verdict = judged(good_reports(), baseline=baseline)
        assert verdict.outcome is Outcome.INSUFFICIENT_EVIDENCE


FLOATS = [field.name for field in fields(PolicyEstimate) if field.type == "float"]


@pytest.mark.parametrize("name", FLOATS)
@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_one_figure_that_is_no_number_denies(name: str, value: float) -> None:
    assert judged(primary(**{name: value})).outcome is Outcome.INSUFFICIENT_EVIDENCE
    for metric in METRICS:
        (found,) = [report for report in good_reports() if report.metric is metric]
        assert isinstance(found.contrast, PolicyEstimate)
        broken = replace(found.contrast, **{name: value})  # type: ignore[arg-type]
        verdict = judged(spoiled(good_reports(), metric, contrast=broken))
        assert verdict.outcome is Outcome.INSUFFICIENT_EVIDENCE


def test_labels_may_be_absent_on_the_first_day_and_are_reported_unknown() -> None:
    for reports in (
        without(good_reports(), Metric.LABEL),
        spoiled(good_reports(), Metric.LABEL, contrast=REFUSED),
        spoiled(good_reports(), Metric.LABEL, contrast=estimate(0.0, 0.5)),
    ):
        verdict = judged(reports)
        assert verdict.outcome is Outcome.ADMIT
        assert result_of(verdict, "label") is CheckResult.UNKNOWN
        strict = judged(reports, replace(RULES, require_label_metric=True))
        assert strict.outcome is Outcome.INSUFFICIENT_EVIDENCE


@pytest.mark.parametrize(
    ("by_day", "result", "outcome"),
    [
        (estimate(0.12, 0.05), CheckResult.PASS, Outcome.ADMIT),
        (estimate(0.12, 0.20), CheckResult.UNKNOWN, Outcome.INSUFFICIENT_EVIDENCE),
        (REFUSED, CheckResult.UNKNOWN, Outcome.INSUFFICIENT_EVIDENCE),
    ],
)
def test_an_uplift_over_one_owners_episodes_must_survive_clustering_by_day(
    by_day: Estimate, result: CheckResult, outcome: Outcome
) -> None:
    reports = [
        replace(report, by_day=by_day) if report.metric is Metric.OUTCOME else report
        for report in good_reports()
    ]
    verdict = judged(reports)
    assert result_of(verdict, "day_clustering") is result
    assert verdict.outcome is outcome
    if outcome is Outcome.ADMIT:
        assert "for this owner" in verdict.sentence


def test_reports_of_another_policy_are_not_taken_for_this_one() -> None:
    verdict = judged(good_reports("other"))
    assert verdict.outcome is Outcome.INSUFFICIENT_EVIDENCE


# --- what is needed --------------------------------------------------------------------------


def test_what_is_needed_is_counted_from_the_interval() -> None:
    """Half-width 0.16 around 0.08 must halve: four times the units."""
    reports = spoiled(
        good_reports(),
        Metric.OUTCOME,
        contrast=estimate(0.08, 0.1),
        simultaneous_lo=-0.08,
        simultaneous_hi=0.24,
    )
    verdict = judge_offline("route-strong", reports, baseline_reports(), RULES, units_per_day=100.0)
    assert verdict.needs is not None
    assert "1200 more units" in verdict.needs
    assert "12 days" in verdict.needs


def test_no_number_of_units_shows_an_uplift_that_is_not_there() -> None:
    reports = spoiled(
        good_reports(),
        Metric.OUTCOME,
        contrast=estimate(-0.01, 0.1),
        simultaneous_lo=-0.12,
        simultaneous_hi=0.10,
    )
    needs = judged(reports).needs
    assert needs is not None
    assert "change the policy" in needs


# --- laws ------------------------------------------------------------------------------------

FIGURES = st.floats(-2, 2) | st.sampled_from([math.nan, math.inf, -math.inf, 0.0])
ESTIMATES = st.just(REFUSED) | st.builds(
    estimate,
    FIGURES,
    FIGURES,
    clusters=st.integers(0, 1000),
    ess=FIGURES,
    mean_weight=FIGURES,
    max_weight_share=FIGURES,
    unsupported_mass=FIGURES,
    tier=st.sampled_from(Tier),
)
REPORTS = st.builds(
    report,
    st.sampled_from(["a", "b", "baseline"]),
    st.sampled_from(Metric),
    ESTIMATES,
    ESTIMATES,
    simultaneous=st.tuples(st.none() | FIGURES, st.none() | FIGURES),
    model_dependent=st.booleans(),
)


@given(st.lists(REPORTS, max_size=12))
@settings(max_examples=300, deadline=None)
def test_offline_evidence_never_promotes_and_admits_only_what_passes(
    reports: list[PolicyReport],
) -> None:
    allowed = {Outcome.ADMIT, Outcome.REJECT, Outcome.INSUFFICIENT_EVIDENCE}
    verdicts = [
        judge_cycle(reports, RULES, baseline_id="baseline"),
        *(judge_offline(name, reports, baseline_reports(), RULES) for name in ("a", "b")),
    ]
    for verdict in verdicts:
        assert verdict.outcome in allowed
        if verdict.outcome is Outcome.ADMIT:
            open_checks = {r.check for r in verdict.reasons if r.result is not CheckResult.PASS}
            assert open_checks <= {"label"}
        if verdict.outcome is Outcome.INSUFFICIENT_EVIDENCE:
            assert verdict.needs


# --- a cycle ---------------------------------------------------------------------------------


def cycle(*candidates: list[PolicyReport]) -> Verdict:
    reports = [*baseline_reports(), *(report for own in candidates for report in own)]
    return judge_cycle(reports, RULES, baseline_id="baseline")


def loser(policy_id: str) -> list[PolicyReport]:
    return spoiled(
        good_reports(policy_id), Metric.OUTCOME, simultaneous_lo=-0.3, simultaneous_hi=-0.1
    )


def undecided(policy_id: str) -> list[PolicyReport]:
    return spoiled(
        good_reports(policy_id), Metric.OUTCOME, simultaneous_lo=-0.1, simultaneous_hi=0.3
    )


def test_the_cycle_admits_the_candidate_with_the_surest_uplift() -> None:
    verdict = cycle(good_reports("a", 0.10), good_reports("b", 0.20), loser("c"), undecided("d"))
    assert (verdict.outcome, verdict.subject) == (Outcome.ADMIT, "b")


def test_a_tie_goes_to_the_first_name_whatever_the_order() -> None:
    for candidates in (
        (good_reports("b"), good_reports("a")),
        (good_reports("a"), good_reports("b")),
    ):
        assert cycle(*candidates).subject == "a"


def test_a_cycle_without_a_winner_says_so_of_every_candidate() -> None:
    verdict = cycle(loser("a"), undecided("b"))
    assert (verdict.outcome, verdict.subject) == (Outcome.INSUFFICIENT_EVIDENCE, "cycle")
    assert verdict.sentence.startswith("No clear winner: ")
    assert [(reason.check, reason.result) for reason in verdict.reasons] == [
        ("candidate a", CheckResult.FAIL),
        ("candidate b", CheckResult.UNKNOWN),
    ]
    assert verdict.needs


def test_a_log_in_which_nothing_can_be_compared_says_why_in_one_sentence() -> None:
    unknown = NotEstimable(NotEstimableReason.NO_PROPENSITY, "nobody logged a chance")
    reports = [
        replace(report, estimates={}, contrast=unknown, simultaneous_lo=None, simultaneous_hi=None)
        for name in ("a", "b")
        for report in good_reports(name)
    ]
    verdict = judge_cycle([*baseline_reports(), *reports], RULES, baseline_id="baseline")
    assert verdict.outcome is Outcome.INSUFFICIENT_EVIDENCE
    assert verdict.sentence.startswith("No verdict yet: the agent made no choice")
    assert len(verdict.reasons) == 2


def test_a_cycle_of_losers_rejects_and_one_without_candidates_asks_for_some() -> None:
    verdict = cycle(loser("a"), loser("b"))
    assert verdict.outcome is Outcome.REJECT
    assert verdict.sentence.startswith("No clear winner: ")
    empty = cycle()
    assert empty.outcome is Outcome.INSUFFICIENT_EVIDENCE
    assert empty.sentence.startswith("No clear winner: ")
    assert empty.needs


# --- rules -----------------------------------------------------------------------------------


def test_every_rule_enters_the_digest() -> None:
    digests = {RULES.digest(), GuardrailRules().digest()}
    assert len(digests) == 1
    for field in fields(GuardrailRules):
        value = getattr(RULES, field.name)
        changed = replace(RULES, **{field.name: not value if value is False else value + 1})
        digests.add(changed.digest())
    assert len(digests) == 1 + len(fields(GuardrailRules))


def test_a_rule_that_is_changed_is_applied() -> None:
    assert judged(good_reports(), replace(RULES, min_units=401)).outcome is (
        Outcome.INSUFFICIENT_EVIDENCE
    )
    assert judged(good_reports(), replace(RULES, max_cost_ratio=1.02)).outcome is (
        Outcome.INSUFFICIENT_EVIDENCE
    )
