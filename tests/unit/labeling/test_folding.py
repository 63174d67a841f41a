"""Folding: the state depends on the updates, not on how they arrived."""

from __future__ import annotations

import random

from hypothesis import given
from hypothesis import strategies as st

from tests.feedback import CHAT, GROUP, entries, reaction
from tracebridge.domain.feedback import COUNT_ACTOR, LedgerKind, Reaction
from tracebridge.labeling.folding import fold

changes = st.lists(
    st.builds(
        reaction,
        st.integers(1, 30),
        st.sampled_from(["👍", "👎", "❤"]),
        message_id=st.integers(101, 102),
        chat_id=st.sampled_from([CHAT, GROUP]),
        actor=st.sampled_from(["actor_1", "actor_2"]),
        bot=st.sampled_from(["one", "two"]),
        after_s=st.integers(0, 4),
    ),
    max_size=25,
)


def test_the_last_change_holds_and_all_update_ids_stay() -> None:
    (state,) = fold(
        entries(
            [reaction(1, "👎"), reaction(2, "👍", after_s=1), reaction(3, "👍", "🎉", after_s=2)]
        )
    )
    assert state.emoji == ("👍", "🎉")
    assert state.update_ids == (1, 2, 3)


def test_a_withdrawal_is_a_state() -> None:
    (state,) = fold(entries([reaction(1, "👍"), reaction(2, after_s=1)]))
    assert state.emoji == ()
    assert state.update_ids == (1, 2)


def test_within_a_second_the_update_id_decides() -> None:
    (state,) = fold(entries([reaction(2, "👍"), reaction(1, "👎")]))
    assert state.emoji == ("👍",)


def test_after_a_pause_numbering_starts_anywhere_and_time_decides() -> None:
    (state,) = fold(entries([reaction(900, "👎"), reaction(5, "👍", after_s=10)]))
    assert (state.emoji, state.update_ids) == (("👍",), (900, 5))


def test_people_and_messages_stay_apart_in_order() -> None:
    states = fold(
        entries(
            [
                reaction(1, "👍", actor="b"),
                reaction(2, "👎", actor="a"),
                reaction(3, "👍", message_id=9),
                reaction(4, "👍", chat_id=GROUP),
            ]
        )
    )
    assert [(it.chat_id, it.message_id, it.actor) for it in states] == [
        (GROUP, 102, "actor_0000000000000001"),
        (CHAT, 9, "actor_0000000000000001"),
        (CHAT, 102, "a"),
        (CHAT, 102, "b"),
    ]


def test_counts_are_states_and_gaps_are_not() -> None:
    states = fold(
        entries(
            [
                reaction(1, "👍x3", actor=COUNT_ACTOR, kind=LedgerKind.REACTION_COUNT),
                reaction(2, actor="", kind=LedgerKind.GAP),
                reaction(3, actor="", kind=LedgerKind.IMPORT),
            ]
        )
    )
    assert [it.actor for it in states] == [COUNT_ACTOR]


@given(updates=changes, seed=st.integers(0, 100))
def test_order_and_repetition_of_arrival_do_not_matter(updates: list[Reaction], seed: int) -> None:
    chance = random.Random(seed)
    arrived = updates + chance.choices(updates, k=len(updates)) if updates else []
    chance.shuffle(arrived)
    assert fold(entries(arrived)) == fold(entries(updates))


@given(updates=changes)
def test_each_state_is_the_newest_change_of_its_place(updates: list[Reaction]) -> None:
    states = {(it.chat_id, it.message_id, it.actor): it for it in fold(entries(updates))}
    assert states.keys() == {(it.chat_id, it.message_id, it.actor) for it in updates}
    for place, state in states.items():
        own = [it for it in updates if (it.chat_id, it.message_id, it.actor) == place]
        newest = max((it.date, it.update_id) for it in own)
        assert state.date == newest[0]
        assert state.emoji in [it.new for it in own if (it.date, it.update_id) == newest]
        assert set(state.update_ids) == {it.update_id for it in own}
