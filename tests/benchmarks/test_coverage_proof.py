"""The coverage proof counts what it should, fails where it must, and goes on where it stopped."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from benchmarks.coverage_proof import Tally, keep, kept_findings
from benchmarks.coverage_seed import Finding, findings_of_seed, worth_of_endings

HELD = Finding(
    policy="route-strong",
    metric="outcome",
    truth=0.8,
    interval=(0.7, 0.9),
    refusal=None,
    uplift=0.1,
    simultaneous=(0.05, 0.2),
    gate="admit",
)
MISSED = replace(HELD, interval=(0.81, 0.9), gate="insufficient_evidence")
REFUSED = replace(HELD, interval=None, refusal="too_few_units", gate="reject")
UNKNOWN = replace(
    HELD, truth=None, interval=None, refusal="no_support", uplift=None, simultaneous=None
)


def test_an_interval_holds_its_own_ends_and_nothing_beyond() -> None:
    assert replace(HELD, truth=0.7).holds()
    assert replace(HELD, truth=0.9).holds()
    assert not replace(HELD, truth=0.9001).holds()
    assert not REFUSED.holds()
    assert not UNKNOWN.holds()
    assert HELD.holds_uplift()
    assert not replace(HELD, uplift=0.04).holds_uplift()


def test_a_tally_counts_each_seed_once() -> None:
    tally = Tally.of([HELD, HELD, MISSED, REFUSED])
    assert (tally.seeds, tally.estimable, tally.holds) == (4, 3, 2)
    assert (tally.admitted, tally.rejected) == (2, 1)
    assert tally.mean_width == pytest.approx((0.2 + 0.2 + 0.09) / 3)
    assert tally.refusals == ("too_few_units",)


def test_nine_of_ten_must_hold_and_refusals_do_not_count() -> None:
    assert not [*Tally.of([*[HELD] * 9, MISSED, *[REFUSED] * 5]).faults()]
    assert [*Tally.of([*[HELD] * 8, MISSED, *[REFUSED] * 5]).faults()]


def test_a_policy_that_is_never_estimated_proves_nothing() -> None:
    assert [*Tally.of([REFUSED]).faults()]


def test_a_policy_without_truth_must_never_be_estimated() -> None:
    assert not [*Tally.of([UNKNOWN]).faults()]
    assert [*Tally.of([UNKNOWN, replace(UNKNOWN, interval=(0.0, 1.0))]).faults()]


def test_a_stopped_proof_goes_on_where_it_was(tmp_path: Path) -> None:
    kept = tmp_path / "kept.jsonl"
    assert kept_findings(kept) == {}
    keep(kept, 3, [HELD, UNKNOWN])
    keep(kept, 1, [MISSED])
    whole = kept.read_bytes()
    kept.write_bytes(whole + whole[: whole.index(b"outcome")])
    assert kept_findings(kept) == {3: [HELD, UNKNOWN], 1: [MISSED]}
    keep(kept, 2, [REFUSED])
    assert kept_findings(kept) == {3: [HELD, UNKNOWN], 1: [MISSED], 2: [REFUSED]}


def test_a_small_world_is_judged_as_the_demo_judges_it(tmp_path: Path) -> None:
    """Estimable ones get intervals, what nobody played is refused, and a seed is one result."""
    worth = worth_of_endings()
    found = findings_of_seed(5, chats=150, worth=worth, scratch=tmp_path)
    outcome = {it.policy: it for it in found if it.metric == "outcome"}
    assert outcome["baseline"].interval is not None
    assert outcome["baseline"].gate == "baseline"
    assert outcome["route-strong"].uplift == pytest.approx(0.132, abs=0.001)
    for name in ("route-experimental", "tools-batch"):
        assert (outcome[name].truth, outcome[name].refusal) == (None, "no_support")
    assert findings_of_seed(5, chats=150, worth=worth, scratch=tmp_path) == found
    assert [*tmp_path.iterdir()] == []
