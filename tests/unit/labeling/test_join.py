"""From states to labels: order of evidence, the chunk rule, weights, and reasons for none."""

from __future__ import annotations

import random
from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.unit.labeling.chats import GROUP, LATER, OWNER, at, part, state, turn
from tracebridge.domain.feedback import (
    COUNT_ACTOR,
    DeliveredChunk,
    JoinRule,
    LabelScope,
    ReactionState,
    Unjoined,
)
from tracebridge.domain.trajectory import Turn, TurnStatus
from tracebridge.labeling.join import JoinResult, join
from tracebridge.labeling.mapping import DEFAULT_MAPPING
from tracebridge.labeling.placement import MAP_COMPLETE, MAP_INCOMPLETE

TURNS = [turn(101), turn(103, chars=9_622), turn(107), turn(109)]
MAP = [
    part(104, "500001/103", 0, final=False),
    part(105, "500001/103", 1, final=False),
    part(106, "500001/103", 2),
]


def joined(
    *states: ReactionState,
    turns: list[Turn] | None = None,
    deliveries: list[DeliveredChunk] | None = None,
) -> JoinResult:
    return join(states, turns or TURNS, deliveries or [], DEFAULT_MAPPING, until=LATER)


def why(*states: ReactionState, **given_: list[DeliveredChunk]) -> list[Unjoined]:
    result = joined(*states, **given_)
    assert not result.labels
    return [it.why for it in result.unjoined]


def test_a_label_names_what_it_came_from() -> None:
    (label,) = joined(state(106, "👍", updates=(810, 811))).labels
    assert (label.turn_id, label.session_id, label.chat_id) == ("tn_500001/103", "s1", OWNER)
    assert (label.score, label.scope, label.rule) == (1.0, LabelScope.BATCH, JoinRule.BRACKET)
    assert (label.anchor_message_id, label.chunk_ids) == (106, (104, 105, 106))
    assert (label.update_ids, label.weight, label.reacted_at) == ((810, 811), 1.0, at(10_000))
    assert label.label_id.startswith("lb_")
    assert len(label.label_id) == 27


def test_label_ids_come_from_chat_message_and_updates() -> None:
    def label_id(it: ReactionState) -> str:
        return joined(it).labels[0].label_id

    one = label_id(state(106, "👍"))
    assert label_id(replace(state(106, "👎"), actor="actor_2")) == one
    assert one not in {label_id(state(102, "👍")), label_id(state(106, "👍", updates=(1, 2)))}


@pytest.mark.parametrize(
    ("reacted", "reason"),
    [
        (state(106), Unjoined.WITHDRAWN),
        (state(106, "👍", actor_is_bot=True), Unjoined.BOT),
        (state(106, "👀"), Unjoined.ACKNOWLEDGEMENT),
        (state(106, "🔥"), Unjoined.UNMAPPED),
        (state(106, "custom:1"), Unjoined.UNMAPPED),
        (state(106, "👍x3", actor=COUNT_ACTOR), Unjoined.ANONYMOUS_COUNT),
        (state(106, "👍", "👎"), Unjoined.CONFLICTING),
        (state(107, "👍"), Unjoined.USER_MESSAGE),
        (state(99, "👍"), Unjoined.NO_TURN),
        (state(106, "👍", chat=GROUP), Unjoined.NO_TURN),
        (state(111, "👍"), Unjoined.PENDING),
        (state(107, "🔥"), Unjoined.UNMAPPED),
    ],
)
def test_what_labels_nothing_is_kept_with_the_reason(
    reacted: ReactionState, reason: Unjoined
) -> None:
    assert why(reacted) == [reason]


def test_without_reactions_there_are_no_labels() -> None:
    assert joined() == JoinResult((), ())


def test_nothing_from_until_on_is_seen() -> None:
    early, late = state(102, "👍", date=at(200)), state(106, "👍", date=at(201))
    result = join([early, late], TURNS, [], DEFAULT_MAPPING, until=at(201))
    assert [it.anchor_message_id for it in result.labels] == [102]
    assert not result.unjoined


class TestWeights:
    def test_labels_of_one_answer_share_one(self) -> None:
        labels = joined(*(state(106, "👍", actor=f"actor_{n}", updates=(n,)) for n in range(4)))
        assert [it.weight for it in labels.labels] == [0.25] * 4

    def test_a_chunk_label_counts_only_without_a_batch_label(self) -> None:
        chunk, batch = state(105, "👎"), state(106, "👍")
        first, second = joined(chunk, batch).labels
        assert (first.scope, first.weight) == (LabelScope.CHUNK, 0.0)
        assert (second.scope, second.weight) == (LabelScope.BATCH, 1.0)
        (alone,) = joined(chunk).labels
        assert (alone.scope, alone.weight) == (LabelScope.CHUNK, 1.0)

    def test_neighbors_stay_untouched(self) -> None:
        labels = joined(state(102, "👎"), state(105, "👍"), state(108, "👎")).labels
        assert [it.weight for it in labels] == [1.0, 1.0, 1.0]
        assert [it.chunk_ids for it in labels] == [(102,), (104, 105, 106), (108,)]


class TestDeliveryMap:
    def test_it_speaks_before_the_brackets(self) -> None:
        """The map ties 108 to another answer than the requests around it would."""
        (label,) = joined(state(108, "👍"), deliveries=[part(108, "500001/101")]).labels
        assert (label.turn_id, label.rule) == ("tn_500001/101", JoinRule.DELIVERY_MAP)
        assert (label.confidence, label.chunk_ids) == (MAP_COMPLETE, (108,))

    def test_the_final_part_labels_the_batch_and_others_a_chunk(self) -> None:
        chunk, _, batch = joined(
            *(state(it, "👍") for it in (104, 105, 106)), deliveries=MAP
        ).labels
        assert (chunk.scope, batch.scope) == (LabelScope.CHUNK, LabelScope.BATCH)
        assert chunk.chunk_ids == batch.chunk_ids == (104, 105, 106)
        assert (chunk.confidence, chunk.weight, batch.weight) == (MAP_COMPLETE, 0.0, 1.0)

    @pytest.mark.parametrize("missing", [104, 105])
    def test_a_batch_with_a_hole_is_less_sure(self, missing: int) -> None:
        deliveries = [it for it in MAP if it.message_id != missing]
        (label,) = joined(state(106, "👍"), deliveries=deliveries).labels
        assert (label.scope, label.confidence) == (LabelScope.BATCH, MAP_INCOMPLETE)
        assert missing not in label.chunk_ids

    def test_without_its_final_part_the_highest_known_is_not_the_last(self) -> None:
        (label,) = joined(state(105, "👍"), deliveries=MAP[:2]).labels
        assert (label.scope, label.confidence) == (LabelScope.CHUNK, MAP_INCOMPLETE)

    def test_two_final_parts_are_no_whole_batch(self) -> None:
        deliveries = [replace(MAP[0], is_final=True), *MAP[1:]]
        (label,) = joined(state(106, "👍"), deliveries=deliveries).labels
        assert label.confidence == MAP_INCOMPLETE

    def test_an_answer_that_no_turn_gave_labels_nothing(self) -> None:
        assert why(state(102, "👍"), deliveries=[part(102, "unknown")]) == [Unjoined.NO_TURN]

    def test_an_answer_in_another_chat_is_not_this_one(self) -> None:
        """Entry ids of old versions have eight digits."""
        deliveries = [part(2002, "500001/101", chat=GROUP)]
        assert why(state(2002, "👍", chat=GROUP), deliveries=deliveries) == [Unjoined.NO_TURN]

    def test_a_turn_without_a_chat_is_found_by_its_entry(self) -> None:
        turns = [turn(entry="e", minutes=1, chat=None)]
        (label,) = joined(state(5, "👍"), turns=turns, deliveries=[part(5, "e")]).labels
        assert (label.turn_id, label.chat_id) == ("tn_e", OWNER)

    def test_a_partial_answer_of_a_stopped_run_labels_nothing(self) -> None:
        stopped = replace(turn(101), status=TurnStatus.ABORTED)
        result = joined(state(102, "👍"), turns=[stopped], deliveries=[part(102, "500001/101")])
        assert [it.why for it in result.unjoined] == [Unjoined.NO_TURN]

    def test_a_message_without_a_record_is_no_part_where_the_map_speaks(self) -> None:
        """Between mapped messages, or beside a mapped part of the same answer: a notice."""
        around = [part(102, "500001/101"), part(110, "500001/109")]
        assert why(state(108, "👍"), deliveries=around) == [Unjoined.AMBIGUOUS]
        beside = [part(104, "500001/103", 0, final=False)]
        assert why(state(106, "👍"), deliveries=beside) == [Unjoined.AMBIGUOUS]

    def test_before_the_map_began_the_brackets_speak(self) -> None:
        (label,) = joined(state(102, "👍"), deliveries=[part(108, "500001/107")]).labels
        assert label.rule is JoinRule.BRACKET


@given(
    picks=st.lists(
        st.tuples(
            st.integers(98, 112),
            st.sampled_from([(), ("👍",), ("👎",), ("🔥",), ("👍", "👎"), ("❤️", "👀")]),
            st.sampled_from(["a", "b", COUNT_ACTOR]),
        ),
        max_size=20,
        unique_by=lambda it: (it[0], it[2]),
    ),
    has_map=st.booleans(),
    seed=st.integers(0, 9),
)
def test_every_reaction_is_a_label_or_has_a_reason(
    picks: list[tuple[int, tuple[str, ...], str]], has_map: bool, seed: int
) -> None:
    states = [
        state(message_id, *emoji, actor=actor, updates=(number,))
        for number, (message_id, emoji, actor) in enumerate(picks)
    ]
    deliveries = MAP if has_map else []
    result = joined(*states, deliveries=deliveries)
    assert len(result.labels) + len(result.unjoined) == len(states)
    assert len({it.label_id for it in result.labels}) == len(result.labels)

    per_turn: dict[str, float] = {}
    for label in result.labels:
        per_turn[label.turn_id] = per_turn.get(label.turn_id, 0.0) + label.weight
        assert -2 <= label.score <= 2
        assert 0 < label.confidence <= 1
        assert label.anchor_message_id in label.chunk_ids
        assert list(label.chunk_ids) == sorted(set(label.chunk_ids))
    assert all(abs(total - 1) < 1e-12 for total in per_turn.values())

    chance = random.Random(seed)
    shuffled_states, shuffled_turns = states[:], TURNS[:]
    chance.shuffle(shuffled_states)
    chance.shuffle(shuffled_turns)
    again = joined(*shuffled_states, turns=shuffled_turns, deliveries=deliveries[::-1])
    assert again == result


def test_a_reaction_before_its_turn_is_not_believed() -> None:
    early = state(102, "👍", date=at(101) - timedelta(minutes=5))
    assert why(early) == [Unjoined.AMBIGUOUS]
