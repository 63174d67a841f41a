"""The feedback column of the summary: what people said, and what it takes to hear more.

Silence is not zero: turns without a reaction are counted as unlabeled and enter no mean.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping, Sequence

from tracebridge.domain.events import JsonValue
from tracebridge.domain.feedback import (
    Label,
    LabelScope,
    LedgerEntry,
    LedgerKind,
    Unjoined,
    UnjoinedReaction,
)
from tracebridge.domain.trajectory import Turn
from tracebridge.reporting.observed import Document, answered

LABELED_UNITS_WANTED = 100
"""Floor of labeled units before any positive verdict may lean on labels; the gate's default."""


def feedback_section(
    entries: Sequence[LedgerEntry],
    labels: Sequence[Label],
    unjoined: Sequence[UnjoinedReaction],
    turns: Sequence[Turn],
) -> Document:
    """Reactions harvested, what they became, and why the rest became nothing."""
    unmapped: Counter[str] = Counter()
    for reaction in unjoined:
        if reaction.why is Unjoined.UNMAPPED:
            unmapped.update(reaction.state.emoji)
    dates = [entry.reaction.date for entry in entries]
    could = answered(turns)
    labeled = len({label.turn_id for label in labels})
    return {
        "harvested": len(entries),
        "labels": len(labels),
        "labeled_turns": labeled,
        "batch": sum(label.scope is LabelScope.BATCH for label in labels),
        "chunk": sum(label.scope is LabelScope.CHUNK for label in labels),
        "by_score": _counts(Counter(f"{label.score:+g}" for label in labels)),
        "by_rule": _counts(Counter(label.rule.value for label in labels)),
        "unjoined": _counts(Counter(reaction.why.value for reaction in unjoined)),
        "unmapped": _counts(unmapped),
        "turns_answered": could,
        "label_rate": labeled / could if could else None,
        "last_update": max(dates).isoformat() if dates else None,
        "gaps": sum(entry.reaction.kind is LedgerKind.GAP for entry in entries),
    }


def labels_needed(
    labels: Sequence[Label],
    turns: Sequence[Turn],
    units_labeled: int,
    *,
    days: int,
    explored: bool,
) -> Document:
    """How far the labels are from carrying a verdict, and how to get more of them.

    ``days_to_verdict`` extrapolates the labeled units per day seen so far; ``None`` when none
    were seen, because nothing can be extrapolated from silence. ``explored``: some choice was
    made at random with its probability logged.
    """
    rate = units_labeled / days if days else 0.0
    missing = max(0, LABELED_UNITS_WANTED - units_labeled)
    return {
        "labels_now": len(labels),
        "labeled_units": units_labeled,
        "labeled_units_wanted": LABELED_UNITS_WANTED,
        "label_rate_per_day": len(labels) / days if days else None,
        "labels_wanted": LABELED_UNITS_WANTED,
        "days_to_verdict": math.ceil(missing / rate) if rate > 0 else (0 if not missing else None),
        "how": _advice(labels, turns, explored=explored),
    }


def _advice(labels: Sequence[Label], turns: Sequence[Turn], *, explored: bool) -> list[JsonValue]:
    advice: list[JsonValue] = []
    if not any(turn.chat_id for turn in turns):
        advice.append(
            "No chat is known in these logs; point a source at an agent that answers in Telegram."
        )
    if not labels:
        advice.append(
            "React to answers with \U0001f44d \U0001f44e \u2764 or \U0001f648; "
            "one reaction on the last part of a long answer labels all of it."
        )
        advice.append(
            "Collect the bot's reaction updates into a file, one Bot API update a line, and run "
            "`tracebridge feedback import FILE`."
        )
    if not explored:
        advice.append(
            "Let the router explore a few low-risk arms: choices with a logged probability are "
            "what makes a comparison possible at all."
        )
    return advice


def _counts(counts: Mapping[str, int]) -> Document:
    return {name: counts[name] for name in sorted(counts)}
