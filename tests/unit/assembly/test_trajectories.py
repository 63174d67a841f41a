"""Which decision served which turn."""

from __future__ import annotations

from datetime import datetime, timedelta
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.unit.assembly.session import START, Session
from tracebridge.assembly.context import context_digest, context_of
from tracebridge.assembly.episodes import assign_episodes
from tracebridge.assembly.trajectories import (
    DECISION_WINDOW,
    UnitKind,
    assemble,
    context_mismatches,
)
from tracebridge.assembly.turns import group_turns
from tracebridge.domain.replay import Decision
from tracebridge.domain.trajectory import Provenance, Turn

CONTEXT = {"length": "short", "form": "statement", "chat": "direct", "turn": "first"}


def decision(
    number: int,
    *,
    ts: datetime = START,
    unit: str = "500001",
    ref: str | None = None,
    arm: str = "strong",
    reason: str = "assigned",
    propensity: float = 0.25,
) -> Decision:
    return Decision(
        decision_id=f"dc_{number}",
        ts=ts,
        unit=unit,
        context_digest=context_digest(CONTEXT),
        context=CONTEXT,
        policy_id="route-strong",
        arm=arm,
        propensity=propensity,
        stage="canary-10",
        reason=reason,
        request_ref=ref,
    )


def turns_at(*minutes: float, chat_id: str | None = "500001") -> tuple[Turn, ...]:
    log = Session(chat_id=chat_id)
    for number, minute in enumerate(minutes):
        log.at = START + timedelta(minutes=minute)
        log.user(message_id=101 + number).wait(seconds=1).reply("yes")
    turns, _ = assign_episodes(group_turns(log.events), episode_gap=timedelta(hours=4))
    return turns


def served(turns: tuple[Turn, ...], *decisions: Decision) -> list[str | None]:
    return [it.decision_id for it in assemble(turns, decisions, unit_kind=UnitKind.CHAT)]


def test_a_turn_without_a_decision_ran_on_the_baseline_and_nobody_randomized_it() -> None:
    turns = turns_at(0)
    (one,) = assemble(turns, [], unit_kind=UnitKind.EPISODE)
    assert (one.arm, one.policy_id, one.propensity) == ("baseline", None, None)
    assert one.propensity_provenance is Provenance.UNKNOWN
    assert (one.unit, one.context) == (turns[0].episode_id, context_of(turns[0]))
    assert one.trajectory_id == turns[0].turn_id.replace("tn_", "tj_")
    (one,) = assemble(turns, [], unit_kind=UnitKind.CHAT)
    assert one.unit == "500001"


def test_a_decision_brings_arm_propensity_policy_unit_and_its_logged_context() -> None:
    (one,) = assemble(
        turns_at(0), [decision(1, ref="500001:101", unit="u9")], unit_kind=UnitKind.CHAT
    )
    assert (one.arm, one.policy_id, one.propensity) == ("strong", "route-strong", 0.25)
    assert one.propensity_provenance is Provenance.LOGGED
    assert (one.unit, one.decision_id, one.context) == ("u9", "dc_1", CONTEXT)


@pytest.mark.parametrize("reason", ["fallback:timeout", "kill_switch", "breaker_open"])
def test_a_fallback_was_not_randomized_whatever_it_wrote_down(reason: str) -> None:
    given_up = decision(1, ref="500001:101", arm="baseline", reason=reason, propensity=1.0)
    (one,) = assemble(turns_at(0), [given_up], unit_kind=UnitKind.CHAT)
    assert (one.arm, one.propensity) == ("baseline", None)
    assert one.propensity_provenance is Provenance.UNKNOWN
    assert one.decision_id == "dc_1"


def test_the_control_slice_is_randomized_too() -> None:
    control = decision(1, ref="500001:101", arm="baseline", reason="control")
    (one,) = assemble(turns_at(0), [control], unit_kind=UnitKind.CHAT)
    assert one.propensity_provenance is Provenance.LOGGED


def test_an_exact_reference_wins_over_time() -> None:
    turns = turns_at(0, 2)
    early = decision(1, ts=START - timedelta(minutes=50), ref="500001:102")
    near = decision(2, ts=START, ref=None)
    assert served(turns, early, near) == ["dc_2", "dc_1"]


def test_a_request_that_was_decided_twice_ran_on_the_later_one() -> None:
    turns = turns_at(0, 2)
    first = decision(1, ts=START - timedelta(seconds=2), ref="500001:101")
    second = decision(2, ts=START - timedelta(seconds=1), ref="500001:101")
    assert served(turns, first, second) == ["dc_2", None]


def test_the_decision_that_was_superseded_serves_no_other_turn() -> None:
    log = Session().user(message_id=101).reply("yes").wait(seconds=9)
    log.user(trigger="heartbeat").reply("HEARTBEAT_OK")
    turns, _ = assign_episodes(group_turns(log.events), episode_gap=timedelta(hours=4))
    twice = [decision(it, ref="500001:101", unit="session:s1") for it in (1, 2)]
    assert served(turns, *twice) == ["dc_2", None]


def test_time_ties_the_latest_decision_before_the_turn_within_the_window() -> None:
    turns = turns_at(10)
    at = turns[0].started_at
    assert served(turns, decision(1, ts=at - DECISION_WINDOW)) == ["dc_1"]
    assert served(turns, decision(1, ts=at - DECISION_WINDOW - timedelta(seconds=1))) == [None]
    assert served(turns, decision(1, ts=at + timedelta(seconds=1))) == [None]
    assert served(turns, decision(1, ts=at)) == ["dc_1"]
    older = decision(1, ts=at - timedelta(seconds=30))
    assert served(turns, older, decision(2, ts=at - timedelta(seconds=3))) == ["dc_2"]


def test_time_never_ties_across_units() -> None:
    assert served(turns_at(0), decision(1, unit="500002")) == [None]


def test_an_episode_is_a_unit_that_time_can_tie_by() -> None:
    turns = turns_at(0)
    assert served(turns, decision(1, unit=turns[0].episode_id)) == ["dc_1"]


def test_a_decision_that_names_another_message_is_never_tied_by_time() -> None:
    assert served(turns_at(0), decision(1, ref="500001:999")) == [None]


def test_a_reference_the_log_cannot_show_is_tied_by_time() -> None:
    turns = turns_at(0, chat_id=None)
    assert served(turns, decision(1, unit="session:s1", ref="500001:999")) == ["dc_1"]


def test_each_decision_serves_one_turn() -> None:
    assert served(turns_at(0, 1, 2), decision(1)) == ["dc_1", None, None]


def test_a_request_of_two_messages_is_found_by_either() -> None:
    log = Session().user("one", message_id=5).wait(seconds=1).user("two", message_id=6).reply("ok")
    turns, _ = assign_episodes(group_turns(log.events), episode_gap=timedelta(hours=4))
    for ref in ("500001:5", "500001:6"):
        assert served(turns, decision(1, ref=ref)) == ["dc_1"]


def test_contexts_that_differ_from_the_log_are_named() -> None:
    turns = turns_at(0, 1)
    both = [decision(1, ref="500001:101"), decision(2, ref="500001:102")]
    trajectories = assemble(turns, both, unit_kind=UnitKind.CHAT)
    assert context_mismatches(trajectories) == (turns[1].turn_id,)
    assert context_mismatches(assemble(turns, [], unit_kind=UnitKind.CHAT)) == ()


@given(
    st.lists(st.integers(0, 40), max_size=8),
    st.lists(st.tuples(st.integers(-10, 40), st.sampled_from([None, 101, 103, 900])), max_size=8),
    st.randoms(use_true_random=False),
)
def test_no_decision_serves_twice_and_order_does_not_matter(
    minutes: list[int], drawn: list[tuple[int, int | None]], random: Random
) -> None:
    turns = turns_at(*sorted(minutes))
    decisions = [
        decision(
            number,
            ts=START + timedelta(minutes=minute),
            ref=None if ref is None else f"500001:{ref}",
        )
        for number, (minute, ref) in enumerate(drawn)
    ]
    trajectories = assemble(turns, decisions, unit_kind=UnitKind.CHAT)
    used = [it.decision_id for it in trajectories if it.decision_id]
    assert len(used) == len(set(used))
    assert [it.turn for it in trajectories] == list(turns)
    shuffled_turns, shuffled = list(turns), list(decisions)
    random.shuffle(shuffled_turns)
    random.shuffle(shuffled)
    assert assemble(shuffled_turns, shuffled, unit_kind=UnitKind.CHAT) == trajectories
