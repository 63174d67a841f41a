"""Intervals hold the known truth as often as they promise: 300 simulated logs, fixed seeds.

Chats keep their arm and share a mood, so intervals that took turns as independent would fail.
"""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest

from tests.unit.ope import world
from tracebridge.domain.replay import Metric, PolicyEstimate, PolicyReport
from tracebridge.ope.evaluate import evaluate_policies
from tracebridge.ope.panel import panel_of, target_of
from tracebridge.ope.snipw import snipw
from tracebridge.stats.clusters import cluster_ratio, interval

REPLICATIONS = 300
TRUTH = {policy.policy_id: world.true_value(policy) for policy in world.POLICIES}


@pytest.fixture(scope="module")
def studies() -> list[dict[str, PolicyReport]]:
    return [
        {
            report.policy_id: report
            for report in evaluate_policies(
                {Metric.OUTCOME: world.logged_cells(seed, 250, max_turns=5)},
                world.POLICIES,
                contexts=world.CONTEXTS,
                baseline_id="baseline",
                seed=seed,
            )
        }
        for seed in range(REPLICATIONS)
    ]


@pytest.mark.parametrize("policy_id", TRUTH)
@pytest.mark.parametrize("estimator", ["ipw", "snipw", "dr"])
def test_single_intervals_hold_the_truth(
    studies: list[dict[str, PolicyReport]], policy_id: str, estimator: str
) -> None:
    estimates = [study[policy_id].estimates[estimator] for study in studies]
    known = [estimate for estimate in estimates if isinstance(estimate, PolicyEstimate)]
    held = sum(estimate.lo <= TRUTH[policy_id] <= estimate.hi for estimate in known)
    assert len(known) >= 0.95 * REPLICATIONS
    assert held / len(known) >= 0.92


def test_contrasts_hold_the_truth_alone_and_all_together(
    studies: list[dict[str, PolicyReport]],
) -> None:
    alone: Counter[str] = Counter()
    shown: Counter[str] = Counter()
    together = 0
    for study in studies:
        all_hold = True
        for policy_id, report in study.items():
            if not isinstance(report.contrast, PolicyEstimate):
                continue
            truth = TRUTH[policy_id] - TRUTH["baseline"]
            shown[policy_id] += 1
            alone[policy_id] += report.contrast.lo <= truth <= report.contrast.hi
            assert report.simultaneous_lo is not None
            assert report.simultaneous_hi is not None
            all_hold &= report.simultaneous_lo <= truth <= report.simultaneous_hi
        together += all_hold
    assert together / REPLICATIONS >= 0.92
    assert all(alone[policy_id] / shown[policy_id] >= 0.92 for policy_id in shown)


def test_the_winner_is_found_and_the_loser_never_mistaken_for_it(
    studies: list[dict[str, PolicyReport]],
) -> None:
    above = Counter(
        policy_id
        for study in studies
        for policy_id, report in study.items()
        if report.simultaneous_lo is not None and report.simultaneous_lo > 0
    )
    assert above["winner"] > 0.3 * REPLICATIONS
    assert above["loser"] == 0
    assert above["null"] <= 0.05 * REPLICATIONS


def test_agreeing_estimators_are_rarely_called_model_dependent(
    studies: list[dict[str, PolicyReport]],
) -> None:
    flags = sum(report.model_dependent for study in studies for report in study.values())
    assert flags / (REPLICATIONS * len(TRUTH)) < 0.08


def test_the_direct_method_misses_which_is_why_it_is_only_a_proxy(
    studies: list[dict[str, PolicyReport]],
) -> None:
    held = 0
    for study in studies:
        estimate = study["winner"].estimates["dm"]
        assert isinstance(estimate, PolicyEstimate)
        held += estimate.lo <= TRUTH["winner"] <= estimate.hi
    assert held / REPLICATIONS < 0.6


def test_taking_turns_as_independent_would_not_hold() -> None:
    held = 0
    for seed in range(100):
        cells = world.logged_cells(seed, 100, max_turns=12, mood=0.3)
        panel = panel_of(cells)
        chats = interval(snipw(panel, target_of(panel, world.BASELINE, world.CONTEXTS)), 0.95)
        weights = np.array([(cell.arm == "baseline") / cell.propensity for cell in cells])
        rewards = np.array([cell.total_micros / 1e6 for cell in cells])
        turns = interval(cluster_ratio(weights * rewards, weights), 0.95)
        assert turns[1] - turns[0] < 0.7 * (chats[1] - chats[0])
        held += turns[0] <= TRUTH["baseline"] <= turns[1]
    assert held < 75
