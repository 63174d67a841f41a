"""Writes recorded turns as the three datasets that Agent Lightning's vocabulary knows.

Bytes depend on the turns and rewards alone. A turn without a reward keeps ``null`` in
``messages.jsonl`` and has no line in ``triplets.jsonl``: silence is never filled with zero.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path

from tracebridge.adapters.agent_lightning.conversation import Conversation, conversation_of
from tracebridge.adapters.agent_lightning.rollouts import Document, rollout_row
from tracebridge.domain.errors import ConsumerError
from tracebridge.domain.trajectory import Reward, Trajectory

MESSAGES = "messages.jsonl"
TRIPLETS = "triplets.jsonl"
ROLLOUT_EVENTS = "rollout_events.jsonl"
FILES = (MESSAGES, TRIPLETS, ROLLOUT_EVENTS)


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
    ordered = in_log_order(trajectories)
    made: dict[str, Callable[[Trajectory], Document | None]] = {
        MESSAGES: lambda each: _messages_row(each, rewards.get(each.turn.turn_id), split_of),
        TRIPLETS: lambda each: _triplet_row(each, rewards.get(each.turn.turn_id), split_of),
        ROLLOUT_EVENTS: lambda each: rollout_row(
            each, rewards.get(each.turn.turn_id), split_of(each.unit)
        ),
    }
    return {name: _write(folder / name, ordered, row_of) for name, row_of in made.items()}


def in_log_order(trajectories: Iterable[Trajectory]) -> list[Trajectory]:
    """By session, position in it, and turn id."""
    return sorted(
        trajectories, key=lambda each: (each.turn.session_id, each.turn.seq, each.turn.turn_id)
    )


def _write(
    path: Path, trajectories: Sequence[Trajectory], row_of: Callable[[Trajectory], Document | None]
) -> int:
    rows = 0
    try:
        with path.open("w", encoding="utf-8", newline="\n") as file:
            for trajectory in trajectories:
                row = row_of(trajectory)
                if row is not None:
                    file.write(_line(row))
                    rows += 1
    except OSError as error:
        raise ConsumerError(f"{path.name}: cannot be written ({error.strerror})") from error
    except ValueError as error:
        raise ConsumerError(
            f"{path.name}: turn {trajectory.turn.turn_id} holds a value that JSON cannot hold;"
            " check its reward"
        ) from error
    return rows


def _line(row: Document) -> str:
    text = json.dumps(
        row, ensure_ascii=False, allow_nan=False, sort_keys=True, separators=(",", ":")
    )
    return text + "\n"


def _messages_row(
    trajectory: Trajectory, reward: Reward | None, split_of: Callable[[str], str]
) -> Document | None:
    conversation = conversation_of(trajectory.turn)
    if conversation is None:
        return None
    turn = trajectory.turn
    return {
        "turn_id": turn.turn_id,
        "session_id": turn.session_id,
        "unit": trajectory.unit,
        "arm": trajectory.arm,
        "model": turn.model,
        "split": split_of(trajectory.unit),
        "messages": list(conversation.messages),
        "omitted_tool_calls": conversation.omitted_calls,
        "reward": None if reward is None else reward.total,
        "label": None if reward is None else reward.label,
    }


def _triplet_row(
    trajectory: Trajectory, reward: Reward | None, split_of: Callable[[str], str]
) -> Document | None:
    conversation: Conversation | None = conversation_of(trajectory.turn)
    if conversation is None or reward is None or reward.total is None:
        return None
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
            "split": split_of(trajectory.unit),
            "profile": reward.profile,
            "label": reward.label,
            "evidence_weight": reward.evidence_weight,
        },
    }
