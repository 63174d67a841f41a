"""Counts tie, and what was not seen is unknown, never zero."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.unit.replay.builders import START, a_call, a_reward, a_row, a_turn
from tracebridge.domain.events import FileReport, Quarantined, QuarantineReason
from tracebridge.domain.replay import Metric
from tracebridge.domain.trajectory import ComponentScore, Episode, StepStatus, Trigger, TurnStatus
from tracebridge.reporting import observed

VALUES = st.lists(st.floats(-1e6, 1e6, allow_nan=False), max_size=30)


def a_file(name: str = "a.jsonl", *, lines: int = 10, bad: int = 2, skipped: int = 1) -> FileReport:
    """The account of one file; what is in no other class is imported."""
    quarantined = tuple(
        Quarantined(name, number, 0, 1, QuarantineReason.NOT_JSON, "the line is not JSON")
        for number in range(1, bad + 1)
    )
    return FileReport(
        file_name=name,
        format="openclaw",
        sha256="a" * 64,
        size_bytes=100,
        lines=lines,
        imported=lines - bad - skipped,
        duplicates=0,
        quarantined=quarantined,
        skipped={"off_branch": skipped} if skipped else {},
    )


def test_the_mean_of_nothing_is_unknown() -> None:
    assert observed.mean([]) is None
    assert observed.quantile([], 0.5) is None


@given(VALUES)
def test_a_mean_does_not_depend_on_the_order(values: list[float]) -> None:
    found = observed.mean(values)
    assert observed.mean(values[::-1]) == observed.mean(sorted(values)) == found
    if found is not None:
        assert min(values) - 1e-9 <= found <= max(values) + 1e-9


def test_a_mean_is_summed_exactly() -> None:
    assert observed.mean([1e16, 1.0, -1e16]) == pytest.approx(1 / 3)


@given(
    st.lists(st.integers(0, 10**9), min_size=1, max_size=40),
    st.floats(0.0, 1.0, exclude_min=True),
)
def test_a_quantile_is_the_smallest_value_that_reaches_its_share(
    values: list[int], q: float
) -> None:
    ordered = sorted(values)
    found = observed.quantile(ordered, q)
    assert found in ordered
    assert found is not None
    assert sum(it <= found for it in ordered) >= q * len(ordered) - 1e-9
    assert sum(it < found for it in ordered) < q * len(ordered) + 1e-9


def test_quantiles_of_few() -> None:
    assert [observed.quantile([3, 5], q) for q in (0.0, 0.5, 0.51, 1.0)] == [3, 3, 5, 5]


def test_every_line_of_every_file_is_in_one_class() -> None:
    counts: Any = observed.file_counts([a_file(), a_file("b.jsonl", lines=5, bad=0, skipped=0)])
    assert counts["lines"] == sum(
        counts[name] for name in ("imported", "quarantined", "skipped", "duplicates")
    )
    assert (counts["files"], counts["quarantined"], counts["skipped"]) == (2, 2, 1)


def test_lists_are_cut_and_totals_are_not() -> None:
    files = [a_file(f"{number}.jsonl", bad=2) for number in range(60)]
    assert len(observed.per_file(files)) == observed.MAX_LISTED
    told: Any = observed.quarantine(files)
    assert len(told["quarantined"]) == observed.MAX_LISTED
    assert told["quarantined_by_reason"] == {"not_json": 120}
    assert told["skipped_by_rule"] == {"off_branch": 60}
    assert told["quarantined"][0] == {
        "file": "0.jsonl",
        "line": 1,
        "reason": "not_json",
        "detail": "the line is not JSON",
    }


def test_turns_are_counted_with_their_tools() -> None:
    calls = [a_call(0), a_call(1, status=StepStatus.ERROR), a_call(2, status=StepStatus.NO_RESULT)]
    turns = [
        a_turn("tn_1", steps=calls),
        a_turn("tn_2", started_at=START + timedelta(days=1)),
        replace(a_turn("tn_3"), chat_id=None),
    ]
    episode = Episode("ep_1", "42", "s1", ("tn_1",), START, START)
    assert observed.turn_counts(turns, [episode]) == {
        "turns": 3,
        "steps": 3,
        "tool_calls": 3,
        "tool_errors": 1,
        "episodes": 1,
        "chats": 1,
        "days": 2,
    }


def test_what_no_turn_tells_is_unknown() -> None:
    silent = replace(a_turn(latency_ms=None, cost_usd_micros=None), tokens_in=None, tokens_out=None)
    for turns in ([], [silent]):
        facts: Any = observed.turn_facts(turns)
        assert facts["cost_usd"] is None
        assert facts["cost_known_turns"] == 0
        assert facts["tokens"] == {"input": None, "output": None}
        assert facts["latency_ms"] == {"p50": None, "p95": None, "n": 0}


def test_known_costs_are_summed_beside_how_many_are_known() -> None:
    turns = [
        a_turn("tn_1", cost_usd_micros=1_000),
        a_turn("tn_2", cost_usd_micros=None),
        a_turn("tn_3", cost_usd_micros=0),
    ]
    facts: Any = observed.turn_facts(turns)
    assert (facts["cost_usd"], facts["cost_known_turns"]) == (0.001, 2)


def test_statuses_and_triggers_are_sorted_by_name() -> None:
    turns = [
        a_turn("tn_1", status=TurnStatus.SILENT),
        a_turn("tn_2", trigger=Trigger.CRON),
        a_turn("tn_3"),
    ]
    facts: Any = observed.turn_facts(turns)
    assert list(facts["turn_status"].items()) == [("completed", 2), ("silent", 1)]
    assert list(facts["triggers"].items()) == [("cron", 1), ("person", 2)]
    assert observed.answered(turns) == 2


def test_tools_are_listed_by_use_with_what_their_failures_took() -> None:
    calls = [
        a_call(0, "read", ms=100),
        a_call(1, "read", ms=300, status=StepStatus.ERROR),
        a_call(2, "exec", ms=None, status=StepStatus.NO_RESULT),
    ]
    facts: Any = observed.turn_facts([a_turn(steps=calls)])
    assert facts["tools"] == [
        {
            "tool": "read",
            "calls": 2,
            "errors": 1,
            "no_result": 0,
            "total_ms": 400,
            "failed_ms": 300,
            "p50_ms": 100,
        },
        {
            "tool": "exec",
            "calls": 1,
            "errors": 0,
            "no_result": 1,
            "total_ms": None,
            "failed_ms": None,
            "p50_ms": None,
        },
    ]


@given(st.lists(st.one_of(st.none(), st.floats(0.0, 1.0)), max_size=40))
def test_abstentions_enter_no_mean(outcomes: Sequence[float | None]) -> None:
    rewards = [a_reward(f"tn_{n}", outcome=value) for n, value in enumerate(outcomes)]
    told: Any = observed.rewards_section("general", rewards)
    judged = [value for value in outcomes if value is not None]
    assert (told["judged"], told["abstained"]) == (len(judged), len(outcomes) - len(judged))
    assert sum(told["histogram"]) == len(judged)
    assert told["mean_outcome"] == (math.fsum(judged) / len(judged) if judged else None)
    assert told["mean_label"] is None


def test_both_ends_of_the_scale_are_in_the_histogram() -> None:
    rewards = [a_reward(f"tn_{n}", outcome=value) for n, value in enumerate((0.0, 0.1, 0.95, 1.0))]
    told: Any = observed.rewards_section("general", rewards)
    assert told["histogram"] == [1, 1, 0, 0, 0, 0, 0, 0, 0, 2]


def test_a_component_is_averaged_over_the_turns_that_gave_it_evidence() -> None:
    def judged(value: float | None) -> tuple[ComponentScore, ...]:
        return (ComponentScore("format", 0.2, value, ""), ComponentScore("safety", 0.1, None, ""))

    rewards = [
        replace(a_reward(f"tn_{n}"), components=judged(v)) for n, v in enumerate((1, 0.5, None))
    ]
    told: Any = observed.rewards_section("general", rewards)
    assert told["components"] == [
        {"name": "format", "weight": 0.2, "n": 2, "mean": 0.75},
        {"name": "safety", "weight": 0.1, "n": 0, "mean": None},
    ]


def test_arms_show_what_was_observed_under_each() -> None:
    rows = [
        a_row("1", arm="strong", values={Metric.OUTCOME: 1.0, Metric.LABEL: 2.0}),
        a_row("2", arm="strong", values={Metric.COST: 0.5}),
        a_row("3", values={}),
    ]
    base, strong = observed.arms_section(rows)
    assert isinstance(base, dict)
    assert isinstance(strong, dict)
    assert (base["arm"], base["turns"], base["judged"]) == ("baseline", 1, 0)
    assert {
        base[it] for it in ("mean_outcome", "mean_label", "mean_cost_usd", "mean_latency_s")
    } == {None}
    assert (strong["turns"], strong["judged"], strong["labels"]) == (2, 1, 1)
    assert (strong["mean_outcome"], strong["label_rate"]) == (1.0, 0.5)
    assert observed.arms_section([]) == []
