"""From reaction states to labels: the chunk rule, the order of evidence, and the weights.

A reaction on the last chunk of an answer labels the whole batch; one on an earlier chunk is used
only where no such label exists. The agent's delivery map speaks first, then the brackets between
requests. What cannot be tied to one answer is kept with the reason.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from hashlib import sha256

from tracebridge.domain.feedback import (
    COUNT_ACTOR,
    DeliveredChunk,
    Label,
    LabelScope,
    ReactionState,
    Unjoined,
    UnjoinedReaction,
)
from tracebridge.domain.trajectory import Turn
from tracebridge.labeling.brackets import BracketIndex
from tracebridge.labeling.delivery_map import DeliveryMap
from tracebridge.labeling.mapping import EmojiMapping
from tracebridge.labeling.placement import Placed, Placement


@dataclass(frozen=True, slots=True)
class JoinResult:
    """Every reaction that was seen, either as a label or with the reason why it is none."""

    labels: tuple[Label, ...]
    """By chat, message and actor."""
    unjoined: tuple[UnjoinedReaction, ...]
    """In the same order."""


def join(
    states: Sequence[ReactionState],
    turns: Sequence[Turn],
    deliveries: Sequence[DeliveredChunk],
    mapping: EmojiMapping,
    *,
    until: datetime,
) -> JoinResult:
    """Tie reactions to the answers they judge.

    Each person's reaction is one label of its own; the labels in use of one turn share weight 1.
    Silence gives no label.

    Args:
        states: folded reactions.
        turns: of all sessions; those without a Telegram chat are passed over.
        deliveries: the agent's delivery map, as far as one exists.
        mapping: what emoji are worth.
        until: reactions whose last change is not before this moment are not seen.
    """
    brackets = BracketIndex(turns)
    delivery_map = DeliveryMap(deliveries, turns)
    labels: list[Label] = []
    unjoined: list[UnjoinedReaction] = []
    for state in sorted(states, key=lambda it: (it.chat_id, it.message_id, it.actor)):
        if state.date >= until:
            continue
        score = _score(state, mapping)
        if isinstance(score, Unjoined):
            unjoined.append(UnjoinedReaction(state, score))
            continue
        placed = _place(state, delivery_map, brackets)
        if isinstance(placed, Unjoined):
            unjoined.append(UnjoinedReaction(state, placed))
        else:
            labels.append(_label(state, score, placed))
    return JoinResult(_weighted(labels), tuple(unjoined))


def _score(state: ReactionState, mapping: EmojiMapping) -> float | Unjoined:
    if state.actor == COUNT_ACTOR:
        return Unjoined.ANONYMOUS_COUNT
    if state.actor_is_bot:
        return Unjoined.BOT
    if not state.emoji:
        return Unjoined.WITHDRAWN
    return mapping.judge(state.emoji)


def _place(state: ReactionState, delivery_map: DeliveryMap, brackets: BracketIndex) -> Placement:
    """The strongest evidence that speaks decides."""
    mapped = delivery_map.place(state.chat_id, state.message_id)
    if mapped is not None:
        return mapped
    placed = brackets.place(state.chat_id, state.message_id, state.date)
    if isinstance(placed, Placed) and delivery_map.excludes(
        state.chat_id, state.message_id, placed.turn
    ):
        # A draft, a notice or a message of its own: near the answer, and no part of it.
        return Unjoined.AMBIGUOUS
    return placed


def _label(state: ReactionState, score: float, placed: Placed) -> Label:
    return Label(
        label_id=_label_id(state),
        turn_id=placed.turn.turn_id,
        session_id=placed.turn.session_id,
        chat_id=state.chat_id,
        score=score,
        scope=placed.scope,
        rule=placed.rule,
        confidence=placed.confidence,
        anchor_message_id=state.message_id,
        chunk_ids=placed.chunk_ids,
        update_ids=state.update_ids,
        weight=0.0,
        reacted_at=state.date,
    )


def _label_id(state: ReactionState) -> str:
    update_ids = ",".join(str(update_id) for update_id in state.update_ids)
    named = f"label:{state.chat_id}:{state.message_id}:{update_ids}"
    return f"lb_{sha256(named.encode()).hexdigest()[:24]}"


def _weighted(labels: Sequence[Label]) -> tuple[Label, ...]:
    """Batch labels are in use where a turn has any, else its chunk labels; they share 1."""
    in_use = Counter((label.turn_id, label.scope) for label in labels)
    return tuple(
        label
        if label.scope is LabelScope.CHUNK and in_use[label.turn_id, LabelScope.BATCH]
        else replace(label, weight=1 / in_use[label.turn_id, label.scope])
        for label in labels
    )
