"""Reports over metrics and policies: refusals, contrasts, evidence tiers, determinism."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import replace

import pytest

from tests.unit.ope import world
from tracebridge.domain.documents import document_bytes, estimates_document
from tracebridge.domain.errors import EstimationError
from tracebridge.domain.replay import (
    Cell,
    Metric,
    NotEstimable,
    NotEstimableReason,
    Policy,
    PolicyEstimate,
    PolicyReport,
    Tier,
)
from tracebridge.ope.evaluate import evaluate_policies
from tracebridge.ope.refusal import Floors

CELLS = world.logged_cells(21, 300)


def _evaluate(
    cells: Sequence[Cell], policies: Sequence[Policy] = world.POLICIES, **options: object
) -> dict[str, PolicyReport]:
    reports = evaluate_policies(
        {Metric.OUTCOME: cells},
        policies,
        contexts=world.CONTEXTS,
        baseline_id="baseline",
        seed=3,
        **options,  # type: ignore[arg-type]
    )
    return {report.policy_id: report for report in reports}


def test_every_policy_gets_every_estimator_in_order() -> None:
    reports = _evaluate(CELLS)
    assert list(reports) == [policy.policy_id for policy in world.POLICIES]
    for report in reports.values():
        assert list(report.estimates) == ["ipw", "snipw", "dm", "dr"]
        for name, estimate in report.estimates.items():
            assert isinstance(estimate, PolicyEstimate)
            assert estimate.estimator == name
            assert estimate.lo < estimate.value < estimate.hi
            assert estimate.n == len(CELLS)
            assert estimate.clusters == 300


def test_a_model_alone_is_a_proxy_whatever_the_log() -> None:
    estimates = _evaluate(CELLS, tier=Tier.B)["winner"].estimates
    tiers = {name: estimate.tier for name, estimate in estimates.items()}
    assert tiers == {"ipw": Tier.B, "snipw": Tier.B, "dm": Tier.D, "dr": Tier.B}


def test_the_contrast_is_the_paired_difference_by_the_primary_estimator() -> None:
    reports = _evaluate(CELLS)
    for policy_id in ("winner", "loser", "null", "mixed"):
        report, baseline = reports[policy_id], reports["baseline"]
        own, base = report.estimates["dr"], baseline.estimates["dr"]
        assert isinstance(report.contrast, PolicyEstimate)
        assert isinstance(own, PolicyEstimate)
        assert isinstance(base, PolicyEstimate)
        assert report.contrast.estimator == "dr"
        assert report.contrast.value == pytest.approx(own.value - base.value, abs=1e-15)
        assert report.simultaneous_lo is not None
        assert report.simultaneous_hi is not None
        assert report.simultaneous_lo < report.contrast.lo
        assert report.simultaneous_hi > report.contrast.hi


def test_pairing_narrows_the_contrast_where_policies_share_their_turns() -> None:
    reports = _evaluate(CELLS)
    own, base = reports["mixed"].estimates["dr"], reports["baseline"].estimates["dr"]
    contrast = reports["mixed"].contrast
    assert isinstance(contrast, PolicyEstimate)
    assert isinstance(own, PolicyEstimate)
    assert isinstance(base, PolicyEstimate)
    assert contrast.se < 0.75 * (own.se**2 + base.se**2) ** 0.5


def test_the_baseline_is_not_compared_with_itself() -> None:
    baseline = _evaluate(CELLS)["baseline"]
    assert isinstance(baseline.contrast, NotEstimable)
    assert baseline.simultaneous_lo is None
    assert baseline.simultaneous_hi is None


def test_a_policy_without_support_is_refused_by_every_estimator() -> None:
    report = _evaluate(CELLS, (*world.POLICIES, world.ABSENT))["absent"]
    for estimate in (*report.estimates.values(), report.contrast):
        assert isinstance(estimate, NotEstimable)
        assert estimate.reason is NotEstimableReason.NO_SUPPORT
    assert report.simultaneous_lo is None


def test_a_refused_policy_changes_nothing_for_the_others() -> None:
    alone, beside = _evaluate(CELLS), _evaluate(CELLS, (*world.POLICIES, world.ABSENT))
    assert all(beside[policy_id] == report for policy_id, report in alone.items())


def test_a_deterministic_log_supports_its_own_policy_only() -> None:
    cells = [replace(cell, arm="baseline", propensity=1.0) for cell in CELLS]
    reports = _evaluate(cells)
    assert isinstance(reports["baseline"].estimates["dr"], PolicyEstimate)
    winner = reports["winner"].estimates["dr"]
    assert isinstance(winner, NotEstimable)
    assert winner.reason is NotEstimableReason.NO_SUPPORT


def test_too_few_units_are_refused_and_the_floor_is_a_parameter() -> None:
    cells = world.logged_cells(5, 25)
    refused = _evaluate(cells)["winner"].estimates["snipw"]
    assert isinstance(refused, NotEstimable)
    assert refused.reason is NotEstimableReason.TOO_FEW_UNITS
    allowed = _evaluate(cells, floors=Floors(min_units=2))["winner"].estimates["snipw"]
    assert isinstance(allowed, PolicyEstimate)


def test_a_refused_baseline_refuses_every_contrast_but_no_estimate() -> None:
    cells = [cell for cell in CELLS if cell.arm != "baseline"]
    report = _evaluate(cells)["winner"]
    assert isinstance(report.estimates["dr"], PolicyEstimate)
    assert isinstance(report.contrast, NotEstimable)
    assert report.contrast.reason is NotEstimableReason.NO_SUPPORT
    assert "baseline" in report.contrast.detail


def test_equal_values_everywhere_form_no_interval() -> None:
    cells = [replace(cell, arm="baseline", propensity=1.0, total_micros=10) for cell in CELLS]
    estimate = _evaluate(cells, (world.BASELINE,))["baseline"].estimates["snipw"]
    assert isinstance(estimate, NotEstimable)
    assert estimate.reason is NotEstimableReason.NO_VARIATION


def test_no_rows_and_no_propensity_are_told_apart_by_metric() -> None:
    reports = evaluate_policies(
        {Metric.OUTCOME: [], Metric.COST: [], Metric.LABEL: []},
        (world.BASELINE, world.WINNER),
        contexts=world.CONTEXTS,
        baseline_id="baseline",
        rows_without_propensity={Metric.OUTCOME: 12},
    )
    reasons = {
        (report.metric, report.policy_id): {
            estimate.reason
            for estimate in (*report.estimates.values(), report.contrast)
            if isinstance(estimate, NotEstimable)
        }
        for report in reports
    }
    assert reasons[Metric.OUTCOME, "winner"] == {NotEstimableReason.NO_PROPENSITY}
    assert reasons[Metric.COST, "baseline"] == {NotEstimableReason.NO_ROWS}
    assert reasons[Metric.LABEL, "winner"] == {NotEstimableReason.NO_ROWS}


def test_labels_are_contrasted_among_reactors_by_the_self_normalized_estimator() -> None:
    labels = [cell for i, cell in enumerate(CELLS) if i % 3 == 0]
    options = {"contexts": world.CONTEXTS, "baseline_id": "baseline"}
    (_, alone) = evaluate_policies({Metric.LABEL: labels}, world.POLICIES[:2], **options)
    (_, beside) = evaluate_policies(
        {Metric.LABEL: labels}, world.POLICIES[:2], decisions=CELLS, **options
    )
    assert list(alone.estimates) == ["snipw"]
    assert list(beside.estimates) == ["snipw", "dm", "dr"]
    for report in (alone, beside):
        assert isinstance(report.contrast, PolicyEstimate)
        assert report.contrast.estimator == "snipw"
        assert report.contrast.n == len(labels)


def test_order_of_rows_changes_no_byte_of_the_document() -> None:
    shuffled = list(CELLS)
    random.Random(4).shuffle(shuffled)
    policies = (*world.POLICIES, world.ABSENT)
    documents = {
        document_bytes(estimates_document(_evaluate(cells, policies).values(), {"digest": "d"}))
        for cells in (CELLS, shuffled)
    }
    assert len(documents) == 1


def test_a_seed_moves_only_the_simultaneous_interval() -> None:
    one, other = (
        evaluate_policies(
            {Metric.OUTCOME: CELLS},
            world.POLICIES,
            contexts=world.CONTEXTS,
            baseline_id="baseline",
            seed=seed,
        )[1]
        for seed in (1, 2)
    )
    assert one.estimates == other.estimates
    assert one.contrast == other.contrast
    assert one.simultaneous_lo != other.simultaneous_lo


def test_wrong_propensities_are_flagged_as_model_dependence() -> None:
    """In talk, winners were really drawn at 0.15 but the log claims 0.6 for all.

    The weights then overstate code, where the winner is much better; SNIPW believes them alone
    while DR anchors its contexts in the log, so the two part.
    """
    cells = world.logged_cells(8, 1_500)
    assert not _evaluate(cells)["winner"].model_dependent
    wrong = [
        replace(cell, propensity=0.6)
        if cell.arm == "winner" and cell.context_key.startswith("kind=talk")
        else cell
        for cell in cells
    ]
    assert _evaluate(wrong)["winner"].model_dependent
    assert not _evaluate(wrong)["baseline"].model_dependent


@pytest.mark.parametrize(
    ("policies", "level", "message"),
    [
        ((world.WINNER,), 0.95, "baseline"),
        ((world.BASELINE, world.BASELINE), 0.95, "repeat"),
        ((world.BASELINE,), 1.0, "level"),
    ],
)
def test_a_comparison_without_sense_is_refused(
    policies: tuple[Policy, ...], level: float, message: str
) -> None:
    with pytest.raises(EstimationError, match=message):
        _evaluate(CELLS, policies, level=level)
