from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import pytest

from tests.unit.replay.builders import a_row
from tracebridge.domain.errors import ReplayError
from tracebridge.domain.events import JsonValue
from tracebridge.domain.replay import (
    Estimate,
    Metric,
    NotEstimable,
    NotEstimableReason,
    Policy,
    PolicyEstimate,
    PolicyReport,
    ReplayRow,
    Tier,
)
from tracebridge.replay.ablation import ablate, check_replay_set
from tracebridge.replay.findings import (
    EFFECT,
    Finding,
    detectable_effect,
    finding_of,
    units_needed,
)
from tracebridge.replay.policies import BASELINE, POLICY_SCHEMA, parse_policy
from tracebridge.stats.quantiles import normal_quantile

REPLAY_SET: dict[str, JsonValue] = {
    "digest": "d" * 64,
    "rows": 3,
    "units": 2,
    "unit_kind": "chat",
    "train_rows": 1,
}
NO_PROPENSITY = NotEstimable(NotEstimableReason.NO_PROPENSITY, "nobody logged a probability")


def a_policy(policy_id: str, *, mixed: bool = False) -> Policy:
    rules: list[dict[str, object]] = [{"distribution": {"strong": 1.0}}]
    if mixed:
        rules.insert(0, {"when": {"length": ["long"]}, "distribution": {"baseline": 1.0}})
    return parse_policy(
        {
            "schema": POLICY_SCHEMA,
            "policy_id": policy_id,
            "family": "route",
            "parent": "baseline",
            "factor": "route.model",
            "description": "Another model.",
            "arms": {"strong": {"model": "strong"}},
            "rules": rules,
        },
        file="p.toml",
    )


def an_estimate(value: float, se: float = 0.02, *, clusters: int = 200) -> PolicyEstimate:
    return PolicyEstimate(
        estimator="dr",
        value=value,
        se=se,
        lo=value - 1.97 * se,
        hi=value + 1.97 * se,
        level=0.95,
        n=500,
        clusters=clusters,
        ess=150.0,
        max_weight=2.0,
        max_weight_share=0.02,
        mean_weight=1.0,
        unsupported_mass=0.0,
        tier=Tier.A,
    )


def a_report(
    policy_id: str,
    contrast: Estimate,
    *,
    simultaneous: tuple[float, float] | None = None,
    model_dependent: bool = False,
    metric: Metric = Metric.OUTCOME,
) -> PolicyReport:
    lo, hi = simultaneous or (None, None)
    own = an_estimate(0.6) if isinstance(contrast, PolicyEstimate) else contrast
    return PolicyReport(policy_id, metric, {"dr": own}, contrast, lo, hi, model_dependent)


def baseline_report() -> PolicyReport:
    itself = NotEstimable(NotEstimableReason.NO_VARIATION, "the baseline itself")
    return PolicyReport(
        "baseline", Metric.OUTCOME, {"dr": an_estimate(0.55)}, itself, None, None, False
    )


def compare(
    reports: Sequence[PolicyReport],
    policies: Sequence[Policy] | None = None,
    rows: Sequence[ReplayRow] = (),
    replayed: Mapping[str, Mapping[str, JsonValue]] | None = None,
) -> dict[str, Any]:
    names = [report.policy_id for report in reports]
    return ablate(
        [BASELINE, *(policies or [a_policy(name) for name in names])],
        [baseline_report(), *reports],
        rows=rows,
        replayed=replayed or {},
        invariants={},
        replay_set=REPLAY_SET,
        level=0.95,
    )


def test_the_best_of_the_better_wins() -> None:
    document = compare(
        [
            a_report("good", an_estimate(0.06), simultaneous=(0.01, 0.11)),
            a_report("best", an_estimate(0.09), simultaneous=(0.04, 0.14)),
            a_report("open", an_estimate(0.12, 0.2), simultaneous=(-0.4, 0.64)),
        ]
    )
    assert document["winner"] == "best"
    assert document["needs"] is None
    assert document["sentence"] == (
        "Clear winner: best beats the baseline by 0.090 in outcome, and the 95% interval over "
        "all compared policies at once is 0.040 to 0.140."
    )


@pytest.mark.parametrize(
    ("contrast", "simultaneous", "model_dependent", "finding"),
    [
        (an_estimate(0.06), (0.001, 0.12), False, Finding.BETTER),
        (an_estimate(0.06), (0.0, 0.12), False, Finding.NO_CLEAR_DIFFERENCE),
        (an_estimate(0.06), (0.001, 0.12), True, Finding.NO_CLEAR_DIFFERENCE),
        (an_estimate(-0.06), (-0.12, -0.001), False, Finding.WORSE),
        (an_estimate(-0.06), (-0.12, -0.001), True, Finding.NO_CLEAR_DIFFERENCE),
        (an_estimate(0.06), None, False, Finding.NO_CLEAR_DIFFERENCE),
        (NO_PROPENSITY, None, False, Finding.NOT_ESTIMABLE),
    ],
)
def test_only_a_simultaneous_interval_that_clears_zero_decides(
    contrast: Estimate,
    simultaneous: tuple[float, float] | None,
    model_dependent: bool,
    finding: Finding,
) -> None:
    report = a_report("p", contrast, simultaneous=simultaneous, model_dependent=model_dependent)
    assert finding_of(report) is finding


def test_the_baseline_differs_from_itself_in_nothing() -> None:
    baseline, row = compare([a_report("p", NO_PROPENSITY)])["rows"]
    assert baseline["finding"] == "no_clear_difference"
    assert row["finding"] == "not_estimable"


def test_a_single_interval_that_clears_zero_wins_nothing() -> None:
    """The per-comparison interval of one of many is not enough."""
    document = compare([a_report("p", an_estimate(0.045), simultaneous=(-0.005, 0.095))])
    assert document["winner"] is None
    assert document["sentence"] == (
        "No clear winner: of 1 compared policy, 1 without a clear difference."
    )


def test_without_a_winner_the_needs_name_effect_units_and_days() -> None:
    rows = [
        a_row(f"tn_{index}", unit=f"chat-{index}", day=f"2026-03-{1 + index % 10:02}")
        for index in range(50)
    ]
    report = a_report("p", an_estimate(0.03, 0.04), simultaneous=(-0.07, 0.13))
    document = compare([report], rows=rows)
    assert document["needs"] == (
        "For p this set would find a difference of 0.134 four times in five; to find 0.05 it "
        "takes about 1,430 hold-out chats, and there are 200: at 5.0 new chats a day, 246 days "
        "more."
    )


def test_units_needed_invert_the_detectable_effect() -> None:
    report = a_report("p", an_estimate(0.0, 0.04), simultaneous=(-0.1, 0.1))
    assert detectable_effect(report) == pytest.approx((2.5 + normal_quantile(0.8)) * 0.04)
    needed = units_needed(report, EFFECT)
    shrunk = an_estimate(0.0, 0.04 * math.sqrt(200 / needed), clusters=needed)
    half = 2.5 * shrunk.se
    like_it = a_report("p", shrunk, simultaneous=(-half, half))
    assert detectable_effect(like_it) <= EFFECT
    assert units_needed(like_it, EFFECT) == needed


def test_refusals_say_what_would_make_an_estimate_possible() -> None:
    document = compare([a_report("p", NO_PROPENSITY), a_report("q", NO_PROPENSITY)])
    assert document["sentence"] == "No clear winner: of 2 compared policies, 2 not estimable."
    assert document["needs"] == (
        "Let the router choose, so that the probability of every choice is logged when it is made."
    )


def test_observed_figures_are_those_of_the_one_arm_a_policy_always_plays() -> None:
    rows = [
        a_row("tn_1", arm="strong", values={Metric.OUTCOME: 0.25, Metric.LABEL: 2.0}),
        a_row("tn_2", arm="strong", values={Metric.OUTCOME: 0.75}),
        a_row("tn_3", arm="baseline", values={Metric.OUTCOME: 0.0}),
    ]
    report = a_report("always", NO_PROPENSITY)
    mixed = a_report("mixed", NO_PROPENSITY)
    document = compare([report, mixed], [a_policy("always"), a_policy("mixed", mixed=True)], rows)
    baseline, always, sometimes = document["rows"]
    assert always["observed"] == {
        "turns": 2,
        "mean_outcome": 0.5,
        "mean_label": 2.0,
        "mean_cost_usd": None,
        "mean_latency_s": None,
    }
    assert baseline["observed"]["turns"] == 1
    assert sometimes["observed"] is None


def test_the_three_kinds_of_figures_never_share_a_column() -> None:
    totals: dict[str, JsonValue] = {"turns": 4, "serial_ms": 900, "wall_ms": 400}
    document = compare([a_report("p", NO_PROPENSITY)], replayed={"p": totals})
    _, row = document["rows"]
    assert row["replayed"] == totals
    assert row["invariants"] is None
    assert row["estimated"]["outcome"]["not_estimable"] == "no_propensity"
    assert "serial_ms" not in json.dumps(row["estimated"])


def test_the_document_is_json_and_pins_the_set() -> None:
    document = compare([a_report("p", an_estimate(0.0), simultaneous=(-0.1, 0.1))])
    assert json.loads(json.dumps(document, allow_nan=False)) == document
    assert document["replay_set"] == {
        name: REPLAY_SET[name] for name in ("digest", "rows", "units", "unit_kind")
    }
    check_replay_set(document, "d" * 64, file="ablation.json")
    with pytest.raises(ReplayError, match=r"ablation\.json: replay_set\.digest is dddd"):
        check_replay_set(document, "e" * 64, file="ablation.json")
    with pytest.raises(ReplayError, match="is None"):
        check_replay_set({}, "e" * 64, file="ablation.json")


def test_a_changed_set_is_refused_before_anything_is_compared() -> None:
    with pytest.raises(ReplayError, match="was pinned"):
        ablate(
            [BASELINE],
            [baseline_report()],
            rows=[],
            replayed={},
            invariants={},
            replay_set=REPLAY_SET,
            level=0.95,
            expected_digest="e" * 64,
        )


def test_reports_on_different_rows_are_refused() -> None:
    report = a_report("p", an_estimate(0.0))
    fewer = replace(report, estimates={"dr": replace(an_estimate(0.6), n=499)})
    with pytest.raises(ReplayError, match=r"'baseline' rests on 500 rows .* and 'p' on 499"):
        compare([fewer])


def test_every_policy_needs_its_report_and_every_report_its_policy() -> None:
    with pytest.raises(ReplayError, match="'q' has no report on outcome"):
        compare([a_report("p", NO_PROPENSITY)], [a_policy("p"), a_policy("q")])
    with pytest.raises(ReplayError, match="a report speaks of 'p'"):
        compare([a_report("p", NO_PROPENSITY)], [a_policy("q")])
