"""Rewards of logs that the real runtime wrote."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from tests.shared import shared_path
from tests.unit.assembly.real_logs import sessions_below
from tracebridge.adapters.sessions.discover import session_files
from tracebridge.assembly.episodes import assign_episodes
from tracebridge.assembly.trajectories import UnitKind, assemble
from tracebridge.assembly.turns import group_turns
from tracebridge.crediting.profiles import DEFAULT_PROFILE
from tracebridge.crediting.rewards import reward_of
from tracebridge.domain.events import ScrubbedEvent
from tracebridge.domain.trajectory import Reward

FOLDERS = [
    ("session-logs", "openclaw"),
    ("openclaw-live", "2026.4.15", "state-dir"),
    ("openclaw-live", "2026.7.1", "state-dir"),
]


def rewards_of(sessions: Sequence[Sequence[ScrubbedEvent]]) -> list[Reward]:
    turns = [turn for events in sessions for turn in group_turns(events)]
    turns_, _ = assign_episodes(turns, episode_gap=timedelta(hours=4))
    trajectories = assemble(turns_, [], unit_kind=UnitKind.EPISODE)
    return [reward_of(it, [], DEFAULT_PROFILE) for it in trajectories]


def reword(text: str) -> str:
    return text.replace("error", "issue").replace("Error", "Issue").replace("ERROR", "ISSUE")


def reword_block(block: dict[str, Any]) -> dict[str, Any]:
    prose: dict[str, Any] = {
        key: reword(block[key]) for key in ("text", "thinking") if key in block
    }
    if block["type"] == "toolCall":
        prose["arguments"] = json.loads(reword(json.dumps(block["arguments"])))
    return block | prose


def reword_line(line: str) -> str:
    """All that people, model and tools wrote; what the runtime recorded beside it stays."""
    record = json.loads(line)
    message = record.get("message", {})
    if isinstance(message.get("content"), list):
        message["content"] = [reword_block(it) for it in message["content"]]
    if "errorMessage" in message:
        message["errorMessage"] = reword(message["errorMessage"])
    return json.dumps(record)


@pytest.mark.parametrize("folder", FOLDERS, ids="/".join)
def test_renaming_every_error_in_real_logs_moves_no_reward(
    folder: tuple[str, ...], tmp_path: Path
) -> None:
    root = shared_path("data", *folder)
    altered = 0
    for path in session_files(root):
        lines = path.read_text(encoding="utf-8").rstrip("\n").split("\n")
        renamed = [reword_line(line) for line in lines]
        altered += "".join(renamed).count("issue") - "".join(lines).count("issue")
        (tmp_path / path.name).write_text("\n".join(renamed) + "\n", encoding="utf-8")
    assert altered
    assert rewards_of(sessions_below(tmp_path)) == rewards_of(sessions_below(root))


def test_a_real_reply_over_a_failed_check_scores_low_and_clean_runs_high() -> None:
    rewards = rewards_of(sessions_below(shared_path("data", *FOLDERS[1])))
    judged = sorted(it.total for it in rewards if it.total is not None)
    assert judged[0] == pytest.approx(0.125)
    assert judged[1:] == pytest.approx([1.0] * 4)
