"""Labels over runs of the real agent whose truth is known: nothing wrong, and most of it found.

Each recorded run has ``updates.jsonl`` (reactions as Telegram sent them), ``EXPECTED-LABELS.json``
and ``TRUTH.json`` (every message of every chat and what it carries). The latter also gives a
harder trial than the recorded reactions: one on every single message. It is what the confidences
in ``tracebridge.labeling.placement`` were set on.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from tests.shared import shared_path
from tracebridge.adapters.event_store import ParquetEventStore
from tracebridge.adapters.importing import import_paths
from tracebridge.adapters.ledger import ReactionLedger
from tracebridge.adapters.pseudonyms import Pseudonyms
from tracebridge.adapters.sessions.openclaw_state import read_deliveries
from tracebridge.adapters.telegram import import_updates
from tracebridge.assembly.episodes import assign_episodes
from tracebridge.assembly.turns import group_turns
from tracebridge.domain.feedback import DeliveredChunk, JoinRule, Label, ReactionState, Unjoined
from tracebridge.domain.trajectory import Trigger, Turn, TurnStatus
from tracebridge.labeling.folding import fold
from tracebridge.labeling.join import JoinResult, join
from tracebridge.labeling.mapping import DEFAULT_MAPPING, unmapped_emoji

UNTIL = datetime(2026, 11, 22, tzinfo=UTC)

type Found = tuple[str, int, float, str, str]
"""Chat, anchor, score, scope, and the entry of the answer."""


@dataclass(frozen=True)
class Message:
    """One message of a chat, as the truth knows it."""

    chat_id: str
    message_id: int
    role: str
    entry_id: str | None = None
    scope: str | None = None


def run_folder(version: str) -> Path:
    return shared_path("data", "openclaw-live", version)


@cache
def document(version: str, name: str) -> Mapping[str, Any]:
    loaded: Mapping[str, Any] = json.loads((run_folder(version) / name).read_text())
    return loaded


def states_of(version: str, folder: Path) -> tuple[ReactionState, ...]:
    ledger = ReactionLedger(folder / "ledger.jsonl")
    report = import_updates(
        run_folder(version) / "updates.jsonl",
        ledger,
        bot="demo",
        pseudonyms=Pseudonyms(bytes(32)),
        received_at=UNTIL,
    )
    assert (report.new, report.quarantined) == (29, ())
    return fold(ledger.entries(UNTIL))


def imported_turns(version: str, folder: Path) -> tuple[Turn, ...]:
    store = ParquetEventStore(folder / "events")
    import_paths([run_folder(version) / "state-dir"], store)
    turns = [turn for events in store.sessions(UNTIL) for turn in group_turns(events)]
    return assign_episodes(turns, episode_gap=timedelta(hours=4))[0]


def told_turns(version: str) -> tuple[Turn, ...]:
    """Turns as the truth tells them, for a run whose transcripts no reader reads yet."""
    return tuple(
        turn for it in document(version, "TRUTH.json")["turns"] if (turn := _told_turn(it))
    )


def _told_turn(told: Mapping[str, Any]) -> Turn | None:
    inbound = tuple(
        it["message_id"] for it in told["user_messages"] if not it["text"].startswith("/")
    )
    if not inbound:
        return None
    answer = told["answer_text"] or ""
    status = TurnStatus.COMPLETED if answer else TurnStatus.FAILED
    status = TurnStatus.SILENT if answer == "NO_REPLY" else status
    entry_id = (told["transcript"] or {}).get("entry_id")
    return Turn(
        turn_id=f"tn_{told['turn']}",
        session_id="s",
        seq=told["turn"],
        episode_id="",
        trigger=Trigger.PERSON,
        chat_id=str(told["chat_id"]),
        chat_type=None,
        thread_id=told["thread_id"],
        inbound_message_ids=inbound,
        request_event_id=f"ev_{told['turn']}",
        answer_event_id=None,
        answer_entry_ids=(entry_id,) if entry_id else (),
        started_at=datetime.fromisoformat(told["started"]),
        ended_at=datetime.fromisoformat(told["started"]),
        status=status,
        request_text="",
        answer_text=answer,
        steps=(),
        model=None,
        thinking_level=None,
        latency_ms=None,
        tokens_in=None,
        tokens_out=None,
        cost_usd_micros=None,
    )


def delivery_map(version: str) -> tuple[DeliveredChunk, ...]:
    return read_deliveries(run_folder(version) / "state-dir" / "state" / "openclaw.sqlite")


def expected(version: str) -> set[Found]:
    return {
        (
            str(it["chat_id"]),
            it["anchor_message_id"],
            it["score"],
            it["scope"],
            it["transcript"]["entry_id"],
        )
        for it in document(version, "EXPECTED-LABELS.json")["labels"]
    }


def found(labels: Sequence[Label], turns: Sequence[Turn]) -> set[Found]:
    entry_of = {turn.turn_id: turn.answer_entry_ids for turn in turns}
    return {
        (it.chat_id, it.anchor_message_id, it.score, it.scope.value, *entry_of[it.turn_id])
        for it in labels
    }


def messages(version: str) -> list[Message]:
    """Every message that a reaction can rest on: drafts that were deleted are not there."""
    told: list[Message] = []
    for turn in document(version, "TRUTH.json")["turns"]:
        chat_id = str(turn["chat_id"])
        told += [Message(chat_id, it["message_id"], "user") for it in turn["user_messages"]]
        for it in turn["outbound"]:
            if it["deleted"]:
                continue
            is_answer = it["role"] == "answer_chunk"
            is_last = is_answer and it["chunk_index"] == it["chunk_count"] - 1
            told.append(
                Message(
                    chat_id,
                    it["message_id"],
                    it["role"],
                    entry_id=it["transcript"]["entry_id"] if is_answer else None,
                    scope=("batch" if is_last else "chunk") if is_answer else None,
                )
            )
    return told


def react_everywhere(
    version: str, turns: Sequence[Turn], deliveries: Sequence[DeliveredChunk]
) -> JoinResult:
    states = [
        ReactionState(
            chat_id=it.chat_id,
            message_id=it.message_id,
            actor="actor_1",
            actor_is_bot=False,
            emoji=("👍",),
            date=UNTIL - timedelta(hours=1),
            update_ids=(number,),
        )
        for number, it in enumerate(messages(version))
    ]
    return join(states, turns, deliveries, DEFAULT_MAPPING, until=UNTIL)


@pytest.mark.parametrize(("version", "at_least"), [("2026.4.15", 15), ("2026.7.1", 14)])
def test_no_label_is_wrong_and_most_are_found(version: str, at_least: int, tmp_path: Path) -> None:
    turns = imported_turns(version, tmp_path)
    states = states_of(version, tmp_path)
    result = join(states, turns, (), DEFAULT_MAPPING, until=UNTIL)
    labels = found(result.labels, turns)
    assert labels - expected(version) == set()
    assert len(labels) == len(result.labels) >= at_least
    assert all(0 < it.confidence < 1 for it in result.labels)

    reasons = Counter(it.why for it in result.unjoined)
    assert reasons[Unjoined.WITHDRAWN] == 2
    assert reasons[Unjoined.BOT] == 1
    assert reasons[Unjoined.UNMAPPED] == 5
    assert reasons[Unjoined.ANONYMOUS_COUNT] == 1
    unmapped = document(version, "EXPECTED-LABELS.json")["unmapped_emoji"]
    assert unmapped_emoji(states, DEFAULT_MAPPING) == unmapped


def test_with_the_delivery_map_every_label_is_found_exactly(tmp_path: Path) -> None:
    turns = told_turns("2026.9.6")
    result = join(
        states_of("2026.9.6", tmp_path),
        turns,
        delivery_map("2026.9.6"),
        DEFAULT_MAPPING,
        until=UNTIL,
    )
    assert found(result.labels, turns) == expected("2026.9.6")
    assert {(it.rule, it.confidence) for it in result.labels} == {(JoinRule.DELIVERY_MAP, 1.0)}


@pytest.mark.parametrize(("version", "at_least"), [("2026.4.15", 34), ("2026.7.1", 30)])
def test_a_reaction_on_every_message_gives_no_wrong_label(
    version: str, at_least: int, tmp_path: Path
) -> None:
    """41 messages in each run carry answers; the labels must be among them, and right."""
    turns = imported_turns(version, tmp_path)
    labels = found(react_everywhere(version, turns, ()).labels, turns)
    assert labels - _truth(version) == set()
    assert len(labels) >= at_least
    assert len(_truth(version)) == 41


def test_with_the_delivery_map_exactly_the_answers_are_labeled() -> None:
    turns = told_turns("2026.9.6")
    result = react_everywhere("2026.9.6", turns, delivery_map("2026.9.6"))
    assert found(result.labels, turns) == _truth("2026.9.6")
    assert len(result.labels) == 39


def test_brackets_alone_are_right_about_a_run_that_has_a_map() -> None:
    turns = told_turns("2026.9.6")
    labels = found(react_everywhere("2026.9.6", turns, ()).labels, turns)
    assert labels - _truth("2026.9.6") == set()
    assert len(labels) >= 25


def _truth(version: str) -> set[Found]:
    return {
        (it.chat_id, it.message_id, 1.0, it.scope, it.entry_id)
        for it in messages(version)
        if it.entry_id is not None and it.scope is not None
    }
