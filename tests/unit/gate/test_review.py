"""The exit criteria of phase 1, each met and each missed alone."""

from __future__ import annotations

import math
from dataclasses import replace
from datetime import date, timedelta
from itertools import permutations

import pytest

from tracebridge.domain.verdict import CheckResult
from tracebridge.gate.review import CycleRecord, ReviewReport, review

FIRST = date(2026, 2, 7)


def cycle(number: int, **changes: object) -> CycleRecord:
    day = FIRST + timedelta(days=number)
    whole = CycleRecord(
        bundle_id=f"{day:%Y%m%d}T020000Z",
        day=day,
        status="ok",
        runtime_hook="ok",
        uplifts={"route-strong": 0.03, "prompt-concise": -0.1},
        winner=None,
        inputs_digest=f"inputs-{number}",
        events=1000 * (number + 1),
        lines=2000 * (number + 1),
        quarantined=2 * (number + 1),
        labels=10,
        labels_traced=10,
        harvested=True,
        chunk_rule_applied=True,
        verify_problems=0,
    )
    return replace(whole, **changes)  # type: ignore[arg-type]


THREE = (cycle(0), cycle(1), cycle(2))


def reviewed(*cycles: CycleRecord, documented: bool = True, days: int = 3) -> ReviewReport:
    return review(cycles, chunk_policy_documented=documented, days=days)


def failures(report: ReviewReport) -> set[str]:
    return {r.check for r in report.criteria if r.result is not CheckResult.PASS}


def detail(report: ReviewReport, check: str) -> str:
    (reason,) = [reason for reason in report.criteria if reason.check == check]
    return reason.detail


def test_three_good_days_pass_with_every_criterion_shown() -> None:
    report = reviewed(*THREE)
    assert report.result is CheckResult.PASS
    assert len(report.criteria) == 8
    assert failures(report) == set()
    assert report.days == tuple(FIRST + timedelta(days=n) for n in range(3))


def test_the_order_of_the_records_changes_nothing() -> None:
    wanted = reviewed(*THREE)
    assert all(reviewed(*order) == wanted for order in permutations(THREE))


def test_a_report_has_no_truth_value() -> None:
    with pytest.raises(TypeError):
        bool(reviewed(*THREE))


# --- successful cycles -----------------------------------------------------------------------


def test_two_days_fail_and_none_fails() -> None:
    assert "successful_cycles" in failures(reviewed(*THREE[1:]))
    assert reviewed().result is CheckResult.FAIL
    assert len(failures(reviewed())) == 8


def test_three_cycles_of_one_day_are_one_day() -> None:
    same = [cycle(0, bundle_id=f"b{n}", inputs_digest=f"i{n}") for n in range(3)]
    assert "successful_cycles" in failures(reviewed(*same))


def test_a_failed_cycle_is_no_success_and_is_named() -> None:
    report = reviewed(cycle(0), cycle(1, status="failed"), cycle(2))
    assert "successful_cycles" in failures(report)
    assert "20260208T020000Z" in detail(report, "successful_cycles")


def test_a_failed_attempt_beside_a_success_of_the_day_does_not_hide_it() -> None:
    again = cycle(1, bundle_id="20260208T030000Z", status="failed", uplifts={}, events=0)
    assert failures(reviewed(*THREE, again)) == set()


def test_a_failed_day_between_does_not_erase_three_successes() -> None:
    report = reviewed(cycle(0), cycle(1), cycle(2, status="failed", uplifts={}), cycle(3))
    assert failures(report) == set()


# --- runtime hooks ---------------------------------------------------------------------------


@pytest.mark.parametrize("at", range(3))
def test_one_hook_failure_fails_and_names_the_cycle(at: int) -> None:
    cycles = [replace(c, runtime_hook="failed") if n == at else c for n, c in enumerate(THREE)]
    report = reviewed(*cycles)
    assert failures(report) == {"runtime_hooks"}
    assert THREE[at].bundle_id in detail(report, "runtime_hooks")


def test_a_hook_failure_in_a_repeated_cycle_of_a_day_counts() -> None:
    again = cycle(1, bundle_id="20260208T010000Z", runtime_hook="failed")
    assert failures(reviewed(*THREE, again)) == {"runtime_hooks"}


def test_hooks_skipped_on_every_day_fail_and_on_some_do_not() -> None:
    skipped = [replace(c, runtime_hook="skipped") for c in THREE]
    assert failures(reviewed(*skipped)) == {"runtime_hooks"}
    assert failures(reviewed(skipped[0], *THREE[1:])) == set()


def test_a_failure_before_the_reviewed_days_is_forgiven() -> None:
    old = cycle(-1, runtime_hook="failed", verify_problems=1, harvested=False)
    assert failures(reviewed(old, *THREE)) == set()


# --- uplift ----------------------------------------------------------------------------------


def uplifts(*by_day: dict[str, float]) -> ReviewReport:
    return reviewed(*(replace(c, uplifts=u) for c, u in zip(THREE, by_day, strict=True)))


def test_a_small_steady_uplift_passes() -> None:
    assert failures(uplifts({"a": 0.001}, {"a": 0.002}, {"a": 0.001})) == set()


@pytest.mark.parametrize(
    "by_day",
    [
        ({"a": 0.1}, {"a": 0.1}, {"a": -0.01}),
        ({"a": 0.1}, {"a": 0.1}, {"a": 0.0}),
        ({"a": 0.1}, {"a": 0.1}, {}),
        ({"a": 0.1}, {"a": 0.1}, {"b": 0.1}),
        ({"a": 0.1}, {"a": 0.1}, {"a": math.nan}),
        ({"a": 0.1}, {"a": 0.1}, {"a": math.inf}),
        ({}, {}, {}),
    ],
)
def test_an_uplift_that_is_not_there_every_day_fails(
    by_day: tuple[dict[str, float], dict[str, float], dict[str, float]],
) -> None:
    assert failures(uplifts(*by_day)) == {"stable_uplift"}


def test_the_same_data_looked_at_again_is_flagged() -> None:
    same = [replace(c, inputs_digest="same") for c in THREE]
    report = reviewed(*same)
    assert failures(report) == {"new_data_each_day"}
    assert "20260208T020000Z read the same data as 20260207T020000Z" in detail(
        report, "new_data_each_day"
    )


# --- integrity -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"verify_problems": 1}, "altered"),
        ({"events": 1999}, "lost 1 events"),
        ({"quarantined": 13}, "cannot read 13 of 6000"),
        ({"integrity_problems": ("rows differ",)}, "rows differ"),
    ],
)
def test_each_integrity_regression_fails_and_says_what(
    changes: dict[str, object], says: str
) -> None:
    report = reviewed(*THREE[:2], replace(THREE[2], **changes))  # type: ignore[arg-type]
    assert failures(report) == {"data_integrity"}
    assert says in detail(report, "data_integrity")


def test_a_parse_error_rate_that_holds_or_falls_passes() -> None:
    assert failures(reviewed(*THREE[:2], replace(THREE[2], quarantined=6))) == set()
    assert failures(reviewed(*THREE[:2], replace(THREE[2], quarantined=0))) == set()


def test_the_first_unreadable_line_after_none_is_a_rise() -> None:
    clean = [replace(c, quarantined=0) for c in THREE[:2]]
    assert failures(reviewed(*clean, replace(THREE[2], quarantined=1))) == {"data_integrity"}


# --- feedback --------------------------------------------------------------------------------


def test_a_day_without_a_harvest_fails_and_is_named() -> None:
    report = reviewed(THREE[0], replace(THREE[1], harvested=False), THREE[2])
    assert failures(report) == {"daily_harvest"}
    assert "2026-02-08" in detail(report, "daily_harvest")


def test_a_calendar_day_without_any_cycle_is_a_day_without_a_harvest() -> None:
    report = reviewed(cycle(0), cycle(1), cycle(3))
    assert failures(report) == {"daily_harvest"}
    assert "2026-02-09" in detail(report, "daily_harvest")


def test_a_label_that_traces_to_no_update_fails() -> None:
    report = reviewed(*THREE[:2], replace(THREE[2], labels_traced=9))
    assert failures(report) == {"auditable_labels"}
    assert "1 of 10 labels" in detail(report, "auditable_labels")


def test_no_label_at_all_is_auditable() -> None:
    bare = [replace(c, labels=0, labels_traced=0) for c in THREE]
    assert failures(reviewed(*bare)) == set()


def test_the_chunk_policy_must_be_documented_and_applied() -> None:
    assert failures(reviewed(*THREE, documented=False)) == {"chunk_policy"}
    missed = replace(THREE[1], chunk_rule_applied=False)
    assert failures(reviewed(THREE[0], missed, THREE[2])) == {"chunk_policy"}


def test_a_longer_review_asks_for_as_many_days() -> None:
    assert "successful_cycles" in failures(reviewed(*THREE, days=4))
    assert failures(reviewed(*THREE, cycle(3), days=4)) == set()
