"""Where one episode ends and the next begins."""

from __future__ import annotations

from datetime import timedelta
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.unit.assembly.session import Session
from tracebridge.assembly.episodes import assign_episodes, chat_key, is_first_in_episode
from tracebridge.assembly.turns import group_turns
from tracebridge.domain.trajectory import Episode, Turn

GAP = timedelta(hours=4)


def episodes_of(*logs: Session) -> tuple[tuple[Turn, ...], tuple[Episode, ...]]:
    turns = [turn for log in logs for turn in group_turns(log.events)]
    return assign_episodes(turns, episode_gap=GAP)


def ask(log: Session, times: int = 1, **options: str) -> Session:
    for _ in range(times):
        log.wait(seconds=1).user(**options).wait(seconds=1).reply("yes")
    return log


def test_an_episode_is_named_by_its_first_turn() -> None:
    turns, (episode,) = episodes_of(ask(Session(), 3))
    assert episode.episode_id == turns[0].turn_id.replace("tn_", "ep_")
    assert {turn.episode_id for turn in turns} == {episode.episode_id}
    assert episode.turn_ids == tuple(turn.turn_id for turn in turns)
    assert (episode.chat_key, episode.session_id) == ("500001", "s1")
    assert (episode.started_at, episode.ended_at) == (turns[0].started_at, turns[2].ended_at)
    assert [is_first_in_episode(turn) for turn in turns] == [True, False, False]


@pytest.mark.parametrize(("pause", "expected"), [(GAP, 1), (GAP + timedelta(seconds=1), 2)])
def test_only_a_pause_longer_than_the_gap_ends_an_episode(pause: timedelta, expected: int) -> None:
    log = ask(Session())
    log.at += pause
    _, episodes = episodes_of(ask(log.wait(seconds=-1)))
    assert len(episodes) == expected


def test_the_pause_is_counted_from_the_end_of_the_turn() -> None:
    log = Session().user().reply(calls=(("c1", "exec"),)).wait(hours=5).result("c1").reply("done")
    _, episodes = episodes_of(ask(log.wait(hours=3)))
    assert len(episodes) == 1


def test_a_conversation_that_never_pauses_long_is_one_episode() -> None:
    log = Session()
    for _ in range(4):
        ask(log.wait(hours=3))
    _, episodes = episodes_of(log)
    assert len(episodes) == 1


def test_a_reset_ends_the_episode_in_the_same_session() -> None:
    _, episodes = episodes_of(ask(ask(Session(), 2).reset(), 2))
    assert [len(it.turn_ids) for it in episodes] == [2, 2]


def test_a_reset_counts_although_a_heartbeat_comes_first_after_it() -> None:
    log = ask(ask(Session()).reset(), trigger="heartbeat")
    _, episodes = episodes_of(ask(log))
    assert len(episodes) == 3


def test_another_session_of_one_chat_is_another_episode() -> None:
    _, episodes = episodes_of(ask(Session("s1")), ask(Session("s2")))
    assert [it.chat_key for it in episodes] == ["500001", "500001"]


def test_chats_and_topics_that_share_a_session_are_told_apart() -> None:
    log = ask(Session())
    ask(log, chat_id="500002")
    ask(log, chat_id="-1001", thread_id="7")
    ask(log, chat_id="-1001", thread_id="9")
    ask(log)
    _, episodes = episodes_of(log)
    assert [it.chat_key for it in episodes] == [
        "500001",
        "500002",
        "-1001:topic:7",
        "-1001:topic:9",
    ]
    assert len(episodes[0].turn_ids) == 2


def test_where_no_chat_is_named_the_session_stands_for_it() -> None:
    turns, (episode,) = episodes_of(ask(Session("s9", chat_id=None), 2))
    assert episode.chat_key == chat_key(turns[0]) == "session:s9"


def test_a_turn_without_a_chat_goes_on_where_a_person_spoke_last() -> None:
    """Where a log names the chat of answered turns only, a failure stays in its episode."""
    log = ask(Session(chat_id=None))
    ask(log, chat_id="500001")
    ask(log, trigger="heartbeat")
    log.wait(seconds=1).user().wait(seconds=1).reply(stop="error")
    ask(log, chat_id="500002")
    ask(log, chat_id="500001")
    turns, episodes = episodes_of(log)
    assert [len(it.turn_ids) for it in episodes] == [1, 3, 1, 1]
    assert [it.chat_key for it in episodes] == ["session:s1", "500001", "session:s1", "500002"]
    assert turns[3].episode_id == episodes[1].episode_id


def test_heartbeats_keep_no_episode_of_a_person_alive() -> None:
    log = ask(Session(chat_id=None))
    for _ in range(12):
        ask(log.wait(minutes=30), trigger="heartbeat")
    turns, episodes = episodes_of(ask(log))
    persons = [it for it in episodes if turns[0].turn_id in it.turn_ids]
    assert len(persons[0].turn_ids) == 1
    assert is_first_in_episode(turns[-1])


STEPS = st.lists(
    st.tuples(
        st.sampled_from(["500001", "500002"]),
        st.sampled_from(["person", "person", "heartbeat"]),
        st.sampled_from([1, 60, 239, 241, 1000]),
        st.booleans(),
    ),
    max_size=15,
)


def history(steps: list[tuple[str, str, int, bool]], session_id: str = "s1") -> list[Turn]:
    log = Session(session_id)
    for chat, trigger, minutes, reset in steps:
        if reset:
            log.reset()
        ask(log.wait(minutes=minutes), chat_id=chat, trigger=trigger)
    return list(group_turns(log.events))


@given(STEPS, st.integers(0, 15))
def test_later_turns_never_change_an_episode_id(
    steps: list[tuple[str, str, int, bool]], cut: int
) -> None:
    before, _ = assign_episodes(history(steps[:cut]), episode_gap=GAP)
    after, _ = assign_episodes(history(steps), episode_gap=GAP)
    ids = {turn.turn_id: turn.episode_id for turn in after}
    assert all(ids[turn.turn_id] == turn.episode_id for turn in before)


@given(STEPS, st.randoms(use_true_random=False))
def test_the_order_of_turns_that_come_in_does_not_matter(
    steps: list[tuple[str, str, int, bool]], random: Random
) -> None:
    turns = history(steps) + history(steps[::-1], "s2")
    shuffled = list(turns)
    random.shuffle(shuffled)
    assert assign_episodes(shuffled, episode_gap=GAP) == assign_episodes(turns, episode_gap=GAP)


@given(STEPS)
def test_episodes_partition_the_turns(steps: list[tuple[str, str, int, bool]]) -> None:
    turns, episodes = assign_episodes(history(steps), episode_gap=GAP)
    listed = [turn_id for episode in episodes for turn_id in episode.turn_ids]
    assert sorted(listed) == sorted(turn.turn_id for turn in turns)
    by_id = {episode.episode_id: episode for episode in episodes}
    assert len(by_id) == len(episodes)
    assert all(turn.turn_id in by_id[turn.episode_id].turn_ids for turn in turns)
