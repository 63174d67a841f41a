"""Tables come back as they went in, and as the same bytes every time."""

from __future__ import annotations

import json
import random
import subprocess
import sys
from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tracebridge.adapters import artifact_tables, tables
from tracebridge.domain.events import EventKind, EventStatus, ScrubbedEvent, TraceEvent
from tracebridge.domain.feedback import JoinRule, Label, LabelScope
from tracebridge.domain.replay import Metric, ReplayRow
from tracebridge.domain.trajectory import (
    ComponentScore,
    Credit,
    Provenance,
    Reward,
    Step,
    StepKind,
    StepStatus,
    Trajectory,
    Trigger,
    Turn,
    TurnStatus,
)

START = datetime(2026, 3, 1, 8, 30, 15, 123456, tzinfo=UTC)

EVENT_V1 = [
    "event_id",
    "source",
    "source_ref",
    "session_id",
    "seq",
    "parent_event_id",
    "ts",
    "kind",
    "role",
    "agent",
    "model",
    "tool_name",
    "tool_call_id",
    "status",
    "duration_ms",
    "tokens_in",
    "tokens_out",
    "cost_usd_micros",
    "text",
    "arm",
    "propensity",
    "scrub_version",
    "attrs",
]

_TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=12)
_MAYBE_TEXT = st.none() | _TEXT
_MAYBE_COUNT = st.none() | st.integers(0, 2**62)
_JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | _TEXT,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(_TEXT, inner, max_size=3),
    max_leaves=6,
)


@st.composite
def scrubbed_events(draw: st.DrawFn) -> ScrubbedEvent:
    event = TraceEvent(
        event_id=draw(_TEXT),
        source="openclaw",
        source_ref=draw(_TEXT),
        session_id=draw(_TEXT),
        seq=draw(st.integers(0, 2**62)),
        parent_event_id=draw(_MAYBE_TEXT),
        ts=draw(
            st.datetimes(datetime(1971, 1, 1), datetime(2200, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001
        ),
        kind=draw(st.sampled_from(EventKind)),
        role=draw(_MAYBE_TEXT),
        agent=draw(_MAYBE_TEXT),
        model=draw(_MAYBE_TEXT),
        tool_name=draw(_MAYBE_TEXT),
        tool_call_id=draw(_MAYBE_TEXT),
        status=draw(st.none() | st.sampled_from(EventStatus)),
        duration_ms=draw(_MAYBE_COUNT),
        tokens_in=draw(_MAYBE_COUNT),
        tokens_out=draw(_MAYBE_COUNT),
        cost_usd_micros=draw(_MAYBE_COUNT),
        text=draw(_MAYBE_TEXT),
        arm=draw(_MAYBE_TEXT),
        propensity=draw(st.none() | st.floats(0, 1)),
        attrs=draw(st.dictionaries(_TEXT, _JSON, max_size=3)),
    )
    finds = draw(st.dictionaries(st.sampled_from(["EMAIL", "SECRET"]), st.integers(1, 9)))
    return ScrubbedEvent(event=event, scrub_version="1", finds=finds)


def event(seq: int, session_id: str = "s1") -> ScrubbedEvent:
    inner = TraceEvent(
        event_id=f"ev_{session_id}_{seq}",
        source="openclaw",
        source_ref=f"log.jsonl:{seq + 1}",
        session_id=session_id,
        seq=seq,
        parent_event_id=None,
        ts=START + timedelta(seconds=seq),
        kind=EventKind.USER_MESSAGE,
        text="hello ❤️",
    )
    return ScrubbedEvent(event=inner, scrub_version="1")


def turn(seq: int = 0) -> Turn:
    steps = (
        Step(
            step_id=f"st_{seq}_0",
            turn_id=f"tn_{seq}",
            seq=0,
            kind=StepKind.MODEL,
            parent_step_id=None,
            event_ids=("ev_a",),
            status=StepStatus.OK,
            started_at=START,
            ended_at=START + timedelta(milliseconds=900),
            duration_ms=900,
            tokens_in=10,
        ),
        Step(
            step_id=f"st_{seq}_1",
            turn_id=f"tn_{seq}",
            seq=1,
            kind=StepKind.TOOL,
            parent_step_id=f"st_{seq}_0",
            event_ids=("ev_b", "ev_c"),
            status=StepStatus.ERROR,
            started_at=START,
            ended_at=START,
            duration_ms=None,
            tool_name="exec",
            tool_call_id="call_1",
            arguments='{"command":"ls"}',
        ),
    )
    return Turn(
        turn_id=f"tn_{seq}",
        session_id="s1",
        seq=seq,
        episode_id="ep_1",
        trigger=Trigger.PERSON,
        chat_id="42",
        chat_type="direct",
        thread_id=None,
        inbound_message_ids=(7, 8),
        request_event_id="ev_r",
        answer_event_id="ev_a",
        answer_entry_ids=("a1",),
        started_at=START,
        ended_at=START + timedelta(seconds=2),
        status=TurnStatus.COMPLETED,
        request_text="please",
        answer_text="done",
        steps=steps,
        model="p/m",
        thinking_level=None,
        latency_ms=2000,
        tokens_in=10,
        tokens_out=None,
        cost_usd_micros=None,
        answer_finds={"EMAIL": 1},
    )


def label(number: int = 0) -> Label:
    return Label(
        label_id=f"lb_{number}",
        turn_id="tn_0",
        session_id="s1",
        chat_id="42",
        score=-2.0,
        scope=LabelScope.BATCH,
        rule=JoinRule.BRACKET,
        confidence=0.9,
        anchor_message_id=11,
        chunk_ids=(9, 10, 11),
        update_ids=(5,),
        weight=1.0,
        reacted_at=START,
    )


def trajectory(number: int = 0) -> Trajectory:
    return Trajectory(
        trajectory_id=f"tr_{number}",
        turn=turn(number),
        unit="ep_1",
        arm="baseline",
        policy_id=None,
        propensity=None,
        propensity_provenance=Provenance.UNKNOWN,
        decision_id=None,
        context={"length": "short", "chat": "direct"},
    )


def replay_row(number: int = 0) -> ReplayRow:
    return ReplayRow(
        row_id=f"tn_{number}",
        unit="42",
        session_id="s1",
        day="2026-03-01",
        context_key="length=short",
        context={"length": "short"},
        arm="baseline",
        propensity=0.25,
        provenance="logged",
        split="train",
        fold=1,
        values={Metric.OUTCOME: 0.75, Metric.COST: 0.0},
    )


def test_events_have_the_published_columns_first_and_utc_microseconds() -> None:
    table = tables.events_to_table([event(0)])
    assert table.schema.names[: len(EVENT_V1)] == EVENT_V1
    assert table.schema.field("ts").type == pa.timestamp("us", tz="UTC")
    assert list(tables.event_to_row(event(0))) == table.schema.names


@settings(max_examples=60, deadline=None)
@given(st.lists(scrubbed_events(), max_size=4))
def test_events_come_back_as_they_went_in(events: list[ScrubbedEvent]) -> None:
    data = tables.parquet_bytes(tables.events_to_table(events))
    assert tables.table_to_events(tables.read_table(data)) == tuple(events)
    assert [tables.row_to_event(tables.event_to_row(it)) for it in events] == events


def test_a_local_time_is_the_same_moment_in_utc() -> None:
    local = START.astimezone(timezone(timedelta(hours=9)))
    moved = replace(event(0), event=replace(event(0).event, ts=local))
    (back,) = tables.table_to_events(tables.events_to_table([moved]))
    assert back.event.ts == START
    assert back.event.ts.tzinfo is UTC


def test_streamed_events_equal_one_table_and_have_fixed_row_groups() -> None:
    sessions = [[event(seq, f"s{number}") for seq in range(3000)] for number in range(12)]
    data, rows = tables.events_parquet(sessions)
    flat = [it for session in sessions for it in session]
    assert rows == len(flat) == tables.count_rows(data)
    assert data == tables.parquet_bytes(tables.events_to_table(flat))
    metadata = pq.read_metadata(pa.BufferReader(data))
    sizes = [metadata.row_group(index).num_rows for index in range(metadata.num_row_groups)]
    assert sizes == [16_384, 16_384, 36_000 - 2 * 16_384]


def test_no_session_at_all_is_a_table_without_rows() -> None:
    data, rows = tables.events_parquet([])
    assert rows == 0
    assert tables.table_to_events(tables.read_table(data)) == ()


def test_tables_do_not_depend_on_the_order_of_what_they_are_made_from() -> None:
    chance = random.Random(3)
    for make, values in (
        (artifact_tables.turns_to_table, [turn(n) for n in range(9)]),
        (artifact_tables.labels_to_table, [label(n) for n in range(9)]),
        (artifact_tables.trajectories_to_table, [trajectory(n) for n in range(9)]),
        (artifact_tables.replay_rows_to_table, [replay_row(n) for n in range(9)]),
    ):
        first = tables.parquet_bytes(make(values))
        chance.shuffle(values)
        assert tables.parquet_bytes(make(values)) == first


def test_the_bytes_are_the_same_in_another_process_and_time_zone() -> None:
    script = (
        "import hashlib\n"
        "from tests.adapters import test_tables as t\n"
        "from tracebridge.adapters import artifact_tables as a, tables as b\n"
        "data = b.parquet_bytes(a.trajectories_to_table([t.trajectory(1), t.trajectory(2)]))\n"
        "data += b.events_parquet([[t.event(0), t.event(1)]])[0]\n"
        "print(hashlib.sha256(data).hexdigest())"
    )
    digests = {
        subprocess.run(
            [sys.executable, "-c", script],
            env={"TZ": zone, "PYTHONHASHSEED": seed, "PATH": "/usr/bin"},
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for zone, seed in (("UTC", "1"), ("Asia/Tokyo", "2"))
    }
    assert len(digests) == 1


def test_labels_and_replay_rows_come_back_as_they_went_in() -> None:
    labels = (label(0), label(1))
    assert artifact_tables.table_to_labels(artifact_tables.labels_to_table(labels)) == labels
    rows = (replay_row(0), replace(replay_row(1), propensity=None, values={}))
    data = tables.parquet_bytes(artifact_tables.replay_rows_to_table(rows))
    assert artifact_tables.table_to_replay_rows(tables.read_table(data)) == rows


def test_what_was_not_observed_is_null_and_never_zero() -> None:
    row = artifact_tables.replay_rows_to_table([replay_row()]).to_pylist()[0]
    assert (row["outcome"], row["cost_usd"], row["label"], row["latency_s"]) == (
        0.75,
        0.0,
        None,
        None,
    )
    turn_row = artifact_tables.turns_to_table([turn()]).to_pylist()[0]
    assert (turn_row["tokens_out"], turn_row["cost_usd_micros"]) == (None, None)
    assert (turn_row["steps"], turn_row["tool_calls"], turn_row["tool_errors"]) == (2, 1, 1)


def test_a_step_carries_its_credit_and_the_ids_to_walk_back() -> None:
    credit = Credit(turn_id="tn_0", step_id="st_0_1", share=0.4, rule="outcome")
    table = artifact_tables.trajectories_to_table([trajectory()], [credit])
    row = table.to_pylist()[0]
    assert [step["credit"] for step in row["steps"]] == [None, 0.4]
    assert row["steps"][1]["event_ids"] == ["ev_b", "ev_c"]
    assert json.loads(row["context"]) == {"chat": "direct", "length": "short"}
    assert row["stop_reason"] == "completed"


def test_rewards_keep_an_abstaining_component_apart_from_a_zero() -> None:
    reward = Reward(
        turn_id="tn_0",
        profile="default",
        components=(
            ComponentScore(name="tools", weight=0.6, value=0.0, evidence="exit codes"),
            ComponentScore(name="tests", weight=0.4, value=None, evidence=""),
        ),
        total=0.0,
        outcome_total=0.0,
        label=None,
        evidence_weight=0.6,
    )
    row = artifact_tables.rewards_to_table([reward]).to_pylist()[0]
    assert [part["value"] for part in row["components"]] == [0.0, None]
    assert row["label"] is None


def test_a_file_that_is_not_parquet_is_refused() -> None:
    with pytest.raises(pa.ArrowInvalid):
        tables.count_rows(b"PAR1 but no more")


def test_a_missing_required_value_is_refused_when_written() -> None:
    broken = replace(label(), label_id=None)  # type: ignore[arg-type]
    with pytest.raises(pa.ArrowInvalid):
        tables.parquet_bytes(artifact_tables.labels_to_table([broken]))
