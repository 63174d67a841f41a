"""Writes recorded turns as the three datasets that Agent Lightning's vocabulary knows.

Bytes depend on the turns and rewards alone. A turn without a reward keeps ``null`` in
``messages.jsonl`` and has no line in ``triplets.jsonl``: silence is never filled with zero.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from contextlib import ExitStack
from pathlib import Path

from tracebridge.adapters.agent_lightning.conversation import Conversation, conversation_of
from tracebridge.adapters.agent_lightning.rollouts import Document, rollout_row
from tracebridge.domain.errors import ConsumerError
from tracebridge.domain.trajectory import Reward, Trajectory

MESSAGES = "messages.jsonl"
TRIPLETS = "triplets.jsonl"
ROLLOUT_EVENTS = "rollout_events.jsonl"
FILES = (MESSAGES, TRIPLETS, ROLLOUT_EVENTS)

_encode = json.JSONEncoder(
    ensure_ascii=False, allow_nan=False, sort_keys=True, separators=(",", ":")
).encode


def write_exports(
    folder: Path,
    trajectories: Iterable[Trajectory],
    rewards: Mapping[str, Reward],
    *,
    split_of: Callable[[str], str],
) -> dict[str, int]:
    """Write the three files into ``folder``, which exists; returns file name to rows.

    Args:
        folder: files of the same names in it are replaced.
        trajectories: one per turn, in any order.
        rewards: by turn id; a turn may be missing.
        split_of: from a unit to ``train`` or ``holdout``.

    Raises:
        ConsumerError: a value cannot be written as JSON, or the folder cannot be written.
    """
    rows = dict.fromkeys(FILES, 0)
    try:
        with ExitStack() as opened:
            files = {
                name: opened.enter_context(
                    (folder / name).open("w", encoding="utf-8", newline="\n")
                )
                for name in FILES
            }
            for trajectory in in_log_order(trajectories):
                turn_id = trajectory.turn.turn_id
                made = _rows_of(trajectory, rewards.get(turn_id), split_of(trajectory.unit))
                for name, row in made.items():
                    files[name].write(_line(row, name, turn_id))
                    rows[name] += 1
    except OSError as error:
        name = Path(error.filename or folder).name
        raise ConsumerError(f"{name}: cannot be written ({error.strerror})") from error
    return rows


def in_log_order(trajectories: Iterable[Trajectory]) -> list[Trajectory]:
    """By session, position in it, and turn id."""
    return sorted(
        trajectories, key=lambda each: (each.turn.session_id, each.turn.seq, each.turn.turn_id)
    )


def _line(row: Document, name: str, turn_id: str) -> str:
    try:
        return _encode(row) + "\n"
    except ValueError as error:
        raise ConsumerError(
            f"{name}: turn {turn_id} holds a value that JSON cannot hold; check its reward"
        ) from error


def _rows_of(trajectory: Trajectory, reward: Reward | None, split: str) -> dict[str, Document]:
    """What the files say of one turn, by file name; a file that says nothing is absent."""
    rows: dict[str, Document] = {}
    conversation = conversation_of(trajectory.turn)
    if conversation is not None:
        rows[MESSAGES] = _messages_row(trajectory, conversation, reward, split)
        if reward is not None and reward.total is not None:
            rows[TRIPLETS] = _triplet_row(trajectory, reward, split)
    rollout = rollout_row(trajectory, reward, split)
    if rollout is not None:
        rows[ROLLOUT_EVENTS] = rollout
    return rows


def _messages_row(
    trajectory: Trajectory, conversation: Conversation, reward: Reward | None, split: str
) -> Document:
    turn = trajectory.turn
    return {
        "turn_id": turn.turn_id,
        "session_id": turn.session_id,
        "unit": trajectory.unit,
        "arm": trajectory.arm,
        "model": turn.model,
        "split": split,
        "messages": list(conversation.messages),
        "omitted_tool_calls": conversation.omitted_calls,
        "reward": None if reward is None else reward.total,
        "label": None if reward is None else reward.label,
    }


def _triplet_row(trajectory: Trajectory, reward: Reward, split: str) -> Document:
    turn = trajectory.turn
    return {
        "turn_id": turn.turn_id,
        "prompt": turn.request_text,
        "response": turn.answer_text,
        "reward": reward.total,
        "metadata": {
            "session_id": turn.session_id,
            "unit": trajectory.unit,
            "arm": trajectory.arm,
            "model": turn.model,
            "split": split,
            "profile": reward.profile,
            "label": reward.label,
            "evidence_weight": reward.evidence_weight,
        },
    }
