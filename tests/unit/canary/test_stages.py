"""Stage changes: refused without evidence, atomic when they happen, undone byte for byte."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import fields, replace
from datetime import timedelta
from pathlib import Path

import pytest

from tests.unit.canary.rollouts import (
    BASELINE,
    CANDIDATE,
    EXPLORATION,
    NOW,
    binding,
    gate_pass,
    policy,
    put_live,
    state,
)
from tracebridge.canary.drill import drill
from tracebridge.canary.history import read_history
from tracebridge.canary.stages import (
    advance,
    explore,
    promote,
    rollback,
    set_kill_switch,
    status,
)
from tracebridge.canary.state import RolloutState, Stage, parse_state
from tracebridge.domain.errors import CanaryError
from tracebridge.domain.replay import PolicyRule
from tracebridge.domain.verdict import CheckResult, GateBinding, Outcome


def files(workspace: Path) -> dict[str, bytes]:
    """Everything in the rollout folder but the empty lock file."""
    folder = workspace / "rollout"
    return {
        path.name: path.read_bytes() for path in sorted(folder.glob("*")) if path.name != ".lock"
    }


def promoted(workspace: Path, **changes: object) -> RolloutState:
    arguments: dict[str, object] = {
        "gate_pass": gate_pass(),
        "current": binding(),
        "reviewer": "Ada",
        "now": NOW,
    }
    arguments |= changes
    return promote(workspace, CANDIDATE, BASELINE, **arguments)  # type: ignore[arg-type]


# --- promote ---------------------------------------------------------------------------------


def test_a_promotion_opens_a_tenth_and_keeps_the_prior_bytes(tmp_path: Path) -> None:
    prior = put_live(tmp_path, state(Stage.EXPLORE, 0.0, candidate=None, baseline=EXPLORATION))
    before = prior.read_bytes()
    live = promoted(tmp_path)
    assert (live.stage, live.share, live.candidate) == (Stage.CANARY_10, 0.10, CANDIDATE)
    assert live.salt == "salt"
    assert live.gate["reviewer"] == "Ada"
    assert live.gate["report_sha256"] == "c" * 64
    written = files(tmp_path)
    assert written["last_good.json"] == before
    assert parse_state(written["live.json"]) == live
    assert [entry.action for entry in read_history(tmp_path / "rollout/history.jsonl")] == [
        "promote"
    ]


def test_the_first_promotion_leaves_a_shadow_to_go_back_to(tmp_path: Path) -> None:
    promoted(tmp_path)
    assert rollback(tmp_path, reason="test", now=NOW).stage is Stage.SHADOW
    assert status(tmp_path).settled


BOUND = [field.name for field in fields(GateBinding)]


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"gate_pass": None}, "No gate pass"),
        ({"gate_pass": gate_pass(outcome=Outcome.PROMOTE)}, "needs admit"),
        ({"gate_pass": gate_pass(judged_at=NOW - timedelta(hours=24, seconds=1))}, "stale"),
        ({"gate_pass": gate_pass(judged_at=NOW + timedelta(seconds=1))}, "stale"),
        ({"reviewer": ""}, "reviewer"),
        ({"reviewer": "  "}, "reviewer"),
        ({"share": 0.2}, "share"),
        ({"share": 0.0}, "share"),
        *[({"current": binding(**{name: "f" * 64})}, name) for name in BOUND],
        *[({"current": binding(**{name: ""})}, name) for name in BOUND],
        (
            {
                "current": binding(candidate_digest="f" * 64),
                "gate_pass": gate_pass(bound=binding(candidate_digest="f" * 64)),
            },
            "candidate_digest",
        ),
        (
            {
                "current": binding(baseline_digest="f" * 64),
                "gate_pass": gate_pass(bound=binding(baseline_digest="f" * 64)),
            },
            "baseline_digest",
        ),
    ],
)
def test_a_promotion_without_fresh_bound_evidence_changes_nothing(
    tmp_path: Path, changes: dict[str, object], says: str
) -> None:
    put_live(tmp_path, state(Stage.SHADOW, 0.0, candidate=None))
    before = files(tmp_path)
    with pytest.raises(CanaryError, match=says):
        promoted(tmp_path, **changes)
    assert files(tmp_path) == before


def test_a_refused_first_promotion_leaves_no_rollout_behind(tmp_path: Path) -> None:
    for changes in ({"share": 0.2}, {"gate_pass": None}, {"reviewer": ""}):
        with pytest.raises(CanaryError):
            promoted(tmp_path, **changes)
    assert not (tmp_path / "rollout").exists()


def test_a_pass_of_exactly_its_age_is_still_good(tmp_path: Path) -> None:
    promoted(tmp_path, gate_pass=gate_pass(judged_at=NOW - timedelta(hours=24)))


def test_a_pass_opens_once(tmp_path: Path) -> None:
    promoted(tmp_path)
    rollback(tmp_path, reason="harm", now=NOW)
    with pytest.raises(CanaryError, match="used before"):
        promoted(tmp_path)
    promoted(tmp_path, gate_pass=gate_pass(digest="1" * 64))


def test_a_second_candidate_waits_for_the_first(tmp_path: Path) -> None:
    promoted(tmp_path)
    before = files(tmp_path)
    with pytest.raises(CanaryError, match="a candidate is live"):
        promoted(tmp_path, gate_pass=gate_pass(digest="1" * 64))
    assert files(tmp_path) == before


def test_after_a_full_rollout_the_winner_is_what_must_be_beaten(tmp_path: Path) -> None:
    put_live(tmp_path, state(Stage.FULL, 1.0))
    with pytest.raises(CanaryError, match="baseline_digest"):
        promoted(tmp_path)
    better = policy("better", PolicyRule({}, {"strong": 1.0}))
    bound = binding(candidate_digest=better.digest, baseline_digest=CANDIDATE.digest)
    live = promote(
        tmp_path,
        better,
        CANDIDATE,
        gate_pass(bound=bound),
        current=bound,
        reviewer="Ada",
        now=NOW,
    )
    assert live.baseline == CANDIDATE


def test_nothing_moves_forward_under_a_kill_switch(tmp_path: Path) -> None:
    put_live(tmp_path, state(Stage.SHADOW, 0.0, candidate=None, kill_switch=True))
    with pytest.raises(CanaryError, match="kill switch"):
        promoted(tmp_path)
    with pytest.raises(CanaryError, match="kill switch"):
        explore(tmp_path, EXPLORATION, BASELINE, reviewer="Ada", now=NOW)
    put_live(tmp_path, state(kill_switch=True))
    with pytest.raises(CanaryError, match="kill switch"):
        advanced(tmp_path)


def test_another_stage_change_at_the_same_time_is_refused_at_once(tmp_path: Path) -> None:
    put_live(tmp_path, state(Stage.SHADOW, 0.0, candidate=None))
    with (tmp_path / "rollout" / ".lock").open("w") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        with pytest.raises(CanaryError, match="held"):
            promoted(tmp_path)
    promoted(tmp_path)


# --- explore ---------------------------------------------------------------------------------


def test_exploration_serves_the_drawing_policy_and_ends_by_rollback(tmp_path: Path) -> None:
    live = explore(tmp_path, EXPLORATION, BASELINE, reviewer="Ada", now=NOW)
    assert (live.stage, live.baseline, live.candidate) == (Stage.EXPLORE, EXPLORATION, None)
    again = explore(tmp_path, EXPLORATION, BASELINE, reviewer="Ada", now=NOW + timedelta(hours=1))
    assert again.salt == live.salt
    assert promoted(tmp_path).salt == live.salt
    assert rollback(tmp_path, reason="test", now=NOW) == again


def test_exploration_needs_a_person_and_no_candidate(tmp_path: Path) -> None:
    with pytest.raises(CanaryError, match="reviewer"):
        explore(tmp_path, EXPLORATION, BASELINE, reviewer="", now=NOW)
    assert not (tmp_path / "rollout" / "live.json").exists()
    promoted(tmp_path)
    with pytest.raises(CanaryError, match="a candidate is live"):
        explore(tmp_path, EXPLORATION, BASELINE, reviewer="Ada", now=NOW)


# --- advance ---------------------------------------------------------------------------------


def advanced(workspace: Path, **changes: object) -> RolloutState:
    later = NOW + timedelta(days=1)
    arguments: dict[str, object] = {
        "gate_pass": gate_pass(outcome=Outcome.PROMOTE, judged_at=later, digest="2" * 64),
        "current": binding(),
        "reviewer": "Ada",
        "now": later,
    }
    arguments |= changes
    return advance(workspace, **arguments)  # type: ignore[arg-type]


def test_stages_open_one_by_one_and_go_back_to_before_the_canary(tmp_path: Path) -> None:
    prior = put_live(tmp_path, state(Stage.SHADOW, 0.0, candidate=None)).read_bytes()
    promoted(tmp_path)
    second = advanced(tmp_path)
    assert (second.stage, second.share) == (Stage.CANARY_50, 0.5)
    later = NOW + timedelta(days=2)
    third = advanced(
        tmp_path,
        gate_pass=gate_pass(outcome=Outcome.PROMOTE, judged_at=later, digest="3" * 64),
        now=later,
    )
    assert (third.stage, third.share, third.salt) == (Stage.FULL, 1.0, "salt")
    with pytest.raises(CanaryError, match="no canary"):
        advanced(
            tmp_path,
            gate_pass=gate_pass(outcome=Outcome.PROMOTE, judged_at=later, digest="4" * 64),
            now=later,
        )
    rollback(tmp_path, reason="test", now=later)
    assert files(tmp_path)["live.json"] == prior


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"gate_pass": None}, "No gate pass"),
        ({"gate_pass": gate_pass(outcome=Outcome.ADMIT)}, "needs promote"),
        (
            {
                "gate_pass": gate_pass(
                    outcome=Outcome.PROMOTE, judged_at=NOW - timedelta(minutes=1), digest="2" * 64
                ),
                "now": NOW,
            },
            "older than stage",
        ),
        ({"current": binding(report_sha256="f" * 64)}, "report_sha256"),
        ({"reviewer": ""}, "reviewer"),
    ],
)
def test_no_stage_opens_without_the_canarys_own_fresh_verdict(
    tmp_path: Path, changes: dict[str, object], says: str
) -> None:
    promoted(tmp_path)
    before = files(tmp_path)
    with pytest.raises(CanaryError, match=says):
        advanced(tmp_path, **changes)
    assert files(tmp_path) == before


def test_a_canary_verdict_opens_one_stage_only(tmp_path: Path) -> None:
    promoted(tmp_path)
    advanced(tmp_path)
    with pytest.raises(CanaryError, match="used before"):
        advanced(tmp_path)


def test_a_verdict_on_other_policies_opens_nothing(tmp_path: Path) -> None:
    promoted(tmp_path)
    bound = binding(candidate_digest="f" * 64)
    with pytest.raises(CanaryError, match="candidate_digest"):
        advanced(
            tmp_path,
            current=bound,
            gate_pass=gate_pass(
                outcome=Outcome.PROMOTE, judged_at=NOW, digest="2" * 64, bound=bound
            ),
            now=NOW,
        )


# --- rollback and kill switch ----------------------------------------------------------------


@pytest.mark.parametrize("damage", [b"", b"{}", b"\xff", None])
def test_rollback_restores_the_bytes_whatever_the_live_file_has_become(
    tmp_path: Path, damage: bytes | None
) -> None:
    path = put_live(tmp_path, state(Stage.SHADOW, 0.0, candidate=None))
    # Spelled otherwise than we would: the bytes count, not what they mean.
    prior = path.read_bytes() + b"\n \n"
    path.write_bytes(prior)
    promoted(tmp_path)
    if damage is None:
        path.unlink()
    else:
        path.write_bytes(damage)
    rollback(tmp_path, reason="damage", now=NOW)
    assert path.read_bytes() == prior
    last = read_history(tmp_path / "rollout/history.jsonl")[-1]
    assert (last.action, dict(last.detail)) == ("rollback", {"reason": "damage"})


def test_rollback_without_a_way_back_says_so(tmp_path: Path) -> None:
    with pytest.raises(CanaryError, match="last_good"):
        rollback(tmp_path, reason="test", now=NOW)
    promoted(tmp_path)
    rollback(tmp_path, reason="test", now=NOW)
    with pytest.raises(CanaryError, match="nothing to undo"):
        rollback(tmp_path, reason="test", now=NOW)


def test_rollback_refuses_to_make_a_damaged_file_live(tmp_path: Path) -> None:
    promoted(tmp_path)
    (tmp_path / "rollout" / "last_good.json").write_bytes(b"{}")
    before = files(tmp_path)
    with pytest.raises(CanaryError, match="last_good"):
        rollback(tmp_path, reason="test", now=NOW)
    assert files(tmp_path) == before


def test_the_kill_switch_turns_on_and_off_and_leaves_the_way_back(tmp_path: Path) -> None:
    with pytest.raises(CanaryError, match="absent"):
        set_kill_switch(tmp_path, on=True, reason="test", now=NOW)
    live = promoted(tmp_path)
    assert set_kill_switch(tmp_path, on=True, reason="test", now=NOW).kill_switch
    assert set_kill_switch(tmp_path, on=False, reason="test", now=NOW) == live
    assert rollback(tmp_path, reason="test", now=NOW).stage is Stage.SHADOW


# --- crashes and the audit trail -------------------------------------------------------------


class Crash(BaseException):
    """The process dies here."""


@contextmanager
def crash_at(monkeypatch: pytest.MonkeyPatch, call: int) -> Iterator[Callable[[], int]]:
    """Die instead of the ``call``-th sync or rename; yields how many were reached."""
    count = 0
    real_sync, real_replace = os.fsync, Path.replace

    def step() -> None:
        nonlocal count
        count += 1
        if count == call:
            raise Crash

    def sync(descriptor: int) -> None:
        step()
        real_sync(descriptor)

    def rename(self: Path, target: Path) -> Path:
        step()
        return real_replace(self, target)

    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", sync)
        patch.setattr(Path, "replace", rename)
        yield lambda: count


def test_a_crash_anywhere_leaves_the_old_state_or_the_new_one_and_can_be_repeated(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    outcomes = set()
    for call in range(1, 100):
        workspace = tmp_path / str(call)
        before = put_live(workspace, state(Stage.SHADOW, 0.0, candidate=None)).read_bytes()
        crashed = True
        with crash_at(monkeypatch, call):
            try:
                promoted(workspace)
                crashed = False
            except Crash:
                pass
        found = status(workspace)
        assert found.state is not None
        outcomes.add(found.state.stage)
        if not crashed:
            assert call > 5
            break
        if found.state.stage is Stage.SHADOW:
            assert files(workspace)["live.json"] == before
            assert found.settled == (not found.history)
            promoted(workspace)
        rollback(workspace, reason="test", now=NOW)
        assert files(workspace)["live.json"] == before
        assert status(workspace).settled
    assert outcomes == {Stage.SHADOW, Stage.CANARY_10}


def test_a_torn_last_line_of_the_history_is_kept_aside(tmp_path: Path) -> None:
    promoted(tmp_path)
    path = tmp_path / "rollout" / "history.jsonl"
    whole = path.read_bytes()
    path.write_bytes(whole + b'{"seq":2,"prev"')
    assert status(tmp_path).settled
    rollback(tmp_path, reason="test", now=NOW)
    assert path.read_bytes().startswith(whole)
    assert len(read_history(path)) == 3
    assert (tmp_path / "rollout" / "history.torn").read_bytes() == b'{"seq":2,"prev"\n'


@pytest.mark.parametrize("line", [0, 1])
def test_an_altered_history_stops_every_stage_change(tmp_path: Path, line: int) -> None:
    promoted(tmp_path)
    path = tmp_path / "rollout" / "history.jsonl"
    lines = path.read_bytes().splitlines(keepends=True)
    lines[line] = lines[line].replace(b"2026-02-09T12", b"2026-02-09T11")
    path.write_bytes(b"".join(lines))
    with pytest.raises(CanaryError, match=f"history.jsonl:{line + 1}"):
        status(tmp_path)
    with pytest.raises(CanaryError, match="history"):
        rollback(tmp_path, reason="test", now=NOW)


def test_a_removed_history_line_breaks_the_chain(tmp_path: Path) -> None:
    promoted(tmp_path)
    path = tmp_path / "rollout" / "history.jsonl"
    path.write_bytes(path.read_bytes().split(b"\n", 1)[1])
    with pytest.raises(CanaryError, match="does not follow"):
        read_history(path)


def test_status_names_a_defect_and_an_edit_behind_its_back(tmp_path: Path) -> None:
    assert status(tmp_path).settled
    promoted(tmp_path)
    put_live(tmp_path, replace(state(), salt="other"))
    assert not status(tmp_path).settled
    (tmp_path / "rollout" / "live.json").write_bytes(b"{")
    found = status(tmp_path)
    assert found.state is None
    assert "live.json" in found.defect


# --- drill -----------------------------------------------------------------------------------


def test_a_drill_passes_on_a_sound_rollout_and_touches_nothing(tmp_path: Path) -> None:
    workspace = tmp_path / "workspace"
    with pytest.raises(CanaryError, match="absent"):
        drill(workspace, tmp_path / "scratch", now=NOW)
    promoted(workspace)
    before = files(workspace)
    reasons = drill(workspace, tmp_path / "scratch", now=NOW)
    assert {reason.result for reason in reasons} == {CheckResult.PASS}
    assert len(reasons) == 7
    assert files(workspace) == before


def test_a_drill_without_a_way_back_says_unknown(tmp_path: Path) -> None:
    workspace = tmp_path / "workspace"
    put_live(workspace, state())
    reasons = {reason.check: reason for reason in drill(workspace, tmp_path / "s", now=NOW)}
    assert reasons["drill.rollback"].result is CheckResult.UNKNOWN
