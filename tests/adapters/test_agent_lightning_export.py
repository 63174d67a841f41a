from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import pytest

from tests.adapters.agent_lightning_turns import (
    REWARDS,
    TRAJECTORIES,
    model_step,
    reward,
    split_of,
    tool_step,
    trajectory,
    with_tools,
)
from tests.shared import REPOSITORY
from tracebridge.adapters.agent_lightning.conversation import conversation_of
from tracebridge.adapters.agent_lightning.export import FILES, write_exports
from tracebridge.adapters.agent_lightning.exporter import AgentLightningExporter
from tracebridge.adapters.agent_lightning.rollouts import rollout_events, rollout_id_of
from tracebridge.domain.errors import ConsumerError
from tracebridge.ports import Exporter
from tracebridge.replay import split

GOLDEN = REPOSITORY / "tests" / "golden" / "agent_lightning"


def rows(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


@pytest.fixture
def exported(tmp_path: Path) -> Path:
    write_exports(tmp_path, TRAJECTORIES, REWARDS, split_of=split_of)
    return tmp_path


@pytest.mark.parametrize("name", FILES)
def test_the_bytes_are_the_golden_ones(exported: Path, name: str) -> None:
    assert (exported / name).read_bytes() == (GOLDEN / name).read_bytes()


def test_counts_are_the_lines_that_were_written(tmp_path: Path) -> None:
    counts = write_exports(tmp_path, TRAJECTORIES, REWARDS, split_of=split_of)
    assert counts == {"messages.jsonl": 3, "triplets.jsonl": 2, "rollout_events.jsonl": 5}
    assert counts == {name: len(rows(tmp_path / name)) for name in FILES}


def test_the_order_of_the_turns_given_changes_no_byte(exported: Path, tmp_path: Path) -> None:
    again = tmp_path / "again"
    again.mkdir()
    write_exports(again, TRAJECTORIES[::-1], REWARDS, split_of=split_of)
    for name in FILES:
        assert (again / name).read_bytes() == (exported / name).read_bytes()


def test_a_missing_reward_is_null_or_no_line_and_a_zero_is_a_zero(exported: Path) -> None:
    by_turn = {row["turn_id"]: row for row in rows(exported / "messages.jsonl")}
    assert by_turn["tn_plain"]["reward"] is None
    assert by_turn["tn_plain"]["label"] is None
    assert by_turn["tn_other"]["reward"] == 0.0
    assert [row["turn_id"] for row in rows(exported / "triplets.jsonl")] == ["tn_tools", "tn_other"]


def test_a_turn_without_an_entry_in_the_rewards_has_no_reward_event() -> None:
    events = rollout_events(trajectory("tn_x").turn, None)
    assert [event["event_type"] for event in events] == ["model_request"]


def test_each_row_carries_the_split_of_its_unit(exported: Path) -> None:
    for row in rows(exported / "messages.jsonl"):
        assert row["split"] == split_of(row["unit"])
    for row in rows(exported / "rollout_events.jsonl"):
        details = row["rollout"]["metadata"]
        assert details["split"] == split_of(details["unit"])
        assert row["rollout"]["is_train"] is (details["split"] == "train")


def test_tool_rounds_stand_between_request_and_answer_and_open_calls_are_counted() -> None:
    conversation = conversation_of(with_tools().turn)
    assert conversation is not None
    assert [message["role"] for message in conversation.messages] == [
        "user",
        "assistant",
        "tool",
        "assistant",
    ]
    assert conversation.omitted_calls == 1


def test_what_came_after_the_answer_is_no_part_of_the_way_to_it() -> None:
    answer = model_step("tn_x", 0, "Done.", event_id="ev_answer")
    later = model_step("tn_x", 1, None)
    made = trajectory("tn_x", answer="Done.", steps=(later, tool_step("tn_x", 2, later), answer))
    assert conversation_of(made.turn).messages[1]["role"] == "assistant"  # type: ignore[union-attr]
    reordered = trajectory("tn_x", answer="Done.", steps=(answer,)).turn
    assert len(conversation_of(reordered).messages) == 2  # type: ignore[union-attr]


def test_recorded_times_travel_in_the_data_and_the_reward_is_last(exported: Path) -> None:
    row = rows(exported / "rollout_events.jsonl")[0]
    assert [event["event_type"] for event in row["events"]] == [
        "model_request",
        "tool",
        "tool",
        "model_request",
        "reward",
    ]
    assert row["events"][1]["data"]["recorded_at"] == "2026-03-01T09:00:01.250Z"
    assert row["events"][-1]["data"]["value"] == 0.75


def test_no_message_is_repeated_from_request_to_request(exported: Path) -> None:
    row = rows(exported / "rollout_events.jsonl")[0]
    first, second = (event["data"] for event in row["events"] if "request" in event["data"])
    assert [message["role"] for message in first["request"]["messages"]] == ["user"]
    assert [message["role"] for message in second["request"]["messages"]] == ["tool"]
    assert second["request"]["continues_previous"] is True


def test_rollout_ids_come_from_the_turn_alone() -> None:
    assert rollout_id_of("tn_1") == rollout_id_of("tn_1") != rollout_id_of("tn_2")


def test_a_reward_that_is_no_number_is_refused_before_it_is_written(tmp_path: Path) -> None:
    with pytest.raises(ConsumerError, match="tn_plain"):
        write_exports(
            tmp_path,
            (trajectory("tn_plain"),),
            {"tn_plain": reward("tn_plain", math.nan)},
            split_of=split_of,
        )


def test_the_exporter_is_the_port_and_splits_as_the_replay_set_does(tmp_path: Path) -> None:
    exporter: Exporter = AgentLightningExporter(seed=7, train_fraction=0.5)
    counts = exporter.export(tmp_path, TRAJECTORIES, REWARDS)
    for row in rows(tmp_path / "messages.jsonl"):
        assert row["split"] == split.split_of(row["unit"], seed=7, train_fraction=0.5)
    assert exporter.check(tmp_path, counts)["problems"] == []
