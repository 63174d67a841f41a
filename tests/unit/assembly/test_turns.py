"""What makes a turn, and how it ended."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.unit.assembly.session import Session
from tracebridge.assembly.turns import JOIN_GAP, count_turns, group_turns
from tracebridge.domain.errors import AssemblyError
from tracebridge.domain.events import EventKind, EventStatus
from tracebridge.domain.trajectory import StepKind, StepStatus, Trigger, TurnStatus

ERROR = EventStatus.ERROR


def test_a_turn_runs_from_the_request_through_the_final_reply() -> None:
    log = Session().opened(model="local/big", thinking="high")
    log.user("List the files.", message_id=42).wait(seconds=2)
    log.reply("I will look.", calls=(("c1", "exec"),), thinking=True, model="local/big")
    log.wait(milliseconds=30).result("c1", duration_ms=29).wait(seconds=1)
    log.reply("Three files.", model="local/big").custom(custom_type="note")
    (turn,) = group_turns(log.events)

    assert turn.turn_id == "tn_" + turn.request_event_id.removeprefix("ev_")
    assert (turn.status, turn.answer_text) == (TurnStatus.COMPLETED, "Three files.")
    assert (turn.trigger, turn.chat_id, turn.chat_type) == (Trigger.PERSON, "500001", "direct")
    assert turn.inbound_message_ids == (42,)
    assert turn.request_text == "List the files."
    assert (turn.model, turn.thinking_level, turn.stop_reason) == ("local/big", "high", "stop")
    assert turn.latency_ms == 3030
    assert (turn.tokens_in, turn.tokens_out, turn.cost_usd_micros) == (20, 10, 14)
    answer = next(it.event for it in log.events if it.event.event_id == turn.answer_event_id)
    assert answer.text == "Three files."
    assert turn.answer_entry_ids == (answer.attrs["entry_id"],)
    assert [step.kind for step in turn.steps] == [StepKind.MODEL, StepKind.TOOL, StepKind.MODEL]
    assert [step.seq for step in turn.steps] == [0, 1, 2]
    first, tool, last = turn.steps
    assert (first.parent_step_id, tool.parent_step_id) == (None, first.step_id)
    assert last.parent_step_id == tool.step_id
    assert len(first.event_ids) == 2, "thinking belongs to its response"
    assert (tool.duration_ms, tool.duration_inferred) == (29, False)
    assert (first.duration_ms, first.duration_inferred) == (2000, True)


def test_two_quick_messages_before_any_reply_are_one_request() -> None:
    log = Session().user("take three", message_id=121).wait(seconds=3)
    log.user("add four", message_id=122).wait(seconds=1).reply("seven")
    (turn,) = group_turns(log.events)
    assert turn.inbound_message_ids == (121, 122)
    assert turn.request_text == "take three\n\nadd four"
    assert turn.latency_ms == 4000


def test_a_message_while_tools_run_belongs_to_the_turn_in_progress() -> None:
    log = Session().user(message_id=1).reply(calls=(("c1", "exec"),)).wait(seconds=1)
    log.user("and be quick", message_id=2).wait(seconds=1).result("c1").wait(seconds=1)
    log.reply("done").user("thanks", message_id=3).wait(seconds=1).reply("welcome")
    first, second = group_turns(log.events)
    assert (first.inbound_message_ids, first.answer_text) == ((1, 2), "done")
    assert second.inbound_message_ids == (3,)


def test_a_message_after_the_run_died_begins_a_turn_and_the_dead_one_is_aborted() -> None:
    log = Session().user().reply(calls=(("c1", "exec"),))
    log.wait(seconds=JOIN_GAP.total_seconds() + 1).user("still there?").reply("yes")
    dead, alive = group_turns(log.events)
    assert (dead.status, dead.answer_event_id) == (TurnStatus.ABORTED, None)
    assert dead.steps[-1].status is StepStatus.NO_RESULT
    assert alive.status is TurnStatus.COMPLETED


@pytest.mark.parametrize(
    "second",
    [
        {"chat_id": "500002"},
        {"thread_id": "9"},
        {"trigger": "heartbeat"},
    ],
)
def test_another_conversation_or_trigger_never_joins_a_turn(second: dict[str, str]) -> None:
    log = Session().user(thread_id="7").wait(seconds=1).user(**second).reply("yes")
    first, other = group_turns(log.events)
    assert (first.status, other.status) == (TurnStatus.ABORTED, TurnStatus.COMPLETED)


def test_a_system_notice_joins_the_turn_in_progress() -> None:
    log = Session().user().reply(calls=(("c1", "exec"),)).result("c1")
    log.user("a job has finished", trigger="system").reply("done")
    (turn,) = group_turns(log.events)
    assert (turn.trigger, turn.status) == (Trigger.PERSON, TurnStatus.COMPLETED)


def test_text_before_tools_is_commentary_even_when_the_length_limit_cut_it() -> None:
    log = Session().user().reply("writing now", calls=(("c1", "write"),), stop="length")
    log.result("c1", "write")
    (turn,) = group_turns(log.events)
    assert (turn.status, turn.answer_text) == (TurnStatus.OPEN, "")
    log.reply("a long ans", stop="length")
    (turn,) = group_turns(log.events)
    assert (turn.status, turn.answer_text) == (TurnStatus.COMPLETED, "a long ans")
    assert turn.stop_reason == "length"


def test_failed_responses_in_a_row_are_retries_of_one_turn() -> None:
    log = Session().user()
    for _ in range(4):
        log.wait(seconds=2).reply(stop="error")
    (turn,) = group_turns(log.events)
    assert (turn.status, len(turn.steps)) == (TurnStatus.FAILED, 4)
    log.wait(seconds=2).reply("at last")
    (turn,) = group_turns(log.events)
    assert (turn.status, turn.answer_text) == (TurnStatus.COMPLETED, "at last")


def test_a_failure_after_an_answer_without_another_one_fails_the_turn() -> None:
    (turn,) = group_turns(Session().user().reply("one").reply(stop="error").events)
    assert (turn.status, turn.answer_text) == (TurnStatus.FAILED, "")


def test_a_failed_turn_does_not_swallow_the_next_request() -> None:
    log = Session().user().reply(stop="error").wait(seconds=1).user("again").reply("yes")
    assert [it.status for it in group_turns(log.events)] == [
        TurnStatus.FAILED,
        TurnStatus.COMPLETED,
    ]


def test_an_aborted_run_keeps_what_it_had_written_and_has_no_latency() -> None:
    log = Session().user().wait(seconds=3).reply("I start to ans", stop="aborted")
    (turn,) = group_turns(log.events)
    assert (turn.status, turn.answer_text) == (TurnStatus.ABORTED, "I start to ans")
    assert turn.latency_ms is None
    assert turn.answer_entry_ids
    (turn,) = group_turns(Session().user().reply("", stop="aborted").events)
    assert (turn.status, turn.answer_event_id) == (TurnStatus.ABORTED, None)


@pytest.mark.parametrize(
    ("text", "trigger", "status", "answer"),
    [
        ("NO_REPLY", "person", TurnStatus.SILENT, ""),
        (" NO_REPLY\n", "person", TurnStatus.SILENT, ""),
        ("", "person", TurnStatus.SILENT, ""),
        ("[[reply_to_current]]", "person", TurnStatus.SILENT, ""),
        ("HEARTBEAT_OK", "heartbeat", TurnStatus.SILENT, ""),
        ("HEARTBEAT_OK", "person", TurnStatus.COMPLETED, "HEARTBEAT_OK"),
        ("I wrote NO_REPLY.", "person", TurnStatus.COMPLETED, "I wrote NO_REPLY."),
        ("[[reply_to_current]] Yes.", "person", TurnStatus.COMPLETED, "Yes."),
        ("[[reply_to: 42]]Yes. [[audio_as_voice]]", "person", TurnStatus.COMPLETED, "Yes."),
        ("if [[ -f x ]]; then", "person", TurnStatus.COMPLETED, "if [[ -f x ]]; then"),
        ("See [[Notes]].", "person", TurnStatus.COMPLETED, "See [[Notes]]."),
    ],
)
def test_silence_and_directives_are_protocol_only_where_they_stand_alone(
    text: str, trigger: str, status: TurnStatus, answer: str
) -> None:
    (turn,) = group_turns(Session().user(trigger=trigger).reply(text).events)
    assert (turn.status, turn.answer_text) == (status, answer)
    assert turn.trigger == trigger


def test_an_answer_stands_when_silence_is_repeated_after_it() -> None:
    (turn,) = group_turns(Session().user().reply("Both sent.").reply("NO_REPLY").events)
    assert (turn.status, turn.answer_text) == (TurnStatus.COMPLETED, "Both sent.")


def test_commentary_before_a_silence_is_no_answer() -> None:
    log = Session().user().reply("I will look.", calls=(("c1", "exec"),)).result("c1")
    (turn,) = group_turns(log.reply("NO_REPLY").events)
    assert (turn.status, turn.answer_text) == (TurnStatus.SILENT, "")


def test_a_compaction_ends_no_turn_and_a_reset_ends_every_one() -> None:
    log = Session().user().reply(calls=(("c1", "exec"),)).compaction().result("c1").reply("done")
    assert len(group_turns(log.events)) == 1
    log.reset().user("fresh").reply("hello")
    old, new = group_turns(log.events)
    assert (old.after_reset, new.after_reset) == (False, True)


def test_a_log_that_begins_in_the_middle_still_makes_a_turn() -> None:
    (turn,) = group_turns(Session().reply("as I said").events)
    assert (turn.trigger, turn.request_text) == (Trigger.SYSTEM, "")
    assert (turn.status, turn.answer_text) == (TurnStatus.COMPLETED, "as I said")


def test_totals_are_unknown_unless_every_response_knows_its_part() -> None:
    log = Session().user().reply(calls=(("c1", "exec"),), cost=None).result("c1")
    log.reply("done", tokens=None)
    (turn,) = group_turns(log.events)
    assert (turn.tokens_in, turn.tokens_out, turn.cost_usd_micros) == (None, None, None)
    (turn,) = group_turns(Session().user().events)
    assert (turn.tokens_in, turn.cost_usd_micros) == (None, None)


def test_equal_times_give_no_duration_and_no_latency() -> None:
    log = Session().user().reply(calls=(("c1", "exec"),)).result("c1").reply("done")
    (turn,) = group_turns(log.events)
    assert turn.latency_ms is None
    assert [(step.duration_ms, step.duration_inferred) for step in turn.steps] == [
        (None, False)
    ] * 3


def test_an_unlogged_tool_time_is_the_gap_and_says_so() -> None:
    log = Session().user().reply(calls=(("c1", "exec"),)).wait(seconds=4).result("c1")
    (turn,) = group_turns(log.events)
    assert (turn.steps[1].duration_ms, turn.steps[1].duration_inferred) == (4000, True)


def test_a_clock_that_runs_backwards_gives_no_negative_time() -> None:
    log = Session().user().wait(seconds=-5).reply(calls=(("c1", "exec"),)).wait(seconds=-5)
    log.result("c1").reply("done")
    (turn,) = group_turns(log.events)
    assert turn.ended_at >= turn.started_at
    assert turn.latency_ms is None
    for step in turn.steps:
        assert step.ended_at >= step.started_at
        assert step.duration_ms is None


def test_an_id_that_comes_again_is_matched_to_the_call_just_before_its_result() -> None:
    log = Session().user().reply(calls=(("exec:5", "exec"),), stop="error").wait(seconds=9)
    log.reply(calls=(("exec:5", "exec"), ("exec:5", "exec"))).wait(seconds=1)
    log.result("exec:5", text="first").result("exec:5", text="second").reply("done")
    (turn,) = group_turns(log.events)
    tools = [step for step in turn.steps if step.kind is StepKind.TOOL]
    assert [(step.status, step.output) for step in tools] == [
        (StepStatus.NO_RESULT, None),
        (StepStatus.OK, "first"),
        (StepStatus.OK, "second"),
    ]


def test_calls_written_before_their_message_still_belong_to_it() -> None:
    log = Session().user().reply("look", calls=(("c1", "exec"),), calls_first=True).result("c1")
    log.user("more").reply("done")
    (turn,) = group_turns(log.events)
    model, tool, _ = turn.steps
    assert (model.kind, tool.parent_step_id) == (StepKind.MODEL, model.step_id)
    assert turn.inbound_message_ids == (101, 102)


def test_a_result_whose_call_is_unreadable_still_happened() -> None:
    log = Session().user().reply("look").result("lost", status=ERROR).reply("done")
    (turn,) = group_turns(log.events)
    assert [(it.kind, it.status) for it in turn.steps][1] == (StepKind.TOOL, StepStatus.ERROR)
    assert turn.steps[1].parent_step_id == turn.steps[0].step_id
    assert turn.steps[1].arguments is None


def test_a_late_result_goes_back_to_the_turn_that_asked_for_it() -> None:
    log = Session().user().reply(calls=(("c1", "exec"),)).wait(minutes=30)
    log.user("hello?").wait(seconds=1).result("c1", status=ERROR).wait(seconds=1).reply("yes")
    dead, alive = group_turns(log.events)
    assert dead.steps[-1].status is StepStatus.ERROR
    assert [step.kind for step in alive.steps] == [StepKind.MODEL]


def test_an_aborted_run_with_98_calls_and_40_results_assembles() -> None:
    log = Session().user()
    for batch in range(49):
        ids = (f"exec:{2 * batch}", f"exec:{2 * batch + 1}")
        log.wait(seconds=1).reply(calls=tuple((it, "exec") for it in ids))
        for call_id in ids if batch < 20 else ():
            log.wait(milliseconds=5).result(call_id)
    log.wait(seconds=1).reply(stop="aborted")
    (turn,) = group_turns(log.events)
    tools = [step for step in turn.steps if step.kind is StepKind.TOOL]
    assert len(tools) == 98
    assert sum(step.status is StepStatus.NO_RESULT for step in tools) == 58
    assert turn.status is TurnStatus.ABORTED


def test_answer_finds_are_those_of_the_answer_alone() -> None:
    log = Session().user().reply("a", calls=(("c1", "exec"),), finds={"EMAIL": 2}).result("c1")
    log.reply("b", finds={"SECRET": 1, "CARD": 1})
    (turn,) = group_turns(log.events)
    assert list(turn.answer_finds.items()) == [("CARD", 1), ("SECRET", 1)]


def test_events_of_two_sessions_or_out_of_order_are_refused() -> None:
    one, other = Session("s1").user().reply("a"), Session("s2").user().reply("b")
    with pytest.raises(AssemblyError, match="one session at a time"):
        group_turns([*one.events, *other.events])
    with pytest.raises(AssemblyError, match="sort its events by seq"):
        group_turns(one.events[::-1])


def test_no_events_no_turns() -> None:
    assert group_turns([]) == ()
    assert group_turns(Session().opened().events) == ()


def call(log: Session, number: int) -> None:
    log.reply("look", calls=((f"c{number % 2}", "exec"),), thinking=True)


def answer(log: Session, number: int) -> None:
    log.result(f"c{number % 2}", status=ERROR if number % 3 else EventStatus.OK)


WRITERS: dict[str, Callable[[Session, int], object]] = {
    "user": lambda log, _: log.user(),
    "other": lambda log, _: log.user(chat_id="500002"),
    "cron": lambda log, _: log.user(trigger="cron"),
    "say": lambda log, _: log.reply("text"),
    "silent": lambda log, _: log.reply("NO_REPLY"),
    "call": call,
    "two calls": lambda log, _: log.reply(calls=(("c0", "exec"), ("c1", "read"))),
    "result": answer,
    "error": lambda log, _: log.reply(stop="error"),
    "abort": lambda log, _: log.reply(stop="aborted"),
    "compaction": lambda log, _: log.compaction(),
    "reset": lambda log, _: log.reset(),
    "pause": lambda log, _: log.wait(hours=1),
}
ENTRIES = st.lists(st.sampled_from(sorted(WRITERS)), max_size=30)


def write(entries: list[str]) -> Session:
    log = Session().opened()
    for number, entry in enumerate(entries):
        WRITERS[entry](log.wait(seconds=number % 3), number)
    return log


@given(ENTRIES)
def test_every_message_response_call_and_result_lands_in_exactly_one_turn(
    entries: list[str],
) -> None:
    events = write(entries).events
    turns = group_turns(events)
    assert [turn.seq for turn in turns] == list(range(len(turns)))
    in_steps = [event for turn in turns for step in turn.steps for event in step.event_ids]
    assert len(in_steps) == len(set(in_steps))
    kinds = {it.event.event_id: it.event.kind for it in events}
    wanted = {
        event_id
        for event_id, kind in kinds.items()
        if kind
        in {
            EventKind.ASSISTANT_MESSAGE,
            EventKind.THINKING,
            EventKind.TOOL_CALL,
            EventKind.TOOL_RESULT,
        }
    }
    assert set(in_steps) == wanted
    for turn in turns:
        assert turn.started_at <= turn.ended_at
        assert (turn.status is TurnStatus.COMPLETED) <= bool(turn.answer_text)
        step_ids = [step.step_id for step in turn.steps]
        assert len(step_ids) == len(set(step_ids))
        for step in turn.steps:
            assert step.parent_step_id is None or step.parent_step_id in step_ids[: step.seq]
    assert all(turn.status is not TurnStatus.OPEN for turn in turns[:-1])


@given(ENTRIES)
def test_turns_are_counted_as_they_are_made(entries: list[str]) -> None:
    events = write(entries).events
    assert count_turns(events) == len(group_turns(events))


@given(ENTRIES, st.integers(0, 30))
def test_a_log_that_grows_keeps_the_ids_and_starts_of_its_turns(
    entries: list[str], cut: int
) -> None:
    before = group_turns(write(entries[:cut]).events)
    after = group_turns(write(entries).events)
    assert [it.turn_id for it in before] == [it.turn_id for it in after[: len(before)]]
    assert [it.started_at for it in before] == [it.started_at for it in after[: len(before)]]


@given(ENTRIES)
def test_a_turn_does_not_depend_on_where_its_session_file_lies(entries: list[str]) -> None:
    events = write(entries).events
    moved = [
        dataclasses.replace(it, event=dataclasses.replace(it.event, source_ref="copy.jsonl:1"))
        for it in events
    ]
    assert group_turns(moved) == group_turns(events)


def test_joining_is_bounded_by_the_gap_exactly() -> None:
    for extra, expected in ((timedelta(0), 1), (timedelta(microseconds=1), 2)):
        log = Session().user()
        log.at += JOIN_GAP + extra
        log.user().reply("done")
        assert len(group_turns(log.events)) == expected
