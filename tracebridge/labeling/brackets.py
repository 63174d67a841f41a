"""The bracket rule: which answer a message belongs to, told by the requests around it.

No delivery record is needed. Message ids grow, so a message after one request and before the
next belongs to the run of the first; the last such message is the last chunk of its answer.
What else takes ids (drafts, notices, messages of the message tool, other people) is told apart
by order and by the number of chunks that the answer needs; what stays unclear labels nothing.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime, timedelta
from itertools import pairwise

from tracebridge.domain.feedback import JoinRule, LabelScope, Unjoined
from tracebridge.domain.trajectory import Trigger, Turn, TurnStatus
from tracebridge.labeling import placement
from tracebridge.labeling.history import Bracket, chat_histories
from tracebridge.labeling.placement import Placed, Placement
from tracebridge.labeling.sending import Sending, is_answered, sending_of

CLOCK_TOLERANCE = timedelta(minutes=2)
"""How far the clocks of Telegram and of the agent's machine may lie apart."""


class BracketIndex:
    """The requests of all chats, ready to place messages between them."""

    def __init__(self, turns: Iterable[Turn]) -> None:
        self._histories = chat_histories(turns)

    def place(self, chat_id: str, message_id: int, reacted_at: datetime) -> Placement:
        """The answer that a message belongs to, or why none can be named.

        Args:
            chat_id: decimal text.
            message_id: of the message that carries the reaction.
            reacted_at: UTC; a message cannot get a reaction before its turn began.
        """
        history = self._histories.get(chat_id)
        bracket = history.bracket_of(message_id) if history else None
        if bracket is None:
            return Unjoined.NO_TURN
        if message_id in bracket.inbound_ids:
            return Unjoined.USER_MESSAGE
        is_within = bracket.opens_at < message_id and (
            bracket.closes_at is None or message_id < bracket.closes_at
        )
        if not is_within or reacted_at < bracket.turn.started_at - CLOCK_TOLERANCE:
            return Unjoined.AMBIGUOUS
        return _decide(bracket, message_id)


def _decide(bracket: Bracket, message_id: int) -> Placement:
    if bracket.is_crossed:
        return Unjoined.AMBIGUOUS
    if not is_answered(bracket.turn):
        return _scheduled(bracket, message_id) or _without_answer(bracket)
    sends = bracket.sending.tool_sends
    if bracket.sending.has_unknown_sends or any(message_id <= sent for sent in sends):
        return Unjoined.AMBIGUOUS
    placed = (
        _among_the_last(bracket, message_id)
        or _scheduled(bracket, message_id)
        or _first_after_request(bracket, message_id)
    )
    if placed is not None:
        return _discounted(placed, bracket)
    return Unjoined.PENDING if bracket.closes_at is None else Unjoined.AMBIGUOUS


def _without_answer(bracket: Bracket) -> Unjoined:
    if bracket.spill or bracket.scheduled:
        return Unjoined.AMBIGUOUS
    is_open = bracket.closes_at is None and bracket.turn.status is TurnStatus.OPEN
    return Unjoined.PENDING if is_open else Unjoined.NO_TURN


def _among_the_last(bracket: Bracket, message_id: int) -> Placed | None:
    """The answer's chunks are the last ids before the next request."""
    if bracket.closes_at is None or bracket.scheduled:
        return None
    sending = bracket.sending
    spare = _room(bracket) - sending.least - bracket.spill - len(sending.tool_sends)
    if not 0 <= spare <= sending.most - sending.least + sending.drafts + sending.commentary:
        return None
    last = bracket.closes_at - 1
    # Messages of other chats may be the last ones; then only the very last tells its place.
    is_alone = not bracket.foreign and (bracket.closed_in_chat or not spare)
    if message_id != last and not (is_alone and message_id > last - sending.least):
        return None
    confidence = placement.BRACKET_SPARE if spare else placement.BRACKET_EXACT
    if bracket.spill or bracket.foreign:
        confidence = placement.BRACKET_CROWDED
    return Placed(
        turn=bracket.turn,
        scope=LabelScope.BATCH if message_id == last else LabelScope.CHUNK,
        rule=JoinRule.BRACKET,
        confidence=confidence,
        chunk_ids=tuple(range(last - sending.least + 1, last + 1)) if is_alone else (message_id,),
    )


def _first_after_request(bracket: Bracket, message_id: int) -> Placed | None:
    """In a private chat a request that one message answers is followed by just that message.

    Not so in groups, where the next message may be anybody's.
    """
    sending = bracket.sending
    needs_one_message = sending.least == sending.most == 1 and not (
        sending.commentary or sending.tool_sends
    )
    comes_later = all(
        run.trigger is not Trigger.PERSON and run.started_at >= bracket.turn.ended_at
        for run in bracket.scheduled
    )
    if not (
        needs_one_message
        and comes_later
        and bracket.is_settled
        and not bracket.spill
        and not _is_group(bracket.turn)
        and message_id == bracket.opens_at + 1
    ):
        return None
    return Placed(
        turn=bracket.turn,
        scope=LabelScope.BATCH,
        rule=JoinRule.BRACKET if bracket.closed_in_chat else JoinRule.OPEN_BRACKET,
        confidence=placement.FIRST_AFTER_REQUEST,
        chunk_ids=(message_id,),
    )


def _scheduled(bracket: Bracket, message_id: int) -> Placed | None:
    """Runs that no message opened, placed by time where all chunks fill the bracket exactly.

    An exact fit leaves no room for a draft or a notice.
    """
    runs = (bracket.turn, *bracket.scheduled)
    sendings = (bracket.sending, *(sending_of(run) for run in bracket.scheduled))
    if not (
        bracket.scheduled
        and bracket.closed_in_chat
        and not bracket.spill
        and not bracket.foreign
        and _follow_each_other(runs)
        and all(_sends_only_its_answer(run, it) for run, it in zip(runs, sendings, strict=True))
        and sum(it.least for it in sendings) == _room(bracket)
    ):
        return None
    first = bracket.opens_at + 1
    for run, sending in zip(runs, sendings, strict=True):
        last = first + sending.least - 1
        if message_id <= last:
            return Placed(
                turn=run,
                scope=LabelScope.BATCH if message_id == last else LabelScope.CHUNK,
                rule=JoinRule.BRACKET,
                confidence=placement.BRACKET_SCHEDULED,
                chunk_ids=tuple(range(first, last + 1)),
            )
        first = last + 1
    return None


def _follow_each_other(runs: Iterable[Turn]) -> bool:
    return all(one.ended_at <= other.started_at for one, other in pairwise(runs))


def _sends_only_its_answer(run: Turn, sending: Sending) -> bool:
    """Whether nothing but an answer, or nothing at all, came from a run, and no request."""
    if run.trigger is Trigger.PERSON and not run.inbound_message_ids:
        return False
    sends_more = sending.tool_sends or sending.has_unknown_sends
    return not sends_more and (is_answered(run) or run.status is TurnStatus.SILENT)


def _room(bracket: Bracket) -> int:
    """Ids in a closed bracket that no known request took."""
    return (bracket.closes_at or 0) - bracket.opens_at - 1 - bracket.foreign


def _is_group(turn: Turn) -> bool:
    return (turn.chat_id or "").startswith("-")


def _discounted(placed: Placed, bracket: Bracket) -> Placed:
    if not _is_group(bracket.turn):
        return placed
    return replace(placed, confidence=round(placed.confidence * placement.GROUP_DISCOUNT, 4))
