"""Reactions are counted as what they became, and silence is told apart from a zero."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.feedback import START, entries, reaction
from tests.unit.replay.builders import a_turn
from tracebridge.domain.feedback import (
    JoinRule,
    Label,
    LabelScope,
    LedgerKind,
    ReactionState,
    Unjoined,
    UnjoinedReaction,
)
from tracebridge.domain.trajectory import TurnStatus
from tracebridge.reporting.feedback import (
    LABELED_UNITS_WANTED,
    feedback_section,
    labels_needed,
)


def a_label(turn_id: str = "tn_1", score: float = 1.0, **changes: Any) -> Label:
    label = Label(
        label_id=f"lb_{turn_id}_{score}",
        turn_id=turn_id,
        session_id="s1",
        chat_id="42",
        score=score,
        scope=LabelScope.BATCH,
        rule=JoinRule.BRACKET,
        confidence=0.9,
        anchor_message_id=7,
        chunk_ids=(7,),
        update_ids=(1,),
        weight=1.0,
        reacted_at=START,
    )
    return replace(label, **changes)


def left(why: Unjoined, *emoji: str) -> UnjoinedReaction:
    return UnjoinedReaction(ReactionState("42", 9, "actor_1", False, emoji, START, (5,)), why)


def test_nothing_is_unknown_where_there_is_nothing() -> None:
    told = feedback_section([], [], [], [])
    assert told["label_rate"] is None
    assert told["last_update"] is None
    assert (told["harvested"], told["labels"], told["turns_answered"]) == (0, 0, 0)


def test_each_reaction_is_counted_as_what_it_became() -> None:
    ledger = entries(
        [
            reaction(1, "\u2764"),
            reaction(2, "\u2764", after_s=60.0),
            replace(reaction(3), kind=LedgerKind.GAP),
        ]
    )
    labels = [
        a_label("tn_1", 2.0),
        a_label("tn_1", -1.0, scope=LabelScope.CHUNK),
        a_label("tn_2", 1.0, rule=JoinRule.DELIVERY_MAP),
    ]
    unjoined = [
        left(Unjoined.UNMAPPED, "\U0001f525", "\U0001f622"),
        left(Unjoined.UNMAPPED, "\U0001f525"),
        left(Unjoined.NO_TURN, "\u2764"),
    ]
    turns = [
        a_turn("tn_1"),
        a_turn("tn_2"),
        a_turn("tn_3"),
        a_turn("tn_4", status=TurnStatus.FAILED),
    ]
    told = feedback_section(ledger, labels, unjoined, turns)
    assert told == {
        "harvested": 3,
        "labels": 3,
        "labeled_turns": 2,
        "batch": 2,
        "chunk": 1,
        "by_score": {"+1": 1, "+2": 1, "-1": 1},
        "by_rule": {"bracket": 2, "delivery_map": 1},
        "unjoined": {"no_turn": 1, "unmapped": 2},
        "unmapped": {"\U0001f525": 2, "\U0001f622": 1},
        "turns_answered": 3,
        "label_rate": pytest.approx(2 / 3),
        "last_update": (START + timedelta(seconds=60)).isoformat(),
        "gaps": 1,
    }


@given(st.lists(st.sampled_from(["tn_1", "tn_2", "tn_3"]), max_size=12))
def test_many_reactions_on_one_turn_are_one_labeled_turn(turn_ids: Sequence[str]) -> None:
    turns = [a_turn(name) for name in ("tn_1", "tn_2", "tn_3")]
    told: Any = feedback_section([], [a_label(name) for name in turn_ids], [], turns)
    assert told["labels"] == told["batch"] == len(turn_ids)
    assert told["labeled_turns"] == len(set(turn_ids))
    assert told["label_rate"] == len(set(turn_ids)) / 3 <= 1.0


def test_from_silence_nothing_is_foretold() -> None:
    for days in (0, 5):
        told = labels_needed([], [a_turn()], 0, days=days, explored=False)
        assert told["days_to_verdict"] is None
        assert told["labels_now"] == 0
    assert labels_needed([], [], 0, days=0, explored=False)["label_rate_per_day"] is None


@given(st.integers(1, 400), st.integers(1, 60))
def test_days_to_a_verdict_follow_the_pace_so_far(units: int, days: int) -> None:
    told: Any = labels_needed([a_label()] * units, [a_turn()], units, days=days, explored=True)
    missing = max(0, LABELED_UNITS_WANTED - units)
    assert told["labels_wanted"] == told["labeled_units_wanted"] == LABELED_UNITS_WANTED
    assert told["days_to_verdict"] == math.ceil(missing / (units / days))
    assert (told["days_to_verdict"] == 0) == (units >= LABELED_UNITS_WANTED)
    assert told["label_rate_per_day"] == units / days


def test_enough_is_enough_whatever_the_pace() -> None:
    told = labels_needed([], [], LABELED_UNITS_WANTED, days=0, explored=False)
    assert told["days_to_verdict"] == 0


def test_the_advice_fits_what_is_missing() -> None:
    def advice(labels: Sequence[Label] = (), chat_id: str | None = "42", **known: bool) -> str:
        turns = [replace(a_turn(), chat_id=chat_id)]
        told: Any = labels_needed(labels, turns, 0, days=1, explored=known.get("explored", False))
        return " ".join(told["how"])

    assert "No chat is known" in advice(chat_id=None)
    assert "No chat is known" not in advice()
    assert "React to answers" in advice()
    assert "React to answers" not in advice([a_label()])
    assert "logged probability" in advice([a_label()])
    assert advice([a_label()], explored=True) == ""
