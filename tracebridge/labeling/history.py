"""The message ids of a chat, as far as the logs tell them: which request opens which bracket.

Message ids grow with time on one counter. Each supergroup or channel has a counter of its own;
all private chats and basic groups of one bot share another (Telegram, "Message identifiers").
The logs name the ids of requests; what lies between them was sent by the bot, by people whom the
log does not show, or in another chat of the same counter.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from itertools import groupby, pairwise

from tracebridge.domain.trajectory import Trigger, Turn, TurnStatus
from tracebridge.labeling.sending import Sending, is_answered, sending_of

SETTLING_TIME = timedelta(seconds=30)
"""After this long a finished answer is surely out, so nothing of it follows a later request."""
_FIRST_SUPERGROUP = -1_000_000_000_000
_SHARED = "shared"
_LONG_AGO = datetime.min.replace(tzinfo=UTC)
_NEVER = datetime.max.replace(tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Bracket:
    """The stretch of ids that one request opens, with all that is known about it."""

    turn: Turn
    sending: Sending
    inbound_ids: tuple[int, ...]
    """Of the request, ascending."""
    closes_at: int | None
    """The next request's id on the counter; ``None`` while none is known."""
    closed_in_chat: bool
    """That request came in the same chat."""
    foreign: int
    """Requests of other chats within."""
    spill: int
    """Chunks of earlier answers of the chat that must lie within."""
    is_settled: bool
    """All earlier answers of the chat were out before this request came."""
    is_crossed: bool
    """Another run of the chat was at work at the same time, so their messages mix."""
    scheduled: tuple[Turn, ...]
    """Runs between the two requests that no known message id opened, by time."""

    @property
    def opens_at(self) -> int:
        return self.inbound_ids[-1]


class ChatHistory:
    """The brackets of one chat, by id."""

    def __init__(self, brackets: Sequence[Bracket]) -> None:
        pairs = [(inbound, bracket) for bracket in brackets for inbound in bracket.inbound_ids]
        pairs.sort(key=lambda pair: pair[0])
        self._ids = [inbound for inbound, _ in pairs]
        self._brackets = [bracket for _, bracket in pairs]

    def bracket_of(self, message_id: int) -> Bracket | None:
        """The bracket of the last request at or before ``message_id``; ``None`` before all."""
        position = bisect_right(self._ids, message_id)
        return self._brackets[position - 1] if position else None


def chat_histories(turns: Iterable[Turn]) -> dict[str, ChatHistory]:
    """The history of every Telegram chat in which a request is known, by chat id."""
    opened: dict[str, dict[str, list[_Opening]]] = {}
    runs = _Runs()
    for turn in sorted(turns, key=lambda it: (it.started_at, it.turn_id)):
        chat_id = turn.chat_id
        if chat_id is not None and _is_chat_id(chat_id) and turn.inbound_message_ids:
            chats = opened.setdefault(_counter_of(chat_id), {})
            chats.setdefault(chat_id, []).append(_Opening(turn))
        elif not turn.inbound_message_ids:
            runs.add(turn)
    histories: dict[str, ChatHistory] = {}
    for chats in opened.values():
        for counter in _counters(chats):
            histories |= _histories(counter, runs)
    return histories


class _Opening:
    """A turn that a known message id opened."""

    __slots__ = ("last", "sending", "turn")

    def __init__(self, turn: Turn) -> None:
        self.turn = turn
        self.last = turn.inbound_message_ids[-1]
        self.sending = sending_of(turn)


class _Runs:
    """Turns without a message id of their own that may have sent something, by time."""

    def __init__(self) -> None:
        self._of_place: dict[str, list[Turn]] = {}

    def add(self, turn: Turn) -> None:
        """Take a turn in; they must come in the order of their start."""
        # A person's message takes an id even where nobody answered it.
        if turn.trigger is Trigger.PERSON or turn.status is not TurnStatus.SILENT:
            place = f"chat {turn.chat_id}" if turn.chat_id else f"session {turn.session_id}"
            self._of_place.setdefault(place, []).append(turn)

    def between(self, turn: Turn, end: datetime) -> tuple[tuple[Turn, ...], bool]:
        """Runs that began after ``turn`` and before ``end``, in its chat or in its session with
        no chat named; and whether one that had begun before was still at work."""
        found: list[Turn] = []
        is_crossed = False
        for place in (f"chat {turn.chat_id}", f"session {turn.session_id}"):
            runs = self._of_place.get(place, [])
            start = bisect_left(runs, turn.started_at, key=lambda it: it.started_at)
            stop = bisect_left(runs, end, key=lambda it: it.started_at)
            found += runs[start:stop]
            is_crossed |= start > 0 and runs[start - 1].ended_at > turn.started_at
        found.sort(key=lambda it: (it.started_at, it.turn_id))
        return tuple(found), is_crossed


def _is_chat_id(chat_id: str) -> bool:
    digits = chat_id.removeprefix("-")
    return digits.isascii() and digits.isdecimal()


def _counter_of(chat_id: str) -> str:
    return chat_id if int(chat_id) <= _FIRST_SUPERGROUP else _SHARED


def _counters(chats: dict[str, list[_Opening]]) -> list[dict[str, list[_Opening]]]:
    """The chats of one counter, or each alone if an id appears in two: then it was none."""
    ids = [it for openings in chats.values() for it in _distinct_ids(openings)]
    if len(ids) == len(set(ids)):
        return [chats]
    return [{chat_id: openings} for chat_id, openings in chats.items()]


def _distinct_ids(openings: Iterable[_Opening]) -> set[int]:
    return {inbound for opening in openings for inbound in opening.turn.inbound_message_ids}


def _histories(chats: dict[str, list[_Opening]], runs: _Runs) -> dict[str, ChatHistory]:
    chats = {chat_id: _one_per_request(openings) for chat_id, openings in chats.items()}
    counter = _Counter(opening for openings in chats.values() for opening in openings)
    return {
        chat_id: ChatHistory(_brackets(openings, counter, runs))
        for chat_id, openings in chats.items()
    }


def _one_per_request(openings: Iterable[_Opening]) -> list[_Opening]:
    """By id, the turns of each request without copies, and without retries that failed."""
    chosen: list[_Opening] = []
    ordered = sorted(openings, key=lambda it: it.last)
    for _, group in groupby(ordered, key=lambda it: it.last):
        rivals = list(group)
        answered = [it for it in rivals if is_answered(it.turn)] or rivals[:1]
        first_of_answer = {it.turn.answer_entry_ids: it for it in reversed(answered)}
        chosen += reversed(first_of_answer.values())
    return chosen


class _Counter:
    """All known request ids of one counter, ascending, with what they opened."""

    def __init__(self, openings: Iterable[_Opening]) -> None:
        pairs = [(it, opening) for opening in openings for it in opening.turn.inbound_message_ids]
        pairs.sort(key=lambda pair: pair[0])
        self._ids = [inbound for inbound, _ in pairs]
        self._openings = [opening for _, opening in pairs]

    def closing(self, opening: _Opening, spill: int) -> tuple[int, _Opening, int] | None:
        """The id that ends what ``opening`` began, whose it is, and the requests passed over.

        A request of another chat ends it only if it came after the answer was made and if the
        answer fits before it.
        """
        needed = opening.sending.least + spill
        start = bisect_right(self._ids, opening.last)
        for foreign, position in enumerate(range(start, len(self._ids))):
            inbound, other = self._ids[position], self._openings[position]
            fits = inbound - opening.last - 1 - foreign >= needed
            is_later = other.turn.started_at >= opening.turn.ended_at
            if other.turn.chat_id == opening.turn.chat_id or (is_later and fits):
                return inbound, other, foreign
        return None


def _brackets(openings: Sequence[_Opening], counter: _Counter, runs: _Runs) -> list[Bracket]:
    """The brackets of one chat's requests, given by id."""
    brackets: list[Bracket] = []
    spill = 0
    busy_until = _LONG_AGO
    for opening in openings:
        turn = opening.turn
        closing = counter.closing(opening, spill)
        closes_at, closer, foreign = closing or (None, None, 0)
        closed_in_chat = closer is not None and closer.turn.chat_id == turn.chat_id
        end = _NEVER if closer is None else closer.turn.started_at
        scheduled, is_overlapped = runs.between(turn, end)
        bracket = Bracket(
            turn=turn,
            sending=opening.sending,
            inbound_ids=turn.inbound_message_ids,
            closes_at=closes_at,
            closed_in_chat=closed_in_chat,
            foreign=foreign,
            spill=spill,
            is_settled=not brackets or _is_out(brackets[-1], turn.started_at),
            is_crossed=(
                # Ids that run against time are of two counters, as of two bots in one chat.
                is_overlapped
                or busy_until > turn.started_at
                or (closed_in_chat and end < turn.ended_at)
            ),
            scheduled=scheduled,
        )
        brackets.append(bracket)
        spill = _spill_of(bracket)
        if turn.status is not TurnStatus.SILENT:
            busy_until = max(busy_until, turn.ended_at)
    return _without_rivals(brackets)


def _spill_of(bracket: Bracket) -> int:
    """Chunks that found no room in a bracket and must lie in the next one of the chat."""
    if bracket.closes_at is None or not bracket.closed_in_chat:
        return 0
    room = bracket.closes_at - bracket.opens_at - 1 - bracket.foreign
    sent = bracket.sending.least + len(bracket.sending.tool_sends)
    return max(0, sent + bracket.spill - room)


def _is_out(bracket: Bracket, at: datetime) -> bool:
    """Whether all that was sent in a bracket was out when the next request came at ``at``."""
    ended_at = max(it.ended_at for it in (bracket.turn, *bracket.scheduled))
    sending = bracket.sending
    is_one_message = sending.least == sending.most == 1 and not (
        sending.drafts or sending.commentary or bracket.spill or bracket.scheduled
    )
    return is_one_message or at - ended_at > SETTLING_TIME


def _without_rivals(brackets: Sequence[Bracket]) -> list[Bracket]:
    """Mark turns that answer the same request differently: their messages mix."""
    shared = {one.opens_at for one, other in pairwise(brackets) if one.opens_at == other.opens_at}
    return [replace(it, is_crossed=True) if it.opens_at in shared else it for it in brackets]
