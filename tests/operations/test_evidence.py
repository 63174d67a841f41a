"""What is asked between cycles is what a cycle of that day finds."""

from __future__ import annotations

import json
from datetime import date
from typing import Any

import pytest

from tests.workspaces import DAY_1, DAY_2, Cycled, rows
from tracebridge.adapters.artifact_tables import replay_rows_to_table, table_to_labels
from tracebridge.adapters.tables import read_table
from tracebridge.cycle import CycleResult, end_of
from tracebridge.domain.errors import ConfigurationError
from tracebridge.operations.evidence import Evidence, evidence_of
from tracebridge.operations.inspection import VIEWS, session_named
from tracebridge.settings import Settings, load_settings
from tracebridge.wiring import open_workspace


@pytest.fixture(scope="module")
def both(cycled: Cycled) -> list[tuple[Evidence, CycleResult]]:
    settings = load_settings(cycled.root)
    return [
        (evidence_of(settings, end_of(DAY_1)), cycled.first),
        (evidence_of(settings, end_of(DAY_2)), cycled.second),
    ]


@pytest.fixture(scope="module")
def settings(cycled: Cycled) -> Settings:
    return load_settings(cycled.root)


def test_rows_are_those_that_the_cycle_sealed(both: list[tuple[Evidence, CycleResult]]) -> None:
    for evidence, result in both:
        sealed = read_table(result.bundle.path / "replay_rows.parquet")
        assert len(evidence.rows) == sealed.num_rows > 50
        assert replay_rows_to_table(evidence.rows) == sealed


def test_labels_and_rewards_are_those_that_the_cycle_sealed(
    both: list[tuple[Evidence, CycleResult]],
) -> None:
    for evidence, result in both:
        labels = table_to_labels(read_table(result.bundle.path / "labels.parquet"))
        assert len(labels) == len(evidence.labels) > 5
        assert set(labels) == set(evidence.labels)
        sealed = {it["turn_id"]: it["total"] for it in rows(result.bundle.path, "rewards")}
        assert {name: it.total for name, it in evidence.rewards.items()} == sealed
        assert {it.turn.turn_id for it in evidence.trajectories} == set(sealed)


def test_every_turn_knows_the_arm_that_the_router_drew(
    both: list[tuple[Evidence, CycleResult]],
) -> None:
    for evidence, _ in both:
        decided = {decision.decision_id: decision for decision in evidence.decisions}
        assert len(evidence.trajectories) == len(decided)
        for trajectory in evidence.trajectories:
            decision = decided[trajectory.decision_id or ""]
            assert (trajectory.arm, trajectory.propensity) == (decision.arm, decision.propensity)


def test_the_second_day_only_adds(both: list[tuple[Evidence, CycleResult]]) -> None:
    (first, _), (second, _) = both
    arms = {row.row_id: (row.arm, row.split, row.fold, row.unit) for row in second.rows}
    assert len(second.rows) > len(first.rows)
    assert all(arms[row.row_id] == (row.arm, row.split, row.fold, row.unit) for row in first.rows)


def view(name: str, settings: Settings, session: str, day: date) -> dict[str, Any]:
    """One view of a session as a program reads it."""
    told: dict[str, Any] = json.loads(json.dumps(VIEWS[name](settings, session, end_of(day))))
    return told


@pytest.fixture(scope="module")
def session_id(settings: Settings) -> str:
    """The session with the most turns."""
    counts: dict[str, int] = {}
    for it in evidence_of(settings, end_of(DAY_2)).trajectories:
        counts[it.turn.session_id] = counts.get(it.turn.session_id, 0) + 1
    return max(counts, key=lambda name: counts[name])


@pytest.mark.parametrize(
    ("name", "found"), [("ab", "ab"), ("abc1", "abc1"), ("abc2", "abc2x"), ("c", "cd")]
)
def test_a_session_is_named_by_its_id_or_the_beginning_of_it(name: str, found: str) -> None:
    assert session_named(name, ["ab", "abc1", "abc2x", "cd"]) == found


@pytest.mark.parametrize(
    ("name", "why"),
    [
        ("abc", "abc: several sessions begin so; name one of: abc1, abc2x$"),
        ("nobody", "nobody: no stored session begins so; name one of: ab, abc1, abc2x, cd$"),
        ("", "no stored session begins so"),
        ("../ab", "no stored session begins so"),
    ],
)
def test_a_name_that_is_no_session_is_refused_with_those_that_are(name: str, why: str) -> None:
    with pytest.raises(ConfigurationError, match=why):
        session_named(name, ["ab", "abc1", "abc2x", "cd"])


def test_only_the_first_of_many_names_are_told() -> None:
    with pytest.raises(ConfigurationError, match=r"s0, s1, s2, s3, s4 \.\.\.$"):
        session_named("x", [f"s{number}" for number in range(9)])


def test_nothing_stored_is_said_so() -> None:
    with pytest.raises(ConfigurationError, match="no session is stored here yet"):
        session_named("x", [])


def test_history_tells_every_turn_with_its_tools_labels_and_reward(
    settings: Settings, session_id: str, both: list[tuple[Evidence, CycleResult]]
) -> None:
    evidence, _ = both[1]
    told = view("history", settings, session_id, DAY_2)["turns"]
    of_session = [it for it in evidence.trajectories if it.turn.session_id == session_id]
    assert [it["turn_id"] for it in told] == [
        it.turn.turn_id for it in sorted(of_session, key=lambda it: it.turn.seq)
    ]
    labels = {label["label_id"] for turn in told for label in turn["labels"]}
    assert labels == {it.label_id for it in evidence.labels if it.session_id == session_id}
    for turn in told:
        reward = evidence.rewards[turn["turn_id"]]
        assert turn["reward"]["total"] == reward.total
        assert turn["steps"]


def test_events_are_in_order_and_name_their_lines(settings: Settings, session_id: str) -> None:
    told = view("events", settings, session_id, DAY_2)["events"]
    assert [it["seq"] for it in told] == list(range(len(told)))
    times = [it["ts"] for it in told]
    assert times == sorted(times)
    assert all(f"{session_id}.jsonl:" in it["source_ref"] for it in told)


def test_figures_of_all_sessions_add_up_to_those_of_the_cycle(
    cycled: Cycled, settings: Settings
) -> None:
    ids = open_workspace(settings).store.session_ids()
    parts = [view("summary", settings, name, DAY_2) for name in ids]
    whole: dict[str, Any] = json.loads(json.dumps(cycled.second.summary))
    for name in ("events", "turns", "steps", "tool_calls", "tool_errors"):
        assert sum(part[name] for part in parts) == whole["counts"][name]
    cost = sum(part["cost_usd"] or 0.0 for part in parts)
    assert cost == pytest.approx(whole["cost_usd"])
    judged = sum(part["rewards"]["judged"] for part in parts)
    assert judged == whole["rewards"]["judged"]


def test_artifacts_are_the_bundles_that_hold_the_session(
    cycled: Cycled, settings: Settings, session_id: str
) -> None:
    told = view("artifacts", settings, session_id, DAY_2)["bundles"]
    for result in (cycled.first, cycled.second):
        turns = [it for it in rows(result.bundle.path, "turns") if it["session_id"] == session_id]
        named = [it for it in told if it["bundle_id"] == result.bundle.manifest.bundle_id]
        assert [it["turns"] for it in named] == ([len(turns)] if turns else [])
    before = view("artifacts", settings, session_id, DAY_1)["bundles"]
    assert len(told) > 0
    assert [it["day"] for it in before] == [
        it["day"] for it in told if it["day"] == DAY_1.isoformat()
    ]


@pytest.mark.parametrize(
    ("name", "empty"),
    [
        ("history", {"turns": []}),
        ("events", {"events": []}),
        ("artifacts", {"bundles": []}),
        ("summary", {"events": 0, "turns": 0, "cost_usd": None, "started_at": None}),
    ],
)
def test_a_session_that_had_not_begun_is_empty_and_no_error(
    settings: Settings, session_id: str, name: str, empty: dict[str, object]
) -> None:
    told = view(name, settings, session_id, DAY_1.replace(year=2025))
    assert {key: told[key] for key in empty} == empty
