"""Weights and support: what the log can and cannot say."""

from __future__ import annotations

import pytest

from tests.unit.ope import world
from tracebridge.domain.replay import Cell, PolicyRule
from tracebridge.ope.diagnostics import diagnose, unsupported_mass
from tracebridge.ope.panel import panel_of, target_of

CONTEXTS = {"k=a": {"k": "a"}, "k=b": {"k": "b"}}


def _cell(unit: str, context: str, arm: str, propensity: float, n: int = 1) -> Cell:
    return Cell(unit, 0, context, arm, propensity, n, 0)


def test_weights_are_concentrated_over_units_not_rows() -> None:
    cells = [
        _cell("u1", "k=a", "baseline", 0.5, n=3),
        _cell("u2", "k=a", "baseline", 0.5),
        _cell("u3", "k=a", "other", 0.5),
    ]
    panel = panel_of(cells)
    found = diagnose(panel, target_of(panel, world.BASELINE, CONTEXTS))
    assert found.max_weight == 6.0
    assert found.max_weight_share == 0.75
    assert found.ess == pytest.approx(8.0**2 / (36 + 4))
    assert found.mean_weight == pytest.approx(8 / 5)
    assert (found.n, found.clusters, found.supporting_units) == (5, 3, 2)


def test_equal_units_under_their_own_policy_all_count() -> None:
    cells = [_cell(f"u{i}", "k=a", "baseline", 1.0, n=2) for i in range(30)]
    panel = panel_of(cells)
    found = diagnose(panel, target_of(panel, world.BASELINE, CONTEXTS))
    assert found.ess == 30
    assert found.mean_weight == 1
    assert found.unsupported_mass == 0


def test_an_arm_that_the_log_never_shows_is_unsupported() -> None:
    panel = panel_of([_cell("u1", "k=a", "baseline", 0.9, n=3), _cell("u2", "k=b", "baseline", 1)])
    policy = world.policy(
        "p",
        PolicyRule({"k": ("a",)}, {"new": 0.4, "baseline": 0.6}),
        PolicyRule({}, {"baseline": 1.0}),
    )
    assert unsupported_mass(panel, target_of(panel, policy, CONTEXTS)) == pytest.approx(0.3)


def test_an_arm_is_unsupported_where_the_propensities_leave_it_no_room() -> None:
    cells = [
        _cell("u1", "k=a", "baseline", 1.0),
        _cell("u2", "k=b", "baseline", 0.5),
        _cell("u3", "k=b", "other", 0.5),
    ]
    panel = panel_of(cells)
    other = world.always("other", other=1.0)
    assert unsupported_mass(panel, target_of(panel, other, CONTEXTS)) == pytest.approx(1 / 3)


def test_an_arm_that_chance_left_out_of_a_rare_context_is_supported() -> None:
    """Baseline took 0.9 there: the log says itself that a tenth was left for other arms."""
    cells = [
        _cell("u1", "k=a", "baseline", 0.9),
        _cell("u2", "k=b", "baseline", 0.9, n=8),
        _cell("u3", "k=b", "other", 0.1),
    ]
    panel = panel_of(cells)
    assert unsupported_mass(panel, target_of(panel, world.always("o", other=1.0), CONTEXTS)) == 0


def test_a_deterministic_log_supports_only_what_it_did() -> None:
    cells = [_cell(f"u{i}", "k=a", "baseline", 1.0) for i in range(5)]
    cells += [_cell("u9", "k=b", "other", 1.0)]
    panel = panel_of(cells)
    assert unsupported_mass(panel, target_of(panel, world.BASELINE, CONTEXTS)) == pytest.approx(
        1 / 6
    )
