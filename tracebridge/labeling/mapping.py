"""What an emoji is worth: the owner's mapping from emoji to scores, and how a set is judged.

The mapping speaks of meaning, so spelling is folded away: variation selectors and skin tones do
not make another emoji.
"""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from tracebridge.domain.errors import LabelingError
from tracebridge.domain.feedback import COUNT_ACTOR, ReactionState, Unjoined

MAPPING_SCHEMA = "tracebridge.reaction_mapping.v1"
LOWEST_SCORE = -2.0
HIGHEST_SCORE = 2.0
ACKNOWLEDGEMENTS = frozenset({"👀"})
"""Seen, not judged: agents and people leave them while they work."""
_FOLDED = re.compile("[\ufe0e\ufe0f\U0001f3fb-\U0001f3ff]")
_SPECIAL = re.compile(r"custom:[0-9]+|paid")


def normalize_emoji(emoji: str) -> str:
    """The emoji without variation selectors (U+FE0E, U+FE0F) and skin tones (U+1F3FB-1F3FF)."""
    return _FOLDED.sub("", emoji)


@dataclass(frozen=True, slots=True)
class EmojiMapping:
    """Scores in [-2, +2] by normalized emoji, and the emoji that say nothing."""

    scores: Mapping[str, float]
    acknowledgements: frozenset[str] = field(default=ACKNOWLEDGEMENTS)

    def score_of(self, emoji: str) -> float | None:
        """The emoji's score; ``None`` for one that the mapping does not know."""
        return self.scores.get(normalize_emoji(emoji))

    def is_acknowledgement(self, emoji: str) -> bool:
        """Whether it only says that somebody saw the message; a score overrules that."""
        folded = normalize_emoji(emoji)
        return folded in self.acknowledgements and folded not in self.scores

    def judge(self, emoji: Iterable[str]) -> float | Unjoined:
        """The score of the emoji that one person leaves on one message.

        The strongest of them counts: three kinds of praise under one answer are one opinion,
        and the mildest says no more than the strongest. Unknown ones beside known ones are
        passed over. Opposite signs give no score.
        """
        left = [it for it in emoji if not self.is_acknowledgement(it)]
        known = [score for it in left if (score := self.score_of(it)) is not None]
        if not known:
            return Unjoined.UNMAPPED if left else Unjoined.ACKNOWLEDGEMENT
        if min(known) < 0 < max(known):
            return Unjoined.CONFLICTING
        return max(known, key=abs)


DEFAULT_MAPPING = EmojiMapping({"❤": 2.0, "👍": 1.0, "👎": -1.0, "🙈": -2.0})


def parse_mapping(document: object, *, file: str) -> EmojiMapping:
    """Read ``{"<emoji>": score, ...}``, as ``reaction-mapping.json`` holds it.

    Custom emoji are named ``custom:<id>``, stars ``paid``; a ``schema`` may stand beside.
    Raises `LabelingError` naming ``file`` and the entry.
    """
    if not isinstance(document, Mapping):
        raise LabelingError(f'{file} is not a JSON object; write {{"👍": 1, "👎": -1}}.')
    scores: dict[str, float] = {}
    for key, value in document.items():
        if key == "schema":
            _check_schema(value, file)
            continue
        emoji = _emoji_of(key, file)
        score = _score_of(key, value, file)
        if scores.setdefault(emoji, score) != score:
            raise LabelingError(
                f"{file} gives {key!r} two scores (variation selectors and skin tones do not "
                "count); keep one of them."
            )
    if not scores:
        raise LabelingError(f"{file} maps no emoji, so nothing could be labeled; add one.")
    return EmojiMapping(scores)


def mapping_document(mapping: EmojiMapping) -> dict[str, int | float]:
    """The mapping as ``reaction-mapping.json`` holds it; `parse_mapping` reads it back."""
    return {
        emoji: int(score) if score.is_integer() else score
        for emoji, score in mapping.scores.items()
    }


def unmapped_emoji(states: Iterable[ReactionState], mapping: EmojiMapping) -> dict[str, int]:
    """Emoji that people use and the mapping does not know, with how often, by emoji."""
    return dict(
        sorted(
            Counter(
                normalize_emoji(emoji)
                for state in states
                if not state.actor_is_bot and state.actor != COUNT_ACTOR
                for emoji in state.emoji
                if mapping.score_of(emoji) is None and not mapping.is_acknowledgement(emoji)
            ).items()
        )
    )


def _check_schema(value: Any, file: str) -> None:
    if value != MAPPING_SCHEMA:
        raise LabelingError(f"{file} has the schema {value!r}; write {MAPPING_SCHEMA!r}.")


def _emoji_of(key: Any, file: str) -> str:
    emoji = normalize_emoji(key) if isinstance(key, str) else ""
    wordless = emoji and not any(it.isascii() or it.isalpha() for it in emoji)
    if not (wordless or _SPECIAL.fullmatch(emoji)):
        raise LabelingError(f"{file} maps {key!r}, which is no emoji; write an emoji or remove it.")
    return emoji


def _score_of(key: Any, value: Any, file: str) -> float:
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    if not (is_number and math.isfinite(value) and LOWEST_SCORE <= value <= HIGHEST_SCORE):
        raise LabelingError(
            f"{file} gives {key!r} the score {value!r}; write a number from -2 to 2."
        )
    return float(value)
