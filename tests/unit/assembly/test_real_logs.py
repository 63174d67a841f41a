"""Turns and episodes of logs that the real runtime wrote, held against what was really sent."""

from __future__ import annotations

import json
from collections import Counter
from datetime import timedelta
from typing import Any

import pytest

from tests.shared import shared_path
from tests.unit.assembly.real_logs import sessions_below
from tracebridge.assembly.episodes import assign_episodes
from tracebridge.assembly.turns import group_turns
from tracebridge.domain.trajectory import StepKind, StepStatus, Trigger, Turn, TurnStatus

LIVE = ("openclaw-live", "2026.4.15")


def turns_of(*parts: str) -> list[Turn]:
    return [
        turn
        for events in sessions_below(shared_path("data", *parts))
        for turn in group_turns(events)
    ]


def scripted() -> list[dict[str, Any]]:
    truth = json.loads(shared_path("data", *LIVE, "TRUTH.json").read_text(encoding="utf-8"))
    turns: list[dict[str, Any]] = truth["turns"]
    return turns


def test_real_benchmark_logs_end_as_their_stop_reasons_say() -> None:
    turns = turns_of("session-logs", "openclaw")
    assert Counter(turn.status for turn in turns) == {
        TurnStatus.FAILED: 1,
        TurnStatus.OPEN: 1,
        TurnStatus.COMPLETED: 1,
        TurnStatus.ABORTED: 1,
    }
    assert all(turn.trigger is Trigger.PERSON for turn in turns)


def test_a_real_call_of_a_response_that_broke_off_has_no_result_and_its_retry_has() -> None:
    (turn,) = [it for it in turns_of("session-logs", "openclaw") if it.status is TurnStatus.OPEN]
    broken, retried = [step for step in turn.steps if step.tool_call_id == "exec:5"]
    assert (broken.status, retried.status) == (StepStatus.NO_RESULT, StepStatus.OK)
    assert (retried.duration_ms, retried.duration_inferred) == (43, False)
    responses = {step.step_id: step for step in turn.steps if step.kind is StepKind.MODEL}
    assert responses[broken.parent_step_id or ""].status is StepStatus.ERROR


def test_every_answer_that_was_really_sent_is_the_answer_of_its_turn() -> None:
    turns = turns_of(*LIVE, "state-dir")
    by_message = {
        (turn.chat_id, message_id): turn
        for turn in turns
        for message_id in turn.inbound_message_ids
    }
    answered = [it for it in scripted() if it["answer_text"] and it["answer_text"] != "NO_REPLY"]
    assert len(answered) >= 25
    for truth in answered:
        requests = [message["message_id"] for message in truth["user_messages"]]
        turns = [by_message[str(truth["chat_id"]), message_id] for message_id in requests]
        for turn in turns:
            assert turn.status is TurnStatus.COMPLETED
            assert turn.answer_text == truth["answer_text"].removeprefix("[[reply_to_current]] ")
            assert turn.thread_id == (truth["thread_id"] and str(truth["thread_id"]))
        assert (truth["transcript"]["entry_id"],) in {turn.answer_entry_ids for turn in turns}


@pytest.mark.parametrize(
    ("message_id", "status", "answer"),
    [
        (125, TurnStatus.FAILED, ""),
        (127, TurnStatus.ABORTED, "I start to answer and then"),
        (2012, TurnStatus.SILENT, ""),
    ],
)
def test_turns_without_an_answer_say_why(message_id: int, status: TurnStatus, answer: str) -> None:
    (turn,) = [it for it in turns_of(*LIVE, "state-dir") if message_id in it.inbound_message_ids]
    assert (turn.status, turn.answer_text) == (status, answer)


@pytest.mark.parametrize("version", ["2026.4.15", "2026.7.1"])
def test_real_episodes_are_told_apart_by_chat_topic_and_new_session(version: str) -> None:
    """Two direct chats in one session, a group, two topics, and one chat again after /new."""
    turns = turns_of("openclaw-live", version, "state-dir")
    _, episodes = assign_episodes(turns, episode_gap=timedelta(hours=4))
    persons = {turn.turn_id for turn in turns if turn.trigger is Trigger.PERSON}
    keys = Counter(it.chat_key for it in episodes if it.turn_ids[0] in persons)
    assert keys == {
        "500001": 2,
        "500002": 1,
        "-1001000000001": 1,
        "-1001000000002:topic:7": 1,
        "-1001000000002:topic:9": 1,
    }
