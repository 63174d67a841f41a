"""Which answer a message belongs to, told by the requests around it. Silence beats a guess."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.unit.labeling.chats import GROUP, LATER, OTHER, OWNER, at, call, said, turn
from tracebridge.domain.feedback import JoinRule, LabelScope, Unjoined
from tracebridge.domain.trajectory import Step, Trigger, Turn, TurnStatus
from tracebridge.labeling.brackets import BracketIndex
from tracebridge.labeling.placement import (
    BRACKET_CROWDED,
    BRACKET_EXACT,
    BRACKET_SCHEDULED,
    BRACKET_SPARE,
    FIRST_AFTER_REQUEST,
    GROUP_DISCOUNT,
    Placed,
    Placement,
)

BATCH, CHUNK = LabelScope.BATCH, LabelScope.CHUNK
AMBIGUOUS, NO_TURN, PENDING = Unjoined.AMBIGUOUS, Unjoined.NO_TURN, Unjoined.PENDING
LONG = 9_622
MARKUP = "# Guide\n" + "Start at the badge desk before nine and sign the line.\n" * 160


def place(turns: list[Turn], message_id: int, chat: str = OWNER) -> Placement:
    return BracketIndex(turns).place(chat, message_id, LATER)


def told(turns: list[Turn], message_id: int, chat: str = OWNER) -> tuple[object, ...]:
    """Inbound id, scope and confidence of the answer; the reason where there is none."""
    placed = place(turns, message_id, chat)
    if isinstance(placed, Unjoined):
        return (placed,)
    return (placed.turn.inbound_message_ids, placed.scope, placed.confidence)


def found(turns: list[Turn], message_id: int, chat: str = OWNER) -> Placed:
    placed = place(turns, message_id, chat)
    assert isinstance(placed, Placed)
    return placed


def test_one_message_between_two_requests_is_the_answer() -> None:
    placed = found([turn(101), turn(103)], 102)
    assert placed == Placed(turn(101), BATCH, JoinRule.BRACKET, BRACKET_EXACT, (102,))


def test_the_last_of_several_chunks_speaks_for_the_batch() -> None:
    turns = [turn(103, chars=LONG), turn(107)]
    placed = found(turns, 106)
    assert (placed.scope, placed.chunk_ids) == (BATCH, (104, 105, 106))
    for earlier in (104, 105):
        placed = found(turns, earlier)
        assert (placed.scope, placed.chunk_ids) == (CHUNK, (104, 105, 106))


def test_a_deleted_preview_before_the_chunks_is_no_chunk() -> None:
    turns = [turn(103, chars=LONG), turn(108)]
    assert told(turns, 104) == (AMBIGUOUS,)
    assert told(turns, 105) == ((103,), CHUNK, BRACKET_SPARE)
    assert told(turns, 107) == ((103,), BATCH, BRACKET_SPARE)


def test_markup_may_make_more_chunks_than_its_length() -> None:
    turns = [turn(141, text=MARKUP), turn(148)]
    assert found(turns, 147).chunk_ids == (145, 146, 147)
    assert told(turns, 147) == ((141,), BATCH, BRACKET_SPARE)
    assert told(turns, 143) == (AMBIGUOUS,), "a draft or the first of five"


def test_characters_are_counted_as_telegram_does() -> None:
    """2,001 emoji are 4,002 UTF-16 code units: two chunks."""
    turns = [turn(101, text="😀" * 2001), turn(104)]
    assert told(turns, 102) == ((101,), CHUNK, BRACKET_EXACT)
    assert told([turn(101, text="😀" * 2000), turn(103)], 102) == ((101,), BATCH, BRACKET_EXACT)


@pytest.mark.parametrize(
    ("steps", "message_id", "wanted"),
    [
        ((call(),), 112, ((110,), BATCH, BRACKET_SPARE)),
        ((call(),), 111, ((110,), BATCH, FIRST_AFTER_REQUEST)),
        ((said("I will look."), call()), 112, ((110,), BATCH, BRACKET_SPARE)),
        ((said("I will look."), call()), 111, (AMBIGUOUS,)),
        ((), 112, (AMBIGUOUS,)),
    ],
)
def test_one_id_too_many_is_explained_by_tools(
    steps: tuple[Step, ...], message_id: int, wanted: tuple[object, ...]
) -> None:
    assert told([turn(110, steps=steps), turn(113)], message_id) == wanted


def test_a_request_is_the_persons_own() -> None:
    turns = [turn(101, 102), turn(105)]
    for own in (101, 102, 105):
        assert place(turns, own) is Unjoined.USER_MESSAGE


def test_what_was_sent_between_the_messages_of_one_request_is_unclear() -> None:
    turns = [turn(101, 104), turn(106)]
    assert told(turns, 103) == (AMBIGUOUS,)
    assert told(turns, 105) == ((101, 104), BATCH, BRACKET_EXACT)


def test_nothing_is_known_before_the_first_request_nor_in_another_chat() -> None:
    assert place([turn(101), turn(103)], 100) is NO_TURN
    assert place([turn(101), turn(103)], 102, OTHER) is NO_TURN
    assert place([], 102) is NO_TURN


@pytest.mark.parametrize("status", [TurnStatus.FAILED, TurnStatus.ABORTED, TurnStatus.SILENT])
def test_without_an_answer_there_is_nothing_to_label(status: TurnStatus) -> None:
    assert place([turn(125, status=status), turn(127)], 126) is NO_TURN
    assert place([turn(125, status=status)], 126) is NO_TURN


def test_an_answer_may_still_come_while_the_log_is_open() -> None:
    assert place([turn(125, status=TurnStatus.OPEN)], 126) is PENDING
    assert place([turn(125, status=TurnStatus.OPEN), turn(127)], 126) is NO_TURN


class TestOpenBracket:
    def test_the_first_message_after_the_request_decides(self) -> None:
        placed = found([turn(101)], 102)
        assert placed == Placed(
            turn(101), BATCH, JoinRule.OPEN_BRACKET, FIRST_AFTER_REQUEST, (102,)
        )

    @pytest.mark.parametrize(
        ("last", "message_id"),
        [
            (turn(101), 103),
            (turn(101, chars=LONG), 102),
            (turn(101, text=MARKUP[:3900]), 102),
            (turn(101, steps=(said("I will look."), call())), 102),
            (turn(101, steps=(call("message", '{"action":"send"}', '{"messageId":"102"}'),)), 103),
        ],
    )
    def test_anything_less_simple_waits(self, last: Turn, message_id: int) -> None:
        assert place([last], message_id) is PENDING

    def test_in_a_group_the_next_message_may_be_anybodys(self) -> None:
        assert place([turn(2001, chat=GROUP)], 2002, GROUP) is PENDING

    def test_the_next_request_closes_it(self) -> None:
        assert found([turn(101), turn(103)], 102).rule is JoinRule.BRACKET


class TestQuickRequests:
    """Two requests at once: 121 and 122, then the answers 123 and 124."""

    turns = (
        turn(119, minutes=0),
        turn(121, minutes=10, took_s=1),
        turn(122, minutes=10.1),
        turn(125, minutes=20),
    )

    def test_only_the_last_answer_is_certain(self) -> None:
        assert told([*self.turns], 124) == ((122,), BATCH, BRACKET_CROWDED)
        assert told([*self.turns], 123) == (AMBIGUOUS,)

    def test_what_lies_between_three_requests_piles_up(self) -> None:
        turns = [*self.turns[:3], turn(123, minutes=10.2), turn(127, minutes=20)]
        assert told(turns, 126) == ((123,), BATCH, BRACKET_CROWDED)
        assert told(turns, 125) == (AMBIGUOUS,)
        assert told([*turns[:-1], turn(126, minutes=20)], 125) == (AMBIGUOUS,), "one is missing"

    def test_a_late_answer_is_not_taken_for_the_next_ones(self) -> None:
        """10 is asked, its draft takes 11, 12 is asked, 13 answers 10, 14 answers 12."""
        turns = [
            turn(10, steps=(call(),), minutes=0, took_s=9),
            turn(12, minutes=0.2),
            turn(15, minutes=9),
        ]
        assert told(turns, 13) == (AMBIGUOUS,)

    def test_an_unanswered_request_does_not_inherit_a_late_answer(self) -> None:
        turns = [turn(121, minutes=0), turn(122, minutes=1, status=TurnStatus.FAILED), turn(125)]
        assert told(turns, 124) == (AMBIGUOUS,)

    def test_runs_at_the_same_time_mix(self) -> None:
        """Two topics of one forum: the ids cannot tell whose message came first."""
        turns = [
            turn(43, chat=GROUP, session="a", minutes=0, took_s=30),
            turn(44, chat=GROUP, session="b", minutes=0.1, took_s=5),
            turn(48, chat=GROUP, session="a", minutes=5),
        ]
        for message_id in (45, 46, 47):
            assert told(turns, message_id, GROUP) == (AMBIGUOUS,)

    def test_a_run_that_still_works_when_the_next_asks_is_unclear(self) -> None:
        turns = [
            turn(43, chat=GROUP, session="a", minutes=0, took_s=30),
            turn(45, chat=GROUP, session="b", minutes=0.1, status=TurnStatus.SILENT),
        ]
        assert told(turns, 44, GROUP) == (AMBIGUOUS,)

    def test_two_different_answers_to_one_request_are_unclear(self) -> None:
        turns = [turn(101), turn(101, entry="again", minutes=102), turn(104)]
        assert told(turns, 103) == (AMBIGUOUS,)
        assert told(turns, 102) == (AMBIGUOUS,)

    def test_a_copy_of_a_turn_changes_nothing(self) -> None:
        copy = replace(turn(101), turn_id="tn_copy", session_id="s2")
        assert found([copy, turn(101), turn(103)], 102).chunk_ids == (102,)

    def test_a_failed_run_gives_way_to_its_retry(self) -> None:
        turns = [turn(101, status=TurnStatus.FAILED), turn(101, entry="e", minutes=102), turn(103)]
        assert found(turns, 102).turn.answer_entry_ids == ("e",)


class TestMessageTool:
    @staticmethod
    def sends(*ids: str | int | None) -> tuple[Step, ...]:
        return tuple(
            call("message", '{"action":"send"}', json.dumps({"ok": True, "messageId": it}))
            for it in ids
        )

    def test_its_messages_are_no_answer(self) -> None:
        turns = [turn(117, steps=self.sends("118", 119)), turn(121)]
        assert told(turns, 118) == (AMBIGUOUS,)
        assert told(turns, 119) == (AMBIGUOUS,)
        assert told(turns, 120) == ((117,), BATCH, BRACKET_EXACT)

    def test_a_final_text_that_was_never_sent_is_not_found_in_them(self) -> None:
        """Draft 119, two sends, and no answer: three ids, as if an answer were among them."""
        turns = [turn(118, steps=self.sends("120", "121")), turn(122)]
        for message_id in (119, 120, 121):
            assert told(turns, message_id) == (AMBIGUOUS,)

    @pytest.mark.parametrize("output", [None, "sent", "[]", '{"messageId":null}', '{"ok":true'])
    def test_a_send_without_an_id_makes_all_unclear(self, output: str | None) -> None:
        steps = (call("message", '{"action":"send"}', output),)
        assert told([turn(117, steps=steps), turn(119)], 118) == (AMBIGUOUS,)

    def test_the_wrapper_of_newer_versions_is_seen_through(self) -> None:
        arguments = json.dumps({"name": "message", "arguments": {"action": "send"}})
        output = json.dumps({"result": {"details": {"messageId": "118"}}})
        turns = [turn(117, steps=(call("tool_call", arguments, output),)), turn(120)]
        assert told(turns, 118) == (AMBIGUOUS,)
        assert told(turns, 119) == ((117,), BATCH, BRACKET_EXACT)
        other = (call("tool_call", '{"name":"exec"}', "done"),)
        assert told([turn(117, steps=other), turn(119)], 118) == ((117,), BATCH, BRACKET_EXACT)

    def test_a_reaction_of_the_agent_sends_nothing(self) -> None:
        steps = (call("message", '{"action":"react","emoji":"👌"}', '{"ok":true}'),)
        assert told([turn(117, steps=steps), turn(119)], 118) == ((117,), BATCH, BRACKET_EXACT)


class TestGroups:
    def test_an_exact_fit_is_taken_at_a_discount(self) -> None:
        turns = [turn(2001, chat=GROUP), turn(2003, chat=GROUP)]
        wanted = round(BRACKET_EXACT * GROUP_DISCOUNT, 4)
        assert told(turns, 2002, GROUP) == ((2001,), BATCH, wanted)

    @pytest.mark.parametrize("message_id", [2002, 2003])
    def test_a_message_of_somebody_else_makes_it_unclear(self, message_id: int) -> None:
        turns = [turn(2001, chat=GROUP), turn(2004, chat=GROUP)]
        assert told(turns, message_id, GROUP) == (AMBIGUOUS,)

    def test_topics_share_one_counter(self) -> None:
        turns = [
            turn(41, chat=GROUP, session="a"),
            turn(43, chat=GROUP, session="b"),
            turn(45, chat=GROUP, session="a"),
        ]
        assert found(turns, 44, GROUP).turn.session_id == "b"


class TestPrivateChats:
    """All private chats of a bot share one counter."""

    def test_a_later_request_of_another_chat_closes_the_bracket(self) -> None:
        turns = [turn(132), turn(134, chat=OTHER), turn(139)]
        assert told(turns, 133) == ((132,), BATCH, BRACKET_EXACT)
        assert told(turns, 138) == (AMBIGUOUS,), "perhaps the person's own command"

    def test_a_chat_that_ended_is_closed_by_another(self) -> None:
        turns = [turn(134, chat=OTHER), turn(136, chat=OTHER), turn(139)]
        assert found(turns, 137, OTHER).rule is JoinRule.OPEN_BRACKET
        assert told(turns, 138, OTHER) == (AMBIGUOUS,)

    def test_messages_of_two_chats_mix_while_both_are_answered(self) -> None:
        turns = [
            turn(132, minutes=0, took_s=60),
            turn(133, chat=OTHER, minutes=0.5, took_s=60, session="s2"),
            turn(136, minutes=5),
        ]
        assert told(turns, 135) == (AMBIGUOUS,)
        assert told(turns, 134) == (AMBIGUOUS,)

    def test_the_last_id_of_a_mixed_bracket_speaks_only_for_itself(self) -> None:
        turns = [
            turn(132, minutes=0, took_s=60, chars=LONG),
            turn(133, chat=OTHER, minutes=0.5, status=TurnStatus.SILENT, session="s2"),
            turn(137, minutes=5),
        ]
        placed = found(turns, 136)
        assert (placed.confidence, placed.chunk_ids) == (BRACKET_CROWDED, (136,))
        assert told(turns, 135) == (AMBIGUOUS,)

    def test_an_id_in_two_chats_shows_two_counters(self) -> None:
        turns = [turn(101), turn(103, minutes=200), turn(103, chat=OTHER), turn(105, chat=OTHER)]
        assert found(turns, 102).turn.chat_id == OWNER
        assert found(turns, 104, OTHER).turn.chat_id == OTHER

    def test_groups_do_not_close_what_private_chats_open(self) -> None:
        turns = [turn(101), turn(103, chat=GROUP), turn(104)]
        assert told(turns, 102) == ((101,), BATCH, FIRST_AFTER_REQUEST)
        assert told(turns, 103) == (AMBIGUOUS,)


class TestRunsWithoutARequest:
    @staticmethod
    def cron(minutes: float, *, chat: str | None = OWNER, chars: int = 40) -> Turn:
        return turn(
            entry=f"cron-{minutes}", minutes=minutes, chat=chat, chars=chars, trigger=Trigger.CRON
        )

    def test_they_are_placed_by_time_where_all_chunks_fit(self) -> None:
        turns = [turn(101, minutes=0), self.cron(5), self.cron(8, chars=LONG), turn(107, minutes=9)]
        assert found(turns, 102).turn.inbound_message_ids == (101,)
        placed = found(turns, 103)
        assert (placed.turn.turn_id, placed.confidence) == ("tn_cron-5", BRACKET_SCHEDULED)
        assert found(turns, 105).scope is CHUNK
        placed = found(turns, 106)
        assert (placed.turn.turn_id, placed.chunk_ids) == ("tn_cron-8", (104, 105, 106))

    def test_they_may_follow_a_request_that_stayed_unanswered(self) -> None:
        turns = [turn(101, minutes=0, status=TurnStatus.SILENT), self.cron(5), turn(103, minutes=9)]
        assert found(turns, 102).turn.trigger is Trigger.CRON

    @pytest.mark.parametrize("following", [102, 103, 106])
    def test_where_they_do_not_fit_only_the_first_message_is_clear(self, following: int) -> None:
        turns = [turn(101, minutes=0), self.cron(5), self.cron(8), turn(following, minutes=9)]
        wanted = ((101,), BATCH, FIRST_AFTER_REQUEST) if following > 102 else None
        if wanted:
            assert told(turns, 102) == wanted
        for message_id in range(103, following):
            assert told(turns, message_id) == (AMBIGUOUS,)

    @pytest.mark.parametrize("status", [TurnStatus.FAILED, TurnStatus.ABORTED, TurnStatus.OPEN])
    def test_a_run_that_may_have_sent_a_notice_makes_it_unclear(self, status: TurnStatus) -> None:
        broken = turn(entry="cron", minutes=5, trigger=Trigger.CRON, status=status)
        turns = [turn(101, minutes=0), broken, turn(104, minutes=9)]
        assert told(turns, 103) == (AMBIGUOUS,)
        assert told(turns, 102) == ((101,), BATCH, FIRST_AFTER_REQUEST)

    def test_a_silent_run_is_not_there(self) -> None:
        silent = turn(entry="h", minutes=5, trigger=Trigger.HEARTBEAT, status=TurnStatus.SILENT)
        assert told([turn(101, minutes=0), silent, turn(103, minutes=9)], 102) == (
            (101,),
            BATCH,
            BRACKET_EXACT,
        )

    def test_without_a_chat_the_session_counts(self) -> None:
        elsewhere = replace(self.cron(5, chat=None), session_id="s9")
        turns = [turn(101, minutes=0), turn(103, minutes=9)]
        assert told([*turns, elsewhere], 102) == ((101,), BATCH, BRACKET_EXACT)
        assert told([*turns, self.cron(5, chat=None)], 102) == ((101,), BATCH, FIRST_AFTER_REQUEST)

    @pytest.mark.parametrize("status", [TurnStatus.COMPLETED, TurnStatus.SILENT])
    def test_a_persons_message_without_an_id_took_one_all_the_same(
        self, status: TurnStatus
    ) -> None:
        unknown = turn(entry="unknown", minutes=5, status=status)
        turns = [turn(101, minutes=0), unknown, turn(104, minutes=9)]
        for message_id in (102, 103):
            assert told(turns, message_id) == (AMBIGUOUS,)

    def test_a_run_at_work_when_the_request_came_mixes_in(self) -> None:
        busy = replace(self.cron(0.5), ended_at=at(1.2))
        turns = [turn(100, minutes=0), busy, turn(101, minutes=1), turn(103, minutes=9)]
        assert told(turns, 102) == (AMBIGUOUS,)


def test_two_bots_in_one_private_chat_are_not_mixed_up() -> None:
    """Each bot counts for itself; the younger one's ids are the lower ones."""
    old = [turn(it, minutes=minutes) for it, minutes in ((901, 1), (903, 5), (905, 9))]
    young = [turn(it, minutes=minutes) for it, minutes in ((11, 3), (13, 7), (15, 11))]
    for message_id in (902, 904):
        assert told([*old, *young], message_id) == (AMBIGUOUS,)
    for message_id in (12, 14):
        assert found([*old, *young], message_id).turn.inbound_message_ids == (message_id - 1,)


def test_a_reaction_cannot_come_before_its_turn() -> None:
    index = BracketIndex([turn(101), turn(103)])
    began = turn(101).started_at
    assert index.place(OWNER, 102, began - timedelta(minutes=3)) is AMBIGUOUS
    assert isinstance(index.place(OWNER, 102, began - timedelta(minutes=1)), Placed)


@pytest.mark.parametrize("chat", [None, "agent:main", "-", "٣", "5e3"])
def test_turns_without_a_telegram_chat_are_passed_over(chat: str | None) -> None:
    turns = [turn(101, chat=chat), turn(103, chat=chat)]
    assert place(turns, 102, chat or "None") is NO_TURN


@given(
    chunks=st.lists(st.integers(1, 3), min_size=1, max_size=12),
    drafts=st.lists(st.booleans(), min_size=12, max_size=12),
)
def test_in_a_quiet_chat_every_placed_message_is_placed_right(
    chunks: list[int], drafts: list[bool]
) -> None:
    """One request after the other, each answered in n chunks, some after a deleted draft."""
    turns: list[Turn] = []
    truth: dict[int, tuple[int, LabelScope]] = {}
    next_id = 100
    for count, draft in zip(chunks, drafts, strict=False):
        inbound = next_id
        has_draft = draft and count > 1
        first = inbound + 1 + has_draft
        truth |= {first + i: (inbound, CHUNK) for i in range(count)}
        truth[first + count - 1] = (inbound, BATCH)
        turns.append(turn(inbound, chars=4000 * count))
        next_id = first + count
    index = BracketIndex(turns)
    placed = {it: index.place(OWNER, it, LATER) for it in truth}
    for message_id, it in placed.items():
        if isinstance(it, Placed):
            assert (it.turn.inbound_message_ids[0], it.scope) == truth[message_id]
            assert message_id in it.chunk_ids
    last = turns[-1].inbound_message_ids[0]
    assert all(
        isinstance(placed[it], Placed) for it, (inbound, _) in truth.items() if inbound < last
    )
