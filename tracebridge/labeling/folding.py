"""From changes to states: what each person's emoji on each message are at a moment.

The result depends on the updates alone, not on the order or the number of times in which they
reached the ledger.
"""

from __future__ import annotations

from collections.abc import Sequence

from tracebridge.domain.feedback import LedgerEntry, LedgerKind, Reaction, ReactionState

_FOLDED_KINDS = frozenset({LedgerKind.REACTION, LedgerKind.REACTION_COUNT})


def fold(entries: Sequence[LedgerEntry]) -> tuple[ReactionState, ...]:
    """Fold changes of one actor on one message into the state they leave.

    Every change names the whole new set, so the last one in the order of date and update id
    holds; an empty set is a withdrawal and stays as a state. Sorted by chat, message and actor.
    """
    changes: dict[tuple[str, int, str], list[Reaction]] = {}
    for entry in entries:
        reaction = entry.reaction
        if reaction.kind in _FOLDED_KINDS:
            place = (reaction.chat_id, reaction.message_id, reaction.actor)
            changes.setdefault(place, []).append(reaction)
    return tuple(_state(sorted(changes[place], key=_order)) for place in sorted(changes))


def _order(reaction: Reaction) -> tuple[object, ...]:
    """By time, then update id; the rest only keeps equal ones from depending on arrival."""
    return (
        reaction.date,
        reaction.update_id,
        reaction.bot,
        reaction.old,
        reaction.new,
        reaction.actor_is_bot,
    )


def _state(changes: Sequence[Reaction]) -> ReactionState:
    last = changes[-1]
    return ReactionState(
        chat_id=last.chat_id,
        message_id=last.message_id,
        actor=last.actor,
        actor_is_bot=last.actor_is_bot,
        emoji=last.new,
        date=last.date,
        update_ids=tuple(dict.fromkeys(change.update_id for change in changes)),
    )
