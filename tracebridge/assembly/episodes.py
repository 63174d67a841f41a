"""Turns into episodes: stretches of one conversation without a reset and without a long pause.

An episode is the unit of split and inference where the agent has one owner. Its id comes from its
first turn and nothing that happens later changes it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from datetime import timedelta

from tracebridge.domain.trajectory import Episode, Trigger, Turn

type _Strand = tuple[str, int, str, bool]


def assign_episodes(
    turns: Sequence[Turn], *, episode_gap: timedelta
) -> tuple[tuple[Turn, ...], tuple[Episode, ...]]:
    """Give every turn its episode.

    Turns share an episode if they have chat key and session in common, no reset lies between
    them, and nowhere between them a pause exceeds ``episode_gap``. Turns that people started and
    turns that machines started (cron, heartbeats, notices) are told apart: a heartbeat every half
    hour would otherwise keep one episode alive for ever. A person's turn that names no chat goes
    on where a person spoke last in its session: some releases name the chat only of turns that
    were answered, and a failure must not fall into another unit for being one.

    Args:
        turns: of any number of sessions, in any order.
        episode_gap: longest pause from the end of one turn to the start of the next.

    Returns:
        The turns with their ``episode_id``, by start; the episodes, by start.
    """
    strands: dict[_Strand, list[Turn]] = {}
    for turn, strand in _with_strands(turns):
        strands.setdefault(strand, []).append(turn)
    stretches = [
        stretch for strand in strands.values() for stretch in _without_pauses(strand, episode_gap)
    ]
    episodes = sorted(map(_episode_of, stretches), key=lambda it: (it.started_at, it.episode_id))
    assigned = [
        replace(turn, episode_id=episode_id(stretch[0].turn_id))
        for stretch in stretches
        for turn in stretch
    ]
    return tuple(sorted(assigned, key=_by_start)), tuple(episodes)


def chat_key(turn: Turn) -> str:
    """What tells conversations apart: chat id, ``<chat>:topic:<thread>`` in a forum.

    Topics of a forum are different conversations with different people in them. Where the log
    names no chat, its session stands for it: ``session:<session id>``.
    """
    if turn.chat_id is None:
        return f"session:{turn.session_id}"
    return turn.chat_id if turn.thread_id is None else f"{turn.chat_id}:topic:{turn.thread_id}"


def episode_id(first_turn_id: str) -> str:
    """``ep_`` and the digits of the episode's first turn: it walks back by itself."""
    return f"ep_{first_turn_id.removeprefix('tn_')}"


def is_first_in_episode(turn: Turn) -> bool:
    """Whether a turn that has its episode began it."""
    return turn.episode_id == episode_id(turn.turn_id)


def _by_start(turn: Turn) -> tuple[object, ...]:
    return (turn.started_at, turn.session_id, turn.seq)


def _with_strands(turns: Iterable[Turn]) -> Iterator[tuple[Turn, _Strand]]:
    """Each turn, session by session in order, with what it must share to share an episode."""
    resets: dict[str, int] = {}
    spoken_in: dict[str, str] = {}
    for turn in sorted(turns, key=lambda it: (it.session_id, it.seq)):
        session = turn.session_id
        resets[session] = resets.get(session, 0) + turn.after_reset
        is_person = turn.trigger is Trigger.PERSON
        conversation = chat_key(turn)
        if is_person and turn.chat_id is None:
            conversation = spoken_in.get(session, conversation)
        elif is_person:
            spoken_in[session] = conversation
        yield turn, (session, resets[session], conversation, is_person)


def _without_pauses(turns: Sequence[Turn], episode_gap: timedelta) -> Iterator[list[Turn]]:
    stretch = [turns[0]]
    quiet_since = turns[0].ended_at
    for turn in turns[1:]:
        if turn.started_at - quiet_since > episode_gap:
            yield stretch
            stretch = []
        stretch.append(turn)
        quiet_since = max(quiet_since, turn.ended_at)
    yield stretch


def _episode_of(stretch: Sequence[Turn]) -> Episode:
    first = stretch[0]
    return Episode(
        episode_id=episode_id(first.turn_id),
        chat_key=chat_key(first),
        session_id=first.session_id,
        turn_ids=tuple(turn.turn_id for turn in stretch),
        started_at=first.started_at,
        ended_at=max(turn.ended_at for turn in stretch),
    )
